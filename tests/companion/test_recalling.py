"""Answers about other people: judged by who said it, what is missing, and when; the shortest span that answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from hearthside.companion.abstention import FOR, WEIGHTS, Passage, author_of, judge, signals
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.asked import Asked, named_days, stem, take_apart, who_is_called
from hearthside.companion.spans import short_answer, when_said, yes_or_no
from hearthside.events import Layer, Origin, ms_of
from hearthside.memory.hits import Hit
from tests.companion.lives import NOW, Life, ScriptedModel, message

_PEOPLE = {"ann": frozenset({"Ann"}), "ben": frozenset({"Ben"})}


def _hit(text: str, author: str = "Ann", local: str = "2026-03-11 12:00", why: str = "keyword+meaning") -> Hit:
    return Hit("00", 0, None, local, text, f"Ben · {author}", "t", "message", Layer.TEXT, Origin.PERSON, 1.0, why)


def _asked(text: str, seen: Sequence[str]) -> Asked:
    words = " ".join(seen)
    return take_apart(
        text, _PEOPLE, lambda asked: [int(stem(word) in words) for word in asked], 100, ms_of(NOW), 0
    )  # fmt: skip


def test_the_author_decides() -> None:
    hit = _hit("I broke the kayak on the river")
    by_ann = _asked("When did Ann break the kayak?", ["kayak break broke river"])
    by_ben = _asked("When did Ben break the kayak?", ["kayak break broke river"])
    passages = [Passage(hit, author_of(hit), 0)]
    assert judge(by_ann, passages).margin > judge(by_ben, passages).margin + 1


def test_a_missing_thing_weighs_against_an_answer() -> None:
    passages = [Passage(_hit("I broke the kayak on the river"), "Ann", 0)]
    right = _asked("Where did Ann take the kayak?", ["kayak river trombon"])
    known = _asked("Where did Ann take the trombone of the kayak?", ["kayak river trombon"])
    new = _asked("Where did Ann take the trombone of the kayak?", ["kayak river"])
    margins = [judge(asked, passages).margin for asked in (right, known, new)]
    assert margins[0] > margins[1] > margins[2]


def test_a_day_must_fit() -> None:
    passages = [Passage(_hit("I was on the river in the kayak"), "Ann", 0)]
    on_it = _asked("Where was Ann with the kayak on 11 March 2026?", ["kayak river"])
    off_it = _asked("Where was Ann with the kayak on 2 March 2026?", ["kayak river"])
    assert judge(on_it, passages).margin > judge(off_it, passages).margin + 2


def test_weights_have_the_sign_of_their_signal() -> None:
    assert WEIGHTS
    assert all((weight > 0) == (name in FOR) for name, weight in WEIGHTS.items())
    asked = _asked("When did Ann break the kayak?", ["kayak"])
    order, found = signals(asked, [Passage(_hit("a kayak"), "Ann", 0)])
    assert order == [0]
    assert set(WEIGHTS) <= set(found)


def test_nothing_found_is_no_answer() -> None:
    assert not judge(_asked("When did Ann break the kayak?", []), []).answers


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on 29 Dec 2025", "2025-12-29"),
        ("on December 29, 2025", "2025-12-29"),
        ("on 29.12.2025", "2025-12-29"),
        ("on 2025-12-29", "2025-12-29"),
        ("on the 29th of December", "2025-12-29"),
    ],
)
def test_days_are_read_however_they_are_written(text: str, day: str) -> None:
    days, rest = named_days(f"What did Ann do {text}?", ms_of(NOW), 0)
    assert days == (day, day)
    assert "29" not in rest


def test_before_a_day_is_loose() -> None:
    days, _ = named_days("What did Ann buy shortly before 10 March 2026?", ms_of(NOW), 0)
    assert days == ("2026-03-03", "2026-03-17")


def test_a_nickname_belongs_to_whoever_is_called_by_it() -> None:
    found = [("chat", "Ben", "Hey Annie, how are you?"), ("chat", "Ben", "Thanks, Annie!")]
    assert who_is_called("annie", found, {"chat": {"Ann", "Ben"}}) == {"Ann"}
    assert who_is_called("annie", found[:1], {"chat": {"Ann", "Ben"}}) == frozenset()


def test_a_misspelt_name_is_still_the_person() -> None:
    people = {"elise": frozenset({"elise"})}
    asked = take_apart("When did Elisa ski?", people, lambda words: [0] * len(words), 100, ms_of(NOW), 0)
    assert asked.people == {"elise"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I went there yesterday", "10 March 2026"),
        ("we go tomorrow morning", "12 March 2026"),
        ("that was two weeks ago", "25 February 2026"),
        ("I was there last Monday", "9 March 2026"),
        ("it was three years ago", "2023"),
        ("we met last month", "the month before 11 March 2026"),
        ("it starts on 3 May", "3 May"),
        ("the boat is ready", "11 March 2026"),
    ],
)
def test_when_is_told_from_the_day_it_was_said(text: str, said: str) -> None:
    assert when_said(text, Passage(_hit(text), "Ann", 0)) == said
    assert date.fromisoformat("2026-03-11").weekday() == 2


@pytest.mark.parametrize(
    ("question", "text", "span"),
    [
        ("Where did Ann take the kayak?", "Fine. We took the kayak to Lake Como. Nice.", "Lake Como"),
        ("How long did Ann keep the kayak?", "Hi. I had the kayak for three weeks.", "three weeks"),
        ("Who broke the kayak of Ann?", "Well, my cousin Mara broke the kayak.", "Mara"),
        ("What happened to Ann's kayak?", "Nice day! Oh no, the kayak broke in two.", "the kayak broke in two."),
    ],
)
def test_the_shortest_span_answers(question: str, text: str, span: str) -> None:
    asked = _asked(question, ["kayak", "broke", "week", "mara"])
    assert short_answer(question, asked, [Passage(_hit(text), "Ann", 0)]) == span


@pytest.mark.parametrize(
    ("question", "text", "span"),
    [
        ("Why did Ann break the kayak?", "I broke the kayak because the river was low. Sad.", "the river was low"),
        ("Which book about the kayak broke Ann?", 'The kayak broke, as in "Low Water" by Lee.', "Low Water"),
    ],
)
def test_reasons_and_titles(question: str, text: str, span: str) -> None:
    asked = _asked(question, ["kayak", "broke", "break", "week", "mara"])
    assert short_answer(question, asked, [Passage(_hit(text), "Ann", 0)]) == span


@pytest.mark.parametrize(
    ("text", "author", "said"),
    [
        ("I broke the kayak.", "Ann", "Yes"),
        ("I never broke the kayak.", "Ann", "No"),
        ("I broke the kayak.", "Ben", ""),
        ("I almost broke the kayak.", "Ann", ""),
        ("Did I say that I broke the kayak?", "Ann", ""),
        ("I broke the oar.", "Ann", ""),
    ],
)
def test_yes_and_no_only_where_it_is_plainly_said(text: str, author: str, said: str) -> None:
    asked = _asked("Was the kayak broke Ann?", ["kayak", "broke"])
    assert yes_or_no("was the kayak broke?", asked, text, Passage(_hit(text), author, 0)) == said


def test_a_swapped_speaker_gets_no_answer(life: Life) -> None:
    life.add(
        message("2026-03-10 12:00", "Ann", "my bicycle was stolen at the station"),
        message("2026-03-11 12:00", "Ben", "i read a book about gardens"),
        *(message(f"2026-03-0{day} 12:00", "Ann", f"lunch number {day} was good") for day in range(1, 9)),
    )
    right = life.ask("Where was Ann's bicycle stolen?")
    assert right.mode is AnswerMode.QUOTED
    assert "stolen at the station" in right.text
    assert life.ask("Where was Ben's bicycle stolen?").mode is AnswerMode.UNKNOWN
    assert life.ask("Where was Wolfgang's bicycle stolen?").mode is AnswerMode.UNKNOWN


def test_a_model_words_what_the_evidence_holds(life: Life) -> None:
    life.add(message("2026-03-10 12:00", "Ann", "my bicycle was stolen at the station"))
    dialogue = life.dialogue()
    for said, text in (
        ("at the station", "At the “station”. Ann wrote on 2026-03-10 12:00: “my bicycle was stolen at the station”"),
        ("you are a fool", "Ann wrote on 2026-03-10 12:00: “my bicycle was stolen at the station”"),
    ):
        dialogue._phrasing = lambda said=said: ScriptedModel([said])  # type: ignore[misc]
        answer = list(dialogue.ask("Where was Ann's bicycle stolen?", "test"))[-1]
        assert isinstance(answer, Answer)
        assert answer.text == text
        assert (answer.worded_by == "scripted") == (said == "at the station")
