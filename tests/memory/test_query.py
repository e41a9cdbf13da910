"""Typed queries: every measure, with the evidence it rests on."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, Origin
from hearthside.memory.query import EVIDENCE_SHOWN, Measure, Query, during, run_query
from hearthside.memory.when import Period
from tests.alignment.lives import START, at, event
from tests.memory.lives import Memory

DAYS = Period("2026-05-04", "2026-05-06", "these days")


@pytest.fixture
def nights(memory: Memory) -> Memory:
    """Three nights of one ring, seconds asleep 6 h, 8 h (in two parts) and 7 h; one walk; one nap nobody measured."""
    for day, parts in enumerate([[(0, 6)], [(0, 5), (6, 3)], [(1, 7)]]):
        midnight = START + day * DAY_MS
        memory.take(
            *(
                event("sleep", midnight + a * HOUR_MS, midnight + (a + h + 1) * HOUR_MS, text="night", total=h * 3600)
                for a, h in parts
            )
        )
    memory.take(event("workout", START + 15 * HOUR_MS, START + 16 * HOUR_MS, text="Walking"))
    return memory


@pytest.mark.parametrize(
    ("measure", "value", "chosen_hours"),
    [
        (Measure.COUNT, None, None),
        (Measure.LIST, None, None),
        (Measure.DAYS, None, None),
        (Measure.SUM, 21 * 3600, None),
        (Measure.MEAN, 7 * 3600, None),  # a night, not a part of one
        (Measure.FIRST, None, 6),
        (Measure.LAST, None, 7),
        (Measure.LEAST, None, 3),
        (Measure.MOST, None, 7),
    ],
)
def test_every_measure(nights: Memory, measure: Measure, value: float | None, chosen_hours: int | None) -> None:
    result = run_query(nights.stream, Query(measure, ("sleep",)))
    assert (result.count, result.days, result.value) == (4, 3, value)
    if chosen_hours is None:
        assert result.chosen is None
        assert [o.start_ms for o in result.evidence] == sorted((o.start_ms for o in result.evidence), reverse=True)
        assert len(result.evidence) == 4
    else:
        assert result.chosen is not None and result.chosen.amount == chosen_hours * 3600
        assert result.evidence == [result.chosen]


@pytest.mark.parametrize("measure", list(Measure))
def test_nothing_found_has_no_value(memory: Memory, measure: Measure) -> None:
    result = run_query(memory.stream, Query(measure, ("sleep",), period=DAYS))
    assert (result.count, result.days, result.value, result.chosen, result.evidence) == (0, 0, None, None, [])


@pytest.mark.parametrize("measure", [Measure.SUM, Measure.MEAN, Measure.LEAST, Measure.MOST])
def test_what_has_no_amount_gives_no_value(memory: Memory, measure: Measure) -> None:
    memory.take(event("message", START, text="hello"))
    result = run_query(memory.stream, Query(measure, ("message",)))
    assert (result.count, result.value, result.chosen) == (1, None, None)


def test_in_bed_is_not_asleep(nights: Memory) -> None:
    assert run_query(nights.stream, Query(Measure.SUM, ("sleep",), whole=True)).value == (21 + 4) * 3600
    nights.take(event("sleep", START + 9 * DAY_MS, total=60))  # no end: how long in bed nobody knows
    assert run_query(nights.stream, Query(Measure.COUNT, ("sleep",), whole=True)).count == 4


def test_of_two_devices_the_fuller_one_counts(memory: Memory) -> None:
    for day, ring, watch in ((0, 7, 6), (1, 5, 7)):
        start = START + day * DAY_MS
        memory.take(
            event("sleep", start, start + 8 * HOUR_MS, source="ring", total=ring * 3600),
            event("sleep", start + MINUTE_MS, start + 8 * HOUR_MS, source="watch", total=watch * 3600),
            event("workout", start + 9 * HOUR_MS, start + 10 * HOUR_MS, source="phone"),
        )
    memory.take(event("sleep", START + 2 * DAY_MS, START + 2 * DAY_MS + HOUR_MS, source="watch"))
    both = run_query(memory.stream, Query(Measure.SUM, ("sleep",)))
    best = run_query(memory.stream, Query(Measure.SUM, ("sleep",), best_source=True))
    assert (both.count, both.value) == (5, (25 + 1) * 3600)
    assert (best.count, best.value, best.days) == (3, (14 + 1) * 3600, 3)
    assert [o.source for o in best.evidence] == ["watch", "watch", "ring"]
    mixed = run_query(memory.stream, Query(Measure.COUNT, ("sleep", "workout"), best_source=True))
    assert mixed.count == 5  # a walk is not the same night measured twice


def test_time_asleep_counts_before_the_length_of_a_session_and_no_minute_counts_twice(memory: Memory) -> None:
    memory.take(
        event("sleep", START, START + 9 * HOUR_MS, source="ring", total=8 * 3600),
        event("sleep", START, START + 9 * HOUR_MS, source="phone"),
        event("sleep", START + HOUR_MS, START + 10 * HOUR_MS, source="phone"),
        event("sleep", START + 12 * HOUR_MS, START + 13 * HOUR_MS, source="phone"),
    )
    night = START + 2 * DAY_MS
    memory.take(
        event("sleep", night, night + 7 * HOUR_MS, source="phone"),
        event("sleep", night + HOUR_MS, night + 9 * HOUR_MS, source="phone"),
    )
    result = run_query(memory.stream, Query(Measure.SUM, ("sleep",), best_source=True))
    assert (result.count, result.value) == (2, (8 + 8) * 3600)  # the ring's night, and the longer of two that overlap


def test_what_two_apps_wrote_down_alike_happened_once(memory: Memory) -> None:
    memory.take(
        event("workout", START, START + HOUR_MS, source="phone", id="a"),
        event("workout", START, START + HOUR_MS, source="phone", id="b"),
    )
    assert run_query(memory.stream, Query(Measure.SUM, ("workout",))).value == 3600


def test_words_people_and_origins(memory: Memory) -> None:
    memory.take(
        event("message", START, text="Pizza with Bo?", conversation="Ann", origin=Origin.SELF),
        event("message", START + 1, text="pizza!", conversation="Ann", sender="Ann", origin=Origin.PERSON),
        event("listen", START + 2, text="Ann Peebles – Pizza"),
        event("region_enter", START + 3, text="Ann's house"),
    )

    def count(**fields: object) -> int:
        return run_query(memory.stream, Query(Measure.COUNT, **fields)).count  # type: ignore[arg-type]

    assert count(kinds=(), words=("pizza",)) == 3
    assert count(kinds=("message",), words=("PIZZA", "bo")) == 1
    assert count(kinds=(), about=("ann",)) == 3  # a song's words name nobody
    assert count(kinds=("message",), origins=(Origin.SELF,)) == 1
    assert count(kinds=(), layers=(Layer.AUDITORY, Layer.ENVIRONMENTAL)) == 2
    assert count(kinds=(), words=("piz", "za' OR 1=1 --")) == 0


def test_a_period_is_local_days_and_a_night_belongs_to_the_morning(memory: Memory) -> None:
    memory.zones.append(ZoneInfo("America/New_York"))
    memory.take(
        event("sleep", at("2026-05-04 03:00"), at("2026-05-04 11:00")),  # 23:00 on the 3rd to 07:00 on the 4th
        event("listen", at("2026-05-04 03:00"), text="a lullaby"),  # still the 3rd
        event("listen", at("2026-05-05 03:59"), text="another"),  # still the 4th
    )
    only = Period("2026-05-04", "2026-05-04", "that day")
    assert run_query(memory.stream, Query(Measure.COUNT, ("sleep",), period=only)).count == 1
    [heard] = run_query(memory.stream, Query(Measure.LIST, ("listen",), period=only)).evidence
    assert heard.text == "another"


def test_hours_and_minutes_of_a_day(memory: Memory) -> None:
    memory.zones.append(ZoneInfo("Europe/Berlin"))
    memory.take(*(event("listen", START + h * HOUR_MS, text=f"{h} h in Greenwich") for h in range(24)))
    day = "2026-05-04"
    evening = Period(day, day, "that evening", hours=(18, 24))
    found = run_query(memory.stream, Query(Measure.LIST, ("listen",), period=evening))
    assert found.count == 6 and found.evidence[-1].text == "16 h in Greenwich"
    minute = Period(day, day, "at nine", minute=9 * 60)
    assert [o.text for o in run_query(memory.stream, Query(Measure.LIST, (), period=minute)).evidence] == [
        "7 h in Greenwich"
    ]


def test_evidence_is_all_of_them_up_to_a_few(memory: Memory) -> None:
    memory.take(*(event("listen", START + n, text=f"song {n}") for n in range(30)))
    result = run_query(memory.stream, Query(Measure.COUNT, ("listen",)))
    assert result.count == 30
    assert [o.text for o in result.evidence] == [f"song {n}" for n in range(29, 29 - EVIDENCE_SHOWN, -1)]


def test_what_went_on_during_something(nights: Memory) -> None:
    assert [o.kind for o in during(nights.stream, (), START + 15 * HOUR_MS, START + 15 * HOUR_MS + 1)] == ["workout"]
    assert during(nights.stream, ("sleep",), START + 16 * HOUR_MS, START + 17 * HOUR_MS) == []


def test_a_query_can_be_read() -> None:
    query = Query(Measure.MEAN, ("sleep", "nap"), ("deep",), DAYS, (Origin.SELF,), about=("Ann",))
    assert query.in_words() == "mean, sleep or nap, with “deep” and “Ann”, by self, these days"
    assert Query(Measure.COUNT, ()).in_words() == "count, anything, in the whole life stream"
