"""Aligning all streams of a run of days at once, in this process or another: what is ready to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import orjson

from hearthside.alignment.aligning import (
    Gathered,
    StreamName,
    event_columns,
    gather,
    placed_series,
    sample_days,
    split_by_day,
)
from hearthside.alignment.chunk import carry_out, make_chunk, nothing_carried, pack_events, pack_minutes, squeeze
from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.placing import KnownClocks
from hearthside.alignment.columns import EventColumns
from hearthside.alignment.hints_seen import KINDS as HINT_KINDS
from hearthside.alignment.hints_seen import pack_hints
from hearthside.alignment.kinds import rule_of
from hearthside.alignment.naive import parse_naive
from hearthside.alignment.offsets import MINUTES
from hearthside.alignment.revisions import revision_name
from hearthside.alignment.store import facts_of, facts_of_samples
from hearthside.alignment.tracks import heard_offsets
from hearthside.alignment.zones import ZoneRun, zone_runs
from hearthside.events import DAY_MS
from hearthside.journal import Journal


@dataclass(slots=True)
class ReadyChunk:
    """A chunk ready to be written; `facts` are the columns of `ChunkFacts` from `events` on."""

    day: int
    events: bytes
    minutes: bytes
    facts: tuple[object, ...]
    zones: bytes = b""
    hints: bytes = b""


@dataclass(slots=True)
class Keyed:
    """A record with a key of its own, which a later revision may replace."""

    name: bytes
    seq: int
    id: bytes
    day: int


@dataclass(slots=True)
class Batch:
    """What became of the records that begin in a run of raw UTC days, and of the chunks of these days.

    Attributes:
        chunks: by stream, in order of day.
        clocks: by stream and clock the first and last raw time.
        longest_ms: by stream of samples the longest series.
        units: by stream of samples the unit.
        keyed: records with a key.
        spoken: see `book.spoken_in`.
        naive: streams and raw days of naive local times, to be placed once the person's offset is known.
        offsets: see `tracks.heard_offsets`.
        reach: by stream of samples the last day that one of its series reaches, where that is after this run.
    """

    first_day: int
    last_day: int
    chunks: dict[StreamName, list[ReadyChunk]] = field(default_factory=dict)
    clocks: dict[StreamName, dict[str, tuple[int, int]]] = field(default_factory=dict)
    longest_ms: dict[StreamName, int] = field(default_factory=dict)
    units: dict[StreamName, str] = field(default_factory=dict)
    keyed: list[Keyed] = field(default_factory=list)
    spoken: dict[tuple[str, int], tuple[int, int, int]] = field(default_factory=dict)
    naive: dict[StreamName, set[int]] = field(default_factory=dict)
    offsets: dict[int, bytes] = field(default_factory=dict)
    reach: dict[StreamName, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aligning:
    """What a worker needs to align runs of days: secret, it holds the keys of the journal.

    Attributes:
        folder: of the vault.
        keys: of the journal, the one in force first.
        upto: see `align_batch`.
    """

    folder: Path
    keys: tuple[bytes, ...]
    clocks: KnownClocks
    upto: int

    @contextmanager
    def begin(self) -> Iterator[Callable[[range], Batch]]:
        """Open the journal; what aligns one run of days."""
        journal = Journal(self.folder, self.keys[0], lambda: 0, former_keys=self.keys[1:])  # it writes nothing
        try:
            yield lambda days: align_batch(journal, self.clocks, days, self.upto)
        finally:
            journal.close()


def align_batch(journal: Journal, clocks: KnownClocks, days: range, upto: int) -> Batch:
    """Read and align a run of UTC days.

    Args:
        upto: position in the journal; events after it are aligned, but not counted: that is done as they are marked.

    Nothing is carried in from before the first day, and samples of series that began before it are left out: who
    writes it marks the days that are to be put together (`Batch.reach`).
    """
    batch = Batch(days[0], days[-1], offsets=heard_offsets(journal, days))
    first, last = days[0] * DAY_MS, (days[-1] + 1) * DAY_MS
    rows = chain.from_iterable(
        journal.bodies_between(*bounds) for bounds in clocks.raw_ranges(clocks.placements, first, last)
    )
    for name, gathered in gather(rows).items():
        if name.series:
            batch.units[name] = gathered.bodies[-1].unit
        inside = gathered.between(first, last)
        _note(batch, inside, upto)
        latest = _latest(batch, gathered, inside)
        if any(parse_naive(clock) is not None for clock in batch.clocks.get(name, ())):
            batch.naive[name] = {start // DAY_MS for start in inside.starts}
        elif name.series:
            _samples(batch, latest, days, clocks)
        else:
            _events(batch, latest, days, clocks)
    return batch


def _note(batch: Batch, rows: Gathered, upto: int) -> None:
    """What a stream says of its clocks and its length."""
    if not rows:
        return
    name = rows.name
    batch.clocks[name] = rows.clock_bounds()
    for key, said in book.spoken_in(rows, upto).items():
        batch.spoken[key] = book.added(batch.spoken.get(key), said)
    if name.series:
        batch.longest_ms[name] = rows.longest_ms()


def _latest(batch: Batch, rows: Gathered, inside: Gathered) -> Gathered:
    """The rows without those that another one of them replaces."""
    if not any(rows.keys):
        return rows
    newest: dict[str, int] = {}
    for key, seq in zip(rows.keys, rows.seqs, strict=True):
        if newest.get(key, -1) < seq:
            newest[key] = seq
    name = rows.name
    for key, seq, identity, start in zip(inside.keys, inside.seqs, inside.ids, inside.starts, strict=True):
        revision = revision_name(name.source, name.kind, key)
        if revision is not None:
            batch.keyed.append(Keyed(revision, seq, identity, start // DAY_MS))
    return rows.only(lambda i: not rows.keys[i] or newest[rows.keys[i]] == rows.seqs[i])


def _events(batch: Batch, rows: Gathered, days: range, clocks: KnownClocks) -> None:
    found = split_by_day(event_columns(rows, clocks), days)
    if not found:
        return
    name = rows.name
    rule, carried = rule_of(name.kind), nothing_carried()
    nothing = event_columns(Gathered(name), clocks)
    ready = []
    for day in range(min(found), days[-1] + 1):
        own = found.get(day, nothing)
        if not len(own) and not len(carried.ids):
            continue
        chunk = make_chunk(day, own, carried, rule)
        zones = _zones(name, day, found)
        hints = pack_hints(own) if name.kind in HINT_KINDS else b""
        ready.append(
            ReadyChunk(day, pack_events(own), pack_minutes(carried, chunk.minutes), facts_of(chunk), zones, hints)
        )
        carried = carry_out(chunk, rule)
    batch.chunks[name] = ready


def _zones(name: StreamName, day: int, found: Mapping[int, EventColumns]) -> bytes:
    if name.kind != "position" or day not in found:
        return b""
    own = found[day]
    return pack_zones(zone_runs(own.start_ms, own.numbers["lat"], own.numbers["lon"]))


def pack_zones(runs: Sequence[ZoneRun]) -> bytes:
    """Zone runs as bytes."""
    return orjson.dumps([[run.first_ms, run.last_ms, run.zone] for run in runs])


def _samples(batch: Batch, rows: Gathered, days: range, clocks: KnownClocks) -> None:
    reach = max(((end - 1) // DAY_MS for _, end, _ in placed_series(rows, clocks)), default=days[-1])
    if reach > days[-1]:
        batch.reach[rows.name] = reach
    found = sample_days(rows, days, clocks)
    if found:
        batch.chunks[rows.name] = [
            ReadyChunk(
                day, b"", squeeze(np.ascontiguousarray(found[day].values).tobytes()), facts_of_samples(day, found[day])
            )
            for day in sorted(found)
        ]


def whole_day() -> tuple[int, int]:
    """The minutes that a new chunk changes: all of them."""
    return 0, MINUTES - 1
