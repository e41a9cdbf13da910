"""The words of the day page: corrected clocks, running episodes, what may change, an hour minute by minute."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from hearthside.alignment.views import EpisodeItem, LaneItem, OffsetRun, Provisional
from hearthside.events import HOUR_MS, MINUTE_MS, Layer, Origin, Precision
from hearthside.web.day_page import (
    below_chart,
    brief_words,
    clock_about,
    correction_words,
    day_head,
    episode_line,
    hour_head,
    hour_list,
    item_facts,
    provisional_words,
    slice_body,
)
from hearthside.web.drawing_day import clip, hour_of
from tests.web.demo_day import at
from tests.web.demo_house import FIRST_DAY, HOSTILE, LAST_DAY, DemoHouse

TEN = at(LAST_DAY, "10:14")


def item(start_ms: int, raw_ms: int | None, uncertainty_ms: int = 0) -> LaneItem:
    return LaneItem("0" * 32, "owntracks", "position", Layer.ENVIRONMENTAL, start_ms, None, "here", "", Origin.DEVICE,
                    Precision.INSTANT, uncertainty_ms, raw_ms)  # fmt: skip


@pytest.mark.parametrize(
    ("shift_s", "uncertainty_ms", "words"),
    [
        (-180, 20_000, "OwnTracks said 10:14, corrected by −3 min ± 20 s"),
        (90, 0, "OwnTracks said 10:14, corrected by +1 min"),
        (7200, 400, "OwnTracks said 10:14, corrected by +2 h 0 min"),
        (60, 20_000, ""),
        (0, 0, ""),
        (86_400 * 30, 0, "OwnTracks said Tue 31 Mar 2026, 10:14, corrected by +30 d"),
    ],
)
def test_a_corrected_clock_is_said_when_it_was_off_by_more_than_a_minute(
    shift_s: int, uncertainty_ms: int, words: str
) -> None:
    assert correction_words(item(TEN + shift_s * 1000, TEN, uncertainty_ms), 60) == words


def test_uncertainty_is_said_once() -> None:
    assert item_facts(item(TEN, None, 120_000), 60) == ["OwnTracks", "measured", "± 2 min"]
    assert item_facts(item(TEN - 5 * MINUTE_MS, TEN, 120_000), 60)[-1].endswith("corrected by −5 min ± 2 min")
    assert item_facts(replace(item(TEN, None), precision=Precision.DAY), 60)[-1] == "day only"


def test_an_episode_is_told_with_its_evidence() -> None:
    ids = [f"{n:032x}" for n in range(9)]
    one = EpisodeItem("conversation", "with Ravi", TEN, TEN + 50 * MINUTE_MS, 0.72, ids)
    line = ElementTree.fromstring(episode_line(one, 60))
    words = "".join(line.itertext())
    assert "Conversation" in words and "with Ravi" in words and "10:14 to 11:04 · 50 min · 72% sure" in words
    assert [link.get("href") for link in line.iter("a")] == [
        f"/record/{one}" for one in ids[:6]
    ] and "and 3 more" in words
    certain = episode_line(replace(one, sure=1.0, evidence=[]), 60)
    assert "sure" not in certain and "Evidence" not in certain


def test_a_minute_shows_what_runs_and_what_may_change() -> None:
    view = DemoHouse().slice(at(LAST_DAY, "22:30"))
    words = "".join(ElementTree.fromstring(slice_body(view)).itertext())
    assert "May still change: OwnTracks, Smart glasses" in words and "Slides" in words and "Home" in words
    assert "Omi conversations said 14:08, corrected by −3 min ± 20 s" in slice_body(
        DemoHouse().slice(at(LAST_DAY, "14:20"))
    )
    assert "May still" not in slice_body(DemoHouse().slice(at(LAST_DAY, "10:00")))


def test_what_may_change_names_its_sources() -> None:
    day = DemoHouse().day(LAST_DAY)
    assert "Smart glasses (from 20:50), OwnTracks (from 22:10)" in provisional_words(day)
    early = [Provisional("glasses", Layer.VISUAL, day.start_ms - 1)]
    assert "come in yet: Smart glasses." in provisional_words(replace(day, provisional=early))
    assert provisional_words(replace(day, provisional=[])) == ""
    assert "by-source" not in below_chart(replace(day, sources=[])) and "by-source" in below_chart(day)


def test_an_hour_is_listed_minute_by_minute() -> None:
    day = DemoHouse("hostile").day(LAST_DAY)
    hour = clip(day, *hour_of(day, at(LAST_DAY, "07:30")))
    listed = hour_list(hour)
    rows = list(ElementTree.fromstring(listed).iter("li"))
    clocks = ["".join(row.find("span").itertext()) for row in rows]  # type: ignore[union-attr]
    assert clocks == ["before", "07:41", "07:44", "07:46"] and "<img" not in listed and HOSTILE[:4] not in listed
    assert "Nothing is recorded" in hour_list(replace(hour, lanes=[]))


def test_hours_follow_each_other_over_midnight() -> None:
    day = DemoHouse().day("2026-03-30")
    first = clip(day, *hour_of(day, day.start_ms))
    head = hour_head(day, first, FIRST_DAY, LAST_DAY)
    assert "00:00 to 01:00" in head and 'href="/day/2026-03-29"' in head and str(first.end_ms) in head
    last = clip(day, *hour_of(day, day.end_ms - 1))
    assert "23:00 to 00:00" in hour_head(day, last, FIRST_DAY, LAST_DAY)


def test_the_head_says_the_clock_and_its_change() -> None:
    day = DemoHouse().day(LAST_DAY)
    noon = day.start_ms + 12 * HOUR_MS
    runs = [OffsetRun(day.start_ms, noon, 60), OffsetRun(noon, day.end_ms, -300)]
    assert "At 12:00 the clock went from UTC+01:00 to UTC−05:00" in clock_about(replace(day, offsets=runs))
    assert "no source said" in clock_about(replace(day, offset_known=False))
    assert "someday" in day_head(replace(day, day="someday"), "", "")


def test_a_minute_in_one_line_is_its_episodes_or_what_is_recorded() -> None:
    busy = DemoHouse().slice(at(LAST_DAY, "22:30"))
    assert brief_words(busy) == " · ".join(one.label for one in busy.episodes[:3]) and busy.episodes
    alone = replace(busy, episodes=[])
    first = next(item for layer in alone.layers for item in layer.now)
    assert brief_words(alone).startswith(first.text)
    assert brief_words(replace(alone, layers=[])) == "nothing recorded in this minute"
    hostile = EpisodeItem("work", HOSTILE, TEN, TEN + MINUTE_MS, 1.0, [])
    assert "<script" not in slice_body(replace(busy, episodes=[hostile]))
