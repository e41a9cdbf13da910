"""Tests of the alignment room."""
