"""Stay points: against the slow reference, and the rules one by one."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.episodes import Episode, stay
from hearthside.alignment.geodesy import DEGREE_M
from hearthside.events import DAY_MS, MINUTE_MS
from hearthside.sources import studentlife_gps
from hearthside.sources.reading import Opened
from tests.alignment.positions import Row, by_day, columns, row_id, rows_of, stays_of, window
from tests.reference.stay_points import Found, stay_points
from tests.shared_data import shared_data

DAY = 19_844  # 2024-05-01
NOON_MS = DAY * DAY_MS + DAY_MS // 2
LAT, LON = 52.0, 4.3


def row(minute: float, east_m: float = 0.0, north_m: float = 0.0, accuracy_m: float = 10.0) -> Row:
    """A fix some minutes after noon, some metres from the spot."""
    lon = LON + east_m / (DEGREE_M * math.cos(math.radians(LAT)))
    return NOON_MS + round(minute * MINUTE_MS), LAT + north_m / DEGREE_M, lon, accuracy_m


def minutes(found: Episode) -> tuple[float, float]:
    """Begin and end in minutes after noon."""
    return (found.start_ms - NOON_MS) / MINUTE_MS, (found.end_ms - NOON_MS) / MINUTE_MS


def found_in(rows: list[Row], day: int = DAY) -> list[Found]:
    """What the finder finds, in the shape of the reference."""
    episodes = stay.find(window(day, [columns(rows)]))
    return [(e.start_ms, e.end_ms, e.facts["lat"], e.facts["lon"], e.facts["part"]) for e in episodes]


def expected_in(rows: list[Row], day: int = DAY) -> list[Found]:
    """What the reference finds in one fix a minute, the most accurate, of those accurate enough."""
    best: dict[int, Row] = {}
    for one in sorted(rows, key=lambda r: (r[0], row_id(r))):
        if not one[3] > 200 and (one[0] // MINUTE_MS not in best or one[3] < best[one[0] // MINUTE_MS][3]):
            best[one[0] // MINUTE_MS] = one
    fixes = [one[:3] for _, one in sorted(best.items())]
    return [(a, b, round(lat, 6), round(lon, 6), part) for a, b, lat, lon, part in stay_points(fixes, day)]


@st.composite
def tracks(draw: st.DrawFn) -> list[Row]:
    """A day of wandering between spots, in steps, pauses, silences and inaccurate fixes; the date line lies near by."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    steps = draw(st.sampled_from([(1, 1, 2), (1, 5, 20), (1, 10, 20, 40, 61, 90), (0.2, 0.2, 1, 30)]))
    restless = draw(st.sampled_from([0.02, 0.1, 0.4]))
    lat, lon = draw(st.sampled_from([(52.0, 4.3), (-17.0, 179.9999), (69.6, 18.9)]))
    t, aim = DAY * DAY_MS + rng.randrange(90 * MINUTE_MS), (0.0, 0.0)
    rows: list[Row] = []
    while t < (DAY + 1) * DAY_MS and len(rows) < 300:
        if rng.random() < restless:
            aim = rng.choice([(0.0, 0.0), (120.0, 0.0), (0.0, 240.0), (900.0, 300.0)])
        north, east = (a + rng.gauss(0, 30) for a in aim)
        east_degrees = east / (DEGREE_M * math.cos(math.radians(lat)))
        accuracy = rng.choice([5.0, 20.0, 80.0, 250.0, math.nan])
        rows.append((t, lat + north / DEGREE_M, (lon + east_degrees + 180) % 360 - 180, accuracy))
        t += round(rng.choice(steps) * MINUTE_MS * rng.uniform(0.9, 1.1))
    return rows


def _with_known_accuracy(rows: list[Row]) -> list[Row]:
    """Unknown accuracy counts as 50 m."""
    return [(t, lat, lon, 50.0 if math.isnan(accuracy) else accuracy) for t, lat, lon, accuracy in rows]


@settings(max_examples=150, deadline=None)
@given(rows=tracks())
def test_it_finds_what_the_reference_finds(rows: list[Row]) -> None:
    rows = _with_known_accuracy(rows)
    assert found_in(rows) == expected_in(rows)


@settings(max_examples=30, deadline=None)
@given(rows=tracks(), seed=st.integers(0, 2**32))
def test_order_sources_and_a_wider_window_change_nothing(rows: list[Row], seed: int) -> None:
    whole = stay.find(window(DAY, [columns(rows)]))
    shuffled = rows[:]
    random.Random(seed).shuffle(shuffled)
    assert stay.find(window(DAY, [columns(shuffled)])) == whole
    before, after = ([(t + shift, *rest) for t, *rest in rows] for shift in (-DAY_MS, DAY_MS))
    parts = [columns(part) for part in (before, rows, after)]  # type: ignore[arg-type]
    assert stay.find(window(DAY, parts, reach_days=1)) == whole
    assert all(window(DAY, []).owns(episode.start_ms) for episode in whole)


