"""The nightly cycle: close the day, annotate, consolidate, curate, train, evaluate, promote or keep."""
