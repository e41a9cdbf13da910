"""WakaTime: seconds of coding per language, editor and system, one line a day, without a time of day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearthside.events import HOUR_MS, Event, Item, Json, Layer, Origin, Precision, Record, Trust, day_start_ms
from hearthside.sources.reading import Opened, Sample, words

NAME = "wakatime"
TITLE = "WakaTime"


def recognise(sample: Sample) -> float:
    """Days have languages, editors and a total."""
    return 0.9 if sample.has("total_seconds", "languages", "editors", "day") else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `coding_time_day` a line; a day of 0 seconds says that nothing was recorded."""
    return opened.json_lines(_day)


def _day(line: int, row: dict[str, Json]) -> Iterable[Record]:
    day, seconds, languages = words(row, "day"), row["total_seconds"], row["languages"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise ValueError("field 'total_seconds' is not a number of seconds")
    if not isinstance(languages, list):
        raise ValueError("field 'languages' is not a list")
    yield Event(
        source=NAME,
        kind="coding_time_day",
        layer=Layer.BEHAVIOURAL,
        start_ms=day_start_ms(day),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=row,
        clock="export:wakatime",
        text=", ".join(str(language[0]) for language in languages[:8]),
        uncertainty_ms=14 * HOUR_MS,
        precision=Precision.DAY,
        key=day,
        record=line,
    )
