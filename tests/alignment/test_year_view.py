"""A year as a map: what a day shows for each measure, what is unknown and not zero, and the steps of colour."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.views import YearView
from hearthside.alignment.year_view import days_of, edges, quantiles, week_of_year, year_view
from hearthside.events import Layer
from tests.alignment.day_sums import episode, said
from tests.alignment.tracks import Steps

BERLIN = Steps(60)
SUMS = [
    said("2026-02-03", Layer.TEXT, "message", 12, covered_min=90),
    said("2026-02-03", Layer.BEHAVIOURAL, "activity_day", 1, 8000.0),
    said("2026-02-03", Layer.BEHAVIOURAL, "activity_day", 1, 7500.0, source="watch"),
    said("2026-02-04", Layer.BEHAVIOURAL, "activity_day", 1, 0.0),
    said("2026-02-04", Layer.BEHAVIOURAL, "app_time_day", 1, 5400.0),
    said("2026-02-04", Layer.BEHAVIOURAL, "weight_day", 2, 128.0),
    said("2026-02-05", Layer.BEHAVIOURAL, "met", 0, math.nan, 1300),
    said("2026-02-06", Layer.BEHAVIOURAL, "met", 0, math.nan, 200),
    said("2026-02-07", Layer.BEHAVIOURAL, "activity_day", 1, math.nan),
]
EPISODES = [
    episode("sleep", "2026-02-02", 22, 30), episode("sleep", "2026-02-03", 13, 14),
    episode("work", "2026-02-03", 21, 25), episode("work", "2026-02-03", 8, 11),
]  # fmt: skip


def shown(measure: str) -> dict[str, float | None]:
    view = year_view([2026], measure, SUMS, EPISODES, BERLIN)
    assert view.measure.name == measure
    return {one.day: one.value for one in view.years[0].days if one.day.startswith("2026-02-0")}


def known(measure: str) -> dict[str, float]:
    return {day[-2:]: round(value, 3) for day, value in shown(measure).items() if value is not None}


def test_a_day_nobody_recorded_is_unknown_and_not_zero() -> None:
    assert shown("events")["2026-02-01"] is None
    assert known("steps") == {"03": 8000, "04": 0}  # the higher of two devices; no number is no zero
    assert known("screen") == {"04": 1.5} and known("weight") == {"04": 64}


def test_records_and_coverage_by_layer() -> None:
    assert known("events") == {"03": 14, "04": 4, "05": 0, "06": 0, "07": 1}
    assert known("events-text") == {"03": 12} and known("covered-text") == {"03": 1.5}
    assert known("layers") == {"03": 2, "04": 1, "05": 1, "06": 1, "07": 1}


def test_hours_of_episodes_by_the_persons_own_day() -> None:
    assert known("sleep") == {"03": 9}  # the night belongs to the morning, and the nap to its day
    # 22:00 to 02:00 by the person's clock is divided at midnight; a day covered for less than half says nothing
    assert known("work") == {"03": 5, "04": 2, "05": 0}


def test_only_what_there_is_can_be_chosen_and_the_first_is_the_default() -> None:
    view = year_view([2026, 2025], "nonsense", SUMS, EPISODES, BERLIN)
    names = [one.name for one in view.measures]
    assert view.measure.name == "layers" == names[0]
    assert "covered-visual" not in names and "meal" not in names and {"work", "steps", "events-text"} <= set(names)
    assert [year.year for year in view.years] == [2026, 2025] and {one.value for one in view.years[1].days} == {None}
    assert year_view([2025], "", [], [], BERLIN).edges == []


def test_steps_of_layers_are_whole_numbers_up_to_the_most_that_were_heard() -> None:
    assert [edges([1.0, float(most)], "layers") for most in (1, 3, 6)] == [[], [2, 3], [3, 4, 5, 6]]


def test_weeks_show_what_the_best_source_covered() -> None:
    weeks = {one.layer: one.shares for one in year_view([2026], "", SUMS, [], BERLIN).years[0].weeks}
    assert len(weeks[Layer.TEXT]) == 53
    week = week_of_year(date(2026, 2, 3))
    assert weeks[Layer.TEXT][week] == pytest.approx(90 / (7 * 1440), abs=1e-3)
    assert weeks[Layer.BEHAVIOURAL][week] == pytest.approx(1500 / (7 * 1440), abs=1e-3)
    assert weeks[Layer.VISUAL] == [None] * 53 and weeks[Layer.TEXT][0] is None


@pytest.mark.parametrize("year", [2023, 2024, 2028, 2012, 1900])
def test_weeks_of_a_year_begin_on_monday(year: int) -> None:
    days = [date.fromisoformat(day) for day in days_of(year)]
    assert days[0] == date(year, 1, 1) and days[-1] == date(year, 12, 31) and week_of_year(days[0]) == 0
    for day, after in pairwise(days):
        assert after == day + timedelta(days=1)
        assert week_of_year(after) - week_of_year(day) == (after.weekday() == 0)
    assert week_of_year(days[-1]) in (52, 53)


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=60), st.sampled_from(["hours", "steps", "events", "kg"]))
def test_steps_of_colour_ascend_and_are_few(values: list[float], unit: str) -> None:
    found = edges(values, unit)
    assert len(found) <= 4 and all(one < other for one, other in pairwise(found)) and all(one > 0 for one in found)


def test_hours_step_at_round_numbers() -> None:
    assert edges([5.5 + n / 10 for n in range(41)], "hours") == [6, 7, 8, 9]
    assert edges([], "hours") == []
    assert edges([7.25, 7.25], "hours") == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_quantiles_are_numpys(values: list[float]) -> None:
    shares = (0.05, 0.2, 0.5, 0.95)
    assert quantiles(values, shares) == pytest.approx(np.quantile(values, shares).tolist(), rel=1e-9, abs=1e-6)


def test_ten_years_are_one_view() -> None:
    view: YearView = year_view(range(2026, 2016, -1), "events", SUMS, EPISODES, BERLIN)
    assert sum(len(year.days) for year in view.years) == 3652
