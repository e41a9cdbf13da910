"""Reads the rows of a selection from the life stream in batches, keeping only those that meet its conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from hearthside.alignment.columns import NO_END, NO_OFFSET, EventColumns
from hearthside.alignment.episodes import Episode
from hearthside.alignment.kinds import rule_of
from hearthside.events import DAY_MS, MINUTE_MS
from hearthside.memory.asking.conditions import Said, meets, words_of_rows
from hearthside.memory.asking.items import ITEM, itemised
from hearthside.memory.asking.query import Of, Selection
from hearthside.memory.asking.rows import Rows, Thing, joined, no_rows
from hearthside.memory.asking.source import BlockLike, Bools, Floats, Ints, LifeSource, Track, VisitLike
from hearthside.memory.asking.times import Window

_BATCH = 200_000
"""Rows that are looked at together: enough that the work per batch does not count, few enough for small memory."""

Streams = dict[tuple[str, str, str], int]


@dataclass(slots=True)
class Heard:
    """On which local days which source said anything of the kinds asked for, whatever the other conditions."""

    days: dict[str, set[int]] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)

    def note(self, rows: Rows, streams: Streams) -> None:
        """These rows were found."""
        for (_, source, _), number in streams.items():
            if (mine := rows.day[rows.stream == number]).size:
                self.days.setdefault(source, set()).update(np.unique(mine).tolist())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read.

    Attributes:
        select: of which `what` and the conditions of `where` count, except those of time.
        window: UTC bounds outside of which nothing is wanted.
        words, numbers: fields that are needed of each row.
    """

    select: Selection
    window: Window = (None, None)
    words: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


def read(life: LifeSource, wanted: Wanted, heard: Heard) -> Rows:
    """The rows, in order of (start, id)."""
    track = life.track()
    match wanted.select.what.of:
        case Of.EVENTS:
            found = list(_events(life, wanted, track, heard))
        case Of.SAMPLES:
            found = list(_samples(life, wanted, track, heard))
        case _:
            found = [_things(life, wanted, track)]
    return joined(found).in_order() if found else no_rows(wanted.words, wanted.numbers)


def offsets_at(track: Track, ms: Ints) -> Ints:
    """The person's UTC offset, minutes, int64."""
    return np.asarray(track.at(ms), dtype=np.int64)


def _in_window(start: Ints, end: Ints, window: Window) -> Bools:
    kept = np.ones(len(start), dtype=np.bool_)
    if window[0] is not None:
        kept &= np.maximum(end, start + 1) > window[0]
    if window[1] is not None:
        kept &= start < window[1]
    return kept


# -- events ------------------------------------------------------------------------------------------------------------


def _events(life: LifeSource, wanted: Wanted, track: Track, heard: Heard) -> Iterator[Rows]:
    where = wanted.select.where
    streams: Streams = {}
    low, high = wanted.window
    chunks = life.columns(
        kinds=wanted.select.what.names or None, sources=where.sources or None, layers=where.layers or None,
        start_ms=low, end_ms=high,
    )  # fmt: skip
    for batch in _batches(chunks):
        rows = _event_rows(batch, streams, track, wanted)
        inside = _in_window(rows.start_ms, rows.end_ms, wanted.window)
        rows, at = rows.take(inside), np.flatnonzero(inside)
        heard.note(rows, streams)
        said = Said(batch)
        kept = meets(rows, at, where, said)
        rows = words_of_rows(rows.take(kept), at[kept], wanted.words - {ITEM}, said)
        lists = [test for test in where.tests if test.field == ITEM]
        yield itemised(life, rows, lists, ITEM in wanted.words) if lists or ITEM in wanted.words else rows


def _batches(chunks: Iterable[EventColumns]) -> Iterator[list[EventColumns]]:
    batch: list[EventColumns] = []
    size = 0
    for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _event_rows(batch: list[EventColumns], streams: Streams, track: Track, wanted: Wanted) -> Rows:
    for chunk in batch:
        streams.setdefault((chunk.layer.value, chunk.source, chunk.kind), len(streams))
    number = [streams[chunk.layer.value, chunk.source, chunk.kind] for chunk in batch]
    stream = np.repeat(np.array(number, dtype=np.int64), [len(chunk) for chunk in batch])
    start = np.concatenate([chunk.start_ms for chunk in batch])
    end = np.concatenate([chunk.end_ms for chunk in batch])
    lasts = end != NO_END
    end = np.where(lasts, np.maximum(end, start), start)
    by_day = np.concatenate([chunk.precision for chunk in batch]) == 1
    carried = np.concatenate([chunk.carried_min for chunk in batch]).astype(np.int64)
    offset = np.where(carried == NO_OFFSET, offsets_at(track, start), carried)
    by_end = np.array([rule_of(kind).day_by_end for _, _, kind in streams], dtype=np.bool_)[stream] & lasts
    end_offset = np.where(by_end & (carried != NO_OFFSET), carried, offsets_at(track, end))
    names = wanted.numbers - {"amount", "duration", "start", "end"}
    return Rows(
        start, end, lasts, by_day, offset, end_offset, _local_day(start, end, by_day, by_end, offset),
        np.concatenate([chunk.amount for chunk in batch]), end - start,
        np.concatenate([chunk.origin for chunk in batch]).astype(np.int64), stream,
        np.concatenate([chunk.ids for chunk in batch]), np.full(len(start), -1), tuple(streams),
        numbers={name: np.concatenate([_number(chunk, name) for chunk in batch]) for name in names},
    )  # fmt: skip