def test_no_positions_no_stays() -> None:
    assert stay.find(window(DAY, [])) == []
    assert stay.find(window(DAY, [columns([])])) == []
    assert stay.find(window(DAY, [columns([row(0, accuracy_m=900)])])) == []


def test_twenty_minutes_in_one_place_are_a_stay_and_less_is_none() -> None:
    (found,) = stays_of([row(m, east_m=5 * (m % 3)) for m in range(21)])
    assert minutes(found) == (0, 20)
    assert (found.facts["fixes"], found.facts["part"], found.sure) == (21, False, 1.0)
    assert found.facts["lat"] == pytest.approx(LAT, abs=1e-5)
    assert found.evidence == (row_id(row(0)), row_id(row(20, east_m=10)))
    assert stays_of([row(m) for m in range(20)]) == []


def test_walking_there_and_away_is_no_part_of_it() -> None:
    there = [row(m, east_m=-80 * (10 - m)) for m in range(10)]
    away = [row(40 + m, north_m=80 * m) for m in range(1, 10)]
    (found,) = stays_of([*there, *(row(m) for m in range(10, 41)), *away])
    assert minutes(found) == (9, 41)  # 80 m off still counts, 160 m do not
    assert found.facts["radius_m"] <= 160


def test_walking_slowly_is_no_stay() -> None:
    assert stays_of([row(m, east_m=40 * m) for m in range(120)]) == []


def test_one_fix_in_twenty_minutes_is_enough_and_one_in_seventy_is_not() -> None:
    (found,) = stays_of([row(m) for m in (0, 20, 40)])
    assert (minutes(found), found.sure) == ((0, 40), 1.0)
    (half,) = stays_of([row(m) for m in (0, 50, 100)])
    assert (minutes(half), half.sure) == ((0, 100), 0.4)
    assert stays_of([row(m) for m in (0, 70, 140)]) == []


def test_a_silence_ends_a_stay_even_if_it_goes_on_in_the_same_place() -> None:
    first, second = stays_of([row(m) for m in (*range(30), *range(100, 130))])
    assert (minutes(first), minutes(second)) == ((0, 29), (100, 129))
    assert first.facts["silent_after_ms"] == second.facts["silent_before_ms"] == 71 * MINUTE_MS


def test_of_a_minute_the_most_accurate_fix_counts() -> None:
    mast = [row(m + 0.1, east_m=900, accuracy_m=150) for m in range(30)]
    (found,) = stays_of([*mast, *(row(m + 0.5) for m in range(30))])
    assert found.facts["lon"] == pytest.approx(LON, abs=1e-5)
    assert found.facts["fixes"] == 59


def test_what_touches_midnight_is_kept_as_a_part() -> None:
    """Eight minutes before midnight and nine after it."""
    rows = [row(12 * 60 + m) for m in range(-8, 10)]
    before, after = stays_of(rows)
    assert (before.facts["part"], before.facts["open_start"], before.facts["open_end"]) == (True, True, True)
    assert (after.facts["part"], after.facts["open_start"], after.facts["open_end"]) == (True, True, True)
    assert before.end_ms < (DAY + 1) * DAY_MS <= after.start_ms


def test_real_students_have_the_stays_of_the_reference() -> None:
    for user in ("u18", "u24"):
        path = shared_data("studentlife_gps_stress") / "gps" / f"gps_{user}.csv.gz"
        days = by_day(rows_of(studentlife_gps.read(Opened(path, "s"))))
        found = [stay_found for day, rows in sorted(days.items()) for stay_found in found_in(rows, day)]
        assert found == [one for day, rows in sorted(days.items()) for one in expected_in(rows, day)]
        assert len(found) > 100


def test_facts_are_json_and_within_the_day() -> None:
    (found,) = stays_of([row(m) for m in range(60)])
    kinds = {name: type(value) for name, value in found.facts.items()}
    assert kinds == {
        "lat": float, "lon": float, "radius_m": float, "fixes": int, "observed_ms": int, "part": bool,
        "open_start": bool, "open_end": bool, "silent_before_ms": int, "silent_after_ms": int,
    }  # fmt: skip
    assert np.isfinite(found.facts["radius_m"])
    assert found.facts["silent_before_ms"] + DAY * DAY_MS == found.start_ms
