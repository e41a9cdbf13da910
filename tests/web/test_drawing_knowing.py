"""Drawings of beliefs: what the line, the bar and the marks stand for, also in words."""

from __future__ import annotations

import re
from dataclasses import replace

from hearthside.web.drawing_knowing import (
    CHART_PX,
    LEAST_MONTHS,
    heard,
    mood_chart,
    span_line,
    spark,
    strength_bar,
    trend_chart,
    trend_words,
)
from hearthside.web.known_views import MoodPoint
from tests.web.demo_knowing import fact, preference

ITEM = replace(
    preference(1, "You listen to Ferns regularly.", "steady", 0.5), heard_to="2026-03",
    months=(("2025-11", 2.0), ("2025-12", 8.0), ("2026-01", 4.0), ("2026-02", 0.0), ("2026-03", 1.0)),
)  # fmt: skip


def points(drawn: str) -> list[tuple[float, float]]:
    """Corners of the line."""
    [found] = re.findall(r'<polyline points="([^"]+)"', drawn)
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found.split())]


def test_the_line_goes_through_the_months_and_leaves_the_present_one_out() -> None:
    assert points(spark(ITEM)) == [(0, 73.5), (1, 6), (2, 51), (3, 96)]
    assert trend_words(ITEM) == ("By month from November 2025: most in December 2025, 8 times; this month so far once")


def test_where_nobody_listened_the_line_ends_and_is_dotted() -> None:
    silent = replace(ITEM, heard_to="2026-01")
    drawn = spark(silent)
    assert heard(silent) == 3 and len(points(drawn)) == 3
    assert 'class="spark-unheard"' in drawn and "spark-unheard" not in spark(ITEM)
    assert "nothing of this kind was heard after January 2026" in trend_words(silent)


def test_nothing_is_drawn_over_too_few_months() -> None:
    short = replace(ITEM, months=ITEM.months[: LEAST_MONTHS - 1])
    assert spark(short) == trend_chart(short) == "" and spark(fact(1, "x", "x", "2026-01-01")) == ""


def test_years_stand_below_the_large_drawing() -> None:
    drawn = trend_chart(ITEM)
    assert f'height="{CHART_PX}"' in drawn and ">2026</text>" in drawn and ">8 times</text>" in drawn
    long = replace(ITEM, months=tuple((f"{2005 + n // 12}-{n % 12 + 1:02d}", 1.0) for n in range(240)))
    assert 3 < trend_chart(long).count("</text>") <= 10
    assert "1.0 hours" in trend_chart(replace(long, unit="seconds", months=tuple((m, 3600.0) for m, _ in long.months)))


def test_a_fact_is_a_bar_from_its_first_day_to_its_last() -> None:
    closed = fact(1, "You live in Grünau.", "Grünau", "2025-01-01", "2025-07-02")
    drawn = span_line(closed, "2024-01-01", "2025-12-31")
    assert 'x="50.14%"' in drawn and 'width="24.93%"' in drawn and "span-open" not in drawn
    assert "from 2025-01-01 to 2025-07-02" in drawn
    still = span_line(replace(closed, until=""), "2024-01-01", "2025-12-31")
    assert 'width="49.86%"' in still and "span-open" in still and "until today" in still
    assert span_line(replace(closed, since="", until=""), "2024-01-01", "2025-12-31") == ""
    assert span_line(closed, "", "") == "" and span_line(closed, "2025-01-01", "2025-01-01") != ""


def test_strength_is_a_bar_with_words() -> None:
    assert 'width="50.0%"' in strength_bar(ITEM) and ITEM.strength_words in strength_bar(ITEM)
    assert 'width="100.0%"' in strength_bar(replace(ITEM, strength=3.0))
    assert 'width="2.0%"' in strength_bar(replace(ITEM, strength=0.0))


def test_weeks_of_moods_stand_above_and_below_the_middle_and_low_days_are_marked() -> None:
    days = [
        MoodPoint("2025-09-01", 0.4, False),
        MoodPoint("2026-03-02", 0.5, False),
        MoodPoint("2026-03-10", -0.6, True),
        MoodPoint("2026-03-11", -0.2, False),
    ]
    drawn = mood_chart(days)
    assert drawn.count("mood-high") == 2 and drawn.count('class="mood-low"') == 1 and drawn.count("mood-mark") == 1
    assert "-0.40, 2 days heard, low days in it" in drawn and "1 of them low" in drawn
    assert mood_chart([]) == ""


def test_moods_of_a_few_weeks_are_drawn_day_by_day() -> None:
    drawn = mood_chart([MoodPoint("2026-03-02", 0.2, False), MoodPoint("2026-03-03", -0.6, True)])
    assert drawn.count("<rect") == 2 and "3 March 2026: -0.60, low" in drawn and "by day; 1 of them low" in drawn


def test_what_is_young_is_drawn_by_week() -> None:
    weeks = tuple((f"2026-{month}", amount) for month, amount in (("02-23", 3.0), ("03-02", 9.0), ("03-09", 1.0),
                                                                    ("03-16", 2.0)))  # fmt: skip
    young = replace(ITEM, months=weeks, heard_to="2026-03-17")
    assert (
        len(points(spark(young))) == 3 and ">Feb</text>" in trend_chart(young) and ">Mar</text>" in trend_chart(young)
    )
    assert trend_words(young).startswith(
        "By week from 23 February 2026: most in the week of 2 March 2026, 9 times; this week"
    )
    assert heard(replace(young, heard_to="2026-03-08")) == 2
