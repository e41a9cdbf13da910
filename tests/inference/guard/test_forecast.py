"""The rate: right for even falls whatever the sampling, nothing for single steps, ripples and rises."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.inference.guard.forecast import HALVES_S, Trend, seconds_left
from hearthside.inference.guard.readings import GIB, Reading

_gaps = st.lists(st.floats(0.001, 0.2), min_size=40, max_size=200)


def _trend(points: list[tuple[float, float]]) -> Trend:
    trend = Trend()
    for at_s, room in points:
        trend.add(Reading(at_s, 200 * GIB, int(room)))
    return trend


def _times(gaps: list[float]) -> list[float]:
    at, times = 0.0, []
    for gap in gaps:
        at += gap
        times.append(at)
    return times


@given(_gaps, st.floats(1e6, 2e10))
def test_an_even_fall_is_measured_whatever_the_sampling(gaps: list[float], rate: float) -> None:
    times = [at for at in _times([*gaps, *[0.02] * 40])]
    trend = _trend([(at, 4e12 - rate * at) for at in times])
    assert trend.fall() == pytest.approx(rate, rel=1e-3)


@given(_gaps, st.floats(0, 1e10))
def test_what_rises_or_rests_does_not_fall(gaps: list[float], rate: float) -> None:
    assert _trend([(at, 1e9 + rate * at) for at in _times(gaps)]).fall() == 0


@given(_gaps, st.floats(0, 1), st.floats(1e9, 1e11))
def test_one_step_is_no_fall(gaps: list[float], where: float, size: float) -> None:
    times = _times(gaps)
    step = where * times[-1]
    assert _trend([(at, 2e11 - (size if at >= step else 0)) for at in times]).fall() == 0


def test_one_dip_is_no_fall() -> None:
    times = [0.02 * n for n in range(200)]
    for dip in range(150, 200):
        assert _trend([(at, 5e9 if n == dip else 3e10) for n, at in enumerate(times)]).fall() == 0


def test_a_fall_in_steps_is_seen_by_the_long_window() -> None:
    times = [0.02 * n for n in range(300)]
    fall = _trend([(at, 6e10 - 3e9 * math.floor(at)) for at in times]).fall()
    assert 1.5e9 < fall < 6e9


def test_a_fall_is_seen_within_the_short_window() -> None:
    times = [0.02 * n for n in range(100)]
    begins = times[-1] - 2 * HALVES_S[0]
    fall = _trend([(at, 3e10 - 5e9 * max(0, at - begins)) for at in times]).fall()
    assert fall == pytest.approx(5e9, rel=0.1)


def test_times_that_do_not_go_on_change_nothing_and_little_is_no_trend() -> None:
    trend = _trend([(5.0, 100), (5.0, 50), (4.0, 10)])
    assert trend.fall() == 0
    trend = _trend([(0.02 * n, 3e10 - 1e8 * n) for n in range(100)])
    assert trend.fall() > 0
    trend.forget()
    assert trend.fall() == 0


def test_seconds_left() -> None:
    assert seconds_left(10 * GIB, 2.0 * GIB) == 5
    assert seconds_left(10 * GIB, 0) == math.inf
