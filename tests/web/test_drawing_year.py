"""The map of a year: a cell for every day, nothing known is not zero, and the figures in words."""

from __future__ import annotations

import re
from datetime import date
from xml.etree import ElementTree

import pytest

from hearthside.alignment.views import YearView
from hearthside.web.drawing_year import (
    first_shade,
    maps,
    measure_choice,
    month_table,
    shade,
    short_words,
    value_words,
    year_chart,
    year_legend,
)
from hearthside.web.year_page import below_maps, middle
from hearthside.web.zoom import Moment
from tests.web.demo_house import FIRST_DAY, LAST_DAY, DemoHouse


def view(measure: str = "sleep", year: int = 2025, years: int = 1) -> YearView:
    return DemoHouse().year(year, measure, years)


def cells(view: YearView, moment: str = "2025-07-09") -> list[ElementTree.Element]:
    chart = ElementTree.fromstring(year_chart(view, view.years[0], Moment(moment)))
    return [one for one in chart.iter("a") if "heat-day" in one.get("class", "")]


def test_every_day_has_a_cell_that_leads_to_it_and_says_its_figure() -> None:
    found = cells(view())
    assert len(found) == 365 and found[0].get("href") == "/day/2025-01-01"
    assert found[0].get("aria-label", "").startswith("Wed 1 Jan 2025: ")
    assert found[0].get("style") == "--week: 0; --weekday: 2" and found[-1].get("style") == "--week: 52; --weekday: 2"
    assert [one.get("href") for one in found if one.get("tabindex") == "0"] == ["/day/2025-07-09"]  # one stop for Tab
    assert "is-moment" in found[189].get("class", "")


def test_nothing_known_is_hatched_also_before_and_after_the_life_and_zero_is_empty() -> None:
    found = cells(view("steps"))
    looks = {one.get("class", "").split()[1] for one in found}
    assert looks == {"unknown", "none", "shade-1", "shade-2", "shade-3", "shade-4", "shade-5"}
    assert "unknown" in found[224].get("class", "") and "nothing known" in found[224].get("aria-label", "")
    future = cells(view("steps", 2026))
    assert "unknown" in future[100].get("class", "") and "unknown" not in future[80].get("class", "")
    early = cells(view("steps", 2023))
    assert "unknown" in early[0].get("class", "")
    assert "unknown" in year_legend(view("steps"))  # what is drawn is in the legend


def test_shades_follow_the_edges() -> None:
    edges = [6.0, 7.0, 8.0, 9.0]
    assert [shade(value, edges) for value in (None, 0, 5.9, 6.0, 8.5, 9.0)] == [
        "unknown", "none", "shade-1", "shade-2", "shade-4", "shade-5",
    ]  # fmt: skip
    assert [shade(value, [7.0]) for value in (5.0, 8.0)] == ["shade-4", "shade-5"]
    assert shade(5.0, []) == "shade-5" and first_shade([]) == 5


def test_coverage_stands_below_the_map_week_by_week() -> None:
    chart = ElementTree.fromstring(year_chart(view(year=2024), view(year=2024).years[0], Moment("2024-07-01")))
    strips = [one for one in chart.iter("svg") if one.get("role") == "img"]
    assert len(strips) == 6 and all("heard in" in one.get("aria-label", "") for one in strips)
    classes = [rect.get("class") for rect in strips[5].iter("rect")]  # the home was connected in March
    assert classes[0] == "cover-unknown" and classes[-1] == "week-cover" and len(classes) == 53


def test_the_legend_names_every_step() -> None:
    words = "".join(ElementTree.fromstring(year_legend(view())).itertext())
    assert words == "nothing knownnoneunder 6 hfrom 6from 7from 89 and more h"
    layers = "".join(ElementTree.fromstring(year_legend(view("layers"))).itertext())
    assert layers.startswith("nothing knownunder 3 layers") and "none" not in layers
    assert [short_words(value, "hours") for value in (7, 7.5)] == ["7", "7:30"] and short_words(64.5, "kg") == "64.5"


def test_measures_are_offered_in_groups() -> None:
    choice = measure_choice(view().measures, view().measure)
    groups = re.findall(r'<optgroup label="([^"]+)"', choice)
    assert groups == ["Everything", "Time spent", "Figures of the day", "Hours covered", "Records"]
    assert re.findall(r'value="([^"]+)" selected', choice) == ["sleep"]


def test_years_stand_below_each_other_with_the_same_steps() -> None:
    several = view("steps", 2026, 3)
    drawn = maps(several, Moment("2026-02-02"))
    heads = [one.get("href") for one in ElementTree.fromstring(f"<div>{drawn}</div>").iter("a") if not one.get("class")]
    assert heads == [f"/year/{year}?day={year}-07-01" for year in (2026, 2025, 2024)]
    assert len(ElementTree.fromstring(month_table(several, several.years[1])).findall("tbody/tr")) == 12


def test_the_page_says_that_coverage_is_summed_by_utc_days() -> None:
    assert "UTC days" in below_maps(view("covered-text")) and "UTC days" not in below_maps(view("sleep"))


def test_a_year_stands_for_its_middle_or_what_of_the_life_is_nearest() -> None:
    assert middle(date(2024, 1, 1), FIRST_DAY, LAST_DAY) == "2024-07-01"
    assert middle(date(2026, 1, 1), FIRST_DAY, LAST_DAY) == LAST_DAY
    assert middle(date(2023, 1, 1), "2023-09-14", LAST_DAY) == "2023-09-14"
    assert middle(date(2024, 1, 1), "", "") == "2024-07-01"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "hours", "nothing known"), (0.0, "hours", "0 h 00 min"), (7.2, "hours", "7 h 12 min"),
        (4.0, "layers", "4 of 6 layers"), (1.0, "events", "1 record"), (1204.0, "events", "1,204 records"),
        (8204.0, "steps", "8,204 steps"), (64.25, "kg", "64.2 kg"), (71.0, "of 100", "71 of 100"),
    ],
)  # fmt: skip
def test_figures_in_words(value: float | None, unit: str, words: str) -> None:
    assert value_words(value, unit) == words
