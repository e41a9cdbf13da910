"""From journal bodies to the columns of a stream on the days its events start on, each at its corrected time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import NO_END, NO_OFFSET, ORIGINS, PRECISIONS, TRUSTS, EventColumns
from hearthside.alignment.kernel import minute_samples
from hearthside.alignment.kinds import NUMBERS, amount_in, is_life, note_in, number_of
from hearthside.alignment.offsets import MINUTES
from hearthside.events import DAY_MS, Json, Layer, Origin

Ints = npt.NDArray[np.int64]
Body: TypeAlias = Mapping[str, Json]
Row: TypeAlias = "tuple[bytes, int, Body]"
"""Journal id, position in the journal, body."""

# Precision, origin and trust in one number, as they are gathered: bit 0, bits 1 to 4, bits from 5 on.
_PRECISION = {precision.value: code for code, precision in enumerate(PRECISIONS)}
_ORIGIN = {origin.value: code << 1 for code, origin in enumerate(ORIGINS)}
_TRUST = {trust.value: code << 5 for code, trust in enumerate(TRUSTS)}
_SELF = Origin.SELF.value
_NAN = float("nan")


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
    """Rows of one stream, taken apart as they are read, so that no body is kept; of samples the bodies are."""

    def __init__(self, name: StreamName) -> None:
        self.name = name
        self._names = tuple(NUMBERS.get(name.kind, {}).values())
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
        self.numbers: list[tuple[Json, ...]] = []
        self.bodies: list[Body] = []

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, identity: bytes, seq: int, body: Body) -> None:
        """Take one row."""
        start = body["start_ms"]
        self.ids.append(identity)
        self.seqs.append(seq)
        self.starts.append(start)
        self.clocks.append(body["clock"])
        self.keys.append(body["key"])
        if self.name.series:
            self.bodies.append(body)
            return
        kind, payload, end, offset = self.name.kind, body["payload"], body["end_ms"], body["offset_min"]
        self.ends.append(NO_END if end is None else end)
        self.doubts.append(body["uncertainty_ms"])
        self.offsets.append(NO_OFFSET if offset is None else offset)
        self.codes.append(_PRECISION[body["precision"]] + _ORIGIN[body["origin"]] + _TRUST[body["trust"]])
        amount = amount_in(kind, payload, start, end)
        self.amounts.append(_NAN if amount is None else amount)
        self.texts.append(body["text"])
        self.notes.append(note_in(kind, payload, body["origin"] == _SELF))
        if self._names:
            self.numbers.append(tuple(map(payload.get, self._names)))

    def only(self, wanted: Callable[[int], bool]) -> Gathered:
        """The rows whose index is wanted."""
        chosen_rows = [i for i in range(len(self)) if wanted(i)]
        if len(chosen_rows) == len(self):
            return self
        other = Gathered(self.name)
        for field_name in _LISTS:
            values = getattr(self, field_name)
            setattr(other, field_name, [values[i] for i in chosen_rows] if values else [])
        return other

    def by_day(self) -> list[bool]:
        """Of each row whether only its day is known; that of samples never is."""
        return [bool(code & 1) for code in self.codes] if self.codes else [False] * len(self)

    def clock_bounds(self) -> dict[str, tuple[int, int]]:
        """By clock its first and last raw time."""
        found = {}
        for clock in sorted(set(self.clocks)):
            times = [start for start, other in zip(self.starts, self.clocks, strict=True) if other == clock]
            found[clock] = (min(times), max(times))
        return found

    def longest_ms(self) -> int:
        """How long the longest series lasts."""
        return max((body["step_ms"] * len(body["values"]) for body in self.bodies), default=0)


_LISTS = (
    "ids", "seqs", "starts", "ends", "doubts", "offsets", "codes", "amounts", "texts", "notes", "clocks", "keys",
    "numbers", "bodies",
)  # fmt: skip


def gather(rows: Iterable[Row]) -> dict[StreamName, Gathered]:
    """Rows of the life by stream, in their order; those about the house itself are left out."""
    groups: dict[tuple[str, str, str, str], Gathered | None] = {}
    for identity, seq, body in rows:
        form = body["type"]
        kind = body["kind"] if form == "event" else body["measure"]
        key = (body["layer"], body["source"], kind, form)
        if key not in groups:
            series = form == "series"
            name = StreamName(body["layer"], body["source"], kind, series)
            groups[key] = Gathered(name) if series or is_life(kind) else None
        group = groups[key]
        if group is not None:
            group.add(identity, seq, body)
    return {group.name: group for group in groups.values() if group is not None}


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
        numbers={number: _numbers(rows.numbers, i) for i, number in enumerate(NUMBERS.get(name.kind, {}))},
    )
    if kept is None and bool((start[1:] > start[:-1]).all()):
        return columns  # in order already, and no two begin together
    order = sorted(
        range(len(rows)) if kept is None else np.flatnonzero(kept).tolist(), key=lambda i: (start[i], rows.ids[i])
    )
    return chosen(columns, np.array(order, dtype=np.intp))


def _numbers(rows: Sequence[tuple[Json, ...]], index: int) -> npt.NDArray[np.float64]:
    """One numeric field of every row, NaN where it is absent or no number."""
    values = [row[index] for row in rows]
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


def joined(one: EventColumns, other: EventColumns) -> EventColumns:
    """Two lots of columns of one stream as one, in order of (start, id); an event in both is taken once, of `other`."""
    known = set(other.ids.tolist())
    kept = [i for i, identity in enumerate(one.ids.tolist()) if identity not in known]
    first = one if len(kept) == len(one) else chosen(one, np.array(kept, dtype=np.intp))
    arrays = (
        "ids", "start_ms", "end_ms", "raw_ms", "uncertainty_ms", "carried_min", "precision", "origin", "trust",
        "amount",
    )  # fmt: skip
    both: dict[str, Any] = {name: np.concatenate([getattr(first, name), getattr(other, name)]) for name in arrays}
    numbers = {name: np.concatenate([first.numbers[name], other.numbers[name]]) for name in other.numbers}
    columns = replace(first, **both, text=first.text + other.text, note=first.note + other.note, numbers=numbers)
    ids = columns.ids.tolist()
    order = sorted(range(len(ids)), key=lambda i: (columns.start_ms[i], ids[i]))
    return chosen(columns, np.array(order, dtype=np.intp))


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
        start, _, held = placing.place(body["clock"], np.array([body["start_ms"]]), np.zeros(1, dtype=np.int64))
        if not held[0]:
            found.append((int(start[0]), identity, body))
    found.sort(key=lambda series: series[:2])
    return [(start_ms, start_ms + body["step_ms"] * len(body["values"]), body) for start_ms, _, body in found]


def sample_days(rows: Gathered, days: range, placing: Placing) -> dict[int, SampleDay]:
    """The samples of one measure by UTC day; where two series overlap the one that begins later counts."""
    found: dict[int, SampleDay] = {}
    for start_ms, end_ms, body in placed_series(rows, placing):
        step = body["step_ms"]
        last_day = (end_ms - 1) // DAY_MS
        values = np.array(body["values"], dtype=np.float64)  # None becomes NaN
        for day in range(max(start_ms // DAY_MS, days[0]), min(last_day, days[-1]) + 1):
            column = minute_samples(day, start_ms, step, values)
            said = ~np.isnan(column)
            if not said.any():
                continue
            there = found.setdefault(day, SampleDay(body["unit"], np.full(MINUTES, np.nan)))
            there.unit = body["unit"]
            there.values[said] = column[said]
    return found
