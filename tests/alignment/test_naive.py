"""Local times without a zone: placed by the person's own clock; missing and doubled hours, order, stated doubt."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.naive import parse_naive, replace_naive
from hearthside.alignment.offsets import CARRIED, OffsetTrack, offset_track
from hearthside.alignment.zones import zone_rules
from hearthside.events import HOUR_MS, MINUTE_MS, ms_of
from tests.alignment.lives import at
from tests.reference import offsets as slow

HOME = ZoneInfo("Europe/Amsterdam")
NEW_YORK = ZoneInfo("America/New_York")


def resolved(clock: str, zone: tzinfo = HOME) -> tuple[int, int]:
    """UTC ms and stated uncertainty as a source resolves a local time: see `sources/whatsapp.py`."""
    local = datetime.fromisoformat(clock).replace(tzinfo=zone)
    first, second = ms_of(local.replace(fold=0)), ms_of(local.replace(fold=1))
    return first, abs(second - first) + MINUTE_MS


def living_in(zone: tzinfo) -> OffsetTrack:
    return offset_track(np.zeros((0, 2), np.int64), [], zone)


def placed(clocks: list[str], track: OffsetTrack, group: list[int] | None = None) -> list[tuple[int, int, int]]:
    """(start, doubt, count) of local times that a source resolved by the home zone."""
    raw, stated = zip(*(resolved(clock) for clock in clocks), strict=True)
    groups = None if group is None else np.array(group)
    found = replace_naive(np.array(raw), HOME, track, stated_ms=np.array(stated), group=groups)
    return list(zip(*(column.tolist() for column in found), strict=True))


@pytest.mark.parametrize(
    ("clock", "key"),
    [
        ("export:whatsapp@Europe/Amsterdam", "Europe/Amsterdam"), ("export:whatsapp@UTC", "UTC"),
        ("export:whatsapp", None), ("export:whatsapp@", None), ("export:whatsapp@Mars/Olympus_Mons", None),
        ("export:x@../../etc/passwd", None), ("device:phone@Europe/Amsterdam", None), ("", None),
    ],
)  # fmt: skip
def test_the_clock_names_the_zone(clock: str, key: str | None) -> None:
    zone = parse_naive(clock)
    assert zone is (None if key is None else ZoneInfo(key))


def test_at_home_nothing_moves() -> None:
    clocks = ["2026-01-05 10:00", "2026-07-05 10:00", "2026-03-29 02:30", "2026-03-29 03:30", "2026-10-25 02:30"]
    for clock, (start, doubt, count) in zip(clocks, placed(clocks, living_in(HOME)), strict=True):
        assert (start, doubt) == resolved(clock)
        assert count == {"2026-03-29 02:30": 0, "2026-10-25 02:30": 2}.get(clock, 1)


def test_abroad_the_persons_clock_counts_and_the_home_zones_odd_hours_are_plain() -> None:
    clocks = ["2026-01-05 10:00", "2026-03-29 02:30", "2026-03-29 03:30", "2026-10-25 02:30", "2026-03-08 02:30"]
    found = placed(clocks, living_in(NEW_YORK))
    assert found[:4] == [(resolved(clock, NEW_YORK)[0], MINUTE_MS, 1) for clock in clocks[:4]]
    assert found[4] == (*resolved(clocks[4], NEW_YORK), 0)  # missing there


def test_without_the_stated_uncertainty_a_time_after_a_missing_hour_is_read_as_it_stands() -> None:
    (raw, _), wanted = resolved("2026-03-29 02:30"), resolved("2026-03-29 03:30", NEW_YORK)[0]
    found = replace_naive(np.array([raw]), HOME, living_in(NEW_YORK))
    assert [column.tolist() for column in found] == [[wanted], [0], [1]]


def test_the_doubt_of_a_travel_is_stated() -> None:
    """Last heard of at home on the 10th, heard of in Delhi on the 12th: in between it may be either."""
    rows = [
        (at("2026-01-08 07:00"), 60),
        (at("2026-01-10 07:00"), 60),
        (at("2026-01-12 07:00"), 330),
        (at("2026-01-14 07:00"), 330),
    ]
    track = offset_track(np.array(rows), [], HOME)
    before, between, after = placed(["2026-01-09 12:00", "2026-01-10 20:00", "2026-01-13 12:00"], track)
    assert before == (at("2026-01-09 11:00"), MINUTE_MS, 1)
    assert between == (at("2026-01-10 19:00"), MINUTE_MS + 270 * MINUTE_MS, 1)
    assert after == (at("2026-01-13 06:30"), MINUTE_MS, 1)


def test_order_tells_the_passes_of_a_doubled_hour_apart() -> None:
    """A conversation in the night the clocks go back; 02:20 after 02:40 can only be the second pass."""
    clocks = [f"2026-10-25 {clock}" for clock in ("01:50", "02:10", "02:40", "02:20", "02:50", "03:05")]
    utc = ["23:50", "00:10", "00:40", "01:20", "01:50", "02:05"]
    wanted = [at(f"2026-10-{24 if i == 0 else 25} {clock}") for i, clock in enumerate(utc)]
    found = placed(clocks, living_in(HOME), [7] * 6)
    assert [start for start, _, _ in found] == wanted
    assert [doubt for _, doubt, _ in found] == [MINUTE_MS] * 6
    # Each in a conversation of its own: the first pass, and an hour of doubt.
    assert [doubt for _, doubt, _ in placed(clocks, living_in(HOME), [1, 2, 3, 4, 5, 6])][1:5] == [
        HOUR_MS + MINUTE_MS
    ] * 4
    assert placed(clocks, living_in(HOME)) == placed(clocks, living_in(HOME), [1, 2, 3, 4, 5, 6])


@st.composite
def tracks(draw: st.DrawFn) -> OffsetTrack:
    """Up to five changes of the offset within three days of 2026-05-04, in quarter hours; doubts at random."""
    quarters = draw(st.lists(st.integers(0, 72 * 4), min_size=1, max_size=5, unique=True))
    n = len(quarters)
    return OffsetTrack(
        at("2026-05-03 00:00") + np.array(sorted(quarters), np.int64) * 15 * MINUTE_MS,
        np.array(draw(st.lists(st.integers(-44, 56), min_size=n, max_size=n)), np.int16) * np.int16(15),
        np.full(n, CARRIED, np.uint8),
        np.array(draw(st.lists(st.sampled_from([0, 0, 60]), min_size=n, max_size=n)), np.int16),
    )


@given(tracks(), st.lists(st.integers(0, 96 * 12), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_times_are_those_a_slow_search_finds(track: OffsetTrack, fives: list[int]) -> None:
    walls = [at("2026-05-03 00:00") + k * 5 * MINUTE_MS for k in fives]
    start, doubt, count = replace_naive(np.array(walls), UTC, track)
    for k, wall in enumerate(walls):
        shown = slow.showings(wall, track)
        assert count[k] == len(shown)
        uncertain = max(track.doubt_ms(start[k : k + 1])[0], track.doubt_ms(np.array(shown[-1:] or [start[k]]))[0])
        if shown:
            assert start[k] == shown[0]
            assert doubt[k] == shown[-1] - shown[0] + uncertain
            continue
        # The clock jumped over it: by the offset before, it is past that jump by less than the jump's size.
        jumps = [
            (change, after - before)
            for change, before, after in zip(
                track.starts_ms[1:].tolist(), track.offset_min.tolist(), track.offset_min[1:].tolist(), strict=False
            )
            if before * MINUTE_MS + change <= wall < after * MINUTE_MS + change
        ]
        change, size = jumps[0]
        assert 0 <= start[k] - change < size * MINUTE_MS
        assert doubt[k] == size * MINUTE_MS + uncertain


@given(st.lists(st.integers(0, 36), min_size=1, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
@settings(max_examples=200, deadline=None)
def test_order_leaves_what_every_trial_leaves(fives: list[int], second: list[bool]) -> None:
    """Messages from 01:00 to 04:00 in the night the clocks go back, sent in order: each choice of passes is tried."""
    track = living_in(HOME)
    moments = sorted(
        at("2026-10-24 23:00") + k * 5 * MINUTE_MS + HOUR_MS * late for k, late in zip(fives, second, strict=False)
    )
    walls = np.array([ms + slow.offset_at(track, ms) * MINUTE_MS for ms in moments])
    start, doubt, _ = replace_naive(walls, UTC, track, group=np.zeros(len(walls), np.int64))
    possible = slow.orders([slow.showings(int(wall), track) for wall in walls])
    assert tuple(moments) in possible
    for k in range(len(walls)):
        chosen = [order[k] for order in possible]
        assert (start[k], start[k] + doubt[k]) == (min(chosen), max(chosen))


_READ_BY = ("Europe/Amsterdam", "America/Sao_Paulo", "Africa/Casablanca", "Australia/Lord_Howe", "UTC")
_LIVED_IN = ("Europe/Amsterdam", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")
_CHANGES = sorted(
    {int(ms) for name in (*_READ_BY, *_LIVED_IN) for ms in zone_rules(ZoneInfo(name), 2015, 2030).starts_ms}
)


@st.composite
def local_times(draw: st.DrawFn) -> datetime:
    """Local times of which most lie near a change of somebody's clocks."""
    ms = draw(st.sampled_from(_CHANGES)) + draw(st.integers(-12 * 20, 12 * 20)) * 5 * MINUTE_MS
    return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)


