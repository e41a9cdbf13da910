"""Google location history: the points, stays and trips of Takeout, and of the exports that phones make since 2024."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from hearthside.events import MINUTE_MS, Event, Item, Json, Layer, Origin, Record, Trust, ms_of
from hearthside.sources.json_parts import Part
from hearthside.sources.reading import Opened, Sample, whole, words

NAME = "google_location_history"
TITLE = "Google location history"
_CLOCK = "export:google"
_UNCERTAINTY_MS = 1000
_TAKEOUT = re.compile(r'\s*\{\s*"(?:locations|timelineObjects)"\s*:\s*\[')
_ANDROID = re.compile(r'\s*\{\s*"(?:semanticSegments|rawSignals|userLocationProfile)"\s*:\s*[\[{]')
_IPHONE = re.compile(r"\s*\[\s*\{")
_IPHONE_SEGMENT = re.compile(r'"(?:visit|activity|timelinePath|timelineMemory)"\s*:')
_OVERFLOW_E7 = 2**32  # Google wrote some negative degrees as unsigned numbers of 32 bits
_LIMIT_E7 = {"lat": 900_000_000, "lon": 1_800_000_000}
_DEGREES = re.compile(r"(?:geo:)?\s*(-?\d{1,3}(?:\.\d+)?)°?\s*,\s*(-?\d{1,3}(?:\.\d+)?)°?")
_NUMBERS = frozenset((int, float))  # a bool is neither
_KMH = 3.6  # of a metre per second
# Names of a measure in the different exports, and the standard one.
_STANDARD = {
    "accuracy": "accuracy_m",
    "accuracyMeters": "accuracy_m",
    "altitude": "altitude_m",
    "altitudeMeters": "altitude_m",
    "verticalAccuracy": "vertical_accuracy_m",
    "velocity": "velocity_kmh",
    "speedMetersPerSecond": "velocity_kmh",
}
# What says where and when; it stands in the event itself, and older and newer exports write it differently.
_SAID_ELSEWHERE = (
    "latitudeE7", "longitudeE7", "latE7", "lngE7", "LatLng", "latLng", "point", "timestamp", "timestampMs", "time"
)  # fmt: skip
_NAMES = _STANDARD | dict.fromkeys(_SAID_ELSEWHERE, "")
_NO_NAMES = frozenset(("", "UNKNOWN", "TYPE_UNKNOWN"))


class _Moment(NamedTuple):
    """A time: UTC ms, the person's UTC offset in minutes where it is carried, and how far off it may be, ms."""

    ms: int
    offset_min: int | None = None
    uncertainty_ms: int = _UNCERTAINTY_MS


def recognise(sample: Sample) -> float:
    """Its lists by name; of an iPhone's list, which has no name, the fields of a segment."""
    text = sample.text
    if _TAKEOUT.match(text):
        return 0.95 if '"timestamp' in text or "E7" in text or "Timestamp" in text else 0.6
    if _ANDROID.match(text):
        return 0.95
    if _IPHONE.match(text) and sample.has("startTime", "endTime") and _IPHONE_SEGMENT.search(text):
        return 0.9
    return 0.0


def read(opened: Opened) -> Iterator[Item]:
    """`position` for points, `region_enter` and `region_leave` for stays with a name, `activity` for trips.

    `record` counts the elements of all lists of the document. One element may make several events.
    """
    return opened.json_parts(_part)


def _part(record: int, part: Part) -> Iterable[Record]:
    value = part.value
    if value is None:
        raise ValueError(part.problem)
    if part.section == "locations":
        return (_point(value, record),)
    if part.section == "timelineObjects":
        return _takeout_segment(value, record)
    if part.section == "rawSignals":
        return (_signal(value, record),)
    if part.section in ("semanticSegments", None):
        return _phone_segment(value, record)
    return ()  # a list that says nothing about a time


# -- points ----------------------------------------------------------------------------------------------------------


def _point(value: dict[str, Json], record: int) -> Event:
    """A point of `Records.json`; a record without degrees tells only what the phone noticed then."""
    moment = _moment(value, "timestamp")
    if "latitudeE7" not in value and "longitudeE7" not in value:
        return _event("device_notice", moment, value, record)
    lat, lon = _e7(value["latitudeE7"], "lat"), _e7(value["longitudeE7"], "lon")
    return _event("position", moment, {"lat": lat, "lon": lon, **_measures(value)}, record)


