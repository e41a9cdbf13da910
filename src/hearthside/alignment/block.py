"""One UTC day of the life stream: minute columns for every stream, samples, offsets and coverage, packed in bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.kernel import INSTANT, covered_minutes, minute_columns, minute_samples, touched_minutes
from hearthside.alignment.kinds import is_life, rule_of
from hearthside.alignment.offsets import MINUTES, minute_offsets
from hearthside.events import Event, Json, Layer, Precision, Series
from hearthside.journal import Stored

UNKNOWN, SILENT, COVERED = 0, 1, 2
LAYERS = tuple(Layer)


@dataclass(frozen=True, slots=True)
class StreamColumns:
    """One stream (source and kind) over one UTC day.

    Attributes:
        ids: the events that touch the day or still hold in it, (n,) of 16 bytes, in order of (start, id).
        start_ms, end_ms: (n,); end_ms -1 for an instant.
        count: (1440,) events in or overlapping each minute.
        last: (1440,) index of the latest event that still holds, or -1.
    """

    layer: Layer
    source: str
    kind: str
    ids: list[bytes]
    start_ms: npt.NDArray[np.int64]
    end_ms: npt.NDArray[np.int64]
    count: npt.NDArray[np.uint16]
    last: npt.NDArray[np.int32]


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
        offset_known: (1440,) whether a source carried it.
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


def latest_revisions(stored: Iterable[Stored]) -> list[Stored]:
    """Of records with the same source, kind and natural key only the one that arrived last; order by (start, id)."""
    newest: dict[tuple[str, str, str], Stored] = {}
    kept = []
    for item in stored:
        if not item.record.key:
            kept.append(item)
            continue
        name = (item.record.source, item.record.kind, item.record.key)
        if name not in newest or newest[name].seq < item.seq:
            newest[name] = item
    return sorted([*kept, *newest.values()], key=lambda item: (item.record.start_ms, item.id))


def align_day(day: int, stored: Iterable[Stored], observed: npt.NDArray[np.int64], zone: tzinfo) -> DayBlock:
    """Line up one UTC day.

    Args:
        day: days since 1970-01-01.
        stored: every record that starts in the day or the 24 h before it, and every longer interval that reaches in.
        observed: offsets carried by sources, see `minute_offsets`.
        zone: the home zone.
    """
    groups: dict[tuple[int, str, str], list[tuple[bytes, Event]]] = {}
    series: dict[tuple[int, str, str], list[Series]] = {}
    for item in latest_revisions(stored):
        record = item.record
        if not is_life(record.kind):
            continue
        name = (LAYERS.index(record.layer), record.source, record.kind)
        if isinstance(record, Series):
            series.setdefault(name, []).append(record)
        elif record.precision is not Precision.DAY:
            groups.setdefault(name, []).append((item.id, record))
    streams = [column for name, events in sorted(groups.items()) if (column := _stream(day, name, events)) is not None]
    samples = [line for name, parts in sorted(series.items()) if (line := _samples(day, name, parts)) is not None]
    offset_min, offset_known = minute_offsets(day, observed, zone)
    return DayBlock(day, streams, samples, offset_min, offset_known, _coverage(day, groups, samples))


def _stream(day: int, name: tuple[int, str, str], events: list[tuple[bytes, Event]]) -> StreamColumns | None:
    start_ms, end_ms = _bounds(events)
    tolerance = rule_of(name[2]).tolerance_min
    _, final = touched_minutes(day, start_ms, end_ms)
    reaches = np.flatnonzero(final + tolerance >= 0)
    if not len(reaches):
        return None
    start_ms, end_ms = start_ms[reaches], end_ms[reaches]
    count, last = minute_columns(day, start_ms, end_ms, tolerance)
    ids = [events[i][0] for i in reaches.tolist()]
    return StreamColumns(LAYERS[name[0]], name[1], name[2], ids, start_ms, end_ms, count, last)


def _bounds(events: list[tuple[bytes, Event]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    start_ms = np.array([event.start_ms for _, event in events], dtype=np.int64)
    end_ms = np.array([INSTANT if event.end_ms is None else event.end_ms for _, event in events], dtype=np.int64)
    return start_ms, end_ms


def _samples(day: int, name: tuple[int, str, str], parts: list[Series]) -> SampleColumn | None:
    values = np.full(MINUTES, np.nan)
    for part in parts:
        column = minute_samples(day, part.start_ms, part.step_ms, part.values)
        values = np.where(np.isnan(column), values, column)
    if np.isnan(values).all():
        return None
    return SampleColumn(LAYERS[name[0]], name[1], name[2], parts[-1].unit, values)


def _coverage(
    day: int, groups: dict[tuple[int, str, str], list[tuple[bytes, Event]]], samples: list[SampleColumn]
) -> npt.NDArray[np.uint8]:
    coverage = np.zeros((len(LAYERS), MINUTES), dtype=np.uint8)
    minutes = np.arange(MINUTES)
    for (layer, _, kind), events in groups.items():
        covered, heard = covered_minutes(day, *_bounds(events), rule_of(kind).cadence_min)
        if heard is not None:
            between = (minutes >= heard[0]) & (minutes <= heard[1])
            coverage[layer] = np.maximum(
                coverage[layer], np.where(covered, COVERED, np.where(between, SILENT, UNKNOWN))
            )
    for column in samples:
        index = LAYERS.index(column.layer)
        coverage[index] = np.maximum(coverage[index], np.where(np.isnan(column.values), UNKNOWN, COVERED))
    return coverage


def pack(block: DayBlock) -> bytes:
    """The block as bytes; equal blocks give equal bytes."""
    arrays: list[npt.NDArray[np.generic]] = [block.offset_min, block.offset_known, block.coverage]
    streams: list[Json] = []
    for stream in block.streams:
        streams.append([stream.layer.value, stream.source, stream.kind, len(stream.ids)])
        arrays += [np.frombuffer(b"".join(stream.ids), dtype=np.uint8), stream.start_ms, stream.end_ms]
        arrays += [stream.count, stream.last]
    samples: list[Json] = []
    for column in block.samples:
        samples.append([column.layer.value, column.source, column.measure, column.unit])
        arrays.append(column.values)
    header = orjson.dumps({"day": block.day, "streams": streams, "samples": samples})
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return zlib.compress(len(header).to_bytes(4, "little") + header + body, 1)


def unpack(raw: bytes) -> DayBlock:
    """The block that `pack` made."""
    content = zlib.decompress(raw)
    size = int.from_bytes(content[:4], "little")
    header = orjson.loads(content[4 : 4 + size])
    position = 4 + size

    def take(dtype: type[np.generic], count: int) -> npt.NDArray[np.generic]:
        nonlocal position
        array = np.frombuffer(content, dtype=dtype, count=count, offset=position)
        position += array.nbytes
        return array

    offset_min = take(np.int16, MINUTES)
    offset_known = take(np.bool_, MINUTES)
    coverage = take(np.uint8, len(LAYERS) * MINUTES).reshape(len(LAYERS), MINUTES)
    streams = []
    for layer, source, kind, n in header["streams"]:
        packed = take(np.uint8, 16 * n).tobytes()
        ids = [packed[16 * i : 16 * i + 16] for i in range(n)]
        start, end = take(np.int64, n), take(np.int64, n)
        count, last = take(np.uint16, MINUTES), take(np.int32, MINUTES)
        streams.append(StreamColumns(Layer(layer), source, kind, ids, start, end, count, last))  # type: ignore[arg-type]
    samples = [
        SampleColumn(Layer(layer), source, measure, unit, take(np.float64, MINUTES))  # type: ignore[arg-type]
        for layer, source, measure, unit in header["samples"]
    ]
    return DayBlock(header["day"], streams, samples, offset_min, offset_known, coverage)  # type: ignore[arg-type]
