"""What waits for the model is said on every page, and done when the model is back: once, and in a quiet moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hearthside.app.costs import Costs
from hearthside.app.house import House
from hearthside.app.jobs import JobRunner
from hearthside.app.rooms import HOME_ZONE
from hearthside.app.waiting import NIGHT, QUESTIONS, WaitingDesk
from hearthside.companion.answers import Answer
from hearthside.companion.dialogue import Dialogue
from hearthside.errors import Refused, RetryLater
from hearthside.events import MINUTE_MS, ms_of
from hearthside.inference.supervisor import NodeState
from hearthside.journal.decisions import decide
from hearthside.night.cycle import WAITS, NightCycle, Step, StepContext, StepResult
from tests.app.helpers import house_in
from tests.companion.lives import ScriptedModel

HELLO = "I am a little tired today."
NOW_MS = ms_of(datetime(2026, 7, 14, 19, 30, tzinfo=UTC))


@dataclass
class Node:
    """A compute node whose coming and going a test decides."""

    now: NodeState = field(default_factory=lambda: NodeState("down", NOW_MS, "It ended."))

    def state(self) -> NodeState:
        return self.now

    def back(self, since_ms: int = NOW_MS) -> None:
        self.now = NodeState("ready", since_ms, "Ready.")


@dataclass
class Place:
    """A house's rooms with a waiting desk over a node that comes and goes, and a clock that stands."""

    house: House
    node: Node
    jobs: JobRunner
    model: ScriptedModel
    now_ms: int = NOW_MS
    quiet_s: float = 0.0
    desk: WaitingDesk = field(init=False)
    dialogue: Dialogue = field(init=False)

    def __post_init__(self) -> None:
        rooms = self.house.rooms
        self.desk = WaitingDesk(
            lambda: rooms, lambda: self.dialogue, lambda: self.house.trainer, self.node, self.jobs, lambda: self.costs
        )
        self.costs = Costs(rooms)
        self.dialogue = Dialogue(
            rooms.journal, rooms.stream, self.house.search, self._present, lambda: [], rooms.clock,
            away=self.desk.away, monotonic_s=lambda: self.quiet_s,
        )  # fmt: skip

    def _present(self) -> ScriptedModel | None:
        return self.model if self.node.now.phase == "ready" else None

    def ask(self, text: str = HELLO) -> Answer:
        answer = list(self.dialogue.ask(text, "c"))[-1]
        assert isinstance(answer, Answer)
        return answer

    def put_off(self, text: str = HELLO) -> str:
        question = self.ask(text).question
        self.desk.put_off(question)
        self.quiet_s += 60
        return question

    def look(self) -> list[str]:
        """Kinds of the jobs that a look began, once they have ended."""
        before = {job.id for job in self.jobs.jobs()}
        self.desk.look()
        begun = [job for job in self.jobs.jobs() if job.id not in before]
        return [self.jobs.wait(job.id, 30).kind for job in begun]

    def answered(self) -> list[str]:
        turns = self.dialogue.turns("c")
        return [turn.text for turn in turns if turn.answer is not None and turn.answer.later]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with house_in(tmp_path, clock=lambda: NOW_MS) as house:
        yield Place(house, Node(), JobRunner(house.rooms.clock), ScriptedModel(["Rest a little, then."]))


# -- what is said ----------------------------------------------------------------------------------------------------


def test_every_page_says_what_is_limited_since_when_and_what_goes_on(place: Place) -> None:
    decide(place.house.rooms.journal, HOME_ZONE, "Asia/Seoul", NOW_MS)
    place.house.rooms.stream.update()
    place.node.now = NodeState("down", NOW_MS - 90 * MINUTE_MS, "It ended.")
    said = place.desk.sentence()
    assert said == (
        "The language model has been away since 03:00: until it is there, records are found by their words alone and"
        " nothing is worded freely, while capture, the time axis, computed answers and quotations go on."
    )
    place.node.now = NodeState("starting", NOW_MS - 5 * 60 * MINUTE_MS, "It is loaded.")
    assert place.desk.sentence().startswith("The language model is being loaded, since Tuesday, 14 July, 23:30: ")
    place.node.back()
    assert place.desk.sentence() == ""


def test_what_waits_is_counted(place: Place) -> None:
    place.put_off()
    assert place.desk.sentence().endswith(" go on. 1 question waits for it.")
    place.put_off("Good morning!")
    assert place.desk.sentence().endswith(" 2 questions wait for it.")
    assert [one.local for one in place.desk.questions()] == ["2026-07-14 19:30"] * 2
    place.node.back()
    assert place.desk.sentence() == "2 questions wait for the language model."


