"""Questions with conditions: the value that was asked for, or none, but never the value of a simpler question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.companion.answers import AnswerMode
from hearthside.errors import Refused
from hearthside.events import Event, Json, Layer, Origin, Precision, Trust
from tests.companion.lives import Life, at, event, message, night, open_life, utterance


def _day(kind: str, day: str, **payload: Json) -> Event:
    start = at(f"{day} 00:00")
    return Event(
        "test", kind, Layer.BEHAVIOURAL, start, Origin.DEVICE, Trust.OWN, payload, clock="test",
        precision=Precision.DAY,
    )  # fmt: skip


def _songs() -> list[Event]:
    titles = ["Maisie Peters – Worst of You", "Maisie Peters – John Hughes Movie", "Halfmoon – Paper Boats"]
    return [event("listen", f"2026-03-1{i} 20:00", title, origin=Origin.SELF) for i, title in enumerate(titles, 1)]


def _written() -> list[Event]:
    return [
        message("2026-03-10 12:00", "Vesna", "dinner at eight?", own=True),
        message("2026-03-10 12:05", "Vesna", "the bus is late", own=True),
        message("2026-03-11 12:00", "Vesna", "see you there"),
        message("2026-03-11 12:30", "Tarek", "hello", own=True),
        message("2026-03-12 12:30", "Vesna", "the garage door opened by itself, eating now"),
        event("post", "2026-03-12 09:00", "Upptime is down again", origin=Origin.SELF),
        event("post", "2026-03-13 09:00", "Lovely morning", origin=Origin.SELF),
        *(event("like", f"2026-03-1{i} 10:00", "a tweet", origin=Origin.WEB) for i in range(1, 4)),
        event("search", "2026-03-10 13:00", "party hats", origin=Origin.SELF),
        utterance("2026-03-17 20:00", "Tarek", "It rains."),
    ]


def _done() -> list[Event]:
    return [
        event("workout", "2026-03-10 18:00", "walking", 40, activity="walking"),
        event("workout", "2026-03-11 18:00", "running", 20, activity="running"),
        event("workout", "2026-03-12 18:00", "running", 50, activity="running"),
        event("workout", "2026-03-13 18:00", "badminton", 60, activity="badminton"),
        event("afk", "2026-03-17 09:00", "at the keyboard", 90),
        event("afk", "2026-03-17 10:30", "away from the keyboard", 60),
        event("app_use", "2026-03-17 09:00", "notes", 60, app="Editor"),
        event("app_use", "2026-03-17 10:00", "news", 30, app="Browser"),
        event("region_enter", "2026-03-17 09:00", "Work", region="Work"),
        event("region_leave", "2026-03-17 17:30", "Work", region="Work"),
    ]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A small life with a little of everything; it ends on Wednesday, 2026-03-18."""
    life = open_life(Path(tmp_path_factory.mktemp("busy")))
    nights = [night(f"2026-03-{day}", hours) for day, hours in ((15, 5), (16, 8), (17, 6.5), (18, 7))]
    days = [_day("activity_day", f"2026-03-{day}", steps=steps) for day, steps in ((16, 12000), (17, 8000))]
    weights = [_day("weight_day", f"2026-03-{day}", weight=kg) for day, kg in ((10, 74.26), (16, 73.4208))]
    coded = _day("coding_time_day", "2026-03-17", total_seconds=7200)
    podcast = _day("podcast", "2026-03-16")
    life.add(*_songs(), *_written(), *_done(), *nights, *days, *weights, coded, podcast)
    yield life
    life.journal.close()


_VALUES = [
    ("How many songs by Maisie Peters did I listen to this month?", "2"),
    ("How many songs did I listen to this month?", "3"),
    ("How many podcasts did I listen to this month?", "1"),
    ("How many tweets did I like this month?", "3"),
    ("How many tweets about Upptime did I post?", "1"),
    ("How many times did I post?", "2"),
    ("How long did I sleep the night before last?", "6 h 30 min"),
    ("When did I go to bed the night before last?", "00:30"),
    ("How many messages did I send to Vesna about dinner?", "1"),
    ("How many messages did Vesna send me?", "2"),
    ("How long did I walk this month?", "40 min"),
    ("What was my longest run?", "2026-03-12, 50 min"),
    ("When did I last play badminton?", "2026-03-13 18:00"),
    ("How many times did I play badminton?", "1"),
    ("What is my weight?", "2026-03-16, 73.4 kg"),
    ("What was my weight on 2026-03-10?", "2026-03-10, 74.3 kg"),
    ("How many hours was I on the computer yesterday?", "1 h 30 min"),
    ("Who did I message most?", "Vesna"),
    ("Which artist did I listen to most?", "Maisie Peters"),
    ("Which app did I use most?", "Editor"),
    ("Where was I yesterday at noon?", "work"),
    ("How many nights did I sleep?", "4"),
    ("How many steps did I take on Mondays in 2026?", "12,000 steps"),
    ("What was my average sleep on weekends in 2026?", "5 h 00 min"),
    ("How much did I sleep on average on weekends?", "5 h 00 min"),
    ("How many nights did I sleep less than 6 hours in 2026?", "1"),
    ("On how many days did I take more than 10,000 steps in 2026?", "1"),
    ("How much weight did I lose in 2026?", "-0.8 kg"),
    ("When did I last sleep less than 6 hours?", "2026-03-15"),
    ("How many times did I run more than 30 minutes?", "1"),
    ("When did I walk most?", "2026-03-16, 12,000 steps"),
]


