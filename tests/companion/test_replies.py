"""Computed answers on small lives: the right value, in plain English."""

from __future__ import annotations

import pytest

from hearthside.companion.answers import AnswerMode
from hearthside.events import Event, Layer, Origin, Precision, Trust
from tests.companion.lives import Life, at, caption, event, message, night, utterance


@pytest.mark.parametrize(
    ("times", "said"), [(1, "You went running once."), (2, "You went running twice."), (3, "You went running 3 times.")]
)
def test_how_often(life: Life, times: int, said: str) -> None:
    life.add(*(event("workout", f"2026-03-1{i} 18:00", "running", 40, activity="running") for i in range(times)))
    assert life.ask("How many times did I go running?").text == said


def test_one_message_is_one_message(life: Life) -> None:
    life.add(message("2026-03-17 12:00", "Ann", "see you", own=True))
    assert life.ask("How many messages did I write to Ann?").text == "You sent 1 message to Ann."


def test_a_name_is_not_part_of_another(life: Life) -> None:
    life.add(message("2026-03-17 12:00", "Hannah", "see you", own=True))
    assert life.ask("How many messages did I write to Ann?").mode is AnswerMode.UNKNOWN
    life.add(event("search", "2026-03-17 13:00", "party hats", origin=Origin.SELF))
    assert life.ask("When did I last search for art?").mode is AnswerMode.UNKNOWN


def test_cycling_and_biking_are_one(life: Life) -> None:
    life.add(event("workout", "2026-03-10 18:00", "biking", 40, activity="biking"))
    answer = life.ask("When did I last go cycling?")
    assert answer.text == "You last went cycling on Tuesday, 2026-03-10, at 18:00 (8 days ago)."


def test_a_nap_is_no_short_night(life: Life) -> None:
    nap = Event(
        "test", "sleep", Layer.BEHAVIOURAL, at("2026-03-15 14:00"), Origin.DEVICE, Trust.OWN, {"total": 1200},
        clock="test", end_ms=at("2026-03-15 14:20"),
    )  # fmt: skip
    life.add(night("2026-03-14", 7), night("2026-03-15", 6.5), nap, night("2026-03-16", 6.6), night("2026-03-17", 8))
    shortest = life.ask("Which was my shortest night?")
    assert shortest.text == "Your shortest night was the one to Sunday, 2026-03-15: 6 h 30 min."  # without the nap
    assert life.ask("When did I sleep the longest?").value.startswith("2026-03-17")


def test_the_fuller_of_two_rings_counts(life: Life) -> None:
    other = Event(
        "watch", "sleep", Layer.BEHAVIOURAL, at("2026-03-18 00:00"), Origin.DEVICE, Trust.OWN, {"total": 3600},
        clock="test", end_ms=at("2026-03-18 07:00"),
    )  # fmt: skip
    fuller = Event(
        "ring", "sleep", Layer.BEHAVIOURAL, at("2026-03-17 23:30"), Origin.DEVICE, Trust.OWN, {"total": 7 * 3600},
        clock="test", end_ms=at("2026-03-18 07:00"),
    )  # fmt: skip
    life.add(fuller, other)
    assert life.ask("How long did I sleep last night?").text == "You slept 7 h 00 min last night."


def test_a_day_without_a_time_is_told_without_a_time(life: Life) -> None:
    steps = Event(
        "test", "activity_day", Layer.BEHAVIOURAL, at("2026-03-17 00:00"), Origin.DEVICE, Trust.OWN, {"steps": 8123},
        clock="test", precision=Precision.DAY,
    )  # fmt: skip
    life.add(steps)
    assert life.ask("How many steps did I take yesterday?").text == "You took 8,123 steps yesterday."
    assert (
        life.ask("When did I take the most steps?").text == "Your most steps were on Tuesday, 2026-03-17: 8,123 steps."
    )


def test_a_video_is_watched_as_long_as_the_screen_shows_it(life: Life) -> None:
    life.add(
        event("watch", "2026-03-17 20:00", "Paper Boats (live)", origin=Origin.WEB),
        event("app_use", "2026-03-17 20:00", "Browser – Paper Boats (live) - YouTube", 25, app="Browser"),
    )
    during = life.ask("What was I watching yesterday at 20:20?")
    assert (during.mode, during.value) == (AnswerMode.COMPUTED, "Paper Boats (live)")
    assert {hit.kind for hit in during.evidence} == {"watch", "app_use"}
    assert life.ask("What was I watching yesterday at 20:30?").mode is AnswerMode.UNKNOWN


