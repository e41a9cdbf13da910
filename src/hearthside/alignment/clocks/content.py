"""The offset of a clock that never talks to the station, from what it recorded: things that cannot, or must, coincide.

Three kinds of evidence, each with a test of its own for when to believe it:

- exclusion: songs are not started asleep. Few nights hold a song at the right shift, many at a wrong one.
- inclusion: walks lie where the body moved. Many points lie inside intervals at the right shift.
- shared events: two devices recorded the same things. Their differences pile up at the right shift.

Method: the first two compare every shift with the best one, night by night (paired tests as of McNemar 1947). The curve
is flat around the truth, so it is not the best shift that is told but the middle of all that are not worse, together
with where the flanks of the curve put its middle; how wide the bottom is goes into sigma. Shared events: peak of the
histogram of pairwise differences (cross-correlation of point processes: Cox and Lewis 1966, "The statistical analysis
of series of events", section 5) and the median around it.

No constant here is fitted to a person. What is assumed of people: a day has one long sleep, and songs are about as
close to falling asleep as to waking up, give or take `HABIT_MS`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

STEP_MS = 5 * MINUTE_MS
"""Shifts are tried this far apart."""

MARGIN_MS = HOUR_MS // 2
"""A shift may be found this far beyond the reach: the estimate of one at its edge lies on either side."""

FLANK_MS = 4 * HOUR_MS
"""So far beyond the reach the curve is computed, to see the flanks of a valley at its edge."""

MOST = 3
"""So many events of one night count: music that went on playing is one observation, not forty."""

NOT_WORSE_Z = 1.645
"""One-sided 5 %: up to here a shift counts as good as the best."""

RIVAL_Z = 2.5
"""Every other valley must be worse by this (0.6 %, one-sided); usually it is the same one a day later."""

GUARD_MS = 2 * HOUR_MS
"""Shifts nearer than this to a valley belong to its flanks."""

MAY_FAIL = 0.05
"""How often a confident estimate may be off by more than its tolerance, by its own account."""

HABIT_MS = 15 * MINUTE_MS
"""How unevenly people keep from the edges of their sleep: healthy adults take 10 to 20 minutes to fall asleep (Ohayon
et al. 2004, meta-analysis of sleep parameters), while waking has no such time."""

WITHIN_MS = HOUR_MS
"""An estimate is confident when it is off by no more than this with 95 %."""

FEWEST = 30
"""Units (nights, days with points, shared events) below which nothing is confident (performance.md section 2)."""

FLANK_LEVELS = (0.03, 0.05, 0.1, 0.15, 0.2)
"""Heights, as shares of the curve's mean over a day, at which the flanks of a valley are met."""

PEAK_Z = 6.0
"""A peak of shared events counts from here on (performance.md section 2: no wrong accept)."""

PEAK_BINS = 3
"""A peak is this many jitters wide."""

PAIRS_AT_ONCE = 2_000_000
"""Bounds the memory: 16 MB a column."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The offset of a clock by its content.

    Attributes:
        shift_ms: what must be added to the clock's times.
        sigma_ms: one standard deviation of that, should `confident` hold.
        score: by how many standard deviations the strongest rival is worse (shared events: height of the peak).
        n: how many units of evidence: nights, days with points, or shared events.
        confident: no rival, enough evidence, and 95 % within the tolerance; else it must not be used unasked.
    """

    shift_ms: int
    sigma_ms: int
    score: float
    n: int
    confident: bool


class _Cover(NamedTuple):
    """Pairs of a point and an interval that hold it at the shifts from `first` up to `end` (indices of the grid)."""

    point: Ints
    span: Ints
    first: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class _Valley:
    """The shifts that are not worse than the best.

    Attributes:
        best: index of the best shift in the grid.
        low_ms, high_ms: the bottom of its valley: the truth may lie anywhere between.
        rival_z: by how many standard deviations the best shift elsewhere is worse.
    """

    best: int
    low_ms: float
    high_ms: float
    rival_z: float

    @property
    def middle_ms(self) -> float:
        """The middle of the bottom."""
        return (self.low_ms + self.high_ms) / 2


# -- exclusion and inclusion -------------------------------------------------------------------------------------------


