"""Whom the person writes and talks with most, and since when: counted messages and utterances, no words read."""

from __future__ import annotations

import numpy as np

from hearthside.events import iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact
from hearthside.memory.preferences.tally import Tally

NAME = "people"
TITLE = "People"
KINDS = frozenset({"message", "utterance"})

MOST = 5
WITHIN_DAYS = 180
LEAST_DAYS = 5
_ROLES = ("The ", "the ", "A ", "+")  # "The cashier", a number: nobody the person calls by a name
_MEANS = {"writes_with": ("write with", "messages"), "talks_with": ("talk with", "things they said")}


def extract(ground: Ground) -> list[Fact]:
    """The people with the most days of contact in the last half year, for each way of contact; and since when."""
    return [
        fact
        for kind, (verb, what) in _MEANS.items()
        if kind in ground.tallies
        for fact in _most(ground.tallies[kind].before(ground.day), ground.day, kind, verb, what)
    ]


def _most(tally: Tally, today: int, kind: str, verb: str, what: str) -> list[Fact]:
    recent = tally.day >= today - WITHIN_DAYS
    days = np.bincount(tally.item[recent], minlength=len(tally.names))
    weight = np.bincount(tally.item[recent], tally.weight[recent], len(tally.names))
    named = [not name.startswith(_ROLES) for name in tally.names]
    order = [int(i) for i in np.lexsort((-weight, -days)) if days[i] >= LEAST_DAYS and named[i]][:MOST]
    facts = []
    for item in order:
        rows = np.flatnonzero(tally.item == item)
        name = tally.names[item]
        sentence = (
            f"You often {verb} {name}: {int(weight[item]):,} {what} on {int(days[item])} days of the last half year."
        )
        evidence = (tally.evidence[int(rows[0])], *(tally.evidence[int(row)] for row in rows[-2:]))
        facts.append(
            make_fact(
                NAME, "people", kind, name, sentence, evidence, valid_from=iso_day(int(tally.day[rows[0]])), sure=0.95
            )
        )
    return facts
