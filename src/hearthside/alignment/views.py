"""What the life stream shows: a slice, a local day with its six lanes, a span of days, years as maps, rhythms."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hearthside.events import Layer, Origin, Precision


class Coverage(StrEnum):
    """What is known of a layer at a minute; nothing is ever inferred from silence."""

    COVERED = "covered"  # a source said something that holds now
    SILENT = "silent"  # its sources were heard before and after, but say nothing now
    UNKNOWN = "unknown"  # no source of this layer was listening, as far as we know


@dataclass(frozen=True, slots=True)
class LaneItem:
    """One event as a lane shows it.

    Attributes:
        id: hex id of the journal record: the evidence.
        end_ms: exclusive end, or None for an instant.
        text: words to show.
        note: a second line: tone, speaker, conversation, app title; may be empty.
        uncertainty_ms: how far the true time may lie from `start_ms`, either way.
        raw_ms: the start as the device's own clock said, or None where that is not told.
    """

    id: str
    source: str
    kind: str
    layer: Layer
    start_ms: int
    end_ms: int | None
    text: str
    note: str
    origin: Origin
    precision: Precision
    uncertainty_ms: int
    raw_ms: int | None = None


@dataclass(frozen=True, slots=True)
class EpisodeItem:
    """An episode or a visit as pages show it.

    Attributes:
        kind: which finder found it: ``sleep``, ``work``, ``commute``, ``meal``, ``conversation`` ... or ``visit``.
        label: what to call it in a few words.
        end_ms: exclusive.
        sure: 0 to 1, how well its evidence covers it.
        evidence: hex ids of the journal records it rests on.
    """

    kind: str
    label: str
    start_ms: int
    end_ms: int
    sure: float
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class OffsetRun:
    """A stretch of time in which the person's UTC offset is the same; end exclusive."""

    start_ms: int
    end_ms: int
    offset_min: int


@dataclass(frozen=True, slots=True)
class CoverageRun:
    """A stretch of minutes with the same coverage."""

    start_ms: int
    end_ms: int
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """What one source of a layer covers; `events` counts what it says in the same time."""

    source: str
    layer: Layer
    events: int
    coverage: list[CoverageRun]


