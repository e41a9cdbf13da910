"""Remembering: search over events and slices by words, meaning, time, layer and source; typed queries."""
