"""Google Fit sessions: workouts and sleep, one per JSON line, with start and end in UTC milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Trust
from hearthside.sources.reading import Opened, Sample, whole, words

NAME = "google_fit"
TITLE = "Google Fit"

# Google Fit's activity type codes (developers.google.com/fit/rest/v1/reference/activity-types): the ones that have a
# name here are known whatever language the session's own name is in; the rest keep that name.
_ACTIVITIES = {
    **dict.fromkeys((1, 14, 15, 16, 17, 18, 19), "biking"),
    **dict.fromkeys((8, 56, 57, 58), "running"),
    **dict.fromkeys((7, 93, 94, 95, 116), "walking"),
    **dict.fromkeys((82, 83, 84), "swimming"),
    9: "aerobics", 10: "badminton", 11: "baseball", 12: "basketball", 20: "boxing", 22: "circuit training",
    24: "dancing", 25: "elliptical", 29: "football", 32: "golf", 33: "gymnastics", 34: "handball", 35: "hiking",
    37: "horseback riding", 44: "martial arts", 45: "meditation", 49: "pilates", 52: "rock climbing", 53: "rowing",
    54: "rowing machine", 60: "scuba diving", 62: "skating", 65: "skiing", 73: "snowboarding", 76: "squash",
    77: "stair climbing", 78: "stair climbing", 80: "strength training", 81: "surfing", 85: "table tennis",
    87: "tennis", 88: "treadmill", 97: "weightlifting", 100: "yoga", 114: "high intensity interval training",
}  # fmt: skip
# Codes that cover more than one activity under English names: there the name says more than the code.
_BROAD = {80: {"strength training", "core training", "functional strength training"}}
_SLEEP_CODES = {72, 109, 110, 111}  # sleeping, and light, deep and REM sleep
# fmt: off
_SLEEP_NAMES = {
    "sleep", "sleeping", "slapen", "slaap", "schlaf", "schlafen", "sommeil", "dormir", "sueño", "sonno", "dormire",
    "sono", "sömn", "sova", "søvn", "uni", "sen", "spánek", "uyku", "alvás", "somn", "сон", "ύπνος", "睡眠", "수면",
}
# fmt: on


def recognise(sample: Sample) -> float:
    """Sessions have an activity type and begin and end in milliseconds."""
    return 0.9 if sample.has("startTimeMillis", "endTimeMillis", "activityType") else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `workout` or `sleep` interval a line."""
    return opened.json_lines(_session)


def _session(line: int, row: dict[str, Json]) -> Iterable[Record]:
    start_ms, end_ms = whole(row, "startTimeMillis"), whole(row, "endTimeMillis")
    if end_ms <= start_ms:
        raise ValueError("endTimeMillis is not after startTimeMillis")
    code = whole(row, "activityType")
    name = " ".join(words(row, "name").lower().split()) if "name" in row else ""
    asleep = code in _SLEEP_CODES or name in _SLEEP_NAMES
    activity = "sleep" if asleep else _activity(code, name)
    yield Event(
        source=NAME,
        kind="sleep" if asleep else "workout",
        layer=Layer.BEHAVIOURAL,
        start_ms=start_ms,
        end_ms=end_ms,
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload={**row, "activity": activity},
        clock="export:google_fit",
        text="" if asleep else activity,
        key=str(row.get("id", "")),
        record=line,
    )


def _activity(code: int, name: str) -> str:
    """The activity in English where the code tells it, else the session's own name in lower case."""
    if name in _BROAD.get(code, ()):
        return name
    return _ACTIVITIES.get(code) or name or f"activity type {code}"
