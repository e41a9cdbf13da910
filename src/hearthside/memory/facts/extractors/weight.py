"""The person's weight now, and which way it goes: medians of months, which one odd morning does not move."""

from __future__ import annotations

import numpy as np

from hearthside.events import DAY_MS, iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact

NAME = "weight"
TITLE = "Weight"
KINDS = frozenset({"weight_day"})

LATELY_DAYS, BEFORE_DAYS = 30, 120
LEAST = 4
"""Weighings on each side without which nothing is said."""

CHANGE_KG = 1.0
"""What a scale and a meal make of the same body; a smaller difference is steady."""


def extract(ground: Ground) -> list[Fact]:
    """The median of the last month in which the person weighed themselves, against the months before it."""
    found = [o for o in ground.stream.occurrences(kinds=["weight_day"], end_ms=ground.present_ms) if o.amount]
    if len(found) < LEAST:
        return []
    end = found[-1].start_ms
    lately = [o for o in found if o.start_ms > end - LATELY_DAYS * DAY_MS]
    before = [o for o in found if end - BEFORE_DAYS * DAY_MS < o.start_ms <= end - LATELY_DAYS * DAY_MS]
    if len(lately) < LEAST:
        return []
    now = float(np.median([o.amount or 0.0 for o in lately]))
    since, way = lately[0].local_day, ""
    if len(before) >= LEAST:
        change = now - float(np.median([o.amount or 0.0 for o in before]))
        way = ", steady" if abs(change) < CHANGE_KG else f", {abs(change):.1f} kg {'up' if change > 0 else 'down'}"
        way += " against the three months before"
    over = ground.present_ms - end > BEFORE_DAYS * DAY_MS
    tense = "was" if over else "is"
    return [
        make_fact(
            NAME, "body", "weight", f"{now:.1f} kg", f"Your weight {tense} about {now:.1f} kg{way}.",
            (lately[0].id, lately[-1].id, *((before[0].id,) if before else ())), valid_from=since,
            valid_to=iso_day(end // DAY_MS + 1) if over else "", single=True, sure=0.9,
        )
    ]  # fmt: skip
