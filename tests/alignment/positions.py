"""Positions as the columns that finders read, made from rows or from events."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from hearthside.alignment.columns import NO_END, NO_OFFSET, EventColumns
from hearthside.alignment.episodes import Episode, Window, stay
from hearthside.events import DAY_MS, Event, Layer

Row = tuple[int, float, float, float]
"""UTC ms, latitude, longitude, accuracy in metres (NaN where unknown)."""


@cache
def row_id(row: Row) -> bytes:
    """An id of 16 bytes made from the content."""
    return hashlib.blake2b(repr(row).encode(), digest_size=16).digest()


def columns(rows: Iterable[Row], source: str = "phone") -> EventColumns:
    """The rows as columns, each once, in order of (start, id)."""
    by_id = {row_id(row): row for row in rows}
    ordered = sorted(by_id.items(), key=lambda item: (item[1][0], item[0]))
    n = len(ordered)
    t = np.array([row[0] for _, row in ordered], dtype=np.int64)
    degrees = np.array([row[1:] for _, row in ordered], dtype=np.float64).reshape(n, 3)
    ids = np.frombuffer(b"".join(key for key, _ in ordered), dtype="V16", count=n)
    codes = np.zeros(n, np.uint8)
    return EventColumns(
        Layer.ENVIRONMENTAL, source, "position", ids, t, np.full(n, NO_END), t, np.zeros(n, np.int64),
        np.full(n, NO_OFFSET, np.int16), codes, codes, codes, np.full(n, np.nan), [""] * n, [""] * n,
        {"lat": degrees[:, 0], "lon": degrees[:, 1], "accuracy_m": degrees[:, 2]},
    )  # fmt: skip


def window(day: int, parts: Sequence[EventColumns], reach_days: int = 0) -> Window:
    """What a finder may look at for a day."""
    first, last = (day - reach_days) * DAY_MS, (day + 1 + reach_days) * DAY_MS
    offsets = np.zeros((last - first) // 60_000, np.int16)
    return Window(day, first, last, {"position": list(parts)}, {}, offsets)


def by_day(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Rows by UTC day."""
    days: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        days[row[0] // DAY_MS].append(row)
    return dict(days)


def stays_of(rows: Iterable[Row]) -> list[Episode]:
    """The stays of all days."""
    return [found for day, part in sorted(by_day(rows).items()) for found in stay.find(window(day, [columns(part)]))]


def rows_of(events: Iterable[object]) -> list[Row]:
    """The positions among the events of a source."""
    positions = [event for event in events if isinstance(event, Event) and event.kind == "position"]
    return [
        (e.start_ms, e.payload["lat"], e.payload["lon"], float(e.payload.get("accuracy_m", np.nan))) for e in positions
    ]
