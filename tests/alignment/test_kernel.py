"""The minute join against a slow reference that asks every event about every minute."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hearthside.alignment.kernel import INSTANT, covered_minutes, minute_columns, minute_samples
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
    st.sampled_from([1_000, 20_000, 30_000, MINUTE_MS, 90_000, 5 * MINUTE_MS]),
    st.lists(st.one_of(st.floats(0, 9), st.just(float("nan"))), max_size=40),
)
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


def test_no_events_cover_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    minutes, heard = covered_minutes(DAY, none, none, 60)
    assert not minutes.any() and heard is None
    count, last = minute_columns(DAY, none, none, 60)
    assert not count.any() and (last == -1).all()
