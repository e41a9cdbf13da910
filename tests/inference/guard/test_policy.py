"""The policy: its order of shedding, its causes, its calm, its breaker; and what holds for every history."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.inference.guard.policy import (
    Limits,
    Rung,
    Situation,
    Stand,
    decide,
    limits_for,
    rests_for,
)
from hearthside.inference.guard.readings import GIB

_LIMITS = Limits(soft=20 * GIB, hard=12 * GIB)
_OK = Situation(at_s=100.0, available=60 * GIB)


def _climb(situations: list[Situation]) -> list[tuple[Rung, ...]]:
    stand, climbed = Stand(), []
    for situation in situations:
        decision = decide(stand, situation, _LIMITS)
        stand = decision.stand
        climbed.append(decision.climbed)
    return climbed


def test_rungs_are_climbed_in_order_and_given_time() -> None:
    low = [replace(_OK, at_s=100 + 0.25 * n, available=15 * GIB) for n in range(8)]
    assert _climb(low) == [(Rung.REFUSE,), (), (Rung.CACHES,), (), (Rung.MODELS,), (), (), ()]


def test_the_end_does_not_wait_and_carries_out_what_was_left_out() -> None:
    assert decide(Stand(), replace(_OK, available=11 * GIB), _LIMITS).climbed == tuple(Rung)[1:]
    begun = Stand(Rung.CACHES, 99.0)
    assert decide(begun, replace(_OK, available=11 * GIB), _LIMITS).climbed == (Rung.MODELS, Rung.END)


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (replace(_OK, available=12 * GIB - 1), "room"),
        (replace(_OK, available=24 * GIB, fall=6.1 * GIB), "speed"),
        (replace(_OK, available=24 * GIB, fall=5.9 * GIB), None),
        (replace(_OK, available=44 * GIB, fall=12.0 * GIB, declared=30 * GIB), None),
        (replace(_OK, available=44 * GIB, fall=12.0 * GIB, declared=33 * GIB), "speed"),
        (replace(_OK, available=44 * GIB, fall=12.0 * GIB, declared=0), None),
        (replace(_OK, available=44 * GIB, fall=12.0 * GIB, declared=None), "speed"),
        (replace(_OK, available=11 * GIB, declared=0), "room"),
        (replace(_OK, available=39 * GIB, stalled_share=0.7), "stall"),
        (replace(_OK, available=41 * GIB, stalled_share=0.7), None),
        (replace(_OK, silent_s=600.0), "silence"),
        (replace(_OK, silent_s=179.0), None),
        (replace(_OK, available=GIB, fall=9.0 * GIB, silent_s=999, serving=False), None),
    ],
)
def test_causes(seen: Situation, cause: str | None) -> None:
    decision = decide(Stand(), seen, _LIMITS)
    assert decision.cause == cause and (decision.stand.rung == Rung.END) == (cause is not None)


def test_without_an_engine_only_loads_are_refused() -> None:
    low = [replace(_OK, at_s=100.0 + n, available=GIB, serving=False) for n in range(5)]
    assert _climb(low) == [(Rung.REFUSE,), (), (), (), ()]


def test_calm_takes_five_quiet_seconds() -> None:
    stand = decide(Stand(), replace(_OK, available=15 * GIB), _LIMITS).stand
    for at_s, available, calmed in [(101, 60, 0), (104, 60, 0), (105, 15, 0), (106, 60, 0), (110, 60, 0), (111, 60, 1)]:
        decision = decide(stand, replace(_OK, at_s=at_s, available=available * GIB), _LIMITS)
        stand = decision.stand
        assert decision.calmed == bool(calmed)
    assert stand.rung == Rung.CALM


def test_the_breaker_opens_after_three_ends_and_closes_by_time_alone() -> None:
    stand = Stand(ended_at_s=(100.0, 300.0))
    assert rests_for(stand, 310.0, _LIMITS) == 0
    stand = replace(stand, ended_at_s=(100.0, 300.0, 310.0))
    assert rests_for(stand, 311.0, _LIMITS) == 599.0
    assert rests_for(stand, 699.0, _LIMITS) == 211.0
    assert rests_for(stand, 701.0, _LIMITS) == 0  # the first no longer counts


@given(st.integers(GIB, 2048 * GIB), st.booleans())
def test_every_machine_has_a_floor_below_where_shedding_begins(total: int, unified: bool) -> None:
    limits = limits_for(total, unified)
    assert 0 < limits.hard < limits.soft < total / 2
    assert limits.hard <= 12 * GIB and limits.soft <= 20 * GIB
    assert unified or (limits.hard <= 0.75 * GIB and limits.soft <= 1.5 * GIB)


def test_the_machine_that_was_written_about_has_the_levels_that_were() -> None:
    limits = limits_for(int(121.7 * GIB), unified=True)
    assert (limits.soft, limits.hard, limits.least_s) == (20 * GIB, 12 * GIB, 4.0)
    assert limits_for(int(121.7 * GIB), unified=False).least_s == 1.5


@pytest.mark.parametrize(
    ("total", "soft", "hard"), [(4, 4 / 6, 0.4), (8, 8 / 6, 0.75), (16, 1.5, 0.75), (64, 1.5, 0.75)]
)
def test_a_machine_of_its_own_memory_keeps_little_free(total: int, soft: float, hard: float) -> None:
    limits = limits_for(total * GIB, unified=False)
    assert (limits.soft, limits.hard) == (int(soft * GIB), int(hard * GIB))


_situations = st.builds(
    Situation,
    at_s=st.just(0.0),
    available=st.integers(0, 130 * GIB),
    fall=st.one_of(st.just(0.0), st.floats(0, 2e10)),
    declared=st.one_of(st.none(), st.integers(0, 60 * GIB)),
    serving=st.booleans(),
    stalled_share=st.floats(0, 1),
    silent_s=st.floats(0, 400),
)


@given(st.lists(st.tuples(st.floats(0.01, 30), _situations), max_size=60))
def test_what_holds_for_every_history(history: list[tuple[float, Situation]]) -> None:
    stand, at_s, ends = Stand(), 1000.0, 0
    for gap, seen in history:
        at_s += gap
        seen = replace(seen, at_s=at_s)
        decision = decide(stand, seen, _LIMITS)
        assert decision == decide(stand, seen, _LIMITS)  # nothing but its arguments decides
        assert list(decision.climbed) == sorted(set(decision.climbed))
        assert (Rung.END in decision.climbed) == (decision.cause is not None)
        if seen.available < _LIMITS.hard and seen.serving:
            assert decision.cause is not None
        if seen.available < _LIMITS.soft:
            assert decision.stand.rung >= Rung.REFUSE
        assert decision.stand.rung >= stand.rung or decision.calmed
        ends += decision.cause is not None
        assert len(decision.stand.ended_at_s) <= ends
        assert rests_for(decision.stand, at_s, _LIMITS) <= _LIMITS.ends_within_s + 1e-6
        stand = decision.stand
