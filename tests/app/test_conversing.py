"""The dialogue of a house: it knows who asks, heeds the person's wishes, and tries no small model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hearthside.app.conversing import dialogue_of
from hearthside.app.house import House
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.dialogue import Dialogue
from hearthside.companion.manner import manner_of
from hearthside.memory.held_model import KIND
from hearthside.memory.hits import Filters, Hit
from tests.app.helpers import house_in
from tests.companion.lives import message
from tests.until import until


class Counting:
    """A model that counts what it is asked."""

    name = "counting"

    def __init__(self) -> None:
        self.asked = 0

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        self.asked += 1
        yield "unknown"


@dataclass
class Held:
    """A base model by its name and hash."""

    model: str

    def say(self, messages: Sequence[tuple[str, str]], grammar: str, max_tokens: int) -> str:
        raise AssertionError("nothing is read or written here")


@dataclass
class _Always:
    """The same model, whoever asks."""

    model: Counting | None

    def now(self, steady: bool = False) -> Counting | None:
        return self.model

    def hurried(self) -> Counting | None:
        return self.model


def _dialogue(house: House, model: Counting | None, model_bytes: int, held: Held | None = None) -> Dialogue:
    def find(text: str, filters: Filters, limit: int) -> list[Hit]:
        return house.search(text, filters, limit)

    return dialogue_of(
        lambda: house.rooms, find, _Always(model), lambda: model_bytes, house.names, lambda: "", lambda: held
    )  # fmt: skip


def test_the_profile_is_the_same_from_question_to_question(own_copy: Path) -> None:
    with house_in(own_copy) as house:
        dialogue = _dialogue(house, None, 0)
        first = dialogue._profile()
        assert first
        for text in ("How long did I sleep last night?", "hello", "Where was Mutsi?"):
            list(dialogue.ask(text, "c"))
        assert dialogue._profile() == first


def test_a_small_model_is_not_tried(own_copy: Path) -> None:
    model = Counting()
    with house_in(own_copy) as house:
        assert _dialogue(house, model, 100_000_000)._phrasing() is None
    assert model.asked == 0


def test_a_model_is_tried_once_in_its_life_and_not_once_a_start(tmp_path: Path) -> None:
    model = Counting()
    with house_in(tmp_path) as house:
        dialogue = _dialogue(house, model, 0, Held("counting#0123456789ab"))
        assert dialogue._phrasing() is None
        until(lambda: len(list(house.rooms.journal.read(kinds=[KIND]))) == 1)
        asked = model.asked
        assert asked > 0
    with house_in(tmp_path) as house:
        assert _dialogue(house, model, 0, Held("counting#0123456789ab"))._phrasing() is None
        assert _dialogue(house, model, 0, Held("counting#ba9876543210"))._phrasing() is None
        until(lambda: len(list(house.rooms.journal.read(kinds=[KIND]))) == 2)
        assert model.asked == 2 * asked


def test_a_program_makes_no_wishes(own_copy: Path) -> None:
    with house_in(own_copy) as house:
        journal = house.rooms.journal
        list(house.ask("Call me Boss", "v1_token_7"))
        assert manner_of(journal).called == ""
        answer = list(house.ask("Call me Kim", "page"))[-1]
        assert isinstance(answer, Answer)
        assert answer.text == "I will call you Kim."
        assert manner_of(journal).called == "Kim"


def test_what_helped_is_answered_from_what_the_house_believes(own_copy: Path) -> None:
    good, low = "what a lovely happy day, I feel great", "I feel so sad and miserable today"
    with house_in(own_copy) as house:
        for day in range(1, 29):
            felt = low if day in (25, 26) else good
            house.rooms.journal.append(
                [message(f"2024-02-{day:02d} {hour:02d}:00", "Ida", felt, own=True) for hour in (9, 13, 20)]
            )
        house.keep_in_step()
        last = house.rooms.knowing.last_time_low()
        said = list(_dialogue(house, None, 0).ask("What helped when I was low last time?", "c"))[-1]
        assert last is not None and isinstance(said, Answer)
        assert (said.mode, said.text) == (AnswerMode.COMPUTED, last.sentence)
        assert "26 February 2024; 27 February 2024 was better" in said.text
        assert {hit.text for hit in said.evidence} == {low}