def test_without_a_compute_node_the_page_has_its_own_words(place: Place) -> None:
    desk = WaitingDesk(
        lambda: place.house.rooms, lambda: place.dialogue, lambda: place.house.trainer, None, place.jobs,
        lambda: place.costs,
    )  # fmt: skip
    assert desk.sentence() == "" and desk.away()
    desk.look()
    assert place.jobs.jobs() == []


class _Embedder:
    model = "e#1"

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault

    def embed(self, texts: list[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        if self.fault is not None:
            raise self.fault
        return np.ones((len(texts), 2), dtype=np.float32)


def _embed(embedder: object, texts: Sequence[str]) -> None:
    embedder.embed(texts, query=True)  # type: ignore[attr-defined]


def test_a_node_that_goes_in_the_middle_of_a_search_is_noticed_by_that_question_alone(place: Place) -> None:
    place.node.back()
    gone = place.desk.watched(_Embedder(RetryLater("compute-gone", "Gone.")))
    there = place.desk.watched(_Embedder(None))
    assert there.model == "e#1"
    _embed(there, ["a"])
    assert not place.desk.away()
    with pytest.raises(RetryLater):
        _embed(gone, ["a"])
    elsewhere = list[bool]()
    other = threading.Thread(target=lambda: elsewhere.append(place.desk.away()))
    other.start()
    other.join()
    assert (elsewhere, place.desk.away(), place.desk.away()) == ([False], True, False)
    without = place.desk.watched(_Embedder(Refused("embedder-missing", "None here.")))
    with pytest.raises(Refused):
        _embed(without, ["a"])
    assert not place.desk.away()


# -- what is done ----------------------------------------------------------------------------------------------------


def test_what_waits_is_answered_when_the_node_is_back_and_once(place: Place) -> None:
    question = place.put_off()
    assert place.look() == []
    place.node.back()
    assert place.look() == [QUESTIONS]
    assert place.answered() == ["Rest a little, then."]
    later = place.desk.answer_to(question)
    assert later is not None and (later.later, later.asked) == (True, HELLO)
    assert place.look() == [] and place.desk.questions() == []
    assert [(one.id, one.conversation) for one in place.desk.answered()] == [(question, "c")]
    assert len(place.model.asked) == 1


def test_what_was_withdrawn_is_not_answered(place: Place) -> None:
    question = place.put_off()
    place.desk.withdraw(question)
    place.node.back()
    assert place.look() == [] and place.answered() == []
    assert place.desk.answer_to(question) is None


def test_it_waits_for_a_quiet_moment(place: Place) -> None:
    place.put_off()
    place.node.back()
    place.ask()
    assert place.look() == []
    stream = place.dialogue.ask("Good morning!", "c")
    next(stream)
    place.quiet_s += 60
    assert place.look() == []  # the person's own answer is still on its way
    list(stream)
    place.quiet_s += 60
    assert place.look() == [QUESTIONS]


def test_what_cannot_be_answered_is_tried_again_when_the_node_comes_back_the_next_time(place: Place) -> None:
    place.put_off()
    place.model.said[:] = [None, "Rest a little, then."]
    place.node.back()
    assert [place.look(), place.look()] == [[QUESTIONS], []]
    assert place.answered() == [] and len(place.desk.questions()) == 1
    place.node.back(NOW_MS + MINUTE_MS)
    assert place.look() == [QUESTIONS]
    assert place.answered() == ["Rest a little, then."]


def _night(place: Place, note: Callable[[], StepResult]) -> None:
    names = ("close_day", "annotate", "note", "consolidate", "curate", "train", "evaluate", "promote")

    def run(name: str) -> Callable[[StepContext], StepResult]:
        return lambda context: note() if name == "note" else StepResult("done", f"{name}.")

    NightCycle(place.house.rooms.journal, [Step(n, n, run(n)) for n in names], place.house.rooms.clock).run()


def test_what_the_night_could_not_do_is_made_up_for(place: Place) -> None:
    _night(place, lambda: StepResult("skipped", "The model was away.", {WAITS: True}))
    waits = place.house.trainer.waits()
    assert waits and place.look() == []
    place.node.back()
    place.ask()
    place.quiet_s += 30
    assert place.look() == []  # somebody still talks
    place.quiet_s += 300
    assert place.look() == [NIGHT]
    assert place.house.trainer.waits() == ""
    night = place.house.training().night
    assert night is not None
    steps = {name: sentence for name, _, sentence in night.steps}
    assert "plain code" in steps["note"] and "things can be found" in steps["consolidate"]
    assert place.look() == []


def test_a_night_that_missed_nothing_is_left_alone(place: Place) -> None:
    _night(place, lambda: StepResult("skipped", "No model could read."))
    place.node.back()
    assert place.house.trainer.waits() == "" and place.look() == []
