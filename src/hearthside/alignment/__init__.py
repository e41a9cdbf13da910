"""From fragments to a life stream: every layer lined up on one time axis, minute by minute."""
