"""A failing disk: refused in a sentence, never acknowledged what is not there, and working again once it is mended."""

from __future__ import annotations

import pytest

from crash import faults
from crash.failing_disk import FAILS_AT, Call, Fault, Plan
from crash.promises import Outcome


@pytest.mark.parametrize("fault", Fault)
def test_a_failing_disk(fault: Fault, soak: bool) -> None:
    tally = faults.run(1 if soak else 20, faults=(fault,))
    assert set(tally.outcomes) == {Outcome.OK}, tally.broken[:3]
    assert tally.unsaid == []
    assert tally.stuck == []
    assert tally.runs >= (10 if fault is Fault.SHORT_WRITE else 30)


def test_the_workload_asks_for_everything_that_can_fail() -> None:
    asked = faults.count_calls(1)
    assert {call for call in Call if asked[call] == 0} == set()
    assert {call for fault in Fault for call in FAILS_AT[fault]} == set(Call)


def test_a_plan_strikes_once_or_from_there_on() -> None:
    once = Plan(Fault.IO_ERROR, Call.WRITE, 2, armed=True)
    assert [once.fails(Call.WRITE) for _ in range(4)] == [False, True, False, False]
    lasting = Plan(Fault.FULL, Call.WRITE, 2, lasting=True, armed=True)
    calls = [Call.WRITE, Call.SYNC, Call.WRITE, Call.SYNC, Call.WRITE, Call.DELETE]
    # A full disk still lets files be deleted.
    assert [lasting.fails(call) for call in calls] == [False, False, True, False, True, False]
    lasting.armed = False
    assert not lasting.fails(Call.WRITE)
