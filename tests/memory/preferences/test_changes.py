"""What is expected since the last change: found soon, doubted at first, and never from the future."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from hearthside.memory.preferences.changes import DAY_DRAWS, log_gamma, shares_since_changes
from hearthside.memory.preferences.tally import Tally, tallies_of


def mixed(days: int, share_of_a: Callable[[int], float]) -> Tally:
    """Ten hours a day of two things."""
    rows = [
        ["category", what, day, share * 36_000, day * 86_400_000, "00"]
        for day in range(days) for what, share in (("a", share_of_a(day)), ("b", 1 - share_of_a(day)))
    ]  # fmt: skip
    return tallies_of(rows)["category"]


def test_the_logarithm_of_the_gamma_function() -> None:
    at = np.array([1e-4, 0.01, 0.5, 1.0, 2.0, 3.3, 50.0, 4000.0])
    np.testing.assert_allclose(log_gamma(at), [math.lgamma(x) for x in at], rtol=1e-8, atol=1e-8)


def test_a_jump_is_followed_within_days_and_the_sooner_the_more_a_day_weighs() -> None:
    jump = mixed(215, lambda day: 0.9 if day < 200 else 0.1)
    before, after, later = shares_since_changes(jump, [200, 205, 215])
    assert (before[0] > 0.8).all()
    assert (later[0] < 0.35).all()
    assert after[0, 0] > after[0, 1] > after[0, 2]


def test_without_a_jump_the_whole_past_counts() -> None:
    steady = mixed(400, lambda day: 0.7 + 0.2 * math.sin(day * 2.4))
    [found] = shares_since_changes(steady, [400])
    np.testing.assert_allclose(found[0], 0.7, atol=0.06)
    np.testing.assert_allclose(found.sum(axis=0), 1.0)


def test_nothing_of_the_future_is_seen() -> None:
    whole = mixed(300, lambda day: 0.9 if day < 150 else 0.2)
    [early] = shares_since_changes(whole.before(120), [120])
    np.testing.assert_allclose(early, shares_since_changes(whole, [50, 120, 290])[1], atol=1e-12)


@pytest.mark.parametrize("days", [[0], [-5, 0]])
def test_before_the_first_day_nothing_is_expected(days: list[int]) -> None:
    for found in shares_since_changes(mixed(5, lambda day: 0.5), days):
        assert found.shape == (2, len(DAY_DRAWS)) and not found.any()
