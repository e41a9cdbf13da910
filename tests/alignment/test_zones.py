"""Positions to zones: borders, seas, flickering, gaps, and what is no position."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.zones import ZoneRun, distinct_zones, known_zone, year_of, zone_at, zone_rules, zone_runs
from hearthside.events import HOUR_MS, MINUTE_MS
from tests.alignment.lives import at
from tests.reference import offsets as slow

UTRECHT, BASEL, WEIL, DELHI, SEA = (52.09, 5.12), (47.5596, 7.5886), (47.5960, 7.6200), (28.61, 77.20), (56.0, 3.0)
START = at("2026-05-04 08:00")


def runs(*seen: tuple[float, tuple[float, float]]) -> list[ZoneRun]:
    """Runs of (minutes since the start, position)."""
    ms = np.array([START + round(minute * MINUTE_MS) for minute, _ in seen], np.int64)
    return zone_runs(ms, np.array([p[0] for _, p in seen]), np.array([p[1] for _, p in seen]))


def minutes(found: list[ZoneRun]) -> list[tuple[int, int, str]]:
    return [((r.first_ms - START) // MINUTE_MS, (r.last_ms - START) // MINUTE_MS, r.zone) for r in found]


@pytest.mark.parametrize(
    ("lat", "lon", "zone"),
    [
        (47.5596, 7.5886, "Europe/Zurich"),  # Basel; the next two are a walk away
        (47.5900, 7.5590, "Europe/Paris"),
        (47.5960, 7.6200, "Europe/Berlin"),
        (65.8481, 24.1466, "Europe/Helsinki"),  # Tornio and Haparanda: an hour apart
        (65.8355, 24.1368, "Europe/Stockholm"),
        (31.7619, -106.4850, "America/Denver"),  # El Paso and Juarez
        (31.6904, -106.4245, "America/Ciudad_Juarez"),
        (35.8500, -110.4000, "America/Phoenix"),  # the Hopi lands inside those of the Navajo
        (36.1500, -109.5500, "America/Denver"),
        (-17.8, 178.0, "Pacific/Fiji"),
        (56.0, 3.0, ""),
        (30.0, -40.0, ""),
        (float("nan"), 5.0, ""),
        (52.0, float("nan"), ""),
        (91.0, 5.0, ""),
        (52.0, 181.0, ""),
    ],
)
def test_positions_at_borders_at_sea_and_nowhere(lat: float, lon: float, zone: str) -> None:
    assert zone_at(lat, lon) == zone
    found = zone_runs(np.array([START]), np.array([lat]), np.array([lon]))
    assert found == ([ZoneRun(START, START, zone)] if zone else [])


def test_who_is_soon_back_never_left() -> None:
    """Ten minutes across the border are nothing, three hours are."""
    there = [(0, BASEL), (5, WEIL), (15, BASEL), (60, BASEL), (70, WEIL), (250, WEIL), (260, BASEL)]
    assert minutes(runs(*there)) == [(0, 60, "Europe/Zurich"), (70, 250, "Europe/Berlin"), (260, 260, "Europe/Zurich")]


def test_a_gap_ends_a_run_and_the_sea_is_silent() -> None:
    assert minutes(runs((0, UTRECHT), (300, UTRECHT), (700, UTRECHT), (710, SEA), (720, UTRECHT))) == [
        (0, 300, "Europe/Amsterdam"), (700, 720, "Europe/Amsterdam"),
    ]  # fmt: skip
    assert runs((0, SEA), (1, SEA)) == [] == runs()


def test_a_single_position_abroad_counts() -> None:
    assert minutes(runs((0, UTRECHT), (2000, DELHI), (4000, UTRECHT))) == [
        (0, 0, "Europe/Amsterdam"), (2000, 2000, "Asia/Kolkata"), (4000, 4000, "Europe/Amsterdam"),
    ]  # fmt: skip


def _border(seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    return BASEL[0] + float(rng.normal(0, 0.03)), BASEL[1] + float(rng.normal(0, 0.03))


_PLACE = st.one_of(st.sampled_from([UTRECHT, SEA, DELHI, (float("nan"), 1.0)]), st.integers(0, 60).map(_border))


@given(st.lists(st.tuples(st.integers(0, 3000), _PLACE), max_size=40, unique_by=lambda p: p[0]), st.randoms())
@settings(max_examples=80, deadline=None)
def test_runs_are_those_of_single_look_ups_in_any_order(
    seen: list[tuple[int, tuple[float, float]]], rng: object
) -> None:
    rng.shuffle(seen)  # type: ignore[attr-defined]
    positions = [(START + minute * MINUTE_MS, lat, lon) for minute, (lat, lon) in seen]
    assert [(r.first_ms, r.last_ms, r.zone) for r in runs(*seen)] == slow.runs(positions, zone_at)


def test_the_finder_is_loaded_only_when_asked() -> None:
    code = "import sys, hearthside.alignment.stream; sys.exit('tzfpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_that_are_no_zones() -> None:
    for name in ("Mars/Olympus_Mons", "", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b"):
        assert known_zone(name) is None
    assert known_zone("Europe/Amsterdam") is ZoneInfo("Europe/Amsterdam")


def test_rules_of_fixed_zones_have_one_step_and_the_nearest_step_holds_beyond() -> None:
    fixed = zone_rules(timezone(timedelta(hours=5, minutes=45)))
    assert fixed.offset_min.tolist() == [345] and fixed.at(np.array([-(2**60), 2**60])).tolist() == [345, 345]
    assert zone_rules(UTC).offset_min.tolist() == [0]
    few = zone_rules(ZoneInfo("Europe/Amsterdam"), 2026, 2026)
    assert [(ms - at("2026-01-01 00:00")) // HOUR_MS for ms in few.starts_ms.tolist()] == [0, 87 * 24 + 1, 297 * 24 + 1]
    assert few.offset_min.tolist() == [60, 120, 60]


def test_the_worlds_clocks_go_in_many_ways_but_each_is_listed_once() -> None:
    rules = [(r.starts_ms.tolist(), r.offset_min.tolist()) for _, r in distinct_zones(2024, 2026)]
    assert len(rules) > 50
    assert all(rules.count(one) == 1 for one in rules)


def test_years() -> None:
    assert [year_of(at(c)) for c in ("1969-06-01 00:00", "1970-06-01 00:00", "2026-06-01 00:00")] == [1969, 1970, 2026]
    assert (year_of(-(2**60)), year_of(2**60)) == (1900, 2100)
