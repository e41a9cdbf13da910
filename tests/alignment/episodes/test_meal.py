"""Meals that were noted, and hints that are enough together."""

from __future__ import annotations

import pytest

from hearthside.alignment.episodes import meal
from hearthside.events import Origin
from tests.alignment.episodes.real import kasteren, mit_house
from tests.alignment.episodes.windows import Life, Said, at, find_all


def _noted(text: str, start: int, end: int) -> Said:
    return Said("activity", start, end, text, origin=Origin.SELF)


def _saw(minute: float, text: str = "A plate of pasta.") -> Said:
    return Said("caption", at(0, 18, minute), text=text)


def _fired(minute: float, text: str) -> Said:
    return Said("state", at(0, 18, minute), at(0, 18, minute) + 1000, text, numbers=(("value", float("nan")),))


@pytest.mark.parametrize(
    ("text", "label", "sure"),
    [
        ("Eating", "meal", 0.95),
        ("having lunch", "lunch", 0.95),
        ("Preparing breakfast", "preparing breakfast", 0.7),
        ("prepare Dinner", "preparing dinner", 0.7),
        ("cooking", "preparing a meal", 0.7),
    ],
)
def test_what_was_noted_is_enough(text: str, label: str, sure: float) -> None:
    (found,) = find_all(Life([_noted(text, at(0, 12), at(0, 13))]), meal)
    assert (found.label, found.sure, found.start_ms, found.end_ms) == (label, sure, at(0, 12), at(0, 13))


@pytest.mark.parametrize(
    "text", ["Washing dishes", "Preparing a beverage", "Putting away groceries", "Reading", "Meal Cleanup", "get drink"]
)
def test_other_notes_are_no_meals(text: str) -> None:
    assert find_all(Life([_noted(text, at(0, 12), at(0, 13))]), meal) == []


def test_what_a_program_calls_eating_is_no_note() -> None:
    assert find_all(Life([Said("activity", at(0, 12), at(0, 13), "Eating")]), meal) == []


def test_one_look_at_food_is_not_enough() -> None:
    assert find_all(Life([_saw(0)]), meal) == []
    assert find_all(Life([_saw(0), _saw(1)]), meal) == []
    assert find_all(Life([_saw(0), _saw(10, "A street.")]), meal) == []
    (found,) = find_all(Life([_saw(0), _saw(10)]), meal)
    assert (found.label, found.sure, found.facts) == ("meal", 0.6, {"hints": ["seen"], "count": 2})


def test_food_seen_at_a_place_to_eat() -> None:
    (found,) = find_all(Life([Said("region_enter", at(0, 18, 5), text="Osteria Blu"), _saw(15)]), meal)
    assert (found.sure, found.start_ms, found.end_ms) == (0.8, at(0, 18, 5), at(0, 18, 15))


def test_a_homes_sensors_need_what_cooks_and_what_keeps_or_serves() -> None:
    assert find_all(Life([_fired(0, "Microwave on"), _fired(1, "Oven on")]), meal) == []
    assert find_all(Life([_fired(0, "Fridge on"), _fired(1, "Plates cupboard on")]), meal) == []
    assert find_all(Life([_fired(0, "Fridge on"), _fired(21, "Oven on")]), meal) == []
    (found,) = find_all(Life([_fired(0, "Fridge on"), _fired(20, "Oven on")]), meal)
    assert (found.sure, found.facts["hints"]) == (0.5, ["cooking", "food store"])


def test_hints_at_a_noted_meal_make_no_second_one() -> None:
    hints = [_saw(0), _saw(5), _fired(30, "Fridge on"), _fired(31, "Oven on")]
    assert [e.sure for e in find_all(Life([*hints, _noted("Eating", at(0, 18, 11), at(0, 18, 20))]), meal)] == [0.95]


def test_a_reading_of_a_sensor_is_no_firing() -> None:
    warm = Said("state", at(0, 18, 1), text="Oven 180 °C on", numbers=(("value", 180.0),))
    assert find_all(Life([_fired(0, "Fridge on"), warm]), meal) == []


def test_real_homes() -> None:
    labels = [e.label for e in find_all(kasteren(), meal)]
    assert (labels.count("preparing breakfast"), labels.count("preparing dinner")) == (20, 10)  # all that were noted
    noted = [e for e in find_all(mit_house(), meal) if e.label != "meal"]
    assert len(noted) == 50  # of 54 notes, those up to 20 minutes apart are one
