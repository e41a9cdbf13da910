"""Selects rows: reads them, sets them in relation to others, then keeps those of the period."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hearthside.events import DAY_MS, MINUTE_MS
from hearthside.memory.asking.conditions import number_names, numbers_hold
from hearthside.memory.asking.query import How, Relation, Selection
from hearthside.memory.asking.reading import Heard, Wanted, read
from hearthside.memory.asking.rows import Rows
from hearthside.memory.asking.source import Bools, Ints, LifeSource, Track
from hearthside.memory.asking.spans import EVER, Spans, common, merged, picked, without
from hearthside.memory.asking.times import Window, days_match, hours_match, minute_of_day, overlaps_times, window_of


@dataclass(frozen=True, slots=True)
class Needed:
    """What of each row is needed, and how the period is meant.

    Attributes:
        words, numbers: fields.
        as_time: the rows stand for the time they fill: all that overlap are given, and cut to the period later.
    """

    words: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    as_time: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Selected rows.

    Attributes:
        clip: the time that `during` and `outside` leave.
        left_out: rows known by their day only, that could not be set in relation to a time of day.
    """

    rows: Rows
    clip: Spans
    left_out: int


def select_rows(
    life: LifeSource, select: Selection, heard: Heard, needed: Needed, outer: Window = (None, None)
) -> Found:
    """The rows of a selection, in order of (start, id).

    Args:
        heard: is told on which days which source said anything, within the period.
        outer: UTC bounds outside of which no row is wanted.
    """
    track = life.track()
    window = _reading_window(select, window_of(select.where, track), outer)
    numbers = needed.numbers | number_names(select.where)
    rows = read(life, Wanted(select, window, needed.words, numbers), heard)
    clip = EVER
    left_out = int((rows.by_day & days_match(rows.day, select.where)).sum())
    timed = bool(select.relations) or select.where.hours is not None
    if timed:
        rows = rows.take(~rows.by_day)
    for relation in select.relations:
        anchors = _anchors(life, relation, rows, window if needed.as_time else None)
        rows, clip = _related(rows, relation, anchors, clip, needed.as_time)
    # What is chosen among the rows of a day or of a period is chosen among those that belong to it.
    where = select.where
    whole = needed.as_time and select.only is None and not (where.once or where.longest or where.apart)
    rows = rows.take(_in_period(rows, select, whole, track))
    if select.where.apart:
        rows = rows.take(_apart(rows))
    if select.where.once:
        rows = rows.take(_fullest(rows))
    if select.where.longest:
        rows = rows.take(_longest_of_days(rows))
        rows = rows.take(numbers_hold(rows, select.where))
    if select.only is not None:
        rows = rows.take(picked(np.zeros(len(rows), np.int64), select.only))
    return Found(rows, clip, left_out if timed else 0)


def _reading_window(select: Selection, own: Window, outer: Window) -> Window:
    """UTC bounds of what must be read so that what is picked is right.

    The n-th of all, or of each anchor, is picked before the period: what lies outside of it may come first.
    """
    low, high = _both(own, outer)
    if select.only is not None:
        low, high = own
    if any(relation.pick is not None for relation in select.relations):
        if any(relation.within_s is None for relation in select.relations if relation.pick is not None):
            return None, None
        reach = sum(relation.within_s or 0 for relation in select.relations) * 1000
        return (None if low is None else low - reach), (None if high is None else high + reach)
    return low, high


def _both(one: Window, other: Window) -> Window:
    lows = [low for low in (one[0], other[0]) if low is not None]
    highs = [high for high in (one[1], other[1]) if high is not None]
    return (max(lows) if lows else None), (min(highs) if highs else None)


def _anchors(life: LifeSource, relation: Relation, rows: Rows, also: Window | None) -> Spans:
    """The anchors that rows may stand in relation to, those that overlap or touch as one.

    Args:
        also: UTC bounds in which they are wanted even where no row is.
    """
    window: Window = (None, None)
    if relation.within_s is not None or relation.how in {How.DURING, How.OUTSIDE}:
        reach = (relation.within_s or 0) * 1000
        low, high = (int(rows.start_ms.min()), int(rows.end_ms.max()) + 1) if len(rows) else (0, 0)
        window = low - reach, high + reach
        if also is not None:
            window = _around(window, also) if len(rows) else also
    found = select_rows(life, relation.anchor, Heard(), Needed(), window).rows
    found = found.take(~found.by_day)
    return merged(found.start_ms, found.end_ms)[0]


def _around(one: Window, other: Window) -> Window:
    low = None if one[0] is None or other[0] is None else min(one[0], other[0])
    high = None if one[1] is None or other[1] is None else max(one[1], other[1])
    return low, high