@dataclass(frozen=True, slots=True)
class Provisional:
    """A source that may still say something of the time from `from_ms` on: it has not been heard since."""

    source: str
    layer: Layer
    from_ms: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One layer of one local day."""

    layer: Layer
    items: list[LaneItem]
    coverage: list[CoverageRun]


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """A regular measure over one local day: one value a minute, None where there is none."""

    source: str
    measure: str
    unit: str
    layer: Layer
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class DayView:
    """One local day.

    Attributes:
        day: ISO date.
        start_ms, end_ms: UTC bounds of the local day (23 to 25 hours where clocks change).
        offset_min: UTC offset at noon.
        offset_known: whether a source carried that offset; otherwise it is the home zone's.
        lanes: the six layers, always in the same order.
        series: regular measures.
        day_items: what sources say of the day as a whole, without a time of day.
        episodes: episodes and visits that overlap the day, in order of start.
        offsets: the person's UTC offset through the day, without gaps; empty: `offset_min` all day.
        sources: coverage of each source that was heard on or around the day, in the order of the layers.
        provisional: sources whose data of this day may still change.
    """

    day: str
    start_ms: int
    end_ms: int
    offset_min: int
    offset_known: bool
    lanes: list[Lane]
    series: list[SeriesLine]
    day_items: list[LaneItem]
    episodes: list[EpisodeItem] = field(default_factory=list)
    offsets: list[OffsetRun] = field(default_factory=list)
    sources: list[SourceCoverage] = field(default_factory=list)
    provisional: list[Provisional] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LayerSlice:
    """What one layer said at one minute.

    Attributes:
        now: events in or overlapping the minute.
        last: the latest earlier event that still holds (within its kind's tolerance), with its age in seconds.
    """

    layer: Layer
    coverage: Coverage
    now: list[LaneItem]
    last: list[tuple[LaneItem, int]]


@dataclass(frozen=True, slots=True)
class SliceView:
    """Everything known about one minute.

    Attributes:
        minute_ms: start of the minute, UTC.
        local: local clock time, ISO 8601 with offset.
        samples: regular measures, value by ``source.measure``.
        day_items: what sources say of the whole local day.
        episodes: episodes and visits that run at that minute.
        provisional: sources that may still say something of that minute.
    """

    minute_ms: int
    local: str
    local_day: str
    offset_min: int
    offset_known: bool
    layers: list[LayerSlice]
    samples: dict[str, float]
    day_items: list[LaneItem]
    episodes: list[EpisodeItem] = field(default_factory=list)
    provisional: list[Provisional] = field(default_factory=list)


# -- a span of days ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LayerSum:
    """One layer over one day.

    Attributes:
        covered_min: minutes for which its best source was covered: a floor of what the layer covers.
    """

    layer: Layer
    events: int
    covered_min: int


@dataclass(frozen=True, slots=True)
class SpanDay:
    """One local day of a span.

    Attributes:
        start_ms, end_ms: UTC bounds of the local day.
        offset_min: the person's UTC offset at its noon.
        layers: the six layers, always in the same order.
        coverage: of each layer the coverage through the day; empty where the span is too long to look into days.
    """

    day: str
    start_ms: int
    end_ms: int
    offset_min: int
    layers: list[LayerSum]
    coverage: list[list[CoverageRun]]


@dataclass(frozen=True, slots=True)
class SpanView:
    """Some local days in a row: a week, a month.

    Attributes:
        days: every day from the first to the last, also those of which nothing is known.
        episodes: episodes and visits that overlap the span, in order of start.
        offsets: the person's UTC offset through the span, without gaps.
    """

    days: list[SpanDay]
    episodes: list[EpisodeItem]
    offsets: list[OffsetRun]


# -- years as maps -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measure:
    """What the cells of a year can show.

    Attributes:
        name: as addresses say it: ``sleep``, ``steps``, ``covered-text``, ``events`` ...
        title: as people say it.
        group: what it is listed under.
        unit: ``hours``, ``steps``, ``events``, ``layers``, ``kg`` or ``of 100``.
        layer: whose colour it has.
        by_utc_day: its figures are kept by UTC day, not by the person's.
    """

    name: str
    title: str
    group: str
    unit: str
    layer: Layer | None
    by_utc_day: bool


@dataclass(frozen=True, slots=True)
class DayValue:
    """One day of a year; a value of None means that nothing is known, which is not zero."""

    day: str
    value: float | None


@dataclass(frozen=True, slots=True)
class LayerWeeks:
    """How much of each week of a year one layer's best source covered: 0 to 1, None where no source was heard."""

    layer: Layer
    shares: list[float | None]


@dataclass(frozen=True, slots=True)
class YearMap:
    """One year, day by day, and its coverage week by week (weeks begin on Monday; the first may be short)."""

    year: int
    days: list[DayValue]
    weeks: list[LayerWeeks]


@dataclass(frozen=True, slots=True)
class YearView:
    """Some years of one measure.

    Attributes:
        years: newest first.
        measures: what these years can show, in the order to offer.
        edges: ascending values at which the next darker step begins; the same for all the years.
    """

    years: list[YearMap]
    measure: Measure
    measures: list[Measure]
    edges: list[float]


# -- rhythms -----------------------------------------------------------------------------------------------------------


class RhythmState(StrEnum):
    """What a minute of a rhythm shows; of several the last in this order."""

    UNKNOWN = "unknown"
    AWAKE = "awake"  # but nobody knows where
    HOME = "home"
    AWAY = "away"
    COMPUTER = "computer"
    WORK = "work"
    SLEEP = "sleep"
    SKIPPED = "skipped"  # a local time that never was: clocks were put forward, or the person flew east


@dataclass(frozen=True, slots=True)
class RhythmRun:
    """Minutes [first, last) of a local day in one state; `watched`: whether asleep or awake was observed in them."""

    first: int
    last: int
    state: RhythmState
    watched: bool


@dataclass(frozen=True, slots=True)
class RhythmRow:
    """One local day by the person's own clock: runs without gaps from minute 0 to 1440.

    Attributes:
        minutes: how many minutes of the day were in each state, those lived twice counted once.
        unwatched_min: minutes of the day in which nobody knows whether the person slept.
    """

    day: str
    runs: list[RhythmRun]
    minutes: dict[RhythmState, int]
    unwatched_min: int


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """The person's UTC offset changed on a local day: clocks were changed, or the person travelled."""

    day: str
    at_ms: int
    before_min: int
    after_min: int


@dataclass(frozen=True, slots=True)
class SleepFigures:
    """Two figures of a span of nights; see `hearthside.alignment.rhythms` for their definitions.

    Attributes:
        nights: nights with a recorded sleep.
        midpoint_min: circular mean of the midpoints of sleep, minutes after local midnight; None without a night, or
            where the midpoints point nowhere.
        spread_min: circular standard deviation of the midpoints, minutes; None below two nights.
        regularity: Sleep Regularity Index, -100 to 100; None where too little was observed.
        compared_h: hours that could be compared with the same time a day later.
    """

    nights: int
    midpoint_min: float | None
    spread_min: float | None
    regularity: float | None
    compared_h: float


@dataclass(frozen=True, slots=True)
class RhythmView:
    """A span of days as a double-plotted actogram: one row a day, oldest first."""

    rows: list[RhythmRow]
    changes: list[OffsetChange]
    figures: SleepFigures
