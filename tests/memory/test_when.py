"""Time expressions against a table, and against any text at all."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hearthside.events import HOUR_MS, MINUTE_MS, day_start_ms
from hearthside.memory.when import Period, find_period
from tests.alignment.lives import at

NOW = at("2026-05-06 10:00")  # a Wednesday


def _find(text: str, now_ms: int = NOW, offset_min: int = 0) -> tuple[Period, str]:
    period, rest = find_period(text, now_ms, offset_min)
    assert period is not None, text
    return period, rest


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-05-06", "2026-05-06"),
        ("tonight", "2026-05-06", "2026-05-06"),
        ("yesterday", "2026-05-05", "2026-05-05"),
        ("yesterday night", "2026-05-05", "2026-05-05"),
        ("last night", "2026-05-06", "2026-05-06"),  # the night belongs to the morning it ends on
        ("the day before yesterday", "2026-05-04", "2026-05-04"),
        ("day before yesterday", "2026-05-04", "2026-05-04"),
        ("on wednesday", "2026-05-06", "2026-05-06"),  # today is one
        ("last wednesday", "2026-04-29", "2026-04-29"),
        ("on thursday", "2026-04-30", "2026-04-30"),
        ("Monday's dinner", "2026-05-04", "2026-05-04"),
        ("last week", "2026-04-27", "2026-05-03"),
        ("this week", "2026-05-04", "2026-05-06"),
        ("last weekend", "2026-05-02", "2026-05-03"),
        ("this weekend", "2026-05-09", "2026-05-10"),
        ("last month", "2026-04-01", "2026-04-30"),
        ("this month", "2026-05-01", "2026-05-06"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("in the last 3 days", "2026-05-04", "2026-05-06"),
        ("over the past two weeks", "2026-04-23", "2026-05-06"),
        ("3 days ago", "2026-05-03", "2026-05-03"),
        ("a week ago", "2026-04-27", "2026-05-03"),
        ("two months ago", "2026-03-01", "2026-03-31"),
        ("six months ago", "2025-11-01", "2025-11-30"),
        ("a year ago", "2025-01-01", "2025-12-31"),
        ("in april", "2026-04-01", "2026-04-30"),
        ("in december", "2025-12-01", "2025-12-31"),  # the month wraps to the year before
        ("in december 2024", "2024-12-01", "2024-12-31"),
        ("in february 2024", "2024-02-01", "2024-02-29"),
        ("since march", "2026-03-01", "2026-05-06"),
        ("since monday", "2026-05-04", "2026-05-06"),
        ("since last week", "2026-04-27", "2026-05-06"),
        ("since 2026-04-30", "2026-04-30", "2026-05-06"),
        ("since 2024", "2024-01-01", "2026-05-06"),
        ("since yesterday", "2026-05-05", "2026-05-06"),
        ("in 2023", "2023-01-01", "2023-12-31"),
        ("on the 3rd of May", "2026-05-03", "2026-05-03"),
        ("on May 7", "2025-05-07", "2025-05-07"),  # not yet this year
        ("on 7 may 2021", "2021-05-07", "2021-05-07"),
        ("on 29 february", "2024-02-29", "2024-02-29"),
        ("on 2026-01-31", "2026-01-31", "2026-01-31"),
    ],
)
def test_days_that_an_expression_names(text: str, first: str, last: str) -> None:
    period, rest = _find(f"what happened {text} with Anna?")
    assert (period.first, period.last, period.hours, period.minute) == (first, last, None, None)
    assert rest.startswith("what happened") and "anna" in rest and "since" not in rest


@pytest.mark.parametrize(
    ("text", "day", "minute"),
    [
        ("at 5 pm", "2026-05-06", 17 * 60),
        ("at 12 am yesterday", "2026-05-05", 0),
        ("at 12pm", "2026-05-06", 12 * 60),
        ("around 8:30 on monday", "2026-05-04", 8 * 60 + 30),
        ("at 17.45 today", "2026-05-06", 17 * 60 + 45),
        ("around 3 in the afternoon yesterday", "2026-05-05", 15 * 60),
        ("at 9 o'clock yesterday", "2026-05-05", 9 * 60),
        ("at 7", "2026-05-06", 7 * 60),
        ("at 2026-03-01T10:05", "2026-03-01", 10 * 60 + 5),
        ("2026-03-01T23:59:30", "2026-03-01", 23 * 60 + 59),
    ],
)
def test_minutes_that_an_expression_names(text: str, day: str, minute: int) -> None:
    period, _ = _find(f"where was i {text}")
    assert (period.first, period.last, period.minute) == (day, day, minute)
    assert f"{minute // 60:02d}:{minute % 60:02d}" in period.label


@pytest.mark.parametrize(
    ("text", "day", "hours", "label"),
    [
        ("this morning", "2026-05-06", (5, 12), "this morning"),
        ("in the evening", "2026-05-06", (18, 24), "this evening"),
        ("yesterday evening", "2026-05-05", (18, 24), "yesterday evening"),
        ("on monday afternoon", "2026-05-04", (12, 18), "on Monday, 2026-05-04 afternoon"),
        ("on the morning of 2026-04-01", "2026-04-01", (5, 12), "on 2026-04-01 morning"),
    ],
)
def test_parts_of_a_day(text: str, day: str, hours: tuple[int, int], label: str) -> None:
    period, _ = _find(f"what did i hear {text}")
    assert (period.first, period.last, period.hours, period.label) == (day, day, hours, label)


@pytest.mark.parametrize(
    "text",
    [
        "when did i last run",
        "how many morning walks did i take",  # of every day, not of this one
        "what did anna say about 3 things",
        "did we talk about 2026",
        "may i ask about june",
        "what will i do tomorrow",
        "what should i wear on monday",
        "on 31 february",
        "in march 0000",
        "in the last 0 days",
        "",
    ],
)
def test_what_names_no_time_stays_whole(text: str) -> None:
    assert find_period(text, NOW, 0) == (None, text)


def test_a_part_of_several_days_stays_a_word() -> None:
    period, rest = _find("morning walks last week")
    assert (period.first, period.last, period.hours, rest) == ("2026-04-27", "2026-05-03", None, "morning walks")


def test_a_whole_month_that_ends_today_is_not_since() -> None:
    period, _ = _find("in march", now_ms=at("2026-03-31 12:00"))
    assert (period.last, period.label) == ("2026-03-31", "in March 2026")


def test_the_night_before_last_and_noon() -> None:
    period, rest = _find("how long did i sleep the night before last")
    assert (period.first, period.last, period.label, rest) == (
        "2026-05-05", "2026-05-05", "the night before last", "how long did i sleep",
    )  # fmt: skip
    assert (_find("yesterday at noon")[0].first, _find("yesterday at noon")[0].minute) == ("2026-05-05", 720)
    assert _find("at midnight yesterday")[0].minute == 0


def test_today_is_the_persons_own() -> None:
    late = at("2026-05-06 23:30")
    assert _find("today", late, 60)[0].first == "2026-05-07"
    assert _find("today", late, -600)[0].first == "2026-05-06"
    assert _find("yesterday", at("2026-01-01 00:10"), -60)[0].first == "2025-12-30"


def test_bounds_in_utc() -> None:
    start = day_start_ms("2026-05-05") - 2 * HOUR_MS
    assert _find("yesterday")[0].bounds_ms(lambda day: 120) == (start, start + 24 * HOUR_MS)
    assert _find("yesterday evening")[0].bounds_ms(lambda day: 120) == (start + 18 * HOUR_MS, start + 24 * HOUR_MS)
    at_eight = start + 8 * HOUR_MS
    assert _find("yesterday at 8:00")[0].bounds_ms(lambda day: 120) == (at_eight, at_eight + MINUTE_MS)
    moved = {"2026-04-27": 60, "2026-05-03": 120}
    low, high = _find("last week")[0].bounds_ms(lambda day: moved[day])
    assert (low, high) == (day_start_ms("2026-04-27") - HOUR_MS, day_start_ms("2026-05-04") - 2 * HOUR_MS)


_PIECES = """last this past next since in on at about the ago a an 3 29 31 0 99999999999 12:30 25:99 am pm days weeks
months years night monday's weekend month december feb 2024 0000 9999 2026-13-40 2026-02-29 0001-01-01T00:00 9999-12-31
yesterday tomorrow morning evening 1st of ١٢""".split()


@settings(max_examples=250, deadline=None)
@given(
    st.one_of(st.text(max_size=40), st.lists(st.sampled_from(_PIECES), max_size=7).map(" ".join)),
    st.integers(day_start_ms("1971-01-01"), day_start_ms("2190-01-01")),
    st.integers(-1080, 1080),
)
@example("in the last 99999999 years", NOW, 0)
@example("in december 9999", NOW, 0)
@example("last " + "9" * 5000 + " days", NOW, 0)
@example("on 9999-12-31 at 5 pm", NOW, 0)
def test_no_text_breaks_it(text: str, now_ms: int, offset_min: int) -> None:
    period, rest = find_period(text, now_ms, offset_min)
    assert rest == " ".join(rest.split())
    if period is not None:
        assert period.first <= period.last and period.label
        low, high = period.bounds_ms(lambda day: offset_min)
        assert low < high
