"""Home Assistant's history: the states of a small flat that follow the person from room to room."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.files import write_json
from hearthside.sample_life.timeline import Block, Day

_NAME = "home_assistant/history.json"
_ROOM = {
    "wash": "bathroom", "breakfast": "kitchen", "cook": "kitchen", "dinner_home": "kitchen", "lunch_home": "kitchen",
    "home_work": "kitchen", "meeting": "kitchen", "night_work": "kitchen", "sofa": "living_room",
    "sofa_low": "living_room", "call_mother": "living_room", "chores": "living_room", "bed": "bedroom",
}  # fmt: skip
_MINIMAL = ("light.", "binary_sensor.", "switch.", "media_player.", "lock.")
Change: TypeAlias = tuple[datetime, str, str, dict[str, Any]]
"""When (UTC), entity, state, attributes that change with it."""


def write_home_assistant(
    folder: Path, rng: random.Random, cast: Cast, days: Sequence[Day], now: datetime
) -> dict[str, int]:
    """One document, a list of states per entity; states are counted."""
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(_changes(rng, cast, days), key=lambda item: (item[0], item[1])):
        at, entity, state, attributes = change
        before = changes[entity][-1] if changes[entity] else None
        # A state that says the same again is no change; Home Assistant's history leaves it out.
        if at < now and (before is None or (before[2], before[3]) != (state, attributes)):
            changes[entity].append(change)
    document = [_history(cast, entity, changes[entity]) for entity in sorted(changes)]
    write_json(folder / _NAME, document)
    return {_NAME: sum(len(states) for states in document)}


def _history(cast: Cast, entity: str, changes: list[Change]) -> list[dict[str, Any]]:
    """The first state is whole; switches and sensors then come as `minimal_response` gives them."""
    rows: list[dict[str, Any]] = []
    for number, (at, _, state, attributes) in enumerate(changes):
        if number and entity.startswith(_MINIMAL):
            rows.append({"state": state, "last_changed": _time(at)})
            continue
        rows.append(
            {
                "entity_id": entity,
                "state": state,
                "attributes": {**attributes, "friendly_name": _friendly(cast, entity)},
                "last_changed": _time(at),
                "last_updated": _time(at),
            }
        )
    return rows


def _friendly(cast: Cast, entity: str) -> str:
    domain, name = entity.split(".")
    if domain == "person":
        return cast.first_name
    return name.replace("_", " ").capitalize() + (" light" if domain == "light" else "")


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _changes(rng: random.Random, cast: Cast, days: Sequence[Day]) -> Iterator[Change]:
    yield from _beginning(cast, days[0].asleep)
    for day in days:
        yield day.awake + timedelta(seconds=rng.randint(15, 60)), "light.bedroom", "on", {}
        yield day.awake + timedelta(seconds=rng.randint(150, 300)), "light.bedroom", "off", {}
        yield from _sleeping(rng, day)
        yield from _rooms(rng, cast, day)
        yield from _doors(rng, cast, day)
        yield from _climate(rng, cast, day)


def _beginning(cast: Cast, at: datetime) -> Iterator[Change]:
    states = {f"light.{room}": "off" for room in sorted(set(_ROOM.values()) | {"hallway"})}
    states |= {f"binary_sensor.{room}_motion": "off" for room in ("kitchen", "living_room", "bedroom", "bathroom")}
    states |= {"binary_sensor.front_door": "off", "lock.front_door": "locked", "switch.coffee_maker": "off"}
    states |= {"media_player.living_room": "idle", f"person.{cast.first_name.lower()}": "home"}
    for entity, state in states.items():
        yield at, entity, state, {}


def _sleeping(rng: random.Random, day: Day) -> Iterator[Change]:
    """A sleeper turns over: a few movements in the bedroom, and everything else is still."""
    for _ in range(rng.randint(2, 5)):
        at = day.asleep + (day.awake - day.asleep) * rng.uniform(0.1, 0.95)
        yield at, "binary_sensor.bedroom_motion", "on", {}
        yield at + timedelta(seconds=rng.randint(30, 60)), "binary_sensor.bedroom_motion", "off", {}


def _dark(cast: Cast, day: Day, at: datetime) -> bool:
    local = at.astimezone(cast.zone)
    return local.hour < 8 or local.hour >= (15 if day.weather == "rain" else 17)


def _rooms(rng: random.Random, cast: Cast, day: Day) -> Iterator[Change]:
    home = cast.places["home"]
    for block in day.blocks:
        room = _ROOM.get(block.activity)
        if room is None or block.place != home:
            continue
        if room == "bathroom" or _dark(cast, day, block.end):
            # On a little after the block begins, off a little before it ends: never lit in sleep or absence.
            dark_from = max(block.start, block.end - timedelta(hours=5))
            yield dark_from + timedelta(seconds=rng.randint(3, 25)), f"light.{room}", "on", {}
            yield block.end - timedelta(seconds=rng.randint(1, 2)), f"light.{room}", "off", {}
        if block.activity == "breakfast":
            yield block.start + timedelta(seconds=40), "switch.coffee_maker", "on", {}
            yield block.start + timedelta(minutes=7, seconds=rng.randint(0, 50)), "switch.coffee_maker", "off", {}
        if block.activity == "sofa" and block.minutes > 45 and rng.random() < 0.6:
            yield block.start + timedelta(minutes=rng.randint(3, 12)), "media_player.living_room", "playing", {}
            yield block.end - timedelta(seconds=rng.randint(20, 50)), "media_player.living_room", "idle", {}
        yield from _motion(rng, block, room)


def _motion(rng: random.Random, block: Block, room: str) -> Iterator[Change]:
    at = block.start + timedelta(seconds=rng.randint(2, 20))
    while at < block.end - timedelta(seconds=70):
        yield at, f"binary_sensor.{room}_motion", "on", {}
        seconds = rng.randint(30, 65)
        yield at + timedelta(seconds=seconds), f"binary_sensor.{room}_motion", "off", {}
        at += timedelta(seconds=seconds, minutes=rng.uniform(6, 22))


def _doors(rng: random.Random, cast: Cast, day: Day) -> Iterator[Change]:
    home, person = cast.places["home"], f"person.{cast.first_name.lower()}"
    for block in day.blocks:
        if block.mode and block.origin == home:
            # The door first; the phone notices that it has left the zone a minute later.
            yield from _door(rng, block.start - timedelta(seconds=15))
            yield block.start + timedelta(seconds=rng.randint(40, 80)), person, "not_home", {}
        if block.mode and block.target == home:
            yield from _door(rng, block.end)
            yield block.end + timedelta(seconds=rng.randint(5, 25)), person, "home", {}
            yield block.end + timedelta(seconds=4), "light.hallway", "on", {}
            yield block.end + timedelta(seconds=rng.randint(60, 140)), "light.hallway", "off", {}


def _door(rng: random.Random, at: datetime) -> Iterator[Change]:
    yield at - timedelta(seconds=3), "lock.front_door", "unlocked", {}
    yield at, "binary_sensor.front_door", "on", {}
    shut = at + timedelta(seconds=rng.randint(5, 11))
    yield shut, "binary_sensor.front_door", "off", {}
    yield shut + timedelta(seconds=2), "lock.front_door", "locked", {}


def _climate(rng: random.Random, cast: Cast, day: Day) -> Iterator[Change]:
    sky = {"sun": "sunny", "rain": "rainy", "wind": "windy", "grey": "cloudy"}[day.weather]
    yield day.awake, "weather.home", sky, {"temperature": day.degrees}
    cold = day.degrees < 17
    bed = day.blocks[-1].end
    for at, target in ((day.awake, 21.0), (bed - timedelta(minutes=20), 18.0)):
        inside = round(min(21.0, 18.5 + (2.0 if target == 18.0 else 0.0)) if cold else day.degrees + 1.5, 1)
        attributes = {"temperature": target, "current_temperature": inside}
        yield at, "climate.thermostat", "heat" if cold else "off", attributes
    at = day.awake - timedelta(hours=6)
    while at < bed:
        local = at.astimezone(cast.zone)
        swing = -3.5 if local.hour < 7 or local.hour > 21 else (1.0 if 12 <= local.hour < 17 else -1.5)
        outside = round(day.degrees + swing + rng.gauss(0, 0.3), 1)
        awake = day.awake <= at < bed
        inside = (20.6 if awake else 18.6) + rng.gauss(0, 0.25) if cold else day.degrees + 1.5 + rng.gauss(0, 0.3)
        celsius = {"unit_of_measurement": "°C"}
        yield at, "sensor.outdoor_temperature", str(outside), celsius
        yield at + timedelta(seconds=7), "sensor.living_room_temperature", str(round(inside, 1)), celsius
        at += timedelta(minutes=45)