def _local_day(start: Ints, end: Ints, by_day: Bools, by_end: Bools, offset: Ints) -> Ints:
    # What is known by its day only stands at midnight UTC of that very date.
    local: Ints = np.where(by_end, end, start) + np.where(by_day, 0, offset) * MINUTE_MS
    return local // DAY_MS


def _number(chunk: EventColumns, name: str) -> Floats:
    found = chunk.numbers.get(name)
    return np.full(len(chunk), np.nan) if found is None else found


# -- episodes and visits -----------------------------------------------------------------------------------------------


def _things(life: LifeSource, wanted: Wanted, track: Track) -> Rows:
    """Episodes or visits: thousands, not millions, so they are taken one by one."""
    what = wanted.select.what
    if what.of is Of.EPISODES:
        found = [_of_episode(one) for one in life.episodes(*wanted.window, what.names)]
    else:
        roles = {place.id: place.role for place in life.places()}
        asked = {name.casefold() for name in what.names}
        visits = life.visits(*wanted.window)
        found = [
            _of_visit(one)
            for one in visits
            if not asked or asked & {one.label.casefold(), one.place_id.casefold(), roles.get(one.place_id, "")}
        ]
    found = sorted(found, key=lambda row: (row[0], row[1], row[2], row[3].label))
    streams = {("", "", kind): n for n, kind in enumerate(dict.fromkeys(row[2] for row in found))}
    start = np.array([row[0] for row in found], dtype=np.int64)
    end = np.array([row[1] for row in found], dtype=np.int64)
    n, none = len(found), np.zeros(len(found), dtype=np.bool_)
    offset = offsets_at(track, start)
    by_end = np.array([rule_of(row[2]).day_by_end for row in found], dtype=np.bool_)
    end_offset = offsets_at(track, end)
    day = _local_day(start, end, none, by_end, np.where(by_end, end_offset, offset))
    rows = Rows(
        start, end, ~none, none, offset, end_offset, day, (end - start) / 1000, end - start, np.full(n, -1),
        np.array([streams["", "", row[2]] for row in found], dtype=np.int64), np.zeros(n, "V16"), np.arange(n),
        tuple(streams), tuple(row[3] for row in found),
        {name: np.array([row[4].get(name, np.nan) for row in found]) for name in wanted.numbers},
    )  # fmt: skip
    inside = _in_window(start, end, wanted.window)
    said = Said.of_labels([thing.label for thing in rows.things])
    rows, at = rows.take(inside), np.flatnonzero(inside)
    kept = meets(rows, at, wanted.select.where, said)
    return words_of_rows(rows.take(kept), at[kept], wanted.words, said)


_Found = tuple[int, int, str, Thing, dict[str, float]]


def _of_episode(one: Episode) -> _Found:
    numbers = {name: float(v) for name, v in one.facts.items() if isinstance(v, int | float)}
    return one.start_ms, one.end_ms, one.kind, Thing(one.label, one.evidence), {**numbers, "sure": one.sure}


def _of_visit(one: VisitLike) -> _Found:
    return one.start_ms, one.end_ms, "visit", Thing(one.label or one.place_id, one.evidence), {"sure": one.sure}


# -- regular samples ---------------------------------------------------------------------------------------------------


def _samples(life: LifeSource, wanted: Wanted, track: Track, heard: Heard) -> Iterator[Rows]:
    low, high = wanted.window
    names = {n for n, one in life.streams().items() if one.series and one.kind in wanted.select.what.names}
    facts = life.facts(None if low is None else low // DAY_MS, None if high is None else (high - 1) // DAY_MS)
    days = (life.block(day) for day in sorted({fact.day for fact in facts if fact.stream in names}))
    streams: Streams = {}
    for batch in _sample_batches(days, wanted.select, streams, heard):
        start = np.concatenate([part[1] for part in batch])
        offset = offsets_at(track, start)
        n, none = len(start), np.zeros(len(start), dtype=np.bool_)
        stream = np.repeat([part[0] for part in batch], [len(part[1]) for part in batch])
        rows = Rows(
            start, start + MINUTE_MS, ~none, none, offset, offset, (start + offset * MINUTE_MS) // DAY_MS,
            np.concatenate([part[2] for part in batch]), np.full(n, MINUTE_MS), np.full(n, -1), stream,
            np.zeros(n, "V16"), np.full(n, -1), tuple(streams),
            numbers={name: np.full(n, np.nan) for name in wanted.numbers},
        )  # fmt: skip
        inside = _in_window(rows.start_ms, rows.end_ms, wanted.window)
        rows, at = rows.take(inside), np.flatnonzero(inside)
        heard.note(rows, streams)
        said = Said.of_labels([])
        kept = meets(rows, at, wanted.select.where, said)
        yield words_of_rows(rows.take(kept), at[kept], wanted.words, said)


def _sample_batches(
    days: Iterable[BlockLike | None], select: Selection, streams: Streams, heard: Heard
) -> Iterator[list[tuple[int, Ints, Floats]]]:
    """Streams, minutes and values of the samples wanted."""
    where, batch, size = select.where, list[tuple[int, Ints, Floats]](), 0
    for block in filter(None, days):
        for one in block.samples:
            if one.measure not in select.what.names or (where.sources and one.source not in where.sources):
                continue
            if where.layers and one.layer not in where.layers:
                continue
            there = np.flatnonzero(~np.isnan(one.values))
            number = streams.setdefault((str(one.layer), one.source, one.measure), len(streams))
            heard.units.add(one.unit)
            batch.append((number, block.day * DAY_MS + there * MINUTE_MS, one.values[there]))
            size += len(there)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if size:
        yield batch
