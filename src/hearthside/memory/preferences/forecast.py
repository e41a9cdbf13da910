"""What of a kind comes next month: shares that fade on four time scales, weighed by the person's own earlier months.

Use in the recent past foretells need, and the curve is longer-tailed than one exponential (Anderson & Schooler,
"Reflections of the environment in memory", Psychological Science 2:396-408, 1991). A few exponentials stand in for that
curve (as in the cache language model of Kuhn & De Mori, IEEE PAMI 12:570-583, 1990); their weights are found by
expectation-maximisation on how well they foretold each earlier month (deleted interpolation, Jelinek & Mercer, 1980),
with an even prior, so that a young life is read evenly.

The half-life of a kind is the one exponential that would have foretold the earlier months best, held back by a
log-normal prior where little is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.memory.preferences.tally import Floats, Ints, Tally, month_of, month_start

SCALES_DAYS = (7.0, 30.0, 180.0, math.inf)
"""Half-lives of the mixture: this week, this month, this half year, always."""

GRID_DAYS = (3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0, 730.0)
"""Half-lives among which a kind's own is looked for."""

MONTH_DRAWS = 30.0
"""A month's evidence counts as so many independent draws at most: plays of one album are not independent."""

_PRIOR_DRAWS = 5.0  # of each scale
_ROUNDS = 40  # of expectation-maximisation; the weights have settled to the third digit by then
_PRIOR_HALF_LIFE, _PRIOR_SPREAD = 60.0, 1.0  # days; standard deviation of its natural logarithm
_UNSEEN = 0.05  # share of a month left for what was never met before


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a kind in the next month.

    Attributes:
        share: (names,) expected share of each name of the tally, summing to 1; 0 for what was not met yet.
        scale_weights: (scales,) weight of each of `SCALES_DAYS`.
        half_life_days: the kind's own half-life.
        months: earlier months it was learned from.
    """

    share: Floats
    scale_weights: Floats
    half_life_days: float
    months: int


def forecast(tally: Tally, day: int) -> Forecast:
    """The next month as foretold at the beginning of a local day, from what was counted before it and nothing else."""
    past = tally.before(day)
    starts = _month_starts(past, day)
    mixed = shares_at(past, [*starts, day], SCALES_DAYS)
    single = shares_at(past, starts, GRID_DAYS)
    actual = [_actual(past, start) for start in starts]
    weights = _mixture(mixed[:-1], actual)
    return Forecast(mixed[-1] @ weights, weights, _half_life(single, actual), len(starts))


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


def _mixture(shares: Sequence[Floats], actual: Sequence[tuple[Ints, Floats]]) -> Floats:
    """Weights of the scales under which the earlier months were most likely."""
    scales = len(SCALES_DAYS)
    weights = np.full(scales, 1 / scales)
    if not actual:
        return weights
    rows = np.vstack([share[met] for share, (met, _) in zip(shares, actual, strict=True)])
    draws = np.concatenate([drawn for _, drawn in actual])
    known = rows.sum(axis=1) > 0  # what was new that month tells the scales nothing
    rows, draws = rows[known], draws[known]
    for _ in range(_ROUNDS):
        parts = rows * weights
        counts = _PRIOR_DRAWS + draws @ (parts / parts.sum(axis=1, keepdims=True))
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
