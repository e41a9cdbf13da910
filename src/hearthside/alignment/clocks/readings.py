"""Exchanges as readings of a clock: what it said, what it was, and how far apart two readings can be by drift alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hearthside.alignment.clocks.exchanges import Exchange

DRIFT = 500e-6
"""No quartz runs faster or slower: those of phones and watches stay within 100 parts in a million."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spell:
    """Neighbouring readings, `first` to `last` (indices, both included), that one steady clock can have given.

    `offset_ms` is the median of true minus raw over them.
    """

    first: int
    last: int
    offset_ms: float


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of one clock in order of the station's time, arrays of shape (n,), float64, ms.

    Attributes:
        true: the station's time in the middle of the exchange.
        raw: the clock's time in the middle of the exchange.
        offset: true minus raw.
        error: how far that may be off: half the time under way, wherever that was lost (RFC 5905 section 8), and 1 ms
            of rounding.
    """

    true: Floats
    raw: Floats
    offset: Floats
    error: Floats

    def __len__(self) -> int:
        return len(self.true)

    @staticmethod
    def of(exchanges: Sequence[Exchange]) -> Readings:
        """The readings that exchanges give, whatever their order."""
        stamps = sorted({(one.t2_ms, one.t3_ms, one.t1_ms, one.t4_ms) for one in exchanges})
        t2, t3, t1, t4 = np.array(stamps, dtype=np.float64).reshape(-1, 4).T
        under_way = np.maximum((t4 - t1) - (t3 - t2), 0.0)
        # By differences first: a sum of two times of today would lose fractions of a millisecond.
        return Readings(t2 + (t3 - t2) / 2, t1 + (t4 - t1) / 2, ((t2 - t1) + (t3 - t4)) / 2, under_way / 2 + 1.0)

    def agree(self, i: int, j: int, apart_ms: float) -> bool:
        """Whether the offsets of two readings differ by no more than `apart_ms` and what drift and errors explain."""
        allowed = apart_ms + self.error[i] + self.error[j] + DRIFT * abs(self.true[j] - self.true[i])
        return bool(abs(self.offset[j] - self.offset[i]) <= allowed)

    def set_back(self, least_ms: float) -> list[int]:
        """The indices i between which and i + 1 the clock was set back by more than `least_ms` and the errors."""
        jumps = np.diff(self.offset) - self.error[:-1] - self.error[1:] - DRIFT * np.diff(self.true)
        return [int(i) for i in np.flatnonzero(jumps > least_ms)]

    def offset_near(self, true_ms: float) -> float:
        """The offset of the reading nearest to a time; 0 without readings."""
        if not len(self):
            return 0.0
        return float(self.offset[np.argmin(np.abs(self.true - true_ms))])

    def near_between(self, first_ms: float, last_ms: float, limit_ms: float) -> bool:
        """Whether some reading with raw time in [first, last) shows an error of at most `limit_ms`."""
        inside = (self.raw >= first_ms) & (self.raw < last_ms)
        return bool((np.abs(self.offset[inside]) <= limit_ms).any())


def spells_of(readings: Readings, apart_ms: float) -> list[Spell]:
    """The readings cut wherever two neighbours differ by more than `apart_ms` beyond drift and errors."""
    if not len(readings):
        return []
    allowed = apart_ms + readings.error[:-1] + readings.error[1:] + DRIFT * np.diff(readings.true)
    cuts = np.flatnonzero(np.abs(np.diff(readings.offset)) > allowed) + 1
    bounds = [0, *cuts.tolist(), len(readings)]
    return [Spell(first, last - 1, float(np.median(readings.offset[first:last]))) for first, last in pairwise(bounds)]
