"""What the drawings of time share: positions, rows, coverage in shapes and words, episodes and their names."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.views import Coverage, CoverageRun, EpisodeItem, LaneItem, OffsetRun
from hearthside.events import HOUR_MS, MINUTE_MS, Layer, Origin, Precision
from hearthside.web.drawing import (
    Span,
    coverage_legend,
    coverage_minutes,
    coverage_shapes,
    coverage_words,
    episode_band,
    episode_class,
    episode_legend,
    episode_rows,
    episode_words,
    offset_at,
    stack,
    worded_bar,
)
from tests.web.demo_house import HOSTILE


def item(start_ms: int, end_ms: int | None, text: str = "words") -> LaneItem:
    return LaneItem("0" * 32, "s", "k", Layer.TEXT, start_ms, end_ms, text, "", Origin.SELF, Precision.INSTANT, 0)


def episode(kind: str, begin_h: float, end_h: float, label: str = "") -> EpisodeItem:
    return EpisodeItem(kind, label or kind, int(begin_h * HOUR_MS), int(end_h * HOUR_MS), 1.0, [])


def test_span_maps_a_stretch_of_time_to_percent_and_clamps() -> None:
    span = Span(1_000, 2_000)
    assert [span.percent(ms) for ms in (1_000, 1_250, 2_000, 500, 9_000)] == [0, 25, 100, 0, 100]
    assert span.width(500, 1_100) == 10


def test_offset_at_a_time() -> None:
    runs = [OffsetRun(0, 10, 60), OffsetRun(10, 20, 120)]
    assert [offset_at(runs, -5, ms) for ms in (0, 9, 10, 19, 20)] == [60, 60, 120, 120, -5]


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


RUNS = [
    CoverageRun(0, HOUR_MS, Coverage.COVERED), CoverageRun(HOUR_MS, 2 * HOUR_MS, Coverage.SILENT),
    CoverageRun(2 * HOUR_MS, 4 * HOUR_MS, Coverage.UNKNOWN),
]  # fmt: skip


def test_coverage_is_told_in_shapes_and_in_words() -> None:
    shapes = [ElementTree.fromstring(one) for one in coverage_shapes(RUNS, Span(0, 4 * HOUR_MS), 5, 10)]
    assert [(one.tag, one.get("class")) for one in shapes] == [
        ("line", "cover-covered"), ("line", "cover-silent"), ("rect", "cover-unknown"),
    ]  # fmt: skip
    assert shapes[2].get("x") == "50.0%" and shapes[2].get("width") == "50.0%"
    assert coverage_words(RUNS) == "1 h 0 min covered, 1 h 0 min silent, 2 h 0 min unknown"
    assert coverage_words([]) == "nothing known"
    assert coverage_minutes(RUNS) == {Coverage.COVERED: 60, Coverage.SILENT: 60, Coverage.UNKNOWN: 120}
    assert all(f"cover-{coverage.value}" in coverage_legend() for coverage in Coverage)


def test_narrow_bars_carry_no_words() -> None:
    assert "text" not in worded_bar(0, 0, 2, 18, "words", "bar", 4.8)
    assert ">words</text>" in worded_bar(0, 0, 8, 18, "words", "bar", 4.8)
    assert "text" not in worded_bar(0, 0, 40, 18, "", "bar", 4.8)


def test_the_legend_is_as_strong_as_the_cells_of_a_month() -> None:
    assert "legend-strong" in episode_legend(["sleep"], strong=True) and "strong" not in episode_legend(["sleep"])


def test_places_have_the_row_below_the_episodes() -> None:
    items = [episode("visit", 0, 8), episode("sleep", 0, 7), episode("listening", 6, 7), episode("visit", 9, 12)]
    assert [(one.kind, row) for one, row in episode_rows(items, 3)] == [
        ("sleep", 0), ("listening", 1), ("visit", 2), ("visit", 2),
    ]  # fmt: skip
    assert episode_rows([episode("visit", 0, 1)], 3)[0][1] == 0


def test_the_band_holds_what_overlaps_with_its_name_in_words() -> None:
    items = [episode("sleep", -2, 7, "asleep"), episode("meal", 12, 13), episode("work", 30, 31)]
    shapes, height = episode_band(items, Span(0, 24 * HOUR_MS), [], 60)
    drawn = [ElementTree.fromstring(shape) for shape in shapes]
    assert [one.get("class") for one in drawn] == ["episode episode-sleep", "episode episode-meal"]
    assert drawn[0].findtext("title") == "Sleep: asleep, 23:00 to 08:00" and height == 20
    assert episode_band([], Span(0, HOUR_MS), [], 0) == ([], 20)


def test_an_episode_over_a_change_of_the_clock_ends_by_the_new_one() -> None:
    offsets = [OffsetRun(0, 3 * HOUR_MS, 60), OffsetRun(3 * HOUR_MS, 24 * HOUR_MS, 120)]
    assert episode_words(episode("sleep", 0, 6, "asleep"), offsets, 0) == "Sleep: asleep, 01:00 to 08:00"
    assert episode_words(episode("nap_time", 0, 3), offsets, 0) == "Nap time: nap_time, 01:00 to 04:00"


def test_kinds_nobody_knows_share_one_colour() -> None:
    assert episode_class("sleep") == "episode episode-sleep" and episode_class('"><b>') == "episode episode-other"
    assert "Conversation" in episode_legend(["conversation"]) and episode_legend([]) == ""


@pytest.mark.parametrize("text", [HOSTILE, '"/><script>x</script>', "&lt;b&gt;", "]]>"])
def test_a_label_cannot_become_markup(text: str) -> None:
    shapes, _ = episode_band([episode("work", 0, 5, text)], Span(0, 6 * HOUR_MS), [], 0)
    shape = ElementTree.fromstring(shapes[0])
    assert {one.tag for one in shape.iter()} == {"g", "title", "rect", "svg", "text"}
    assert text in [one.text for one in shape.iter("text")]


def test_minutes_are_whole() -> None:
    assert coverage_minutes([CoverageRun(0, MINUTE_MS, Coverage.SILENT)])[Coverage.SILENT] == 1
