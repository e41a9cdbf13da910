"""Tracks of a person's UTC offset for tests: constant, a zone's, or with changes at given times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Steps:
    """An offset that changes at given times.

    Attributes:
        changes: (UTC ms from which it holds, offset in minutes), in order of time.
    """

    first_min: int
    changes: Sequence[tuple[int, int]] = ()

    def at(self, ms: npt.NDArray[np.int64]) -> npt.NDArray[np.integer[Any]]:
        """Offsets in minutes."""
        times = np.array([time for time, _ in self.changes], dtype=np.int64)
        offsets = np.array([self.first_min, *[offset for _, offset in self.changes]], dtype=np.int16)
        return offsets[np.searchsorted(times, ms, side="right")]
