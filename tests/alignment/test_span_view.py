"""A week or a month of local days: which day gets what, and what is kept of episodes."""

from __future__ import annotations

import math

from hearthside.alignment.span_view import SHOWN_EVIDENCE, episode_items, layer_sums, span_view
from hearthside.alignment.views import Coverage, CoverageRun
from hearthside.events import HOUR_MS, Layer, day_start_ms
from tests.alignment.day_sums import episode, said
from tests.alignment.tracks import Steps

BERLIN_SUMMER, NEW_YORK, AUCKLAND = Steps(120), Steps(-240), Steps(780)


def test_a_span_has_every_day_also_those_nobody_recorded() -> None:
    sums = [
        said("2026-05-04", Layer.TEXT, "message", 7, covered_min=100),
        said("2026-05-04", Layer.TEXT, "search", 2, math.nan, 30, "other"),
        said("2026-05-06", Layer.VISUAL, "caption", 1, covered_min=15),
    ]
    coverage = {"2026-05-04": [[CoverageRun(0, 1, Coverage.SILENT)]]}
    view = span_view("2026-05-04", "2026-05-06", sums, [], BERLIN_SUMMER, coverage)
    assert [day.day for day in view.days] == ["2026-05-04", "2026-05-05", "2026-05-06"]
    assert [[one.layer for one in day.layers] for day in view.days] == [list(Layer)] * 3
    text = view.days[0].layers[0]
    assert (text.events, text.covered_min) == (9, 100)  # the best source of the layer, not both
    assert all(one.events == one.covered_min == 0 for one in view.days[1].layers)
    assert [len(day.coverage) for day in view.days] == [1, 0, 0]
    assert view.days[0].start_ms == day_start_ms("2026-05-04") - 2 * HOUR_MS
    assert view.offsets[0].offset_min == 120 and len(view.offsets) == 1


def test_a_utc_day_counts_on_the_local_day_most_of_it_lies_in() -> None:
    one = [said("2026-05-04", Layer.TEXT, "message", 5)]
    assert set(layer_sums(one, NEW_YORK)) == {"2026-05-04"}  # 20:00 of the 3rd to 20:00 of the 4th
    assert set(layer_sums(one, AUCKLAND)) == {"2026-05-05"}  # 13:00 of the 4th to 13:00 of the 5th


def test_two_utc_days_in_one_local_day_are_added() -> None:
    noon = day_start_ms("2026-05-05") + 11 * HOUR_MS
    sums = [said("2026-05-04", Layer.TEXT, "message", 5, covered_min=9), said("2026-05-05", Layer.TEXT, "message", 3)]
    found = layer_sums(sums, Steps(13 * 60, [(noon, -10 * 60)]))  # from the far east to the far west
    assert {day: (of[0].events, of[0].covered_min) for day, of in found.items()} == {"2026-05-05": (8, 9)}


def test_episodes_that_overlap_are_listed_in_order_with_the_first_and_last_of_their_evidence() -> None:
    night = episode("sleep", "2026-05-03", 22, 30, evidence=40)
    meal, visit = episode("meal", "2026-05-04", 12, 13), episode("visit", "2026-05-04", 12, 20)
    start = day_start_ms("2026-05-04")
    home = episode("home", "2026-05-04", 0, 12)
    found = episode_items([meal, visit, home, night, episode("work", "2026-05-05", 1, 2)], start, start + 24 * HOUR_MS)
    assert [one.kind for one in found] == ["sleep", "visit", "meal"]
    assert len(found[0].evidence) == SHOWN_EVIDENCE
    assert (found[0].evidence[0], found[0].evidence[-1]) == (night.evidence[0].hex(), night.evidence[-1].hex())
    assert episode_items([night], night.end_ms, night.end_ms + 1) == []
