"""The judgement between readings: written traces, a simulated pool, token progress, and how often it looks."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.guard_pool import Counts, run_schedule
from benchmarks.guard_traces import TRACES, Trace, line, run
from hearthside.inference.guard import watch as watch_module
from hearthside.inference.guard.policy import Limits, Rung
from hearthside.inference.guard.readings import GIB, Reading
from hearthside.inference.guard.watch import CALM_S, IDLE_S, TENSE_S, Watch

_LIMITS = Limits(soft=20 * GIB, hard=12 * GIB)
_ENDING = [trace for trace in TRACES if trace.ends]
_LIVING = [trace for trace in TRACES if not trace.ends]


def _reading(at_s: float, available: float, stalled_s: float | None = None) -> Reading:
    return Reading(at_s, 128 * GIB, int(available * GIB), stalled_s)


def test_there_are_enough_traces() -> None:
    assert len(_ENDING) >= 21 and len(_LIVING) >= 10
    published = _ENDING[0].curve
    assert (published(3), published(12)) == (29, 2.5)
    assert max(published(t) - published(t + 3) for t in np.arange(3, 9, 0.1)) == pytest.approx(13)


@pytest.mark.parametrize("trace", _ENDING, ids=lambda trace: trace.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_falls_end_the_engine_with_six_gibibytes_left(trace: Trace, seed: int) -> None:
    done = run(trace, np.random.default_rng(seed))
    assert done.ended_s is not None and done.least_left >= 6


@pytest.mark.parametrize("trace", _LIVING, ids=lambda trace: trace.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_swings_end_nothing(trace: Trace, seed: int) -> None:
    assert run(trace, np.random.default_rng(seed)).ended_s is None


@settings(max_examples=40, deadline=None)
@given(st.floats(25, 110), st.floats(0.7, 10), st.floats(0, 0.4), st.floats(0, 0.03), st.integers(0, 2**32 - 1))
def test_any_even_fall_leaves_six_gibibytes(
    start: float, rate: float, noise: float, jitter_s: float, seed: int
) -> None:
    trace = Trace("", line(start, rate, 1.0), lasts_s=200, noise=noise, jitter_s=jitter_s)
    done = run(trace, np.random.default_rng(seed))
    assert done.ended_s is not None and done.least_left >= 6


def test_no_schedule_is_admitted_too_much() -> None:
    counts = Counts()
    for seed in range(1000):
        run_schedule(np.random.default_rng([6, seed]), counts, steps=40)
    assert (counts.too_many, counts.two_loading, counts.needless) == (0, 0, 0)
    assert counts.admitted > 3000 and counts.asked > 2 * counts.admitted and counts.guards > 500


def test_tokens_that_stop_coming_end_the_engine_and_answers_that_begin_late_do_not() -> None:
    watch = Watch(_LIMITS)
    for at_s in range(0, 400, 10):
        watch.beat(0, 5, float(at_s))
        assert watch.see(_reading(at_s, 60), serving=True).cause is None
    for at_s in range(400, 570, 10):
        watch.beat(1, 5, float(at_s))
        assert watch.see(_reading(at_s, 60), serving=True).cause is None
    watch.beat(2, 6, 570.0)
    ends = 570 + int(_LIMITS.silence_s)
    for at_s in range(570, ends, 10):
        watch.beat(1, 6, float(at_s))
        assert watch.see(_reading(at_s, 60), serving=True).cause is None
    assert watch.see(_reading(ends, 60), serving=True).cause == "silence"
    assert watch.see(_reading(751, 60), serving=True).cause is None  # the next engine begins anew


def test_a_new_engine_is_not_ended_for_the_silence_of_the_one_before() -> None:
    watch = Watch(_LIMITS)
    watch.beat(1, 7, 0.0)
    watch.see(_reading(1, 60), serving=True)
    watch.see(_reading(2, 60), serving=False)  # it ended by itself, in the middle of an answer
    assert watch.see(_reading(680, 60), serving=True).cause is None
    watch.beat(1, 7, 681.0)
    silence = 681 + int(_LIMITS.silence_s)
    assert watch.see(_reading(silence - 1, 60), serving=True).cause is None
    assert watch.see(_reading(silence, 60), serving=True).cause == "silence"


def test_a_machine_that_stands_still_ends_the_engine_only_when_room_is_short() -> None:
    for room, cause in ((30, "stall"), (60, None)):
        watch = Watch(_LIMITS)
        causes = [watch.see(_reading(n / 10, room, stalled_s=0.09 * n), serving=True).cause for n in range(40)]
        assert causes[:30] == [None] * 30 and next(filter(None, causes), None) == cause
    watch = Watch(_LIMITS)
    assert {watch.see(_reading(n / 10, 30, stalled_s=0.05 * n), serving=True).cause for n in range(99)} == {None}


def test_it_looks_more_often_when_it_matters() -> None:
    watch = Watch(_LIMITS)
    watch.see(_reading(0, 60), serving=False)
    assert watch.period() == IDLE_S
    watch.see(_reading(1, 60), serving=True)
    assert watch.period() == CALM_S
    watch.see(_reading(2, 39), serving=True)
    assert watch.period() == TENSE_S
    watch.ask("a", GIB, _reading(3, 60))
    watch.see(_reading(3, 60), serving=False)
    assert watch.period() == TENSE_S
    assert 20 <= 1 / CALM_S <= 1 / TENSE_S <= 50


def test_a_guard_that_was_held_up_says_so() -> None:
    watch = Watch(_LIMITS)
    for at_s, late_s in ((0.0, 0.0), (1.04, 0.0), (1.1, 0.0), (2.6, 1.5)):
        watch.see(_reading(at_s, 60.0), serving=True)
        assert watch.late_s == pytest.approx(late_s)


def test_nothing_is_admitted_while_memory_is_short_or_the_breaker_is_open() -> None:
    watch = Watch(_LIMITS)
    watch.see(_reading(0, 15), serving=False)
    assert watch.stand.rung == Rung.REFUSE
    assert watch.ask("a", GIB, _reading(0.1, 60)).why == "pressed"
    for at_s in (10, 20, 30):
        watch.see(_reading(at_s, 5), serving=True)
    for later_s in (31.0, 36.1):
        watch.see(_reading(later_s, 60), serving=False)
    assert watch.stand.rung < Rung.REFUSE
    answer = watch.ask("a", GIB, _reading(40, 60))
    assert (answer.why, answer.rests_s) == ("rests", 590)
    assert watch.ask("a", GIB, _reading(631, 60)).why is None


def test_a_holder_that_asks_for_more_is_refused_as_others_are() -> None:
    watch = Watch(_LIMITS)
    assert watch.ask("a", GIB, _reading(0, 60)).why is None
    watch.loaded("a")
    watch.see(_reading(1, 15), serving=False)
    assert watch.ask("a", GIB, _reading(1.1, 60), grows=True).why == "pressed"
    for at_s in (10, 20, 30):
        watch.see(_reading(at_s, 5), serving=True)
    assert watch.ask("a", GIB, _reading(40, 60), grows=True).why == "rests"
    for later_s in (630.0, 636.0):
        watch.see(_reading(later_s, 60), serving=False)
    assert watch.ask("b", GIB, _reading(637, 60), grows=True).why == "gone"
    assert watch.ask("a", 39 * GIB, _reading(637, 60), grows=True).why is None
    assert watch.ledger.leases["a"].promised == 40 * GIB


def test_a_side_models_load_that_keeps_its_word_ends_nothing_and_one_that_does_not_does() -> None:
    for more, cause in ((24, None), (4, "speed")):
        watch = Watch(_LIMITS)
        watch.ask("a", GIB, _reading(0, 60))
        watch.loaded("a")
        assert watch.ask("a", more * GIB, _reading(0, 60), grows=True).why is None
        causes = {watch.see(_reading(n / 50, 60 - 12 * n / 50), serving=True).cause for n in range(100)}
        assert causes - {None} == {cause} - {None}


def test_who_has_nothing_under_way_does_not_end_the_load_of_another() -> None:
    watch = Watch(_LIMITS)
    watch.ask("a", 30 * GIB, _reading(0, 60))
    for n in range(60):
        watch.see(_reading(n / 50, 60 - 10 * n / 50), serving=True)
    fall = watch.fall
    watch.loaded("b")
    assert watch.fall == fall > 9 * GIB and watch.ledger.leases["a"].loading
    watch.loaded("a")
    assert watch.fall == 0 and not watch.ledger.leases["a"].loading


def test_time_of_day_is_never_asked() -> None:
    """The clock of the day may jump as it likes: the guard has no way to know it."""
    for path in Path(watch_module.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time":
                assert node.attr in ("monotonic", "sleep"), path
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                assert "datetime" not in names, path


def test_a_reading_that_does_not_go_on_in_time_decides_as_before() -> None:
    watch = Watch(_LIMITS)
    for _ in range(5):
        assert watch.see(_reading(7.0, 60), serving=True).stand.rung == Rung.CALM
    assert replace(watch.stand, rung=Rung.CALM) == watch.stand and watch.fall == 0
