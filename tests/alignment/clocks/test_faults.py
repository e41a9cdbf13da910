"""Clocks that cannot be believed, as a device, its exchanges and its events would show it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.clocks.exchanges import Exchange
from hearthside.alignment.clocks.faults import (
    Claim,
    Decision,
    EventEvidence,
    apply_decisions,
    decision_payload,
    find_faults,
    read_claim,
    read_decision,
)
from hearthside.alignment.clocks.fitting import fit_clock
from hearthside.alignment.clocks.placement import Held, Placement
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_number, day_start_ms

NOW = day_start_ms("2026-05-03") + 10 * HOUR_MS
PHONE = "device:phone"
NOTHING = EventEvidence(0, None, None, ())
YEAR = 365 * DAY_MS


def exchange(true_ms: int, offset_ms: float, trip_ms: float = 40.0) -> Exchange:
    """An exchange around a true time, of a clock that is `offset_ms` slow."""
    raw = true_ms - offset_ms
    return Exchange(raw - trip_ms / 2, true_ms, true_ms, raw + trip_ms / 2)


def every(minutes: int, first_ms: int, count: int, offset: Callable[[int], float] | float) -> list[Exchange]:
    times = [first_ms + i * minutes * MINUTE_MS for i in range(count)]
    return [exchange(t, offset(t) if callable(offset) else offset) for t in times]


def evidence(*days: tuple[str, int], heard: dict[str, str] | None = None) -> EventEvidence:
    numbers = tuple(sorted((day_number(day), count) for day, count in days))
    return EventEvidence(
        sum(count for _, count in numbers), numbers[0][0] * DAY_MS, numbers[-1][0] * DAY_MS + 1, numbers,
        {day_number(day): day_number(when) for day, when in (heard or {}).items()},
    )  # fmt: skip


def held_at(held: Iterable[Held], raw_ms: float) -> Held | None:
    found = [one for one in held if one.first_ms <= raw_ms < one.last_ms]
    assert len(found) <= 1
    return found[0] if found else None


def days_from(first: str, count: int, each: int = 20) -> list[tuple[str, int]]:
    number = day_number(first)
    iso = np.datetime64("1970-01-01")
    return [(str(iso + number + i), each) for i in range(count)]


# -- clocks that are well ----------------------------------------------------------------------------------------------


def test_a_good_clock_has_no_fault() -> None:
    drifting = every(15, NOW, 400, lambda t: 3_000 + 50e-6 * (t - NOW))
    assert find_faults(PHONE, drifting, evidence(*days_from("2026-01-01", 120))) == []
    assert find_faults(PHONE, [], NOTHING) == find_faults(PHONE, [], evidence(*days_from("2026-01-01", 5))) == []


@pytest.mark.parametrize("step", [5_000, HOUR_MS, -HOUR_MS // 2, 25 * HOUR_MS])
def test_a_step_forward_of_what_a_zone_can_explain_is_left_to_the_fit(step: int) -> None:
    # The clock is set forward: true minus raw falls.
    found = find_faults(PHONE, every(15, NOW, 50, float(abs(step))) + every(15, NOW + DAY_MS, 50, 0.0), NOTHING)
    assert found == []


def test_exports_have_no_faults() -> None:
    old = evidence(*days_from("1970-01-01", 3, 2), *days_from("2009-07-04", 10), *days_from("2026-01-01", 90))
    for clock in ("export:photos", "export:photos@Europe/Amsterdam", "station"):
        assert find_faults(clock, every(15, NOW, 5, 9 * YEAR), old, [(0, NOW)]) == []


# -- a device set to 1970 ----------------------------------------------------------------------------------------------


def test_a_device_in_1970_is_held_back_with_what_would_set_it_right() -> None:
    good = every(15, NOW, 8, 200.0)
    began = NOW + 2 * HOUR_MS
    lost = every(15, began, 8, float(began - 90_000))  # it restarted 90 s ago and believes that it is 1970
    again = every(15, NOW + 4 * HOUR_MS, 8, 300.0)
    found = find_faults(PHONE, good + lost + again, NOTHING)
    (one,) = found
    assert (one.code, one.suggested_ms) == ("epoch", began - 90_000)
    assert "“phone”" in one.reason and "1 January 1970" in one.reason and "3 May 2026" in one.reason
    assert one.first_ms <= 0 and one.last_ms >= 90_000 + 2 * HOUR_MS - 15 * MINUTE_MS
    assert one.last_ms < day_start_ms("1970-01-02")
    assert held_at(found, NOW + 3 * HOUR_MS) is None


@pytest.mark.parametrize("day", ["1970-01-01", "1980-01-01", "1980-01-06", "2000-01-01", "2010-01-01"])
def test_every_date_that_clocks_are_made_with_is_known(day: str) -> None:
    offset = float(NOW - day_start_ms(day) - HOUR_MS)
    (one,) = find_faults(PHONE, every(15, NOW, 5, offset), NOTHING)
    assert (one.code, one.suggested_ms) == ("epoch", offset)


def test_what_comes_after_the_last_exchange_of_a_lost_clock_is_held_back_too() -> None:
    found = find_faults(PHONE, every(15, NOW, 5, float(NOW)), NOTHING)
    assert held_at(found, 10 * DAY_MS) is not None and held_at(found, -HOUR_MS) is not None


def test_a_clock_that_starts_in_1970_more_than_once_gets_no_suggestion() -> None:
    first = every(15, NOW, 4, float(NOW))
    second = every(15, NOW + 5 * DAY_MS, 4, float(NOW + 5 * DAY_MS))
    found = find_faults(PHONE, first + second, NOTHING)
    assert {one.code for one in found} == {"epoch"} and held_at(found, 30 * MINUTE_MS).suggested_ms is None  # type: ignore[union-attr]


def test_events_of_1970_are_held_back_without_any_exchange() -> None:
    found = find_faults(PHONE, [], evidence(("1970-01-01", 40), ("1970-01-02", 3), *days_from("2026-04-01", 30)))
    (one,) = found
    assert (one.code, one.first_ms, one.last_ms, one.suggested_ms) == ("epoch", 0, 2 * DAY_MS, None)
    assert "1970" in one.reason
    west = find_faults(PHONE, [], evidence(("1969-12-31", 40)))
    assert [each.code for each in west] == ["epoch"]  # a clock in local time, east of Greenwich, and nothing else of it


def test_a_life_that_begins_on_such_a_date_is_no_fault() -> None:
    assert find_faults(PHONE, [], evidence(*days_from("2010-01-01", 700))) == []
    assert find_faults(PHONE, [], evidence(*days_from("2010-01-01", 20))) == []
    lost = find_faults(PHONE, [], evidence(*days_from("2010-01-01", 20), *days_from("2026-01-01", 20)))
    assert [one.code for one in lost] == ["epoch"]


def test_events_that_an_exchange_vouches_for_are_believed() -> None:
    life = evidence(*days_from("2010-02-01", 20), *days_from("2026-01-01", 200))
    assert find_faults(PHONE, [exchange(day_start_ms("2010-02-10"), 800.0)], life) == []


# -- a jump of a year --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("years", [1, -1])
def test_a_jump_of_a_year_is_held_back(years: int) -> None:
    began, ended = NOW + DAY_MS, NOW + 2 * DAY_MS
    good = every(15, NOW, 90, 0.0) + every(15, ended, 90, 0.0)
    wrong = every(15, began, 90, float(years * YEAR))
    found = find_faults(PHONE, good + wrong, NOTHING)
    (one,) = found
    assert (one.code, one.suggested_ms) == ("jump", years * YEAR)
    assert f"1 year {'back' if years > 0 else 'ahead'}" in one.reason
    assert held_at(found, began + 6 * HOUR_MS - years * YEAR) == one
    assert held_at(found, NOW + 6 * HOUR_MS) is held_at(found, ended + 6 * HOUR_MS) is None


def test_a_jump_into_times_that_were_lived_is_held_back_without_a_suggestion() -> None:
    lived = every(360, NOW - YEAR - 5 * DAY_MS, 370 * 4, 0.0)
    found = find_faults(PHONE, lived + every(60, NOW, 24, float(YEAR)) + every(60, NOW + DAY_MS, 24, 0.0), NOTHING)
    one = held_at(found, NOW - YEAR + 5 * HOUR_MS)
    assert one is not None and (one.code, one.suggested_ms) == ("jump", None)
    assert held_at(found, NOW - YEAR - 20 * HOUR_MS) is None


@pytest.mark.parametrize(("hours", "faulty"), [(25.9, False), (26.1, True), (-25.9, False), (-26.1, True)])
def test_the_line_is_what_zones_can_explain(hours: float, faulty: bool) -> None:
    assert bool(find_faults(PHONE, every(15, NOW, 20, hours * HOUR_MS), NOTHING)) is faulty


def test_a_stray_stretch_long_before_the_rest_is_held_back_without_exchanges() -> None:
    found = find_faults(PHONE, [], evidence(*days_from("2025-05-03", 3), *days_from("2026-04-28", 30)))
    (one,) = found
    assert (one.code, one.suggested_ms) == ("jump", None) and one.first_ms == day_start_ms("2025-05-03")
    assert "1 year" in one.reason or "11 months" in one.reason


def test_an_early_part_of_a_life_is_no_stray_stretch() -> None:
    long_ago = days_from("2024-01-01", 60)
    assert find_faults(PHONE, [], evidence(*long_ago, *days_from("2026-04-01", 300))) == []
    short = days_from("2024-01-01", 3)
    heard = {day: day for day, _ in short}
    assert find_faults(PHONE, [], evidence(*short, *days_from("2026-04-01", 30), heard=heard)) == []
    late = dict.fromkeys(heard, "2026-04-02")
    found = find_faults(PHONE, [], evidence(*short, *days_from("2026-04-01", 30), heard=late))
    assert [one.code for one in found] == ["jump"]


# -- two devices -------------------------------------------------------------------------------------------------------


def two_devices(hours: int, a: float, b: float, first_ms: int = NOW) -> list[Exchange]:
    return every(30, first_ms, hours * 2, a) + every(30, first_ms + 15 * MINUTE_MS, hours * 2, b)


@pytest.mark.parametrize("apart", [30_000.0, 243_000.0, float(-HOUR_MS), 9.0 * HOUR_MS])
def test_two_devices_of_one_name_are_held_back(apart: float) -> None:
    alone = every(30, NOW - 5 * DAY_MS, 48 * 5, 2_000.0)
    after = every(30, NOW + 6 * HOUR_MS, 48 * 4, 2_000.0)
    found = find_faults(PHONE, alone + two_devices(6, 2_000.0, 2_000.0 + apart) + after, NOTHING)
    for minute in range(0, 330, 15):
        for offset in (2_000.0, 2_000.0 + apart):
            one = held_at(found, NOW + minute * MINUTE_MS - offset)
            assert one is not None and one.code == "two-devices" and one.suggested_ms is None
    assert {one.code for one in found} == {"two-devices"} and "name of its own" in found[0].reason
    assert held_at(found, NOW - 2 * DAY_MS) is held_at(found, NOW + 3 * DAY_MS) is None


def test_three_exchanges_are_enough() -> None:
    turn = [exchange(NOW, 0.0), exchange(NOW + 10 * MINUTE_MS, 60_000.0), exchange(NOW + 20 * MINUTE_MS, 0.0)]
    assert [one.code for one in find_faults(PHONE, turn, NOTHING)] == ["two-devices"]


def test_as_long_as_two_devices_speak_what_comes_is_held_back() -> None:
    found = find_faults(PHONE, two_devices(6, 0.0, 60_000.0), NOTHING)
    assert held_at(found, NOW + 3 * DAY_MS) is not None


def test_a_clock_set_twice_in_a_year_is_one_device() -> None:
    winter, summer = 0.0, float(-HOUR_MS)
    year = every(360, NOW, 400, winter) + every(360, NOW + 100 * DAY_MS, 720, summer)
    year += every(360, NOW + 280 * DAY_MS, 100, winter)
    assert {one.code for one in find_faults(PHONE, year, NOTHING)} <= {"backwards"}


def test_seconds_and_slow_networks_make_no_second_device() -> None:
    rng = random.Random(4)
    noisy = [exchange(NOW + i * 5 * MINUTE_MS, rng.uniform(-4_000, 4_000)) for i in range(200)]
    assert find_faults(PHONE, noisy, NOTHING) == []
    slow = [exchange(NOW + i * 5 * MINUTE_MS, rng.uniform(-30_000, 30_000), 60_000) for i in range(200)]
    assert find_faults(PHONE, slow, NOTHING) == []


def test_one_in_1970_and_one_that_is_right_do_not_mix() -> None:
    found = find_faults(PHONE, two_devices(6, 0.0, float(NOW)), NOTHING)
    assert {one.code for one in found} == {"epoch"}
    assert held_at(found, NOW + HOUR_MS) is None and held_at(found, HOUR_MS).suggested_ms == NOW  # type: ignore[union-attr]


def test_days_on_which_a_second_token_stamped_the_clock_are_held_back() -> None:
    day = NOW // DAY_MS * DAY_MS
    claims = [
        Claim(PHONE, "phone", NOW - DAY_MS, True), Claim(PHONE, "tablet", day, False),
        Claim(PHONE, "tablet", day + DAY_MS, False),
    ]  # fmt: skip
    (one,) = find_faults(PHONE, every(60, NOW, 10, 5_000.0), NOTHING, claims=claims)
    assert (one.code, one.first_ms, one.last_ms) == ("two-devices", day - 5_000, day + 2 * DAY_MS - 5_000)
    assert "“tablet”" in one.reason
    assert find_faults(PHONE, [], NOTHING, claims=claims[:1]) == []
    payload = {"clock": PHONE, "token": "tablet", "owns": False, "at_ms": day}
    assert read_claim(payload) == claims[1]
    with pytest.raises(ValueError, match="claim"):
        read_claim(payload | {"owns": 1})


# -- backwards ---------------------------------------------------------------------------------------------------------


def test_times_that_came_twice_are_held_back() -> None:
    before, after = every(15, NOW, 20, 0.0), every(15, NOW + 5 * HOUR_MS, 20, 2.0 * HOUR_MS)
    found = find_faults(PHONE, before + after, NOTHING)
    (one,) = found
    assert one.code == "backwards" and "2 h" in one.reason and one.suggested_ms is None
    # Wherever between the two exchanges it was set back: every reading that may have come before and after is held.
    last_before, first_after = NOW + 285 * MINUTE_MS, NOW + 5 * HOUR_MS
    for set_back in range(last_before, first_after, MINUTE_MS):
        for raw in range(set_back - 2 * HOUR_MS, set_back, 5 * MINUTE_MS):
            assert held_at(found, raw) == one
    assert held_at(found, NOW) is None and held_at(found, NOW + 6 * HOUR_MS) is None


@pytest.mark.parametrize("back", [500.0, 20_000.0, 59_000.0])
def test_what_came_twice_within_a_minute_is_left_to_the_fit(back: float) -> None:
    assert find_faults(PHONE, every(1, NOW, 60, 0.0) + every(1, NOW + HOUR_MS, 60, back), NOTHING) == []


def test_a_clock_set_back_by_less_than_the_time_between_exchanges_said_times_twice_too() -> None:
    found = find_faults(PHONE, every(120, NOW, 5, 0.0) + every(120, NOW + 10 * HOUR_MS, 5, float(HOUR_MS)), NOTHING)
    assert [one.code for one in found] == ["backwards"] and held_at(found, NOW + 8 * HOUR_MS) is not None


def test_only_what_the_fit_finds_ambiguous_is_held_back() -> None:
    made = every(15, NOW, 20, 0.0) + every(15, NOW + 5 * HOUR_MS, 20, 2.0 * HOUR_MS)
    assert find_faults(PHONE, made, NOTHING, []) == []
    ahead = (
        every(60, NOW, 8, 0.0)
        + every(60, NOW + 8 * HOUR_MS, 40, -24.0 * HOUR_MS)
        + every(60, NOW + 2 * DAY_MS, 90, 0.0)
    )
    fit = fit_clock(ahead)
    found = find_faults(PHONE, ahead, NOTHING, fit.ambiguous)
    assert found and {one.code for one in found} == {"backwards"}
    # The day that it was ahead of had not been said before: only what it did say is doubled.
    assert held_at(found, NOW + 25 * HOUR_MS) is None and held_at(found, NOW + 50 * HOUR_MS) is not None


def test_what_is_set_ahead_says_nothing_twice() -> None:
    made = every(120, NOW, 5, 0.0) + every(120, NOW + 10 * HOUR_MS, 5, float(-HOUR_MS))
    assert find_faults(PHONE, made, NOTHING, fit_clock(made).ambiguous) == []


# -- whatever happens --------------------------------------------------------------------------------------------------

_OFFSETS = st.sampled_from([0.0, 3_000.0, 70_000.0, 2.0 * HOUR_MS, 30.0 * HOUR_MS, float(YEAR), float(NOW)])
_STAMPS = st.lists(st.tuples(st.integers(0, 20_000), _OFFSETS, st.floats(0, 5_000)), max_size=25)
_DAYS = st.dictionaries(st.integers(-2, 20_700), st.integers(1, 50), max_size=8)


@settings(max_examples=200, deadline=None)
@given(_STAMPS, _DAYS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference_and_ranges_do_not_overlap(
    stamps: list[tuple[int, float, float]], days: dict[int, int], rng: random.Random
) -> None:
    made = [exchange(NOW + minute * MINUTE_MS, offset, trip) for minute, offset, trip in stamps]
    seen = EventEvidence(sum(days.values()), None, None, tuple(sorted(days.items())))
    claims = [Claim(PHONE, name, NOW + at * DAY_MS, False) for at, name in enumerate(["a", "b"])]
    first = find_faults(PHONE, made, seen, [(NOW, NOW + DAY_MS)], claims)
    for values in (made, claims):
        rng.shuffle(values)
    assert find_faults(PHONE, [*made, *made[:3]], seen, [(NOW, NOW + DAY_MS)], claims) == first
    for one in first:
        assert one.first_ms < one.last_ms and one.reason.endswith(".") and one.code
    for one, other in pairwise(first):
        assert one.last_ms <= other.first_ms


@settings(max_examples=100, deadline=None)
@given(_STAMPS)
def test_nothing_that_is_days_off_is_ever_mixed_in(stamps: list[tuple[int, float, float]]) -> None:
    made = [exchange(NOW + minute * MINUTE_MS, offset, trip) for minute, offset, trip in stamps]
    placement = Placement(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), tuple(find_faults(PHONE, made, NOTHING)))
    raw = np.array([round(one.device_ms) for one in made if abs(one.shift_ms) > 27 * HOUR_MS], dtype=np.int64)
    assert placement.holds(raw).all()


# -- what the person says ----------------------------------------------------------------------------------------------

FAULT = Held(1_000, 2_000, "epoch", "Why.", 5_000)


def said(first: int, last: int, action: str, shift: int | None = None, at: int = 0) -> Decision:
    return Decision(PHONE, first, last, action, shift, at)


def test_without_a_word_everything_stays() -> None:
    assert apply_decisions([FAULT], []) == ([FAULT], [])


def test_believing_takes_the_clock_at_its_word() -> None:
    assert apply_decisions([FAULT], [said(1_000, 2_000, "accept")]) == ([], [(1_000, 2_000, 0)])


def test_shifting_lets_it_in_elsewhere() -> None:
    assert apply_decisions([FAULT], [said(1_000, 2_000, "shift", 5_000)]) == ([], [(1_000, 2_000, 5_000)])


def test_a_part_of_a_range() -> None:
    held, shifts = apply_decisions([FAULT], [said(1_200, 1_300, "shift", 7)])
    assert held == [Held(1_000, 1_200, "epoch", "Why.", 5_000), Held(1_300, 2_000, "epoch", "Why.", 5_000)]
    assert shifts == [(1_200, 1_300, 7)]


def test_keeping_out_keeps_the_suggestion() -> None:
    held, shifts = apply_decisions([FAULT], [said(500, 2_500, "hold")])
    assert [(one.first_ms, one.last_ms, one.code, one.suggested_ms) for one in held] == [
        (500, 1_000, "person", None), (1_000, 2_000, "person", 5_000), (2_000, 2_500, "person", None),
    ]  # fmt: skip
    assert shifts == []


def test_the_latest_word_counts_whatever_came_first() -> None:
    words = [said(1_000, 2_000, "hold", at=1), said(1_000, 2_000, "shift", 9, at=3), said(0, 1_500, "accept", at=2)]
    for order in (words, words[::-1]):
        assert apply_decisions([FAULT], order) == ([], [(0, 1_000, 0), (1_000, 2_000, 9)])


_WORDS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 20), st.sampled_from(["accept", "shift", "hold"])), max_size=8
)


@settings(max_examples=200, deadline=None)
@given(_WORDS)
def test_every_time_is_treated_by_the_latest_word_on_it(words: Sequence[tuple[int, int, str]]) -> None:
    faults = [Held(5, 12, "epoch", "Why.", 77), Held(20, 33, "jump", "Why not.")]
    decisions = [
        said(first, first + length, action, k if action == "shift" else None, at=k)
        for k, (first, length, action) in enumerate(words)
    ]
    held, shifts = apply_decisions(faults, decisions)
    for at in range(-2, 55):
        last = next((one for one in decisions[::-1] if one.first_ms <= at < one.last_ms), None)
        one, fault = held_at(held, at), held_at(faults, at)
        moved = [shift.shift_ms for shift in shifts if shift.first_ms <= at < shift.last_ms]
        if last is None:
            assert moved == [] and (one and one.code) == (fault and fault.code)
        elif last.action == "hold":
            assert moved == [] and one is not None and one.code == "person"
        else:
            assert one is None and moved == [last.shift_ms or 0]


def test_a_decision_is_read_as_it_was_written_and_nothing_else_is() -> None:
    for decision in (said(1, 2, "accept"), said(-5, 2, "shift", -3, 9), said(1, 2, "hold", at=4)):
        assert read_decision(decision_payload(decision)) == decision
    good = decision_payload(said(1, 2, "shift", 3))
    assert read_decision({name: value for name, value in good.items() if name != "at_ms"}).at_ms == 0
    for change in (
        {"clock": None}, {"action": "forget"}, {"first_ms": 2}, {"last_ms": 1.5}, {"shift_ms": None},
        {"action": "hold"}, {"at_ms": "now"},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="decision"):
            read_decision(good | change)
