"""The filter and the smoother against weighted least squares over all states at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.clocks.kalman import SKEW_PRIOR, SKEW_WALK, STEP_MS, Measured, predict, run_filter, smooth
from hearthside.events import HOUR_MS, MINUTE_MS
from tests.reference.clock_filter import course


def measured(rng: np.random.Generator, n: int, unmeasured: float = 0.3) -> Measured:
    """A clock of 20 ppm that wanders little; some nodes without a measurement, never the first and the last."""
    at = np.cumsum(rng.uniform(MINUTE_MS, 3 * HOUR_MS, n))
    sigma = rng.uniform(0.5, 80, n)
    values = 5_000 + 20e-6 * at + rng.normal(0, sigma)
    silent = rng.random(n) < unmeasured
    silent[[0, -1]] = False
    return Measured(
        at.tolist(),
        [None if quiet else value for quiet, value in zip(silent.tolist(), values.tolist(), strict=True)],
        sigma.tolist(),
        (10 * sigma).tolist(),
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 25))
def test_the_smoothed_states_are_those_of_least_squares(seed: int, n: int) -> None:
    given_ = measured(np.random.default_rng(seed), n)
    passed = run_filter(given_, 0)
    assert (passed.end, passed.ignored) == (n, [])
    found = np.array(smooth(given_.at, passed, 0))
    states, covariances = course(given_.at, given_.shift, given_.sigma, SKEW_WALK, SKEW_PRIOR)
    sigmas = np.sqrt(covariances[:, 0, 0])
    skew_sigmas = np.sqrt(covariances[:, 1, 1])
    assert np.abs(found[:, 0] + passed.origin - states[:, 0]).max() < 1e-3 * sigmas.min()
    assert np.abs(found[:, 1] - states[:, 1]).max() < 1e-3 * skew_sigmas.min()
    assert np.sqrt(found[:, 2]) == pytest.approx(sigmas, rel=1e-4)
    assert np.sqrt(found[:, 4]) == pytest.approx(skew_sigmas, rel=1e-4)


def test_the_filter_alone_knows_at_the_end_what_the_smoother_knows() -> None:
    given_ = measured(np.random.default_rng(1), 20)
    passed = run_filter(given_, 0)
    assert smooth(given_.at, passed, 0)[-1] == passed.after[-1]


def test_forward_and_back_again_is_the_same_shift_with_more_doubt() -> None:
    state = (3.0, 1e-5, 4.0, 1e-6, 1e-12)
    there = predict(state, HOUR_MS)
    assert there[0] == 3.0 + 36.0
    back = predict(there, -HOUR_MS)
    assert back[:2] == pytest.approx(state[:2])
    assert back[2] > state[2]


def _steady(values: list[float], every: float = 15 * MINUTE_MS) -> Measured:
    n = len(values)
    return Measured([k * every for k in range(n)], list(values), [1.0] * n, [5.0] * n)


def test_a_single_false_measurement_is_left_out() -> None:
    passed = run_filter(_steady([0.0] * 10 + [90_000.0] + [0.0] * 10), 0)
    assert (passed.end, passed.ignored) == (21, [10])
    assert abs(passed.after[-1][0]) < 1.0


def test_a_confirmed_departure_is_a_step() -> None:
    passed = run_filter(_steady([0.0] * 10 + [-2 * STEP_MS] * 5), 0)
    assert (passed.end, passed.ignored) == (10, [])


def test_a_plain_departure_at_the_very_end_is_a_step_and_a_small_one_waits() -> None:
    assert run_filter(_steady([0.0] * 10 + [5_000.0]), 0).end == 10
    small = run_filter(_steady([0.0] * 10 + [STEP_MS]), 0)
    assert (small.end, small.ignored) == (11, [10])


def test_a_changed_skew_is_followed_and_no_step() -> None:
    """A phone warms up: 40 ppm more from one exchange to the next, 36 ms each."""
    values = [0.0] * 10 + [36.0 * k for k in range(1, 11)]
    passed = run_filter(_steady(values), 0)
    assert passed.end == 20
    assert passed.after[-1][0] == pytest.approx(360.0, abs=2.0)
    assert passed.after[-1][1] == pytest.approx(40e-6, rel=0.1)


def test_two_false_measurements_that_disagree_are_no_step() -> None:
    passed = run_filter(_steady([0.0] * 10 + [50_000.0, -50_000.0] + [0.0] * 5), 0)
    assert (passed.end, passed.ignored) == (17, [10, 11])
