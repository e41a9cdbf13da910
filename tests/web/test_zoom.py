"""From minute to year: addresses keep the moment, steps stay in the life, months and weeks have their own ends."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.web.zoom import (
    Moment,
    Zoom,
    address,
    as_date,
    bounds,
    days_in_month,
    moved,
    outside_note,
    steps_of,
    week_days,
    whole_number,
    zoom_bar,
)

MOMENT = Moment("2024-05-03", 1714730400000)


def test_addresses_carry_the_moment() -> None:
    assert {zoom: address(zoom, MOMENT) for zoom in Zoom} == {
        Zoom.HOUR: "/day/2024-05-03?zoom=hour&at=1714730400000",
        Zoom.DAY: "/day/2024-05-03?at=1714730400000",
        Zoom.WEEK: "/week/2024-05-03?at=1714730400000",
        Zoom.MONTH: "/month/2024-05?day=2024-05-03&at=1714730400000",
        Zoom.YEAR: "/year/2024?day=2024-05-03&at=1714730400000",
    }
    assert address(Zoom.DAY, Moment("2024-05-03")) == "/day/2024-05-03"
    assert address(Zoom.YEAR, Moment("2024-05-03"), measure="sleep") == "/year/2024?day=2024-05-03&measure=sleep"


@pytest.mark.parametrize("zoom", list(Zoom))
def test_the_control_has_every_level_and_the_ways_nearer_and_farther(zoom: Zoom) -> None:
    bar = ElementTree.fromstring(zoom_bar(zoom, MOMENT))
    levels = [one for one in bar.iter("a") if "zoom-level" in one.get("class", "")]
    assert [one.text for one in levels] == ["Hour", "Day", "Week", "Month", "Year"]
    assert [one.text for one in levels if one.get("aria-current")] == [zoom.value.capitalize()]
    for one in levels:
        query = parse_qs(urlsplit(one.get("href", "")).query)
        assert query["at"] == ["1714730400000"] and "2024" in one.get("href", "")
    ways = {one.get("data-zoom") for one in bar.iter("a")} - {None}
    assert ways == {"in", "out"} - ({"in"} if zoom is Zoom.HOUR else {"out"} if zoom is Zoom.YEAR else set())


@given(st.dates(date(1, 2, 1), date(9998, 12, 1)), st.sampled_from(list(Zoom)[1:]), st.sampled_from([-1, 1]))
def test_a_step_leads_to_the_neighbour(day: date, zoom: Zoom, step: int) -> None:
    to = moved(zoom, Moment(day.isoformat(), 0), step)
    if to is None:
        assert day.year in (1, 9998)
        return
    here, there = bounds(zoom, Moment(day.isoformat())), bounds(zoom, to)
    first, then = (here, there) if step > 0 else (there, here)
    assert (date.fromisoformat(then[0]) - date.fromisoformat(first[1])).days == 1
    assert there[0] <= to.day <= there[1]
    assert to.at_ms == (to.date - day).days * 86_400_000


def test_the_last_day_of_a_long_month_becomes_that_of_a_short_one() -> None:
    assert moved(Zoom.MONTH, Moment("2024-03-31"), -1) == Moment("2024-02-29")
    assert moved(Zoom.YEAR, Moment("2024-02-29"), 1) == Moment("2025-02-28")
    assert [days_in_month(date(2023, month, 5)) for month in (1, 2, 4, 12)] == [31, 28, 30, 31]
    assert moved(Zoom.YEAR, Moment("9999-02-01"), 1) is None and moved(Zoom.DAY, Moment("0001-01-01"), -1) is None


def test_bounds() -> None:
    assert bounds(Zoom.WEEK, MOMENT) == ("2024-04-29", "2024-05-05")
    assert bounds(Zoom.MONTH, Moment("2024-02-10")) == ("2024-02-01", "2024-02-29")
    assert bounds(Zoom.YEAR, MOMENT) == ("2024-01-01", "2024-12-31")
    assert bounds(Zoom.DAY, MOMENT) == ("2024-05-03", "2024-05-03")
    assert week_days(date(2024, 5, 5)) == (date(2024, 4, 29), date(2024, 5, 5))


def test_steps_end_where_the_life_ends() -> None:
    before, after = steps_of(Zoom.WEEK, MOMENT, "2024-05-01", "2024-05-09")
    assert "step-off" in before and 'href="/week/2024-05-10' in after  # the life reaches into that week
    before, after = steps_of(Zoom.YEAR, MOMENT, "2023-12-31", "2024-05-03", measure="steps")
    assert "measure=steps" in before and "step-off" in after
    assert all("step-off" not in one for one in steps_of(Zoom.DAY, MOMENT, "", ""))


@pytest.mark.parametrize(
    ("zoom", "day", "words", "href"),
    [
        (Zoom.DAY, "1999-05-05", "This day lies before anything that is known. The first day with records is "
         "Wednesday, 1 May 2024.", "/day/2024-05-01"),
        (Zoom.DAY, "2024-05-10", "This day lies after everything that is known. The last day with records is "
         "Thursday, 9 May 2024.", "/day/2024-05-09"),
        (Zoom.WEEK, "2024-04-28", "This week lies before anything that is known. The first day with records is "
         "Wednesday, 1 May 2024.", "/week/2024-05-01"),
        (Zoom.YEAR, "2031-01-01", "This year lies after everything that is known. The last day with records is "
         "Thursday, 9 May 2024.", "/year/2024?day=2024-05-09"),
    ],
)  # fmt: skip
def test_what_lies_outside_the_life_leads_to_the_nearest_day(zoom: Zoom, day: str, words: str, href: str) -> None:
    note = ElementTree.fromstring(outside_note(zoom, Moment(day), "2024-05-01", "2024-05-09"))
    assert "".join(note.itertext()) == words
    assert [link.get("href") for link in note.iter("a")] == [href]


def test_what_touches_the_life_has_no_note() -> None:
    for zoom, day in ((Zoom.DAY, "2024-05-01"), (Zoom.WEEK, "2024-04-29"), (Zoom.YEAR, "2024-12-31")):
        assert outside_note(zoom, Moment(day), "2024-05-01", "2024-05-09") == ""
    assert outside_note(Zoom.DAY, MOMENT, "", "") == ""


def test_numbers_and_dates_from_addresses() -> None:
    assert [whole_number(words) for words in ("12", "-5", "", "1e3", "٣", "9" * 16)] == [12, -5, None, None, None, None]
    assert as_date("2024-02-30") is None and as_date("2024-02-29") == date(2024, 2, 29)
