"""StudentLife positions: a fix every 10 to 20 minutes from GPS, Wi-Fi or cell masts, as CSV with a trailing comma."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hearthside.events import Event, Item, Json, Layer, Origin, Rejected, Trust
from hearthside.sources.reading import Opened, Sample

NAME = "studentlife_gps"
TITLE = "StudentLife positions"
_CLOCK = "export:studentlife"
_UNCERTAINTY_MS = 1000
_HEAD = "time,provider,network_type,accuracy,latitude,longitude,altitude,bearing,speed,travelstate"
_COLUMNS = _HEAD.split(",")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,2})?")
_KMH = 3.6  # of a metre per second
_LATEST_S = 2**35  # the year 3058; more is another unit


def recognise(sample: Sample) -> float:
    """The names of its ten columns."""
    lines = sample.lines(1)
    return 0.95 if lines and lines[0].rstrip(",\r ") == _HEAD else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `position` a row; the line of column names is no record."""
    for item in opened.text_lines():
        if isinstance(item, Rejected):
            yield item
            continue
        line, text = item
        if line == 1 and text.rstrip(",\r ") == _HEAD:
            continue
        try:
            yield _fix(line, text.rstrip("\r"))
        except ValueError as error:
            yield opened.reject(str(error), text.encode("utf-8", "replace"), line)


def _fix(line: int, text: str) -> Event:
    """A row; it has one more value than there are columns, an empty one."""
    fields = text.split(",")
    if len(fields) == len(_COLUMNS) + 1 and not fields[-1].strip():
        del fields[-1]
    if len(fields) != len(_COLUMNS):
        raise ValueError(f"a row has {len(_COLUMNS)} values, this one has {len(fields)}")
    row = dict(zip(_COLUMNS, (field.strip() for field in fields), strict=True))
    seconds = _number(row, "time")
    if not 0 < seconds < _LATEST_S:
        raise ValueError("time is not a time in Unix seconds")
    return Event(
        source=NAME,
        kind="position",
        layer=Layer.ENVIRONMENTAL,
        start_ms=round(seconds * 1000),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=_payload(row),
        clock=_CLOCK,
        uncertainty_ms=_UNCERTAINTY_MS,
        record=line,
    )


def _payload(row: dict[str, str]) -> dict[str, Json]:
    """The fields of a row with the standard names of measures; what a provider other than GPS left at 0 is unknown."""
    payload: dict[str, Json] = {"lat": _degrees(row, "latitude", 90), "lon": _degrees(row, "longitude", 180)}
    accuracy = _number(row, "accuracy")
    if accuracy < 0:
        raise ValueError("accuracy is negative: the phone had no position")
    if accuracy > 0:
        payload["accuracy_m"] = accuracy
    if row["provider"] == "gps":
        payload["altitude_m"] = _number(row, "altitude")
        payload["bearing"] = _number(row, "bearing")
        payload["velocity_kmh"] = round(_number(row, "speed") * _KMH, 2)
    for name in ("provider", "network_type", "travelstate"):
        if row[name]:
            payload[name] = row[name]
    return payload


def _degrees(row: dict[str, str], name: str, limit: int) -> float:
    value = _number(row, name)
    if abs(value) > limit:
        raise ValueError(f"{name} is outside ±{limit}")
    return value


def _number(row: dict[str, str], name: str) -> float:
    if not _NUMBER.fullmatch(row[name]):
        raise ValueError(f"{name} is not a number")
    return float(row[name])
