"""Oura activity: one day per JSON line, with metabolic equivalents every minute and an activity class every five."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
import numpy.typing as npt

from hearthside.events import (
    HOUR_MS,
    MINUTE_MS,
    Event,
    Item,
    Json,
    Layer,
    Origin,
    Precision,
    Record,
    Series,
    Trust,
    day_start_ms,
    ms_of,
)
from hearthside.sources.reading import Opened, Sample, words

NAME = "oura_activity"
TITLE = "Oura activity"
_CLOCK = "device:oura"
_CLASSES = "0 not worn, 1 rest, 2 inactive, 3 low, 4 medium, 5 high"


def recognise(sample: Sample) -> float:
    """Days have minute values, or at least five-minute classes, from a day start on."""
    if not sample.has("day_start", "summary_date"):
        return 0.0
    return 0.9 if sample.has("met_1min") or sample.has("class_5min") else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `activity_day` a day and its series."""
    return opened.json_lines(_day)


def _day(line: int, row: dict[str, Json]) -> Iterable[Record]:
    day = words(row, "summary_date")
    start = datetime.fromisoformat(words(row, "day_start"))
    start_ms, offset = ms_of(start), start.utcoffset()
    offset_min = int(offset.total_seconds()) // 60 if offset is not None else 0
    yield Event(
        source=NAME,
        kind="activity_day",
        layer=Layer.BEHAVIOURAL,
        start_ms=day_start_ms(day),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload={name: value for name, value in row.items() if name not in ("met_1min", "class_5min")},
        clock=_CLOCK,
        offset_min=offset_min,
        uncertainty_ms=14 * HOUR_MS,
        precision=Precision.DAY,
        key=day,
        record=line,
    )
    met = _numbers(row.get("met_1min") or [])
    if len(met):
        yield _series("met", "MET", met, MINUTE_MS, start_ms, offset_min, line)
    # On days that end early the class string is shorter than the day; it still begins at the day's start.
    classes = _digits(row.get("class_5min") or "")
    if len(classes):
        yield _series("activity_class", _CLASSES, classes, 5 * MINUTE_MS, start_ms, offset_min, line)


def _numbers(values: list[Json]) -> npt.NDArray[np.float64]:
    """Values as the ring wrote them, a 0 included; null, where it wrote none, is NaN."""
    if not isinstance(values, list) or not set(map(type, values)) <= {int, float, type(None)}:
        raise ValueError("field 'met_1min' is not a list of numbers")
    return np.array(values, dtype=np.float64)


def _digits(classes: str) -> npt.NDArray[np.float64]:
    if not isinstance(classes, str) or not set(classes) <= set("012345"):
        raise ValueError("field 'class_5min' is not a text of the digits 0 to 5")
    return np.array(list(classes), dtype=np.float64)


def _series(
    measure: str,
    unit: str,
    values: npt.NDArray[np.float64],
    step_ms: int,
    start_ms: int,
    offset_min: int,
    line: int,
) -> Series:
    return Series(
        source=NAME,
        measure=measure,
        layer=Layer.BEHAVIOURAL,
        start_ms=start_ms,
        step_ms=step_ms,
        values=values,
        unit=unit,
        clock=_CLOCK,
        offset_min=offset_min,
        record=line,
    )
