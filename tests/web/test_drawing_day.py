"""A day or an hour as SVG: ticks by the person's clock, lanes, instants, measures, and no way in for HTML."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import orjson
import pytest

from hearthside.alignment.views import Coverage, DayView, LaneItem, OffsetRun, Provisional, SeriesLine
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, Origin, Precision
from hearthside.web.drawing import Span, coverage_minutes, stack
from hearthside.web.drawing_day import (
    bin_instants,
    clip,
    close_up,
    day_chart,
    day_ticks,
    hour_of,
    lane_summary,
    lane_svg,
    offset_changes,
    provisional_from,
    series_path,
    series_range,
    series_svg,
    source_rows,
    visible,
)
from tests.web.demo_day import at
from tests.web.demo_house import HOSTILE, LAST_DAY, DemoHouse


def item(start_ms: int, end_ms: int | None, text: str = "words") -> LaneItem:
    return LaneItem("0" * 32, "s", "k", Layer.TEXT, start_ms, end_ms, text, "", Origin.SELF, Precision.INSTANT, 0)


def a_day() -> DayView:
    return DemoHouse().day(LAST_DAY)


def an_hour() -> DayView:
    day = a_day()
    return clip(day, *hour_of(day, at(LAST_DAY, "18:12")))


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{markup}</div>")


# -- the clock ---------------------------------------------------------------------------------------------------------


def test_ticks_of_a_day_are_local_hours() -> None:
    day = a_day()
    assert day_ticks(day)[0] == (day.start_ms, "00:00")
    assert (at(LAST_DAY, "15:00"), "15:00") in day_ticks(day)
    assert len(day_ticks(day)) == 8


@pytest.mark.parametrize("known", [True, False])
def test_ticks_on_a_day_whose_clocks_go_forward(known: bool) -> None:
    # 29 March 2026 in Berlin: midnight at UTC+1, noon at UTC+2, 23 hours long
    start = at("2026-03-29", "00:00")
    end = start + 23 * HOUR_MS
    runs = [OffsetRun(start, start + 2 * HOUR_MS, 60), OffsetRun(start + 2 * HOUR_MS, end, 120)] if known else []
    day = replace(a_day(), day="2026-03-29", start_ms=start, end_ms=end, offset_min=120, offsets=runs)
    ticks = {label: ms for ms, label in day_ticks(day)}
    assert ticks["00:00"] == start
    assert ticks["03:00"] == start + 2 * HOUR_MS  # two o'clock was skipped
    assert ticks["21:00"] == start + 20 * HOUR_MS
    assert len(day_ticks(day)) == 8
    words = ["At 02:00 the clock went from UTC+01:00 to UTC+02:00"] if known else []
    assert offset_changes(day) == words


def test_ticks_of_an_hour_are_five_minutes_apart() -> None:
    assert [label for _, label in day_ticks(an_hour())] == [f"18:{minute:02d}" for minute in range(0, 60, 5)]


def test_an_hour_is_one_of_the_persons_clock() -> None:
    day = replace(a_day(), offsets=[OffsetRun(0, 2 * DAY_MS * 20_000, 345)], offset_min=345)  # Kathmandu
    first, last = hour_of(day, at(LAST_DAY, "14:20"))
    assert last - first == HOUR_MS and (first + 345 * MINUTE_MS) % HOUR_MS == 0
    assert first <= at(LAST_DAY, "14:20") < last
    begin, _ = hour_of(day, day.start_ms)
    assert begin == day.start_ms  # never before the day


# -- an hour of a day --------------------------------------------------------------------------------------------------


def test_an_hour_holds_what_overlaps_it_and_nothing_else() -> None:
    hour = an_hour()
    assert close_up(hour) and not close_up(a_day())
    assert hour.start_ms == at(LAST_DAY, "18:00") and hour.end_ms == at(LAST_DAY, "19:00")
    found = {item.text for lane in hour.lanes for item in lane.items}
    assert {"Lanterns – Paper Boats", "Walking", "Front door opened", "at Home"} <= found
    assert "Mail" not in found and "quiet restaurants near the river" not in found
    for lane in hour.lanes:
        assert lane.coverage[0].start_ms == hour.start_ms and lane.coverage[-1].end_ms == hour.end_ms
    assert [len(line.values) for line in hour.series] == [60, 60]
    assert {one.kind for one in hour.episodes} == {"exercise", "listening", "visit"}


def test_an_instant_that_ended_an_hour_is_not_in_the_next() -> None:
    day = replace(
        a_day(), lanes=[replace(a_day().lanes[0], items=[item(at(LAST_DAY, "17:00"), at(LAST_DAY, "18:00"))])]
    )
    assert clip(day, *hour_of(day, at(LAST_DAY, "18:12"))).lanes[0].items == []
    assert len(clip(day, *hour_of(day, at(LAST_DAY, "17:59"))).lanes[0].items) == 1


def test_instants_of_an_hour_carry_their_words_as_far_as_there_is_room() -> None:
    hour = an_hour()
    near = [at(LAST_DAY, "18:00"), at(LAST_DAY, "18:01"), at(LAST_DAY, "18:30")]
    lane = replace(hour.lanes[0], items=[item(ms, None, f"said {n}") for n, ms in enumerate(near)])
    drawn = parsed(lane_svg(lane, hour))
    assert len(list(drawn.iter("circle"))) == 3
    assert [one.text for one in drawn.iter("text")] == ["said 1", "said 2"]
    assert [one.text for one in parsed(lane_svg(lane, a_day())).iter("text")] == []


# -- lanes -------------------------------------------------------------------------------------------------------------


def test_instants_that_fall_together_become_one_mark() -> None:
    items = [item(0, None), item(60_000, None), item(299_999, None), item(300_000, None)]
    assert [(one.start_ms, count) for one, count in bin_instants(items, 300_000)] == [(0, 3), (300_000, 1)]


def test_a_day_of_thousands_of_short_intervals_stays_drawable() -> None:
    day = a_day()
    items = [item(day.start_ms + n * 20_000, day.start_ms + n * 20_000 + 61_000) for n in range(4_000)]
    kept = visible(stack(items), Span(day.start_ms, day.end_ms))
    assert len(kept) <= 3 * 501
    long = item(day.start_ms, day.start_ms + HOUR_MS)
    assert visible([(long, 0), (long, 0)], Span(day.start_ms, day.end_ms)) == [(long, 0), (long, 0)]


def test_a_lane_says_its_coverage_in_words_and_in_shapes() -> None:
    lane = next(lane for lane in a_day().lanes if lane.layer is Layer.VISUAL)
    assert sum(coverage_minutes(lane.coverage).values()) == 1440
    assert "unknown" in lane_summary(lane) and lane_summary(lane).startswith("Visual: 4 events")
    classes = [shape.get("class") for shape in parsed(lane_svg(lane, a_day())).iter()]
    drawn = {coverage: classes.count(f"cover-{coverage.value}") for coverage in Coverage}
    runs = [run.coverage for run in lane.coverage]
    assert drawn == {coverage: runs.count(coverage) for coverage in Coverage}


def test_a_bar_stands_where_its_interval_is() -> None:
    day = a_day()
    lane = next(lane for lane in day.lanes if lane.layer is Layer.BEHAVIOURAL)
    bars = [one for one in parsed(lane_svg(lane, day)).iter("rect") if one.get("class") == "bar"]
    sleep = bars[0]
    assert sleep.get("x") == "3.333%"  # 00:48
    assert sleep.get("width") == "25.278%"  # 6 h 4 min


def test_what_may_still_change_is_veiled_from_where_its_source_was_last_heard() -> None:
    day = a_day()
    assert provisional_from(day, Layer.VISUAL) == at(LAST_DAY, "20:50") and provisional_from(day, Layer.TEXT) is None
    visual = parsed(lane_svg(day.lanes[1], day))
    veil = next(one for one in visual.iter("rect") if one.get("class") == "provisional")
    assert veil.get("x") == "86.806%" and "may change from 20:50" in day_chart(day)
    whole = replace(day, provisional=[Provisional("glasses", Layer.VISUAL, day.start_ms - HOUR_MS)])
    assert "may change<" in day_chart(whole)
    later = replace(day, provisional=[Provisional("glasses", Layer.VISUAL, day.end_ms)])
    assert provisional_from(later, Layer.VISUAL) is None


def test_each_source_has_its_own_coverage() -> None:
    rows = parsed(source_rows(a_day()))
    labels = [one.get("aria-label", "") for one in rows.iter("svg") if one.get("role") == "img"]
    assert len(labels) == len(a_day().sources) and labels[0].startswith("WhatsApp chat: ")


# -- measures ----------------------------------------------------------------------------------------------------------


def test_series_path_breaks_where_values_are_missing() -> None:
    assert series_path([0.0, 10.0, None, 5.0, None], 0, 10) == "M0 100.0L1 0.0H2M3 50.0H4"
    assert series_path([1.0, 2.0], 1, 2, stepped=True) == "M0 100.0H1V0.0H2"
    assert series_path([3.0, 3.0], 3, 3) == "M0 50L1 50H2"
    assert series_path([None, None], 0, 1) == ""


def test_a_measure_without_values_says_so() -> None:
    line = SeriesLine("oura", "hrv", "ms", Layer.BEHAVIOURAL, [None] * 1440)
    assert "no values" in series_svg(line, a_day())
    assert series_range(line) == "no values"


# -- the whole chart ---------------------------------------------------------------------------------------------------


def test_the_chart_is_a_labelled_slider_over_every_minute() -> None:
    chart = parsed(day_chart(a_day()))
    slider = next(one for one in chart.iter() if one.get("role") == "slider")
    assert slider.get("aria-valuemax") == "1439" and slider.get("tabindex") == "0"
    assert int(slider.get("data-end", "0")) - int(slider.get("data-start", "0")) == 1440 * MINUTE_MS
    assert orjson.loads(slider.get("data-offsets", "")) == [[a_day().start_ms, 60]]
    drawings = [one for one in chart.iter("svg") if one.get("role") == "img"]
    assert len(drawings) == 9 and all(one.get("aria-label") for one in drawings)  # episodes, six lanes, two measures
    hour = next(one for one in parsed(day_chart(an_hour())).iter() if one.get("role") == "slider")
    assert hour.get("aria-valuemax") == "59" and "close-up" in hour.get("class", "")


def test_the_band_of_episodes_is_there_only_where_there_are_any() -> None:
    assert "Sleep: asleep, 00:48 to 06:52" in day_chart(a_day())
    assert "Episodes" not in day_chart(replace(a_day(), episodes=[]))


@pytest.mark.parametrize("text", [HOSTILE, '"/><script>x</script>', "&lt;b&gt;", "]]>"])
def test_event_text_cannot_become_markup(text: str) -> None:
    for day in (a_day(), an_hour()):
        lanes = [replace(lane, items=[replace(one, text=text, note=text) for one in lane.items]) for lane in day.lanes]
        chart = parsed(day_chart(replace(day, lanes=lanes)))
        assert {one.tag for one in chart.iter()} & {"img", "script", "b"} == set()
        assert text in [one.text for one in chart.iter("text")]
