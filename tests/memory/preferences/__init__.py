"""Tests of memory.preferences."""
