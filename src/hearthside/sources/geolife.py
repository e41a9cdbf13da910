"""GeoLife: dense tracks of a GPS logger (.plt), and the trips that the person labelled by hand (labels.txt)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from hearthside.events import Event, Item, Json, Layer, Origin, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample

NAME = "geolife"
TITLE = "GeoLife tracks"
_CLOCK = "export:geolife"  # both files are in GMT, wherever the person was (GeoLife user guide 1.3)
_UNCERTAINTY_MS = 1000
_MS_PER_DAY = 86_400_000.0
_SERIAL_ZERO = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of the fifth column
_SERIAL_OFF_MS = 2000  # the two times of a row may differ by rounding, no more
_FOOT_M = 0.3048
_NO_ALTITUDE_FT = -777  # what the logger writes when it does not know
_ALTITUDES_M = (-450.0, 15_000.0)  # the shore of the Dead Sea; above any airliner
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,20})?")
_TIME = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T,](\d{1,2}):(\d{2}):(\d{2})")
_LABELS_HEAD = re.compile(r"Start Time\tEnd Time\tTransportation Mode\s*")
# The six lines before the points; the fifth holds colour, width and name of the track.
_HEAD = {
    1: re.compile(r"Geolife trajectory\s*"),
    2: re.compile(r"WGS 84\s*"),
    3: re.compile(r"Altitude is in Feet\s*"),
    4: re.compile(r"Reserved 3\s*"),
    5: re.compile(r"\d+,\d+,\d+,[^,]*,\d+,\d+,\d+,\d+\s*"),
    6: re.compile(r"\d+\s*"),
}


def recognise(sample: Sample) -> float:
    """The first line of a track, or the column names of the labels."""
    lines = sample.lines(1)
    if not lines:
        return 0.0
    if _HEAD[1].fullmatch(lines[0]):
        return 0.95
    return 0.9 if _LABELS_HEAD.fullmatch(lines[0]) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """`position` for a point of a track, `trip` for a labelled trip; the lines of the head are no records."""
    for item in opened.text_lines():
        if isinstance(item, Rejected):
            yield item
            continue
        line, text = item
        text = text.rstrip("\r")
        if _is_head(line, text):
            continue
        try:
            yield _trip(line, text) if "\t" in text else _point(line, text)
        except ValueError as error:
            yield opened.reject(str(error), text.encode("utf-8", "replace"), line)


def _is_head(line: int, text: str) -> bool:
    pattern = _HEAD.get(line)
    return pattern is not None and bool(pattern.fullmatch(text) or _LABELS_HEAD.fullmatch(text))


def _point(line: int, text: str) -> Event:
    """A row of a track: latitude, longitude, 0, altitude in feet, days since 1899-12-30, date, time."""
    fields = text.split(",")
    if len(fields) != 7:
        raise ValueError(f"a point has 7 values, this line has {len(fields)}")
    lat, lon = _degrees(fields[0], "latitude", 90), _degrees(fields[1], "longitude", 180)
    feet, serial = _number(fields[3], "altitude"), _number(fields[4], "days since 1899-12-30")
    moment = _time(f"{fields[5]} {fields[6].strip()}")
    by_serial_ms = ms_of(_SERIAL_ZERO) + serial * _MS_PER_DAY
    start_ms = ms_of(moment)
    if abs(by_serial_ms - start_ms) > _SERIAL_OFF_MS:
        raise ValueError("the date of this point and its day number name different times")
    payload: dict[str, Json] = {"lat": lat, "lon": lon, "altitude_ft": feet}
    metres = round(feet * _FOOT_M, 1)
    if feet != _NO_ALTITUDE_FT and _ALTITUDES_M[0] <= metres <= _ALTITUDES_M[1]:
        payload["altitude_m"] = metres
    return Event(
        source=NAME,
        kind="position",
        layer=Layer.ENVIRONMENTAL,
        start_ms=start_ms,
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=payload,
        clock=_CLOCK,
        uncertainty_ms=_UNCERTAINTY_MS,
        record=line,
    )


def _trip(line: int, text: str) -> Event:
    """A row of the labels: start, end and way of travel, between tabs."""
    fields = text.split("\t")
    if len(fields) != 3 or not fields[2].strip():
        raise ValueError("a labelled trip has a start, an end and a way of travel")
    start_ms, end_ms = ms_of(_time(fields[0].strip())), ms_of(_time(fields[1].strip()))
    if end_ms < start_ms:
        raise ValueError("the trip ends before it begins")
    mode = fields[2].strip()
    return Event(
        source=NAME,
        kind="trip",
        layer=Layer.BEHAVIOURAL,
        start_ms=start_ms,
        end_ms=end_ms,
        origin=Origin.SELF,
        trust=Trust.OWN,
        payload={"mode": mode},
        clock=_CLOCK,
        text=mode,
        uncertainty_ms=_UNCERTAINTY_MS,
        record=line,
    )


def _time(text: str) -> datetime:
    """A time in GMT, with dashes or slashes."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("the time is not written as year, month, day, hour, minute, second")
    return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]


def _degrees(text: str, name: str, limit: int) -> float:
    value = _number(text, name)
    if abs(value) > limit:
        raise ValueError(f"{name} is outside ±{limit}")
    return value


def _number(text: str, name: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{name} is not a number")
    return float(text)
