"""Pocket Casts: how far episodes were played, as found when the account was polled, once a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearthside.events import HOUR_MS, Event, Item, Json, Layer, Origin, Precision, Record, Trust, day_start_ms
from hearthside.sources.reading import Opened, Sample, words

NAME = "pocket_casts"
TITLE = "Pocket Casts"
# Played at some time since the poll before: a day earlier, besides the 14 h that a date leaves open.
_UNCERTAINTY_MS = (14 + 24) * HOUR_MS


def recognise(sample: Sample) -> float:
    """Episodes have a podcast and a position up to which they were played."""
    return 0.9 if sample.has("podcast", "playedUpTo", "uuid") else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `podcast` a line; its day is the day of polling, not of playing."""
    return opened.json_lines(_episode)


def _episode(line: int, row: dict[str, Json]) -> Iterable[Record]:
    day, uuid = words(row, "day"), words(row, "uuid")
    podcast, title = words(row, "podcast"), words(row, "title")
    yield Event(
        source=NAME,
        kind="podcast",
        layer=Layer.AUDITORY,
        start_ms=day_start_ms(day),
        origin=Origin.SELF,
        trust=Trust.OWN,
        payload={**row, "day_means": "day of polling; it was played on this day or before"},
        clock="export:pocket_casts",
        text=" – ".join(part for part in (podcast, title) if part),
        uncertainty_ms=_UNCERTAINTY_MS,
        precision=Precision.DAY,
        key=f"{uuid}/{day}",
        record=line,
    )
