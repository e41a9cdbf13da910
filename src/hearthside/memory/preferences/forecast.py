"""What of a kind comes next month: several ways to read the past, weighed by the person's own earlier months.

Use in the recent past foretells need, and the curve is longer-tailed than one exponential (Anderson & Schooler,
"Reflections of the environment in memory", Psychological Science 2:396-408, 1991). A few exponentials stand in for that
curve (as in the cache language model of Kuhn & De Mori, IEEE PAMI 12:570-583, 1990). Other kinds do not fade but jump:
beside the exponentials stand the shares since the mix last changed (`changes`). The weights of all are found by
expectation-maximisation on how well they foretold each earlier month (deleted interpolation, Jelinek & Mercer, 1980),
with an even prior, so that a young life is read evenly; what foretells next to nothing is left out.

The half-life of a kind is the one exponential that would have foretold the earlier months best, held back by a
log-normal prior where little is known.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.memory.preferences.changes import DAY_DRAWS, MOST_NAMES, shares_since_changes
from hearthside.memory.preferences.tally import Floats, Ints, Tally, month_of, month_start

SCALES_DAYS = (7.0, 30.0, 180.0, math.inf)
"""Half-lives of the mixture: this week, this month, this half year, always."""

GRID_DAYS = (3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0, 730.0)
"""Half-lives among which a kind's own is looked for."""

MONTH_DRAWS = 30.0
"""A month's evidence counts as so many independent draws at most: plays of one album are not independent."""

