"""RescueTime: seconds per kind of computer use, one line a day and level of detail, without a time of day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearthside.events import HOUR_MS, Event, Item, Json, Layer, Origin, Precision, Record, Trust, day_start_ms
from hearthside.sources.reading import Opened, Sample, words

NAME = "rescuetime"
TITLE = "RescueTime"
_KINDS = ("top-overview", "top-categories")
_SHOWN = 8  # items in the text; the payload has them all


def recognise(sample: Sample) -> float:
    """Days list items at one of two levels."""
    return 0.9 if sample.has("items", "day") and any(sample.has(kind) for kind in _KINDS) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `app_time_day` a line; a day without items says that nothing was recorded."""
    return opened.json_lines(_day)


def _day(line: int, row: dict[str, Json]) -> Iterable[Record]:
    day, kind, items = words(row, "day"), words(row, "kind"), row["items"]
    if kind not in _KINDS:
        raise ValueError("field 'kind' is neither top-overview nor top-categories")
    if not isinstance(items, list) or not all(_is_item(item) for item in items):
        raise ValueError("field 'items' is not a list of names and seconds")
    yield Event(
        source=NAME,
        kind="app_time_day",
        layer=Layer.BEHAVIOURAL,
        start_ms=day_start_ms(day),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=row,
        clock="export:rescuetime",
        text=", ".join(name for name, _ in items[:_SHOWN]),
        uncertainty_ms=14 * HOUR_MS,
        precision=Precision.DAY,
        key=f"{day}/{kind}",
        record=line,
    )


def _is_item(item: Json) -> bool:
    """A name and how many seconds."""
    if not isinstance(item, list) or len(item) != 2:
        return False
    name, seconds = item
    return isinstance(name, str) and isinstance(seconds, int | float) and not isinstance(seconds, bool)
