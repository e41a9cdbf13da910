"""Intervals as arrays give what sets of milliseconds give."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearthside.memory.asking.spans import Spans, common, cut, in_minutes, merged, picked, without

_INTERVALS = st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 15)), max_size=8)
_MINUTE = 60_000


def _arrays(intervals: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    start = np.array([a for a, _ in intervals], dtype=np.int64)
    return start, start + np.array([n for _, n in intervals], dtype=np.int64)


def _spans(intervals: list[tuple[int, int]]) -> Spans:
    return merged(*_arrays(intervals))[0]


def _set(spans: Spans) -> set[int]:
    return {ms for a, b in zip(spans.start.tolist(), spans.end.tolist(), strict=True) for ms in range(a, b)}


@given(_INTERVALS)
def test_merged(intervals: list[tuple[int, int]]) -> None:
    found = _spans(intervals)
    assert _set(found) == {ms for a, n in intervals for ms in range(a, a + max(n, 1))}
    assert (found.start[1:] > found.end[:-1]).all()


@given(st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 15), st.integers(0, 2)), max_size=10))
def test_merged_apart_in_each_group(rows: list[tuple[int, int, int]]) -> None:
    start, end = _arrays([(a, n) for a, n, _ in rows])
    found, group = merged(start, end, np.array([g for *_, g in rows], dtype=np.int64))
    for g in range(3):
        mine = Spans(found.start[group == g], found.end[group == g])
        assert _set(mine) == _set(_spans([(a, n) for a, n, other in rows if other == g]))


@given(_INTERVALS, _INTERVALS)
def test_common_and_without(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    a, b = _spans(one), _spans(other)
    assert _set(common(a, b)) == _set(a) & _set(b)
    assert _set(without(a, b)) == _set(a) - _set(b)


@given(_INTERVALS, _INTERVALS)
def test_inside_holding_and_cut(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    (start, end), spans = _arrays(one), _spans(other)
    inside = _set(spans)
    assert spans.inside(start, end).tolist() == [len(inside & set(range(a, a + n))) for a, n in one]
    held = spans.holding(start)
    assert [h >= 0 for h in held.tolist()] == [a in inside for a, _ in one]
    of, first, last = cut(start, end, spans)
    for i, (a, n) in enumerate(one):
        assert _set(Spans(first[of == i], last[of == i])) == inside & set(range(a, a + n))


@given(st.lists(st.tuples(st.integers(-200_000, 200_000), st.integers(0, 200_000)), max_size=5))
def test_minutes_make_up_the_interval(intervals: list[tuple[int, int]]) -> None:
    start, end = _arrays(intervals)
    of, minute, length = in_minutes(start, end)
    assert np.bincount(of, length, len(intervals)).tolist() == [n for _, n in intervals]
    assert ((length > 0) & (length <= _MINUTE)).all()
    for i, (a, n) in enumerate(intervals):
        touched = [] if n == 0 else list(range(a // _MINUTE, (a + n - 1) // _MINUTE + 1))
        assert minute[of == i].tolist() == touched


@given(st.lists(st.integers(-1, 3), max_size=12), st.sampled_from([1, 2, -1, -2, 5]))
def test_picked(groups: list[int], which: int) -> None:
    found = picked(np.array(groups, dtype=np.int64), which)
    for g in range(4):
        rows = [i for i, group in enumerate(groups) if group == g]
        at = which - 1 if which > 0 else len(rows) + which
        assert [i for i in rows if found[i]] == ([rows[at]] if 0 <= at < len(rows) else [])
    assert not any(found[i] for i, group in enumerate(groups) if group < 0)
