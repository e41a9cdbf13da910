"""Figures by group against the plain ones of the standard library."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.memory.asking.measures import by_group, clocks_by_group, days_by_group, longest_gaps, place_in_group
from hearthside.memory.asking.query import Measure

_ROWS = st.lists(
    st.tuples(st.one_of(st.just(math.nan), st.integers(-5, 5).map(float)), st.integers(-1, 3)), max_size=20
)
_PLAIN: dict[Measure, Callable[[list[float]], float]] = {
    Measure.SUM: math.fsum, Measure.MEAN: statistics.fmean, Measure.MEDIAN: statistics.median, Measure.MIN: min,
    Measure.MAX: max,
}  # fmt: skip


@pytest.mark.parametrize("measure", _PLAIN)
@given(rows=_ROWS)
def test_each_group_has_its_own_figure(measure: Measure, rows: list[tuple[float, int]]) -> None:
    found = by_group(measure, np.array([v for v, _ in rows]), np.array([g for _, g in rows], dtype=np.int64), 4)
    for g in range(4):
        values = [v for v, group in rows if group == g and v == v]
        if not values:
            assert math.isnan(found.value[g])
            assert found.row[g] == -1
            continue
        assert found.value[g] == pytest.approx(_PLAIN[measure](values))
        if measure in {Measure.MIN, Measure.MAX}:
            assert found.row[g] == next(i for i, row in enumerate(rows) if row == (found.value[g], g))


@given(st.lists(st.integers(0, 240), min_size=1, max_size=15), st.integers(0, 1439))
def test_turning_the_clock_turns_the_figures(minutes: list[int], turn: int) -> None:
    """Times within four hours have the same middle wherever on the clock they are."""
    group = np.zeros(len(minutes), dtype=np.int64)
    for measure in (Measure.MEAN, Measure.MEDIAN, Measure.MIN, Measure.MAX):
        plain = clocks_by_group(measure, np.array(minutes, dtype=float), group, 1).value[0]
        turned = clocks_by_group(measure, (np.array(minutes, dtype=float) + turn) % 1440, group, 1).value[0]
        assert (turned - plain - turn + 720) % 1440 - 720 == pytest.approx(0, abs=1e-6)
    assert clocks_by_group(Measure.MEDIAN, np.array(minutes, dtype=float), group, 1).value[0] == pytest.approx(
        statistics.median(minutes), abs=1e-6
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-1, 2)), max_size=12))
def test_days_and_places(rows: list[tuple[int, int]]) -> None:
    day, group = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    assert days_by_group(day, group, 3).tolist() == [len({d for d, g in rows if g == n}) for n in range(3)]
    for which in (1, 2, -1):
        found = place_in_group(group, 3, which)
        for n in range(3):
            mine = [i for i, (_, g) in enumerate(rows) if g == n]
            at = which - 1 if which > 0 else len(mine) + which
            assert found[n] == (mine[at] if 0 <= at < len(mine) else -1)


def test_a_gap_is_between_what_ends_last_and_what_begins_next() -> None:
    start, end = np.array([0, 1000, 20_000, 50_000]), np.array([15_000, 2000, 21_000, 50_000])
    gaps = longest_gaps(start, end, np.array([0, 0, 0, 1]), 2)
    assert (gaps.seconds[0], gaps.start_ms[0], gaps.end_ms[0]) == (5.0, 15_000, 20_000)
    assert math.isnan(gaps.seconds[1])
