"""Workouts that were logged, and bouts of effort where none was."""

from __future__ import annotations

import numpy as np
import pytest

from hearthside.alignment.episodes import exercise
from tests.alignment.episodes.real import person_a
from tests.alignment.episodes.windows import Life, Said, at, find_all


def _ring(*stretches: tuple[float, int]) -> Life:
    """Minutes of MET from 08:00 of the first day on, as (value, minutes)."""
    values = np.full(2 * 1440, np.nan)
    minute = 480
    for value, minutes in stretches:
        values[minute : minute + minutes] = value
        minute += minutes
    return Life([], {("ring", "met"): values})


def test_a_workout_that_two_apps_logged_is_one() -> None:
    run = Said("workout", at(0, 8), at(0, 9), "running")
    life = Life([run, Said("workout", at(0, 8, 5), at(0, 8, 50), "walking", source="two")])
    (found,) = find_all(life, exercise)
    assert (found.label, found.start_ms, found.end_ms, found.sure) == ("running", at(0, 8), at(0, 9), 0.95)
    assert len(found.evidence) == 2


def test_workouts_one_after_another_are_two() -> None:
    life = Life([Said("workout", at(0, 8), at(0, 9), "biking"), Said("workout", at(0, 9), at(0, 10), "walking")])
    assert [e.label for e in find_all(life, exercise)] == ["biking", "walking"]


@pytest.mark.parametrize(
    ("stretches", "minutes"),
    [
        ([(3.0, 10)], [10]),
        ([(3.0, 9)], []),
        ([(2.9, 30)], []),
        ([(4.0, 5), (1.0, 2), (4.0, 5)], [12]),
        ([(4.0, 5), (1.0, 3), (4.0, 5)], []),
        ([(4.0, 5), (np.nan, 2), (4.0, 5)], [12]),
        ([(4.0, 2), (1.0, 2)] * 10, []),  # half of the time only
        ([(4.0, 15), (1.0, 3), (4.0, 15)], [15, 15]),
    ],
)
def test_a_bout_is_ten_minutes_with_short_interruptions(stretches: list[tuple[float, int]], minutes: list[int]) -> None:
    assert [e.facts["minutes"] for e in find_all(_ring(*stretches), exercise)] == minutes


def test_a_bout_says_how_hard_it_was() -> None:
    moderate, vigorous = find_all(_ring((3.5, 20), (1.0, 20), (6.0, 6), (5.0, 6)), exercise)
    assert (moderate.label, moderate.start_ms, moderate.end_ms) == ("moderate activity", at(0, 8), at(0, 8, 20))
    assert (vigorous.label, vigorous.facts["mean_met"], vigorous.sure) == ("vigorous activity", 5.5, 0.6)
    assert vigorous.evidence == ()


def test_effort_in_and_around_a_workout_is_the_workout() -> None:
    life = _ring((4.0, 60))
    life.events.append(Said("workout", at(0, 8, 9), at(0, 8, 51), "walking"))
    assert [e.label for e in find_all(life, exercise)] == ["walking"]
    life.events[0] = Said("workout", at(0, 8, 45), at(0, 8, 51), "walking")
    assert [e.label for e in find_all(life, exercise)] == ["moderate activity", "walking"]


def test_of_two_devices_the_higher_value_counts() -> None:
    life = _ring((4.0, 6), (1.0, 6))
    life.samples["watch", "met"] = _ring((1.0, 6), (4.0, 6)).samples["ring", "met"]
    assert [e.facts["minutes"] for e in find_all(life, exercise)] == [12]


def test_the_workouts_of_person_a() -> None:
    names = ("badminton", "biking", "walking", "running", "elliptical", "strength")
    life = person_a("oura-activity", *(f"google-fit-{name}" for name in names))
    found = find_all(life, exercise)
    labels = [e.label for e in found if e.facts["logged"]]
    # 544 walks, of which 2 stand twice; overlapping ones are one
    assert (labels.count("badminton"), labels.count("biking"), labels.count("running")) == (108, 193, 9)
    assert 535 <= labels.count("walking") <= 542
    bouts = [e for e in found if not e.facts["logged"]]
    assert len(bouts) > 500
    assert min(e.facts["mean_met"] for e in bouts) >= 2.6  # eight of ten minutes at three and more, the rest at one
