"""Turn-taking: an answer on its way is no silence, and one conversation's silence is not another's."""

from __future__ import annotations

import math

from hearthside.companion.turns import TurnTaking


def test_silence_begins_with_the_last_word() -> None:
    now_s = 100.0
    turns = TurnTaking(lambda: now_s)
    assert turns.quiet_s("a") == turns.quiet_s() == math.inf
    turns.asked("a")
    turns.begin("a")
    now_s = 130.0
    assert turns.quiet_s("a") == turns.quiet_s() == 0.0
    assert turns.quiet_s("b") == math.inf
    turns.end("a")
    now_s = 137.0
    assert turns.quiet_s("a") == turns.quiet_s() == 7.0
    turns.asked("b")
    assert (turns.quiet_s("a"), turns.quiet_s("b"), turns.quiet_s()) == (7.0, 0.0, 0.0)


def test_two_answers_of_one_conversation_both_have_to_end() -> None:
    turns = TurnTaking(lambda: 5.0)
    turns.begin("a")
    turns.begin("a")
    turns.end("a")
    assert turns.quiet_s("a") == 0.0
    assert [turns.count("a"), turns.asked("a"), turns.count("a")] == [0, None, 1]  # type: ignore[func-returns-value]
