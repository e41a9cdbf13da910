"""Tests of Hearthside; they mirror src/ by path."""
