"""Fewer knots for a placement that says the same to the millisecond: kept for years, it must stay small.

Method: the swinging door (Bristol 1990, "Swinging door trending: adaptive trend recording?"): from a kept knot on, the
slopes that pass every later knot closely enough form a cone; when the next lies outside it, the one before is kept.
What was thinned before does not change when knots are added at the end.
"""

from __future__ import annotations

from math import inf

import numpy as np

from hearthside.alignment.clocks.placement import Placement

SHIFT_MS = 1.0
"""No shift changes by more than this."""

SIGMA_MS, SIGMA_SHARE = 0.5, 0.1
"""No sigma changes by more than this and this share of itself."""


def thin(placement: Placement) -> Placement:
    """The placement on as few of its knots as the two tolerances need; held ranges stay."""
    kept = _kept(placement.knots_ms.tolist(), placement.shift_ms.tolist(), placement.sigma_ms.tolist())
    keep = np.array(kept, dtype=np.int64)
    return Placement(placement.knots_ms[keep], placement.shift_ms[keep], placement.sigma_ms[keep], placement.held)


def _kept(at: list[int], shift: list[float], sigma: list[float]) -> list[int]:
    if len(at) < 3:
        return list(range(len(at)))
    kept, begin = [0], 0
    low, high, sigma_low, sigma_high = -inf, inf, -inf, inf
    for k in range(1, len(at)):
        dt = at[k] - at[begin]
        rise, sigma_rise = shift[k] - shift[begin], sigma[k] - sigma[begin]
        if not (low <= rise / dt <= high and sigma_low <= sigma_rise / dt <= sigma_high):
            begin = k - 1
            kept.append(begin)
            low, high, sigma_low, sigma_high = -inf, inf, -inf, inf
            dt = at[k] - at[begin]
            rise, sigma_rise = shift[k] - shift[begin], sigma[k] - sigma[begin]
        allowed = SIGMA_MS + SIGMA_SHARE * sigma[k]
        low, high = max(low, (rise - SHIFT_MS) / dt), min(high, (rise + SHIFT_MS) / dt)
        sigma_low = max(sigma_low, (sigma_rise - allowed) / dt)
        sigma_high = min(sigma_high, (sigma_rise + allowed) / dt)
    kept.append(len(at) - 1)
    return kept
