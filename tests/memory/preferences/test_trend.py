"""Which way a preference goes: what changed by more than chance, and what nobody can say."""

from __future__ import annotations

import numpy as np
import pytest

from hearthside.memory.preferences.preference import Trend
from hearthside.memory.preferences.trend import Windows, at_most, trend_of


def goes(k1: int, n1: int, k0: int, n0: int) -> Trend:
    """The trend of a thing on k1 of n1 days lately and k0 of n0 before."""
    return trend_of(Windows(n1, n0, np.array([k1]), np.array([k0]), np.array([k1 + k0 + 3])), 0)


@pytest.mark.parametrize(
    ("lately", "before", "trend"),
    [
        ((20, 45), (80, 180), Trend.STEADY),
        ((0, 45), (135, 180), Trend.PAST),
        ((0, 45), (0, 180), Trend.PAST),
        ((8, 45), (90, 180), Trend.FADING),
        ((30, 45), (20, 180), Trend.RISING),
        ((0, 12), (3, 40), Trend.STEADY),  # chance alone does that
        ((0, 4), (90, 180), Trend.UNHEARD),  # the layer is silent
        ((0, 10), (0, 5), Trend.UNHEARD),
        ((5, 30), (0, 0), Trend.STEADY),  # a young life has no before
    ],
)
def test_which_way(lately: tuple[int, int], before: tuple[int, int], trend: Trend) -> None:
    assert goes(*lately, *before) is trend


def test_the_chances_are_a_distribution() -> None:
    assert at_most(45, 45, 20, 180) == pytest.approx(1.0)
    assert at_most(-1, 45, 20, 180) == 0.0
    assert at_most(3, 45, 20, 180) < at_most(4, 45, 20, 180)
