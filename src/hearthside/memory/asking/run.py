"""Answers a query from a life stream: selects the rows, groups and computes, and says what the answer rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hearthside.memory.asking.conditions import check_fields, is_words
from hearthside.memory.asking.coverage import Period, cover
from hearthside.memory.asking.evidence import began, evidence_of, ids_at, notes_on, rows_of
from hearthside.memory.asking.filling import Filled, fill
from hearthside.memory.asking.grouping import Axis, Groups, make_groups, thing_axis, time_axis
from hearthside.memory.asking.measures import (
    by_group,
    clocks_by_group,
    days_by_group,
    longest_gaps,
    longest_pauses,
    longest_streaks,
    place_in_group,
)
from hearthside.memory.asking.query import BY_TIME, CLOCKS, OF_A_FIELD, OF_TIME, Measure, Query, checked
from hearthside.memory.asking.reading import Heard
from hearthside.memory.asking.result import EVIDENCE_EACH, Answer, GroupValue
from hearthside.memory.asking.rows import Rows
from hearthside.memory.asking.selecting import Found, Needed, select_rows, span_of_days
from hearthside.memory.asking.source import Floats, Ints, LifeSource
from hearthside.memory.asking.times import key_of_day
from hearthside.memory.asking.units import unit_of_answer
from hearthside.memory.asking.written import written

_ONE = {Measure.FIRST: 1, Measure.LAST: -1}
_RUNS = {Measure.STREAK: longest_streaks, Measure.PAUSE: longest_pauses}


@dataclass(frozen=True, slots=True)
class _Computed:
    """Values of the groups.

    Attributes:
        value: (groups,), NaN for none; count: rows of each; days: local days they fall on.
        row: (groups,) the row a value is of, -1 for several.
        group: of each row of `rows`, -1 for none.
    """

    rows: Rows
    group: Ints
    value: Floats
    count: Ints
    row: Ints
    spread: Floats


def ask(life: LifeSource, query: Query, now_ms: int, evidence_limit: int = 50) -> Answer:
    """Compute a query.

    Args:
        life: the life stream.
        now_ms: the present, UTC; no day after it counts as asked about.
        evidence_limit: at most so many ids are given with the answer.

    Raises:
        Refused: ``query-not-possible`` or ``query-field-unknown``: the parts of the query do not go together.
    """
    check_fields(checked(query).select)
    heard, needed = Heard(), needed_of(query)
    found = select_rows(life, query.select, heard, needed)
    coverage, period = cover(life, query.select, found.rows, heard, now_ms)
    groups, computed = _computed(life, query, found, period)
    unit = unit_of_answer(query, computed.rows, heard.units)
    values = _per_day(query, groups, computed.value, period)
    used = _used(query, groups, computed)
    evidence, evidence_count = evidence_of(used, evidence_limit)
    plain = not query.by
    return Answer(
        query=query,
        sentence=written(query),
        value=_number(values[0]) if plain else None,
        unit=unit,
        count=len(computed.rows),
        days=len(np.unique(computed.rows.day)),
        groups=() if plain else _group_values(query, groups, computed, values, period),
        groups_found=0 if plain else len(groups),
        rows=rows_of(life, used, query, _values_of(life, query, used)) if plain else (),
        evidence=evidence,
        evidence_count=evidence_count,
        coverage=coverage,
        notes=notes_on(query, found, computed.rows, used, computed.spread, heard.units, period),
    )


def needed_of(query: Query) -> Needed:
    """What must be read of each row."""
    numbers = frozenset({query.field} - {"amount", "duration", *CLOCKS})
    return Needed(frozenset(name for name in query.by if is_words(name)), numbers, query.measure in OF_TIME)


def _computed(life: LifeSource, query: Query, found: Found, period: Period) -> tuple[Groups, _Computed]:
    rows = found.rows
    axes, places = [], []
    for name in query.by:
        if name in BY_TIME:
            axis = time_axis(name, period.asked, query.select.where)
            place = axis.at(time_keys(name, rows))
        else:
            axis, place = thing_axis(name, rows, life)
        axes.append(axis)
        places.append(place)
    if query.measure in OF_TIME:
        return _of_time(life, query, found, axes, places, period)
    groups = make_groups(axes, places)
    group = groups.of(places) if axes else np.zeros(len(rows), np.int64)
    return groups, _of_rows(life, query, rows, group, len(groups))


def time_keys(name: str, rows: Rows) -> Ints:
    """The number of the group of time that each row belongs to by its start; of the hour -1 where none is known."""
    if name == "hour":
        hour = np.nan_to_num(rows.clock_minutes(end=False), nan=-60.0) // 60
        return hour.astype(np.int64)
    return key_of_day(name, rows.day)


def _of_rows(life: LifeSource, query: Query, rows: Rows, group: Ints, groups: int) -> _Computed:
    count = np.bincount(group[group >= 0], minlength=groups)
    row, spread = np.full(groups, -1), np.ones(groups)
    measure = query.measure
    if measure is Measure.DAYS:
        value = days_by_group(rows.day, group, groups).astype(np.float64)
    elif measure in OF_A_FIELD:
        values = field_values(life, query.field, rows)
        grouped = (clocks_by_group if query.field in CLOCKS else by_group)(measure, values, group, groups)
        value, row, spread = grouped.value, grouped.row, grouped.spread
    elif measure in {Measure.FIRST, Measure.LAST, Measure.NTH}:
        row = place_in_group(group, groups, query.n or _ONE[measure])
        value = np.append(rows.start_ms.astype(np.float64), np.nan)[row]
    elif measure is Measure.GAP:
        value = longest_gaps(*span_of_days(rows), group, groups).seconds
    elif measure in _RUNS:
        days = _RUNS[measure](rows.day, group, groups).days
        value = np.where(days < 0, 0.0 if measure is Measure.STREAK else np.nan, days)
    else:
        value = count.astype(np.float64)
    return _Computed(rows, group, value, count, row, spread)


def field_values(life: LifeSource, name: str, rows: Rows) -> Floats:
    """A field of each row, NaN where it has none: seconds, minutes of the local day, or a number as it is."""
    if name == "start":
        return rows.clock_minutes(end=False)
    if name == "end":
        return rows.clock_minutes(end=True)
    if name == "duration":
        return np.where(rows.lasts, rows.held_ms / 1000, np.nan)
    return rows.amount if name == "amount" else rows.numbers[name]


def _of_time(
    life: LifeSource, query: Query, found: Found, axes: Sequence[Axis], places: Sequence[Ints], period: Period
) -> tuple[Groups, _Computed]:
    """How long something held, cut at the edges of the groups of time; as a share: of the time that is known."""
    filled: Filled = fill(life, query, found, axes, places, period)
    rows = found.rows.take(filled.rows)
    value = filled.seconds
    if query.measure is Measure.SHARE:
        value = np.where(filled.known > 0, value / np.maximum(filled.known, 1e-9), np.nan)
    unknown = (filled.count == 0) & (filled.heard == 0)
    groups = len(value)
    row = np.full(groups, -1)
    value = np.where(unknown, np.nan, value)
    return filled.groups, _Computed(rows, filled.group_of, value, filled.count, row, np.ones(groups))


def _values_of(life: LifeSource, query: Query, rows: Rows) -> Floats | None:
    return field_values(life, query.field, rows) if query.measure in OF_A_FIELD else None


def _per_day(query: Query, groups: Groups, value: Floats, period: Period) -> Floats:
    """Values as they are given: divided by the days heard, and no count where nobody listened."""
    heard = groups.counted(period.heard).astype(np.float64)
    if query.measure in {Measure.COUNT, Measure.DAYS, Measure.STREAK}:
        value = np.where((value > 0) | (heard > 0), value, np.nan)
    if query.per_day:
        value = np.where(heard > 0, value / np.maximum(heard, 1), np.nan)
    return value


def _used(query: Query, groups: Groups, computed: _Computed) -> Rows:
    """The rows that the answer rests on."""
    rows = computed.rows
    if query.by:
        return rows.take(computed.group >= 0)
    if query.measure is Measure.GAP:
        found = longest_gaps(*span_of_days(rows), np.zeros(len(rows), np.int64), 1)
        if np.isnan(found.seconds[0]):
            return rows.take(np.zeros(0, np.int64))
        start, end = span_of_days(rows)
        before, after = np.flatnonzero(end == found.start_ms[0])[-1:], np.flatnonzero(start == found.end_ms[0])[:1]
        return rows.take(np.concatenate([before, after]))
    if query.measure in _RUNS:
        run = _RUNS[query.measure](rows.day, np.zeros(len(rows), np.int64), 1)
        first, last = int(run.first[0]), int(run.first[0] + run.days[0]) - 1
        if query.measure is Measure.STREAK:
            return rows.take((rows.day >= first) & (rows.day <= last))
        beside = [np.flatnonzero(rows.day == first - 1)[-1:], np.flatnonzero(rows.day == last + 1)[:1]]
        return rows.take(np.concatenate(beside))
    if query.measure in {Measure.FIRST, Measure.LAST, Measure.NTH, Measure.MIN, Measure.MAX}:
        return rows.take(computed.row[computed.row >= 0])
    return rows


def _group_values(
    query: Query, groups: Groups, computed: _Computed, values: Floats, period: Period
) -> tuple[GroupValue, ...]:
    keys, asked, heard = groups.keys(), groups.counted(period.asked), groups.counted(period.heard)
    order = np.arange(len(groups))
    if not all(axis.of_time for axis in groups.axes):
        order = np.lexsort((order, -np.nan_to_num(values, nan=-np.inf)))[: query.limit]
    newest = _newest_of_each(computed.rows, computed.group, len(groups))
    return tuple(
        GroupValue(
            keys[g], _number(values[g]), int(computed.count[g]), int(asked[g]), int(heard[g]),
            ids_at(computed.rows, newest[g]), began(computed.rows, int(computed.row[g])),
        )
        for g in order.tolist()
    )  # fmt: skip


def _newest_of_each(rows: Rows, group: Ints, groups: int) -> Ints:
    """Indices of the newest rows of each group, (groups, `EVIDENCE_EACH`), oldest first, -1 where it has fewer."""
    found = [place_in_group(group, groups, -place) for place in range(EVIDENCE_EACH, 0, -1)]
    return np.stack(found, axis=1) if groups else np.zeros((0, EVIDENCE_EACH), np.int64)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