_PRIOR_DRAWS = 1.0  # of each reading
_LEAST_WEIGHT = 0.05  # a reading with less is left out, and the others are weighed again
_ROUNDS = 40  # of expectation-maximisation; the weights have settled to the third digit by then
_PRIOR_HALF_LIFE, _PRIOR_SPREAD = 60.0, 1.0  # days; standard deviation of its natural logarithm
_UNSEEN = 0.05  # share of a month left for what was never met before


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a kind in the next month.

    Attributes:
        share: (names,) expected share of each name of the tally, summing to 1; 0 for what was not met yet.
        scale_weights: (scales,) weight of each of `SCALES_DAYS`.
        change_weights: (draws,) weight of each of `changes.DAY_DRAWS`; 0 where no change was looked for.
        half_life_days: the kind's own half-life.
        months: earlier months it was learned from.
    """

    share: Floats
    scale_weights: Floats
    change_weights: Floats
    half_life_days: float
    months: int


def forecast(tally: Tally, day: int) -> Forecast:
    """The next month as foretold at the beginning of a local day, from what was counted before it and nothing else."""
    return forecasts(tally, [day])[0]


def forecasts(tally: Tally, days: Sequence[int]) -> list[Forecast]:
    """The same for several days in one go.

    Args:
        days: ascending.
    """
    if not days:
        return []
    whole = tally.before(days[-1])
    starts = _month_starts(whole, days[-1])
    moments = sorted({*starts, *days})
    faded, changed = shares_at(whole, moments, SCALES_DAYS), _changed(whole, moments)
    single = dict(zip(starts, shares_at(whole, starts, GRID_DAYS), strict=True))
    found = []
    for day in days:
        past = whole.before(day)
        known = _month_starts(past, day)
        actual = [_actual(past, start) for start in known]
        few = 0 < len(np.unique(past.item)) <= MOST_NAMES
        places = [bisect_left(moments, moment) for moment in (*known, day)]
        read = [np.column_stack((faded[n], changed[n])) if few else faded[n] for n in places]
        half_life = _half_life([single[start] for start in known], actual)
        found.append(_forecast(read, actual, half_life))
    return found


def _changed(whole: Tally, moments: Sequence[int]) -> list[Floats]:
    """Shares since the last change, as long as there are few enough names; nothing after that."""
    names = np.unique(whole.item, return_index=True)[1]
    enough = np.sort(names)[MOST_NAMES] if len(names) > MOST_NAMES else len(whole)
    until = int(whole.day[enough]) + 1 if enough < len(whole) else None
    early = [moment for moment in moments if until is None or moment < until]
    found = shares_since_changes(whole, early)
    return found + [np.zeros((len(whole.names), 0))] * (len(moments) - len(early))


def _forecast(read: Sequence[Floats], actual: Sequence[tuple[Ints, Floats]], half_life: float) -> Forecast:
    weights = _mixture(read[:-1], actual)
    if weights is None:
        weights = np.full(read[-1].shape[1], 1 / read[-1].shape[1])
    scales = len(SCALES_DAYS)
    change_weights = np.zeros(len(DAY_DRAWS))
    change_weights[: len(weights) - scales] = weights[scales:]
    return Forecast(read[-1] @ weights, weights[:scales], change_weights, half_life, len(actual))


def shares_at(tally: Tally, days: Sequence[int], half_lives: Sequence[float]) -> list[Floats]:
    """At the beginning of each day the shares of what was counted before it, (names, half-lives), columns sum to 1.

    Args:
        days: ascending.
        half_lives: days after which a count weighs half; infinite: for ever.
    """
    rates = np.array([math.log(2) / half_life for half_life in half_lives])
    state = np.zeros((len(tally.names), len(half_lives)))
    found, at, first = list[Floats](), None, 0
    for day in days:
        last = int(np.searchsorted(tally.day, day, side="left"))
        if at is not None:
            state *= np.exp(-rates * (day - at))
        item, ages = tally.item[first:last], day - tally.day[first:last] - 0.5  # counted in the middle of its day
        for place, rate in enumerate(rates):
            fresh = np.bincount(item, tally.weight[first:last] * np.exp(-rate * ages), len(tally.names))
            state[:, place] += fresh
        total = state.sum(axis=0)
        found.append(state / np.where(total > 0, total, 1.0))
        at, first = day, last
    return found


def _month_starts(past: Tally, day: int) -> list[int]:
    """Beginnings of the calendar months that are over before `day`, of which something was counted, but the first."""
    if not len(past):
        return []
    months = np.unique(month_of(past.day))[1:]
    this = int(month_of(np.array([day], dtype=np.int64))[0])
    return [month_start(int(month)) for month in months if month < this]


def _actual(past: Tally, start: int) -> tuple[Ints, Floats]:
    """What was counted in the calendar month that begins on a day: names met, and their shares as draws."""
    end = month_start(int(month_of(np.array([start], dtype=np.int64))[0]) + 1)
    first, last = np.searchsorted(past.day, [start, end], side="left")
    total = np.bincount(past.item[first:last], past.weight[first:last], len(past.names))
    met = np.flatnonzero(total)
    draws = min(MONTH_DRAWS, float(last - first))  # few things on few days say little
    return met, total[met] / total.sum() * draws


def _mixture(shares: Sequence[Floats], actual: Sequence[tuple[Ints, Floats]]) -> Floats | None:
    """Weights of the readings under which the earlier months were most likely; None where there was none."""
    if not actual:
        return None
    even = np.full(shares[0].shape[1], 1 / shares[0].shape[1])
    rows = np.vstack([share[met] for share, (met, _) in zip(shares, actual, strict=True)])
    draws = np.concatenate([drawn for _, drawn in actual])
    known = rows.sum(axis=1) > 0  # what was new that month tells nothing about the readings
    rows, draws = rows[known], draws[known]
    weights = _weighed(rows, draws, even)
    live = weights >= _LEAST_WEIGHT
    return weights if live.all() else _weighed(rows, draws, live / live.sum())


def _weighed(rows: Floats, draws: Floats, weights: Floats) -> Floats:
    """Expectation-maximisation from these weights; what begins with 0 stays there."""
    prior = _PRIOR_DRAWS * (weights > 0)
    for _ in range(_ROUNDS):
        parts = rows * weights
        total = parts.sum(axis=1, keepdims=True)
        counts = prior + draws @ np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
        weights = counts / counts.sum()
    return weights


def _half_life(shares: Sequence[Floats], actual: Sequence[tuple[Ints, Floats]]) -> float:
    """The half-life of the grid with the greatest posterior probability; the prior's middle where nothing is known."""
    grid = np.array(GRID_DAYS)
    score = -0.5 * (np.log(grid / _PRIOR_HALF_LIFE) / _PRIOR_SPREAD) ** 2
    for share, (met, draws) in zip(shares, actual, strict=True):
        even = _UNSEEN / max(len(share), 1)
        score = score + draws @ np.log((1 - _UNSEEN) * share[met] + even)
    return float(grid[int(np.argmax(score))])


def top(scores: npt.NDArray[np.floating], tally: Tally, day: int, count: int) -> list[int]:
    """The names with the highest scores, best first; of equal ones the one that was met last; none without a score."""
    past = tally.before(day)
    last = np.full(len(tally.names), -(2**62), dtype=np.int64)
    np.maximum.at(last, past.item, past.last_ms)
    order = np.lexsort((-last, -np.asarray(scores)))[:count]
    return [int(i) for i in order if scores[i] > 0]
