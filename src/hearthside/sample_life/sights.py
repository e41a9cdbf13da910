"""What the glasses saw: captions along the day, and where the eyes rested."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.context import slots_of
from hearthside.sample_life.grammar import expand, sights
from hearthside.sample_life.threads import Threads
from hearthside.sample_life.timeline import Block, Day

# (captions per hour, most in one block); in bed the glasses lie on the shelf.
_RATES = {
    "wash": (1, 1), "breakfast": (4, 3), "move": (5, 2), "walk": (4, 3), "work": (1.5, 5), "home_work": (1.3, 4),
    "night_work": (1.2, 4), "meeting": (2.5, 1), "lunch": (5, 3), "lunch_home": (3, 1), "shop": (6, 2),
    "market": (5, 4), "sport": (4, 3), "hobby": (2.5, 5), "friends": (3.5, 7), "menu_look": (30, 3),
    "partner": (1.2, 4), "partner_day": (3, 5), "quiet": (3.5, 7), "cook": (4, 2), "dinner_home": (4, 1),
    "sofa": (0.9, 3), "sofa_low": (0.9, 3), "chores": (1, 3),
}  # fmt: skip
_LAMPLIGHT = ("street lamps", "lit windows", "headlights", "lamplight on the ground")
_AT_VENUE = {"lunch", "shop", "market", "hobby", "friends", "partner_day", "quiet", "menu_look", "work", "meeting"}


@dataclass(frozen=True, slots=True)
class Caption:
    """What was in view for half a minute or so. `time` is UTC; `place` is a venue's name or None."""

    time: datetime
    duration_s: int
    text: str
    objects: tuple[str, ...]
    people: tuple[str, ...]
    place: str | None


@dataclass(frozen=True, slots=True)
class Gaze:
    """What the eyes rested on, one target (or None) per step. `time` is UTC."""

    time: datetime
    step_ms: int
    targets: tuple[str | None, ...]


def see(
    rng: random.Random, cast: Cast, threads: Threads, days: list[Day], now: datetime
) -> tuple[list[Caption], list[Gaze]]:
    """Captions and gaze of the month, each in order of time."""
    captions: list[Caption] = []
    gazes: list[Gaze] = []
    for day in days:
        slots = slots_of(cast, threads, day)
        for block in day.blocks:
            captions += _captions(rng, cast, block, slots | _table_slots(cast, block))
            gazes += _gazes(rng, cast, day, block)
        captions += _diet_captions(rng, threads, day, slots)
    seen = [caption for caption in captions if caption.time + timedelta(seconds=caption.duration_s) <= now]
    looked = [gaze for gaze in gazes if gaze.time + timedelta(milliseconds=gaze.step_ms * len(gaze.targets)) <= now]
    return sorted(seen, key=lambda item: item.time), sorted(looked, key=lambda item: item.time)


def _table_slots(cast: Cast, block: Block) -> dict[str, str | Sequence[str]]:
    table = next((table for table in cast.tables.values() if table.place == block.place), None)
    if table is None or block.place is None:
        return {"place": block.place.name} if block.place else {}
    return {
        "place": table.place.name,
        "rest_veg": table.veg[0],
        "rest_other": table.other[0],
        "rest_other2": table.other[1],
    }


def _captions(rng: random.Random, cast: Cast, block: Block, slots: dict[str, str | Sequence[str]]) -> list[Caption]:
    if block.activity not in _RATES:
        return []
    if not 7 <= block.start.astimezone(cast.zone).hour < 18:
        slots = {**slots, "weather_look": _LAMPLIGHT}
    rate, most = _RATES[block.activity]
    wanted = block.minutes / 60 * rate
    count = min(most, int(wanted) + (rng.random() < wanted % 1))
    found = []
    for number in range(count):
        # Spread over the block, so that a caption never outlives it.
        share = (number + rng.uniform(0.1, 0.8)) / count
        duration = rng.choice([20, 30, 30, 40])
        at = block.start + timedelta(seconds=int(share * max(0, block.minutes * 60 - duration)))
        found.append(
            _caption(rng, cast, block, slots, "ride" if block.mode == "transit" else block.activity, at, duration)
        )
    return found


