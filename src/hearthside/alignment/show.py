"""Slices and days of the life stream as a person reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hearthside.alignment.block import COVERED, LAYERS, SILENT, DayBlock
from hearthside.alignment.episodes import Episode
from hearthside.alignment.episodes.stay import NAME as STAY
from hearthside.alignment.kernel import INSTANT
from hearthside.alignment.kinds import rule_of, shown_text
from hearthside.alignment.local_days import offset_runs
from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.rhythms import rhythm_view
from hearthside.alignment.span_view import episode_items, span_view
from hearthside.alignment.stream import LifeStream
from hearthside.alignment.views import (
    Coverage,
    CoverageRun,
    DayView,
    EpisodeItem,
    Lane,
    LaneItem,
    LayerSlice,
    Provisional,
    RhythmView,
    SeriesLine,
    SliceView,
    SourceCoverage,
    SpanView,
    YearView,
)
from hearthside.alignment.visits import Visit
from hearthside.alignment.year_view import EPISODE_KINDS, year_view
from hearthside.events import DAY_MS, MINUTE_MS, Event, Layer, Precision, day_number, iso_day, local_datetime
from hearthside.journal import Journal

COVERAGE_DAYS = 14
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
    shown = _Shown(stream, journal)
    layers = [_layer_slice(block, shown, layer, index, minute_ms) for index, layer in enumerate(LAYERS)]
    samples = {}
    for column in block.samples if block else []:
        value = float(column.values[minute])
        if not np.isnan(value):
            samples[f"{column.source}.{column.measure}"] = value
    late = [one for one in _provisional(stream, block, minute_ms + MINUTE_MS) if one.from_ms <= minute_ms]
    return SliceView(
        minute_ms, local.isoformat(timespec="minutes"), local_day, offset, known, layers, samples,
        _day_items(stream, local_day), _running(stream, minute_ms, minute_ms + MINUTE_MS), late,
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
    last = blocks.get(int(minutes[-1]) // 1440)
    return DayView(
        day, start_ms, end_ms, int(offsets[at]), bool(known[at]), lanes, _series_lines(blocks, minutes),
        _day_items(stream, day), _running(stream, start_ms, end_ms), offset_runs(stream.track(), start_ms, end_ms),
        _source_coverage(blocks, minutes, found), _provisional(stream, last, end_ms),
    )  # fmt: skip


def _running(stream: LifeStream, start_ms: int, end_ms: int) -> list[EpisodeItem]:
    """Episodes and visits; of stays the visits they make."""
    episodes = [one for one in stream.episodes(start_ms, end_ms) if one.kind != STAY]
    visits = [as_episode(visit) for visit in stream.visits(start_ms, end_ms)]
    return episode_items([*episodes, *visits], start_ms, end_ms)


def _provisional(stream: LifeStream, block: DayBlock | None, end_ms: int) -> list[Provisional]:
    """Sources heard around a day that may still say something of the time before `end_ms`."""
    layers = {one.source: one.layer for one in block.streams} if block else {}
    layers |= {one.source: one.layer for one in block.samples} if block else {}
    return [
        Provisional(mark.source, layers[mark.source], mark.settled_ms)
        for mark in stream.watermarks()
        if mark.source in layers and mark.settled_ms < end_ms
    ]


def _source_coverage(
    blocks: dict[int, DayBlock], minutes: npt.NDArray[np.int64], found: list[Occurrence]
) -> list[SourceCoverage]:
    """Each source of each layer with its coverage through the day."""
    states: dict[tuple[int, str], npt.NDArray[np.uint8]] = {}
    for number, block in blocks.items():
        inside = np.flatnonzero(minutes // 1440 == number)
        said = [(one.layer, one.source, one.coverage) for one in block.streams]
        said += [(c.layer, c.source, np.where(np.isnan(c.values), 0, COVERED).astype(np.uint8)) for c in block.samples]
        for layer, source, coverage in said:
            lane = states.setdefault((LAYERS.index(layer), source), np.zeros(len(minutes), dtype=np.uint8))
            lane[inside] = np.maximum(lane[inside], coverage[minutes[inside] % 1440])
    counts = Counter((LAYERS.index(o.layer), o.source) for o in found)
    return [
        SourceCoverage(source, LAYERS[layer], counts[layer, source], _runs(states[layer, source].tolist(), minutes))
        for layer, source in sorted(states)
        if states[layer, source].any()
    ]


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
    return _runs(values, minutes)


def _runs(values: list[int], minutes: npt.NDArray[np.int64]) -> list[CoverageRun]:
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


class _Shown:
    """Events by id as lanes show them, at their corrected times; each is looked up once."""

    def __init__(self, stream: LifeStream, journal: Journal) -> None:
        self._stream, self._journal = stream, journal

    def items(self, ids: Iterable[bytes]) -> dict[bytes, LaneItem]:
        """Those that are part of the life stream."""
        found = {identity: self._stream.get(identity) for identity in ids}
        return {identity: _item(o) for identity, o in found.items() if o is not None}

    def apart(self, kind: str, ids: Iterable[bytes]) -> dict[bytes, str]:
        """By what the last words of a kind are kept apart (one light is not another)."""
        per = rule_of(kind).per
        if not per:
            return {}
        stored = self._journal.get(ids).items()
        return {i: str(s.record.payload.get(per, "")) for i, s in stored if isinstance(s.record, Event)}


def _layer_slice(block: DayBlock | None, shown: _Shown, layer: Layer, index: int, minute_ms: int) -> LayerSlice:
    if block is None:
        return LayerSlice(layer, Coverage.UNKNOWN, [], [])
    minute = minute_ms % DAY_MS // MINUTE_MS
    now: list[LaneItem] = []
    last: list[tuple[LaneItem, int]] = []
    for stream in block.streams:
        if stream.layer is not layer:
            continue
        ends = np.maximum(stream.end_ms, stream.start_ms + 1)
        overlaps = (stream.start_ms < minute_ms + MINUTE_MS) & (ends > minute_ms)
        speaking = [stream.ids[i] for i in np.flatnonzero(overlaps)]
        rule = rule_of(stream.kind)
        held: list[bytes] = []
        if rule.per:
            earlier = (stream.start_ms < minute_ms) & (stream.start_ms >= minute_ms - rule.tolerance_min * MINUTE_MS)
            earlier &= ~overlaps & ((stream.end_ms == INSTANT) | (not rule.until_end))
            held = [stream.ids[i] for i in np.flatnonzero(earlier)]
        elif not overlaps.any() and stream.last[minute] >= 0:
            held = [stream.ids[int(stream.last[minute])]]
        items = shown.items([*speaking, *held])
        now += [items[i] for i in speaking if i in items]
        last += _last_words(stream.kind, speaking, held, items, shown, minute_ms)
    state = _COVERAGE.get(int(block.coverage[index][minute]), Coverage.UNKNOWN)
    return LayerSlice(layer, state, now, sorted(last, key=lambda pair: (pair[1], pair[0].id)))


def _last_words(
    kind: str,
    speaking: list[bytes],
    held: list[bytes],
    items: dict[bytes, LaneItem],
    shown: _Shown,
    minute_ms: int,
) -> list[tuple[LaneItem, int]]:
    """The latest earlier event of a stream (of each entity, where a kind is kept apart), with its age in seconds."""
    names = shown.apart(kind, [*speaking, *held])
    taken = {names[identity] for identity in speaking if identity in names}
    latest: dict[str, LaneItem] = {}
    for identity in held:
        name = names.get(identity, "")
        if identity in items and (not names or name not in taken):
            known = latest.get(name)
            if known is None or known.start_ms <= items[identity].start_ms:
                latest[name] = items[identity]
    return [(item, (minute_ms - item.start_ms) // 1000) for item in latest.values()]


def _item(o: Occurrence) -> LaneItem:
    return LaneItem(
        o.id.hex(), o.source, o.kind, o.layer, o.start_ms, o.end_ms,
        shown_text(o.kind, o.text, o.amount), o.note, o.origin, o.precision, o.uncertainty_ms, o.raw_ms,
    )  # fmt: skip


def _day_items(stream: LifeStream, day: str) -> list[LaneItem]:
    return [_item(o) for o in stream.occurrences(local_days=(day, day)) if o.precision is Precision.DAY]


# -- longer spans ------------------------------------------------------------------------------------------------------


def show_span(stream: LifeStream, first_day: str, last_day: str) -> SpanView:
    """The local days from the first to the last; of up to two weeks with their coverage minute by minute."""
    track, first, last = stream.track(), day_number(first_day), day_number(last_day)
    start_ms, end_ms = (first - 1) * DAY_MS, (last + 2) * DAY_MS
    coverage = {}
    if last - first < COVERAGE_DAYS:
        coverage = {day: _day_coverage(stream, day) for day in map(iso_day, range(first, last + 1))}
    sums = stream.day_sums(first - 1, last + 1)
    return span_view(first_day, last_day, sums, _episodes(stream, start_ms, end_ms), track, coverage)


def _day_coverage(stream: LifeStream, day: str) -> list[list[CoverageRun]]:
    number = day_number(day)
    blocks = {n: block for n in (number - 1, number, number + 1) if (block := stream.block(n)) is not None}
    utc, offsets, _ = _offsets_around(stream, number)
    minutes, _ = _local_minutes(utc, offsets, number)
    return [_coverage_runs(blocks, minutes, index) for index in range(len(LAYERS))]


def show_year(stream: LifeStream, year: int, measure: str = "", years: int = 1) -> YearView:
    """A year, and those before it, as maps of one measure; no chunk is opened."""
    wanted = [year - n for n in range(years)]
    first, last = day_number(f"{wanted[-1]:04d}-01-01"), day_number(f"{year:04d}-12-31")
    episodes = stream.episodes((first - 1) * DAY_MS, (last + 2) * DAY_MS, EPISODE_KINDS)
    return year_view(wanted, measure, stream.day_sums(first - 1, last + 1), episodes, stream.track())


def show_rhythm(stream: LifeStream, first_day: str, last_day: str) -> RhythmView:
    """Sleep, work, home and away of the local days from the first to the last."""
    start_ms, end_ms = (day_number(first_day) - 3) * DAY_MS, (day_number(last_day) + 4) * DAY_MS
    homes = {place.id for place in stream.places() if place.role == "home"}
    visits = stream.visits(start_ms, end_ms)
    home = [(visit.start_ms, visit.end_ms) for visit in visits if visit.place_id in homes]
    away = [(visit.start_ms, visit.end_ms) for visit in visits if homes and visit.place_id not in homes]
    return rhythm_view(first_day, last_day, stream.episodes(start_ms, end_ms), home, away, stream.track())


def _episodes(stream: LifeStream, start_ms: int, end_ms: int) -> list[Episode]:
    visits = [as_episode(visit) for visit in stream.visits(start_ms, end_ms)]
    return [*(one for one in stream.episodes(start_ms, end_ms) if one.kind != STAY), *visits]


def as_episode(visit: Visit) -> Episode:
    """A visit as an episode."""
    return Episode("visit", visit.start_ms, visit.end_ms, visit.label, visit.evidence, visit.sure)
