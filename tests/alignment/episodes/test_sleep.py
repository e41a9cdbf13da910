"""Nights told once, by who measured them; naps apart."""

from __future__ import annotations

from itertools import pairwise

from hearthside.alignment.episodes import sleep
from hearthside.events import HOUR_MS, Origin
from tests.alignment.episodes.real import kasteren, person_a
from tests.alignment.episodes.windows import Life, Said, at, find_all


def _slept(start: int, end: int, source: str = "watch", asleep_s: float | None = None) -> Said:
    amount = (end - start) / 1000 if asleep_s is None else asleep_s
    return Said("sleep", start, end, source=source, amount=amount)


def test_a_night_that_two_sources_tell_is_told_once_by_the_one_that_measured() -> None:
    ring = _slept(at(0, 23, 10), at(1, 7), "ring", 7 * 3600)
    (night,) = find_all(Life([_slept(at(0, 22, 50), at(1, 7, 20)), ring]), sleep)
    assert (night.start_ms, night.end_ms, night.label, night.sure) == (at(0, 23, 10), at(1, 7), "asleep", 0.95)
    assert night.evidence == (ring.id,)
    assert night.facts == {"in_bed_min": 470, "asleep_min": 420, "nap": False, "sources": ["ring"]}


def test_a_short_measurement_does_not_hide_a_long_night() -> None:
    night = [_slept(at(0, 22), at(1, 7)), _slept(at(1, 6, 30), at(1, 7, 30), "ring", 3000)]
    (found,) = find_all(Life(night), sleep)
    assert (found.start_ms, found.end_ms) == (at(0, 22), at(1, 7, 30))


def test_an_hour_awake_divides_and_less_does_not() -> None:
    parts = [_slept(at(0, 22), at(1, 2)), _slept(at(1, 3), at(1, 7))]
    (night,) = find_all(Life(parts), sleep)
    assert (night.start_ms, night.end_ms, night.facts["in_bed_min"]) == (at(0, 22), at(1, 7), 480)
    parts = [_slept(at(0, 22), at(1, 2)), _slept(at(1, 3, 0.1), at(1, 7))]
    assert len(find_all(Life(parts), sleep)) == 2


def test_a_nap_is_short_beside_the_night_and_by_day() -> None:
    night = _slept(at(0, 23), at(1, 7))
    assert [e.label for e in find_all(Life([night, _slept(at(1, 14), at(1, 15))]), sleep)] == ["asleep", "nap"]
    assert [e.label for e in find_all(Life([night, _slept(at(1, 8, 10), at(1, 13))]), sleep)] == ["asleep", "asleep"]
    assert [e.label for e in find_all(Life([night, _slept(at(1, 22, 30), at(1, 23))]), sleep)] == ["asleep", "asleep"]


def test_the_clock_of_a_nap_is_the_persons() -> None:
    alone = Life([_slept(at(0, 2), at(0, 3))])
    assert [e.label for e in find_all(alone, sleep)] == ["asleep"]
    alone.offset_min = 12 * 60
    assert [e.label for e in find_all(alone, sleep)] == ["nap"]


def test_what_the_person_noted_counts_and_what_a_program_says_does_not() -> None:
    noted = Said("activity", at(0, 23), at(1, 7), "go to bed", origin=Origin.SELF)
    (night,) = find_all(Life([noted]), sleep)
    assert (night.label, night.sure) == ("asleep", 0.7)
    assert find_all(Life([Said("activity", at(0, 23), at(1, 7), "go to bed")]), sleep) == []


def test_moments_and_day_totals_are_no_sleep() -> None:
    few = [_slept(at(0, 23), at(0, 23, 5)), Said("sleep", at(0, 12)), Said("sleep", at(1, 0), at(2, 0), by_day=True)]
    assert find_all(Life(few), sleep) == []


def test_the_nights_of_person_a() -> None:
    found = find_all(person_a("oura-sleep", "google-fit-sl"), sleep)
    measured = [night for night in found if "asleep_min" in night.facts]
    assert len(measured) == 1025  # every night of the ring, once
    assert len(found) == 1066  # and those that only a watch told, in 265 pieces
    starts = sorted((night.start_ms, night.end_ms) for night in found)
    assert all(before[1] < after[0] for before, after in pairwise(starts))
    assert sum(night.end_ms - night.start_ms < 16 * HOUR_MS for night in found) == len(found)


def test_the_nights_noted_in_a_real_home() -> None:
    assert len(find_all(kasteren(), sleep)) == 24
