"""Conversations: everything said is in the journal, whoever stops listening and whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.companion.answers import Answer, AnswerMode, Piece
from hearthside.companion.wording import SET_PHRASE
from hearthside.errors import RetryLater
from hearthside.events import Event, Origin, Trust
from hearthside.memory.hits import Filters
from tests.companion.lives import Life, ScriptedModel, message, night, open_life

ASKED = "How long did I sleep last night?"
PLAIN = "You slept 7 h 30 min last night."


def _said(life: Life) -> list[Event]:
    found = sorted(life.journal.read(kinds=["question", "answer"]), key=lambda item: item.seq)
    return [item.record for item in found if isinstance(item.record, Event)]


def test_the_question_is_kept_before_the_answer_begins(life: Life) -> None:
    life.dialogue().ask(ASKED, "c")
    question = _said(life)[0]
    assert (question.kind, question.text, question.origin, question.trust) == (
        "question", ASKED, Origin.SELF, Trust.OWN,
    )  # fmt: skip


def test_pieces_make_the_answer(life: Life) -> None:
    life.add(night("2026-03-18", 7.5))
    parts = list(life.dialogue().ask(ASKED, "c"))
    assert isinstance(parts[-1], Answer)
    assert "".join(part.text for part in parts[:-1] if isinstance(part, Piece)) == parts[-1].text == PLAIN
    assert [event.kind for event in _said(life)] == ["question", "answer"]


def test_an_abandoned_stream_is_journalled_whole_and_as_ai(life: Life) -> None:
    life.add(night("2026-03-18", 7.5))
    stream = life.dialogue().ask(ASKED, "c")
    assert isinstance(stream, Iterator)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    answer = _said(life)[-1]
    assert (answer.kind, answer.text, answer.origin, answer.trust) == ("answer", PLAIN, Origin.AI, Trust.UNKNOWN)


@pytest.mark.parametrize("text", [ASKED, "hello"])
def test_a_model_that_dies_costs_the_manner_and_not_the_answer(life: Life, text: str) -> None:
    life.add(night("2026-03-18", 7.5))
    answer = life.ask(text, ScriptedModel([None]))
    assert answer.limited == ("" if text == ASKED else SET_PHRASE)  # what was computed lacks nothing
    assert answer.worded_by == ""
    assert answer.text == (PLAIN if text == ASKED else "I'm here. Ask me about your days, or just talk.")
    assert _said(life)[-1].text == answer.text


def test_an_answer_cut_short_by_a_fault_is_journalled_as_interrupted(life: Life) -> None:
    class Broken:
        name = "broken"

        def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
            raise RuntimeError("a bug")

    dialogue = life.dialogue(Broken())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        list(dialogue.ask("hello", "c"))
    assert [event.kind for event in _said(life)] == ["question", "answer"]
    assert "ask again" in _said(life)[-1].text


def test_a_search_that_is_away_is_said_plainly(life: Life) -> None:
    def away(text: str, filters: Filters, limit: int) -> list[object]:
        raise RetryLater("index-busy", "The index is being rebuilt; ask again in a minute.")

    dialogue = life.dialogue()
    dialogue._search = away  # type: ignore[assignment]
    answer = list(dialogue.ask("What is my shoe size?", "c"))[-1]
    assert answer.text == "The index is being rebuilt; ask again in a minute."


def test_turns_are_there_after_reopening(tmp_path: Path) -> None:
    life = open_life(tmp_path)
    life.add(night("2026-03-18", 7.5))
    life.ask(ASKED)
    life.ask("What is the name of my parrot?")
    life.journal.close()
    again = open_life(tmp_path)
    turns = again.dialogue().turns("test")
    again.journal.close()
    assert [turn.who for turn in turns] == ["you", "hearthside"] * 2
    assert turns[1].answer is not None
    assert (turns[1].text, turns[1].answer.mode) == (PLAIN, AnswerMode.COMPUTED)
    assert [hit.kind for hit in turns[1].answer.evidence] == ["sleep"]
    assert turns[3].answer is not None
    assert turns[3].answer.mode is AnswerMode.UNKNOWN


def test_conversations_stay_apart_and_come_newest_first(life: Life) -> None:
    for name in ("one", "two", "one"):
        life.clock.forward(0.1)
        list(life.dialogue().ask(f"hello {name}", name))
    life.clock.forward(0.1)
    list(life.dialogue().ask("hello", "three"))
    assert life.dialogue().conversations() == ["three", "one", "two"]
    assert len(life.dialogue().turns("one")) == 4


def test_the_model_is_told_what_was_said_before(life: Life) -> None:
    model = ScriptedModel(["Good to see you."])
    life.ask("hello", model)
    life.ask("I am glad", model)
    roles = [(m["role"], m["content"]) for m in model.asked[-1][1:]]
    assert roles == [("user", "hello"), ("assistant", "Good to see you."), ("user", "I am glad")]


def test_what_the_ai_said_never_becomes_a_fact(life: Life) -> None:
    life.add(message("2026-03-17 12:00", "Ann", "see you at seven", own=True))
    # The model talks of a zeppelin, the person asks about one: neither is evidence that there was one.
    life.ask("hello there", ScriptedModel(["I wish for a zeppelin and a garden."]))
    life.ask("Where did I park the zeppelin?")
    life.stream.update()
    life.index.update()
    for text in (
        "Where did I park the zeppelin?",
        "When did I last see the zeppelin?",
        "How many times did I mention the zeppelin?",
        "What was the zeppelin?",
    ):
        answer = life.ask(text)
        assert answer.mode is AnswerMode.UNKNOWN, (text, answer.text)
        assert not [hit for hit in answer.evidence if hit.origin is Origin.AI]


def test_a_quotation_comes_from_the_persons_own_evidence(life: Life) -> None:
    life.add(
        message("2026-03-16 12:00", "Ann", "the plumber comes on thursday"),
        message("2026-03-16 12:05", "Ann", "i ask the plumber about the boiler", own=True),
    )
    answer = life.ask("What did Ann say about the plumber?")
    assert answer.mode is AnswerMode.QUOTED
    assert answer.text in {
        "Ann wrote on 2026-03-16 12:00: “the plumber comes on thursday”",
        "You wrote to Ann on 2026-03-16 12:05: “i ask the plumber about the boiler”",
    }
    assert life.ask("What did Ann say about the plumber's dog?").mode is AnswerMode.UNKNOWN
