"""Which way a preference goes: on how many of the days the layer spoke it was there, lately against before.

Days, not counts: one evening with one album is one day. Only days on which anything of the kind was counted are looked
at, so that a source that fell silent takes no preference away. Lately is compared with before by the beta-binomial
distribution (a rate learned from few days is known poorly; Gelman et al., Bayesian Data Analysis, 3rd ed., 2013,
section 2.4, with Jeffreys' prior): a change that chance brings in more than one of twenty is no change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hearthside.memory.preferences.preference import Trend
from hearthside.memory.preferences.tally import Ints, Tally

LATELY_DAYS = 45
BEFORE_DAYS = 180
CHANCE = 0.05
LEAST_HEARD = 5
"""With fewer days heard lately nobody can say."""

_GONE = 0.2  # a fading thing with less than this share of its former rate is past
_LONG_GONE_HEARD = 20  # days the layer must have spoken in both windows without a thing that was there before them


@dataclass(frozen=True, slots=True)
class Windows:
    """Days heard and days with each thing, in the two windows before a day; the arrays are (names,).

    Attributes:
        heard_lately, heard_before: days on which anything of the kind was counted.
        lately, before: days with the thing.
        ever: days with it in all.
    """

    heard_lately: int
    heard_before: int
    lately: Ints
    before: Ints
    ever: Ints


def windows(tally: Tally, day: int) -> Windows:
    """The two windows as seen at the beginning of a local day."""
    past = tally.before(day)
    middle, first = day - LATELY_DAYS, day - LATELY_DAYS - BEFORE_DAYS
    lately, before = past.day >= middle, (past.day >= first) & (past.day < middle)
    names = len(tally.names)
    return Windows(
        len(np.unique(past.day[lately])), len(np.unique(past.day[before])),
        _days_of(past, lately, names), _days_of(past, before, names), _days_of(past, np.ones_like(lately), names),
    )  # fmt: skip


def _days_of(past: Tally, chosen: npt.NDArray[np.bool_], names: int) -> Ints:
    return np.bincount(past.item[chosen], minlength=names)  # one row for each thing and day


def trend_of(found: Windows, item: int) -> Trend:
    """Which way one thing goes."""
    n1, n0 = found.heard_lately, found.heard_before
    k1, k0 = int(found.lately[item]), int(found.before[item])
    if n1 < LEAST_HEARD:
        return Trend.UNHEARD
    if k1 == 0 and k0 == 0:
        return Trend.PAST if n1 + n0 >= _LONG_GONE_HEARD else Trend.UNHEARD
    if at_most(k1, n1, k0, n0) < CHANCE:
        return Trend.PAST if k1 / n1 < _GONE * k0 / n0 else Trend.FADING
    if n0 >= LEAST_HEARD and 1 - at_most(k1 - 1, n1, k0, n0) < CHANCE:
        return Trend.RISING
    return Trend.STEADY


@lru_cache(maxsize=4096)
def at_most(k: int, n: int, k0: int, n0: int) -> float:
    """Chance of a thing on at most `k` of `n` days, when it was there on `k0` of `n0` days before."""
    a, b = k0 + 0.5, n0 - k0 + 0.5
    total = sum(
        math.exp(
            math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1)
            + math.lgamma(a + j) + math.lgamma(b + n - j) - math.lgamma(a + b + n)
            + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        )
        for j in range(k + 1)
    )  # fmt: skip
    return min(total, 1.0)