def _dinner(day: str, place: str, *people: str) -> list[Event]:
    seen = [
        caption(f"{day} {clock}", f"A menu and {len(people)} plates", place) for clock in ("19:30", "20:10", "21:00")
    ]
    return seen + [utterance(f"{day} 20:{i:02d}", name, "pass the bread") for i, name in enumerate(people)]


def test_a_menu_read_outside_is_not_being_there(life: Life) -> None:
    life.add(
        *_dinner("2026-03-02", "Linden Room", "Ann"), caption("2026-03-16 17:45", "A menu board", "Linden Room", 2)
    )
    answer = life.ask("When was I last at the Linden Room?")
    assert answer.text == "You were last at Linden Room on Monday, 2026-03-02, from 19:30 (16 days ago)."
    assert {hit.local[:10] for hit in answer.evidence} == {"2026-03-02"}


def test_a_place_only_seen_in_passing_is_said_to_be_just_that(life: Life) -> None:
    life.add(caption("2026-03-16 17:45", "A menu board", "Linden Room", 2))
    answer = life.ask("When was I last at the Linden Room?")
    assert answer.mode is AnswerMode.UNKNOWN
    assert answer.text.endswith("Your glasses only saw Linden Room in passing, last on Monday, 2026-03-16.")


@pytest.mark.parametrize(("minutes", "stayed"), [(40, True), (5, False)])
def test_positions_decide_where_one_caption_cannot(life: Life, minutes: int, stayed: bool) -> None:
    life.add(
        caption("2026-03-16 12:20", "A bowl of soup", "Café Nord"),
        event("position", "2026-03-16 11:40", lat=51.5, lon=-0.10),
        *(event("position", f"2026-03-16 12:{m:02d}", lat=51.51, lon=-0.11) for m in range(15, 16 + minutes, 5)),
        event("position", "2026-03-16 13:10", lat=51.5, lon=-0.10),
    )
    answer = life.ask("When was I last at Café Nord?")
    assert (answer.mode is AnswerMode.COMPUTED) is stayed
    if stayed:
        assert "from 12:15" in answer.text


def test_dinner_with_all_of_us_counts_heads(life: Life) -> None:
    life.add(
        *_dinner("2026-03-02", "Linden Room", "Ann", "Ben", "Cleo"),
        *_dinner("2026-03-09", "Nine Bowls", "Ann"),
        *[o for o in _dinner("2026-03-12", "Potter's Yard", "Ann", "Ben", "Cleo") if o.kind == "utterance"],
        *(caption(f"2026-03-12 {t}", "A wheel and wet clay", "Potter's Yard") for t in ("19:20", "20:40")),
    )
    where = life.ask("Where was the last dinner with all four of us?")
    assert where.value == "Linden Room"
    assert where.text.endswith("with Ann, Ben and Cleo.")
    assert life.ask("When did I last have dinner with Ann?").value == "2026-03-09 19:30"
    assert life.ask("How many dinners did we have with all four of us?").value == "1"
    assert life.ask("When did I last have lunch with Ann?").mode is AnswerMode.UNKNOWN


def test_how_long_and_where_from_regions(life: Life) -> None:
    life.add(
        event("region_enter", "2026-03-17 09:00", "Work", region="Work"),
        event("region_leave", "2026-03-17 17:30", "Work", region="Work"),
        event("region_enter", "2026-03-17 18:00", "Home", region="Home"),
    )
    assert life.ask("How long was I at work yesterday?").text == "You were at work 8 h 30 min yesterday."
    assert life.ask("Where was I yesterday at 10:00?").text == "You were at work yesterday at 10:00."
    assert life.ask("Where was I yesterday at 17:45?").mode is AnswerMode.UNKNOWN


def test_what_was_said_is_told_with_who_said_it(life: Life) -> None:
    life.add(utterance("2026-03-17 20:00", "Ann", "You work too much.", tone=None))
    answer = life.ask("When did I last talk to Ann?")
    assert answer.text == (
        "You last talked with Ann on Tuesday, 2026-03-17, at 20:00 (yesterday): Ann said “You work too much.”"
    )
