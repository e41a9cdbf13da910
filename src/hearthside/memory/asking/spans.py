"""Intervals as arrays: merging them, how much of an interval lies inside others, cutting them into minutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hearthside.events import MINUTE_MS
from hearthside.memory.asking.source import Bools, Ints


@dataclass(frozen=True, slots=True)
class Spans:
    """Intervals [start, end) in ms, in order, neither overlapping nor touching; (n,) each."""

    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.start)

    def before(self, ms: Ints) -> Ints:
        """How much of them lies before each time, ms."""
        ends = np.concatenate([[0], np.cumsum(self.end - self.start)])
        at = np.searchsorted(self.start, ms, side="right")
        reached = np.where(at > 0, np.minimum(ms, self.end[at - 1]) - self.start[at - 1], 0) if len(self) else 0
        return np.asarray(ends[np.maximum(at - 1, 0)] + reached, dtype=np.int64)

    def inside(self, start: Ints, end: Ints) -> Ints:
        """How much of each interval lies in them, ms."""
        return self.before(end) - self.before(start)

    def holding(self, ms: Ints) -> Ints:
        """Which of them each time lies in, -1 for none."""
        if not len(self):
            return np.full(len(ms), -1)
        at = np.searchsorted(self.start, ms, side="right") - 1
        return np.where((at >= 0) & (ms < self.end[np.maximum(at, 0)]), at, -1)


EVER = Spans(np.array([-(2**62)]), np.array([2**62]))
"""All time."""


def merged(start: Ints, end: Ints, group: Ints | None = None, least: int = 1) -> tuple[Spans, Ints]:
    """The intervals with those that overlap or touch made one, apart in each group.

    Args:
        start, end: (n,).
        group: (n,) or None for one group.
        least: ms; what is shorter counts as so long.

    Returns:
        The spans in order of (group, start), and the group of each. With several groups the spans of one follow those
        of another, so only `Spans.start` and `end` may be read, not `inside` or `holding`.
    """
    end = np.maximum(end, start + least)
    group = np.zeros(len(start), dtype=np.int64) if group is None else group.astype(np.int64)
    if not len(start):
        return Spans(start, end), group
    order = np.lexsort((start, group))
    start, end, group = start[order], end[order], group[order]
    # Groups are moved apart by more than the whole life is long, so that one running maximum serves all.
    apart = (group - group.min()) * (int(end.max()) - int(start.min()) + 2)
    reach = np.maximum.accumulate(end + apart)
    new = np.ones(len(start), dtype=np.bool_)
    new[1:] = start[1:] + apart[1:] > reach[:-1]
    last = np.append(np.flatnonzero(new)[1:] - 1, len(start) - 1)
    return Spans(start[new], reach[last] - apart[last]), group[new]


def cut(start: Ints, end: Ints, by: Spans) -> tuple[Ints, Ints, Ints]:
    """The pieces of intervals that lie in spans.

    Returns:
        Of each piece the interval it is of, its start and its end.
    """
    first = np.searchsorted(by.end, start, side="right")
    count = np.maximum(np.searchsorted(by.start, end, side="left") - first, 0)
    mine = np.repeat(np.arange(len(start)), count)
    theirs = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    return mine, np.maximum(start[mine], by.start[theirs]), np.minimum(end[mine], by.end[theirs])


def common(one: Spans, other: Spans) -> Spans:
    """What lies in both."""
    _, start, end = cut(one.start, one.end, other)
    return Spans(start, end)


def without(one: Spans, other: Spans) -> Spans:
    """What lies in the first and not in the second."""
    start = np.concatenate([[EVER.start[0]], other.end]).astype(np.int64)
    end = np.concatenate([other.start, [EVER.end[0]]]).astype(np.int64)
    return common(one, Spans(start, end))


def in_minutes(start: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """Intervals cut at whole minutes.

    Returns:
        Of each piece the interval it is of, its UTC minute number, and its length in ms.
    """
    first, final = start // MINUTE_MS, (end - 1) // MINUTE_MS
    count = np.where(end > start, final - first + 1, 0)
    mine = np.repeat(np.arange(len(start)), count)
    minute = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    length = np.minimum(end[mine], (minute + 1) * MINUTE_MS) - np.maximum(start[mine], minute * MINUTE_MS)
    return mine, minute, length


def picked(group: Ints, which: int) -> Bools:
    """Of rows in order of time the `which`-th of each group (1 the first, -1 the last); rows of group -1 never."""
    rows = np.flatnonzero(group >= 0)
    order = rows[np.argsort(group[rows], kind="stable")]
    sizes = np.unique(group[order], return_counts=True)[1]
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    size = np.repeat(sizes, sizes)
    found = np.zeros(len(group), dtype=np.bool_)
    found[order[place == (which - 1 if which > 0 else size + which)]] = True
    return found
