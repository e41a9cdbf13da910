"""Shares of a kind since its mix last changed, where nobody says when that was.

Some kinds do not fade, they jump: another job, another machine, and from one week to the next other things fill the
day. Bayesian online changepoint detection (Adams & MacKay, arXiv:0710.3742, 2007) keeps every moment at which the mix
may have changed last, weighed by how well what was counted since then foretold each day that followed. A day is taken
as a few draws from a multinomial with a Dirichlet prior, whose mean is the mix of the whole past; how many draws
nobody knows either, so that several are tried side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hearthside.memory.preferences.tally import Floats, Ints, Tally

DAY_DRAWS = (2.0, 5.0, 12.0)
"""A day's counts weigh as so many independent draws: with many of them a change is believed sooner."""

MOST_NAMES = 200
"""Among more things than this no change is looked for: a day with a few of hundreds does not show their mix."""

_HAZARD = 0.01  # chance of a change on a day; from 0.003 to 0.1 the forecasts hardly differ
_PRIOR_DRAWS = 3.0  # of the Dirichlet prior
_RUNS = 16  # moments kept; the least likely one makes room
_SHIFT = 6  # from there on Stirling's series is exact to eight digits


def shares_since_changes(tally: Tally, days: Sequence[int]) -> list[Floats]:
    """At the beginning of each day the expected shares, (names, `DAY_DRAWS`), columns sum to 1; 0 before the first.

    Args:
        days: ascending, none before the first day of the tally.
    """
    runs, found, at = _Runs(len(tally.names)), list[Floats](), 0
    heard, firsts = np.unique(tally.day, return_index=True)
    bounds = [*firsts.tolist(), len(tally.day)]
    for day in days:
        until = int(np.searchsorted(heard, day, side="left"))
        for place in range(at, until):
            rows = slice(bounds[place], bounds[place + 1])
            weight = tally.weight[rows]
            runs.take(tally.item[rows], weight / weight.sum())
        at = max(at, until)
        found.append(runs.shares())
    return found


class _Runs:
    """Moments at which the mix may have changed last, for each number of draws a day.

    Attributes:
        counts: (draws, runs, names) draws since each moment; total: (draws, runs) their sums.
        log_weight: (draws, runs) logarithm of how likely each moment is; -inf where none is kept.
        ever: (names,) days' shares since the beginning; heard: how many days.
    """

    def __init__(self, names: int) -> None:
        self.draws = np.array(DAY_DRAWS)[:, None]
        shape = (len(DAY_DRAWS), _RUNS)
        self.counts, self.total = np.zeros((*shape, names)), np.zeros(shape)
        self.log_weight = np.full(shape, -np.inf)
        self.log_weight[:, 0] = 0.0
        self.ever, self.heard = np.zeros(names), 0

    def take(self, item: Ints, share: Floats) -> None:
        """Count one more day.

        Args:
            item: (n,) different things of that day; share: (n,) the share of each, summing to 1.
        """
        prior = _PRIOR_DRAWS * (self.ever[item] + share.mean()) / (self.heard + 1)
        drawn = share * self.draws
        before = np.logaddexp.reduce(self.log_weight, axis=1)
        alphas = self.counts[:, :, item] + prior
        totals = self.total + _PRIOR_DRAWS
        likely = log_gamma(totals) - log_gamma(totals + self.draws)
        likely += (log_gamma(alphas + drawn[:, None, :]) - log_gamma(alphas)).sum(axis=2)
        anew = log_gamma(np.array([_PRIOR_DRAWS])) - log_gamma(_PRIOR_DRAWS + self.draws[:, 0])
        anew = anew + (log_gamma(prior + drawn) - log_gamma(prior)).sum(axis=1)
        weight = self.log_weight + likely + np.log1p(-_HAZARD)
        self.counts[:, :, item] += drawn[:, None, :]
        self.total += self.draws
        self._begin_anew(weight, before + anew + np.log(_HAZARD), item, drawn)
        self.ever[item] += share
        self.heard += 1

    def _begin_anew(self, weight: Floats, new: Floats, item: Ints, drawn: Floats) -> None:
        """Put the moment before this day in the place of the least likely one."""
        each = np.arange(len(weight))
        least = weight.argmin(axis=1)
        self.counts[each, least] = 0.0
        self.counts[each[:, None], least[:, None], item] = drawn
        self.total[each, least] = self.draws[:, 0]
        weight[each, least] = new
        self.log_weight = weight - np.logaddexp.reduce(weight, axis=1)[:, None]

    def shares(self) -> Floats:
        """Expected shares as known now, (names, draws)."""
        if not self.heard:
            return np.zeros((len(self.ever), len(DAY_DRAWS)))
        scaled = np.exp(self.log_weight) / (self.total + _PRIOR_DRAWS)
        mix = self.ever / self.heard * _PRIOR_DRAWS
        found = np.einsum("dr,drn->nd", scaled, self.counts) + mix[:, None] * scaled.sum(axis=1)
        shares: Floats = found / found.sum(axis=0)
        return shares


def log_gamma(x: Floats) -> Floats:
    """Logarithm of the gamma function of positive numbers, by Stirling's series after `_SHIFT` steps upwards."""
    product = x
    for step in range(1, _SHIFT):
        product = product * (x + step)
    y = x + _SHIFT
    series = 1 / (12 * y) - 1 / (360 * y**3) + 1 / (1260 * y**5)
    found: Floats = (y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series - np.log(product)
    return found
