"""One UTC day of the life stream as a whole: minutes of every stream, samples, the person's offset, coverage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import apsw
import numpy as np
import numpy.typing as npt

from hearthside.alignment.aligning import SampleDay, StreamName
from hearthside.alignment.chunk import Chunk
from hearthside.alignment.columns import NO_END
from hearthside.alignment.kernel import INSTANT
from hearthside.alignment.offsets import MINUTES, OffsetTrack
from hearthside.alignment.store import NEVER_HEARD, ChunkFacts, Store
from hearthside.events import DAY_MS, MINUTE_MS, Layer

UNKNOWN, SILENT, COVERED = 0, 1, 2
LAYERS = tuple(Layer)
SILENCE_MIN = 24 * 60
"""Between two words of a source that are no farther apart, minutes, it was listening and had nothing to say."""


@dataclass(frozen=True, slots=True)
class StreamColumns:
    """One stream (source and kind) over one UTC day.

    Attributes:
        ids: the events that touch the day or still hold in it, (n,) of 16 bytes, in order of (start, id).
        start_ms, end_ms: (n,); end_ms -1 for an instant.
        count: (1440,) events in or overlapping each minute.
        last: (1440,) index of the latest event that still holds, or -1.
        coverage: (1440,) 0 unknown, 1 silent, 2 covered.
    """

    layer: Layer
    source: str
    kind: str
    ids: list[bytes]
    start_ms: npt.NDArray[np.int64]
    end_ms: npt.NDArray[np.int64]
    count: npt.NDArray[np.uint16]
    last: npt.NDArray[np.int32]
    coverage: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """One regular measure over one UTC day, (1440,), NaN where there is none."""

    layer: Layer
    source: str
    measure: str
    unit: str
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DayBlock:
    """All that the life stream knows of one UTC day, minute by minute.

    Attributes:
        offset_min: (1440,) the person's UTC offset.
        offset_known: (1440,) whether a source carried it, or it follows from what sources carried.
        coverage: (6, 1440) in the order of `LAYERS`: 0 unknown, 1 silent, 2 covered.
    """

    day: int
    streams: list[StreamColumns]
    samples: list[SampleColumn]
    offset_min: npt.NDArray[np.int16]
    offset_known: npt.NDArray[np.bool_]
    coverage: npt.NDArray[np.uint8]

    @property
    def empty(self) -> bool:
        """Nothing was heard that day."""
        return not self.streams and not self.samples


def read_block(
    connection: apsw.Connection, store: Store, track: OffsetTrack, day: int, present_ms: int | None = None
) -> DayBlock:
    """A UTC day, from its chunks and the bounds of those beside it.

    Args:
        present_ms: present time, UTC: that a source would have spoken again says nothing of what has not come yet, so
            nothing holds beyond it but what a source itself said of later. None: as if everything had passed.
    """
    near: dict[int, dict[int, ChunkFacts]] = {}
    for fact in store.facts(connection, day - 1, day + 1):
        near.setdefault(fact.stream, {})[fact.day] = fact
    names = store.names(connection)
    streams, samples = [], []
    for number in sorted((n for n in near if day in near[n] and n in names), key=lambda n: names[n]):
        name, fact = names[number], near[number][day]
        if name.series:
            found = store.samples(connection, number, day, fact.version)
            if found is not None:
                samples.append(_sample_column(name, found))
            continue
        chunk = store.chunk(connection, number, day, fact.version)
        columns = None if chunk is None else _stream_columns(name, chunk, near[number])
        if columns is not None:
            streams.append(columns if present_ms is None else until_present(columns, day, present_ms))
    minutes = day * DAY_MS + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
    coverage = _coverage(streams, samples)
    return DayBlock(day, streams, samples, track.at(minutes).astype(np.int16), track.sure(minutes), coverage)


def until_present(columns: StreamColumns, day: int, present_ms: int) -> StreamColumns:
    """The same stream of a UTC day without what would hold after the present and after its own last word."""
    heard = np.flatnonzero(columns.count)
    passed = present_ms // MINUTE_MS - day * MINUTES + 1  # minutes of the day that have begun
    first = max(passed, int(heard[-1]) + 1 if len(heard) else 0)
    if first >= MINUTES:
        return columns
    coverage, last = columns.coverage.copy(), columns.last.copy()
    coverage[first:], last[first:] = UNKNOWN, -1
    return replace(columns, coverage=coverage, last=last)


def _sample_column(name: StreamName, found: SampleDay) -> SampleColumn:
    return SampleColumn(Layer(name.layer), name.source, name.kind, found.unit, found.values)


def _stream_columns(name: StreamName, chunk: Chunk, near: dict[int, ChunkFacts]) -> StreamColumns | None:
    timed = chunk.timed
    raw = chunk.carried.ids.tobytes() + chunk.own.ids[timed].tobytes()
    ids = [raw[16 * i : 16 * i + 16] for i in range(len(raw) // 16)]
    if not ids:
        return None
    start = np.concatenate([chunk.carried.start_ms, chunk.own.start_ms[timed]])
    end = np.concatenate([chunk.carried.end_ms, chunk.own.end_ms[timed]])
    return StreamColumns(
        Layer(name.layer), name.source, name.kind, ids, start, np.where(end == NO_END, INSTANT, end),
        chunk.minutes.count, chunk.minutes.last, _covered_or_silent(chunk, near),
    )  # fmt: skip


def _covered_or_silent(chunk: Chunk, near: dict[int, ChunkFacts]) -> npt.NDArray[np.uint8]:
    """Silent are the minutes between two words that are at most `SILENCE_MIN` apart, and not covered by the first."""
    heard = np.flatnonzero(chunk.minutes.count)
    before, after = near.get(chunk.day - 1), near.get(chunk.day + 1)
    words = [int(m) for m in heard]
    if before is not None and before.heard_last != NEVER_HEARD:
        words.insert(0, before.heard_last - MINUTES)
    if after is not None and after.heard_first != NEVER_HEARD:
        words.append(after.heard_first + MINUTES)
    found = np.zeros(MINUTES, dtype=np.uint8)
    if len(words) > 1:
        at = np.array(words)
        for i in np.flatnonzero((np.diff(at) > 1) & (np.diff(at) <= SILENCE_MIN)).tolist():
            found[max(at[i], 0) : max(at[i + 1], 0)] = SILENT
    found[chunk.minutes.covered] = COVERED
    return found


def _coverage(streams: Iterable[StreamColumns], samples: Iterable[SampleColumn]) -> npt.NDArray[np.uint8]:
    coverage = np.zeros((len(LAYERS), MINUTES), dtype=np.uint8)
    for stream in streams:
        lane = coverage[LAYERS.index(stream.layer)]
        np.maximum(lane, stream.coverage, out=lane)
    for column in samples:
        lane = coverage[LAYERS.index(column.layer)]
        np.maximum(lane, np.where(np.isnan(column.values), UNKNOWN, COVERED).astype(np.uint8), out=lane)
    return coverage
