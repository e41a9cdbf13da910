"""Questions that lacked the model: said exactly, put off, answered once and as of their time, or taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hearthside.alignment.kinds import is_life
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.dialogue import Dialogue, Later
from hearthside.companion.visits import names_of_people
from hearthside.companion.waiting import KIND, Waiting, WishState
from hearthside.companion.wording import BY_WORDS, NOT_SOUGHT, SET_PHRASE
from hearthside.errors import Refused, RetryLater
from tests.companion.lives import Life, ScriptedModel, message, night, open_life

ABOUT = "What did Ann say about the plumber?"
HELLO = "I am a little tired today."


class Talk:
    """A conversation with a model that comes and goes."""

    def __init__(self, life: Life) -> None:
        self.life, self.model = life, None
        self.waiting = Waiting(life.journal)
        names = sorted(names_of_people(life.stream))
        self.dialogue = Dialogue(
            life.journal, life.stream, life.find, lambda: self.model, lambda: names, life.clock, monotonic_s=self._now_s
        )

    model: ScriptedModel | None

    def _now_s(self) -> float:
        return self.life.clock() / 1000

    def ask(self, text: str, conversation: str = "c") -> Answer:
        self.life.clock.now_ms += 1000
        answer = list(self.dialogue.ask(text, conversation))[-1]
        assert isinstance(answer, Answer)
        return answer

    def put_off(self, text: str) -> str:
        """Ask without a model, and let it wait; the question's id."""
        question = self.ask(text).question
        self.waiting.put_off(question, self.life.clock())
        return question

    def later(self, question: str) -> Later:
        return self.dialogue.answer_later(question, self.waiting)


@pytest.fixture
def talk(life: Life) -> Talk:
    life.add(
        night("2026-03-18", 7.5),
        message("2026-03-16 12:00", "Ann", "the plumber comes on thursday"),
        message("2026-03-16 12:05", "Ben", "the plumber was here at my place"),
    )
    return Talk(life)


@pytest.mark.parametrize(
    ("text", "mode", "limited"),
    [
        ("How long did I sleep last night?", AnswerMode.COMPUTED, ""),
        ("How long did I sleep on 2026-03-02?", AnswerMode.UNKNOWN, ""),  # looked up, and it is not there
        (ABOUT, AnswerMode.QUOTED, BY_WORDS),
        ("What is the name of my parrot?", AnswerMode.UNKNOWN, NOT_SOUGHT),
        (HELLO, AnswerMode.CONVERSATION, SET_PHRASE),
    ],
)
def test_what_is_missing_without_the_model_is_said_exactly(
    talk: Talk, text: str, mode: AnswerMode, limited: str
) -> None:
    answer = talk.ask(text)
    assert (answer.mode, answer.limited, answer.improvable) == (mode, limited, bool(limited))
    shown = talk.dialogue.turns("c")[-1].answer
    assert shown is not None and (shown.limited, shown.improvable) == (limited, bool(limited))
    talk.model = ScriptedModel(["Nice to hear from you."])
    answer = talk.ask(text)
    assert (answer.limited, answer.improvable) == ("", False)


def test_a_question_waits_and_is_answered_once(talk: Talk, tmp_path: Path) -> None:
    question = talk.put_off(HELLO)
    talk.waiting.put_off(question, talk.life.clock())  # a second tap
    assert [(one.id, one.text, one.conversation) for one in talk.waiting.questions()] == [(question, HELLO, "c")]
    assert [one.id for one in Waiting(talk.life.journal).questions()] == [question]  # as after a restart
    talk.model = ScriptedModel(["Rest a little, then."])
    assert talk.later(question) is Later.KEPT
    assert talk.waiting.questions() == []
    assert Waiting(talk.life.journal).state(question) is WishState.ANSWERED
    turn = talk.dialogue.turns("c")[-1]
    assert turn.answer is not None
    assert (turn.text, turn.answer.later, turn.answer.asked, turn.answer.question) == (
        "Rest a little, then.", True, HELLO, question,
    )  # fmt: skip
    found = talk.waiting.answer_to(question)
    assert found is not None and talk.dialogue.shown(found) == turn.answer
    assert talk.later(question) is Later.NOT_WAITING
    assert len(talk.dialogue.turns("c")) == 3
    with pytest.raises(Refused) as refused:
        talk.waiting.put_off(question, talk.life.clock())
    assert refused.value.code == "later-not-needed"


def test_a_wish_is_taken_back_and_made_again(talk: Talk) -> None:
    question = talk.put_off(ABOUT)
    talk.waiting.withdraw(question, talk.life.clock())
    assert talk.waiting.questions() == [] and talk.waiting.answer_to(question) is None
    talk.model = ScriptedModel(["unknown"])
    assert talk.later(question) is Later.NOT_WAITING
    with pytest.raises(Refused) as refused:
        talk.waiting.withdraw(question, talk.life.clock())
    assert refused.value.code == "later-not-waiting"
    talk.waiting.put_off(question, talk.life.clock())  # in the same millisecond
    assert talk.later(question) is Later.KEPT


