"""Stay points: the stretches of one UTC day in which the positions stay within walking distance of one spot.

Method: Li, Zheng, Xie, Chen, Liu and Ma, Mining user similarity based on location history (ACM GIS 2008), which refines
Hariharan and Toyama, Project Lachesis (GIScience 2004): a stay begins at the first fix from which on, for `STAY_MS`, no
fix lies farther than `ROAM_M`. Their parameters for dense GPS are 200 m and 20 minutes. What is different here:

* Of each minute only the most accurate fix counts; fixes less accurate than `ACCURACY_M` do not count at all.
* Nothing is inferred across a silence longer than `SILENCE_MS`: a stay ends there. Sparse data therefore needs a fix at
  least every hour, and two of them in the same place; with one every 10 to 20 minutes a stay is seen for certain when
  it lasts `STAY_MS` and two such steps.
* Once begun, the distance is measured from the median of its fixes, not from the first, which was often still walking;
  and it is counted from the first to the last fix within `NEAR_M` of the median: the way there is no part of a stay.
* A day is looked at by itself. What touches midnight is kept even if it is shorter than a stay (`part`), so that
  `visits` can put together what midnight cuts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode, Window
from hearthside.alignment.geodesy import DEGREE_M, distances_m, wrapped
from hearthside.events import DAY_MS, MINUTE_MS

NAME = "stay"
TITLE = "Stay"
KINDS = frozenset({"position"})
MEASURES = frozenset[str]()
REACH_DAYS = 0
VERSION = 1

ROAM_M = 200.0
"""No fix of a stay lies farther from its spot."""

STAY_MS = 20 * MINUTE_MS
"""Nothing shorter is a stay."""

SILENCE_MS = 60 * MINUTE_MS
"""Nothing is inferred across a longer time without a fix."""

ACCURACY_M = 200.0
"""Fixes that may be farther off than this say nothing about a stay."""

NEAR_M = 100.0
"""A stay is counted from the first to the last fix this near to its spot."""

HEARD_MS = 20 * MINUTE_MS
"""Of the time between two fixes of a stay this much counts as observed."""

_AGAIN_MS = 5 * MINUTE_MS  # where walking slowly looked like a stay, look again this much later
_UNKNOWN_ACCURACY_M = 50.0  # of a fix that does not say it
_ROUNDING = 1e-6  # far more than a plane's distances are off by, worked out one way or another
_SPREAD = 0.9  # share of the fixes that the radius holds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Fixes:
    """The fixes that count, one a minute at most, in order of time; arrays of shape (n,).

    Attributes:
        t: UTC ms; lat, lon: degrees; ids: ``V16``.
        heard_ms: all accurate fixes of the day, (m,), ascending, m >= n.
    """

    t: Ints
    lat: Floats
    lon: Floats
    ids: npt.NDArray[np.void]
    heard_ms: Ints


@dataclass(frozen=True, slots=True)
class _Run:
    """Fixes first..last that are one stay, and, within, those near its spot: near_first..near_last (all inclusive)."""

    first: int
    last: int
    near_first: int
    near_last: int
    lat: float
    lon: float
    radius_m: float
    part: bool


def find(window: Window) -> list[Episode]:
    """The stays of the day, in order, and what lies at its two midnights.

    `facts` of each: ``lat``, ``lon`` (median, degrees), ``radius_m`` (holds 90 % of its fixes), ``fixes``,
    ``observed_ms``, ``part`` (too short to be a stay by itself), ``open_start`` and ``open_end`` (no fix of the day
    lies before it, or after it), ``silent_before_ms`` and ``silent_after_ms`` (longest time without a fix between it
    and the stay before or after, or the day's bound). `sure` is the share of it that is observed.
    """
    fixes = _fixes_of(window)
    if not len(fixes.t):
        return []
    runs = _with_parts(fixes, window.day_start_ms, list(_stays(fixes)))
    return [_episode(fixes, window.day_start_ms, runs, k) for k in range(len(runs))]


# -- fixes -------------------------------------------------------------------------------------------------------------


def _fixes_of(window: Window) -> _Fixes:
    """The fixes of the day that count, of all sources together."""
    parts = [c for c in window.columns.get("position", ()) if len(c)]
    if not parts:
        none = np.zeros(0)
        return _Fixes(np.zeros(0, np.int64), none, none, np.zeros(0, "V16"), np.zeros(0, np.int64))
    t = np.concatenate([c.start_ms for c in parts])
    lat, lon = (np.concatenate([c.numbers[name] for c in parts]) for name in ("lat", "lon"))
    accuracy = np.concatenate([c.numbers.get("accuracy_m", np.full(len(c), np.nan)) for c in parts])
    ids = np.concatenate([c.ids for c in parts])
    accuracy = np.where(np.isnan(accuracy), _UNKNOWN_ACCURACY_M, accuracy)
    timed = np.concatenate([c.precision for c in parts]) == 0
    counts = timed & (t >= window.day_start_ms) & (t < window.day_start_ms + DAY_MS) & (accuracy <= ACCURACY_M)
    kept = np.flatnonzero(counts & np.isfinite(lat) & np.isfinite(lon))
    minute = t[kept] // MINUTE_MS
    # The most accurate of each minute, of equally accurate ones the first, of these the one with the least id.
    halves = np.ascontiguousarray(ids[kept]).view(">u8").reshape(-1, 2)
    order = kept[np.lexsort((halves[:, 1], halves[:, 0], t[kept], accuracy[kept], minute))]
    chosen = order[np.unique(t[order] // MINUTE_MS, return_index=True)[1]]
    return _Fixes(t[chosen], lat[chosen], lon[chosen], ids[chosen], np.sort(t[kept]))


# -- stays -------------------------------------------------------------------------------------------------------------


def _stays(fixes: _Fixes) -> Iterator[_Run]:
    """Stays in order of time, no two of which share a fix."""
    begins = np.flatnonzero(_begins(fixes))
    ends = _last_before_silence(fixes.t)
    cursor = 0
    while (k := int(np.searchsorted(begins, cursor))) < len(begins):
        first = int(begins[k])
        run = _grown(fixes, first, int(ends[first]))
        if fixes.t[run.near_last] - fixes.t[run.near_first] >= STAY_MS:
            yield run
            cursor = run.last + 1
        else:
            cursor = int(np.searchsorted(fixes.t, fixes.t[first] + _AGAIN_MS))


def _begins(fixes: _Fixes) -> npt.NDArray[np.bool_]:
    """At which fixes a stay may begin: up to the first fix `STAY_MS` later none is too far off, without a silence."""
    n = len(fixes.t)
    reach = np.searchsorted(fixes.t, fixes.t + STAY_MS)  # the fix that must still be near
    ends = _last_before_silence(fixes.t)
    open_ = np.flatnonzero(reach <= ends)
    begins = np.zeros(n, dtype=np.bool_)
    sure, left = _for_certain(fixes, open_, reach[open_])
    begins[open_[sure]] = True
    open_ = open_[left]
    lag = 1
    while len(open_):
        other = open_ + lag
        near = distances_m(fixes.lat[other], fixes.lon[other], fixes.lat[open_], fixes.lon[open_]) <= ROAM_M
        open_ = open_[near]
        done = reach[open_] == open_ + lag
        begins[open_[done]] = True
        open_ = open_[~done]
        lag += 1
    return begins


def _for_certain(fixes: _Fixes, first: Ints, last: Ints) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where none of the fixes after `first` up to `last` can be too far off, and where that must be looked at.

    The rectangle around them tells it of nearly all: those at home are all near, and those on the way far.
    """
    if not len(first) or np.ptp(fixes.lon) >= 180.0:
        return np.zeros(len(first), np.bool_), np.ones(len(first), np.bool_)
    north = _farthest(fixes.lat, first, last)
    east = _farthest(fixes.lon, first, last) * np.cos(np.radians(fixes.lat[first]))
    reach = (ROAM_M / DEGREE_M) ** 2
    sure = north**2 + east**2 < reach * (1 - _ROUNDING)
    far = np.maximum(north, east) ** 2 > reach * (1 + _ROUNDING)
    return sure, ~(sure | far)


def _farthest(values: Floats, first: Ints, last: Ints) -> Floats:
    """How far the value at each `first` is from the farthest of those after it up to `last`, `first` < `last`.

    By a sparse table (Bender & Farach-Colton, The LCA Problem Revisited, 2000): each stretch is the union of two
    stretches of a power of two.
    """
    low = high = values
    far, level = np.zeros(len(first)), np.frexp(last - first)[1] - 1
    for k in range(int(level.max()) + 1):
        mine = np.flatnonzero(level == k)
        at, one, other = values[first[mine]], first[mine] + 1, last[mine] + 1 - (1 << k)
        above = np.maximum(high[one], high[other]) - at
        far[mine] = np.maximum(above, at - np.minimum(low[one], low[other]))
        half = 1 << k
        low, high = np.minimum(low[:-half], low[half:]), np.maximum(high[:-half], high[half:])
    return far


def _last_before_silence(t: Ints) -> Ints:
    """(n,) of each fix the last one that follows without a silence."""
    n = len(t)
    last = np.append(np.flatnonzero(np.diff(t) > SILENCE_MS), n - 1)
    return last[np.searchsorted(last, np.arange(n))]


def _grown(fixes: _Fixes, first: int, end: int) -> _Run:
    """The stay that begins at `first`, with all that follows up to `end` and stays within reach of its spot."""
    core = int(np.searchsorted(fixes.t, fixes.t[first] + STAY_MS))
    lat, lon = _spot(fixes, first, core)
    far = distances_m(fixes.lat[core : end + 1], fixes.lon[core : end + 1], lat, lon) > ROAM_M
    far[0] = False  # it is what made this a stay
    last = core + int(np.argmax(far)) - 1 if far.any() else end
    return _run(fixes, first, last, part=False)


def _spot(fixes: _Fixes, first: int, last: int) -> tuple[float, float]:
    """Median latitude and longitude of fixes first..last; longitudes are counted from the first of them."""
    lat, lon = fixes.lat[first : last + 1], fixes.lon[first : last + 1]
    east = (lon - lon[0] + 180.0) % 360.0 - 180.0
    return float(np.median(lat)), wrapped(float(lon[0] + np.median(east)))


def _run(fixes: _Fixes, first: int, last: int, part: bool) -> _Run:
    lat, lon = _spot(fixes, first, last)
    away = distances_m(fixes.lat[first : last + 1], fixes.lon[first : last + 1], lat, lon)
    near = np.flatnonzero(away <= NEAR_M)
    if not len(near):
        near = np.arange(len(away))
    radius = float(np.sort(away)[int(np.ceil(_SPREAD * len(away))) - 1])
    return _Run(first, last, first + int(near[0]), first + int(near[-1]), lat, lon, radius, part)


# -- what touches midnight ---------------------------------------------------------------------------------------------


def _with_parts(fixes: _Fixes, day_start_ms: int, stays: list[_Run]) -> list[_Run]:
    """The stays, and before and after them what lies at the day's bounds and is too short to be one."""
    n = len(fixes.t)
    before = stays[0].first if stays else n
    head = _near_first(fixes, before) if fixes.t[0] - day_start_ms <= SILENCE_MS else 0
    after = stays[-1].last + 1 if stays else head
    tail = _near_last(fixes, after) if day_start_ms + DAY_MS - fixes.t[-1] <= SILENCE_MS else 0
    heads = [_run(fixes, 0, head - 1, part=True)] if head else []
    tails = [_run(fixes, n - tail, n - 1, part=True)] if tail else []
    return [run for run in (*heads, *stays, *tails) if run.near_last > run.near_first]


def _near_first(fixes: _Fixes, before: int) -> int:
    """How many fixes from the day's first on, and before `before`, are within reach of it without a silence."""
    stop = min(before, int(_last_before_silence(fixes.t)[0]) + 1)
    near = distances_m(fixes.lat[:stop], fixes.lon[:stop], float(fixes.lat[0]), float(fixes.lon[0])) <= ROAM_M
    return stop if near.all() else int(np.argmin(near))


def _near_last(fixes: _Fixes, after: int) -> int:
    """How many fixes up to the day's last, and not before `after`, are within reach of it without a silence."""
    silences = np.flatnonzero(np.diff(fixes.t) > SILENCE_MS)
    start = max(after, int(silences[-1]) + 1 if len(silences) else 0)
    lat, lon = fixes.lat[start:][::-1], fixes.lon[start:][::-1]
    if not len(lat):
        return 0
    near = distances_m(lat, lon, float(lat[0]), float(lon[0])) <= ROAM_M
    return len(lat) if near.all() else int(np.argmin(near))


# -- episodes ----------------------------------------------------------------------------------------------------------


def _episode(fixes: _Fixes, day_start_ms: int, runs: list[_Run], k: int) -> Episode:
    run = runs[k]
    start_ms, end_ms = int(fixes.t[run.near_first]), int(fixes.t[run.near_last])
    left = int(fixes.t[runs[k - 1].near_last]) if k else day_start_ms
    right = int(fixes.t[runs[k + 1].near_first]) if k + 1 < len(runs) else day_start_ms + DAY_MS
    heard = fixes.heard_ms[np.searchsorted(fixes.heard_ms, start_ms) : np.searchsorted(fixes.heard_ms, end_ms, "right")]
    observed = int(np.minimum(np.diff(heard), HEARD_MS).sum())
    ends = (bytes(fixes.ids[run.near_first].tobytes()), bytes(fixes.ids[run.near_last].tobytes()))
    return Episode(
        kind=NAME,
        start_ms=start_ms,
        end_ms=end_ms,
        label="part of a stay" if run.part else "stayed in one place",
        evidence=tuple(dict.fromkeys(ends)),
        sure=round(observed / (end_ms - start_ms), 3) if end_ms > start_ms else 0.0,
        facts={
            "lat": round(run.lat, 6), "lon": round(run.lon, 6), "radius_m": round(run.radius_m, 1),
            "fixes": len(heard), "observed_ms": observed, "part": run.part,
            "open_start": run.first == 0, "open_end": run.last == len(fixes.t) - 1,
            "silent_before_ms": _longest_silence(fixes.heard_ms, left, start_ms),
            "silent_after_ms": _longest_silence(fixes.heard_ms, end_ms, right),
        },
    )  # fmt: skip


def _longest_silence(heard_ms: Ints, start_ms: int, end_ms: int) -> int:
    """The longest time without a fix between two times, which count as fixes."""
    between = heard_ms[np.searchsorted(heard_ms, start_ms) : np.searchsorted(heard_ms, end_ms, "right")]
    return int(np.diff(np.concatenate([[start_ms], between, [end_ms]])).max())
