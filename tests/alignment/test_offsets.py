"""The track of the person's UTC offset: travel, daylight saving, silence, stale devices, local days."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.offsets import ASSUMED, CARRIED, INFERRED, REACH_MS, OffsetTrack, offset_track
from hearthside.alignment.zones import ZoneRun, zone_rules
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms, iso_day
from tests.alignment.lives import at
from tests.reference import offsets as slow

HOME = ZoneInfo("Europe/Amsterdam")
ZONES = ("Europe/Amsterdam", "Asia/Kolkata", "America/Los_Angeles", "Europe/London", "Australia/Sydney")
Row = tuple[int, int]


def shown(track: OffsetTrack, clock: str) -> int:
    """The offset at a UTC clock time."""
    return int(track.at(np.array([at(clock)]))[0])


def known(track: OffsetTrack, clock: str) -> tuple[int, int, int]:
    """Offset, how it is known, and doubt at a UTC clock time."""
    return slow.said_at(track, at(clock))


def daily(zone: str, first: str, last: str, hour: int = 7) -> list[Row]:
    """An observation every day at an hour UTC, as the zone's clocks say."""
    days = range(day_start_ms(first) // DAY_MS, day_start_ms(last) // DAY_MS + 1)
    return [(ms, true_offset(zone, ms)) for ms in (day * DAY_MS + hour * HOUR_MS for day in days)]


def true_offset(zone: str, ms: int) -> int:
    offset = datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // 60


def track_of(rows: Sequence[Row], zones: Sequence[ZoneRun] = ()) -> OffsetTrack:
    return offset_track(np.array(rows, dtype=np.int64).reshape(-1, 2), zones, HOME)


# -- nothing heard -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [HOME, UTC, timezone(timedelta(hours=5, minutes=45)), ZoneInfo("America/Sao_Paulo")])
def test_a_life_without_evidence_follows_the_home_zone_and_says_so(zone: ZoneInfo) -> None:
    track = offset_track(np.zeros((0, 2), np.int64), [], zone)
    rng = random.Random(1)
    times = [rng.randrange(at("1970-01-02 00:00"), at("2100-01-01 00:00")) for _ in range(300)]
    wanted = [datetime.fromtimestamp(ms / 1000, zone).utcoffset() for ms in times]
    assert track.at(np.array(times)).tolist() == [w.total_seconds() // 60 for w in wanted if w is not None]
    assert not track.sure(np.array(times)).any()
    assert not track.doubt_ms(np.array(times)).any()


def test_times_beyond_all_calendars_have_the_nearest_offset() -> None:
    track = track_of([])
    assert track.at(np.array([-(2**62), 2**62])).tolist() == [track.offset_min[0], track.offset_min[-1]]


# -- daylight saving ---------------------------------------------------------------------------------------------------


def test_daylight_saving_between_two_observations_falls_on_its_minute() -> None:
    track = track_of([(at("2026-03-28 06:00"), 60), (at("2026-03-30 06:00"), 120)])
    assert (shown(track, "2026-03-29 00:59"), shown(track, "2026-03-29 01:00")) == (60, 120)
    assert known(track, "2026-03-29 01:00") == (120, CARRIED, 0)


def test_a_zone_abroad_is_guessed_from_the_offsets_and_changes_its_clocks_by_its_own_rules() -> None:
    """Los Angeles goes back at 09:00 UTC on 2025-11-02; home has gone back a week before."""
    rows = daily("America/Los_Angeles", "2025-09-01", "2025-10-31") + daily(
        "America/Los_Angeles", "2025-11-05", "2025-11-20"
    )
    track = track_of(rows)
    assert (shown(track, "2025-11-02 08:59"), shown(track, "2025-11-02 09:00")) == (-420, -480)
    assert known(track, "2025-11-03 00:00") == (-480, INFERRED, 0)
    assert known(track, "2025-11-04 00:00") == (-480, CARRIED, 0)


def test_a_night_stamped_with_the_offset_of_its_end_does_not_move_the_change() -> None:
    """Oura writes +02:00 for the whole night in which the clocks go forward at 01:00 UTC."""
    track = track_of([(at("2022-03-25 23:00"), 60), (at("2022-03-27 00:18"), 120), (at("2022-03-27 22:00"), 120)])
    assert (shown(track, "2022-03-27 00:30"), shown(track, "2022-03-27 01:00")) == (60, 120)


def test_a_clock_that_is_not_set_back_is_believed() -> None:
    """+02:00 for three weeks after the clocks at home went back: no rule of the home zone says so, but the source."""
    rows = [(at("2021-10-01 05:00") + k * DAY_MS, 120) for k in range(50)]
    track = track_of([*rows, (at("2021-11-22 05:00"), 60)])
    assert track.at(np.array([ms for ms, _ in rows])).tolist() == [120] * 50


# -- travel ------------------------------------------------------------------------------------------------------------


def test_travel_is_put_half_way_and_its_doubt_is_stated() -> None:
    track = track_of(
        [*daily("Europe/Amsterdam", "2026-01-01", "2026-01-10"), *daily("Asia/Kolkata", "2026-01-12", "2026-01-20")]
    )
    assert known(track, "2026-01-10 06:59") == (60, CARRIED, 0)
    assert known(track, "2026-01-11 06:59") == (60, INFERRED, 270)
    assert known(track, "2026-01-11 07:00") == (330, INFERRED, 270)
    assert known(track, "2026-01-12 07:00") == (330, CARRIED, 0)
    assert track.doubt_ms(np.array([at("2026-01-11 07:00")])).tolist() == [270 * MINUTE_MS]


def test_positions_place_the_change_better_and_win_over_a_stale_ring() -> None:
    """Positions until 10:00 at home and from 20:00 in Delhi; a ring that still says +01:00 at 21:00 is not believed."""
    runs = [
        ZoneRun(at("2026-01-01 00:00"), at("2026-01-11 10:00"), "Europe/Amsterdam"),
        ZoneRun(at("2026-01-11 20:00"), at("2026-01-20 00:00"), "Asia/Kolkata"),
    ]
    track = track_of([(at("2026-01-10 07:00"), 60), (at("2026-01-11 19:30"), 60), (at("2026-01-13 07:00"), 330)], runs)
    assert (shown(track, "2026-01-11 14:59"), shown(track, "2026-01-11 15:00")) == (60, 330)
    assert known(track, "2026-01-12 00:00") == (330, CARRIED, 0)


def test_an_offset_left_and_back_faster_than_a_flight_is_a_stale_device() -> None:
    """The night after the flight says +02:00; half an hour later the ring stamps what it still believes."""
    rows = daily("Asia/Kolkata", "2021-07-01", "2021-07-30", hour=5)
    home = daily("Europe/Amsterdam", "2021-08-01", "2021-08-10")
    stale = [(at("2021-07-30 22:01"), 120), (at("2021-07-30 22:30"), 330)]
    assert shown(track_of([*rows, *stale, *home]), "2021-07-31 07:00") == 120
    # What returns for good is no slip: then the single one was.
    assert (
        shown(track_of([*rows, stale[0], *daily("Asia/Kolkata", "2021-07-31", "2021-08-05", 0)]), "2021-07-30 22:01")
        == 330
    )


def test_of_positions_that_overlap_the_shorter_stretch_counts_and_unknown_zones_say_nothing() -> None:
    """A tablet at home all month, a phone in London for four days of it."""
    runs = [
        ZoneRun(at("2026-01-01 00:00"), at("2026-01-31 00:00"), "Europe/Amsterdam"),
        ZoneRun(at("2026-01-10 00:00"), at("2026-01-14 00:00"), "Europe/London"),
        ZoneRun(at("2026-01-20 00:00"), at("2026-01-21 00:00"), "Mars/Olympus_Mons"),
    ]
    track = track_of([], runs)
    clocks = ["2026-01-09 23:59", "2026-01-10 00:01", "2026-01-13 23:59", "2026-01-14 00:01", "2026-01-20 12:00"]
    assert [shown(track, clock) for clock in clocks] == [60, 0, 0, 60, 60]
    assert track.sure(np.array([at("2026-01-20 12:00")])).all()


# -- silence -----------------------------------------------------------------------------------------------------------


def test_after_a_short_trip_silence_means_home_and_after_a_long_stay_it_does_not() -> None:
    trip = track_of(
        [*daily("Europe/Amsterdam", "2025-01-01", "2025-03-01"), *daily("Asia/Kolkata", "2025-03-03", "2025-03-07")]
    )
    assert known(trip, "2025-03-08 12:00") == (330, CARRIED, 0)
    assert known(trip, "2025-03-10 12:00") == (330, INFERRED, 270)
    assert known(trip, "2025-06-01 12:00") == (120, ASSUMED, 0)
    moved = track_of(
        [*daily("Europe/Amsterdam", "2023-01-01", "2023-03-01"), *daily("Europe/London", "2023-03-03", "2025-03-07")]
    )
    assert known(moved, "2025-07-01 12:00") == (60, INFERRED, 0)  # summer time goes on, by the rules of London
    assert known(moved, "2030-07-01 12:00") == (60, ASSUMED, 0)


def test_a_long_silence_at_home_keeps_its_daylight_saving() -> None:
    track = track_of(
        [*daily("Europe/Amsterdam", "2024-01-01", "2024-01-20"), *daily("Europe/Amsterdam", "2025-01-01", "2025-01-20")]
    )
    assert known(track, "2024-07-01 12:00") == (120, INFERRED, 0)
    assert known(track, "2024-01-10 12:00") == (60, CARRIED, 0)


def test_an_offset_no_zone_has_is_taken_as_it_is() -> None:
    track = track_of([(at("2026-01-01 00:00") + k * DAY_MS, 437) for k in range(5)])
    assert known(track, "2026-01-02 12:00") == (437, CARRIED, 0)
    assert track_of([(at("2026-01-01 00:00"), 5000)]).same(track_of([]))


def test_the_unset_home_zone_gives_way_to_where_the_person_lives() -> None:
    rows = daily("Europe/Amsterdam", "2024-01-01", "2024-12-31")
    track = offset_track(np.array(rows), [], UTC)
    assert shown(track, "2030-07-01 12:00") == 120


# -- in general --------------------------------------------------------------------------------------------------------


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[int, str]]:
    """Stays of 3 to 90 days as (first ms, zone), from some day of 2024 on; the last one only ends the life."""
    when = draw(st.integers(at("2024-01-01 00:00") // HOUR_MS, at("2024-12-31 00:00") // HOUR_MS)) * HOUR_MS
    stays: list[tuple[int, str]] = []
    for _ in range(draw(st.integers(1, 5))):
        stays.append((when, draw(st.sampled_from([z for z in ZONES if not stays or z != stays[-1][1]]))))
        when += draw(st.integers(3 * 24, 90 * 24)) * HOUR_MS
    return [*stays, (when, "")]


def truth(life: list[tuple[int, str]], ms: int) -> int:
    return true_offset(next(zone for first, zone in reversed(life[:-1]) if first <= ms), ms)


def heard(life: list[tuple[int, str]], step_ms: int) -> list[Row]:
    return [(ms, truth(life, ms)) for ms in range(life[0][0], life[-1][0], step_ms)]


@given(lives())
@settings(max_examples=60, deadline=None)
def test_where_no_doubt_is_stated_the_track_is_the_truth(life: list[tuple[int, str]]) -> None:
    """Heard every five hours. Only where one change of clocks hides another, within half a day, may it be off."""
    track = track_of(heard(life, 5 * HOUR_MS))
    for ms in range(life[0][0], life[-1][0] - 5 * HOUR_MS, 7 * HOUR_MS + 13 * MINUTE_MS):
        offset, how, doubt = slow.said_at(track, ms)
        near = {truth(life, near) for near in range(max(ms - 12 * HOUR_MS, life[0][0]), ms + 12 * HOUR_MS, HOUR_MS)}
        assert how > ASSUMED
        assert abs(offset - truth(life, ms)) <= doubt or (len(near) > 1 and offset in near)
        if len(near) == 1:
            assert offset == truth(life, ms)


@given(lives(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_and_repetition_of_the_evidence_make_no_difference(
    life: list[tuple[int, str]], rng: random.Random
) -> None:
    rows = heard(life, 9 * HOUR_MS)
    edges = [(first, zone, end) for (first, zone), (end, _) in pairwise(life)]
    runs = [ZoneRun(first + HOUR_MS, (first + end) // 2, zone) for first, zone, end in edges]
    runs += [ZoneRun((first + end) // 2 - HOUR_MS, end - DAY_MS, zone) for first, zone, end in edges[::2]]
    track = track_of(rows, runs)
    again = [*rows, *rng.choices(rows, k=5)]
    rng.shuffle(again)
    shuffled = [*runs, *rng.choices(runs, k=2)]
    rng.shuffle(shuffled)
    assert track_of(again, shuffled).same(track)
    assert track.starts_ms.tolist() == sorted(set(track.starts_ms.tolist()))


@given(lives())
@settings(max_examples=40, deadline=None)
def test_equal_offsets_between_two_others_within_reach_may_be_left_out(life: list[tuple[int, str]]) -> None:
    rows = heard(life, 5 * HOUR_MS)
    kept: list[Row] = []
    for row in rows:
        if len(kept) > 1 and kept[-1][1] == kept[-2][1] == row[1] and row[0] - kept[-2][0] <= REACH_MS:
            kept[-1] = row
        else:
            kept.append(row)
    assert len(kept) < len(rows)
    assert track_of(kept).same(track_of(rows))


@given(lives(), lives())
@settings(max_examples=30, deadline=None)
def test_differences_are_where_a_slow_look_finds_them(one: list[tuple[int, str]], two: list[tuple[int, str]]) -> None:
    first, second = track_of(heard(one, DAY_MS)), track_of(heard(two, DAY_MS))
    spans = first.differences(second)
    assert spans == second.differences(first)
    assert all(a < b for a, b in spans) and all(x[1] < y[0] for x, y in pairwise(spans))
    edges = {
        e + d
        for t in (first, second)
        for e in t.starts_ms.tolist()
        if at("2023-06-01 00:00") < e < at("2027-01-01 00:00")
        for d in (-1, 0)
    }
    for ms in edges:
        differ = slow.said_at(first, ms) != slow.said_at(second, ms)
        assert differ == any(a <= ms < b for a, b in spans)
    assert first.same(first) and first.differences(first) == []


def test_a_late_observation_changes_only_what_it_can() -> None:
    rows = daily("Europe/Amsterdam", "2024-01-01", "2025-12-31")
    away = (at("2025-06-10 12:00"), 330)
    (span,) = track_of(rows).differences(track_of([*rows, away]))
    assert at("2025-06-10 07:00") <= span[0] < span[1] <= at("2025-06-11 07:00")


# -- local days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_are_shorter_and_longer_where_the_clocks_change(day: str, hours: int) -> None:
    start, end = track_of([]).day_bounds(day)
    assert end - start == hours * HOUR_MS
    assert datetime.fromtimestamp(start / 1000, HOME).isoformat()[:16] == f"{day}T00:00"
    assert track_of([]).local_day(np.array([start - 1, start, end - 1, end])).tolist() == [
        day_start_ms(day) // DAY_MS + k for k in (-1, 0, 0, 1)
    ]


def step_track(*steps: tuple[str, int]) -> OffsetTrack:
    """A track made by hand: (UTC clock, offset in hours)."""
    starts = [at(clock) for clock, _ in steps]
    hours = np.array([hour * 60 for _, hour in steps], np.int16)
    return OffsetTrack(np.array(starts, np.int64), hours, np.full(len(steps), 2, np.uint8))


def test_a_date_skipped_and_a_date_lived_twice_at_the_date_line() -> None:
    """West from Honolulu (-10) to Auckland (+12) no 5 May; back again it is 20 May twice."""
    track = step_track(("2026-01-01 00:00", -10), ("2026-05-05 10:00", 14), ("2026-05-20 08:00", -10))
    assert track.day_spans("2026-05-05") == []
    assert track.day_bounds("2026-05-05") == (at("2026-05-05 10:00"), at("2026-05-05 10:00"))
    twice = [(at("2026-05-19 10:00"), at("2026-05-20 08:00")), (at("2026-05-20 10:00"), at("2026-05-21 10:00"))]
    assert track.day_spans("2026-05-20") == twice
    assert track.day_bounds("2026-05-20") == (twice[0][0], twice[1][1])
    samoa = offset_track(np.zeros((0, 2), np.int64), [], ZoneInfo("Pacific/Apia"))
    assert samoa.day_bounds("2011-12-30") == (at("2011-12-30 10:00"), at("2011-12-30 10:00"))


@given(
    st.lists(st.tuples(st.integers(0, 4 * 24), st.integers(-12, 14)), min_size=1, max_size=5, unique_by=lambda s: s[0])
)
@settings(max_examples=30, deadline=None)
def test_days_are_what_a_look_at_every_minute_finds(steps: list[tuple[int, int]]) -> None:
    base = at("2026-05-01 00:00")
    steps = sorted(steps)
    track = OffsetTrack(
        np.array([base + hour * HOUR_MS for hour, _ in steps], np.int64),
        np.array([offset * 60 for _, offset in steps], np.int16),
        np.full(len(steps), CARRIED, np.uint8), np.zeros(len(steps), np.int16),
    )  # fmt: skip
    for number in range(base // DAY_MS, base // DAY_MS + 4):
        minutes = slow.day_minutes(track, iso_day(number))
        spans = track.day_spans(iso_day(number))
        assert [m for a, b in spans for m in range(a // MINUTE_MS, b // MINUTE_MS)] == minutes
        start, end = track.day_bounds(iso_day(number))
        assert (start, end) == (minutes[0] * MINUTE_MS, (minutes[-1] + 1) * MINUTE_MS) if minutes else start == end


def test_rules_of_a_zone_with_odd_changes_are_those_of_the_library() -> None:
    """Ramadan in Morocco, a date skipped in Samoa, midnight changes in Brazil."""
    rng = random.Random(3)
    for zone in ("Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo"):
        rules = zone_rules(ZoneInfo(zone))
        times = [rng.randrange(0, at("2040-01-01 00:00") // 1000) * 1000 for _ in range(500)]
        assert rules.at(np.array(times)).tolist() == [true_offset(zone, ms) for ms in times]
