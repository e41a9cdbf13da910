"""Slices and days as a person reads them: bounds, lanes, ages, coverage."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from hearthside.alignment.show import show_day, show_slice
from hearthside.alignment.views import Coverage, DayView, LayerSlice
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, Precision
from tests.alignment.lives import DAY, START, Vault, at, event, many_records, series


def _slice(vault: Vault, ms: int, layer: Layer) -> LayerSlice:
    view = show_slice(vault.stream, vault.journal, ms)
    assert [part.layer for part in view.layers] == list(Layer)
    return view.layers[list(Layer).index(layer)]


def _minutes(view: DayView) -> int:
    return (view.end_ms - view.start_ms) // MINUTE_MS


@pytest.mark.parametrize(
    ("zone", "day", "first", "minutes", "offset"),
    [
        ("UTC", "2026-05-04", "2026-05-04 00:00", 1440, 0),
        ("Europe/Berlin", "2026-05-04", "2026-05-03 22:00", 1440, 120),
        ("Europe/Berlin", "2026-03-29", "2026-03-28 23:00", 1380, 120),
        ("Europe/Berlin", "2026-10-25", "2026-10-24 22:00", 1500, 60),
        ("America/New_York", "2026-03-08", "2026-03-08 05:00", 1380, -240),
        ("America/New_York", "2026-11-01", "2026-11-01 04:00", 1500, -300),
        ("Asia/Kathmandu", "2026-05-04", "2026-05-03 18:15", 1440, 345),
        ("Pacific/Kiritimati", "2026-05-04", "2026-05-03 10:00", 1440, 840),
        ("Pacific/Niue", "2026-05-04", "2026-05-04 11:00", 1440, -660),
    ],
)
@pytest.mark.parametrize("heard", [False, True])
def test_bounds_of_a_local_day(
    vault: Vault, zone: str, day: str, first: str, minutes: int, offset: int, heard: bool
) -> None:
    vault.zones.append(ZoneInfo(zone))
    if heard:
        vault.take(event("message", at(f"{day} 12:00"), text="noon in Greenwich"))
    view = show_day(vault.stream, day)
    assert (view.start_ms, _minutes(view), view.offset_min) == (at(first), minutes, offset)
    assert view.offset_known is False
    assert [lane.layer for lane in view.lanes] == list(Layer)
    for lane in view.lanes:  # without a gap from the first minute to the last
        assert lane.coverage[0].start_ms == view.start_ms and lane.coverage[-1].end_ms == view.end_ms
        for one, other in zip(lane.coverage, lane.coverage[1:], strict=False):
            assert one.end_ms == other.start_ms and one.coverage is not other.coverage


def test_days_of_one_zone_follow_each_other_without_gap(vault: Vault) -> None:
    vault.zones.append(ZoneInfo("Europe/Berlin"))
    vault.take(event("message", at("2026-03-28 23:30"), text="x"), event("message", at("2026-03-30 12:00"), text="y"))
    views = [show_day(vault.stream, f"2026-03-{n}") for n in (27, 28, 29, 30, 31)]
    assert [one.end_ms for one in views[:-1]] == [other.start_ms for other in views[1:]]
    texts = [[item.text for item in view.lanes[0].items] for view in views]
    assert texts == [[], [], ["x"], ["y"], []]


def test_a_night_over_midnight_lies_in_both_days(vault: Vault) -> None:
    vault.take(event("sleep", START - HOUR_MS, START + 6 * HOUR_MS, text="asleep"))
    for day in ("2026-05-03", "2026-05-04"):
        lane = show_day(vault.stream, day).lanes[list(Layer).index(Layer.BEHAVIOURAL)]
        assert [item.text for item in lane.items] == ["asleep"]
    before = show_day(vault.stream, "2026-05-03").lanes[list(Layer).index(Layer.BEHAVIOURAL)]
    assert [run.coverage for run in before.coverage] == [Coverage.UNKNOWN, Coverage.COVERED]


def test_an_interval_that_ends_at_midnight_is_not_in_the_next_day(vault: Vault) -> None:
    vault.take(event("app_use", START - HOUR_MS, START), event("app_use", START, START))
    items = show_day(vault.stream, DAY).lanes[list(Layer).index(Layer.BEHAVIOURAL)].items
    assert [(item.start_ms, item.end_ms) for item in items] == [(START, START)]


def test_what_is_said_of_a_day_stands_beside_the_lanes(vault: Vault) -> None:
    vault.zones.append(ZoneInfo("America/New_York"))
    vault.take(event("podcast", START, text="an episode", precision=Precision.DAY), event("message", START + DAY_MS))
    view = show_day(vault.stream, DAY)
    assert [item.text for item in view.day_items] == ["an episode"]
    assert all(item.precision is Precision.INSTANT for lane in view.lanes for item in lane.items)
    assert [item.text for item in show_slice(vault.stream, vault.journal, START + 5 * HOUR_MS).day_items] == [
        "an episode"
    ]
    assert show_slice(vault.stream, vault.journal, START).day_items == []  # there it is still the evening before


def test_series_give_one_value_a_minute(vault: Vault) -> None:
    vault.zones.append(ZoneInfo("Europe/Berlin"))
    start = at("2026-03-28 23:00")
    vault.take(series(start, [float(i) for i in range(1380)]), series(start, [60.0, 62.0], "heart_rate", 5 * MINUTE_MS))
    lines = {line.measure: line for line in show_day(vault.stream, "2026-03-29").series}
    assert lines["met"].values == [float(i) for i in range(1380)]
    assert lines["heart_rate"].values[:11] == [60.0] * 5 + [62.0] * 5 + [None]
    view = show_slice(vault.stream, vault.journal, start + 7 * MINUTE_MS + 59_999)
    assert view.samples == {"test.met": 7.0, "test.heart_rate": 62.0}


def test_a_traveller_has_longer_and_shorter_days(vault: Vault) -> None:
    """From Tokyo to Los Angeles on the 5th: the date comes twice there, and one stretch holds both."""
    vault.take(
        event("position", at("2026-05-04 15:00"), offset_min=540),
        event("position", at("2026-05-05 08:00"), offset_min=540),
        event("position", at("2026-05-05 08:30"), offset_min=-420),
        event("position", at("2026-05-06 08:30"), offset_min=-420),
    )
    view = show_day(vault.stream, "2026-05-05")
    assert (view.start_ms, view.end_ms) == (at("2026-05-04 15:00"), at("2026-05-06 07:00"))
    assert view.offset_known and _minutes(view) == 40 * 60
    for lane in view.lanes:
        assert sum(run.end_ms - run.start_ms for run in lane.coverage) == view.end_ms - view.start_ms
    assert len(view.lanes[list(Layer).index(Layer.ENVIRONMENTAL)].items) == 3


def test_a_date_that_was_skipped_has_one_minute(vault: Vault) -> None:
    """Samoa went over the date line: 30 December 2011 never was."""
    vault.zones.append(ZoneInfo("Pacific/Apia"))
    vault.take(event("message", at("2011-12-30 09:00"), text="the evening before"))
    view = show_day(vault.stream, "2011-12-30")
    assert _minutes(view) == 1 and len(view.lanes) == 6
    assert show_day(vault.stream, "2011-12-29").end_ms == view.start_ms == show_day(vault.stream, "2011-12-31").start_ms


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar(vault: Vault, day: str) -> None:
    vault.zones.append(ZoneInfo("Europe/Berlin"))
    assert _minutes(show_day(vault.stream, day)) > 0


def test_an_empty_life_has_a_home_zone_and_no_coverage(vault: Vault) -> None:
    vault.zones.append(ZoneInfo("Europe/Berlin"))
    view = show_slice(vault.stream, vault.journal, START + 1)
    assert (view.local, view.local_day, view.offset_min) == ("2026-05-04T02:00+02:00", DAY, 120)
    assert all(part.coverage is Coverage.UNKNOWN and not part.now and not part.last for part in view.layers)
    assert vault.stream.bounds() is None


def test_a_slice_holds_the_last_state_of_each_thing(vault: Vault) -> None:
    vault.take(
        event("state", START + 1 * HOUR_MS, text="lamp on", entity="lamp"),
        event("state", START + 2 * HOUR_MS, text="door open", entity="door"),
        event("state", START + 3 * HOUR_MS, text="lamp off", entity="lamp"),
        event("state", START - 22 * HOUR_MS, text="fan on", entity="fan"),
    )
    part = _slice(vault, START + 3 * HOUR_MS + 10 * MINUTE_MS, Layer.RESIDENTIAL)
    assert [(item.text, age) for item, age in part.last] == [("lamp off", 600), ("door open", 4200)]
    assert part.now == [] and part.coverage is Coverage.COVERED
    part = _slice(vault, START + 3 * HOUR_MS, Layer.RESIDENTIAL)  # the lamp speaks now: no older word of it
    assert [item.text for item in part.now] == ["lamp off"]
    assert [item.text for item, _ in part.last] == ["door open"]
    part = _slice(vault, START + 1 * HOUR_MS + MINUTE_MS, Layer.RESIDENTIAL)
    assert [(item.text, age) for item, age in part.last] == [("lamp on", 60), ("fan on", 23 * 3600 + 60)]
    assert _slice(vault, START + 27 * HOUR_MS + MINUTE_MS, Layer.RESIDENTIAL).last == []  # older than a day


@pytest.mark.parametrize(("kind", "minutes"), [("position", 60), ("message", 10), ("utterance", 2), ("workout", 0)])
def test_a_last_word_holds_for_its_tolerance(vault: Vault, kind: str, minutes: int) -> None:
    only = event(kind, START + HOUR_MS + 30_000, text="word")
    vault.take(only)

    def held(after_min: int) -> list[tuple[str, int]]:
        part = _slice(vault, START + HOUR_MS + after_min * MINUTE_MS, only.layer)
        return [(item.text, age) for item, age in part.last]

    assert [item.text for item in _slice(vault, START + HOUR_MS, only.layer).now] == ["word"]
    if minutes:
        assert held(minutes) == [("word", minutes * 60 - 30)]
    assert held(minutes + 1) == [] and held(0) == [] and held(-1) == []


def test_a_long_one_still_holds_when_a_short_one_within_it_is_over(vault: Vault) -> None:
    vault.take(
        event("utterance", START, START + HOUR_MS, text="a long talk"),
        event("utterance", START + 10 * MINUTE_MS, START + 11 * MINUTE_MS, text="an aside"),
    )
    assert [item.text for item in _slice(vault, START + 30 * MINUTE_MS, Layer.AUDITORY).now] == ["a long talk"]
    part = _slice(vault, START + HOUR_MS + MINUTE_MS, Layer.AUDITORY)
    assert [(item.text, age) for item, age in part.last] == [("a long talk", 3660)]


def test_every_item_of_a_slice_has_its_record(vault: Vault) -> None:
    vault.take(*many_records(2))
    journal_ids = {stored.id.hex() for stored in vault.journal.read()}
    for hour in range(0, 14 * 24, 5):
        view = show_slice(vault.stream, vault.journal, START + hour * HOUR_MS)
        shown = [item for part in view.layers for item in (*part.now, *(item for item, _ in part.last))]
        assert {item.id for item in shown} <= journal_ids
        for part in view.layers:
            assert all(item.layer is part.layer for item in part.now)
            assert all(age >= 0 for _, age in part.last)
    assert vault.zones == [UTC]
