"""How long something held: the time that rows fill, cut to the period and at the edges of hours, days and months."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hearthside.events import MINUTE_MS
from hearthside.memory.asking.coverage import Period
from hearthside.memory.asking.grouping import Axis, Groups, cells_of, make_groups
from hearthside.memory.asking.query import Filter, Measure, Query
from hearthside.memory.asking.reading import offsets_at
from hearthside.memory.asking.selecting import Found
from hearthside.memory.asking.source import Floats, Ints, LifeSource, Track
from hearthside.memory.asking.spans import EVER, Spans, common, cut, in_minutes, merged
from hearthside.memory.asking.times import days_match, hours_match, is_of_day, key_of_day, moment_ms

_MINUTES_AT_ONCE = 1_000_000
_STRETCH_MS = 90 * 1440 * MINUTE_MS
_MARGIN_MIN = 16 * 60  # no local clock is farther from UTC


@dataclass(frozen=True, slots=True)
class Filled:
    """Time by group.

    Attributes:
        seconds: (groups,) what overlaps counted once; known: (groups,) seconds of the period in which a source was
            heard, for shares, else zeros.
        count: (groups,) rows that fill some of it; heard: (groups,) days heard.
        rows: (m,) indices of the rows that count, ascending; group_of: (m,) the first group that each fills.
    """

    groups: Groups
    seconds: Floats
    known: Floats
    count: Ints
    heard: Ints
    rows: Ints
    group_of: Ints


@dataclass(frozen=True, slots=True)
class _Scope:
    """Which time counts: the clip, and local days and hours."""

    clip: Spans
    where: Filter
    days: Ints
    track: Track

    def pieces(self, start: Ints, end: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Intervals cut to the scope and at whole minutes, in batches: of which interval, local minute, ms."""
        of, start, end = cut(start, end, self.clip)
        passed = np.cumsum((end - 1) // MINUTE_MS - start // MINUTE_MS + 1)
        edges = np.searchsorted(passed, np.arange(0, (passed[-1] if len(passed) else 0) + 1, _MINUTES_AT_ONCE))
        for first, last in zip(edges, [*edges[1:], len(start)], strict=True):
            mine, minute, length = in_minutes(start[first:last], end[first:last])
            local = minute + offsets_at(self.track, minute * MINUTE_MS)
            kept = np.isin(local // 1440, self.days) & hours_match(local % 1440, self.where)
            yield of[first:last][mine[kept]], local[kept], length[kept]


def fill(
    life: LifeSource, query: Query, found: Found, axes: Sequence[Axis], places: Sequence[Ints], period: Period
) -> Filled:
    """The time that rows fill, by group.

    Args:
        places: of each row on each axis; those of time are not used, because a row may reach over several.
    """
    where, rows, track = query.select.where, found.rows, life.track()
    share = query.measure is Measure.SHARE
    days = period.heard if share else period.asked
    scope = _Scope(common(_asked(where, track), found.clip), where, days[days_match(days, where)], track)
    lasting = np.flatnonzero(rows.lasts & ~rows.by_day & (rows.end_ms > rows.start_ms))
    start, end = rows.start_ms[lasting], rows.end_ms[lasting]
    things = [None if axis.of_time else place[lasting] for axis, place in zip(axes, places, strict=True)]
    shape = tuple(len(axis.keys) for axis in axes)
    cells = max(int(np.prod(shape)), 1)
    pairs = [np.zeros(0, dtype=np.int64)]
    for mine, local, _ in scope.pieces(start, end):
        pair = mine * cells + _cells(axes, [None if t is None else t[mine] for t in things], local, shape)
        changes = np.ones(len(pair), dtype=np.bool_)  # one minute mostly belongs where the one before did
        changes[1:] = pair[1:] != pair[:-1]
        pairs.append(np.unique(pair[changes]))
    row, cell = np.divmod(np.unique(np.concatenate(pairs)), cells)
    groups = _groups(axes, cell)
    thing = cells_of([t for t in things if t is not None] or [np.zeros(len(start), np.int64)],
                     tuple(n for n, t in zip(shape, things, strict=True) if t is not None) or (1,))  # fmt: skip
    spans, of = merged(start, end, thing)
    group = groups.of_cells(cell)
    first = np.unique(row, return_index=True)[1]
    return Filled(
        groups,
        _seconds(scope, groups, spans, _unfolded(of, shape, things)),
        _known(scope, groups) if share else np.zeros(len(groups)),
        np.bincount(group, minlength=len(groups)),
        groups.counted(period.heard),
        lasting[row[first]],
        group[first],
    )


def _asked(where: Filter, track: Track) -> Spans:
    """The absolute times a query names, as one span."""
    low, high = int(EVER.start[0]), int(EVER.end[0])
    low = low if where.times[0] is None else moment_ms(where.times[0], track)
    high = high if where.times[1] is None else moment_ms(where.times[1], track)
    return Spans(np.array([low]), np.array([max(high, low)]))


def _groups(axes: Sequence[Axis], cell: Ints) -> Groups:
    if not axes:
        return make_groups((), ())
    return make_groups(axes, [np.array(p) for p in np.unravel_index(cell, tuple(len(axis.keys) for axis in axes))])


def _unfolded(code: Ints, shape: Sequence[int], things: Sequence[Ints | None]) -> list[Ints | None]:
    """The place on each axis of things, from their common code; None for the axes of time."""
    sizes = [n for n, t in zip(shape, things, strict=True) if t is not None]
    parts = iter(np.unravel_index(code, sizes) if sizes else ())
    return [None if t is None else np.array(next(parts)) for t in things]


def _cells(axes: Sequence[Axis], things: Sequence[Ints | None], local: Ints, shape: tuple[int, ...]) -> Ints:
    """The cell of each piece: on the axes of time by its local minute."""
    if not axes:
        return np.zeros(len(local), dtype=np.int64)
    places = [_time_place(axis, local) if t is None else t for axis, t in zip(axes, things, strict=True)]
    return cells_of(places, shape)


def _time_place(axis: Axis, local: Ints) -> Ints:
    return axis.at(key_of_day(axis.name, local // 1440) if is_of_day(axis.name) else local // 60 % 24)


def _seconds(scope: _Scope, groups: Groups, spans: Spans, things: Sequence[Ints | None]) -> Floats:
    total = np.zeros(len(groups))
    for mine, local, length in scope.pieces(spans.start, spans.end):
        cell = _cells(groups.axes, [None if t is None else t[mine] for t in things], local, groups.shape)
        total += np.bincount(groups.of_cells(cell), length / 1000, len(groups))
    return total


def _known(scope: _Scope, groups: Groups) -> Floats:
    """Seconds of the scope in each group; every thing has all of it."""
    total = np.zeros(len(groups))
    if not len(scope.days):
        return total
    low, high = int(scope.days[0]) * 1440 - _MARGIN_MIN, (int(scope.days[-1]) + 1) * 1440 + _MARGIN_MIN
    start = np.arange(low * MINUTE_MS, high * MINUTE_MS, _STRETCH_MS)
    end = np.minimum(start + _STRETCH_MS, high * MINUTE_MS)
    for _, local, length in scope.pieces(start, end):
        places = [_time_place(axis, local) if axis.of_time else None for axis in groups.axes]
        total += groups.totals(places, length / 1000, len(local))
    return total
