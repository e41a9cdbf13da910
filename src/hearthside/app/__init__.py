"""Wiring: the only room that knows all rooms."""
