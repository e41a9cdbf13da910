"""OwnTracks: the phone's positions and the regions it entered and left, one JSON message a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Trust
from hearthside.sources.reading import Opened, Sample

NAME = "owntracks"
TITLE = "OwnTracks"
_CLOCK = "device:owntracks"
_LATEST_S = 2**35  # the year 3058; more is another unit
_STANDARD = {"acc": "accuracy_m", "alt": "altitude_m", "vel": "velocity_kmh", "batt": "battery"}
_LIMITS = (("lat", 90), ("lon", 180))
_NUMBERS = frozenset((int, float))  # a bool is neither
_MESSAGE = re.compile(
    r'\s*\{[^\n]*"_type"\s*:\s*"(?:location|transition|waypoint|lwt|status|steps|card|cmd|encrypted)"'
)


def recognise(sample: Sample) -> float:
    """Objects with a `_type` of the protocol; positions carry `tst`."""
    if not _MESSAGE.match(sample.text):
        return 0.0
    return 0.95 if '"tst"' in sample.text else 0.7


def read(opened: Opened) -> Iterator[Item]:
    """`position` for a location, `region_enter` and `region_leave` for a transition, `device_notice` for the rest."""
    return opened.json_lines(_message)


def _message(line: int, message: dict[str, Json]) -> Iterable[Record]:
    message_type = message["_type"]
    if message_type == "encrypted":
        raise ValueError("the message is encrypted; export it from the recorder, which holds it in clear")
    if not isinstance(message_type, str):
        raise ValueError("the type of the message is not text")
    kind, text, payload = _meaning(message_type, message)
    event = Event(
        source=NAME,
        kind=kind,
        layer=Layer.ENVIRONMENTAL,
        start_ms=_start_ms(message),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=payload,
        clock=_CLOCK,
        text=text,
        uncertainty_ms=1000,
        key=str(message.get("_id", "")),
        record=line,
    )
    return (event,)


def _meaning(message_type: str, message: dict[str, Json]) -> tuple[str, str, dict[str, Json]]:
    """Kind, words and payload of a message."""
    if message_type == "location":
        return "position", _named_place(message), _fix(message)
    if message_type != "transition":
        return "device_notice", "", dict(message)
    kinds = {"enter": "region_enter", "leave": "region_leave"}
    event = message["event"]
    if not isinstance(event, str) or event not in kinds:
        raise ValueError("the transition is neither enter nor leave")
    region = message.get("desc") or message.get("rid")
    if not isinstance(region, str):
        raise ValueError("the transition names no region")
    payload = _fix(message) if "lat" in message and "lon" in message else dict(message)
    return kinds[event], region, {**payload, "region": region}


def _fix(message: dict[str, Json]) -> dict[str, Json]:
    """The message with the standard names of its measures.

    The app leaves out measures that are zero. A zero accuracy or speed and an unknown one look the same, so what is
    absent stays absent: nothing is filled in.
    """
    for name, limit in _LIMITS:
        if not -limit <= _number(message, name) <= limit:
            raise ValueError(f"{name} is outside ±{limit}")
    fix: dict[str, Json] = {}
    for name, value in message.items():
        standard = _STANDARD.get(name)
        if standard is None:
            fix[name] = value
        elif value is not None:
            number = _number(message, name)
            if number < 0 and name == "acc":
                raise ValueError("acc is negative: the phone had no position")
            if number >= 0 or name != "vel":  # iOS writes -1 for a speed it does not know
                fix[standard] = value
    return fix


def _start_ms(message: dict[str, Json]) -> int:
    """Time of the fix; Unix seconds, unlike everywhere else."""
    if "tst" not in message:
        raise ValueError("the message carries no time (tst)")
    seconds = _number(message, "tst")
    if not 0 < seconds < _LATEST_S:
        raise ValueError("tst is not a time in Unix seconds")
    return round(seconds * 1000)


def _number(message: dict[str, Json], name: str) -> float:
    value = message[name]
    if type(value) not in _NUMBERS:
        raise ValueError(f"{name} is not a number")
    number: float = value
    return number


def _named_place(message: dict[str, Json]) -> str:
    """The regions the phone says it is in, or the point of interest it was told."""
    regions, point = message.get("inregions"), message.get("poi")
    if not regions and point is None:
        return ""
    names = regions if isinstance(regions, list) else []
    named = [name for name in (*names, point) if isinstance(name, str)]
    return ", ".join(dict.fromkeys(named))
