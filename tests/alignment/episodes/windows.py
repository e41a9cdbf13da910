"""Lives as the windows that finders read, made from plain records."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import NO_END, NO_OFFSET, ORIGINS, EventColumns
from hearthside.alignment.episodes import Episode, Finder, SampleRun, Window
from hearthside.alignment.kinds import NUMBERS, amount_in, note_in, number_of
from hearthside.events import DAY_MS, Event, Item, Layer, Origin, Precision, Series

DAY = 20_000
"""The first day of invented lives, days since 1970: 2024-10-04."""


@dataclass(frozen=True, slots=True)
class Said:
    """One event as a finder sees it; `end_ms` None for an instant."""

    kind: str
    start_ms: int
    end_ms: int | None = None
    text: str = ""
    note: str = ""
    source: str = "test"
    origin: Origin = Origin.DEVICE
    amount: float = float("nan")
    numbers: tuple[tuple[str, float], ...] = ()
    by_day: bool = False
    number: int = 0

    @property
    def id(self) -> bytes:
        """16 bytes from the content, as the journal makes them."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).digest()


@dataclass(slots=True)
class Life:
    """Events and samples: minute values by (source, measure), from the first minute of `DAY` on."""

    events: list[Said]
    samples: dict[tuple[str, str], npt.NDArray[np.float64]] = field(default_factory=dict)
    first_day: int = DAY
    offset_min: int = 0


def at(day: int, hour: float, minute: float = 0) -> int:
    """UTC ms of a time on the n-th day of the life."""
    return (DAY + day) * DAY_MS + round((hour * 60 + minute) * 60_000)


def columns_of(said: Sequence[Said]) -> EventColumns:
    """Events of one stream as columns, in order of (start, id)."""
    ordered = sorted(said, key=lambda one: (one.start_ms, one.id))
    n, names = len(ordered), dict(ordered[0].numbers)
    start = np.array([one.start_ms for one in ordered], np.int64)
    return EventColumns(
        Layer.BEHAVIOURAL,
        ordered[0].source,
        ordered[0].kind,
        np.frombuffer(b"".join(one.id for one in ordered), "V16", n),
        start,
        np.array([NO_END if one.end_ms is None else one.end_ms for one in ordered], np.int64),
        start,
        np.zeros(n, np.int64),
        np.full(n, NO_OFFSET, np.int16),
        np.array([one.by_day for one in ordered], np.uint8),
        np.array([ORIGINS.index(one.origin) for one in ordered], np.uint8),
        np.zeros(n, np.uint8),
        np.array([one.amount for one in ordered], np.float64),
        [one.text for one in ordered],
        [one.note for one in ordered],
        {name: np.array([dict(one.numbers)[name] for one in ordered]) for name in names},
    )


Streams = dict[tuple[str, int], list[EventColumns]]
"""Columns by (kind, UTC day), in order of source."""


def streams(events: Iterable[Said]) -> Streams:
    """The events as columns of streams and days."""
    parts: dict[tuple[str, int, str], list[Said]] = defaultdict(list)
    for one in events:
        parts[one.kind, one.start_ms // DAY_MS, one.source].append(one)
    found: Streams = {}
    for (kind, day, _), part in sorted(parts.items()):
        found.setdefault((kind, day), []).append(columns_of(part))
    return found


def window_of(life: Life, finder: Finder, day: int, reach: int | None = None, ready: Streams | None = None) -> Window:
    """What a finder sees of a life for one day, `reach` days on either side."""
    reach = finder.REACH_DAYS if reach is None else reach
    first, last = day - reach, day + reach
    chosen = streams(life.events) if ready is None else ready
    columns: dict[str, list[EventColumns]] = {}
    for kind in sorted(finder.KINDS):
        parts = [part for of in range(first, last + 1) for part in chosen.get((kind, of), ())]
        if parts:
            columns[kind] = parts
    samples: dict[str, list[SampleRun]] = {}
    for (source, measure), values in sorted(life.samples.items()):
        if measure in finder.MEASURES:
            shown = _minutes(values, (life.first_day - first) * 1440, (last - first + 1) * 1440)
            samples.setdefault(measure, []).append(SampleRun(source, measure, shown))
    offsets = np.full((last - first + 1) * 1440, life.offset_min, np.int16)
    return Window(day, first * DAY_MS, (last + 1) * DAY_MS, columns, samples, offsets)


def _minutes(values: npt.NDArray[np.float64], begin: int, minutes: int) -> npt.NDArray[np.float64]:
    """Values that begin at a minute, as so many minutes from 0 on."""
    shown = np.full(minutes, np.nan)
    low, high = max(begin, 0), min(begin + len(values), minutes)
    if low < high:
        shown[low:high] = values[low - begin : high - begin]
    return shown


def find_all(life: Life, finder: Finder) -> list[Episode]:
    """The episodes of a whole life, day by day."""
    days = {one.start_ms // DAY_MS for one in life.events if one.kind in finder.KINDS}
    for (_, measure), values in life.samples.items():
        if measure in finder.MEASURES:
            days |= set(range(life.first_day, life.first_day + len(values) // 1440 + 1))
    near = {day + by for day in days for by in (-1, 0, 1)}
    ready = streams(life.events)
    return [found for day in sorted(near) for found in finder.find(window_of(life, finder, day, ready=ready))]


def life_of(items: Iterable[Item], offset_min: int = 0) -> Life:
    """Records that sources read, as a life; of series only one-minute ones."""
    records = list(items)
    events = [_said(record) for record in records if isinstance(record, Event)]
    series = [record for record in records if isinstance(record, Series) and record.step_ms == 60_000]
    if not series:
        return Life(events, offset_min=offset_min)
    first = min(one.start_ms for one in series) // DAY_MS
    last = max(one.end_ms for one in series) // DAY_MS + 1
    samples: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
    for one in series:
        values = samples.setdefault((one.source, one.measure), np.full((last - first) * 1440, np.nan))
        begin = one.start_ms // 60_000 - first * 1440
        values[begin : begin + len(one.values)] = one.values
    return Life(events, samples, first, offset_min)


def _said(event: Event) -> Said:
    amount = amount_in(event.kind, event.payload, event.start_ms, event.end_ms)
    return Said(
        event.kind,
        event.start_ms,
        event.end_ms,
        event.text,
        note_in(event.kind, event.payload, event.origin is Origin.SELF),
        event.source,
        event.origin,
        float("nan") if amount is None else amount,
        tuple((name, number_of(event.payload.get(field))) for name, field in NUMBERS.get(event.kind, {}).items()),
        event.precision is Precision.DAY,
        int.from_bytes(event.id[4:8], "big"),
    )
