"""The NumPy kernel: events of one UTC day to minute columns; a slice's id is its minute, so joins are divisions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hearthside.alignment.offsets import MINUTES
from hearthside.events import DAY_MS, MINUTE_MS

Ints = npt.NDArray[np.int64]

INSTANT = -1
"""The end of an event that has none."""


def minute_columns(
    day: int, start_ms: Ints, end_ms: Ints, tolerance_min: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32]]:
    """Counts and as-of values of one stream over one UTC day.

    Args:
        day: days since 1970-01-01.
        start_ms, end_ms: shape (n,), sorted by start; end_ms is exclusive, -1 for an instant.
        tolerance_min: how long the last event holds, minutes.

    Returns:
        count (1440,): events in or overlapping each minute; last (1440,): index of the latest event that started at
        or before the end of the minute and still holds, or -1.
    """
    first, final = touched_minutes(day, start_ms, end_ms)
    low, high = np.maximum(first, 0), np.minimum(final, MINUTES - 1)
    inside = low <= high
    steps = np.zeros(MINUTES + 1, dtype=np.int64)
    np.add.at(steps, low[inside], 1)
    np.add.at(steps, high[inside] + 1, -1)
    count = np.minimum(np.cumsum(steps[:-1]), 65535).astype(np.uint16)

    last = np.full(MINUTES, -1, dtype=np.int32)
    until = np.minimum(final + tolerance_min, MINUTES - 1)
    # Later events overwrite earlier ones, but a long one still holds when a short one within it is over.
    for i in np.flatnonzero(low <= until).tolist():
        last[low[i] : until[i] + 1] = i
    return count, last


def touched_minutes(day: int, start_ms: Ints, end_ms: Ints) -> tuple[Ints, Ints]:
    """First and last minute that each event touches, counted from the day's first; they may lie outside the day."""
    origin = day * DAY_MS
    first = (start_ms - origin) // MINUTE_MS
    # An interval that ends on a whole minute does not touch that minute.
    final = np.where(end_ms == INSTANT, first, np.maximum((end_ms - 1 - origin) // MINUTE_MS, first))
    return first, final


def minute_samples(day: int, start_ms: int, step_ms: int, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A regular series resampled to the minutes of a UTC day: each minute takes the sample that holds at its start.

    Returns:
        shape (1440,), NaN where the series says nothing.
    """
    starts = day * DAY_MS + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
    # A minute belongs to the sample whose own minute contains it: a device that starts at :30 keeps minute i at i.
    index = (starts - (start_ms // MINUTE_MS) * MINUTE_MS) // step_ms
    inside = (index >= 0) & (index < len(values))
    out = np.full(MINUTES, np.nan)
    out[inside] = values[index[inside]]
    return out


def covered_minutes(
    day: int, start_ms: Ints, end_ms: Ints, cadence_min: int
) -> tuple[npt.NDArray[np.bool_], tuple[int, int] | None]:
    """Minutes within a stream's cadence of something it said, and the (first, last) minute it was heard at all.

    The minutes may lie before the day (negative) when the stream was heard the day before.
    """
    covered = np.zeros(MINUTES, dtype=np.bool_)
    if not len(start_ms):
        return covered, None
    first, final = touched_minutes(day, start_ms, end_ms)
    steps = np.zeros(MINUTES + 1, dtype=np.int64)
    low, high = np.maximum(first, 0), np.minimum(final + cadence_min - 1, MINUTES - 1)
    inside = low <= high
    np.add.at(steps, low[inside], 1)
    np.add.at(steps, high[inside] + 1, -1)
    covered = np.cumsum(steps[:-1]) > 0
    return covered, (int(first.min()), int(final.max()))
