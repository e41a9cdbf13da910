"""The course of one clock between two of its steps: a Kalman filter over (shift, skew) and a smoother backwards.

Model: shift' = shift + skew * dt; skew wanders as a random walk. References: Kalman 1960; Rauch, Tung and Striebel 1965
(the smoother); Kim, Lee and Kim 2012, "Tracking low-precision clocks with time-varying drifts using Kalman filtering"
(the two-state clock). The recursion is on plain floats: 2 x 2 matrices are too small for NumPy to help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from hearthside.events import HOUR_MS

SKEW_WALK = (0.5e-6) ** 2 / HOUR_MS
"""Variance of the skew's walk per ms: 0.5 ppm after an hour. A swing of 1.5 ppm with the day's warmth changes it by up
to 0.4 ppm an hour, and a stiffer walk (0.15 ppm) lags behind and then believes itself: see benchmarks/clocks.py."""

SKEW_PRIOR = (60e-6) ** 2
"""Variance of an unknown skew: quartz is within some tens of ppm."""

GATE = 5.0
"""Standard deviations beyond which a measurement is not believed on its own."""

STEP_MS = 250.0
"""A confirmed departure of at least this is a step of the clock; a smaller one is a change of its skew."""

LONE_STEP_MS = 1_000.0
"""A departure at the very last measurement, which nothing confirms, is a step from here on (pyxdf: 1 s)."""

NEW_SKEW = 200e-6
"""After a restart the skew may be another one; beyond this no quartz runs."""


class Departure(Enum):
    """What a measurement beyond the gate comes from."""

    NOISE = "noise"
    SKEW = "skew"
    STEP = "step"


State: TypeAlias = tuple[float, float, float, float, float]
"""Shift in ms (relative to the first measurement), skew in ms per ms, and their covariance: variance of the shift,
covariance, variance of the skew. A plain tuple: a month of one device has thousands."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Nodes of one clock in order, lists of equal length.

    Attributes:
        at: device time of each node, ms.
        shift: measured true minus device time, ms; None: nothing was measured, the state is only wanted there.
        sigma: standard deviation of the measurement, ms.
        bound: half the round trip, ms: no honest measurement is farther off.
    """

    at: Sequence[float]
    shift: Sequence[float | None]
    sigma: Sequence[float]
    bound: Sequence[float]


@dataclass(frozen=True, slots=True)
class Passed:
    """What the filter leaves for the smoother.

    Attributes:
        end: index of the first node that is not of this course: the clock stepped before it.
        origin: shift of the first measurement, ms; all states are relative to it.
        before, after: state of each node without and with its own measurement.
        ignored: indices of measurements that were not believed.
    """

    end: int
    origin: float
    before: list[State]
    after: list[State]
    ignored: list[int]


def predict(state: State, dt: float, extra: float = 0.0) -> State:
    """The state after `dt` ms, before for negative `dt`; `extra` is variance added to the skew."""
    shift, skew, var, cov, skew_var = state
    walk = SKEW_WALK * abs(dt)
    skew_var += extra
    return (
        shift + skew * dt,
        skew,
        var + dt * (2 * cov + dt * skew_var) + walk * dt * dt / 3,
        cov + dt * skew_var + walk * dt / 2,
        skew_var + walk,
    )


def run_filter(measured: Measured, begin: int) -> Passed:
    """Run forward from the measurement at `begin` up to the first step of the clock, or to the end.

    A measurement beyond the gate is left out, unless the one after it says the same: then a departure of `STEP_MS` or
    more ends the course, and a smaller one widens the skew before it is taken in.
    """
    at, shift, sigma = measured.at, measured.shift, measured.sigma
    origin = shift[begin]
    assert origin is not None, "a course begins with a measurement"
    state: State = (0.0, 0.0, sigma[begin] ** 2, 0.0, SKEW_PRIOR)
    before, after = [state], [state]
    ignored: list[int] = []
    for k in range(begin + 1, len(at)):
        dt = max(at[k] - at[k - 1], 0.0)
        predicted = predict(state, dt)
        measure = shift[k]
        if measure is None:
            state = predicted
        else:
            off, variance = measure - origin - predicted[0], sigma[k] ** 2
            believed = off * off <= GATE * GATE * (predicted[2] + variance)
            if not believed:
                verdict = _judge(measured, k, off, predicted, origin)
                if verdict is Departure.STEP:
                    return Passed(k, origin, before, after, ignored)
                if verdict is Departure.SKEW:
                    predicted = predict(state, dt, (off / max(dt, 1.0)) ** 2)
                    believed = off * off <= GATE * GATE * (predicted[2] + variance)
            if believed:
                state = _update(predicted, off, variance)
            else:
                ignored.append(k)
                state = predicted
        before.append(predicted)
        after.append(state)
    return Passed(len(at), origin, before, after, ignored)


def _judge(measured: Measured, k: int, off: float, predicted: State, origin: float) -> Departure:
    """What measurement `k`, `off` ms beside the prediction and beyond the gate, comes from.

    An honest measurement is within its bound, so one outside says that the clock departed, or that the stamps are
    false. The next one decides; the last of all can only be a step, and only a plain one counts.
    """
    doubt = GATE * predicted[2] ** 0.5
    if abs(off) <= measured.bound[k] + doubt:
        return Departure.NOISE
    following = next((j for j in range(k + 1, len(measured.at)) if measured.shift[j] is not None), None)
    if following is None:
        return Departure.STEP if abs(off) >= LONE_STEP_MS + measured.bound[k] + doubt else Departure.NOISE
    dt = max(measured.at[following] - measured.at[k], 0.0)
    later = measured.shift[following]
    assert later is not None
    beside = later - origin - (predicted[0] + predicted[1] * dt)
    # The skew before holds after a step too; after a change of skew alone the departure goes on growing.
    growth = 1.0 + dt / max(measured.at[k] - measured.at[k - 1], 1.0) if abs(off) < STEP_MS else 1.0
    agree = measured.bound[k] + measured.bound[following] + doubt + NEW_SKEW * dt + abs(off) * (growth - 1.0)
    if abs(beside - off) > agree or abs(beside) <= measured.bound[following] + doubt:
        return Departure.NOISE
    return Departure.STEP if abs(off) >= STEP_MS else Departure.SKEW


def _update(state: State, off: float, variance: float) -> State:
    """The state after a measurement that lies `off` beside it."""
    shift, skew, var, cov, skew_var = state
    total = var + variance
    gain, skew_gain = var / total, cov / total
    # var * (1 - gain) written without the difference of two nearly equal numbers.
    left = variance / total
    return shift + gain * off, skew + skew_gain * off, var * left, cov * left, skew_var - skew_gain * cov


def smooth(at: Sequence[float], passed: Passed, begin: int) -> list[State]:
    """The states of the nodes from `begin` given all measurements of the course (Rauch, Tung and Striebel)."""
    after, before = passed.after, passed.before
    found = [after[-1]]
    for k in range(len(after) - 2, -1, -1):
        dt = max(at[begin + k + 1] - at[begin + k], 0.0)
        now_shift, now_skew, now_var, now_cov, now_skew_var = after[k]
        p_shift, p_skew, p_var, p_cov, p_skew_var = before[k + 1]
        later_shift, later_skew, later_var, later_cov, later_skew_var = found[-1]
        # gain = P F' (P predicted)^-1, two by two
        a, c = now_var + dt * now_cov, now_cov + dt * now_skew_var
        whole = p_var * p_skew_var - p_cov * p_cov
        g00, g01 = (a * p_skew_var - now_cov * p_cov) / whole, (now_cov * p_var - a * p_cov) / whole
        g10, g11 = (c * p_skew_var - now_skew_var * p_cov) / whole, (now_skew_var * p_var - c * p_cov) / whole
        shift, skew = later_shift - p_shift, later_skew - p_skew
        var, cov, skew_var = later_var - p_var, later_cov - p_cov, later_skew_var - p_skew_var
        u0, u1 = g00 * var + g01 * cov, g00 * cov + g01 * skew_var
        found.append(
            (
                now_shift + g00 * shift + g01 * skew,
                now_skew + g10 * shift + g11 * skew,
                now_var + u0 * g00 + u1 * g01,
                now_cov + u0 * g10 + u1 * g11,
                now_skew_var + (g10 * var + g11 * cov) * g10 + (g10 * cov + g11 * skew_var) * g11,
            )
        )
    found.reverse()
    return found
