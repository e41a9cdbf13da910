"""Oura readiness: one line a day with a score and what it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearthside.events import HOUR_MS, Event, Item, Json, Layer, Origin, Precision, Record, Trust, day_start_ms
from hearthside.sources.reading import Opened, Sample, words

NAME = "oura_readiness"
TITLE = "Oura readiness"


def recognise(sample: Sample) -> float:
    """Days have the scores that only readiness is made of."""
    return 0.9 if sample.has("summary_date", "score", "score_recovery_index", "score_resting_hr") else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `readiness_day` a line."""
    return opened.json_lines(_day)


def _day(line: int, row: dict[str, Json]) -> Iterable[Record]:
    day = words(row, "summary_date")
    row["score"]  # a day without it says nothing
    # A day may have several periods; period_id tells them apart.
    yield Event(
        source=NAME,
        kind="readiness_day",
        layer=Layer.BEHAVIOURAL,
        start_ms=day_start_ms(day),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=row,
        clock="device:oura",
        uncertainty_ms=14 * HOUR_MS,
        precision=Precision.DAY,
        key=f"{day}/{row.get('period_id', '')}",
        record=line,
    )
