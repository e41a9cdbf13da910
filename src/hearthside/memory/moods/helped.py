"""What helped last time: after which doings a better day followed a low one, against how often that is so anyway.

For each low day it is asked whether the next day that was heard, at most three days later, was not low any more. Doings
of the low day and of the days up to the better one are compared: with them, and without. That a mood lifted after
something does not say that it was lifted by it, and this is said with every figure. A doing is named only where the
chance that it makes a difference at all is high: the posterior of two binomial rates with Jeffreys' priors, by sampling
(Gelman et al., Bayesian Data Analysis, 3rd ed., 2013, section 3.7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hearthside.memory.moods.days import LONGEST_GAP_DAYS, MoodDay

LEAST_EACH = 4
"""Low days with, and without, under which nothing is said of a doing."""

DOUBT = 0.1
"""Doubt that is left when a doing is said to have gone before better days, shared among all the doings compared: with
twenty of them chance alone would else name two (Bonferroni)."""

_DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class Doing:
    """Something the person did on a local day: its name (``climbing``, ``talking with Mira``), and records."""

    name: str
    number: int
    evidence: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Helped:
    """One doing and the low days around it.

    Attributes:
        with_it, lifted_with: low days with it, and of those how many were followed by a better one.
        without, lifted_without: the same without it: the base rate.
        chance: posterior chance that better days follow it more often; None where too few days are known.
        says: whether there is enough to say so.
        last_day: the last low day with it that lifted, ISO; "" when none did.
        evidence: records of that time: the doing and the words before.
        sentence: for the person.
        id: stays the same when everything is made anew: a hash of the name.
        decided: ``pinned`` or ``corrected`` by the person, else "".
    """

    name: str
    with_it: int
    lifted_with: int
    without: int
    lifted_without: int
    chance: float | None
    says: bool
    last_day: str
    evidence: tuple[bytes, ...]
    sentence: str
    id: str = ""
    decided: str = ""


def helped_id(name: str) -> str:
    """32 hex digits, the same for the same name whatever its case."""
    return hashlib.blake2b(f"helped\0{name.casefold()}".encode(), digest_size=16).hexdigest()


def what_helped(days: Sequence[MoodDay], doings: Iterable[Doing]) -> list[Helped]:
    """Every doing that was there on some low day, what can be said first, then by how many days are known of it."""
    by_day: dict[int, dict[str, Doing]] = {}
    for doing in doings:
        by_day.setdefault(doing.number, {}).setdefault(doing.name, doing)
    cases = list(_cases(days, by_day))
    names = sorted({name for _, _, there in cases for name in there})
    counted = {name: sum(name in there for _, _, there in cases) for name in names}
    compared = sum(LEAST_EACH <= n <= len(cases) - LEAST_EACH for n in counted.values())
    found = [_helped(name, cases, 1 - DOUBT / max(compared, 1)) for name in names]
    return sorted(found, key=lambda one: (not one.says, -(one.chance or 0.0), -one.with_it, one.name))


def _cases(
    days: Sequence[MoodDay], doings: Mapping[int, Mapping[str, Doing]]
) -> Iterable[tuple[MoodDay, bool, dict[str, Doing]]]:
    """Each low day after which the person was heard again soon: whether it lifted, and what was done until then."""
    for day, after in pairwise(days):
        if not day.low or after.number - day.number > LONGEST_GAP_DAYS + 1:
            continue
        there: dict[str, Doing] = {}
        for number in range(day.number, after.number):
            there |= doings.get(number, {})
        yield day, not after.low, there


def _helped(name: str, cases: Sequence[tuple[MoodDay, bool, dict[str, Doing]]], enough: float) -> Helped:
    with_it = [(day, lifted, there[name]) for day, lifted, there in cases if name in there]
    others = [lifted for _, lifted, there in cases if name not in there]
    n1, k1, n0, k0 = len(with_it), sum(lifted for _, lifted, _ in with_it), len(others), sum(others)
    known = n1 >= LEAST_EACH and n0 >= LEAST_EACH
    chance = _chance(k1, n1, k0, n0) if known else None
    says = chance is not None and chance >= enough
    last = next(((day, doing) for day, lifted, doing in reversed(with_it) if lifted), None)
    counts = f"after {k1} of {n1} low days with it, {k0} of {n0} without"
    sentence = (
        f"A better day followed {counts}. That is no proof that it was the cause." if says
        else f"Not enough to say: a better day followed {counts}."
    )  # fmt: skip
    evidence = (*last[1].evidence[:2], *last[0].evidence[:2]) if last else ()
    return Helped(name, n1, k1, n0, k0, chance, says, last[0].day if last else "", evidence, sentence,
                  helped_id(name))  # fmt: skip


def _chance(k1: int, n1: int, k0: int, n0: int) -> float:
    """Posterior chance that the first rate is the higher one."""
    rng = np.random.default_rng(0)
    first = rng.beta(k1 + 0.5, n1 - k1 + 0.5, _DRAWS)
    return round(float((first > rng.beta(k0 + 0.5, n0 - k0 + 0.5, _DRAWS)).mean()), 4)
