"""The time axis as `show` reads it from a small life: a day with its episodes and sources, a span, a year, rhythms."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from hearthside.alignment.show import show_day, show_rhythm, show_slice, show_span, show_year
from hearthside.alignment.views import Coverage, RhythmState
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer
from tests.alignment.lives import DAY, START, Vault, event, series

NOON = START + 12 * HOUR_MS


@pytest.fixture
def life(vault: Vault) -> Vault:
    """Ten nights, an hour of music, and a ring."""
    nights = [event("sleep", START + n * DAY_MS - HOUR_MS, START + n * DAY_MS + 7 * HOUR_MS) for n in range(10)]
    songs = [
        event("listen", NOON + n * 4 * MINUTE_MS, NOON + (n + 1) * 4 * MINUTE_MS, text=f"song {n}", source="lastfm")
        for n in range(10)
    ]
    vault.take(*nights, *songs, series(START, [1.5] * 1440, source="ring"))
    return vault


def test_a_day_has_episodes_the_clock_and_its_sources(life: Vault) -> None:
    day = show_day(life.stream, DAY)
    assert {"sleep", "listening"} <= {one.kind for one in day.episodes}
    assert [(run.start_ms, run.end_ms) for run in day.offsets] == [(day.start_ms, day.end_ms)]
    sources = {(one.layer, one.source): one for one in day.sources}
    assert list(sources) == sorted(sources, key=lambda key: (list(Layer).index(key[0]), key[1]))
    for one in day.sources:
        assert one.coverage[0].start_ms == day.start_ms and one.coverage[-1].end_ms == day.end_ms
    ring = sources[Layer.BEHAVIOURAL, "ring"]
    assert [run.coverage for run in ring.coverage] == [Coverage.COVERED] and ring.events == 0
    assert sources[Layer.AUDITORY, "lastfm"].events == 10


def test_a_minute_has_what_runs_in_it(life: Vault) -> None:
    asleep = show_slice(life.stream, life.journal, START + 3 * HOUR_MS)
    assert [one.kind for one in asleep.episodes] == ["sleep"] and asleep.episodes[0].evidence
    assert show_slice(life.stream, life.journal, START + 9 * HOUR_MS).episodes == []


def test_a_short_span_shows_when_a_layer_was_covered_and_a_long_one_only_how_much(life: Vault) -> None:
    week = show_span(life.stream, "2026-05-04", "2026-05-10")
    assert [len(day.coverage) for day in week.days] == [6] * 7
    for day in week.days:
        for runs in day.coverage:
            assert runs[0].start_ms == day.start_ms and runs[-1].end_ms == day.end_ms
    assert week.days[0].coverage == [lane.coverage for lane in show_day(life.stream, DAY).lanes]
    heard = {one.layer: one for one in week.days[0].layers}
    assert heard[Layer.AUDITORY].events == 10 and heard[Layer.BEHAVIOURAL].covered_min == 1440
    month = show_span(life.stream, "2026-05-01", "2026-05-31")
    assert all(day.coverage == [] for day in month.days) and month.days[3].layers == week.days[0].layers
    assert sum(one.kind == "sleep" for one in month.episodes) == 10


def test_samples_are_no_records(life: Vault) -> None:
    heard = {one.layer: one for one in show_span(life.stream, DAY, DAY).days[0].layers}
    assert heard[Layer.BEHAVIOURAL].events == 1  # the night that begins in the evening, and no minutes of the ring


def test_a_year_knows_the_nights(life: Vault) -> None:
    view = show_year(life.stream, 2026, "sleep", 2)
    assert [year.year for year in view.years] == [2026, 2025] and view.measure.name == "sleep"
    hours = {one.day: one.value for one in view.years[0].days if one.value is not None}
    assert hours == {f"2026-05-{day:02d}": 8 for day in range(4, 14)}
    assert {one.value for one in view.years[1].days} == {None}


def test_rhythms_go_by_the_persons_clock(life: Vault) -> None:
    life.zones.append(ZoneInfo("Asia/Tokyo"))
    life.stream.rebuild()
    view = show_rhythm(life.stream, "2026-05-05", "2026-05-11")
    states = {(run.first, run.last): run.state for run in view.rows[0].runs}
    assert states[8 * 60, 16 * 60] is RhythmState.SLEEP  # 23:00 to 07:00 UTC, nine hours further east
    assert view.figures.nights == 7 and view.figures.midpoint_min == pytest.approx(12 * 60)
