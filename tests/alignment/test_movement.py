"""Movement: home, work, nights away, commutes and trips, and nothing where nobody looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hearthside.alignment.episodes import Episode
from hearthside.alignment.movement import KINDS, movements
from hearthside.alignment.place_names import Ints
from hearthside.alignment.places import find_places
from hearthside.alignment.visits import Visit
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from tests.alignment.test_places import CAFE, FAR, MONDAY_MS, visit, weeks


def seen(visits: Sequence[Visit], unseen_min: int) -> list[Visit]:
    """The visits with the longest silence before each of them."""
    ordered = sorted(visits, key=lambda v: v.start_ms)
    return [replace(v, unseen_ms=unseen_min * MINUTE_MS if k else -1) for k, v in enumerate(ordered)]


def found_in(visits: Sequence[Visit], unseen_min: int = 5) -> list[Episode]:
    places, named = find_places(seen(visits, unseen_min))
    return movements(named, places)


def kinds(found: Sequence[Episode]) -> dict[str, int]:
    return {kind: sum(episode.kind == kind for episode in found) for kind in KINDS}


def test_nothing_makes_nothing() -> None:
    assert movements([], []) == []


def test_two_weeks_of_home_and_work() -> None:
    """Every workday has a way there and one back; the first way there comes from nowhere known.

    Trips: to lunch and back on two Saturdays, and from eight to seven outside on two Sundays.
    """
    found = found_in(weeks(2))
    assert kinds(found) == {"home": 14, "work": 10, "away": 0, "commute": 9 + 10, "trip": 4 + 2}
    there = next(e for e in found if e.label == "home → work")
    assert (there.kind, there.facts["minutes"], there.sure) == ("commute", 60, 1.0)
    assert 3_000 < there.facts["distance_m"] < 6_000
    assert len(there.evidence) == 2
    assert found == sorted(found, key=lambda e: e.start_ms)


def test_ways_begin_where_visits_end() -> None:
    found = [e for e in found_in(weeks(2)) if e.kind != "trip"]
    for before, after in pairwise(found):
        assert before.end_ms <= after.start_ms


def test_no_way_over_a_silence() -> None:
    assert kinds(found_in(weeks(2), unseen_min=60))["commute"] == 19
    assert {e.sure for e in found_in(weeks(2), unseen_min=60) if e.kind == "commute"} == {0.333}
    assert kinds(found_in(weeks(2), unseen_min=61)) == {"home": 14, "work": 10, "away": 0, "commute": 0, "trip": 0}


def test_out_and_back_is_a_trip_and_a_moment_outside_is_none() -> None:
    end = weeks(2)[-1].end_ms
    again = visit(end + 40 * MINUTE_MS, 1, (52.0, 4.3))
    assert [e.label for e in found_in([*weeks(2), again])][-2:] == ["out and back: home", "at home"]
    soon = visit(end + 9 * MINUTE_MS, 1, (52.0, 4.3))
    assert [e.label for e in found_in([*weeks(2), soon])][-2:] == ["at home", "at home"]


def test_a_night_elsewhere_is_away_and_a_day_is_not() -> None:
    later = MONDAY_MS + 15 * DAY_MS
    night, day = visit(later + 20 * HOUR_MS, 12, FAR), visit(later + 40 * HOUR_MS, 1, CAFE)
    away = [e for e in found_in([*weeks(2), night, day]) if e.kind == "away"]
    assert [(e.label, e.start_ms) for e in away] == [("night away: place 4", night.start_ms)]


def test_without_a_home_no_night_is_away() -> None:
    assert kinds(found_in([visit(MONDAY_MS, 7, FAR)])) == {"home": 0, "work": 0, "away": 0, "commute": 0, "trip": 0}


def test_the_night_is_that_of_the_person() -> None:
    later = MONDAY_MS + 15 * DAY_MS
    places, named = find_places(seen([*weeks(2), visit(later + 10 * HOUR_MS, 5, FAR)], 5))

    def east(ms: Ints) -> Ints:
        return np.full(len(ms), 14 * 60)

    assert not [e for e in movements(named, places) if e.kind == "away"]
    assert [e.label for e in movements(named, places, east) if e.kind == "away"] == ["night away: place 4"]


def test_a_part_of_a_life_needs_only_its_own_visits() -> None:
    places, named = find_places(seen(weeks(2), 5))
    part = movements(named[6:12], places)
    whole = movements(named, places)
    assert [e for e in whole if named[6].start_ms <= e.start_ms < named[12].start_ms][: len(part)] == part
