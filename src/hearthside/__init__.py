"""Hearthside: the private AI that lives at home and knows one person."""

__version__ = "0.1.0"
