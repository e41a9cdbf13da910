"""Tests of memory.moods."""
