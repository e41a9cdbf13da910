"""From exchanges to a placement: order does not matter, few are enough, steps are found, doubt is honest."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.devices import START_MS, make_device, make_exchanges
from hearthside.alignment.clocks.exchanges import Exchange
from hearthside.alignment.clocks.fitting import DIFFERENT_MS, Fit, fit_clock
from hearthside.alignment.clocks.placement import Placement
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

NOON_MS = START_MS + 12 * HOUR_MS
YEAR_MS = 365 * DAY_MS
QUARTER_MS = 15 * MINUTE_MS


def exchange(true_ms: float, shift_ms: float, there_ms: float = 20.0, back_ms: float = 20.0) -> Exchange:
    """An exchange that reaches the station at a true time, with a clock that is `shift_ms` slow."""
    raw = true_ms - shift_ms
    return Exchange(raw - there_ms, true_ms, true_ms, raw + back_ms)


def talks(shift: Callable[[float], float], count: int, every_ms: float = QUARTER_MS) -> list[Exchange]:
    """Exchanges at steady distances from noon on; `shift` gives true minus device time by ms since noon."""
    return [exchange(NOON_MS + k * every_ms, shift(k * every_ms)) for k in range(count)]


def same(one: Placement, other: Placement) -> bool:
    """Byte for byte."""
    return all(
        np.array_equal(a, b)
        for a, b in (
            (one.knots_ms, other.knots_ms),
            (one.shift_ms, other.shift_ms),
            (one.sigma_ms, other.sigma_ms),
        )
    )


def corrected(fit: Fit, raw_ms: float) -> tuple[int, int]:
    """The corrected time of one raw time, and how far it may be off."""
    time, doubt = fit.placement.correct(np.array([round(raw_ms)]))
    return int(time[0]), int(doubt[0])


def ambiguous(fit: Fit, raw_ms: float) -> bool:
    """Whether a raw time may stand for two."""
    return any(first <= raw_ms < last for first, last in fit.ambiguous)


def test_without_exchanges_the_clock_is_taken_at_its_word() -> None:
    fit = fit_clock([])
    assert fit.placement.trivial and not fit.ambiguous and not fit.jumps


def test_one_exchange_sets_the_clock_and_doubt_grows_with_distance() -> None:
    fit = fit_clock([exchange(NOON_MS, 7_000)])
    time, doubt = corrected(fit, NOON_MS - 7_000)
    assert time == NOON_MS
    assert 20 <= doubt <= 40  # all of the round trip of 40 ms may be one way: 20 ms off at most
    ahead = [corrected(fit, NOON_MS - 7_000 + far) for far in (HOUR_MS, DAY_MS, 10 * DAY_MS)]
    assert [time - NOON_MS for time, _ in ahead] == [HOUR_MS, DAY_MS, 10 * DAY_MS]
    doubts = [doubt, *(later for _, later in ahead)]
    assert doubts == sorted(doubts)
    assert doubts[2] == pytest.approx(2 * 60e-6 * DAY_MS, rel=0.1)  # an unknown skew of 60 ppm, two sigma
    assert corrected(fit, NOON_MS - 7_000 - DAY_MS)[1] == pytest.approx(doubts[2], rel=0.15)


def test_two_exchanges_give_the_skew() -> None:
    fit = fit_clock(talks(lambda ms: 100 + 50e-6 * ms, 2, DAY_MS))
    later = 2 * DAY_MS
    raw = NOON_MS + later - (100 + 50e-6 * later)
    time, doubt = corrected(fit, raw)
    assert abs(time - (NOON_MS + later)) <= doubt < 2_000


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), named=st.booleans(), network=st.sampled_from(["wifi", "mobile"]))
def test_the_order_of_arrival_does_not_matter(seed: int, named: bool, network: str) -> None:
    rng = np.random.default_rng(seed)
    device = make_device(rng, 3, steps=True)
    exchanges = [one for _, one in make_exchanges(rng, device, network, HOUR_MS, named)]
    fit = fit_clock(exchanges)
    random.Random(seed).shuffle(exchanges)
    again = fit_clock([*exchanges, *exchanges[:5]])  # and some arrive twice
    assert same(fit.placement, again.placement)
    assert (fit.ambiguous, fit.jumps, fit.ignored) == (again.ambiguous, again.jumps, again.ignored)


stamps = st.floats(0, 40 * 365 * DAY_MS, allow_nan=False)
exchanges_of_any_clock = st.lists(
    st.builds(
        lambda true, raw, there, back: Exchange(raw, true, true, raw + there + back),
        stamps, stamps, st.floats(0, 1_000), st.floats(0, 1_000),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(exchanges=exchanges_of_any_clock)
def test_whatever_a_clock_says_the_placement_is_a_map_with_a_doubt(exchanges: list[Exchange]) -> None:
    fit = fit_clock(exchanges)
    placement = fit.placement
    assert (np.diff(placement.knots_ms) > 0).all()
    assert np.isfinite(placement.shift_ms).all()
    assert np.isfinite(placement.sigma_ms).all() and (placement.sigma_ms > 0).all()
    flat = [edge for pair in fit.ambiguous for edge in pair]
    assert flat == sorted(flat) and len(set(flat)) == len(flat)


@pytest.mark.parametrize("network", ["wifi", "mobile"])
def test_a_month_is_placed_to_some_milliseconds_and_its_doubt_is_honest(network: str) -> None:
    rng = np.random.default_rng(77)
    device = make_device(rng, 30, steps=False)
    fit = fit_clock([one for _, one in make_exchanges(rng, device, network, QUARTER_MS, True)])
    events = np.sort(rng.uniform(0, device.grid_ms[-1], 3_000))
    times, doubt = fit.placement.correct(np.rint(device.says(events)).astype(np.int64))
    errors = np.abs(times - (START_MS + events))
    assert np.percentile(errors, 95) < 25
    assert (errors <= doubt + 1).mean() > 0.95
    assert not fit.jumps and not fit.ambiguous
    assert len(fit.placement.knots_ms) < 400  # of 2,000 exchanges


def test_between_and_beyond_exchanges_doubt_is_larger_than_at_them() -> None:
    before = talks(lambda _: 0.0, 40)
    after = [exchange(NOON_MS + 40 * QUARTER_MS + 2 * DAY_MS + k * QUARTER_MS, 0.0) for k in range(40)]
    placement = fit_clock(before + after).placement
    asked = [NOON_MS + 20 * QUARTER_MS, NOON_MS + 40 * QUARTER_MS + DAY_MS, after[-1].device_ms + 3 * DAY_MS]
    between_talks, silent, beyond = np.interp(asked, placement.knots_ms, placement.sigma_ms).tolist()
    assert 1.5 * between_talks < silent < beyond


def test_a_false_exchange_changes_nothing() -> None:
    honest = talks(lambda ms: 500 + 20e-6 * ms, 50)
    false = exchange(NOON_MS + 20.5 * QUARTER_MS, 80_000)
    fit = fit_clock([*honest, false])
    assert fit.ignored == 1 and not fit.jumps
    raw = honest[20].device_ms
    assert corrected(fit, raw) == corrected(fit_clock(honest), raw)


def test_a_clock_set_ahead_by_an_hour_is_two_clocks() -> None:
    """Nothing is ambiguous: an hour of raw times never was, but for the 15 minutes that may be either side of it."""
    fit = fit_clock(talks(lambda ms: 500.0 if ms < 4.9 * HOUR_MS else 500.0 - HOUR_MS, 40))
    (jump,) = fit.jumps
    assert jump.shift_ms == pytest.approx(-HOUR_MS, abs=50)
    assert jump.after_ms - jump.before_ms == pytest.approx(HOUR_MS + QUARTER_MS, abs=50)
    assert fit.ambiguous == []
    assert corrected(fit, NOON_MS + 4 * HOUR_MS - 500)[0] == pytest.approx(NOON_MS + 4 * HOUR_MS, abs=2)
    assert corrected(fit, NOON_MS + 7 * HOUR_MS - 500)[0] == pytest.approx(NOON_MS + 6 * HOUR_MS, abs=2)
    # in the hour that never was the doubt is half of it
    assert corrected(fit, NOON_MS + 5.4 * HOUR_MS)[1] >= HOUR_MS


def test_a_clock_set_back_by_an_hour_makes_that_hour_ambiguous() -> None:
    fit = fit_clock(talks(lambda ms: 500.0 if ms < 4.9 * HOUR_MS else 500.0 + HOUR_MS, 40))
    ((first, last),) = fit.ambiguous
    # The last reading before was at 4:45, the first after at 5:00 said 4:00; set back in between.
    assert first == pytest.approx(NOON_MS + 3.75 * HOUR_MS, abs=600)
    assert last == pytest.approx(NOON_MS + 5 * HOUR_MS, abs=600)
    assert not ambiguous(fit, NOON_MS + 3 * HOUR_MS) and not ambiguous(fit, NOON_MS + 6 * HOUR_MS)
    assert corrected(fit, NOON_MS + 3 * HOUR_MS)[0] == pytest.approx(NOON_MS + 3 * HOUR_MS + 500, abs=2)
    assert corrected(fit, NOON_MS + 6 * HOUR_MS)[0] == pytest.approx(NOON_MS + 7 * HOUR_MS + 500, abs=2)
    assert corrected(fit, NOON_MS + 4 * HOUR_MS)[1] >= HOUR_MS


def test_a_step_of_two_seconds_is_no_matter_for_the_minute_and_told_as_doubt() -> None:
    fit = fit_clock(talks(lambda ms: 0.0 if ms < 4.9 * HOUR_MS else 2_000.0, 40))
    assert len(fit.jumps) == 1 and not fit.ambiguous
    assert 2_000 <= corrected(fit, NOON_MS + 4.9 * HOUR_MS)[1] < DIFFERENT_MS
    assert corrected(fit, NOON_MS + 4.5 * HOUR_MS)[1] < 100


@pytest.mark.parametrize("wrong_ms", [YEAR_MS, -YEAR_MS, NOON_MS])
def test_a_while_in_the_wrong_year_does_not_touch_the_times_before_and_after(wrong_ms: float) -> None:
    """Set a year back, a year ahead, to 1970; for two hours."""
    fit = fit_clock(talks(lambda ms: wrong_ms if 5 * HOUR_MS <= ms < 7 * HOUR_MS else 300.0, 60))
    assert [jump.shift_ms for jump in fit.jumps] == pytest.approx([wrong_ms - 300, 300 - wrong_ms], abs=100)
    for at in (2, 4, 9, 12):
        raw = NOON_MS + at * HOUR_MS - 300
        assert corrected(fit, raw)[0] == pytest.approx(NOON_MS + at * HOUR_MS, abs=2)
        assert corrected(fit, raw)[1] < 100
        assert not ambiguous(fit, raw)
    assert corrected(fit, NOON_MS + 6 * HOUR_MS - wrong_ms)[0] == pytest.approx(NOON_MS + 6 * HOUR_MS, abs=2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), hours=st.integers(1, 3))
def test_an_event_beyond_its_doubt_is_rare_with_steps_nobody_named(seed: int, hours: int) -> None:
    """Outside of the ambiguous ranges the true time lies within the doubt, wherever the clock was set in a gap."""
    rng = np.random.default_rng(seed)
    device = make_device(rng, 10, steps=True)
    fit = fit_clock([one for _, one in make_exchanges(rng, device, "wifi", hours * HOUR_MS, False)])
    # two steps within one silence cannot be told apart by anybody
    talk = np.array([one.t3_ms - START_MS for _, one in make_exchanges(rng, device, "wifi", hours * HOUR_MS, False)])
    if (np.diff(np.searchsorted(talk, device.steps_ms)) == 0).any():
        return
    events = np.sort(rng.uniform(DAY_MS, 9 * DAY_MS, 500))
    raw = np.rint(device.says(events)).astype(np.int64)
    times, doubt = fit.placement.correct(raw)
    open_ = np.array([not ambiguous(fit, value) for value in raw.tolist()])
    beyond = (np.abs(times - (START_MS + events)) > 2 * doubt + 300) & open_
    assert beyond.mean() <= 0.03


def test_new_exchanges_leave_the_distant_past_as_it_was() -> None:
    rng = np.random.default_rng(3)
    device = make_device(rng, 20, steps=False)
    exchanges = [one for _, one in make_exchanges(rng, device, "wifi", QUARTER_MS, True)]
    raw = np.rint(device.says(np.arange(0, 10 * DAY_MS, HOUR_MS, dtype=np.float64))).astype(np.int64)
    earlier = fit_clock(_until(exchanges, START_MS + 12 * DAY_MS)).placement.correct(raw)[0]
    assert np.abs(earlier - fit_clock(exchanges).placement.correct(raw)[0]).max() <= 2


def _until(exchanges: Sequence[Exchange], true_ms: float) -> list[Exchange]:
    return [one for one in exchanges if one.t3_ms < true_ms]
