"""StudentLife stress answers: how stressed a student felt when the phone asked, as a code, and where that was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Trust
from hearthside.sources.json_parts import Part
from hearthside.sources.reading import Opened, Sample, whole, words

NAME = "studentlife_stress"
TITLE = "StudentLife stress answers"
_CLOCK = "export:studentlife"
_UNCERTAINTY_MS = 1000
_LIST = re.compile(r"\s*\[\s*\{")
_PLACE = re.compile(r"(-?\d{1,2}(?:\.\d+)?),\s*(-?\d{1,3}(?:\.\d+)?)")
_LEVELS = frozenset("12345")  # codes, not a scale: 1 to 3 rising stress, 4 and 5 feeling good and great
_LATEST_S = 2**35


def recognise(sample: Sample) -> float:
    """A list of answers with the time of the answer and a level."""
    listed = _LIST.match(sample.text) is not None and sample.has("resp_time")
    return 0.9 if listed and (sample.has("level") or sample.has("null")) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `stress` an answer; entries whose answer has lost its name (`null`) are refused, for nothing says what it is.

    The file is one list; `record` counts its entries.
    """
    return opened.json_parts(_answer)


def _answer(record: int, part: Part) -> Iterable[Record]:
    value = part.value
    if value is None:
        raise ValueError(part.problem)
    if "level" not in value and "null" in value:
        raise ValueError("the answer stands under the name null: it may be a level or a place")
    level, seconds = words(value, "level"), whole(value, "resp_time")
    if level not in _LEVELS:
        raise ValueError("the level is none of the codes 1 to 5")
    if not 0 < seconds < _LATEST_S:
        raise ValueError("resp_time is not a time in Unix seconds")
    event = Event(
        source=NAME,
        kind="stress",
        layer=Layer.BEHAVIOURAL,
        start_ms=seconds * 1000,
        origin=Origin.SELF,
        trust=Trust.OWN,
        payload={"level": int(level), **_place(value.get("location"))},
        clock=_CLOCK,
        uncertainty_ms=_UNCERTAINTY_MS,
        record=record,
    )
    return (event,)


def _place(location: Json) -> dict[str, Json]:
    """Degrees of an answer's place; `Unknown` is none."""
    found = _PLACE.fullmatch(location.strip()) if isinstance(location, str) else None
    if found is None:
        return {}
    lat, lon = float(found[1]), float(found[2])
    return {"lat": lat, "lon": lon} if abs(lat) <= 90 and abs(lon) <= 180 else {}