@pytest.mark.parametrize(("question", "value"), _VALUES)
def test_the_value_that_was_asked_for(busy: Life, question: str, value: str) -> None:
    answer = busy.ask(question)
    assert (answer.mode, answer.value.casefold()) == (AnswerMode.COMPUTED, value.casefold()), answer.text
    assert answer.evidence


_BEYOND = [
    "How much deep sleep did I get on 2026-03-17?",
    "How long was I awake on 2026-03-17?",
    "How many hours did I code in TypeScript in 2026?",
    "How many hours did I sleep in 2025 and 2026?",
    "How many songs did I listen to in 2025 and 2026?",
    "When did I last sleep badly?",
    "When did Vesna last write to Tarek?",
    "When did Vesna last listen to Halfmoon?",
    "How long did Vesna sleep last night?",
    "When did Vesna go to work?",
    "How long did I listen to music?",
    "How long did I talk with Tarek yesterday?",
    "How long is it until Tuesday?",
    "How long is my average run?",
    "How many days did I not go running?",
    "How many messages did I write to Vesna after midnight?",
    "How often did I sleep?",
    "How many steps did I take per week?",
    "How many people did I write to?",
]


@pytest.mark.parametrize("question", _BEYOND)
def test_what_cannot_be_computed_is_not_computed(busy: Life, sample: Life, question: str) -> None:
    for life in (busy, sample):
        answer = life.ask(question)
        assert answer.mode is not AnswerMode.COMPUTED, answer.text
        assert answer.value == ""
        assert "I have no record" not in answer.text  # it was not understood, which says nothing of the records


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("When was the door last opened?", "The last record that mentions “door” and “opened” is from Thursday"),
        ("When did I last eat out?", "I don't know: I found no record that mentions “eat”."),
        ("When did I last see my mother?", "I don't know: I found no record that mentions"),
        ("What did I search for last week?", "You searched for “party hats” last week."),
    ],
)
def test_words_that_are_only_mentioned_are_no_fact(busy: Life, question: str, said: str) -> None:
    answer = busy.ask(question)
    assert answer.mode in {AnswerMode.QUOTED, AnswerMode.UNKNOWN}
    assert answer.text.startswith(said), answer.text
    assert answer.value == ""


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What do I weigh on average?", "You weighed 73.8 kg on average, over 2 days."),
        ("How many times did I run?", "You went running twice."),
        ("How many songs did I listen to?", "You listened to 3 songs."),
        ("How many songs by Halfmoon did I listen to?", "You listened to 1 song by Halfmoon."),
        ("How many nights did I sleep?", "You slept on 4 nights."),
        ("When did I weigh the most?", "Your highest weight was 74.3 kg, on Tuesday, 2026-03-10."),
        ("When did I take the most steps?", "Your most steps were on Monday, 2026-03-16: 12,000 steps."),
        ("How many messages did I send to Vesna about dinner?", "You sent 1 message to Vesna about dinner."),
        ("How many messages did Vesna send me?", "You got 2 messages from Vesna."),
        ("Who did I message most?", "You wrote to Vesna most: 2 messages."),
        ("Which app did I use most?", "You used Editor most: 1 h 00 min."),
    ],
)
def test_said_in_plain_english(busy: Life, question: str, said: str) -> None:
    assert busy.ask(question).text == said


def test_hours_of_a_day_narrow_what_comes_up_most(busy: Life) -> None:
    assert busy.ask("Which app did I use most yesterday evening?").mode is AnswerMode.UNKNOWN


def test_an_empty_question_is_refused_and_not_kept(life: Life) -> None:
    with pytest.raises(Refused) as refused:
        life.ask("  \n")
    assert refused.value.code == "question-empty"
    assert life.dialogue().conversations() == []
