"""Places: found from a set of visits, with an identity that lasts, and called by what is known of them."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.episodes import Episode, stay
from hearthside.alignment.geodesy import DEGREE_M, metres, wrapped
from hearthside.alignment.place_names import Hint, Ints, NamedPlace
from hearthside.alignment.places import REACH_M, Place, find_places
from hearthside.alignment.visits import Visit, visits_of
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, ms_of
from hearthside.sources import geolife, studentlife_gps
from hearthside.sources.reading import Opened
from tests.alignment.positions import Row, by_day, columns, row_id, rows_of, stays_of, window
from tests.shared_data import shared_data

MONDAY_MS = ms_of(datetime(2024, 5, 6, tzinfo=UTC))
HOME, OFFICE, CAFE, FAR = (52.0, 4.3), (52.02, 4.35), (52.021, 4.352), (48.85, 2.35)


def visit(start_ms: int, hours: float, spot: tuple[float, float], east_m: float = 0.0) -> Visit:
    """A visit to a spot, or some metres beside it."""
    lon = wrapped(spot[1] + east_m / (DEGREE_M * math.cos(math.radians(spot[0]))))
    end_ms = start_ms + round(hours * HOUR_MS)
    ids = (row_id((start_ms, spot[0], lon, 0.0)), row_id((end_ms, spot[0], lon, 0.0)))
    return Visit(start_ms, end_ms, spot[0], lon, 20.0, "", "", ids, 1.0, end_ms - start_ms, 10, 0)


def weeks(count: int, home: tuple[float, float] = HOME, first_ms: int = MONDAY_MS) -> list[Visit]:
    """Nights at home from 19:00 to 08:00, weekdays at the office from 09:00 to 17:00, lunch on Saturdays."""
    found = []
    for day in range(7 * count):
        begin = first_ms + day * DAY_MS
        found.append(visit(begin + 19 * HOUR_MS, 13, home, east_m=20 * (day % 3)))
        if day % 7 < 5:
            found.append(visit(begin + 9 * HOUR_MS, 8, OFFICE, east_m=-15 * (day % 2)))
        elif day % 7 == 5:
            found.append(visit(begin + 12 * HOUR_MS, 1, CAFE))
    return sorted(found, key=lambda v: v.start_ms)


def labels(places: Sequence[Place]) -> list[tuple[str, str]]:
    return [(place.label, place.role) for place in places]


def test_nothing_makes_no_places() -> None:
    assert find_places([]) == ([], [])


def test_a_week_has_a_home_a_work_and_a_place_without_a_name() -> None:
    places, visits = find_places(weeks(2))
    assert labels(places) == [("work", "work"), ("home", "home"), ("place 3", "")]
    assert [place.visits for place in places] == [10, 14, 2]
    assert places[1].why == "100 % of the observed night hours (0 to 6) were spent there."
    assert places[2].why == "It is the number 3 of the places visited; nothing names it."
    assert places[1].dwell_ms == 14 * 13 * HOUR_MS
    assert (places[1].first_ms, places[1].last_ms) == (visits[1].start_ms, visits[-1].end_ms)
    assert {v.label for v in visits} == {"home", "work", "place 3"}
    assert {v.place_id for v in visits} == {place.id for place in places}
    assert all(30 <= place.radius_m < 60 for place in places)


def test_too_few_nights_and_days_are_neither_home_nor_work() -> None:
    places, _ = find_places(weeks(1)[:3])
    assert {role for _, role in labels(places)} == {""}


def test_night_and_workday_are_those_of_the_person() -> None:
    """Seen from UTC these are nights at the office; seven hours west of it they are days."""
    shifted = [visit(v.start_ms + 7 * HOUR_MS, (v.end_ms - v.start_ms) / HOUR_MS, (v.lat, v.lon)) for v in weeks(2)]

    def west(ms: Ints) -> Ints:
        return np.full(len(ms), -7 * 60)

    assert labels(find_places(shifted, west)[0])[:2] == [("work", "work"), ("home", "home")]
    assert labels(find_places(shifted)[0])[:2] != [("work", "work"), ("home", "home")]


def test_who_moves_has_an_earlier_home() -> None:
    moved = MONDAY_MS + 12 * 7 * DAY_MS
    places, _ = find_places([*weeks(12), *weeks(12, home=FAR, first_ms=moved)])
    assert labels(places) == [
        ("work", "work"),
        ("earlier home", "home"),
        ("place 3", ""),
        ("home", "home"),
    ]
    assert places[3].why == "Most nights of 3 months, 2024-08 to 2024-10, were spent there."


def test_a_month_of_holidays_is_no_home() -> None:
    away = MONDAY_MS + 12 * 7 * DAY_MS
    holiday = [visit(away + day * DAY_MS, 20, FAR) for day in range(14)]
    places, _ = find_places([*weeks(12), *holiday, *weeks(8, first_ms=away + 14 * DAY_MS)])
    assert [label for label, role in labels(places) if role == "home"] == ["home"]
    assert ("place 4", "") in labels(places)


# -- names -------------------------------------------------------------------------------------------------------------


def test_the_persons_own_name_counts_before_everything() -> None:
    names = [NamedPlace(*OFFICE, 200.0, "the shop"), NamedPlace(CAFE[0], CAFE[1], 50.0, "Mira's café")]
    hints = [Hint(MONDAY_MS + 10 * HOUR_MS, "ACME", "region_enter")]
    places, _ = find_places(weeks(2), names=names, hints=hints)
    assert labels(places) == [("the shop", "work"), ("home", "home"), ("Mira's café", "")]
    assert places[0].why == "You named it."


def test_of_two_names_the_nearer_counts_and_of_the_same_spot_the_later() -> None:
    near, wide = NamedPlace(*OFFICE, 100.0, "desk"), NamedPlace(52.0205, 4.351, 400.0, "campus")
    for names in ([near, wide], [wide, near]):
        places, _ = find_places(weeks(2), names=names)
        assert [label for label, _ in labels(places)] == ["desk", "home", "campus"]
    places, _ = find_places(weeks(2), names=[near, NamedPlace(*OFFICE, 100.0, "old desk")])
    assert places[0].label == "old desk"


def test_where_the_person_names_a_home_the_evidence_does_not_call_another_one_so() -> None:
    places, _ = find_places(weeks(2), names=[NamedPlace(*CAFE, 50.0, "Home")])
    assert labels(places) == [("work", "work"), ("another home", "home"), ("Home", "home")]


def test_a_region_names_the_visit_it_falls_into_or_soon_before() -> None:
    hints = [Hint(MONDAY_MS + 9 * HOUR_MS - 5 * MINUTE_MS, "ACME", "region_enter")]
    places, _ = find_places(weeks(2), hints=hints)
    assert labels(places)[0] == ("ACME", "work")
    assert places[0].why == "The phone, or its location history, called this place “ACME” once."
    too_early = [Hint(MONDAY_MS + 8 * HOUR_MS + 30 * MINUTE_MS, "ACME", "region_enter")]
    assert labels(find_places(weeks(2), hints=too_early)[0])[0] == ("work", "work")


def test_a_name_with_a_position_belongs_to_the_nearest_place() -> None:
    hints = [Hint(0, "Bakery", "region_enter", CAFE[0] + 0.0005, CAFE[1]), Hint(0, "Sea", "region_enter", 51.0, 4.0)]
    assert labels(find_places(weeks(2), hints=hints)[0])[2] == ("Bakery", "")


def test_the_most_frequent_name_counts_and_a_caption_must_be_seen_twice() -> None:
    noon = [MONDAY_MS + (5 + 7 * week) * DAY_MS + 12 * HOUR_MS + 1 for week in range(4)]
    once = [Hint(noon[0], "Osteria", "caption")]
    twice = [*once, Hint(noon[1], "Osteria", "caption")]
    split = [*twice, Hint(noon[2], "Bar", "caption"), Hint(noon[3], "Bar", "caption")]
    region = [*twice, Hint(noon[2], "Da Pino", "region_enter")]
    named = [labels(find_places(weeks(4), hints=hints)[0])[2][0] for hints in (once, once * 5, twice, split, region)]
    assert named == ["place 3", "place 3", "Osteria", "place 3", "Da Pino"]


# -- identity ----------------------------------------------------------------------------------------------------------


@st.composite
def lives(draw: st.DrawFn) -> list[Visit]:
    """Visits to spots that lie apart by anything from a few metres to a kilometre, somewhere on earth."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    lat = draw(st.sampled_from([0.0, 52.0, -33.9, 69.6, -89.0]))
    lon = draw(st.sampled_from([0.0, 4.3, 179.9995, -179.9995]))
    spread = draw(st.sampled_from([30, 150, 600]))
    found, t = [], MONDAY_MS
    for _ in range(draw(st.integers(1, 60))):
        hours = rng.uniform(0.4, 9)
        spot = (max(-90.0, lat + rng.gauss(0, spread) / DEGREE_M), lon)
        found.append(visit(t, hours, spot, east_m=rng.gauss(0, spread)))
        t += round(hours * HOUR_MS) + rng.randrange(3 * HOUR_MS)
    return found