def _caption(
    rng: random.Random,
    cast: Cast,
    block: Block | None,
    slots: dict[str, str | Sequence[str]],
    kind: str,
    at: datetime,
    duration: int,
) -> Caption:
    template, objects = rng.choice(sights()[kind])
    text = expand(template, rng, slots)
    known = {contact.name for contact in cast.contacts.values()} | {cast.colleague}
    return Caption(
        time=at,
        duration_s=duration,
        text=text,
        objects=tuple(item.strip() for item in expand(objects, rng, slots).split(",")),
        people=tuple(sorted(name for name in known if re.search(rf"\b{re.escape(name)}\b", text))),
        place=block.place.name if block and block.place and block.activity in _AT_VENUE else None,
    )


def _diet_captions(
    rng: random.Random, threads: Threads, day: Day, slots: dict[str, str | Sequence[str]]
) -> list[Caption]:
    """What the diet looks like on the plate: the right things while it is firm, the others when it fades."""
    if "diet_firm" in day.flags:
        kind = "diet_good"
    elif "diet_fade" in day.flags:
        # A slip every third day at least; on the others it depends.
        slip = (day.date - threads.diet_fade).days % 3 == 0
        kind = "diet_bad" if slip else rng.choice(["diet_bad", "diet_good", ""])
    else:
        return []
    blocks = [block for block in day.of("work", "home_work", "sofa", "breakfast") if block.minutes > 10]
    if not kind or not blocks:
        return []
    block = rng.choice(blocks)
    at = block.start + timedelta(seconds=int(block.minutes * 60 * rng.uniform(0.2, 0.8)))
    template, objects = rng.choice(sights()[kind])
    names = tuple(item.strip() for item in expand(objects, rng, slots).split(","))
    return [Caption(at.replace(microsecond=0), 30, expand(template, rng, slots), names, (), None)]


def _gazes(rng: random.Random, cast: Cast, day: Day, block: Block) -> list[Gaze]:
    """Where the eyes rested in this block: (target, weight) pairs turned into runs of seconds."""
    table = next((table for table in cast.tables.values() if table.place == block.place), None)
    weights: dict[str, float] = {}
    chance = 1.0
    if table is not None and block.activity in ("friends", "quiet", "menu_look"):
        name = table.place.name
        weights = {f"menu: {dish}": 2.0 for dish in (*table.veg[:2], *table.other[:2])} | {"menu": 1.5, "candle": 0.5}
        if block.activity == "menu_look":
            weights |= {f"menu board of {name}": 4.0, f"menu: {table.veg[0]}": 4.0, "opening hours": 1.0}
    elif block.activity in ("work", "home_work", "night_work"):
        weights, chance = {"screen": 6.0, "phone": 1.5, "window": 1.0, "notebook": 1.5, "keyboard": 1.0}, 0.5
    elif block.activity == "lunch":
        bad = cast.diet["bad_short"]
        weights = {"plate": 2.0, "colleague": 3.0, "window": 1.0, f"counter with {bad}": 0.2}
        if "diet_fade" in day.flags:
            weights[f"counter with {bad}"] = 4.0
        chance = 0.55
    elif block.activity in ("shop", "market"):
        weights, chance = {"shelf": 3.0, "price tag": 1.5, "vegetables": 2.0, "shopping list": 1.0}, 0.8
    elif block.activity == "sofa_low":
        weights, chance = {"ceiling": 5.0, "phone": 2.0, "window": 1.0}, 0.7
    elif block.activity == "move" and block.mode == "transit":
        weights, chance = {"window": 4.0, "phone": 4.0, "passenger": 1.0}, 0.5
    if not weights or rng.random() > chance or block.minutes < 3:
        return []
    return [_gaze(rng, block, weights)]


def _gaze(rng: random.Random, block: Block, weights: dict[str, float]) -> Gaze:
    steps = rng.randint(40, 90)
    targets: list[str | None] = []
    while len(targets) < steps:
        target = rng.choices(list(weights), list(weights.values()))[0]
        targets += [target] * max(1, round(rng.lognormvariate(1.3, 0.7)))
        if rng.random() < 0.35:
            targets.append(None)  # a blink, or nothing the glasses have a name for
    latest = max(0.0, block.minutes * 60 - steps)
    at = block.start + timedelta(seconds=int(latest * rng.uniform(0.05, 0.4)))
    return Gaze(at, 1000, tuple(targets[:steps]))
