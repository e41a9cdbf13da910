"""ActivityWatch: an export of its buckets, with the windows used, the time away from the keyboard and the tabs seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from hearthside.events import DAY_MS, Event, Item, Json, Layer, Origin, Record, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample

NAME = "activitywatch"
TITLE = "ActivityWatch"
_CLOCK = "device:activitywatch"
_EXPORT = re.compile(r'\s*\{\s*"buckets"\s*:\s*\{')
_LONGEST_MS = 31 * DAY_MS  # a heartbeat that never changed for longer is a fault
_AFK = {"afk": "away from the keyboard", "not-afk": "at the keyboard"}


def recognise(sample: Sample) -> float:
    """An object of buckets, each with a type and a client."""
    text = sample.text
    if not _EXPORT.match(text):
        return 0.0
    return 0.95 if '"client"' in text or '"type"' in text else 0.5


def read(opened: Opened) -> Iterator[Item]:
    """One event for each event of each bucket: `app_use`, `afk`, `page_visit`, or `activity` for other watchers.

    `record` counts the events of all buckets.
    """
    document = opened.json_document()
    if isinstance(document, Rejected):
        yield document
        return
    buckets = document.get("buckets") if isinstance(document, dict) else None
    if not isinstance(buckets, dict):
        yield opened.reject("the file holds no buckets", b"", 1, "start")
        return
    number = 0
    for name, bucket in buckets.items():
        events = bucket.get("events") if isinstance(bucket, dict) else None
        if not isinstance(events, list):
            number += 1
            yield opened.reject("this bucket has no list of events", b"", number, f"bucket {name}")
            continue
        parse = partial(_event, name, bucket)
        for place, event in enumerate(events, start=1):
            number += 1
            where = f"bucket {name}, event {place}"
            if _is_private(event):
                # Without its content: a rejection is kept, and this must not be.
                yield opened.reject("private browsing is not kept", b"", number, where)
            else:
                yield from opened.guarded(number, event, parse, where=where)


def _is_private(event: Json) -> bool:
    data = event.get("data") if isinstance(event, dict) else None
    return isinstance(data, dict) and data.get("incognito") is True


def _event(name: str, bucket: dict[str, Json], number: int, event: Json) -> Iterable[Record]:
    if not isinstance(event, dict) or not isinstance(data := event["data"], dict):
        raise ValueError("this event is not a JSON object with data")
    start_ms = ms_of(datetime.fromisoformat(event["timestamp"]))
    seconds = event.get("duration", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds * 1000 <= _LONGEST_MS:
        raise ValueError("the duration is not a number of seconds up to 31 days")
    duration_ms = round(seconds * 1000)
    kind, text = _meaning(bucket.get("type"), data)
    seen = kind == "page_visit"
    yield Event(
        source=NAME,
        kind=kind,
        layer=Layer.BEHAVIOURAL,
        start_ms=start_ms,
        end_ms=start_ms + duration_ms if duration_ms else None,
        # Titles of web pages are strangers' words.
        origin=Origin.WEB if seen else Origin.DEVICE,
        trust=Trust.UNKNOWN if seen else Trust.OWN,
        payload={**data, "bucket": name, "host": bucket.get("hostname")},
        clock=_CLOCK,
        text=text,
        record=number,
    )


def _meaning(bucket_type: Json, data: dict[str, Json]) -> tuple[str, str]:
    """Kind and words of an event, by the type of its bucket."""
    if bucket_type == "currentwindow":
        return "app_use", _joined(data.get("app"), data.get("title"))
    if bucket_type == "afkstatus":
        return "afk", _AFK.get(_joined(data["status"]), _joined(data["status"]))
    if bucket_type == "web.tab.current":
        return "page_visit", _joined(data.get("title")) or _joined(data.get("url"))
    return "activity", _joined(*data.values())


def _joined(*values: Json) -> str:
    """The texts among the values, each once, as "app – title"."""
    return " – ".join(dict.fromkeys(value.strip() for value in values if isinstance(value, str) and value.strip()))
