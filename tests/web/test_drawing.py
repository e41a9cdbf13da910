"""The day as SVG: positions, stacking, coverage, measures, and no way in for HTML."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.views import Coverage, DayView, LaneItem, SeriesLine
from hearthside.events import HOUR_MS, MINUTE_MS, Layer, Origin, Precision
from hearthside.web.drawing import (
    Span,
    bin_instants,
    coverage_minutes,
    day_chart,
    hour_ticks,
    lane_summary,
    lane_svg,
    series_path,
    series_range,
    series_svg,
    stack,
    visible,
)
from tests.web.demo_day import at
from tests.web.demo_house import HOSTILE, LAST_DAY, DemoHouse


def item(start_ms: int, end_ms: int | None, text: str = "words") -> LaneItem:
    return LaneItem("0" * 32, "s", "k", Layer.TEXT, start_ms, end_ms, text, "", Origin.SELF, Precision.INSTANT, 0)


def a_day() -> DayView:
    return DemoHouse().day(LAST_DAY)


def test_span_maps_the_local_day_to_percent_and_clamps() -> None:
    span = Span(1_000, 2_000)
    assert [span.percent(ms) for ms in (1_000, 1_250, 2_000, 500, 9_000)] == [0, 25, 100, 0, 100]


def test_hour_ticks_are_local_hours() -> None:
    day = a_day()
    assert hour_ticks(day)[0] == (day.start_ms, "00:00")
    assert (at(LAST_DAY, "15:00"), "15:00") in hour_ticks(day)
    assert len(hour_ticks(day)) == 8


def test_hour_ticks_on_a_day_whose_clocks_go_forward() -> None:
    # 29 March 2026 in Berlin: midnight at UTC+1, noon at UTC+2, 23 hours long
    start = at("2026-03-29", "00:00")
    day = replace(a_day(), day="2026-03-29", start_ms=start, end_ms=start + 23 * HOUR_MS, offset_min=120)
    ticks = dict((label, ms) for ms, label in hour_ticks(day))
    assert ticks["00:00"] == start
    assert ticks["03:00"] == start + 2 * HOUR_MS  # two o'clock was skipped
    assert ticks["21:00"] == start + 20 * HOUR_MS


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 200)), max_size=30))
def test_stacked_intervals_overlap_only_in_the_last_row(spans: list[tuple[int, int]]) -> None:
    rows: dict[int, list[tuple[int, int]]] = {}
    for placed, row in stack([item(start, start + length) for start, length in spans], max_rows=3):
        assert placed.end_ms is not None
        rows.setdefault(row, []).append((placed.start_ms, placed.end_ms))
    assert sum(len(row) for row in rows.values()) == len(spans)
    assert set(rows) <= {0, 1, 2}
    for row in (0, 1):
        ordered = sorted(rows.get(row, []))
        assert all(first[1] <= second[0] for first, second in pairwise(ordered))


def test_instants_that_fall_together_become_one_mark() -> None:
    items = [item(0, None), item(60_000, None), item(299_999, None), item(300_000, None)]
    assert bin_instants(items, 300_000) == [(0, 3), (300_000, 1)]


def test_a_day_of_thousands_of_short_intervals_stays_drawable() -> None:
    day = a_day()
    items = [item(day.start_ms + n * 20_000, day.start_ms + n * 20_000 + 61_000) for n in range(4_000)]
    kept = visible(stack(items), Span(day.start_ms, day.end_ms))
    assert len(kept) <= 3 * 501
    long = item(day.start_ms, day.start_ms + HOUR_MS)
    assert visible([(long, 0), (long, 0)], Span(day.start_ms, day.end_ms)) == [(long, 0), (long, 0)]


def test_a_lane_says_its_coverage_in_words_and_in_shapes() -> None:
    lane = next(lane for lane in a_day().lanes if lane.layer is Layer.VISUAL)
    minutes = coverage_minutes(lane)
    assert sum(minutes.values()) == 1440
    assert "unknown" in lane_summary(lane) and lane_summary(lane).startswith("Visual: 4 events")
    classes = [shape.get("class") for shape in ElementTree.fromstring(lane_svg(lane, a_day())).iter()]
    drawn = {coverage: classes.count(f"cover-{coverage.value}") for coverage in Coverage}
    runs = [run.coverage for run in lane.coverage]
    assert drawn == {coverage: runs.count(coverage) for coverage in Coverage}


def test_a_bar_stands_where_its_interval_is() -> None:
    day = a_day()
    lane = next(lane for lane in day.lanes if lane.layer is Layer.BEHAVIOURAL)
    bars = [one for one in ElementTree.fromstring(lane_svg(lane, day)).iter("rect") if one.get("class") == "bar"]
    sleep = bars[0]
    assert sleep.get("x") == "3.333%"  # 00:48
    assert sleep.get("width") == "25.278%"  # 6 h 4 min


def test_series_path_breaks_where_values_are_missing() -> None:
    assert series_path([0.0, 10.0, None, 5.0, None], 0, 10) == "M0 100.0L1 0.0H2M3 50.0H4"
    assert series_path([1.0, 2.0], 1, 2, stepped=True) == "M0 100.0H1V0.0H2"
    assert series_path([3.0, 3.0], 3, 3) == "M0 50L1 50H2"
    assert series_path([None, None], 0, 1) == ""


def test_a_measure_without_values_says_so() -> None:
    line = SeriesLine("oura", "hrv", "ms", Layer.BEHAVIOURAL, [None] * 1440)
    assert "no values" in series_svg(line, a_day())
    assert series_range(line) == "no values"


def test_the_chart_is_a_labelled_slider_over_every_minute() -> None:
    chart = ElementTree.fromstring(f"<div>{day_chart(a_day())}</div>")
    slider = next(one for one in chart.iter() if one.get("role") == "slider")
    assert slider.get("aria-valuemax") == "1439" and slider.get("tabindex") == "0"
    assert int(slider.get("data-end", "0")) - int(slider.get("data-start", "0")) == 1440 * MINUTE_MS
    drawings = [one for one in chart.iter("svg") if one.get("role") == "img"]
    assert len(drawings) == 8 and all(one.get("aria-label") for one in drawings)  # six lanes, two measures


@pytest.mark.parametrize("text", [HOSTILE, '"/><script>x</script>', "&lt;b&gt;", "]]>"])
def test_event_text_cannot_become_markup(text: str) -> None:
    day = a_day()
    lanes = [replace(lane, items=[replace(one, text=text, note=text) for one in lane.items]) for lane in day.lanes]
    chart = ElementTree.fromstring(f"<div>{day_chart(replace(day, lanes=lanes))}</div>")
    assert {one.tag for one in chart.iter()} & {"img", "script", "b"} == set()
    assert text in [one.text for one in chart.iter("text")]