def estimate_by_exclusion(
    points_ms: Ints, intervals: Ints, reach_ms: int = 12 * HOUR_MS, within_ms: int = WITHIN_MS
) -> Estimate | None:
    """By what to shift points so that they fall into no interval, such as songs into no night.

    The valley's centre is where its bottom (which holds whoever keeps away from the edges of sleep) and its two flanks
    have theirs; where the two disagree, sigma says so.

    Args:
        points_ms: (n,) times by the clock in question, UTC ms.
        intervals: (m, 2) start and end by a clock that is right, one main interval a day.
        reach_ms: the shift is known to be no larger, either way; at most half a day makes sense for nights.
        within_ms: what confident means.

    Returns:
        None when the two have nothing to do with each other: too few, or no shift is better than another.
    """
    points, spans, grid = np.sort(points_ms), _merged(intervals), _grid(reach_ms)
    if len(points):  # what no shift can bring together says nothing
        spans = spans[(spans[:, 1] > points[0] + grid[0]) & (spans[:, 0] < points[-1] + grid[-1])]
    if len(points) < FEWEST or len(spans) < FEWEST:
        return None
    cover = _cover(points, spans, grid)
    cost = np.minimum(_table(cover, cover.span, len(spans), len(grid)), MOST).astype(np.float64)
    valley = _valley(cost, grid, reach_ms)
    if valley is None:
        return None
    nights = round(float((cost > 0).sum(axis=0).mean()))
    flanks = _flank_centre(cost.mean(axis=0), grid, valley.best)
    if flanks is None:
        return replace(_estimate(valley, valley.middle_ms, HABIT_MS, nights, within_ms), confident=False)
    centre = (valley.middle_ms + flanks) / 2
    return _estimate(valley, centre, math.hypot(HABIT_MS, valley.middle_ms - centre), nights, within_ms)


