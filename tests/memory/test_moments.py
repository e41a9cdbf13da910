"""Times that a question names, told from dates and from where the person was."""

from __future__ import annotations

import pytest

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event
from hearthside.memory.moments import BESIDE_MS, spans_named
from tests.alignment.lives import START, at, event
from tests.memory.lives import Memory

NOW = START + 30 * DAY_MS
HOME, AWAY = (45.0, 4.0), (46.5, 6.5)


def _stay(place: tuple[float, float], start_ms: int, hours: float) -> list[Event]:
    count = int(hours * 6)
    return [
        event("position", start_ms + n * 10 * MINUTE_MS, lat=place[0], lon=place[1], accuracy_m=10)
        for n in range(count)
    ]


def test_dates_count_in_the_persons_own_time(memory: Memory) -> None:
    now_ms = at("2026-05-06 10:00")
    assert spans_named("what happened on 5 May?", now_ms, memory.stream) == (
        (at("2026-05-05 00:00"), at("2026-05-06 00:00")),
    )
    assert spans_named("어제 저녁에 뭐 먹었어?", now_ms, memory.stream) == (
        (at("2026-05-05 18:00"), at("2026-05-06 00:00")),
    )
    assert spans_named("where is my hat?", now_ms, memory.stream) == ()
    assert spans_named("what did I eat before the trip?", now_ms, memory.stream) == ()  # there was none


def test_a_trip_is_time_away_from_home(memory: Memory) -> None:
    nights = [record for day in range(4) for record in _stay(HOME, START + day * DAY_MS, 24)]
    left, back = START + 4 * DAY_MS, START + 7 * DAY_MS
    memory.take(*nights, *_stay(AWAY, left + 3 * HOUR_MS, 60), *_stay(HOME, back, 48))
    assert memory.stream.places()[0].role == "home"
    [(start_ms, end_ms)] = spans_named("what did we eat during the trip?", NOW, memory.stream)
    assert abs(start_ms - left) < HOUR_MS and abs(end_ms - back) < HOUR_MS
    assert spans_named("what did I buy before the trip?", NOW, memory.stream) == ((start_ms - BESIDE_MS, start_ms),)
    assert spans_named("whom did I meet right after our holiday?", NOW, memory.stream) == (
        (end_ms, end_ms + BESIDE_MS),
    )
    assert spans_named("what have I read since the trip?", NOW, memory.stream) == ((end_ms, NOW),)


@pytest.mark.parametrize("text", ["before the", "after the ?", "during my \0", "on the trip to nowhere-at-all"])
def test_what_nothing_bears_the_name_of_is_no_time(memory: Memory, text: str) -> None:
    assert spans_named(text, NOW, memory.stream) == ()
