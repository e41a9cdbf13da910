"""From journal bodies to the columns of a stream on the days its events start on, each at its corrected time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import NO_END, NO_OFFSET, ORIGINS, PRECISIONS, TRUSTS, EventColumns
from hearthside.alignment.kernel import minute_samples
from hearthside.alignment.kinds import NUMBERS, amounts_in, is_life, notes_in, number_of
from hearthside.alignment.offsets import MINUTES
from hearthside.events import DAY_MS, Json, Layer, Origin
from hearthside.journal.bodies import Body

Ints = npt.NDArray[np.int64]
Row: TypeAlias = "tuple[bytes, int, Body]"
"""Journal id, position in the journal, body."""

# Precision, origin and trust in one number, as they are gathered: bit 0, bits 1 to 4, bits from 5 on.
_PRECISION = {precision.value: code for code, precision in enumerate(PRECISIONS)}
_ORIGIN = {origin.value: code << 1 for code, origin in enumerate(ORIGINS)}
_TRUST = {trust.value: code << 5 for code, trust in enumerate(TRUSTS)}
_CODES = {
    (precision, origin, trust): _PRECISION[precision] + _ORIGIN[origin] + _TRUST[trust]
    for precision in _PRECISION
    for origin in _ORIGIN
    for trust in _TRUST
}
_SELF = Origin.SELF.value
_TAKEN_AT_ONCE = 64  # rows: what was just decoded is still in the cache of the processor
_SERIES_FIELDS = attrgetter("start_ms", "clock", "key")
_EVENT_FIELDS = attrgetter(
    "start_ms", "clock", "key", "end_ms", "uncertainty_ms", "offset_min", "precision", "origin", "trust", "text",
    "payload",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class StreamName:
    """Which stream: its layer, source and kind; `series` for regular samples, whose kind is their measure."""

    layer: str
    source: str
    kind: str
    series: bool = False


class Placing(Protocol):
    """Where the times of clocks belong."""

    def place(self, clock: str, raw_ms: Ints, stated_ms: Ints) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
        """Corrected times, how far these may be off, and which are held back; (n,) each. See `KnownClocks.place`."""
        ...


@dataclass(slots=True)
class SampleDay:
    """One regular measure over one UTC day: (1440,) values, NaN where there is none."""

    unit: str
    values: npt.NDArray[np.float64]


class Gathered:
    """Rows of one stream, taken apart some at a time, so that few bodies are kept; of samples all are.

    Attributes:
        numbers: a column for each of `NUMBERS` of the kind.
    """

    def __init__(self, name: StreamName) -> None:
        self.name = name
        self._fields = tuple(NUMBERS.get(name.kind, {}).values())
        self.ids: list[bytes] = []
        self.seqs: list[int] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.doubts: list[int] = []
        self.offsets: list[int] = []
        self.codes: list[int] = []
        self.amounts: list[float] = []
        self.texts: list[str] = []
        self.notes: list[str] = []
        self.clocks: list[str] = []
        self.keys: list[str] = []
        self.numbers: list[list[Json]] = [[] for _ in self._fields]
        self.bodies: list[Body] = []

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[Row]) -> None:
        """Take some rows, column by column: for each row alone it would take twice as long."""
        ids, seqs, bodies = zip(*rows, strict=True)
        self.ids += ids
        self.seqs += seqs
        if self.name.series:
            starts, clocks, keys = zip(*map(_SERIES_FIELDS, bodies), strict=True)
            self.bodies += bodies
        else:
            starts, clocks, keys, *rest = zip(*map(_EVENT_FIELDS, bodies), strict=True)
            self._take_events(starts, *rest)
        self.starts += starts
        self.clocks += clocks
        self.keys += keys

    def _take_events(
        self, starts: Sequence[int], ends: Sequence[int | None], doubts: Sequence[int], offsets: Sequence[int | None],
        precisions: Sequence[str], origins: Sequence[str], trusts: Sequence[str], texts: Sequence[str],
        payloads: Sequence[Mapping[str, Json]],
    ) -> None:  # fmt: skip
        self.ends += [NO_END if end is None else end for end in ends]
        self.doubts += doubts
        self.offsets += [NO_OFFSET if offset is None else offset for offset in offsets]
        self.codes += map(_CODES.__getitem__, zip(precisions, origins, trusts, strict=True))
        self.amounts += amounts_in(self.name.kind, payloads, starts, ends)
        self.texts += texts
        self.notes += notes_in(self.name.kind, payloads, [origin == _SELF for origin in origins])
        for column, name in zip(self.numbers, self._fields, strict=True):
            column += [payload.get(name) for payload in payloads]

    def only(self, wanted: Callable[[int], bool]) -> Gathered:
        """The rows whose index is wanted."""
        chosen_rows = [i for i in range(len(self)) if wanted(i)]
        if len(chosen_rows) == len(self):
            return self
        other = Gathered(self.name)
        for field_name in _LISTS:
            values = getattr(self, field_name)
            setattr(other, field_name, [values[i] for i in chosen_rows] if values else [])
        other.numbers = [[column[i] for i in chosen_rows] for column in self.numbers]
        return other

    def between(self, first_ms: int, last_ms: int) -> Gathered:
        """The rows that begin in [first_ms, last_ms) by their own clock."""
        if not self.starts or (first_ms <= min(self.starts) and max(self.starts) < last_ms):
            return self
        return self.only(lambda i: first_ms <= self.starts[i] < last_ms)

    def clock_bounds(self) -> dict[str, tuple[int, int]]:
        """By clock its first and last raw time."""
        clocks = sorted(set(self.clocks))
        if len(clocks) == 1:
            return {clocks[0]: (min(self.starts), max(self.starts))}
        found = {}
        for clock in clocks:
            times = [start for start, other in zip(self.starts, self.clocks, strict=True) if other == clock]
            found[clock] = (min(times), max(times))
        return found

    def longest_ms(self) -> int:
        """How long the longest series lasts."""
        return max((body.step_ms * len(body.values) for body in self.bodies), default=0)


_LISTS = (
    "ids", "seqs", "starts", "ends", "doubts", "offsets", "codes", "amounts", "texts", "notes", "clocks", "keys",
    "bodies",
)  # fmt: skip


def gather(rows: Iterable[Row]) -> dict[StreamName, Gathered]:
    """Rows of the life by stream, in their order; those about the house itself are left out."""
    waiting: dict[tuple[str, str, str, str], list[Row] | None] = {}
    groups: dict[tuple[str, str, str, str], Gathered] = {}
    for row in rows:
        body = row[2]
        form = body.type
        kind = body.kind if form == "event" else body.measure
        key = (body.layer, body.source, kind, form)
        try:
            group = waiting[key]
        except KeyError:
            group = waiting[key] = [] if form == "series" or is_life(kind) else None
            if group is not None:
                groups[key] = Gathered(StreamName(key[0], key[1], kind, form == "series"))
        if group is None:
            continue
        group.append(row)
        if len(group) == _TAKEN_AT_ONCE:
            groups[key].take(group)
            group.clear()
    for key, gathered in groups.items():
        if left := waiting[key]:
            gathered.take(left)
    return {group.name: group for group in groups.values()}


def event_columns(rows: Gathered, placing: Placing) -> EventColumns:
    """The rows of one stream as columns, in order of (corrected start, id), without those held back."""
    name = rows.name
    raw = np.array(rows.starts, dtype=np.int64)
    ends = np.array(rows.ends, dtype=np.int64)
    codes = np.array(rows.codes, dtype=np.int64)
    precision = (codes & 1).astype(np.uint8)
    stated = np.array(rows.doubts, dtype=np.int64)
    start, doubt, kept = _placed(rows.clocks, raw, stated, precision == 1, placing)
    columns = EventColumns(
        layer=Layer(name.layer),
        source=name.source,
        kind=name.kind,
        ids=np.frombuffer(b"".join(rows.ids), dtype="V16"),
        start_ms=start,
        end_ms=np.where(ends == NO_END, NO_END, ends - raw + start),
        raw_ms=raw,
        uncertainty_ms=doubt,
        carried_min=np.array(rows.offsets, dtype=np.int16),
        precision=precision,
        origin=(codes >> 1 & 15).astype(np.uint8),
        trust=(codes >> 5).astype(np.uint8),
        amount=np.array(rows.amounts, dtype=np.float64),
        text=rows.texts,
        note=rows.notes,
        numbers={number: _numbers(rows.numbers[i]) for i, number in enumerate(NUMBERS.get(name.kind, {}))},
    )
    if kept is None and bool((start[1:] > start[:-1]).all()):
        return columns  # in order already, and no two begin together
    order = sorted(
        range(len(rows)) if kept is None else np.flatnonzero(kept).tolist(), key=lambda i: (start[i], rows.ids[i])
    )
    return chosen(columns, np.array(order, dtype=np.intp))


def _numbers(values: Sequence[Json]) -> npt.NDArray[np.float64]:
    """One numeric field of every row, NaN where it is absent or no number."""
    try:
        return np.array(values, dtype=np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        return np.array([number_of(value) for value in values], dtype=np.float64)


def _placed(
    clocks: Sequence[str], raw: Ints, stated: Ints, by_day: npt.NDArray[np.bool_], placing: Placing
) -> tuple[Ints, Ints, npt.NDArray[np.bool_] | None]:
    """Corrected starts, doubt, and which are kept (None: all); `raw` itself where every clock is taken at its word."""
    start, doubt = raw, stated
    kept: npt.NDArray[np.bool_] | None = None
    different = sorted(set(clocks))
    for clock in different:
        whose = ~by_day
        if len(different) > 1:
            whose = whose & np.array([other == clock for other in clocks], dtype=np.bool_)
        placed, uncertain, held = placing.place(clock, raw[whose], stated[whose])
        if np.array_equal(placed, raw[whose]) and np.array_equal(uncertain, stated[whose]) and not held.any():
            continue
        if start is raw:
            start, doubt = raw.copy(), stated.copy()
        start[whose], doubt[whose] = placed, uncertain
        if held.any():
            kept = np.ones(len(raw), dtype=np.bool_) if kept is None else kept
            kept[np.flatnonzero(whose)[held]] = False
    return start, doubt, kept


def chosen(columns: EventColumns, order: npt.NDArray[np.intp] | slice) -> EventColumns:
    """Some rows of columns, in the order given."""
    where = range(*order.indices(len(columns))) if isinstance(order, slice) else order.tolist()
    return replace(
        columns, ids=columns.ids[order], start_ms=columns.start_ms[order], end_ms=columns.end_ms[order],
        raw_ms=columns.raw_ms[order], uncertainty_ms=columns.uncertainty_ms[order],
        carried_min=columns.carried_min[order], precision=columns.precision[order], origin=columns.origin[order],
        trust=columns.trust[order], amount=columns.amount[order], text=[columns.text[i] for i in where],
        note=[columns.note[i] for i in where],
        numbers={name: values[order] for name, values in columns.numbers.items()},
    )  # fmt: skip


def split_by_day(columns: EventColumns, days: range) -> dict[int, EventColumns]:
    """Columns in order of start by UTC day, of those days only."""
    number = columns.start_ms // DAY_MS
    if len(days) == 1 and len(number) and number[0] == number[-1] == days[0]:
        return {days[0]: columns}
    edges = np.searchsorted(number, np.arange(days[0], days[-1] + 2))
    return {
        day: chosen(columns, slice(int(first), int(last)))
        for day, first, last in zip(days, edges[:-1], edges[1:], strict=True)
        if last > first
    }


def placed_series(rows: Gathered, placing: Placing) -> list[tuple[int, int, Body]]:
    """Corrected start, exclusive end and body of the series of one measure that are not held back, by start and id."""
    found = []
    for identity, body in zip(rows.ids, rows.bodies, strict=True):
        start, _, held = placing.place(body.clock, np.array([body.start_ms]), np.zeros(1, dtype=np.int64))
        if not held[0]:
            found.append((int(start[0]), identity, body))
    found.sort(key=lambda series: series[:2])
    return [(start_ms, start_ms + body.step_ms * len(body.values), body) for start_ms, _, body in found]


def sample_days(rows: Gathered, days: range, placing: Placing) -> dict[int, SampleDay]:
    """The samples of one measure by UTC day; where two series overlap the one that begins later counts."""
    found: dict[int, SampleDay] = {}
    for start_ms, end_ms, body in placed_series(rows, placing):
        step = body.step_ms
        last_day = (end_ms - 1) // DAY_MS
        values = np.array(body.values, dtype=np.float64)  # None becomes NaN
        for day in range(max(start_ms // DAY_MS, days[0]), min(last_day, days[-1]) + 1):
            column = minute_samples(day, start_ms, step, values)
            said = ~np.isnan(column)
            if not said.any():
                continue
            there = found.setdefault(day, SampleDay(body.unit, np.full(MINUTES, np.nan)))
            there.unit = body.unit
            there.values[said] = column[said]
    return found
