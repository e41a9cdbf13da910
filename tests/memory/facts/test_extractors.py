"""What single extractors say of a life, word for word; the contract that all hold is tested in tests/contracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Layer, Origin, Trust
from tests.memory.known_lives import Known, at, known_life, said, spoken, trained

_HOME, _WORK, _FLAT = (60.17, 24.94), (60.20, 24.90), (60.25, 25.05)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Known]:
    with known_life(tmp_path, 30) as opened:
        yield opened


def _at(day: int, ms: int, spot: tuple[float, float], clock: str = "device:owntracks") -> Event:
    payload = {"lat": spot[0], "lon": spot[1], "accuracy_m": 10.0}
    return Event(
        "owntracks", "position", Layer.ENVIRONMENTAL, at(day, ms), Origin.DEVICE, Trust.OWN, payload, clock=clock
    )


def _entered(day: int, ms: int, region: str) -> Event:
    return Event(
        "owntracks", "region_enter", Layer.ENVIRONMENTAL, at(day, ms), Origin.DEVICE, Trust.OWN, {"region": region},
        clock="device:owntracks", text=region,
    )  # fmt: skip


def _weeks(days: range, home: tuple[float, float] = _HOME) -> list[Event]:
    """Nights at home and workdays at work, one position every twenty minutes."""
    found = []
    for day in days:
        for minute in range(0, DAY_MS // MINUTE_MS, 20):
            working = day % 7 < 5 and 9 <= minute // 60 < 17
            found.append(_at(day, minute * MINUTE_MS, _WORK if working else home))
    return found


def _sentences(life: Known, topic: str) -> set[str]:
    return {fact.sentence for fact in life.knowing.facts() if fact.topic == topic}


def test_a_home_and_a_workplace_without_names_are_no_tautology(life: Known) -> None:
    life.take(*_weeks(range(21)))
    assert _sentences(life, "places") == {
        "You spend most of your nights at one place, your home.",
        "You spend most of your working hours at one place, your workplace.",
    }


@pytest.mark.parametrize("region", ["Work", "Büro", "회사", "公司", "職場"])
def test_a_region_called_work_is_no_employer(life: Known, region: str) -> None:
    life.take(*_weeks(range(21)), *(_entered(day, 9 * HOUR_MS, region) for day in range(5)))
    assert life.fact("work_place").value == region
    assert life.fact("work_place").sentence == "You spend most of your working hours at one place, your workplace."


def test_a_place_with_a_name_is_named(life: Known) -> None:
    life.take(*_weeks(range(21)), *(_entered(day, 9 * HOUR_MS, "Main Library") for day in range(5)))
    assert life.fact("work_place").sentence == "You spend most of your working hours at Main Library."


def test_who_moved_had_another_home(tmp_path: Path) -> None:
    with known_life(tmp_path, 130) as life:
        life.take(*_weeks(range(63)), *_weeks(range(63, 130), _FLAT))
        former = life.fact("home_place", "earlier home")
        assert former.sentence == "Your home used to be elsewhere."
        assert former.valid_to


def test_devices_are_called_as_people_call_them(life: Known) -> None:
    clocks = ("device:owntracks", "device:oura", "device:home_assistant", "device:glasses", "device:omi",
              "device:kitchen_phone#2")  # fmt: skip
    life.take(*(replace(_at(n, HOUR_MS, _HOME), clock=clock) for n, clock in enumerate(clocks)))
    assert _sentences(life, "devices") == {
        f"You record with “{name}”."
        for name in ("OwnTracks", "Oura", "Home Assistant", "Smart glasses", "Omi", "kitchen phone")
    }


def test_people_with_figures_that_a_short_life_has(life: Known) -> None:
    life.take(*(said(day, "hi", by="Ida") for day in range(10, 20)))
    assert (
        life.fact("writes_with").sentence == "You often write with Ida: 10 messages on 10 days of the last half year."
    )


def test_weekly_exercise_in_plain_words(tmp_path: Path) -> None:
    with known_life(tmp_path, 182) as life:
        life.take(
            *(trained(day, "Rowing") for day in range(1, 182, 7)), *(trained(day, "Dancing") for day in range(180))
        )
        held = "on 26 of the 26 Tuesdays on record in the last half year"
        assert life.fact("weekly_sport").sentence == f"You do rowing on Tuesdays: {held}."


@pytest.mark.parametrize(
    ("written", "value", "words"),
    [("1990-05-03", "1990-05-03", "3 May 1990"), ("19900503", "19900503", "3 May 1990"),
     ("1604-05-03", "--05-03", "3 May")],
)  # fmt: skip
def test_birthdays_of_an_address_book_in_words(life: Known, written: str, value: str, words: str) -> None:
    contact = Event(
        "contacts", "contact", Layer.TEXT, at(3), Origin.DEVICE, Trust.OWN,
        {"name": "Ida", "birthday": written, "relation": "aunt"}, clock="export:contacts", text="Ida",
    )  # fmt: skip
    life.take(contact)
    assert life.fact("birthday").sentence == f"Ida’s birthday is {words}."
    assert life.fact("birthday").value == value


def test_words_of_the_person_are_told_to_them(life: Known) -> None:
    life.take(said(3, "I enjoy taking care of my hair"), spoken(4, "I was born in Leeds"))
    assert life.fact("likes").sentence == "You like taking care of your hair."
    assert life.fact("likes").value == "taking care of my hair"  # as it stands in the record
    assert life.fact("born").sentence == "You were born in Leeds."
