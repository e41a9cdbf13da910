"""The minute join against a slow reference that asks every event about every minute."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hearthside.alignment.kernel import (
    INSTANT,
    IdLists,
    Instants,
    InstantSlices,
    Intervals,
    IntervalSlices,
    covered_minutes,
    instant_slices,
    interval_slices,
    minute_columns,
    minute_samples,
    slices,
)
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from tests.reference import minute_join as slow

DAY = 20_000
START = DAY * DAY_MS

# Times near the edges of the day and of minutes, where joins go wrong.
_MOMENTS = st.one_of(
    st.integers(START - DAY_MS, START + DAY_MS + 2 * MINUTE_MS),
    st.integers(-3, 3).map(lambda m: START + m * MINUTE_MS),
    st.integers(1437, 1443).map(lambda m: START + m * MINUTE_MS),
    st.integers(598, 604).flatmap(lambda m: st.integers(-1, 1).map(lambda ms: START + m * MINUTE_MS + ms)),
)
_LENGTHS = st.one_of(
    st.none(),
    st.integers(0, 3 * MINUTE_MS),
    st.integers(0, 5).map(lambda m: m * MINUTE_MS),
    st.integers(0, 50 * HOUR_MS),
)


@st.composite
def _spans(draw: st.DrawFn) -> list[slow.Span]:
    pairs = draw(st.lists(st.tuples(_MOMENTS, _LENGTHS), max_size=7))
    return sorted(
        ((start, None if length is None else start + length) for start, length in pairs), key=lambda span: span[0]
    )


def _arrays(spans: list[slow.Span]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    start = np.array([span[0] for span in spans], dtype=np.int64)
    return start, np.array([INSTANT if span[1] is None else span[1] for span in spans], dtype=np.int64)


@settings(max_examples=60, deadline=None)
@given(_spans(), st.sampled_from([0, 1, 4, 60, 1440]))
@example([(START, START + 100 * MINUTE_MS), (START + 5 * MINUTE_MS, None)], 10)  # a short one inside a long one
@example([(START - DAY_MS, None)], 1440)
@example([(START + DAY_MS - 1, START + DAY_MS)], 0)
def test_columns_are_those_of_the_reference(spans: list[slow.Span], tolerance: int) -> None:
    count, last = minute_columns(DAY, *_arrays(spans), tolerance)
    assert count.tolist() == slow.counts(DAY, spans)
    assert last.tolist() == slow.last_held(DAY, spans, tolerance)


@settings(max_examples=40, deadline=None)
@given(_spans(), st.sampled_from([1, 4, 45]))
def test_coverage_is_that_of_the_reference(spans: list[slow.Span], cadence: int) -> None:
    minutes, heard = covered_minutes(DAY, *_arrays(spans), cadence)
    assert minutes.tolist() == slow.covered(DAY, spans, cadence)
    assert heard == slow.heard(DAY, spans)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(START - 3 * HOUR_MS, START + DAY_MS + MINUTE_MS),
    st.sampled_from([1_000, 7_000, 20_000, 30_000, 59_999, MINUTE_MS, 90_000, 5 * MINUTE_MS]),
    st.lists(st.one_of(st.floats(-9, 9), st.just(float("nan"))), max_size=40),
)
@example(START - 25_000, 10_000, [1.0, 2.0, 3.0, 4.0])  # the last one lies in the day, the others before it
@example(START + DAY_MS - 25_000, 10_000, [1.0, 2.0, 3.0, 4.0])
def test_samples_are_those_of_the_reference(start: int, step: int, values: list[float]) -> None:
    column = minute_samples(DAY, start, step, np.array(values, dtype=np.float64))
    expected = [np.nan if value is None else value for value in slow.sampled(DAY, start, step, values)]
    np.testing.assert_array_equal(column, np.array(expected))


@pytest.mark.parametrize(
    ("span", "minutes"),
    [
        ((START + 10 * MINUTE_MS, START + 12 * MINUTE_MS), [10, 11]),  # ends on a whole minute: that minute is free
        ((START + 10 * MINUTE_MS, START + 12 * MINUTE_MS + 1), [10, 11, 12]),
        ((START + 10 * MINUTE_MS, START + 10 * MINUTE_MS), [10]),  # no length: still happened
        ((START + 10 * MINUTE_MS + 59_999, None), [10]),
        ((START - MINUTE_MS, START + 1), [0]),
        ((START - MINUTE_MS, START), []),
        ((START + DAY_MS - 1, START + 2 * DAY_MS), [1439]),
        ((START - 3 * DAY_MS, START + 5 * DAY_MS), list(range(1440))),
    ],
)
def test_minutes_that_an_event_touches(span: slow.Span, minutes: list[int]) -> None:
    count, _ = minute_columns(DAY, *_arrays([span]), 0)
    assert np.flatnonzero(count).tolist() == minutes


def test_a_device_that_starts_between_minutes_keeps_its_first_sample_at_its_first_minute() -> None:
    values = np.arange(1440, dtype=np.float64)
    assert minute_samples(DAY, START + 30_000, MINUTE_MS, values).tolist() == values.tolist()


def test_short_steps_are_averaged_by_the_time_of_each_sample() -> None:
    column = minute_samples(DAY, START + 45_000, 10_000, np.array([1.0, 3.0, np.nan, 8.0]))
    assert column[:2].tolist() == [2.0, 8.0] and np.isnan(column[2:]).all()


def test_a_minute_counts_no_further_than_its_type() -> None:
    start = np.full(70_000, START, dtype=np.int64)
    count, last = minute_columns(DAY, start, np.full(70_000, INSTANT), 0)
    assert count[0] == 65_535 and last[0] == 69_999


def test_events_may_nest_as_deep_as_they_like() -> None:
    """Each starts later and ends earlier than the one before, so the last minutes belong to the first events."""
    n = 700
    start, end = START + np.arange(n) * MINUTE_MS, START + DAY_MS - np.arange(n) * MINUTE_MS
    _, last = minute_columns(DAY, start, end, 0)
    assert last.tolist() == [min(m, n - 1, 1439 - m) for m in range(1440)]


def test_no_events_cover_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    minutes, heard = covered_minutes(DAY, none, none, 60)
    assert not minutes.any() and heard is None
    count, last = minute_columns(DAY, none, none, 60)
    assert not count.any() and (last == -1).all()


# -- many minutes at once ------------------------------------------------------------------------------------------

FIRST = START // MINUTE_MS
_NEAR = st.one_of(
    st.integers(START - 5 * MINUTE_MS, START + 30 * MINUTE_MS),
    st.integers(-2, 26).map(lambda m: START + m * MINUTE_MS),
    st.integers(-2, 26).map(lambda m: START + m * MINUTE_MS - 1),
)
_VALUES = st.one_of(st.floats(-9, 9), st.just(float("nan")))
_RANGES = st.tuples(st.integers(-6, 24), st.integers(0, 12), st.integers(1, 15))  # first minute, minutes, run


def _lists(ids: IdLists | None) -> list[list[int]]:
    assert ids is not None
    return [ids.of(m).tolist() for m in range(len(ids.offsets) - 1)]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_NEAR, _VALUES), max_size=12), st.sampled_from([0, 1, 59_999, 60_000, 3_600_000]), _RANGES)
def test_slices_of_instants_are_those_of_the_reference(
    events: list[tuple[int, float]], tolerance: int, where: tuple[int, int, int]
) -> None:
    events.sort(key=lambda event: event[0])
    times, values = [event[0] for event in events], [event[1] for event in events]
    ids = 100 + np.arange(len(events))
    first, minutes, run = FIRST + where[0], where[1], where[2]
    stream = Instants(
        np.array(times, dtype=np.int64),
        tolerance,
        {"id": ids, "v": np.array(values)},
        {"v": np.array(values)},
        ids,
        True,
    )
    found = instant_slices(first, minutes, stream, run)
    starts = [minute * MINUTE_MS for minute in range(first, first + minutes)]
    held = [slow.held_at_end(minute, times, tolerance) for minute in starts]
    within = [slow.inside(minute, [(t, None) for t in times]) for minute in starts]
    assert found.age_ms is not None
    assert found.age_ms.tolist() == [-1 if one is None else one[1] for one in held]
    assert found.last["id"].tolist() == [-1 if one is None else 100 + one[0] for one in held]
    np.testing.assert_array_equal(found.last["v"], [np.nan if one is None else values[one[0]] for one in held])
    assert found.count.tolist() == [len(one) for one in within]
    assert _lists(found.ids) == [[100 + i for i in one] for one in within]
    means = [slow.mean_in(minute, times, values) for minute in starts]
    np.testing.assert_array_equal(found.mean["v"], [np.nan if mean is None else mean for mean in means])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_NEAR, st.one_of(st.integers(0, 40 * MINUTE_MS), st.just(MINUTE_MS))), max_size=10), _RANGES)
@example([(START - 5 * MINUTE_MS, 40 * MINUTE_MS), (START, 0), (START + MINUTE_MS, 1)], (-3, 12, 2))  # one over all
def test_slices_of_intervals_are_those_of_the_reference(
    events: list[tuple[int, int]], where: tuple[int, int, int]
) -> None:
    spans: list[slow.Span] = [(start, start + length) for start, length in sorted(events, key=lambda one: one[0])]
    start, end = _arrays(spans)
    first, minutes, run = FIRST + where[0], where[1], where[2]
    found = interval_slices(first, minutes, Intervals(start, end, 100 + np.arange(len(spans))), run)
    starts = [minute * MINUTE_MS for minute in range(first, first + minutes)]
    within = [slow.inside(minute, spans) for minute in starts]
    assert found.count.tolist() == [len(one) for one in within]
    assert found.overlap_ms.tolist() == [slow.overlap_ms(minute, spans) for minute in starts]
    assert _lists(found.ids) == [[100 + i for i in one] for one in within]
    assert len(found.ids.values) == sum(len(one) for one in within)


def test_both_forms_agree_on_a_long_run() -> None:
    """Three days of many streams in one call: the counts are those of the days, one after the other."""
    rng = np.random.default_rng(3)
    times = np.sort(rng.integers(START, START + 3 * DAY_MS, 20_000))
    end = times + rng.integers(0, 20 * MINUTE_MS, len(times))
    found = slices(
        FIRST, 3 * 1440, {"at": Instants(times, 0), "during": Intervals(times, end, np.arange(len(times)))}, run=1000
    )
    instants, intervals = found["at"], found["during"]
    assert isinstance(instants, InstantSlices) and isinstance(intervals, IntervalSlices)
    assert instants.age_ms is None and instants.ids is None and not instants.last and not instants.mean
    none = np.full(len(times), INSTANT)
    for i in range(3):
        part = slice(i * 1440, (i + 1) * 1440)
        assert instants.count[part].tolist() == minute_columns(DAY + i, times, none, 0)[0].tolist()
        assert intervals.count[part].tolist() == minute_columns(DAY + i, times, end, 0)[0].tolist()


def test_what_holds_nothing_is_told_by_type() -> None:
    """Journal ids are 16 bytes: where no event holds, the id is all zero."""
    ids = np.array([b"a" * 16, b"b" * 16], dtype="S16").view("V16")
    times = np.array([START, START + 3 * MINUTE_MS])
    found = instant_slices(FIRST - 1, 5, Instants(times, 90_000, {"id": ids}, ids=ids))
    assert [one.tobytes()[:1] for one in found.last["id"]] == [b"\0", b"a", b"\0", b"\0", b"b"]
    empty = instant_slices(FIRST, 2, Instants(times[:0], 90_000, {"id": ids[:0]}, ids=ids[:0], aged=True))
    assert empty.last["id"].tobytes() == bytes(32) and empty.count.tolist() == [0, 0]
    assert empty.age_ms is not None and empty.age_ms.tolist() == [-1, -1]


def test_a_tolerance_beyond_24_days_needs_a_wider_age() -> None:
    times = np.array([START], dtype=np.int64)
    found = instant_slices(FIRST + 60 * 1440, 1, Instants(times, 100 * DAY_MS, {}, aged=True))
    assert found.age_ms is not None and found.age_ms.tolist() == [60 * DAY_MS + 59_999]
