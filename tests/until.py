"""Waiting for what another thread or process does, without saying how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOK_S = 0.02


def until(true: Callable[[], object], what: str = "it", seconds: float = 90.0) -> None:
    """Return as soon as it is true; a machine that is busy may take so many seconds.

    Raises:
        AssertionError: it did not become true; `what` says what was waited for.
    """
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:.0f} seconds"
        time.sleep(_LOOK_S)
