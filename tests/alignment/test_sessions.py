"""Lining events up, cutting them into sessions, and arithmetic of intervals, against the obvious way."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.sessions import gather, merged, sessions, within
from hearthside.events import DAY_MS, HOUR_MS
from tests.alignment.episodes.windows import Said, at, columns_of
from tests.reference.episodes import chains

_SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=12)


def _arrays(spans: list[tuple[int, int]]) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], ...]:
    ordered = sorted((start, start + length) for start, length in spans)
    return np.array([s for s, _ in ordered], np.int64), np.array([e for _, e in ordered], np.int64)


@given(
    hours=st.lists(st.tuples(st.integers(0, 5 * 24 * 2), st.integers(0, 20)), max_size=150),
    gap=st.sampled_from([0, 1, 2, 3]),
)
def test_sessions_of_every_day_are_the_chains_of_the_whole(hours: list[tuple[int, int]], gap: int) -> None:
    half = HOUR_MS // 2
    spans = sorted((start * half, (start + length) * half) for start, length in hours)
    starts, ends = np.array([s for s, _ in spans], np.int64), np.array([e for _, e in spans], np.int64)
    found = [s for day in range(7) for s in sessions(starts, ends, gap * half, day)]
    wanted = [(members[0], members[-1] + 1, spans[members[0]][0], end) for members, end in chains(spans, gap * half)]
    assert [(s.first, s.last, s.start_ms, s.end_ms) for s in found] == wanted
    assert all(s.end_ms - s.start_ms <= 2 * DAY_MS for s in found)

    for day in range(7):  # what lies more than a day away does not matter
        near = (starts >= (day - 1) * DAY_MS) & (starts < (day + 2) * DAY_MS)
        local = [(s.start_ms, s.end_ms) for s in sessions(starts[near], ends[near], gap * half, day)]
        assert local == [(s.start_ms, s.end_ms) for s in found if s.start_ms // DAY_MS == day]


@given(spans=_SPANS)
def test_merged_is_the_union(spans: list[tuple[int, int]]) -> None:
    starts, ends = merged(*_arrays(spans))
    covered = {t for start, length in spans for t in range(start, start + length)}
    assert {t for s, e in zip(starts.tolist(), ends.tolist(), strict=True) for t in range(s, e)} == covered
    assert bool((starts[1:] > ends[:-1]).all())


@given(spans=_SPANS, others=_SPANS)
def test_within_is_the_intersection(spans: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    starts, ends = _arrays(spans)
    index, low, high = within(starts, ends, *merged(*_arrays(others)))
    inside = {t for start, length in others for t in range(start, start + length)}
    for i in range(len(starts)):
        parts = [range(a, b) for k, a, b in zip(index.tolist(), low.tolist(), high.tolist(), strict=True) if k == i]
        assert sorted(t for part in parts for t in part) == sorted(set(range(starts[i], ends[i])) & inside)


def test_events_are_in_order_of_start_and_id_and_day_totals_are_left_out() -> None:
    same = [Said("listen", at(0, 8), source=source, number=i) for i, source in enumerate("abababab")]
    late = Said("listen", at(0, 9), at(0, 8, 59), source="a")  # an end before the start counts as none
    parts = [
        columns_of([*(one for one in same if one.source == "a"), late]),
        columns_of([one for one in same if one.source == "b"] + [Said("listen", at(0, 0), source="b", by_day=True)]),
    ]
    rows = gather(parts, at(0, 0), at(1, 0))
    wanted = (*sorted(one.id for one in same), late.id)
    assert rows.evidence(range(len(rows))) == wanted
    assert rows.end_ms.tolist() == [at(0, 8)] * 8 + [at(0, 9)]
    assert gather(parts, at(0, 8, 1), at(1, 0)).evidence([0]) == (late.id,)
    assert gather(parts[::-1], at(0, 0), at(1, 0)).evidence(range(9)) == wanted
    assert len(gather(parts, at(0, 0), at(1, 0), lambda part: np.full(len(part), part.source == "a", np.int8))) == 5