@given(local_times(), st.sampled_from(_READ_BY), st.sampled_from(_LIVED_IN))
@settings(max_examples=300, deadline=None)
def test_whatever_zone_it_was_read_by_it_lands_where_the_person_was(
    local: datetime, read_by: str, lived_in: str
) -> None:
    raw, stated = resolved(local.isoformat(), ZoneInfo(read_by))
    start, doubt, _ = replace_naive(
        np.array([raw]), ZoneInfo(read_by), living_in(ZoneInfo(lived_in)), stated_ms=np.array([stated])
    )
    assert (start[0], doubt[0]) == resolved(local.isoformat(), ZoneInfo(lived_in))


def test_nothing_gives_nothing() -> None:
    none = np.zeros(0, np.int64)
    assert [len(column) for column in replace_naive(none, HOME, living_in(HOME), stated_ms=none, group=none)] == [
        0,
        0,
        0,
    ]


def test_many_times_at_once_are_as_each_alone() -> None:
    track = offset_track(
        np.array([(at("2026-01-01 07:00") + k * 40 * HOUR_MS, (60, 330, -300)[k // 3 % 3]) for k in range(60)]),
        [],
        HOME,
    )
    raw = at("2026-01-01 00:00") + np.arange(2000, dtype=np.int64) * HOUR_MS
    together = replace_naive(raw, HOME, track)
    for k in range(0, 2000, 37):
        alone = replace_naive(raw[k : k + 1], HOME, track)
        assert [column[k] for column in together] == [column[0] for column in alone]
