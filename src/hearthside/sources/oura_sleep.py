"""Oura sleep: one night per JSON line, with heart rate, heart-rate variability and sleep stages every five minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
import numpy.typing as npt

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Series, Trust, ms_of
from hearthside.sources.reading import Opened, Sample, words

NAME = "oura_sleep"
TITLE = "Oura sleep"
_CLOCK = "device:oura"
_STEP_MS = 5 * 60_000
_SERIES = (("hr_5min", "heart_rate", "1/min"), ("rmssd_5min", "hrv", "ms"))


def recognise(sample: Sample) -> float:
    """Nights have a bedtime start and a hypnogram."""
    return 0.9 if '"bedtime_start"' in sample.text and '"hypnogram_5min"' in sample.text else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `sleep` interval a night and its series."""
    return opened.json_lines(_night)


def _night(line: int, row: dict[str, Json]) -> Iterable[Record]:
    start, end = _time(row, "bedtime_start"), _time(row, "bedtime_end")
    offset = start.utcoffset()
    if offset is None or end.tzinfo is None:
        raise ValueError("bedtime_start or bedtime_end carries no UTC offset")
    if end <= start:
        raise ValueError("bedtime_end is not after bedtime_start")
    offset_min = int(offset.total_seconds()) // 60
    series = {name for name, _, _ in _SERIES} | {"hypnogram_5min"}
    yield Event(
        source=NAME,
        kind="sleep",
        layer=Layer.BEHAVIOURAL,
        start_ms=ms_of(start),
        end_ms=ms_of(end),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload={name: value for name, value in row.items() if name not in series},
        clock=_CLOCK,
        offset_min=offset_min,
        key=f"{row.get('summary_date', '')}/{row.get('period_id', '')}",
        record=line,
    )
    for name, measure, unit in _SERIES:
        values = _measured(row.get(name) or [], name)
        if len(values):
            yield _series(measure, unit, values, ms_of(start), offset_min, line)
    stages = _stages(row.get("hypnogram_5min") or "")
    if len(stages):
        yield _series("sleep_stage", "1 deep, 2 light, 3 REM, 4 awake", stages, ms_of(start), offset_min, line)


def _time(row: dict[str, Json], name: str) -> datetime:
    return datetime.fromisoformat(words(row, name))


def _measured(values: list[Json], name: str) -> npt.NDArray[np.float64]:
    """Values, NaN where the ring measured nothing: it writes 0 there."""
    if not isinstance(values, list) or not set(map(type, values)) <= {int, float, type(None)}:
        raise ValueError(f"field '{name}' is not a list of numbers")
    return np.array([value or np.nan for value in values], dtype=np.float64)


def _stages(hypnogram: str) -> npt.NDArray[np.float64]:
    if not isinstance(hypnogram, str) or not set(hypnogram) <= set("1234"):
        raise ValueError("field 'hypnogram_5min' is not a text of the digits 1 to 4")
    return np.array(list(hypnogram), dtype=np.float64)


def _series(
    measure: str, unit: str, values: npt.NDArray[np.float64], start_ms: int, offset_min: int, line: int
) -> Series:
    return Series(
        source=NAME,
        measure=measure,
        layer=Layer.BEHAVIOURAL,
        start_ms=start_ms,
        step_ms=_STEP_MS,
        values=values,
        unit=unit,
        clock=_CLOCK,
        offset_min=offset_min,
        record=line,
    )
