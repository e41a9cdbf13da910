"""OwnTracks as its recorder keeps it: one location or transition a line."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hearthside.sample_life.cast import METRES_PER_DEGREE, Cast, Place
from hearthside.sample_life.files import write_json_lines
from hearthside.sample_life.timeline import Block, Day

_MOVING_S, _LOOP_S, _STILL_S = 300, 120, 1800
_REGIONS = {"home": "Home", "work": "Work"}


def write_owntracks(folder: Path, rng: random.Random, cast: Cast, days: Sequence[Day], now: datetime) -> dict[str, int]:
    """One file; locations and transitions are both counted."""
    rows = sorted(_rows(rng, cast, days), key=lambda row: row["tst"])
    name = f"owntracks/{cast.first_name.lower()}-phone.jsonl"
    count = write_json_lines(folder / name, (row for row in rows if row["tst"] < now.timestamp()))
    return {name: count}


def _rows(rng: random.Random, cast: Cast, days: Sequence[Day]) -> Iterator[dict[str, Any]]:
    for day in days:
        night = Block(day.asleep, day.awake, "sleep", cast.places["home"])
        for block in (night, *day.blocks):
            if block.place is not None:
                yield from _still(rng, cast, day, block, block.place)
            else:
                yield from _moving(rng, cast, day, block)


def _fix(
    rng: random.Random, cast: Cast, day: Day, at: datetime, lat: float, lon: float, kmh: float, noise_m: float
) -> dict[str, Any]:
    noise = noise_m / METRES_PER_DEGREE
    row: dict[str, Any] = {
        "_type": "location",
        "tid": cast.first_name[:2].upper(),
        "tst": int(at.timestamp()),
        "lat": round(lat + rng.gauss(0, noise), 6),
        "lon": round(lon + rng.gauss(0, noise), 6),
        "acc": rng.randint(5, 22),
        "batt": _battery(day, at),
        "conn": "w" if kmh == 0 else "m",
        "t": "p" if kmh == 0 else "v",
    }
    if kmh >= 0.5:
        row["vel"] = round(kmh)  # the app leaves a speed of 0 out
    return row


def _battery(day: Day, at: datetime) -> int:
    """Full when the person wakes, about 5 % less each hour, charging over night."""
    if at < day.awake:
        return min(100, 30 + int((at - day.asleep) / timedelta(minutes=3)))
    return max(9, 100 - int((at - day.awake) / timedelta(minutes=12.5)))


def _still(rng: random.Random, cast: Cast, day: Day, block: Block, place: Place) -> Iterator[dict[str, Any]]:
    at = block.start + timedelta(seconds=rng.randint(5, 50))
    while at < block.end:
        yield _fix(rng, cast, day, at, place.lat, place.lon, 0, 4.0)
        at += timedelta(seconds=_STILL_S + rng.randint(-20, 20))


def _moving(rng: random.Random, cast: Cast, day: Day, block: Block) -> Iterator[dict[str, Any]]:
    loop = block.mode == "loop"
    total = (block.end - block.start).total_seconds()
    step = _LOOP_S if loop else min(_MOVING_S, total / 3)
    kmh = _loop_speed(cast, block) if loop else _speed(block, total)
    elapsed = step * 0.4
    while elapsed < total - 20:
        lat, lon = (
            _loop_point(cast, block, elapsed / total, kmh, total) if loop else _line_point(block, elapsed / total)
        )
        at = block.start + timedelta(seconds=elapsed)
        yield _fix(rng, cast, day, at, lat, lon, kmh * rng.uniform(0.8, 1.15), 7.0)
        elapsed += step
    if not loop:
        for place, event, when in ((block.origin, "leave", block.start), (block.target, "enter", block.end)):
            yield from _transition(rng, cast, place, event, when)
    elif block.origin is not None:
        yield from _transition(rng, cast, block.origin, "leave", block.start)
        yield from _transition(rng, cast, block.origin, "enter", block.end)


def _speed(block: Block, seconds: float) -> float:
    if block.origin is None or block.target is None:
        return 0.0
    return block.origin.metres_to(block.target) * 1.3 / seconds * 3.6


def _loop_speed(cast: Cast, block: Block) -> float:
    return float(cast.sport["kmh"]) if block.activity == "sport" else 4.2


def _line_point(block: Block, share: float) -> tuple[float, float]:
    """A street that bends a little to the side of the straight line."""
    origin, target = block.origin, block.target
    if origin is None or target is None:
        raise ValueError("a move needs an origin and a target")
    bend = 0.12 * math.sin(math.pi * share)
    north, east = target.lat - origin.lat, target.lon - origin.lon
    return origin.lat + north * share - east * bend, origin.lon + east * share + north * bend


def _loop_point(cast: Cast, block: Block, share: float, kmh: float, seconds: float) -> tuple[float, float]:
    """A circle through the start whose length is the distance covered, towards the place of the sport."""
    start = block.origin or cast.places["home"]
    goal = cast.places["sport"] if block.activity == "sport" else cast.places["market"]
    heading = math.atan2(goal.lat - start.lat, goal.lon - start.lon)
    radius = kmh / 3.6 * seconds / (2 * math.pi)
    turn = heading + math.pi + 2 * math.pi * share
    north = radius * (math.sin(heading) + math.sin(turn))
    east = radius * (math.cos(heading) + math.cos(turn))
    lat = start.lat + north / METRES_PER_DEGREE
    return lat, start.lon + east / (METRES_PER_DEGREE * math.cos(math.radians(start.lat)))


def _transition(
    rng: random.Random, cast: Cast, place: Place | None, event: str, at: datetime
) -> Iterator[dict[str, Any]]:
    for name, region in _REGIONS.items():
        if place == cast.places[name] and place is not None:
            yield {
                "_type": "transition",
                "tid": cast.first_name[:2].upper(),
                "event": event,
                "desc": region,
                "rid": f"{cast.first_name.lower()}{name}",
                "wtst": 1_700_000_000,
                "tst": int(at.timestamp()) + rng.randint(0, 15),
                "lat": place.lat,
                "lon": place.lon,
                "acc": rng.randint(8, 25),
                "t": "c",
            }
