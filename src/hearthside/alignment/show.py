"""Slices and days of the life stream as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hearthside.alignment.block import COVERED, LAYERS, SILENT, DayBlock
from hearthside.alignment.kinds import amount_of, note_of, rule_of, shown_text
from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.alignment.views import Coverage, CoverageRun, DayView, Lane, LaneItem, LayerSlice, SeriesLine, SliceView
from hearthside.events import DAY_MS, MINUTE_MS, Event, Layer, Precision, day_number, local_datetime
from hearthside.journal import Journal

_COVERAGE = {COVERED: Coverage.COVERED, SILENT: Coverage.SILENT}


def show_slice(stream: LifeStream, journal: Journal, ms: int) -> SliceView:
    """Everything known about the minute that holds `ms`."""
    minute_ms = ms // MINUTE_MS * MINUTE_MS
    day, minute = minute_ms // DAY_MS, minute_ms % DAY_MS // MINUTE_MS
    block = stream.block(day)
    offsets, sure = stream.offsets_on(day)
    offset, known = int(offsets[minute]), bool(sure[minute])
    local = local_datetime(minute_ms, offset)
    local_day = local.date().isoformat()
    layers = [_layer_slice(block, journal, layer, index, minute_ms) for index, layer in enumerate(LAYERS)]
    samples = {}
    for column in block.samples if block else []:
        value = float(column.values[minute])
        if not np.isnan(value):
            samples[f"{column.source}.{column.measure}"] = value
    return SliceView(
        minute_ms, local.isoformat(timespec="minutes"), local_day, offset, known, layers, samples,
        _day_items(stream, local_day),
    )  # fmt: skip


def show_day(stream: LifeStream, day: str) -> DayView:
    """One local day: six lanes, their coverage, the regular measures, and what is said of the day as a whole."""
    number = day_number(day)
    blocks = {n: block for n in (number - 1, number, number + 1) if (block := stream.block(n)) is not None}
    utc, offsets, known = _offsets_around(stream, number)
    minutes, at = _local_minutes(utc, offsets, number)
    start_ms, end_ms = int(minutes[0]) * MINUTE_MS, (int(minutes[-1]) + 1) * MINUTE_MS
    found = [o for o in stream.occurrences(start_ms=start_ms, end_ms=end_ms) if o.precision is not Precision.DAY]
    lanes = [
        Lane(layer, [_item(o) for o in found if o.layer is layer], _coverage_runs(blocks, minutes, index))
        for index, layer in enumerate(LAYERS)
    ]
    return DayView(
        day, start_ms, end_ms, int(offsets[at]), bool(known[at]), lanes, _series_lines(blocks, minutes),
        _day_items(stream, day),
    )  # fmt: skip


def _offsets_around(
    stream: LifeStream, number: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """UTC minute numbers of a day, the day before and the day after, with offset and whether a source carried it."""
    parts = [stream.offsets_on(n) for n in (number - 1, number, number + 1)]
    utc = np.arange((number - 1) * 1440, (number + 2) * 1440, dtype=np.int64)
    offsets = np.concatenate([offset for offset, _ in parts]).astype(np.int64)
    return utc, offsets, np.concatenate([known for _, known in parts])


def _local_minutes(
    utc: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], number: int
) -> tuple[npt.NDArray[np.int64], int]:
    """UTC minute numbers from the first to the last whose local date is the day, and the place of its noon in `utc`.

    There are 1,440 of them, but 1,380 or 1,500 where clocks change, and more or fewer on a day of travel. A date that
    was skipped at the date line has one minute: the one at which it was skipped.
    """
    local = (utc + offsets) // 1440
    inside = np.flatnonzero(local == number)
    if not len(inside):
        at = int(np.flatnonzero(local > number)[0])
        return utc[at : at + 1], at
    first, last = int(inside[0]), int(inside[-1])
    return utc[first : last + 1], (first + last + 1) // 2


def _coverage_runs(blocks: dict[int, DayBlock], minutes: npt.NDArray[np.int64], layer: int) -> list[CoverageRun]:
    values = [int(blocks[m // 1440].coverage[layer][m % 1440]) if m // 1440 in blocks else 0 for m in minutes.tolist()]
    runs: list[CoverageRun] = []
    begin = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[begin]:
            state = _COVERAGE.get(values[begin], Coverage.UNKNOWN)
            runs.append(CoverageRun(int(minutes[begin]) * MINUTE_MS, (int(minutes[i - 1]) + 1) * MINUTE_MS, state))
            begin = i
    return runs


def _series_lines(blocks: dict[int, DayBlock], minutes: npt.NDArray[np.int64]) -> list[SeriesLine]:
    names = sorted({(c.source, c.measure, c.unit, c.layer) for block in blocks.values() for c in block.samples})
    lines = []
    for source, measure, unit, layer in names:
        columns = {n: c for n, b in blocks.items() for c in b.samples if (c.source, c.measure) == (source, measure)}
        values = [
            float(columns[m // 1440].values[m % 1440]) if m // 1440 in columns else np.nan for m in minutes.tolist()
        ]
        if not np.isnan(values).all():
            lines.append(SeriesLine(source, measure, unit, layer, [None if v != v else v for v in values]))
    return lines


def _layer_slice(block: DayBlock | None, journal: Journal, layer: Layer, index: int, minute_ms: int) -> LayerSlice:
    if block is None:
        return LayerSlice(layer, Coverage.UNKNOWN, [], [])
    minute = minute_ms % DAY_MS // MINUTE_MS
    now: list[bytes] = []
    held: list[bytes] = []
    for stream in block.streams:
        if stream.layer is not layer:
            continue
        ends = np.maximum(stream.end_ms, stream.start_ms + 1)
        overlaps = (stream.start_ms < minute_ms + MINUTE_MS) & (ends > minute_ms)
        now += [stream.ids[i] for i in np.flatnonzero(overlaps)]
        rule = rule_of(stream.kind)
        if rule.per:
            earlier = (stream.start_ms < minute_ms) & (stream.start_ms >= minute_ms - rule.tolerance_min * MINUTE_MS)
            held += [stream.ids[i] for i in np.flatnonzero(earlier & ~overlaps)]
        elif not overlaps.any() and stream.last[minute] >= 0:
            held.append(stream.ids[int(stream.last[minute])])
    stored = journal.get([*now, *held])
    state = _COVERAGE.get(int(block.coverage[index][minute]), Coverage.UNKNOWN)
    events = {i: s.record for i, s in stored.items() if isinstance(s.record, Event)}
    shown = [event_item(i.hex(), events[i]) for i in now if i in events]
    return LayerSlice(layer, state, shown, _last_words(held, now, events, minute_ms))


def _last_words(
    held: Iterable[bytes], now: Iterable[bytes], events: dict[bytes, Event], minute_ms: int
) -> list[tuple[LaneItem, int]]:
    """The latest earlier event of each stream (of each entity, where a kind is kept apart), with its age in seconds."""
    latest: dict[tuple[str, str, str], tuple[bytes, Event]] = {}
    speaking = {_apart(events[i]) for i in now if i in events and rule_of(events[i].kind).per}
    for identity in held:
        event = events.get(identity)
        if event is None or _apart(event) in speaking:
            continue
        name = _apart(event)
        if name not in latest or latest[name][1].start_ms <= event.start_ms:
            latest[name] = (identity, event)
    items = [
        (event_item(identity.hex(), event), (minute_ms - event.start_ms) // 1000) for identity, event in latest.values()
    ]
    return sorted(items, key=lambda pair: (pair[1], pair[0].id))


def _apart(event: Event) -> tuple[str, str, str]:
    per = rule_of(event.kind).per
    return event.source, event.kind, str(event.payload.get(per, "")) if per else ""


def event_item(identity: str, event: Event) -> LaneItem:
    """An event as a lane shows it."""
    return LaneItem(
        identity, event.source, event.kind, event.layer, event.start_ms, event.end_ms,
        shown_text(event.kind, event.text, amount_of(event)), note_of(event), event.origin, event.precision,
        event.uncertainty_ms,
    )  # fmt: skip


def _item(o: Occurrence) -> LaneItem:
    return LaneItem(
        o.id.hex(), o.source, o.kind, o.layer, o.start_ms, o.end_ms,
        shown_text(o.kind, o.text, o.amount), o.note, o.origin, o.precision, o.uncertainty_ms,
    )  # fmt: skip


def _day_items(stream: LifeStream, day: str) -> list[LaneItem]:
    return [_item(o) for o in stream.occurrences(local_days=(day, day)) if o.precision is Precision.DAY]
