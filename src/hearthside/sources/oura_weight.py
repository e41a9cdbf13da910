"""Body weight as Oura keeps it: one line a day, in kilograms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from hearthside.events import HOUR_MS, Event, Item, Json, Layer, Origin, Precision, Record, Trust, day_start_ms
from hearthside.sources.reading import Opened, Sample, words

NAME = "oura_weight"
TITLE = "Body weight (Oura)"
_FIELDS = {"day", "weight"}


def recognise(sample: Sample) -> float:
    """Lines that have a day and a weight and nothing else."""
    rows = sample.json_lines(20)
    return 0.9 if any(row.keys() == _FIELDS for row in rows) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `weight_day` a line."""
    return opened.json_lines(_day)


def _day(line: int, row: dict[str, Json]) -> Iterable[Record]:
    day, weight = words(row, "day"), row["weight"]
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight) or weight <= 0:
        raise ValueError("field 'weight' is not a weight in kilograms")
    yield Event(
        source=NAME,
        kind="weight_day",
        layer=Layer.BEHAVIOURAL,
        start_ms=day_start_ms(day),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload={**row, "unit": "kg"},
        clock="device:oura",
        uncertainty_ms=14 * HOUR_MS,
        precision=Precision.DAY,
        key=day,
        record=line,
    )
