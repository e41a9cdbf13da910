"""The actogram and the figures of sleep: by the person's clock, against slow and obvious reckonings."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.episodes import Episode
from hearthside.alignment.rhythms import (
    LEAST_COMPARED_H,
    circular_mean_and_spread,
    rhythm_view,
    sleep_figures,
    sleep_regularity,
    stays,
)
from hearthside.alignment.views import RhythmRow, RhythmState
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from tests.alignment.day_sums import episode
from tests.alignment.tracks import Steps

UTC = Steps(0)
START = day_start_ms("2026-05-04")


def nights(count: int, begin_h: float = 23, length_h: float = 8, skip: frozenset[int] = frozenset()) -> list[Episode]:
    """Nights that begin at the same hour, some of them not recorded."""
    starts = [START + n * DAY_MS + int(begin_h * HOUR_MS) for n in range(count) if n not in skip]
    return [Episode("sleep", start, start + int(length_h * HOUR_MS), "asleep", (), 1.0) for start in starts]


def state_at(row: RhythmRow, clock: str) -> tuple[RhythmState, bool]:
    minute = int(clock[:2]) * 60 + int(clock[3:])
    return next((run.state, run.watched) for run in row.runs if run.first <= minute < run.last)


def test_rows_have_no_gaps_and_sleep_lies_above_work_above_places() -> None:
    found = [*nights(3), episode("work", "2026-05-05", 8, 16), episode("commute", "2026-05-05", 7.5, 8)]
    home = [(START + 20 * HOUR_MS, START + 31 * HOUR_MS)]
    away = [(START + 32 * HOUR_MS, START + 40 * HOUR_MS)]
    view = rhythm_view("2026-05-04", "2026-05-06", found, home, away, UTC)
    for row in view.rows:
        assert row.runs[0].first == 0 and row.runs[-1].last == 1440 and sum(row.minutes.values()) == 1440
        assert all(one.last == other.first for one, other in pairwise(row.runs))
    day = view.rows[1]
    assert state_at(day, "06:59") == (RhythmState.SLEEP, True) and state_at(day, "07:10") == (RhythmState.AWAKE, True)
    assert state_at(day, "07:40") == (RhythmState.AWAY, True) and state_at(day, "09:00") == (RhythmState.WORK, True)
    assert state_at(view.rows[0], "21:00") == (RhythmState.HOME, False)  # before the first night nobody watched
    assert day.minutes[RhythmState.WORK] == 480 and view.changes == []


def test_a_night_without_a_record_is_not_taken_for_waking() -> None:
    home = [(START, START + 5 * DAY_MS)]
    view = rhythm_view("2026-05-04", "2026-05-08", nights(4, skip=frozenset({1})), home, [], UTC)
    assert state_at(view.rows[2], "02:00") == (RhythmState.HOME, False)
    assert state_at(view.rows[3], "12:00") == (RhythmState.HOME, True)
    assert view.rows[2].unwatched_min == 23 * 60


def test_hours_that_never_were_are_marked_and_hours_lived_twice_keep_what_is_known() -> None:
    forward = Steps(60, [(START + HOUR_MS, 120)])
    row = rhythm_view("2026-05-04", "2026-05-04", [], [(START - DAY_MS, START + DAY_MS)], [], forward).rows[0]
    assert state_at(row, "02:30") == (RhythmState.SKIPPED, False) and state_at(row, "03:00")[0] is RhythmState.HOME
    assert row.minutes[RhythmState.SKIPPED] == 60
    back = Steps(120, [(START + HOUR_MS, 60)])
    first_two = [(START, START + HOUR_MS)]  # 02:00 to 03:00, then the clock shows 02:00 again
    view = rhythm_view("2026-05-04", "2026-05-04", [], first_two, [], back)
    assert state_at(view.rows[0], "02:30")[0] is RhythmState.HOME
    assert [(one.day, one.at_ms, one.before_min, one.after_min) for one in view.changes] == [
        ("2026-05-04", START + HOUR_MS, 120, 60)
    ]


def test_travel_moves_the_rows_with_the_persons_clock() -> None:
    east = Steps(0, [(START + 2 * DAY_MS, 540)])
    found = nights(5, 23)[:2] + nights(6, 14)[2:]  # 23:00 at home, 23:00 nine hours further east
    view = rhythm_view("2026-05-05", "2026-05-09", found, [], [], east)
    assert [state_at(view.rows[n], "02:00")[0] for n in (0, 2, 3, 4)] == [RhythmState.SLEEP] * 4
    assert state_at(view.rows[1], "02:00")[0] is RhythmState.SKIPPED  # over these hours the person flew
    assert len(view.changes) == 1 and view.changes[0].after_min == 540


# -- figures -----------------------------------------------------------------------------------------------------------


def test_midpoints_are_averaged_around_midnight() -> None:
    mean, spread = circular_mean_and_spread([1430.0, 10.0])
    assert mean == pytest.approx(0, abs=1e-6) or mean == pytest.approx(1440, abs=1e-6)
    assert spread == pytest.approx(10, rel=1e-3)
    assert circular_mean_and_spread([]) == (None, None)
    assert circular_mean_and_spread([0.0, 720.0]) == (None, None)  # they point nowhere
    alone, none = circular_mean_and_spread([200.0])
    assert alone == pytest.approx(200) and none is None


@given(st.lists(st.floats(180, 300), min_size=2, max_size=30), st.floats(0, 1439))
def test_turning_the_clock_turns_the_mean_and_keeps_the_spread(minutes: list[float], turn: float) -> None:
    mean, spread = circular_mean_and_spread(minutes)
    turned, same = circular_mean_and_spread([(minute + turn) % 1440 for minute in minutes])
    assert mean is not None and turned is not None and spread is not None and same is not None
    assert abs((turned - mean - turn + 720) % 1440 - 720) < 1e-3
    assert same == pytest.approx(spread, abs=1e-3)


def test_the_longest_sleep_of_a_day_is_its_night() -> None:
    naps = [episode("sleep", "2026-05-05", 14, 15), episode("sleep", "2026-05-06", 14, 15)]
    found = sorted([*nights(3), *naps], key=lambda one: one.start_ms)
    figures = sleep_figures("2026-05-05", "2026-05-07", found, UTC)
    assert figures.nights == 3 and figures.midpoint_min == pytest.approx(180) and figures.spread_min == pytest.approx(0)
    assert sleep_figures("2026-06-01", "2026-06-02", found, UTC).midpoint_min is None
    assert sleep_figures("2026-05-05", "2026-05-07", found, Steps(-60)).midpoint_min == pytest.approx(120)


def slow_index(sleeps: list[tuple[int, int]], watched: list[tuple[int, int]]) -> tuple[float | None, int]:
    """The Sleep Regularity Index, minute by minute as it is defined."""
    first, last = min(one for one, _ in sleeps) // MINUTE_MS, max(end for _, end in sleeps) // MINUTE_MS

    def holds(minute: int, spans: list[tuple[int, int]]) -> bool:
        return any(start <= minute * MINUTE_MS < end for start, end in spans)

    same = pairs = 0
    for minute in range(first, last - 1440 + 1):
        if holds(minute, watched) and holds(minute + 1440, watched):
            pairs += 1
            same += holds(minute, sleeps) == holds(minute + 1440, sleeps)
    return (None if pairs < 60 * LEAST_COMPARED_H else 200 * same / pairs - 100), pairs


@pytest.mark.parametrize("skip", [frozenset[int](), frozenset({4}), frozenset({3, 4})])
def test_the_index_is_the_slow_one(skip: frozenset[int]) -> None:
    starts = [START + n * DAY_MS + (23 * 60 + (n * 37) % 100) * MINUTE_MS for n in range(11) if n not in skip]
    sleeps = [(start, start + (7 * 60 + n * 5) * MINUTE_MS) for n, start in enumerate(starts)]
    between = [(one[1], other[0]) for one, other in pairwise(sleeps) if other[0] - one[1] <= 30 * HOUR_MS]
    index, hours = sleep_regularity(sleeps)
    slow, pairs = slow_index(sleeps, sorted([*sleeps, *between]))
    assert index == (None if slow is None else pytest.approx(slow)) and hours == pytest.approx(pairs / 60)


def test_the_index_of_the_same_nights_is_100_and_too_few_say_nothing() -> None:
    same = [(one.start_ms, one.end_ms) for one in nights(10)]
    assert sleep_regularity(same)[0] == pytest.approx(100)
    index, hours = sleep_regularity(same[:4])
    assert index is None and hours == pytest.approx(2 * 24 + 8)
    assert sleep_regularity([]) == (None, 0.0)


def test_turning_night_into_day_every_other_day_is_against_all_regularity() -> None:
    turned = [
        (START + n * DAY_MS + (0 if n % 2 else 12) * HOUR_MS, START + n * DAY_MS + (12 if n % 2 else 24) * HOUR_MS)
        for n in range(12)
    ]
    index, _ = sleep_regularity(turned)
    assert index is not None and math.isclose(index, -100)


def test_waking_that_was_recorded_counts_where_a_night_is_missing() -> None:
    sleeps = [(one.start_ms, one.end_ms) for one in nights(14, skip=frozenset({5}))]
    work = [(START + n * DAY_MS + 9 * HOUR_MS, START + n * DAY_MS + 17 * HOUR_MS) for n in range(1, 14)]
    # the days of the hole and the next can now be compared with their neighbours, for the 8 hours of work
    assert sleep_regularity(sleeps, work)[1] > sleep_regularity(sleeps)[1]


def test_visits_are_sorted_into_home_and_elsewhere() -> None:
    assert stays([(0, 1, True), (1, 2, False), (2, 3, True)]) == ([(0, 1), (2, 3)], [(1, 2)])
