"""Home Assistant history: the answer of `GET /api/history/period`, one list of states for each entity of the home."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from hearthside.events import Event, Item, Json, Layer, Origin, Record, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample

NAME = "home_assistant_history"
TITLE = "Home Assistant history"
_CLOCK = "device:home_assistant"
_LIST_OF_LISTS = re.compile(r"\s*\[\s*(?:\[\s*\]\s*,\s*)*\[\s*\{")
# Attributes that say what an entity is; the others say how it is, and a short state does not repeat them.
_LASTING = ("friendly_name", "device_class", "unit_of_measurement", "state_class", "icon")
# What on and off mean for each class of binary sensor (developers.home-assistant.io, "Binary sensor entity").
_BINARY = {
    "battery": ("low", "normal"),
    "battery_charging": ("charging", "not charging"),
    "carbon_monoxide": ("detected", "clear"),
    "cold": ("cold", "normal"),
    "connectivity": ("connected", "disconnected"),
    "door": ("open", "closed"),
    "garage_door": ("open", "closed"),
    "gas": ("detected", "clear"),
    "heat": ("hot", "normal"),
    "light": ("light detected", "no light"),
    "lock": ("unlocked", "locked"),
    "moisture": ("wet", "dry"),
    "motion": ("motion detected", "no motion"),
    "moving": ("moving", "stopped"),
    "occupancy": ("occupied", "not occupied"),
    "opening": ("open", "closed"),
    "plug": ("plugged in", "unplugged"),
    "power": ("power", "no power"),
    "presence": ("home", "away"),
    "problem": ("problem", "no problem"),
    "running": ("running", "not running"),
    "safety": ("unsafe", "safe"),
    "smoke": ("smoke detected", "no smoke"),
    "sound": ("sound detected", "no sound"),
    "tamper": ("tampering detected", "no tampering"),
    "update": ("update available", "up to date"),
    "vibration": ("vibration detected", "no vibration"),
    "window": ("open", "closed"),
}


def recognise(sample: Sample) -> float:
    """A list of lists of states."""
    text = sample.text
    named = all(name in text for name in ('"entity_id"', '"state"', '"last_changed"'))
    return 0.95 if named and _LIST_OF_LISTS.match(text) else 0.0


def read(opened: Opened) -> Iterator[Item]:
    """One `state` for each state of each entity; `record` counts the states of all entities."""
    document = opened.json_document()
    if isinstance(document, Rejected):
        yield document
        return
    if not isinstance(document, list):
        yield opened.reject("the file is not a list of histories", b"", 1, "start")
        return
    number = 0
    for place, states in enumerate(document, start=1):
        if not isinstance(states, list):
            number += 1
            yield opened.reject("this history is not a list of states", b"", number, f"history {place}")
            continue
        entity = _Entity()
        for index, state in enumerate(states, start=1):
            number += 1
            yield from opened.guarded(number, state, entity.record, where=f"history {place}, state {index}")


class _Entity:
    """One entity's history: what the later, shorter states of the same list leave out."""

    def __init__(self) -> None:
        self._id = ""
        self._lasting: dict[str, Json] = {}
        self._state: str | None = None

    def record(self, number: int, state: Json) -> Iterable[Record]:
        """The event of one state."""
        if not isinstance(state, dict):
            raise ValueError("this state is not a JSON object")
        value, entity = state["state"], state.get("entity_id", self._id)
        if not isinstance(value, str) or not isinstance(entity, str) or "." not in entity:
            raise ValueError("the state has no value or no entity_id, and none came before it")
        attributes = self._attributes(entity, state)
        start_ms = self._start_ms(value, state)
        self._id, self._state = entity, value
        name = attributes.get("friendly_name")
        payload = {"entity": entity, "state": value, "attributes": attributes}
        if isinstance(name, str):
            payload["friendly_name"] = name
        shown = name if isinstance(name, str) and name else entity.split(".", 1)[1].replace("_", " ")
        yield Event(
            source=NAME,
            kind="state",
            layer=Layer.RESIDENTIAL,
            start_ms=start_ms,
            origin=Origin.DEVICE,
            trust=Trust.OWN,
            payload=payload,
            clock=_CLOCK,
            text=f"{shown} {_in_words(entity, value, attributes)}",
            record=number,
        )

    def _attributes(self, entity: str, state: dict[str, Json]) -> dict[str, Json]:
        """The state's own attributes, or of a short state (`minimal_response`) those that say what the entity is."""
        if entity != self._id:
            self._lasting, self._state = {}, None
        if "attributes" not in state:
            return dict(self._lasting)
        attributes = state["attributes"]
        if not isinstance(attributes, dict):
            raise ValueError("the attributes are not a JSON object")
        self._lasting = {name: attributes[name] for name in _LASTING if name in attributes}
        return attributes

    def _start_ms(self, value: str, state: dict[str, Json]) -> int:
        """When the value changed; when only the attributes did (the value stayed), when they were written."""
        same = value == self._state
        moment = state.get("last_updated") if same else state.get("last_changed")
        moment = moment or state.get("last_changed") or state.get("last_updated")
        if not isinstance(moment, str):
            raise ValueError("the state carries no time (last_changed)")
        return ms_of(datetime.fromisoformat(moment))


def _in_words(entity: str, value: str, attributes: dict[str, Json]) -> str:
    """The state as a person would say it: `open`, `21.3 °C`, `away`."""
    domain, device_class = entity.split(".", 1)[0], attributes.get("device_class")
    if domain == "binary_sensor" and value in ("on", "off") and isinstance(device_class, str):
        words = _BINARY.get(device_class, ("on", "off"))
        return words[value == "off"]
    unit = attributes.get("unit_of_measurement")
    if isinstance(unit, str) and unit and value not in ("unavailable", "unknown"):
        return f"{value} {unit}"
    return "away" if value == "not_home" else value.replace("_", " ")
