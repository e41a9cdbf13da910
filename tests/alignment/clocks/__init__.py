"""Tests of device clocks."""