def _signal(value: dict[str, Json], record: int) -> Event:
    """One raw signal of a phone: a position, a guess at an activity, or a scan of Wi-Fi."""
    if "position" not in value:
        inside = next((part for part in value.values() if isinstance(part, dict)), value)
        return _event("device_notice", _moment(inside, "timestamp", "deliveryTime"), value, record)
    position = value["position"]
    others = {name: part for name, part in value.items() if name != "position"}
    degrees = position["LatLng"] if "LatLng" in position else position["latLng"]
    lat, lon = _degrees(degrees)
    payload = {"lat": lat, "lon": lon, **_measures(position), **others}
    return _event("position", _moment(position, "timestamp"), payload, record)


def _measures(value: Mapping[str, Json]) -> dict[str, Json]:
    """The fields with the standard names of measures; metres per second become km/h.

    A measure that is null or a negative speed is unknown; a negative accuracy means that there was no position.
    """
    measures: dict[str, Json] = {}
    for name, field in value.items():
        standard = _NAMES.get(name)
        if standard is None:
            measures[name] = field
        elif standard and field is not None:
            number = _number(field, name)
            if number < 0 and standard == "accuracy_m":
                raise ValueError(f"{name} is negative: the phone had no position")
            if standard != "velocity_kmh":
                measures[standard] = field
            elif number >= 0:
                measures[standard] = round(number * _KMH, 2)
    return measures


# -- stays and trips -------------------------------------------------------------------------------------------------


def _takeout_segment(value: dict[str, Json], record: int) -> list[Record]:
    """A `placeVisit` or an `activitySegment` of a month of Takeout."""
    if "placeVisit" in value:
        visit = value["placeVisit"]
        start, end = _span(visit["duration"])
        place = visit["location"]
        name = next((field for key in ("name", "address", "semanticType") if (field := _named(place.get(key)))), "")
        return [*_stay(name, _e7_of(place), start, end, visit, record), *_raw_path(visit, record)]
    if "activitySegment" in value:
        segment = value["activitySegment"]
        start, end = _span(segment["duration"])
        ends = [_e7_of(segment.get(name) or {}) for name in ("startLocation", "endLocation")]
        kind = _named(segment.get("activityType"))
        return [*_trip(kind, ends, start, end, segment, record), *_raw_path(segment, record)]
    raise ValueError("this is neither a placeVisit nor an activitySegment")


def _raw_path(segment: dict[str, Json], record: int) -> list[Event]:
    """The points with a time that Google kept of a segment."""
    points = (segment.get("simplifiedRawPath") or {}).get("points") or []
    found = []
    for point in points:
        lat, lon = _e7(point["latE7"], "lat"), _e7(point["lngE7"], "lon")
        payload = {"lat": lat, "lon": lon, **_measures(point), "of": "path"}
        found.append(_event("position", _moment(point, "timestamp"), payload, record))
    return found


def _phone_segment(value: dict[str, Json], record: int) -> list[Record]:
    """A segment of a phone's own export: a visit, an activity, a path, or a memory of a journey."""
    start, end = _iso(words(value, "startTime")), _iso(words(value, "endTime"))
    start, end = _at_offset(start, value, "startTime"), _at_offset(end, value, "endTime")
    if "visit" in value:
        visit = value["visit"]
        best = visit["topCandidate"]
        place = _maybe_degrees(best.get("placeLocation"))
        return _stay(_named(best.get("semanticType")), place, start, end, visit, record)
    if "activity" in value:
        activity = value["activity"]
        ends = [_maybe_degrees(activity.get(name)) for name in ("start", "end")]
        kind = _named((activity.get("topCandidate") or {}).get("type"))
        return _trip(kind, ends, start, end, activity, record)
    if "timelinePath" in value:
        return [_path_point(point, start, record) for point in value["timelinePath"]]
    return [_event("device_notice", start, value, record, end_ms=end.ms)]


def _path_point(point: dict[str, Json], start: _Moment, record: int) -> Event:
    lat, lon = _degrees(point["point"])
    if "time" in point:
        moment = _iso(words(point, "time"))
        if start.offset_min is not None:
            moment = moment._replace(offset_min=start.offset_min)
    else:
        minutes = whole(point, "durationMinutesOffsetFromStartTime")
        moment = start._replace(ms=start.ms + minutes * MINUTE_MS, uncertainty_ms=MINUTE_MS)
    return _event("position", moment, {"lat": lat, "lon": lon, "of": "path"}, record)


def _stay(
    name: str, place: dict[str, float], start: _Moment, end: _Moment, whole_visit: dict[str, Json], record: int
) -> list[Record]:
    """Entering and leaving a named place; of a place without a name, where the person was at both times."""
    if name:
        payload = {**place, "region": name}
        enter = _event("region_enter", start, {**payload, "visit": whole_visit}, record, name)
        return [enter, _event("region_leave", end, payload, record, name)]
    if not place:
        raise ValueError("the visit has neither a name nor a place")
    payload = {**place, "of": "visit"}
    first = _event("position", start, {**payload, "visit": whole_visit}, record)
    return [first, _event("position", end, payload, record)]