def estimate_by_inclusion(
    points_ms: Ints, intervals: Ints, reach_ms: int = 12 * HOUR_MS, within_ms: int = WITHIN_MS
) -> Estimate | None:
    """By what to shift points so that they fall into intervals, such as the middles of walks into times of movement.

    Parameters as of `estimate_by_exclusion`; the intervals may be many a day. Points of one UTC day are one unit.
    """
    points, spans, grid = np.sort(points_ms), _merged(intervals), _grid(reach_ms)
    days, day = np.unique(points // DAY_MS, return_inverse=True)
    if len(days) < FEWEST or not len(spans):
        return None
    cover = _cover(points, spans, grid)
    missed = np.bincount(day)[:, None] - _table(cover, day[cover.point], len(days), len(grid))
    valley = _valley(np.minimum(missed, MOST).astype(np.float64), grid, reach_ms)
    if valley is None:
        return None
    return _estimate(valley, valley.middle_ms, STEP_MS / 2, len(days), within_ms)


def _grid(reach_ms: int) -> Ints:
    """The shifts to try, UTC ms."""
    steps = (reach_ms + FLANK_MS) // STEP_MS
    return np.arange(-steps, steps + 1, dtype=np.int64) * STEP_MS


def _merged(intervals: Ints) -> Ints:
    """Intervals in order, those that overlap made one, empty ones left out."""
    spans = intervals[intervals[:, 1] > intervals[:, 0]]
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    if not len(spans):
        return spans
    ends = np.maximum.accumulate(spans[:, 1])
    first = np.concatenate([[True], spans[1:, 0] > ends[:-1]])
    last = np.append(first[1:], True)
    return np.column_stack([spans[first, 0], ends[last]])


def _cover(points: Ints, spans: Ints, grid: Ints) -> _Cover:
    """Which points lie inside which intervals at which shifts: without trying each, a pair holds for a run."""
    low = np.searchsorted(points, spans[:, 0] - grid[-1])
    high = np.searchsorted(points, spans[:, 1] - grid[0])
    counts = high - low
    span = np.repeat(np.arange(len(spans)), counts)
    point = np.arange(len(span)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    # start <= point + shift < end
    first = -((points[point] - spans[span, 0] + grid[0]) // STEP_MS)
    end = -((points[point] - spans[span, 1] + grid[0]) // STEP_MS)
    return _Cover(point, span, np.clip(first, 0, len(grid)), np.clip(end, 0, len(grid)))


def _table(cover: _Cover, rows: Ints, count: int, width: int) -> Ints:
    """(count, width) how many pairs hold, by row and shift."""
    size = count * (width + 1)
    change = np.bincount(rows * (width + 1) + cover.first, minlength=size)
    change -= np.bincount(rows * (width + 1) + cover.end, minlength=size)
    return np.cumsum(change.reshape(count, width + 1), axis=1)[:, :-1]


def _valley(cost: Floats, grid: Ints, reach_ms: int) -> _Valley | None:
    """The valley of the best shift within the reach; `cost` is (units, shifts), the less the better."""
    total = np.convolve(cost.sum(axis=0), np.ones(5) / 5, "same")
    allowed = np.abs(grid) <= reach_ms + MARGIN_MS
    if total[allowed].max() - total[allowed].min() < 1:
        return None
    best = int(np.argmin(np.where(allowed, total, np.inf)))
    # For the bottom a night is spoilt or not: how badly says more of the session than of the shift.
    bad = _worse(np.minimum(cost, 1), best) > NOT_WORSE_Z
    low = high = best
    while low > 0 and not bad[low - 1]:
        low -= 1
    while high < len(grid) - 1 and not bad[high + 1]:
        high += 1
    guard = GUARD_MS // STEP_MS
    beyond = np.ones(len(grid), np.bool_)
    beyond[max(low - guard, 0) : high + guard + 1] = False
    # Within a short reach nothing is far enough to be another valley: then the flanks must show that this is one.
    others = beyond & allowed if (beyond & allowed).any() else beyond
    rival = float(_worse(cost, best)[others].min()) if others.any() else 0.0
    return _Valley(best, float(grid[low]), float(grid[high]), rival)


def _worse(cost: Floats, best: int) -> Floats:
    """By how many standard deviations each shift is worse than the best, unit by unit."""
    more = cost - cost[:, [best]]
    return np.asarray(more.sum(axis=0) / np.sqrt(np.maximum((more**2).sum(axis=0), 1)))


def _flank_centre(curve: Floats, grid: Ints, best: int) -> float | None:
    """Midway between where the two flanks of a valley, followed down, meet its floor; None where one is not seen."""
    day = np.abs(grid - grid[best]) <= DAY_MS // 2
    floor = curve[best]
    heights = floor + np.array(FLANK_LEVELS) * (curve[day].mean() - floor)
    left, right = (_crossings(curve, grid, best, heights, step) for step in (-1, 1))
    if left is None or right is None:
        return None
    return float((np.polyfit(FLANK_LEVELS, left, 1)[1] + np.polyfit(FLANK_LEVELS, right, 1)[1]) / 2)


def _crossings(curve: Floats, grid: Ints, best: int, heights: Floats, step: int) -> Floats | None:
    """Where the curve, followed from `best` in one direction, first reaches each height."""
    way, at = curve[best::step], grid[best::step].astype(np.float64)
    risen = np.maximum.accumulate(way)
    if risen[-1] < heights[-1] or heights[0] <= way[0]:
        return None
    k = np.searchsorted(risen, heights)
    below, above = way[k - 1], way[k]
    return np.asarray(at[k - 1] + (heights - below) / (above - below) * (at[k] - at[k - 1]))


def _estimate(valley: _Valley, centre: float, doubt_ms: float, n: int, within_ms: int) -> Estimate:
    """The estimate of a valley: the truth anywhere on its bottom, and beside it by `doubt_ms` (one sigma)."""
    width = max(valley.high_ms - valley.low_ms, float(STEP_MS))
    confident = valley.rival_z >= RIVAL_Z and n >= FEWEST and _outside(width, doubt_ms, within_ms) <= MAY_FAIL
    sigma = math.hypot(width / math.sqrt(12), doubt_ms)
    return Estimate(round(centre), math.ceil(sigma), round(valley.rival_z, 2), n, confident)


def _outside(width: float, sigma: float, limit: float) -> float:
    """The chance that a uniform error of this width plus a normal one is larger than the limit, either way."""
    places = [(k + 0.5) / 200 * width - width / 2 for k in range(200)]
    spread = sigma * math.sqrt(2)
    return sum(math.erfc((limit - x) / spread) + math.erfc((limit + x) / spread) for x in places) / 2 / len(places)


# -- shared events -----------------------------------------------------------------------------------------------------


def estimate_by_shared(
    points_a: Ints, points_b: Ints, reach_ms: int = 2 * HOUR_MS, jitter_ms: int = 2_000
) -> Estimate | None:
    """By what to shift the points of `a` so that those it shares with `b` coincide.

    Args:
        points_a: (n,) times by the clock in question.
        points_b: (m,) times by a clock that is right; either may have points that the other lacks.
        reach_ms: the shift is known to be no larger, either way.
        jitter_ms: how far apart two records of one event usually lie (one sigma): 30 ms for sounds, 300 ms for doors
            and steps, 2 s for apps and plugs (performance.md section 2). A clock that drifts by more than this over
            the points given smears the peak: give a shorter stretch.
    """
    a, b = np.sort(points_a), np.sort(points_b)
    if len(a) < FEWEST or len(b) < FEWEST:
        return None
    bins = 2 * math.ceil(reach_ms / jitter_ms) + 1
    counted = np.zeros(bins, np.int64)
    for d in _differences(a, b, reach_ms):
        counted += np.bincount((d + reach_ms) // jitter_ms, minlength=bins)[:bins]
    heap = np.convolve(counted, np.ones(PEAK_BINS), "same")
    peak = int(np.argmax(heap))
    others = np.abs(np.arange(bins) - peak) > 2 * PEAK_BINS
    if counted.sum() < FEWEST or not others.any():
        return None
    usual, spread = float(heap[others].mean()), max(float(heap[others].std()), 1.0)
    centre, n_in_window, density = _median_near(a, b, (peak + 0.5) * jitter_ms - reach_ms, reach_ms, jitter_ms)
    score = (float(heap[peak]) - usual) / spread
    shared = max(round(float(heap[peak]) - usual), 0)
    rival = float(heap[others].max())
    apart = (float(heap[peak]) - rival) / math.sqrt(max(float(heap[peak]) + rival, 1.0))
    # Variance of a median: n / (2 density)^2. The window follows the median, so what lies evenly in it holds nothing.
    sigma = min(math.sqrt(n_in_window) / (2 * density), float(reach_ms)) if density else float(reach_ms)
    confident = score > PEAK_Z and shared >= FEWEST and apart >= RIVAL_Z
    return Estimate(round(centre), math.ceil(sigma), round(score, 2), shared, confident)


def _median_near(a: Ints, b: Ints, guess: float, reach_ms: int, jitter_ms: int) -> tuple[float, int, float]:
    """The median of the differences within 3 jitters of it, how many those are, and how many more per ms lie at it than
    around it."""
    near = 8 * jitter_ms
    d = np.concatenate([part[np.abs(part - guess) <= near] for part in _differences(a, b, reach_ms)])
    centre = guess
    for _ in range(3):
        window = d[np.abs(d - centre) <= 3 * jitter_ms]
        if not len(window):
            return guess, 0, 0.0
        centre = float(np.median(window))
    beside = np.abs(d - centre) / jitter_ms
    at, around = float((beside <= 0.5).sum()), float(((beside > 3) & (beside <= 5)).sum()) / 4
    return centre, len(window), max(at - around, 0.0) / jitter_ms


def _differences(a: Ints, b: Ints, reach_ms: int) -> Iterator[Ints]:
    """b - a of all pairs within the reach, in pieces."""
    low, high = np.searchsorted(b, a - reach_ms), np.searchsorted(b, a + reach_ms, side="right")
    counts = high - low
    bounds = np.searchsorted(np.cumsum(counts), np.arange(PAIRS_AT_ONCE, counts.sum() + PAIRS_AT_ONCE, PAIRS_AT_ONCE))
    for part in np.split(np.arange(len(a)), np.unique(bounds[bounds < len(a)])):
        n = counts[part]
        at = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + np.repeat(low[part], n)
        yield b[at] - np.repeat(a[part], n)
