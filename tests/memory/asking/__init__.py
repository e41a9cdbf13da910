"""Tests of typed questions over the life stream."""
