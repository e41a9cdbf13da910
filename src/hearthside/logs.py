"""Logs of ids, counts and durations, never of content."""

from __future__ import annotations

import logging
import sys


def logger(room: str) -> logging.Logger:
    """The logger of a room, e.g. ``logger("journal")``."""
    return logging.getLogger(f"hearthside.{room}")


def start_logging(verbose: bool = False) -> None:
    """Send the logs of all rooms to standard error; called once by an entry point, never at import."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    root = logging.getLogger("hearthside")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO if verbose else logging.WARNING)
    root.propagate = False
