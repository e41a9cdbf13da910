"""The actogram: each day beside the day after it, unknown left hatched, rows in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

from hearthside.alignment.views import RhythmRow, RhythmRun, RhythmState, RhythmView, SleepFigures
from hearthside.web.drawing_rhythm import (
    actogram,
    change_list,
    figures_body,
    gaps,
    minute_words,
    rhythm_legend,
    rhythm_table,
    row_px,
    row_words,
    shift_words,
    sleep_words,
    state_path,
)
from hearthside.web.rhythm_page import below_actogram, rhythm_head, span_links
from tests.web.demo_house import FIRST_DAY, LAST_DAY, DemoHouse


def view() -> RhythmView:
    return DemoHouse().rhythm("2026-01-31", "2026-03-01")


def row(day: str, *runs: RhythmRun) -> RhythmRow:
    minutes: dict[RhythmState, int] = {}
    for run in runs:
        minutes[run.state] = minutes.get(run.state, 0) + run.last - run.first
    return RhythmRow(day, list(runs), minutes, 0)


SLEEP, HOME = RhythmState.SLEEP, RhythmState.HOME


def test_each_day_is_drawn_twice_left_in_its_row_and_right_in_the_row_before() -> None:
    rows = [
        row("2026-05-04", RhythmRun(0, 400, SLEEP, True), RhythmRun(400, 1440, HOME, True)),
        row("2026-05-05", RhythmRun(0, 300, SLEEP, True), RhythmRun(300, 1440, HOME, False)),
    ]
    assert state_path(rows, SLEEP) == "M0 0h400v100h-400zM1440 0h300v100h-300zM0 100h300v100h-300z"
    # where nobody knows whether the person slept, a place fills half of its row
    assert state_path(rows, HOME) == "M400 0h1040v100h-1040zM1740 50h1140v50h-1140zM300 150h1140v50h-1140z"
    assert state_path(rows, RhythmState.WORK) == ""


def test_the_plot_is_a_labelled_slider_over_its_days() -> None:
    plot = ElementTree.fromstring(actogram(view()))
    slider = next(one for one in plot.iter() if one.get("role") == "slider")
    assert slider.get("aria-valuemax") == "29" and slider.get("tabindex") == "0" and slider.get("aria-label")
    paths = {one.get("class"): one.get("d") for one in slider.iter("path")}
    assert paths["rhythm-sleep"] and paths["rhythm-home"] and paths["rhythm-skipped"]
    assert len([one for one in plot.iter("line") if one.get("class") == "change-line"]) == 2
    assert [one.text for one in plot.iter("text") if one.get("class") == "change-words"] == ["−6 h", "+6 h"]
    assert "1 Feb" in [one.text for one in plot.iter("text")]


def test_rows_get_finer_with_more_days() -> None:
    heights = [row_px(days) for days in (30, 90, 182, 365)]
    assert heights == sorted(heights, reverse=True) and heights[-1] >= 3


def test_rows_are_told_in_words_newest_first() -> None:
    table = ElementTree.fromstring(rhythm_table(view()))
    rows = table.findall("tbody/tr")
    assert rows[0].get("data-day") == "2026-03-01" and len(rows) == 30
    assert rows[0].get("data-words", "").startswith("Sunday, 1 March 2026: asleep ")
    one = row("2026-05-04", RhythmRun(0, 405, SLEEP, True), RhythmRun(405, 1380, HOME, True),
              RhythmRun(1380, 1440, SLEEP, True))  # fmt: skip
    assert sleep_words(one) == "00:00 to 06:45, 23:00 to 24:00"
    assert row_words(one) == "Monday, 4 May 2026: asleep 7 h 45 min, at home 16 h 15 min"
    assert row_words(replace(one, unwatched_min=90)).endswith(", sleep not known for 1 h 30 min")
    assert sleep_words(row("2026-05-04", RhythmRun(0, 1440, HOME, True))) == "—"


def test_days_of_which_nothing_is_known_are_counted() -> None:
    nothing = DemoHouse().rhythm("2024-11-30", "2024-12-05")
    assert gaps(nothing.rows) >= 4 and "nothing is known" in below_actogram(nothing)
    assert gaps(view().rows) == 0


def test_changes_of_the_clock_are_listed() -> None:
    assert "UTC+01:00 → UTC−05:00" in change_list(view()) and "2 changes of the clock" in change_list(view())
    assert change_list(replace(view(), changes=[])) == ""
    assert [shift_words(minutes) for minutes in (60, -330, 0)] == ["+1 h", "−5:30 h", "+0 h"]


def test_figures_say_what_they_rest_on() -> None:
    body = figures_body(SleepFigures(30, 221.4, 43.6, 83.2, 480))
    words = "".join(ElementTree.fromstring(body).itertext())
    assert "03:41 ± 0 h 44 min" in words and "83 of 100" in words and "30 nights" in words and "20 days" in words
    none = "".join(ElementTree.fromstring(figures_body(SleepFigures(0, None, None, None, 30))).itertext())
    assert none.count("—") == 2 and "1.2 days" in none and "it takes five" in none
    assert minute_words(1439.8) == "00:00"


def test_the_legend_names_every_state() -> None:
    words = "".join(ElementTree.fromstring(rhythm_legend()).itertext())
    for name in ("asleep", "at work", "at home", "away from home", "unknown", "sleep not recorded", "clock changed"):
        assert name in words


def test_spans_stay_in_the_life() -> None:
    to = date.fromisoformat(LAST_DAY)
    head = rhythm_head(date(2026, 1, 1), to, 90, FIRST_DAY, LAST_DAY)
    assert 'href="/rhythm?to=2025-12-31"' in head and "step-off" in head
    links = span_links(to, 90)
    assert 'href="/rhythm?to=2026-03-31&amp;days=365"' in links and links.count("aria-current") == 1
