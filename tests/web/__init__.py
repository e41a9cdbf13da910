"""Tests of the pages, and the small demonstration house they look at."""
