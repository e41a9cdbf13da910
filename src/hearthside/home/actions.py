"""What may be done in the home: action classes, limits, and the way back.

| class | what | rule in this version |
|---|---|---|
| A | light, media volume | a tap, and a rate limit |
| B | heating, blinds, switches, fans | a tap, limits, a lower rate limit, undo |
| C | locks, garage, gates, doors, alarm, oven, valves | refused from here, always |

Whatever is not in a table here is refused. All services are such that doing them twice does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hearthside.errors import Refused
from hearthside.events import Json
from hearthside.home.states import EntityState

TEMPERATURE_LIMITS_C = (15.0, 26.0)  # set by an assistant: neither frost nor heat stroke


class ActionClass(StrEnum):
    """How much harm an action can do, and so what it takes."""

    A = "A"
    B = "B"
    C = "C"


RATE_PER_HOUR: Mapping[ActionClass, int] = {ActionClass.A: 60, ActionClass.B: 12}
"""Actions an hour, per class; the undo of an action does not count."""

# Services that may be called, and for each the fields it may carry; entity, area and device never come from the fields.
_SERVICES: Mapping[str, tuple[ActionClass, Mapping[str, frozenset[str]]]] = {
    "light": (
        ActionClass.A,
        {
            "turn_on": frozenset(
                {"brightness", "brightness_pct", "color_temp_kelvin", "hs_color", "rgb_color", "transition"}
            ),
            "turn_off": frozenset({"transition"}),
        },
    ),
    "media_player": (
        ActionClass.A,
        {
            "volume_set": frozenset({"volume_level"}),
            "volume_mute": frozenset({"is_volume_muted"}),
        },
    ),
    "climate": (
        ActionClass.B,
        {
            "set_temperature": frozenset({"temperature", "target_temp_low", "target_temp_high"}),
            "set_hvac_mode": frozenset({"hvac_mode"}),
        },
    ),
    "cover": (
        ActionClass.B,
        {
            "open_cover": frozenset(),
            "close_cover": frozenset(),
            "set_cover_position": frozenset({"position"}),
        },
    ),
    "switch": (ActionClass.B, {"turn_on": frozenset(), "turn_off": frozenset()}),
    "fan": (
        ActionClass.B,
        {"turn_on": frozenset(), "turn_off": frozenset(), "set_percentage": frozenset({"percentage"})},
    ),
}
_CLASS_C_DOMAINS = frozenset({"lock", "alarm_control_panel", "valve", "siren", "water_heater"})
_BLINDS = frozenset({"awning", "blind", "curtain", "shade", "shutter"})  # device classes of covers that are class B
# A plain switch or cover may sit in front of something of class C; its name gives it away.
_CLASS_C_WORDS = frozenset(
    {"alarm", "boiler", "cooker", "door", "doors", "garage", "gas", "gate", "grill"}
    | {"heater", "hob", "lock", "oven", "siren", "stove", "unlock", "valve"}
)
_ENTITY_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class HomeAction:
    """One service call on one entity, e.g. ``HomeAction("light.kitchen", "turn_on", {"brightness_pct": 40})``."""

    entity_id: str
    service: str
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What was done.

    Attributes:
        at_ms: when, UTC milliseconds.
        context_id: Home Assistant's id of the action; later states that carry it are its effect.
        before: the entity before the action.
        after: the entity after it; None when Home Assistant was lost right after doing it.
        undo: the action that restores `before`, or None where there is none.
    """

    action: HomeAction
    action_class: ActionClass
    at_ms: int
    context_id: str
    before: EntityState
    after: EntityState | None
    undo: HomeAction | None


def check_entity_id(entity_id: str) -> None:
    """Refuse whatever names not exactly one entity: ``all``, lists, paths."""
    if not _ENTITY_ID.fullmatch(entity_id):
        raise Refused("home-action-unknown", f"“{entity_id}” is not the id of one entity; nothing was done.")


def action_class(action: HomeAction, state: EntityState) -> ActionClass:
    """The class of an action on an entity in that state.

    Raises:
        Refused: nothing here says that this may be done.
    """
    check_entity_id(action.entity_id)
    domain = action.entity_id.partition(".")[0]
    if domain in _CLASS_C_DOMAINS or (domain in ("cover", "switch") and _hides_class_c(state)):
        return ActionClass.C
    known, services = _SERVICES.get(domain, (ActionClass.C, {}))
    if action.service not in services:
        raise Refused(
            "home-action-unknown",
            f"Hearthside does not know the action {domain}.{action.service}, so nothing was done.",
        )
    if domain == "cover" and state.attributes.get("device_class") not in _BLINDS:
        raise Refused(
            "home-action-unknown",
            f"{state.friendly_name} does not say that it is a blind, so Hearthside does not move it. "
            "Set its device class in Home Assistant (blind, shade, shutter, curtain or awning) if it is one.",
        )
    if known is ActionClass.B and "entity_id" in state.attributes:  # a group may hide something of class C
        raise Refused("home-action-unknown", f"{state.friendly_name} is a group; name the single device instead.")
    if extra := set(action.data) - services[action.service]:
        raise Refused(
            "home-action-unknown",
            f"{domain}.{action.service} may not carry {', '.join(sorted(extra))}; nothing was changed.",
        )
    return known


def undo_of(action: HomeAction, before: EntityState) -> HomeAction | None:
    """The action that brings the entity back to `before`, or None where the old state is not known well enough."""
    have = before.attributes

    def back(service: str, **data: Json) -> HomeAction | None:
        return None if None in data.values() else HomeAction(action.entity_id, service, data)

    match before.domain, action.service:
        case "light", _:
            return _undo_light(action.entity_id, before)
        case "media_player", "volume_mute":
            return back("volume_mute", is_volume_muted=have.get("is_volume_muted"))
        case "media_player", _:
            return back("volume_set", volume_level=have.get("volume_level"))
        case "climate", "set_hvac_mode":
            return back("set_hvac_mode", hvac_mode=before.state)
        case "climate", _:
            return back("set_temperature", **{name: have.get(name) for name in action.data})
        case "cover", _ if "current_position" in have:
            return back("set_cover_position", position=have["current_position"])
        case "cover", _ if before.state in ("open", "closed"):
            return back("open_cover" if before.state == "open" else "close_cover")
        case "fan", _ if before.state == "on" and "percentage" in have:
            return back("set_percentage", percentage=have["percentage"])
        case (("switch" | "fan"), _) if before.state in ("on", "off"):
            return back(f"turn_{before.state}")
    return None


def _undo_light(entity_id: str, before: EntityState) -> HomeAction | None:
    if before.state == "off":
        return HomeAction(entity_id, "turn_off")
    if before.state != "on":
        return None
    colour = "color_temp_kelvin" if before.attributes.get("color_mode") == "color_temp" else "hs_color"
    kept = {name: before.attributes[name] for name in ("brightness", colour) if before.attributes.get(name) is not None}
    return HomeAction(entity_id, "turn_on", kept)


def _hides_class_c(state: EntityState) -> bool:
    if state.attributes.get("device_class") in ("garage", "gate", "door", "window", "damper"):
        return True
    words = re.split(r"[^a-z]+", f"{state.entity_id} {state.friendly_name}".lower())
    return not _CLASS_C_WORDS.isdisjoint(words)
