"""From the exchanges of one clock to its placement: courses between steps, smoothed, laid on the clock's time, thinned.

Per course a Kalman filter and smoother (`kalman`); between courses the step lies somewhere between two exchanges, so
the clock's times around it are uncertain, and after a step backwards they stand for two times: those are named.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from hearthside.alignment.clocks.exchanges import Exchange
from hearthside.alignment.clocks.kalman import Measured, State, predict, run_filter, smooth
from hearthside.alignment.clocks.placement import FIRST_MS, LAST_MS, Placement, trusted
from hearthside.alignment.clocks.thinning import thin
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

SIGMA_FLOOR_MS = 0.5
"""What stamps and scheduling cost even without a queue (performance.md section 2)."""

NODE_EVERY_MS = HOUR_MS
"""No two knots of a course are farther apart before thinning: the skew wanders by 0.15 ppm in that time."""

MOST_NODES = 200
"""Between two exchanges, however long the silence."""

REACH_MS = 30 * DAY_MS
"""How far a clock is taken to have run on before its first and after its last exchange."""

OUTSIDE_MS = (HOUR_MS, 6 * HOUR_MS, DAY_MS, 3 * DAY_MS, 10 * DAY_MS, REACH_MS, 120 * DAY_MS, 365 * DAY_MS)
"""Where the placement is told beyond the exchanges; the shift stays as it is beyond the last."""

DIFFERENT_MS = MINUTE_MS / 2
"""Two readings of one raw time are two times from here on: half a slice."""


Knot: TypeAlias = tuple[float, float, float]
"""Raw time, what is to be added to it, and one standard deviation of that, ms."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A step of a clock.

    Attributes:
        before_ms, after_ms: the clock's own time at the last exchange before and the first after.
        station_ms: true time of that first exchange after it.
        shift_ms: by how much true minus raw changed; negative: the clock was set ahead.
    """

    before_ms: int
    after_ms: int
    station_ms: int
    shift_ms: float


@dataclass(frozen=True, slots=True)
class Fit:
    """What the exchanges of a clock come to.

    Attributes:
        placement: the map, without held ranges.
        ambiguous: raw ranges [first, last), in order, that may stand for two times more than half a minute apart.
        jumps: the steps, in order of true time.
        ignored: how many exchanges were not believed.
    """

    placement: Placement
    ambiguous: list[tuple[int, int]]
    jumps: tuple[Jump, ...] = ()
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    """A clock between two steps.

    Attributes:
        at: device time of each node, ms, ascending; the first and the last are exchanges.
        states: of each node, relative to `origin_ms`.
        bias_var: variance of what no exchange can show: that one way takes longer than the other, ms squared.
        first_station_ms, last_station_ms: true time of the first and the last exchange.
        before_ms, after_ms: for how long before the first and after the last exchange the clock may have been on this
            course: up to the neighbouring one's exchange, at most `REACH_MS`.
    """

    at: list[float]
    states: list[State]
    origin_ms: float
    bias_var: float
    first_station_ms: float
    last_station_ms: float
    before_ms: float = float(REACH_MS)
    after_ms: float = float(REACH_MS)

    @property
    def plausible(self) -> tuple[float, float]:
        """Raw times at which the clock may have been on this course."""
        return self.at[0] - self.before_ms, self.at[-1] + self.after_ms

    def knot(self, at: float) -> Knot:
        """The knot at a raw time: between nodes on a straight line, outside by the skew of the nearest."""
        k = bisect_left(self.at, at)
        if k < len(self.at) and self.at[k] == at:
            return self._node(k)
        if 0 < k < len(self.at):
            left, right = self._node(k - 1), self._node(k)
            weight = (at - left[0]) / (right[0] - left[0])
            return at, left[1] + weight * (right[1] - left[1]), left[2] + weight * (right[2] - left[2])
        nearest = 0 if k == 0 else len(self.at) - 1
        return self._told(at, predict(self.states[nearest], at - self.at[nearest]))

    def knots(self, begin: float, end: float) -> list[Knot]:
        """Knots in [begin, end] in order: both ends, the nodes, and those beyond the exchanges."""
        inside = [self._node(k) for k in range(bisect_left(self.at, begin), bisect_right(self.at, end))]
        beyond = [self.at[0] - far for far in OUTSIDE_MS] + [self.at[-1] + far for far in OUTSIDE_MS]
        others = {x for x in (begin, end) if FIRST_MS < x < LAST_MS} | {x for x in beyond if begin < x < end}
        return sorted({*inside, *map(self.knot, others)})

    def _node(self, k: int) -> Knot:
        return self._told(self.at[k], self.states[k])

    def _told(self, at: float, state: State) -> Knot:
        return at, self.origin_ms + state[0], math.sqrt(max(state[2], 0.0) + self.bias_var)


class Zone(NamedTuple):
    """Raw times [first, last] of which the exchanges leave open on which of two courses they are, `apart_ms` apart.

    `both`: both courses may have had them; else neither is known to.
    """

    first_ms: float
    last_ms: float
    apart_ms: float
    both: bool


def fit_clock(exchanges: Sequence[Exchange]) -> Fit:
    """The placement of one clock (one epoch of it, where the client names its epochs), the same in whatever order.

    Args:
        exchanges: of this clock; none: the clock is taken at its word.
    """
    ordered = sorted(set(exchanges), key=lambda e: (e.t2_ms, e.t3_ms, e.t1_ms, e.t4_ms))
    if not ordered:
        return Fit(trusted(), [])
    courses, ignored = _courses(ordered)
    zones = _zones(courses)
    ambiguous = [(zone.first_ms, zone.last_ms) for zone in zones if zone.both and zone.apart_ms > DIFFERENT_MS]
    jumps = tuple(_jump(before, after) for before, after in pairwise(courses))
    return Fit(thin(_inflated(_laid(courses), zones)), _joined(ambiguous), jumps, ignored)


# -- courses -----------------------------------------------------------------------------------------------------------


def _courses(ordered: Sequence[Exchange]) -> tuple[list[Course], int]:
    """The courses in order of true time, and how many exchanges were not believed."""
    least = min(exchange.round_trip_ms for exchange in ordered)
    # The shortest round trip may be all one way: evenly spread over +- half of it.
    bias_var = least * least / 12
    measured, stations = _nodes(ordered, least)
    courses: list[Course] = []
    ignored = begin = 0
    while begin < len(measured.at):
        passed = run_filter(measured, begin)
        states = smooth(measured.at, passed, begin)
        last = max(k for k in range(begin, passed.end) if measured.shift[k] is not None)
        at = _ascending(measured.at[begin : last + 1])
        courses.append(Course(at, states[: len(at)], passed.origin, bias_var, stations[begin], stations[last]))
        ignored += len(passed.ignored)
        begin = passed.end
    return _parted(courses), ignored


def _nodes(ordered: Sequence[Exchange], least: float) -> tuple[Measured, list[float]]:
    """The exchanges as measurements with nodes in long gaps, and the true time of each node."""
    at: list[float] = []
    shift: list[float | None] = []
    sigma: list[float] = []
    bound: list[float] = []
    stations: list[float] = []
    for exchange in ordered:
        x, station = exchange.device_ms, exchange.station_ms
        if at:
            gap = x - at[-1]
            # Across a step the two clocks disagree on how long the gap was: the shorter says enough.
            parts = min(math.ceil(min(gap, station - stations[-1]) / NODE_EVERY_MS), MOST_NODES)
            for part in range(1, parts):
                at.append(x - gap + gap * part / parts)
                stations.append(stations[-1])
            shift += [None] * (parts - 1)
            sigma += [0.0] * (parts - 1)
            bound += [0.0] * (parts - 1)
        at.append(x)
        shift.append(exchange.shift_ms)
        sigma.append(SIGMA_FLOOR_MS + (exchange.round_trip_ms - least) / 2)
        bound.append(exchange.round_trip_ms / 2 + 2 * SIGMA_FLOOR_MS)
        stations.append(station)
    return Measured(at, shift, sigma, bound), stations


def _ascending(at: Sequence[float]) -> list[float]:
    """The same times, never falling: exchanges under way at once may overtake each other by a moment."""
    return list(accumulate(at, max))


def _parted(courses: Sequence[Course]) -> list[Course]:
    """The courses, each with how far it may reach towards its neighbours."""
    gaps = [after.first_station_ms - before.last_station_ms for before, after in pairwise(courses)]
    before = [float(REACH_MS), *gaps]
    after = [*gaps, float(REACH_MS)]
    return [
        replace(course, before_ms=min(b, REACH_MS), after_ms=min(a, REACH_MS))
        for course, b, a in zip(courses, before, after, strict=True)
    ]


def _jump(before: Course, after: Course) -> Jump:
    shift = after.knot(after.at[0])[1] - before.knot(before.at[-1] + before.after_ms)[1]
    return Jump(round(before.at[-1]), round(after.at[0]), round(after.first_station_ms), shift)


# -- on the clock's own time -------------------------------------------------------------------------------------------


def _zones(courses: Sequence[Course]) -> list[Zone]:
    """Where two courses overlap in raw time, and the holes between neighbours in raw time."""
    order = sorted(courses, key=lambda course: course.plausible)
    found: list[Zone] = []
    active: list[Course] = []
    for course in order:
        first, last = course.plausible
        if active and (end := max(other.plausible[1] for other in active)) < first:
            found.append(_zone(end, first, max(active, key=lambda other: other.plausible[1]), course, False))
        still = [other for other in active if other.plausible[1] >= first]
        found += [_zone(first, min(last, other.plausible[1]), other, course, True) for other in still]
        active = still or [max(active, key=lambda other: other.plausible[1])] if active else []
        active.append(course)
    return found


def _zone(first: float, last: float, a: Course, b: Course, both: bool) -> Zone:
    middle = (first + last) / 2
    return Zone(first, last, abs(a.knot(middle)[1] - b.knot(middle)[1]), both)


def _laid(courses: Sequence[Course]) -> Placement:
    """The courses side by side on raw time: the later where two claim one, the nearest where none does."""
    claims = [(course.at[0] - course.before_ms / 2, course.at[-1] + course.after_ms / 2) for course in courses]
    edges = np.unique(np.array(claims))
    owner = np.full(len(edges) - 1, -1)
    for k, (begin, end) in enumerate(claims):
        owner[np.searchsorted(edges, begin) : np.searchsorted(edges, end)] = k
    pieces: list[tuple[float, int]] = []  # (from where, whose)
    for k, whose in enumerate(owner.tolist()):
        if whose >= 0 and (not pieces or pieces[-1][1] != whose):
            # A hole before it is shared: its near half is this course's.
            hole = k > 0 and owner[k - 1] < 0
            pieces.append(((edges[k - 1] + edges[k]) / 2 if hole else edges[k], whose))
    starts = [float(FIRST_MS), *(float(math.ceil(start)) for start, _ in pieces[1:])]
    ends = [*(start - 1.0 for start in starts[1:]), float(LAST_MS)]
    knots = [
        knot
        for (_, whose), start, end in zip(pieces, starts, ends, strict=True)
        if start <= end
        for knot in courses[whose].knots(start, end)
    ]
    return _placement(knots)


def _placement(knots: Sequence[Knot]) -> Placement:
    """Knots in order as a placement; of those that round to the same millisecond the last."""
    at, shift, sigma = np.array(knots).reshape(-1, 3).T
    whole = np.rint(at).astype(np.int64)
    keep = np.append(np.diff(whole) > 0, True)
    return Placement(whole[keep], shift[keep], sigma[keep])


def _inflated(placement: Placement, zones: Sequence[Zone]) -> Placement:
    """The placement with the doubt between two courses added where there is one."""
    if not zones:
        return placement
    bounds = np.array([(math.floor(zone.first_ms), math.ceil(zone.last_ms)) for zone in zones], dtype=np.int64)
    knots = np.unique(np.concatenate([placement.knots_ms, bounds[:, 0] - 1, *bounds.T, bounds[:, 1] + 1]))
    shift = np.interp(knots, placement.knots_ms, placement.shift_ms)
    sigma = np.interp(knots, placement.knots_ms, placement.sigma_ms)
    for (first, last), zone in zip(bounds.tolist(), zones, strict=True):
        inside = slice(np.searchsorted(knots, first), np.searchsorted(knots, last, side="right"))
        sigma[inside] = np.hypot(sigma[inside], zone.apart_ms / 2)
    return Placement(knots, shift, sigma)


def _joined(ranges: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Ranges as whole milliseconds [first, last), in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted((math.floor(first), math.ceil(last) + 1) for first, last in ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
