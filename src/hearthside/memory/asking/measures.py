"""Sums, means, medians and extremes by group, over columns; of clock times as directions on a circle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hearthside.memory.asking.query import Measure
from hearthside.memory.asking.source import Floats, Ints
from hearthside.memory.asking.spans import merged

DAY_MIN = 1440
_NO_DIRECTION = 1e-9
"""Clock times whose mean direction is shorter than this lie all around the clock: they have no mean."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """A value for each group, NaN for none.

    Attributes:
        value: (groups,).
        row: (groups,) the row it is the value of, -1 where it is of several.
        spread: (groups,) of clock times the length of the mean direction: 1 all the same, 0 all around the
            clock; else 1.
    """

    value: Floats
    row: Ints
    spread: Floats


def by_group(measure: Measure, values: Floats, group: Ints, groups: int) -> Grouped:
    """Sum, mean, median, min or max of each group.

    Args:
        values: (n,), NaN where there is none.
        group: (n,), -1 for rows of no group.
    """
    there = np.flatnonzero((group >= 0) & ~np.isnan(values))
    values, group = values[there], group[there]
    count = np.bincount(group, minlength=groups)
    none = np.full(groups, -1)
    if measure in {Measure.SUM, Measure.MEAN}:
        total = np.bincount(group, values, groups)
        value = total if measure is Measure.SUM else total / np.maximum(count, 1)
        return Grouped(np.where(count > 0, value, np.nan), none, np.ones(groups))
    if measure is Measure.MEDIAN:
        return Grouped(_medians(values, group, count), none, np.ones(groups))
    order = by_number(group, groups)
    ordered, filled = values[order], np.flatnonzero(count)
    begin = (np.cumsum(count) - count)[filled]
    found: Floats = np.full(groups, np.nan)
    if len(begin):
        found[filled] = (np.minimum if measure is Measure.MIN else np.maximum).reduceat(ordered, begin)
    # Equal values keep the order of time: the first of them is the least or greatest.
    hit = np.flatnonzero(ordered == found[group[order]])
    first = np.unique(group[order[hit]], return_index=True)[1]
    row = np.full(groups, -1)
    row[filled] = there[order[hit[first]]]
    return Grouped(found, row, np.ones(groups))


def by_number(group: Ints, groups: int) -> Ints:
    """Indices that put rows in order of their group, those of one group in their order; fast for few groups."""
    # 16 bit numbers are sorted by radix.
    return np.argsort(group.astype(np.uint16) if groups <= 2**16 else group, kind="stable")


def _medians(values: Floats, group: Ints, count: Ints) -> Floats:
    order = np.argsort(values)
    order = order[by_number(group[order], len(count))]
    ordered, begin = np.append(values[order], np.nan), np.cumsum(count) - count
    low, high = begin + np.maximum(count - 1, 0) // 2, begin + count // 2
    middle: Floats = ordered[np.where(count > 0, low, -1)] + ordered[np.where(count > 0, high, -1)]
    return middle / 2


def clocks_by_group(measure: Measure, minutes: Floats, group: Ints, groups: int) -> Grouped:
    """Mean, median, earliest or latest clock time of each group, in minutes of the day.

    All are those of the deviations from the direction of the mean vector (Mardia and Jupp 2000, "Directional
    Statistics", section 2.2), up to 12 h either way, so that 00:30 is later than 23:50. The mean of them is the plain
    average of bedtimes counted from the opposite side of the clock, and for times within half a day of one another the
    intrinsic mean of the circle (Hotz and Huckemann 2015, "Intrinsic means on the circle", Ann. Inst. Stat. Math. 67).
    """
    there = (group >= 0) & ~np.isnan(minutes)
    angle = np.where(there, minutes, 0) * (2 * np.pi / DAY_MIN)
    of = np.where(there, group, groups)
    found_in = np.bincount(of, minlength=groups + 1)
    count = np.maximum(found_in, 1)
    x = np.bincount(of, np.cos(angle), groups + 1) / count
    y = np.bincount(of, np.sin(angle), groups + 1) / count
    length = np.hypot(x, y)[:groups]
    mean = np.where(length > _NO_DIRECTION, np.arctan2(y, x)[:groups] * (DAY_MIN / (2 * np.pi)), np.nan) % DAY_MIN
    length = np.where(found_in[:groups] > 0, length, 1.0)
    around = np.append(mean, np.nan)[of]
    deviation = (minutes - around + DAY_MIN / 2) % DAY_MIN - DAY_MIN / 2
    found = by_group(measure, deviation, group, groups)
    return Grouped(_on_the_clock(found.value + mean), found.row, length)


def _on_the_clock(minutes: Floats) -> Floats:
    """0 to 1440, to the microsecond: directions are not exact."""
    return np.round(minutes, 8) % DAY_MIN


def place_in_group(group: Ints, groups: int, which: int) -> Ints:
    """Of rows in order of time the `which`-th of each group (1 the first, -1 the last), -1 where there is none."""
    rows = np.flatnonzero(group >= 0)
    order = rows[by_number(group[rows], groups)]
    count = np.bincount(group[rows], minlength=groups)
    begin = np.cumsum(count) - count
    place = begin + (which - 1 if which > 0 else count + which)
    there = (abs(which) <= count) & (count > 0)
    return np.append(order, -1)[np.where(there, place, -1)]


@dataclass(frozen=True, slots=True)
class Gaps:
    """The longest time between two rows of each group: (groups,) each, -1 or NaN where there are no two.

    Attributes:
        seconds: how long; start_ms, end_ms: from when until when.
    """

    seconds: Floats
    start_ms: Ints
    end_ms: Ints


def longest_gaps(start: Ints, end: Ints, group: Ints, groups: int) -> Gaps:
    """The longest time in which nothing of a group was going on, between its first and its last row; the first of
    equally long ones."""
    inside = group >= 0
    spans, of = merged(start[inside], end[inside], group[inside], least=0)
    same = np.flatnonzero(of[1:] == of[:-1])
    length = (spans.start[same + 1] - spans.end[same]) / 1000
    found = by_group(Measure.MAX, length, of[same], groups)
    at = np.append(same, -1)[found.row]
    there = found.row >= 0
    after = np.append(spans.start, -1)[np.where(there, at + 1, -1)]
    return Gaps(found.value, np.where(there, np.append(spans.end, -1)[at], -1), after)


def days_by_group(day: Ints, group: Ints, groups: int) -> Ints:
    """Distinct local days of each group."""
    inside = group >= 0
    if not inside.any():
        return np.zeros(groups, dtype=np.int64)
    pairs = np.unique(group[inside] * np.int64(2**33) + (day[inside] + 2**32))
    return np.bincount(pairs // 2**33, minlength=groups).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Runs:
    """Local days in a row, of each group: (groups,), -1 where there are none.

    Attributes:
        days: how many; first: the first of them. Of a pause both are of the days without a row.
    """

    days: Ints
    first: Ints


def longest_streaks(day: Ints, group: Ints, groups: int) -> Runs:
    """The most local days in a row with a row of a group; the first of equally long ones."""
    of, days = _days_of_groups(day, group)
    if not len(days):
        return Runs(np.full(groups, -1), np.full(groups, -1))
    begin = np.flatnonzero(np.concatenate([[True], (np.diff(days) != 1) | (np.diff(of) != 0)]))
    length = np.diff(np.append(begin, len(days)))
    return _longest(length, days[begin], of[begin], groups)


def longest_pauses(day: Ints, group: Ints, groups: int) -> Runs:
    """The most local days in a row without a row of a group, between two days with one; 0 where none lies between."""
    of, days = _days_of_groups(day, group)
    same = np.flatnonzero(np.diff(of) == 0)
    return _longest(days[same + 1] - days[same] - 1, days[same] + 1, of[same], groups)


def _days_of_groups(day: Ints, group: Ints) -> tuple[Ints, Ints]:
    """Groups and their distinct local days, in order."""
    inside = group >= 0
    pairs = np.unique(np.stack([group[inside], day[inside]]), axis=1)
    return pairs[0], pairs[1]


def _longest(length: Ints, first: Ints, of: Ints, groups: int) -> Runs:
    found = by_group(Measure.MAX, length.astype(np.float64), of, groups)
    days, begin = (np.append(values, -1)[found.row] for values in (length, first))
    return Runs(days, begin)
