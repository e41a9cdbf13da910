"""Moods over time from own words and tone of voice: weak evidence, read with care, and what helped last time."""
