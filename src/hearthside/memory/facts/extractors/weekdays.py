"""What belongs to a day of the week: places and exercise on one weekday far more often than on the others."""

from __future__ import annotations

import math

import numpy as np

from hearthside.events import iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact
from hearthside.memory.preferences.tally import Tally

NAME = "weekdays"
TITLE = "Weekly habits"
KINDS = frozenset({"position", "region_enter", "workout", "dwell"})

WEEKS = 26
LEAST_WEEKS = 6
LEAST_SHARE = 0.5
"""On at least half of the weeks in which anything was recorded on that weekday."""

TIMES_OTHERS = 2.5
CHANCE = 0.01
"""Of a weekday's share under the rate of all days; over seven weekdays and all things some hold by chance."""

_VERBS = {"place": "go to", "sport": "do"}
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_THURSDAY = 3  # 1970-01-01


def extract(ground: Ground) -> list[Fact]:
    """Habits of the last half year; a binomial test against the thing's rate over all days (one-sided)."""
    return [
        fact
        for kind in _VERBS
        if kind in ground.tallies
        for fact in _habits(ground.tallies[kind].before(ground.day), ground.day)
    ]


def _habits(tally: Tally, today: int) -> list[Fact]:
    recent = np.flatnonzero(tally.day >= today - WEEKS * 7)
    heard = np.unique(tally.day[recent])
    weekdays = np.bincount((heard + _THURSDAY) % 7, minlength=7)
    facts = []
    for item in np.unique(tally.item[recent]).tolist():
        rows = recent[tally.item[recent] == item]
        on = np.bincount((tally.day[rows] + _THURSDAY) % 7, minlength=7)
        weekday = int(np.argmax(on))
        weeks, n = int(on[weekday]), int(weekdays[weekday])
        rest = (on.sum() - weeks) / max(len(heard) - n, 1)
        if weeks < LEAST_WEEKS or weeks < LEAST_SHARE * n or weeks / n < TIMES_OTHERS * rest:
            continue
        if _at_least(weeks, n, float(on.sum()) / len(heard)) > CHANCE:
            continue
        there = rows[(tally.day[rows] + _THURSDAY) % 7 == weekday]
        name = tally.names[item]
        facts.append(
            make_fact(
                NAME, "routine", f"weekly_{tally.kind}", f"{name} on {_DAYS[weekday]}",
                _said(tally.kind, name, _DAYS[weekday], weeks, n),
                tuple(tally.evidence[int(row)] for row in (there[0], *there[-2:])),
                valid_from=iso_day(int(tally.day[there[0]])), sure=0.85,
            )
        )  # fmt: skip
    return facts


def _said(kind: str, name: str, weekday: str, weeks: int, of: int) -> str:
    """In plain words; sources write “Running” and phones “Work”, which are no names."""
    plain = name.lower() if (kind == "sport" and name[1:].islower()) or name == "Work" else name
    held = f"on {weeks} of the {of} {weekday} on record in the last half year"
    return f"You {_VERBS[kind]} {plain} on {weekday}: {held}."


def _at_least(k: int, n: int, rate: float) -> float:
    """Binomial chance of at least `k` of `n`."""
    return sum(math.comb(n, j) * rate**j * (1 - rate) ** (n - j) for j in range(k, n + 1))
