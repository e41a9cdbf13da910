"""Programming languages the person works in: those with a real share of the hours of the last half year."""

from __future__ import annotations

import numpy as np

from hearthside.events import iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact

NAME = "programming"
TITLE = "Programming languages"
KINDS = frozenset({"coding_time_day"})

WITHIN_DAYS = 180
LEAST_SHARE, LEAST_HOURS = 0.1, 5.0
_NOT_LANGUAGES = frozenset(
    {"other", "markdown", "text", "json", "yaml", "toml", "xml", "git", "image (svg)", "unknown"}
)


def extract(ground: Ground) -> list[Fact]:
    """One fact for each language with at least a tenth of the hours; closed when it was not used for half a year."""
    if "language" not in ground.tallies:
        return []
    tally = ground.tallies["language"].before(ground.day)
    if not len(tally):
        return []
    facts = []
    last_day = int(tally.day[-1])
    recent = tally.day > last_day - WITHIN_DAYS
    hours = np.bincount(tally.item[recent], tally.weight[recent], len(tally.names)) / 3600
    for item in np.argsort(-hours, kind="stable").tolist():
        name = tally.names[item]
        if hours[item] < max(LEAST_HOURS, LEAST_SHARE * hours.sum()) or name.casefold() in _NOT_LANGUAGES:
            continue
        rows = np.flatnonzero(tally.item == item)
        quiet = ground.day - int(tally.day[rows[-1]]) > WITHIN_DAYS
        facts.append(
            make_fact(
                NAME, "work", "programs_in", name,
                f"You program in {name}: {hours[item]:.0f} hours in the last half year of records.",
                (tally.evidence[int(rows[0])], tally.evidence[int(rows[-1])]),
                valid_from=iso_day(int(tally.day[rows[0]])),
                valid_to=iso_day(int(tally.day[rows[-1]]) + 1) if quiet else "", sure=0.9,
            )
        )  # fmt: skip
    return facts