def _slow(visits: Sequence[Visit]) -> list[int]:
    """The index of the place of each visit: every place is asked, in order of time."""
    centres: list[tuple[float, float, float]] = []
    member = []
    for v in visits:
        away = [metres(v.lat, v.lon, lat, lon) for lat, lon, _ in centres]
        k = min(range(len(away)), key=lambda i: away[i]) if away and min(away) <= REACH_M else len(away)
        weight = float(v.end_ms - v.start_ms)
        lat, lon, before = centres[k] if k < len(away) else (v.lat, v.lon, 0.0)
        share = weight / (before + weight)
        moved = (lat + (v.lat - lat) * share, wrapped(lon + wrapped(v.lon - lon) * share), before + weight)
        centres[k:] = [moved, *centres[k + 1 :]]
        member.append(k)
    return member


@settings(max_examples=200, deadline=None)
@given(life=lives())
def test_the_grid_finds_what_asking_every_place_finds(life: list[Visit]) -> None:
    places, visits = find_places(life)
    number = {place.id: k for k, place in enumerate(places)}
    assert [number[v.place_id] for v in visits] == _slow(life)


@settings(max_examples=50, deadline=None)
@given(life=lives(), seed=st.integers(0, 2**32))
def test_order_does_not_matter_and_later_days_change_no_identity(life: list[Visit], seed: int) -> None:
    rng = random.Random(seed)
    places, visits = find_places(life)
    shuffled = life[:]
    rng.shuffle(shuffled)
    assert find_places(shuffled) == (places, visits)
    until = rng.randrange(len(life)) + 1
    early_places, early_visits = find_places(life[:until])
    assert [place.id for place in early_places] == [place.id for place in places[: len(early_places)]]
    assert [v.place_id for v in early_visits] == [v.place_id for v in visits[:until]]