def _trip(
    kind: str, ends: list[dict[str, float]], start: _Moment, end: _Moment, segment: dict[str, Json], record: int
) -> list[Record]:
    """The trip, and where it began and ended."""
    shown = kind.replace("_", " ").lower()
    found: list[Record] = [_event("activity", start, {**segment, "activity": shown}, record, shown, end.ms)]
    for place, moment in zip(ends, (start, end), strict=True):
        if place:
            found.append(_event("position", moment, {**place, "of": "activity"}, record))
    return found


def _event(
    kind: str, moment: _Moment, payload: Mapping[str, Json], record: int, text: str = "", end_ms: int | None = None
) -> Event:
    return Event(
        source=NAME,
        kind=kind,
        layer=Layer.ENVIRONMENTAL,
        start_ms=moment.ms,
        end_ms=end_ms,
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=payload,
        clock=_CLOCK,
        text=text,
        offset_min=moment.offset_min,
        uncertainty_ms=moment.uncertainty_ms,
        record=record,
    )


# -- times and degrees -----------------------------------------------------------------------------------------------


def _span(duration: dict[str, Json]) -> tuple[_Moment, _Moment]:
    return _moment(duration, "startTimestamp"), _moment(duration, "endTimestamp")


def _moment(value: dict[str, Json], *names: str) -> _Moment:
    """A time under one of these names, or, in older exports, in milliseconds under the name with `Ms`."""
    for name in names:
        if name in value:
            return _iso(words(value, name))
        if name + "Ms" in value:
            return _Moment(whole(value, name + "Ms"))
    raise KeyError(names[0])


def _iso(text: str) -> _Moment:
    """An ISO 8601 time; `Z` is Google's server and carries no offset of the person."""
    moment = datetime.fromisoformat(text)
    offset = None if text.endswith(("Z", "z")) else moment.utcoffset()
    return _Moment(ms_of(moment), None if offset is None else int(offset.total_seconds()) // 60)


def _at_offset(moment: _Moment, value: dict[str, Json], name: str) -> _Moment:
    """The offset that stands beside a time counts before the one in it, which may be that of the export."""
    beside = name + "TimezoneUtcOffsetMinutes"
    return moment._replace(offset_min=whole(value, beside)) if beside in value else moment


def _e7_of(place: dict[str, Json]) -> dict[str, float]:
    """Degrees of a place of Takeout, if it has any."""
    if "latitudeE7" not in place or "longitudeE7" not in place:
        return {}
    return {"lat": _e7(place["latitudeE7"], "lat"), "lon": _e7(place["longitudeE7"], "lon")}


def _e7(value: Json, name: str) -> float:
    """Degrees of a number in ten-millionths of a degree."""
    if type(value) is not int:
        raise ValueError(f"{name} is not a whole number of ten-millionths of a degree")
    limit = _LIMIT_E7[name]
    if value > limit:
        value -= _OVERFLOW_E7
    if not -limit <= value <= limit:
        raise ValueError(f"{name} is outside ±{limit // 10_000_000}")
    return float(value / 1e7)


def _maybe_degrees(place: Json) -> dict[str, float]:
    """Degrees of a place of a phone's export: a text, or an object with `latLng`; empty when there is none."""
    text = place.get("latLng") if isinstance(place, dict) else place
    if text is None or text == "":
        return {}
    lat, lon = _degrees(text)
    return {"lat": lat, "lon": lon}


def _degrees(text: Json) -> tuple[float, float]:
    """Latitude and longitude of `52.1°, 4.3°` (Android) or `geo:52.1,4.3` (iPhone)."""
    found = _DEGREES.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError("a point is not written as degrees")
    lat, lon = float(found[1]), float(found[2])
    if abs(lat) > 90 or abs(lon) > 180:
        raise ValueError("a point lies outside ±90, ±180 degrees")
    return lat, lon


def _number(value: Json, name: str) -> float:
    if type(value) not in _NUMBERS:
        raise ValueError(f"{name} is not a number")
    number: float = value
    return number


def _named(value: Json) -> str:
    """A name or type that says something; `TYPE_HOME` and `INFERRED_HOME` are shown as `Home`."""
    if not isinstance(value, str) or value.strip().upper() in _NO_NAMES:
        return ""
    if value.isupper():
        return value.removeprefix("TYPE_").removeprefix("INFERRED_").replace("_", " ").capitalize()
    return value.strip()
