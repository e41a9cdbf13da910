"""Local days and hours from a track of the UTC offset: clock changes, travel, the date line."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.local_days import local_dates, local_days, offset_runs
from hearthside.alignment.views import OffsetRun
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_number, day_start_ms
from tests.alignment.tracks import Steps

MIDNIGHT = day_start_ms("2026-03-29")
FORWARD = Steps(60, [(MIDNIGHT + HOUR_MS, 120)])  # 29 March 2026 in Berlin


def test_a_day_whose_clocks_go_forward_has_23_hours() -> None:
    before, day, after = local_days(FORWARD, "2026-03-28", "2026-03-30")
    assert (day.start_ms, day.end_ms) == (MIDNIGHT - HOUR_MS, MIDNIGHT + 22 * HOUR_MS)
    assert (before.end_ms, after.start_ms) == (day.start_ms, day.end_ms)
    assert (before.offset_min, day.offset_min, after.offset_min) == (60, 120, 120)
    assert offset_runs(FORWARD, day.start_ms, day.end_ms) == [
        OffsetRun(day.start_ms, MIDNIGHT + HOUR_MS, 60),
        OffsetRun(MIDNIGHT + HOUR_MS, day.end_ms, 120),
    ]


def test_a_date_skipped_at_the_date_line_has_the_minute_at_which_it_was_skipped() -> None:
    at = day_start_ms("2011-12-30") + 10 * HOUR_MS  # Samoa: from UTC-10 to UTC+14 at its midnight
    days = local_days(Steps(-600, [(at, 840)]), "2011-12-29", "2011-12-31")
    assert [(day.end_ms - day.start_ms) // MINUTE_MS for day in days] == [1440, 1, 1440]
    assert days[1].start_ms == at


def test_an_empty_stretch_has_no_offsets() -> None:
    assert offset_runs(FORWARD, MIDNIGHT, MIDNIGHT) == []


@given(
    st.integers(-14 * 60, 14 * 60),
    st.lists(st.tuples(st.integers(-3 * 1440, 3 * 1440), st.integers(-14 * 60, 14 * 60)), max_size=4),
)
def test_a_minute_lies_in_the_local_day_its_clock_shows(first: int, steps: list[tuple[int, int]]) -> None:
    origin = day_start_ms("2026-05-04")
    track = Steps(first, sorted((origin + minute * MINUTE_MS, offset) for minute, offset in steps))
    days = local_days(track, "2026-05-03", "2026-05-05")
    for day in days:
        number = day_number(day.day)
        minutes = np.arange(origin - 4 * DAY_MS, origin + 5 * DAY_MS, MINUTE_MS, dtype=np.int64)
        mine = minutes[local_dates(track, minutes) == number]
        if len(mine):
            assert (day.start_ms, day.end_ms) == (mine[0], mine[-1] + MINUTE_MS)
    runs = offset_runs(track, days[0].start_ms, days[0].end_ms)
    assert runs[0].start_ms == days[0].start_ms and runs[-1].end_ms == days[0].end_ms
    for one, other in pairwise(runs):
        assert one.end_ms == other.start_ms and one.offset_min != other.offset_min
