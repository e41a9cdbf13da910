"""Ends that are remembered: each decision once, for as long as they count."""

from __future__ import annotations

from hearthside.inference.guard.ends import Ends
from hearthside.inference.guard.messages import Message
from hearthside.inference.guard.readings import GIB


def _told(cause: str = "room", *, grew: int = 9, available: int = 11) -> Message:
    return {"cause": cause, "available": available * GIB, "fell": 10 * GIB, "grew": grew * GIB}


def test_a_decision_that_took_several_holders_is_one_and_the_next_is_another() -> None:
    now = [100.0]
    ends = Ends(lambda: now[0])
    assert [ends.add(_told()), ends.add(_told()), ends.add(_told(available=10))] == [True, False, True]
    ends.all_told()
    assert ends.add(_told(available=10))
    now[0] += 2
    assert ends.add(_told(available=10))  # nobody ends two holders of one decision two seconds apart
    assert ends.s_ago() == [2.0, 2.0, 2.0, 0.0]


def test_only_what_the_model_took_itself_makes_the_next_start_smaller_and_only_for_an_hour() -> None:
    now = [0.0]
    ends = Ends(lambda: now[0])
    ends.add(_told())
    ends.add(_told(grew=1))
    ends.add(_told("silence", grew=0))
    assert ends.own_lately() == 2
    now[0] = 3601.0
    ends.add(_told())
    assert ends.own_lately() == 1


def test_the_oldest_are_forgotten() -> None:
    now = [0.0]
    ends = Ends(lambda: now[0])
    for second in range(40):
        now[0] = 10.0 * second
        ends.add(_told())
    assert len(ends.s_ago()) == 16 and ends.s_ago()[0] == 150.0