def test_ids_are_short_and_say_nothing_of_the_spot() -> None:
    places, _ = find_places(weeks(2))
    assert all(len(place.id) == 16 and int(place.id, 16) >= 0 for place in places)
    assert len({place.id for place in places}) == len(places)


# -- real lives --------------------------------------------------------------------------------------------------------


ORDERS = 40 if os.environ.get("HEARTHSIDE_SOAK") == "1" else 13  # for each of four lives


def _rows(person: str) -> list[Row]:
    if person.startswith("u"):
        path = shared_data("studentlife_gps_stress") / "gps" / f"gps_{person}.csv.gz"
        return rows_of(studentlife_gps.read(Opened(path, "s")))
    folder: Path = shared_data("geolife_sample") / "geolife_long_10_MB" / person
    return [row for path in sorted(folder.rglob("*.gz")) for row in rows_of(geolife.read(Opened(path, "s")))]


@pytest.mark.parametrize("person", ["u02", "u18", "001", "002"])
def test_a_real_life_is_the_same_in_any_order_of_arrival(person: str) -> None:
    """Many orders, each cut into batches; after each batch only the days that it touched are looked at again."""
    rows = _rows(person)
    expected = repr(find_places(visits_of(stays_of(rows))))
    assert "place_id=''" not in expected
    for seed in range(ORDERS):
        rng = random.Random(seed)
        shuffled = rows[:]
        rng.shuffle(shuffled)
        cuts = sorted(rng.sample(range(len(rows)), rng.randrange(1, 4)))
        held: set[Row] = set()
        found: dict[int, list[Episode]] = {}
        for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            batch = shuffled[max(0, first - 50) : last]  # what comes twice counts once
            held.update(batch)
            days = by_day(held)
            for day in by_day(batch):
                found[day] = stay.find(window(day, [columns(days[day])]))
        stays = [one for day in rng.sample(sorted(found), len(found)) for one in found[day]]
        assert repr(find_places(visits_of(stays))) == expected
