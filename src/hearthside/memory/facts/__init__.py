"""Facts about the person: found by plain code, each with its evidence and two times, closed but never overwritten."""