def _related(rows: Rows, relation: Relation, anchors: Spans, clip: Spans, as_time: bool) -> tuple[Rows, Spans]:
    start, end = rows.start_ms, np.maximum(rows.end_ms, rows.start_ms + 1)
    if relation.how is How.OUTSIDE:
        inside = anchors.inside(start, end)
        if not as_time:
            return rows.take(inside == 0), clip
        return rows.take(inside < end - start), without(clip, anchors)
    if relation.how is How.DURING:
        clip = common(clip, anchors)
        held = clip.inside(start, end)
        group = np.searchsorted(anchors.end, start, side="right")
        rows = replace(rows, held_ms=np.minimum(held, rows.held_ms))
        return rows.take(_picked(np.where(held > 0, group, -1), relation)), clip
    return rows.take(_picked(_beside(start, relation, anchors), relation)), clip


def _beside(start: Ints, relation: Relation, anchors: Spans) -> Ints:
    """The anchor that each row starts before or after, near enough and outside of all, or -1."""
    within = (relation.within_s or 2**50) * 1000
    if not len(anchors):
        return np.full(len(start), -1)
    following = np.searchsorted(anchors.start, start, side="right")
    outside = anchors.holding(start) < 0
    if relation.how is How.AFTER:
        mine = following - 1
        near = (mine >= 0) & (start - anchors.end[np.maximum(mine, 0)] < within)
    else:
        mine = following
        near = (mine < len(anchors)) & (anchors.start[np.minimum(mine, len(anchors) - 1)] - start <= within)
    return np.where(outside & near, mine, -1)


def _picked(group: Ints, relation: Relation) -> Bools:
    return group >= 0 if relation.pick is None else picked(group, relation.pick)


def _in_period(rows: Rows, select: Selection, overlapping: bool, track: Track) -> Bools:
    """Which rows belong to the period, or only overlap it as far as absolute times say."""
    where = select.where
    kept = overlaps_times(rows.start_ms, rows.end_ms, rows.by_day, rows.offset_min, where, track)
    if overlapping:
        return kept
    kept &= days_match(rows.day, where)
    if where.hours is not None:
        kept &= hours_match(minute_of_day(rows.start_ms, rows.offset_min), where) & ~rows.by_day
    return kept


def _fullest(rows: Rows) -> Bools:
    """Of several sources that recorded the same kind on the same local day the rows of one.

    It is the one with the greatest sum of amounts; of equal ones that with more rows, then the first by name.
    """
    if not len(rows):
        return np.zeros(0, dtype=np.bool_)
    sources = sorted({source for _, source, _ in rows.streams})
    kinds = sorted({kind for _, _, kind in rows.streams})
    source = np.array([sources.index(s[1]) for s in rows.streams])[rows.stream]
    kind = np.array([kinds.index(s[2]) for s in rows.streams])[rows.stream]
    cell, of_cell = np.unique(np.stack([rows.day, kind, source]), axis=1, return_inverse=True)
    amount = np.bincount(of_cell, np.nan_to_num(rows.amount))
    order = np.lexsort((cell[2], -np.bincount(of_cell), -amount, cell[1], cell[0]))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (np.diff(cell[0][order]) != 0) | (np.diff(cell[1][order]) != 0)
    best = np.zeros(len(order), dtype=np.bool_)
    best[order[first]] = True
    return best[of_cell]


def _apart(rows: Rows) -> Bools:
    """Of rows of one kind with the same start and end, which both are known, the first."""
    kinds = sorted({kind for _, _, kind in rows.streams})
    kind = np.array([kinds.index(s[2]) for s in rows.streams], dtype=np.int64)[rows.stream]
    _, first = np.unique(np.stack([kind, rows.start_ms, rows.end_ms]), axis=1, return_index=True)
    kept = ~rows.lasts
    kept[first] = True
    return kept


def _longest_of_days(rows: Rows) -> Bools:
    """Of the rows of one kind on one local day the longest, of equally long ones the first.

    What a source measured, so that the amount is not just how long it lasted, goes before what it only told.
    """
    kinds = sorted({kind for _, _, kind in rows.streams})
    kind = np.array([kinds.index(s[2]) for s in rows.streams], dtype=np.int64)[rows.stream]
    length = rows.end_ms - rows.start_ms
    measured = (rows.amount > 0) & (np.abs(rows.amount - length / 1000) > 1)
    order = np.lexsort((rows.start_ms, -length, ~measured, kind, rows.day))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (np.diff(rows.day[order]) != 0) | (np.diff(kind[order]) != 0)
    best = np.zeros(len(order), dtype=np.bool_)
    best[order[first]] = True
    return best


def span_of_days(rows: Rows) -> tuple[Ints, Ints]:
    """Start and end of each row in UTC; of what is known by its day only that local day from midnight to midnight."""
    midnight = rows.start_ms - rows.offset_min * MINUTE_MS
    return (
        np.where(rows.by_day, midnight, rows.start_ms),
        np.where(rows.by_day, midnight + DAY_MS, rows.end_ms),
    )
