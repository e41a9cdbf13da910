"""Week and month: every day has its place, leads one level down, and says in words what it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

from hearthside.alignment.views import OffsetRun, SpanView
from hearthside.events import HOUR_MS
from hearthside.web.drawing import Life
from hearthside.web.drawing_span import (
    day_summary,
    known,
    local_hours,
    month_chart,
    offset_words_of,
    week_chart,
    week_row_svg,
)
from hearthside.web.span_page import below_span, week_title
from hearthside.web.zoom import Moment, Zoom
from tests.web.demo_day import at
from tests.web.demo_house import FIRST_DAY, HOSTILE, LAST_DAY, DemoHouse

LIFE = Life(FIRST_DAY, LAST_DAY)
MOMENT = Moment(LAST_DAY, at(LAST_DAY, "14:20"))


def week() -> SpanView:
    return DemoHouse().span("2026-03-30", "2026-04-05")


def month() -> SpanView:
    return DemoHouse().span("2026-03-01", "2026-03-31")


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{markup}</div>")


def test_a_week_has_seven_rows_that_lead_to_their_days() -> None:
    rows = [one for one in parsed(week_chart(week(), MOMENT, LIFE)).iter("a")]
    assert [one.get("data-day") for one in rows] == [day.day for day in week().days] and len(rows) == 7
    assert rows[0].get("href") == "/day/2026-03-30" and rows[1].get("href") == f"/day/{LAST_DAY}?at={MOMENT.at_ms}"
    assert [n for n, one in enumerate(rows) if "is-moment" in one.get("class", "")] == [1]
    assert week_chart(week(), MOMENT, LIFE).count("moment-line") == 1


def test_a_row_shows_episodes_and_the_coverage_of_six_layers() -> None:
    day = week().days[1]
    drawn = parsed(week_row_svg(day, week(), None))
    classes = [one.get("class", "") for one in drawn.iter()]
    assert sum(one.endswith(" strip") for one in classes) == 6 and "episode episode-sleep" in classes
    unheard = parsed(week_row_svg(week().days[4], week(), None))
    assert [one.get("class") for one in unheard.iter("rect")] == ["cover-unknown"]


def test_a_day_is_told_in_words() -> None:
    words = day_summary(week().days[1], week())
    assert words.startswith("Tuesday, 31 March 2026: Place: Home, 00:00 to 08:12; Sleep: asleep, 00:48 to 06:52; ")
    assert "Events: Text " in words
    assert day_summary(week().days[4], week()).endswith("no episodes. Events: none")
    assert known(week().days[1]) and not known(week().days[4])


def test_clock_hours_fall_where_they_fall() -> None:
    day = week().days[0]
    middle = day.start_ms + HOUR_MS * 2
    runs = [OffsetRun(day.start_ms, middle, 60), OffsetRun(middle, day.end_ms, 120)]
    hours = local_hours(day, runs)
    assert [label for _, label in hours] == ["06:00", "12:00", "18:00"] and hours[0][0] == day.start_ms + 5 * HOUR_MS
    assert [label for _, label in local_hours(day, [])] == ["06:00", "12:00", "18:00"]


def test_a_month_is_a_calendar_whose_weeks_begin_on_monday() -> None:
    chart = parsed(month_chart(month(), Moment(LAST_DAY), LIFE))
    cells = [one for one in chart.iter("a") if "month-cell" in one.get("class", "")]
    weeks = [one for one in chart.iter("a") if one.get("class") == "month-week"]
    assert len(cells) == 31 and cells[0].get("href") == "/day/2026-03-01"
    assert [one.get("href") for one in weeks[:2]] == ["/week/2026-03-01", "/week/2026-03-02"] and len(weeks) == 6
    blanks = [one for one in chart.iter("span") if one.get("class") == "month-blank"]
    assert len(blanks) == 6  # 1 March 2026 is a Sunday
    assert all(one.get("aria-label") for one in cells)


def test_a_day_nobody_recorded_is_hatched_and_says_so() -> None:
    view = DemoHouse().span("2024-12-01", "2024-12-31")
    cells = [
        one
        for one in parsed(month_chart(view, Moment("2024-12-20"), LIFE)).iter("a")
        if "month-cell" in one.get("class", "")
    ]
    assert "is-unknown" in cells[5].get("class", "") and "nothing is known" in cells[5].get("aria-label", "")
    assert "is-unknown" not in cells[15].get("class", "")


def test_changes_of_the_clock_are_told() -> None:
    view = DemoHouse().span("2025-10-20", "2025-10-26")
    assert offset_words_of(view) == ["Sun 26 Oct 2025, 02:00: UTC+02:00 → UTC+01:00"]
    assert "Clock changes" in below_span(view, Zoom.WEEK) and "Clock changes" not in below_span(month(), Zoom.MONTH)


def test_labels_cannot_become_markup() -> None:
    view = replace(week(), episodes=[replace(one, label=HOSTILE) for one in week().episodes])
    for chart in (week_chart(view, MOMENT, LIFE), month_chart(view, MOMENT, LIFE)):
        assert {one.tag for one in parsed(chart).iter()} & {"img", "script"} == set()


def test_titles_of_weeks() -> None:
    assert week_title(date(2026, 3, 31)) == "30 March to 5 April 2026"
    assert week_title(date(2026, 5, 6)) == "4 to 10 May 2026"
    assert week_title(date(2025, 12, 31)) == "29 December 2025 to 4 January 2026"


def test_days_after_the_life_are_blank_and_not_unknown() -> None:
    chart = week_chart(week(), MOMENT, LIFE)
    assert chart.count("week-svg") == 2 and chart.count("week-row") == 7  # Monday and Tuesday, and five days to come
    view = DemoHouse().span("2026-04-01", "2026-04-30")
    assert month_chart(view, Moment("2026-04-01"), LIFE).count("is-beyond") == 30
    assert "is-beyond" not in month_chart(view, Moment("2026-04-01"), Life("", ""))
