"""Languages the person writes and speaks: those of a real share of their own texts in the last year."""

from __future__ import annotations

import numpy as np

from hearthside.events import iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact

NAME = "written_languages"
TITLE = "Languages you write"
KINDS = frozenset({"message", "utterance", "post"})

WITHIN_DAYS = 365
LEAST_SHARE, LEAST_TEXTS, LEAST_DAYS = 0.03, 10.0, 3


def extract(ground: Ground) -> list[Fact]:
    """One fact for each language; a few borrowed words make no language."""
    if "writes_in" not in ground.tallies:
        return []
    tally = ground.tallies["writes_in"].before(ground.day)
    recent = tally.day >= ground.day - WITHIN_DAYS
    texts = np.bincount(tally.item[recent], tally.weight[recent], len(tally.names))
    days = np.bincount(tally.item[recent], minlength=len(tally.names))
    facts = []
    for item in np.argsort(-texts, kind="stable").tolist():
        if texts[item] < max(LEAST_TEXTS, LEAST_SHARE * texts.sum()) or days[item] < LEAST_DAYS:
            continue
        rows, name = np.flatnonzero(tally.item == item), tally.names[item]
        share = texts[item] / texts.sum()
        facts.append(
            make_fact(
                NAME, "languages", "writes_in", name,
                f"You write in {name}: {share:.0%} of your texts of the last year whose language shows.",
                (tally.evidence[int(rows[0])], *(tally.evidence[int(row)] for row in rows[-2:])),
                valid_from=iso_day(int(tally.day[rows[0]])), sure=0.9,
            )
        )  # fmt: skip
    return facts
