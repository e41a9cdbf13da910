"""Documents: threads and their neighbours, who speaks, and what is embedded."""

from __future__ import annotations

import pytest

from hearthside.events import HOUR_MS, MINUTE_MS, Event
from hearthside.memory.documents import embedded_text, names_said, searched_fields, speaker_of, thread_of
from hearthside.memory.hits import Filters
from tests.alignment.lives import START, event
from tests.memory.lives import Memory


def _message(n: int, text: str, sender: str = "Ann", conversation: str = "Ann", hours: float = 0) -> Event:
    start_ms = START + n * MINUTE_MS + int(hours * HOUR_MS)
    return event("message", start_ms, text=text, sender=sender, conversation=conversation)


def _around(memory: Memory, word: str, reach: int) -> list[list[str]]:
    rows = memory.index.by_words([word], Filters(), 10)
    return [[" ".join(document.terms) for document in run] for run in memory.index.around(rows, reach)]


def test_a_row_comes_with_its_neighbours_in_the_conversation(memory: Memory) -> None:
    memory.take(*(_message(n, f"turn{n}") for n in range(9)), _message(4, "elsewhere", conversation="Bo"))
    assert _around(memory, "turn4", 2) == [["turn2", "turn3", "turn4", "turn5", "turn6"]]
    assert _around(memory, "turn0", 3) == [["turn0", "turn1", "turn2", "turn3"]]
    assert _around(memory, "elsewhere", 3) == [["elsewher"]]


def test_windows_meet_or_stay_apart(memory: Memory) -> None:
    memory.take(*(_message(n, f"word turn{n}" if n in {1, 3, 8} else f"turn{n}") for n in range(10)))
    runs = _around(memory, "word", 1)
    assert [[terms.split()[-1] for terms in run] for run in runs] == [
        ["turn0", "turn1", "turn2", "turn3", "turn4"], ["turn7", "turn8", "turn9"],
    ]  # fmt: skip


def test_a_long_silence_parts_neighbours(memory: Memory) -> None:
    memory.take(_message(0, "evening"), _message(1, "morning", hours=10), _message(2, "later", hours=30))
    assert _around(memory, "evening", 2) == [["even", "morn"], ["later"]]


def test_what_has_no_conversation_stands_alone(memory: Memory) -> None:
    memory.take(*(event("listen", START + n, text=f"song{n}") for n in range(3)))
    assert _around(memory, "song1", 2) == [["song1"]]


def test_threads() -> None:
    assert thread_of(_message(0, "x")) == "test\x1fAnn"
    assert thread_of(event("utterance", START, text="x", speaker="Bo")) == "test\x1f"
    assert thread_of(event("caption", START, text="a lake")) == "test"
    assert thread_of(event("message", START, text="x")) == thread_of(event("listen", START, text="x")) == ""


def test_a_vector_holds_the_words_of_its_own_record_only() -> None:
    assert embedded_text(_message(0, "hello")) == "Ann: hello"
    assert embedded_text(event("caption", START, text="a lake")) == "a lake"
    assert speaker_of(event("listen", START, text="song", speaker="x")) == ""


def test_only_what_is_said_can_be_a_question() -> None:
    asked = searched_fields(_message(0, "Are you there? I am at the lake."))
    typed = searched_fields(event("search", START, text="how to swim?"))
    assert asked[4] == pytest.approx(5 / 8) and typed[4] == 1.0
    assert asked[5] == "lake"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi! My name is Kate, and yours?", ["kate"]),
        ("hello, I'm Emily.", ["emily"]),
        ("I am Vanessa and I live here", ["vanessa"]),
        ("I'm French toast obsessed", []),
        ("I'm happy.", []),
        ("Ich heiße Jürgen.", ["jürgen"]),
        ("我叫小明,你呢?", ["小明"]),
        ("私の名前は健太です", ["健太"]),
        ("제 이름은 민수입니다", ["민수"]),
        ("their name is Bob", []),
    ],
)
def test_names_by_which_people_introduce_themselves(text: str, names: list[str]) -> None:
    assert names_said(_message(0, text)) == names
    assert names_said(event("message", START, text=text)) == []  # nobody is named as its sender


def test_a_name_is_forgotten_with_the_message_that_said_it(memory: Memory) -> None:
    said = _message(0, "My name is Kate.", sender="Emi")
    memory.take(said)
    assert memory.index.known_as(["kate", "ann"]) == {"kate": {("test\x1fAnn", "Emi")}}
    memory.index.remove([said.id])
    assert memory.index.known_as(["kate"]) == {}
