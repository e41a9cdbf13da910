"""Tests of memory.facts."""
