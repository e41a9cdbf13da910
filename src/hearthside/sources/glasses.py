"""Smart glasses: Hearthside's own JSON lines of what was seen (captions) and what was looked at (gaze)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from hearthside.events import DAY_MS, Event, Item, Json, Layer, Origin, Record, Trust, ms_of
from hearthside.sources.reading import Opened, Sample, words

NAME = "glasses"
TITLE = "Smart glasses"
_CLOCK = "device:glasses"
_TEXT = {str}
_LINE = re.compile(r'\s*\{[^\n]*"type"\s*:\s*"(?:caption|gaze)"')


def recognise(sample: Sample) -> float:
    """Lines of type caption or gaze with a time."""
    text = sample.text
    first = text.split("\n", 1)[0]
    if not _LINE.match(text) or '"time"' not in first:
        return 0.0
    return 0.95 if '"text"' in first or '"targets"' in first else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `caption` or `gaze` a line; docs/formats.md describes the format."""
    return opened.json_lines(_line)


def _line(number: int, row: dict[str, Json]) -> Iterable[Record]:
    if row["type"] == "caption":
        duration_ms, text, payload = _caption(row)
    elif row["type"] == "gaze":
        duration_ms, text, payload = _gaze(row)
    else:
        raise ValueError("the type is neither caption nor gaze")
    start = datetime.fromisoformat(row["time"])
    start_ms = ms_of(start)
    offset = start.utcoffset()
    event = Event(
        source=NAME,
        kind=row["type"],
        layer=Layer.VISUAL,
        start_ms=start_ms,
        end_ms=start_ms + duration_ms if duration_ms else None,
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=payload,
        clock=_CLOCK,
        text=text,
        offset_min=None if offset is None or row["time"].endswith(("Z", "z")) else int(offset.total_seconds()) // 60,
        record=number,
    )
    return (event,)


def _caption(row: dict[str, Json]) -> tuple[int, str, dict[str, Json]]:
    """Duration in ms, words and payload of a caption."""
    text = words(row, "text").strip()
    if not text:
        raise ValueError("the caption holds no words")
    for name in ("objects", "people"):
        if not _is_labels(row.get(name, [])):
            raise ValueError(f"{name} is not a list of labels")
    if not isinstance(row.get("place"), str | None):
        raise ValueError("the place is not text")
    seconds = row.get("duration_s", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds * 1000 <= DAY_MS:
        raise ValueError("duration_s is not a number of seconds within a day")
    payload = {name: value for name, value in row.items() if name not in ("type", "time", "duration_s")}
    return round(seconds * 1000), text, payload


def _gaze(row: dict[str, Json]) -> tuple[int, str, dict[str, Json]]:
    """Duration in ms, no words, and payload of a run of gaze samples."""
    targets, step_ms = row["targets"], row["step_ms"]
    if isinstance(step_ms, bool) or not isinstance(step_ms, int) or not 0 < step_ms <= 60_000:
        raise ValueError("step_ms is not a whole number of milliseconds up to a minute")
    if not isinstance(targets, list) or not targets or not _is_labels([t for t in targets if t is not None]):
        raise ValueError("targets is not a list of labels and nulls with at least one step")
    payload = {name: value for name, value in row.items() if name not in ("type", "time")}
    return step_ms * len(targets), "", payload


def _is_labels(value: Json) -> bool:
    return isinstance(value, list) and all(value) and set(map(type, value)) <= _TEXT
