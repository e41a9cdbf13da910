"""Tests of the sample life."""
