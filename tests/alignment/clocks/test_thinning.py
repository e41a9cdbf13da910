"""Fewer knots, the same placement to the millisecond."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.clocks.placement import Held, Placement
from hearthside.alignment.clocks.thinning import SHIFT_MS, SIGMA_MS, SIGMA_SHARE, thin
from hearthside.events import HOUR_MS


def wandering(seed: int, n: int, roughness: float) -> Placement:
    """A placement whose shift is a walk of a walk."""
    rng = np.random.default_rng(seed)
    knots = np.cumsum(rng.integers(1, HOUR_MS, n))
    shift = np.cumsum(np.cumsum(rng.normal(0, roughness, n)))
    return Placement(knots, shift, np.abs(rng.normal(10, 3, n)))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60), roughness=st.sampled_from([0.0, 0.01, 1.0, 1000.0]))
def test_no_shift_and_no_sigma_moves_beyond_its_tolerance(seed: int, n: int, roughness: float) -> None:
    before = wandering(seed, n, roughness)
    after = thin(before)
    assert set(after.knots_ms.tolist()) <= set(before.knots_ms.tolist())
    if not n:
        return
    shift = np.interp(before.knots_ms, after.knots_ms, after.shift_ms)
    sigma = np.interp(before.knots_ms, after.knots_ms, after.sigma_ms)
    assert np.abs(shift - before.shift_ms).max() <= SHIFT_MS + 1e-6
    assert (np.abs(sigma - before.sigma_ms) <= SIGMA_MS + SIGMA_SHARE * before.sigma_ms + 1e-6).all()


def test_a_straight_line_keeps_its_ends_and_held_ranges_stay() -> None:
    knots = np.arange(1000, dtype=np.int64) * HOUR_MS
    held = (Held(0, 5, "jump", "a reason"),)
    after = thin(Placement(knots, np.linspace(0.0, 40.0, 1000), np.full(1000, 3.0, np.float64), held))
    assert after.knots_ms.tolist() == [0, 999 * HOUR_MS]
    assert after.held == held


def test_knots_added_at_the_end_leave_the_beginning_as_it_was() -> None:
    whole = wandering(5, 400, 0.3)
    part = thin(Placement(whole.knots_ms[:300], whole.shift_ms[:300], whole.sigma_ms[:300]))
    assert part.knots_ms[:-1].tolist() == thin(whole).knots_ms[: len(part.knots_ms) - 1].tolist()
