"""The person's own days and hours over a span, from the track of their UTC offset."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hearthside.alignment.views import OffsetRun
from hearthside.events import DAY_MS, MINUTE_MS, day_number, iso_day

MINUTES = 1440
"""Minutes of a day."""

Ints = npt.NDArray[np.int64]


class Track(Protocol):
    """The person's UTC offset over the whole life."""

    def at(self, ms: Ints) -> npt.NDArray[np.integer[Any]]:
        """UTC offsets in minutes at UTC ms; shapes as given."""
        ...


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A local day and its UTC bounds: 1,440 minutes, but fewer or more where clocks change or the person travels."""

    day: str
    start_ms: int
    end_ms: int
    offset_min: int


def offsets_at(track: Track, ms: Ints) -> Ints:
    """UTC offsets in minutes, int64; shapes as given."""
    return track.at(ms).astype(np.int64)


def utc_and_local_minutes(track: Track, first_day: str, last_day: str) -> tuple[Ints, Ints]:
    """Every UTC minute number in which some local day of the span may lie, and the local minute number of each.

    A local minute number divided by 1440 is the number of the local day. Both are of shape (minutes,).
    """
    first, last = day_number(first_day) - 1, day_number(last_day) + 2  # no offset reaches a whole day
    utc = np.arange(first * MINUTES, last * MINUTES, dtype=np.int64)
    return utc, utc + offsets_at(track, utc * MINUTE_MS)


def local_days(track: Track, first_day: str, last_day: str) -> list[LocalDay]:
    """Every local day from the first to the last, from its first minute to its last.

    A date that was skipped at the date line has one minute: the one at which it was skipped.
    """
    utc, local = utc_and_local_minutes(track, first_day, last_day)
    found = []
    for place, number in enumerate(range(day_number(first_day), day_number(last_day) + 1)):
        reach = slice(place * MINUTES, (place + 3) * MINUTES)
        date = local[reach] // MINUTES
        inside = np.flatnonzero(date == number)
        begin, final = (int(inside[0]), int(inside[-1])) if len(inside) else (int(np.argmax(date > number)),) * 2
        noon = (begin + final + 1) // 2
        offset = int(local[reach][noon] - utc[reach][noon])
        start = int(utc[reach][begin])
        end = int(utc[reach][final]) + 1
        found.append(LocalDay(iso_day(number), start * MINUTE_MS, end * MINUTE_MS, offset))
    return found


def local_dates(track: Track, ms: Ints) -> Ints:
    """The number of the local day, days since 1970, of each UTC time; shapes as given."""
    return (ms + offsets_at(track, ms) * MINUTE_MS) // DAY_MS


def offset_runs(track: Track, start_ms: int, end_ms: int) -> list[OffsetRun]:
    """The offsets from `start_ms` to `end_ms`, to the minute, without gaps."""
    ms = np.arange(start_ms, end_ms, MINUTE_MS, dtype=np.int64)
    if not len(ms):
        return []
    offsets = offsets_at(track, ms)
    edges = [0, *(np.flatnonzero(np.diff(offsets)) + 1).tolist(), len(ms)]
    return [
        OffsetRun(int(ms[first]), int(ms[last]) if last < len(ms) else end_ms, int(offsets[first]))
        for first, last in pairwise(edges)
    ]
