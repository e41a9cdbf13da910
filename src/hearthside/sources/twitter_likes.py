"""Liked tweets: strangers' words with the time they were written; when they were liked is not known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearthside.events import DAY_MS, Event, Item, Json, Layer, Origin, Precision, Record, Trust, day_start_ms
from hearthside.sources.reading import Opened, Sample, words

NAME = "twitter_likes"
TITLE = "Liked tweets"
# The export dates a like by the tweet's own day; people mostly like what is new, but nothing says so.
_UNCERTAINTY_MS = 365 * DAY_MS
_NOT_IN_LIKES = {"source", "reply_to_status"}


def recognise(sample: Sample) -> float:
    """Tweets by day that do not say which program sent them."""
    rows = [row for row in sample.json_lines(20) if {"created_at", "id", "text", "day"} <= row.keys()]
    return 0.8 if rows and not any(_NOT_IN_LIKES & row.keys() for row in rows) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `like` a line."""
    return opened.json_lines(_like)


def _like(line: int, row: dict[str, Json]) -> Iterable[Record]:
    day, text, identity = words(row, "day"), words(row, "text"), words(row, "id")
    yield Event(
        source=NAME,
        kind="like",
        layer=Layer.TEXT,
        start_ms=day_start_ms(day),
        origin=Origin.WEB,
        trust=Trust.UNKNOWN,
        payload={**row, "day_means": "day the liked tweet was written; when it was liked is unknown"},
        clock="export:twitter",
        text=text,
        uncertainty_ms=_UNCERTAINTY_MS,
        precision=Precision.DAY,
        key=identity,
        record=line,
    )
