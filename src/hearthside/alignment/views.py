"""What the life stream shows: one slice, and one local day with its six lanes."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class CoverageRun:
    """A stretch of minutes with the same coverage."""

    start_ms: int
    end_ms: int
    coverage: Coverage


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
    """

    day: str
    start_ms: int
    end_ms: int
    offset_min: int
    offset_known: bool
    lanes: list[Lane]
    series: list[SeriesLine]
    day_items: list[LaneItem]


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
    """

    minute_ms: int
    local: str
    local_day: str
    offset_min: int
    offset_known: bool
    layers: list[LayerSlice]
    samples: dict[str, float]
    day_items: list[LaneItem]
