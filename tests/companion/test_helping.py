"""What helped when the person was low is told as it was, and only when that is what they ask."""

from __future__ import annotations

import pytest

from hearthside.companion.answers import AnswerMode
from hearthside.companion.helping import answer_helped, asks_what_helped
from hearthside.companion.replies import Memory
from hearthside.memory.moods.days import LowStretch
from hearthside.memory.moods.last_time import LastTime
from tests.companion.lives import Life, message


@pytest.mark.parametrize(
    "text",
    [
        "What helped when I was low last time?",
        "what usually helps me when I'm sad",
        "Do you remember what got me through when I felt down?",
        "What cheered me up the last time I was unhappy?",
        "Was hat mir geholfen, als ich traurig war?",
    ],
)
def test_asked(text: str) -> None:
    assert asks_what_helped(text)


@pytest.mark.parametrize(
    "text",
    [
        "What helped Anna when she was sad?",
        "What helps against a low battery?",
        "Did the walk help when I was low?",
        "What did I do when I was sad?",
        "Help me, I am sad",
        "When was I low last time?",
        "What did the doctor say would help me with low iron?",
        "What did I write down to help Ann move?",
        "Was it Ann who helped me when I was sad about the exam?",
        "What helped me when I was down in Spain?",
    ],
)
def test_not_asked(text: str) -> None:
    assert not asks_what_helped(text)


def test_what_memory_holds_is_told_with_its_evidence(life: Life) -> None:
    low = message("2026-03-02 20:00", "Ida", "I feel so sad today", own=True)
    life.add(low)
    memory = Memory(life.journal, life.stream, life.find, life.clock())
    stretch = LowStretch("2026-03-02", "2026-03-02", "2026-03-03", ())
    last = LastTime(stretch, ("a walk",), "You last sounded low 2 March 2026; 3 March 2026 was better.", (low.id,))
    said = answer_helped(memory, last)
    assert (said.mode, said.text, said.value) == (AnswerMode.COMPUTED, last.sentence, "a walk")
    assert [hit.text for hit in said.evidence] == ["I feel so sad today"]
    assert answer_helped(memory, None).mode is AnswerMode.UNKNOWN