@pytest.mark.parametrize("question", ["", "no hex", "00" * 16])
def test_only_questions_wait(talk: Talk, question: str) -> None:
    with pytest.raises(Refused) as refused:
        talk.waiting.put_off(question, talk.life.clock())
    assert refused.value.code == "later-unknown"


def test_an_answer_that_nothing_is_missing_from_is_not_put_off(talk: Talk) -> None:
    question = talk.ask("How long did I sleep last night?").question
    with pytest.raises(Refused) as refused:
        talk.waiting.put_off(question, talk.life.clock())
    assert refused.value.code == "later-not-needed"


def test_a_model_that_dies_again_leaves_the_question_waiting(talk: Talk) -> None:
    question = talk.put_off(HELLO)
    talk.model = ScriptedModel([None, "Here I am."])
    turns = len(talk.dialogue.turns("c"))
    assert talk.later(question) is Later.NOT_ABLE
    assert len(talk.dialogue.turns("c")) == turns
    assert talk.later(question) is Later.KEPT


class _Interrupted:
    """A model in whose answer the person says something else."""

    name = "interrupted"

    def __init__(self, speak: Callable[[], object]) -> None:
        self.speak, self.spoken = speak, False

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        if not self.spoken:
            self.spoken = True
            self.speak()
        yield "All right then."


def test_a_later_answer_never_falls_into_a_turn(talk: Talk) -> None:
    question = talk.put_off(HELLO)
    talk.model = _Interrupted(lambda: talk.ask("Hello there!"))  # type: ignore[assignment]
    assert talk.later(question) is Later.INTERRUPTED
    assert [turn.answer.later for turn in talk.dialogue.turns("c") if turn.answer is not None] == [False, False]
    assert talk.later(question) is Later.KEPT
    assert talk.dialogue.turns("c")[-1].text == "All right then."


def test_another_conversation_interrupts_nothing(talk: Talk) -> None:
    question = talk.put_off(HELLO)
    talk.model = _Interrupted(lambda: talk.ask("Hello there!", "another"))  # type: ignore[assignment]
    assert talk.later(question) is Later.KEPT


def test_it_is_answered_as_of_the_time_at_which_it_was_asked(talk: Talk) -> None:
    talk.life.add(
        message("2026-03-17 12:00", "Ann", "the mason is ill"), message("2026-03-19 12:00", "Ann", "the mason is well")
    )
    question = talk.put_off("Which mason wrote to me yesterday?")
    talk.life.clock.forward(48)
    talk.model = ScriptedModel(["unknown"])
    assert talk.later(question) is Later.KEPT
    text = talk.dialogue.turns("c")[-1].text
    assert "ill" in text and "well" not in text


def test_a_follow_up_stays_completed_as_it_was(talk: Talk) -> None:
    talk.ask(ABOUT)
    question = talk.put_off("And Ben?")
    talk.ask("How long did I sleep last night?")
    talk.model = ScriptedModel(["unknown"])
    assert talk.later(question) is Later.KEPT
    answer = talk.dialogue.turns("c")[-1].answer
    assert answer is not None and answer.asked == "What did Ben say about the plumber?"
    assert "at my place" in answer.text


def test_small_talk_is_told_what_stood_before_it_alone(talk: Talk) -> None:
    question = talk.put_off(HELLO)
    talk.ask("Hello there!")
    talk.model = ScriptedModel(["Rest a little, then."])
    talk.later(question)
    assert [one["content"] for one in talk.model.asked[0][1:]] == [HELLO]


def test_a_forgotten_question_waits_no_more(talk: Talk) -> None:
    question = talk.put_off(ABOUT)
    talk.life.forget([bytes.fromhex(question)])
    assert talk.waiting.questions() == []
    assert talk.later(question) is Later.NOT_WAITING


def test_wishes_are_no_part_of_the_life() -> None:
    assert not is_life(KIND)


def test_what_waits_survives_a_restart(tmp_path: Path) -> None:
    life = open_life(tmp_path)
    question = Talk(life).put_off(HELLO)
    life.journal.close()
    again = open_life(tmp_path)
    talk = Talk(again)
    talk.model = ScriptedModel(["Rest a little, then."])
    assert [one.id for one in talk.waiting.questions()] == [question]
    assert talk.later(question) is Later.KEPT
    again.journal.close()


def test_a_search_that_found_the_node_gone_is_said(talk: Talk) -> None:
    gone = iter([False, True, False, False])
    talk.model = ScriptedModel(["unknown"])
    talk.dialogue._away = lambda: next(gone)
    assert talk.ask(ABOUT).limited == BY_WORDS
    assert talk.ask(ABOUT).limited == ""


def test_a_fault_leaves_the_question_waiting(talk: Talk) -> None:
    question = talk.put_off(ABOUT)

    def busy(*_: object) -> list[object]:
        raise RetryLater("index-busy", "The index is being rebuilt.")

    talk.dialogue._search = busy  # type: ignore[assignment]
    with pytest.raises(RetryLater):
        talk.later(question)
    assert [one.id for one in talk.waiting.questions()] == [question]
