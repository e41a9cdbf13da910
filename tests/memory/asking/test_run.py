"""Every query gives what the slow reference gives, over small lives and over a real life stream; and examples."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthside.alignment.episodes import Episode
from hearthside.alignment.stream import LifeStream
from hearthside.errors import Refused
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer
from hearthside.memory.asking import Answer, Query, ask, parse, vocabulary_of
from hearthside.memory.asking.query import Measure, Of, Selection, What
from hearthside.memory.asking.query import Test as Condition
from tests.alignment.lives import START as VAULT_START
from tests.alignment.lives import many_records, open_vault
from tests.memory.asking.lives import (
    NOW,
    START,
    Happened,
    Mark,
    Sampled,
    SmallLife,
    Spot,
    Stayed,
    Steps,
    hours,
    night,
    play,
)
from tests.memory.asking.questions import queries, some_life
from tests.reference.asking import Told, expected

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def asked(life: SmallLife, text: str) -> Answer:
    """The answer to a text."""
    return ask(life, parse(text, vocabulary_of(life), NOW, 0), NOW)


def values(answer: Answer) -> dict[str, float | None]:
    """Values of the groups by their one name."""
    return {group.key[0] or "": group.value for group in answer.groups}


def _same(found: Told, wanted: Told) -> bool:
    if (found.value is None) != (wanted.value is None):
        return False
    close = found.value is None or math.isclose(found.value, wanted.value or 0.0, rel_tol=1e-9, abs_tol=1e-6)
    return close and (found.count, found.days, found.heard) == (wanted.count, wanted.days, wanted.heard)


# -- against the reference ---------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None, suppress_health_check=_SLOW)
@given(query=queries(), seed=st.integers(0, 10**6))
def test_it_is_what_the_reference_says(query: Query, seed: int) -> None:
    life = some_life(seed)
    wanted = expected(life, query, NOW)
    answer = ask(life, query, NOW, evidence_limit=10_000)
    assert (answer.count, answer.days) == (wanted.count, wanted.days)
    assert (answer.coverage.days, answer.coverage.heard) == (wanted.asked, wanted.heard)
    assert set(answer.evidence) <= wanted.ids
    assert answer.evidence_count == len(answer.evidence)
    if query.by:
        found = {group.key: Told(group.value, group.count, group.days, group.heard) for group in answer.groups}
        assert found.keys() == wanted.groups.keys()
        assert {key: (found[key], told) for key, told in wanted.groups.items() if not _same(found[key], told)} == {}
    else:
        told = wanted.groups[()]
        assert _same(replace(told, value=answer.value), told), (answer.value, told)
    if query.measure in {Measure.COUNT, Measure.SUM, Measure.LIST, Measure.DAYS, Measure.TIME, Measure.SHARE}:
        assert set(answer.evidence) == wanted.ids


def _as_small(stream: LifeStream) -> SmallLife:
    """What a life stream holds, as a small life."""
    track, days = stream.track(), sorted({fact.day for fact in stream.facts()})
    blocks = [block for day in days if (block := stream.block(day)) is not None]
    samples = {
        block.day: [Sampled(s.source, s.measure, s.unit, s.values, s.layer) for s in block.samples]
        for block in blocks
        if block.samples
    }
    happened = [
        Happened(o.kind, o.start_ms, o.end_ms, o.source, o.layer, o.text, o.note, o.amount, o.origin,
                 o.precision == "day", o.offset_min, {}, o.id)
        for o in stream.occurrences()
    ]  # fmt: skip
    steps = Steps(tuple(zip(track.starts_ms.tolist(), track.offset_min.tolist(), strict=True)))
    return SmallLife(happened, stream.episodes(), [], [], samples, steps)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> LifeStream:
    """A real life stream of two weeks."""
    vault = open_vault(tmp_path_factory.mktemp("life"))
    vault.take(*many_records(3), *many_records(4))
    return vault.stream


def test_the_real_life_stream_answers_the_same(real: LifeStream) -> None:
    small, now = _as_small(real), VAULT_START + 30 * DAY_MS
    known = vocabulary_of(real)
    assert {"met", "heart_rate"} <= known.measures
    for text in (
        "count of anything by kind", "time of app_use or sleep by hour", "mean met by weekday", "days of message",
        "list of message during records of sleep", "count of listen within 6 h after records of sleep by weekday",
        "share of records of sleep by day", "sum of activity_day by week", "last of utterance on weekdays",
        "longest gap between state", "count of samples of heart_rate by hour", "median start of message by month",
        "count of episodes of sleep", "mean duration of sleep by day",
        "count of caption between 22:00 and 06:00",
    ):  # fmt: skip
        query = parse(text, known, now, 0)
        answer, other = ask(real, query, now), ask(small, query, now)
        assert answer.count > 0 or "caption" in text, text
        assert replace(answer, coverage=other.coverage) == other, text
        assert (answer.coverage.days, answer.coverage.heard) == (other.coverage.days, other.coverage.heard)


# -- local time --------------------------------------------------------------------------------------------------------


def test_bedtimes_around_midnight_have_their_middle_at_midnight() -> None:
    life = SmallLife(found=[night(0, 23.5, 31), night(1, 24.5, 31), night(2, 23.75, 31), night(3, 24.25, 31)])
    assert asked(life, "mean start of sleep").value == pytest.approx(0, abs=1e-6)
    assert asked(life, "median start of sleep").value == pytest.approx(0, abs=1e-6)
    assert asked(life, "earliest sleep").value == pytest.approx(23 * 60 + 30)
    latest = asked(life, "latest sleep")
    assert latest.value == pytest.approx(30)
    assert latest.rows[0].start_ms == hours(1, 24.5)


def test_clock_times_all_around_have_no_mean() -> None:
    life = SmallLife([play(0, 0, "A"), play(0, 12, "A")])
    answer = asked(life, "mean start of listen")
    assert answer.value is None
    assert "spread over the whole day" in answer.notes[0]


def test_hours_are_the_persons_own_through_summer_time_and_travel() -> None:
    summer = hours(6, 1)  # 2023-03-26 01:00 UTC: from +60 to +120
    flight = hours(9, 12)
    plays = [play(day, hour, "A") for day, hour in ((5, 7), (6, 6), (8, 6), (9, 13))]
    life = SmallLife(plays, steps=Steps(((0, 60), (summer, 120), (flight, -300))))
    answer = asked(life, "count listen by hour")
    assert {key: value for key, value in values(answer).items() if value} == {"08": 4}


def test_the_share_of_a_short_day_is_of_its_own_length() -> None:
    """On the day summer time begins 23 hours are all there are."""
    summer = hours(6, 1)
    life = SmallLife(found=[Episode("work", hours(5, 23), hours(6, 22), "w", (), 1.0)],
                     steps=Steps(((0, 60), (summer, 120))))  # fmt: skip
    answer = asked(life, "share of work by day")
    assert values(answer)["2023-03-26"] == pytest.approx(1.0)
    assert asked(life, "time of work on 2023-03-26").value == 23 * 3600


def test_a_night_belongs_to_its_morning() -> None:
    life = SmallLife([Happened("sleep", hours(0, 22), hours(1, 6)), Happened("workout", hours(0, 22), hours(1, 6))])
    assert [group.key for group in asked(life, "count of records of sleep by weekday").groups if group.value] == [
        ("Tuesday",)
    ]
    assert asked(life, "count workout on Monday").count == 1


def test_a_time_without_an_offset_is_the_persons_own() -> None:
    life = SmallLife([play(1, 7.5, "A"), play(1, 8.5, "B")], steps=Steps(((0, 60),)))
    assert asked(life, "first listen after 2023-03-21T09:00").rows[0].text == "B – T"
    assert asked(life, "first listen after 2023-03-21T08:00Z").rows[0].text == "B – T"
    assert asked(life, "count listen from 2023-03-21T08:00 to 2023-03-21T09:00").value == 1


def test_a_skipped_and_a_doubled_hour_are_taken_by_the_offset_before() -> None:
    spring, autumn = hours(6, 1), hours(9, 1)
    life = SmallLife([play(6, 0.9, "A"), play(6, 1.1, "B"), play(9, 0.5, "C"), play(9, 1.5, "D")],
                     steps=Steps(((0, 60), (spring, 120), (autumn, 60))))  # fmt: skip
    assert asked(life, "first listen since 2023-03-26T02:30").rows[0].text == "C – T"
    assert asked(life, "count listen since 2023-03-29T02:30").value == 2


# -- relations ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def week() -> SmallLife:
    """Five days: asleep 23:00 to 07:00, at work 09:00 to 17:00 at the office, plays all over, one app all the day."""
    plays = [play(day, hour, artist) for day in range(5) for hour, artist in
             ((7.25, "Björk"), (8, "Radiohead"), (16.5, "Radiohead"), (22.5, "Nina"), (22.9, "Nina"))]  # fmt: skip
    apps = [Happened("app_use", hours(day, 8), hours(day, 10), text="Code – a.py", note="Code", amount=7200.0)
            for day in range(5)]  # fmt: skip
    works = [Episode("work", hours(day, 9), hours(day, 17), "at work", (bytes([200 + day] * 16),), 1.0)
             for day in range(5)]  # fmt: skip
    visits = [Stayed(hours(day, 9), hours(day, 17), "p2", "Office") for day in range(5)]
    heard = [Happened(kind, hours(day, 3), source=source) for day in range(5)
             for kind, source in (("sleep", "ring"), ("position", "phone"))]  # fmt: skip
    return SmallLife([*plays, *apps, *heard], [*(night(day, 23, 31) for day in range(-1, 5)), *works], visits,
                     [Spot("p2", "Office", "work")])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "count", "value"),
    [
        ("count listen during work", 5, 5),
        ("count listen outside work", 20, 20),
        ("count listen at office", 5, 5),
        ("sum duration of app_use during work", 5, 5 * 3600),
        ("sum of app_use during work", 5, 5 * 7200),  # what the source said, not what of it was at work
        ("time of app_use during work", 5, 5 * 3600),
        ("time of app_use outside work", 5, 5 * 3600),
        ("share of app_use during work", 5, 1 / 8),
        ("count listen in the hour before sleep", 10, 10),
        ("count listen within 30 min before sleep", 10, 10),
        ("count listen within 20 min before sleep", 5, 5),
        ("count listen within 30 min after waking", 5, 5),
        ("first listen after each sleep", 5, 5),
        ("list of listen, the last before each sleep", 5, 5),
        ("median start of last listen before each sleep", 5, 22 * 60 + 54),
        ("mean start of first listen after each sleep", 5, 7 * 60 + 15),
        ("mean start of second listen after each sleep", 5, 8 * 60),
        ("days of listen during work", 5, 5),
        ("longest gap between listen", 25, 8.5 * 3600),
        ("longest gap between listen during work", 5, 24 * 3600),
        ("count listen within 1 h after (records of listen where artist = 'Björk')", 5, 5),
        ("count listen after the last sleep", 0, 0),
        ("count listen before the first sleep", 0, 0),
        ("count listen after the 2nd sleep", 20, 20),
        ("count listen per day", 25, 5),
        ("count listen by hour per day", 25, None),
    ],
)  # fmt: skip
def test_relations(week: SmallLife, text: str, count: int, value: float | None) -> None:
    answer = asked(week, text)
    assert answer.count == count
    assert answer.value == (None if value is None else pytest.approx(value))


def test_the_first_after_an_anchor_is_the_first_of_all_not_of_the_period(week: SmallLife) -> None:
    week.happened.append(play(0, 23.999, "Late", id=b"L" * 16))
    week.found = [one for one in week.found if one.kind != "sleep"]
    week.found.append(Episode("sleep", hours(0, 12), hours(0, 20), "nap", (), 1.0))
    assert asked(week, "first listen after each sleep on 2023-03-21").count == 0
    assert asked(week, "first listen after each sleep on 2023-03-20").rows[0].start_ms == hours(0, 22.5)


def test_groups_of_things_come_with_the_greatest_first_and_those_without_a_name_last() -> None:
    life = SmallLife([play(0, 1, "B"), play(0, 2, "A"), play(0, 3, "A"), play(1, 3, "C"),
                      Happened("listen", hours(1, 5), layer=Layer.AUDITORY, source="last_fm")])  # fmt: skip
    answer = asked(life, "count listen by artist")
    assert [(group.key, group.value) for group in answer.groups] == [
        (("A",), 2), (("B",), 1), (("C",), 1), ((None,), 1),
    ]  # fmt: skip
    few = asked(life, "count listen by artist limit 2")
    assert (len(few.groups), few.groups_found) == (2, 4)


def test_places_are_grouped_by_where_the_row_began(week: SmallLife) -> None:
    answer = asked(week, "count listen by place")
    assert [(group.key[0], group.value) for group in answer.groups] == [(None, 20), ("Office", 5)]
    assert asked(week, "count of visits to work").value == 5  # by what the place is to the person
    assert asked(week, "count of visits by label").groups[0].key == ("Office",)


def test_two_sources_of_the_same_day_are_told_and_can_be_counted_once() -> None:
    days = [Happened("activity_day", START + day * DAY_MS, source=source, amount=float(steps), by_day=True)
            for day, source, steps in ((0, "ring", 5000), (0, "watch", 7000), (1, "ring", 4000))]  # fmt: skip
    life = SmallLife(days)
    answer = asked(life, "sum of steps")
    assert (answer.value, answer.unit) == (16_000, "steps")
    assert "ring and watch recorded activity_day on the same days" in answer.notes[0]
    once = asked(life, "sum of steps counted once")
    assert (once.value, once.notes) == (11_000, ())


def test_what_is_known_by_its_day_only_stays_so() -> None:
    life = SmallLife([Happened("activity_day", START, amount=5.0, by_day=True), Happened("listen", hours(0, 9))],
                     found=[Episode("work", hours(0, 0), hours(0, 24), "w", (), 1.0)],
                     steps=Steps(((0, -300),)))  # fmt: skip
    assert asked(life, "count of steps on 2023-03-20").value == 1
    assert asked(life, "count of steps during work").count == 0
    assert "known by their day only" in asked(life, "count of steps during work").notes[0]
    assert asked(life, "count of steps between 00:00 and 24:00").count == 0
    by_hour = asked(life, "count of steps by hour")
    assert sum(group.count for group in by_hour.groups) == 0
    assert "belong to no hour" in by_hour.notes[0]
    assert asked(life, "list of steps").rows[0].start == "2023-03-20"


# -- what is known at all ----------------------------------------------------------------------------------------------


def test_nothing_found_is_told_from_nobody_listened() -> None:
    life = SmallLife([play(0, 9, "A"), play(2, 9, "A")])
    heard = asked(life, "count listen where artist ~ 'Radiohead' on 2023-03-20")
    assert (heard.value, heard.coverage.heard, heard.in_words().startswith("0 times.")) == (0, 1, True)
    deaf = asked(life, "count listen where artist ~ 'Radiohead' on 2023-03-21")
    assert (deaf.value, deaf.coverage.heard) == (None, 0)
    assert deaf.in_words() == "Not known. No source of it was heard in that time, so nothing can be said about it."
    by_day = asked(life, "count listen where artist ~ 'B' by day")
    assert values(by_day) == {"2023-03-20": 0, "2023-03-21": None, "2023-03-22": 0}


def test_where_nobody_knows_of_the_night_nobody_knows_what_came_before_it() -> None:
    plays = [play(day, 22, "A") for day in range(0, 60, 10)]
    life = SmallLife([*plays, Happened("sleep", hours(0, 23), hours(1, 7), "ring")], [night(0, 23, 31)])
    answer = asked(life, "count listen within 2 h before sleep by month")
    assert values(answer) == {"2023-03": 1, "2023-04": None, "2023-05": None}
    assert [one.source for one in answer.coverage.related] == ["ring"]
    later = asked(life, "count listen within 2 h before sleep in 2023-05")
    assert (later.value, later.coverage.heard) == (None, 0)
    assert "nothing of what it relates to" in later.coverage.in_words()


def test_a_source_that_says_other_things_was_heard() -> None:
    life = SmallLife(
        [Happened("workout", hours(0, 9), source="watch"), Happened("weight_day", hours(3, 0), source="watch")]
    )
    answer = asked(life, "count workout since 2023-03-20 until 2023-03-24")
    assert (answer.coverage.days, answer.coverage.heard) == (5, 2)
    assert answer.coverage.sources[0].last == "2023-03-23"


def test_days_after_today_are_not_asked_about() -> None:
    life = SmallLife([play(0, 9, "A")])
    query = parse("count listen in 2023", vocabulary_of(life), NOW, 0)
    assert ask(life, query, hours(4, 12)).coverage.last == "2023-03-24"


def test_late_data_is_told() -> None:
    life = SmallLife([play(day, 9, "A") for day in range(5)], marks=[Mark("last_fm", hours(4, 9), hours(2, 9))])
    query = parse("count listen", vocabulary_of(life), NOW, 0)
    assert ask(life, query, hours(5, 0)).coverage.provisional == "2023-03-22"
    assert ask(life, query, hours(90, 0)).coverage.provisional is None  # nothing is expected of it any more


def test_the_gap_says_how_much_of_it_was_heard() -> None:
    life = SmallLife([play(0, 9, "A"), play(1, 9, "B"), play(6, 9, "A")])
    answer = (
        asked(life, "longest gap between (listen where artist = 'A')")
        if False
        else asked(life, "longest gap between listen where artist = 'A'")
    )
    assert (answer.value, [row.text for row in answer.rows]) == (6 * 86_400, ["A – T", "A – T"])
    assert "of the 5 whole days in it a source was heard on 1" in answer.notes[0]


# -- evidence ----------------------------------------------------------------------------------------------------------


def test_evidence_is_the_newest_first_and_counted() -> None:
    life = SmallLife([play(day, 9, "A") for day in range(9)])
    answer = ask(life, parse("count listen", vocabulary_of(life), NOW, 0), NOW, evidence_limit=3)
    assert answer.evidence == tuple(life.happened[day].id.hex() for day in (8, 7, 6))
    assert answer.evidence_count == 9
    last = asked(life, "last listen")
    assert (last.evidence, last.value) == ((life.happened[8].id.hex(),), hours(8, 9))
    by_month = asked(life, "count listen by month")
    assert by_month.groups[0].evidence == answer.evidence


def test_episodes_rest_on_the_records_they_were_found_in() -> None:
    life = SmallLife(found=[night(0, 23, 31), night(1, 23, 31)])
    answer = asked(life, "mean duration of sleep")
    assert (answer.evidence, answer.evidence_count) == ((("02" * 16), ("01" * 16)), 2)


def test_rows_that_began_together_are_in_order_of_id() -> None:
    rng = random.Random(4)
    plays = [play(0, 9, str(n), id=bytes([n + 1] * 16)) for n in range(40)]
    rng.shuffle(plays)
    life = SmallLife(plays)
    assert [asked(life, f"{n + 1}th listen").rows[0].text for n in (0, 1, 20, 39)] == [
        f"{n} – T" for n in (0, 1, 20, 39)
    ]


# -- samples -----------------------------------------------------------------------------------------------------------


def test_samples_are_minutes() -> None:
    day = np.full(1440, np.nan)
    day[60:120], day[120:180] = 1.0, 4.0
    life = SmallLife(sampled={START // DAY_MS: [Sampled("ring", "met", "MET", day)]},
                     found=[Episode("exercise", hours(0, 1.5), hours(0, 2.5), "run", (), 1.0)])  # fmt: skip
    assert asked(life, "count met").value == 120
    during = asked(life, "mean met during exercise")
    assert (during.value, during.unit, during.count, during.evidence) == (2.5, "MET", 60, ())
    assert values(asked(life, "max of met by hour"))["02"] == 4.0
    assert asked(life, "time of met where amount > 3").value == 3600
    assert asked(life, "mean met on 2023-03-21").value is None


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition("colour", "=", "red"), "There is no field “colour”"),  # type: ignore[arg-type]
        (Condition("artist", ">", 3.0), "compared with words"),  # type: ignore[arg-type]
        (Condition("amount", "~", "x"), "compared with a number"),  # type: ignore[arg-type]
        (Condition("start", ">", 3.0), "between 22:00 and 06:00"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_conditions_that_mean_nothing_are_refused(condition: Condition, words: str) -> None:
    select = Selection(What(Of.EVENTS, ("listen",)))
    query = Query(replace(select, where=replace(select.where, tests=(condition,))))
    with pytest.raises(Refused) as caught:
        ask(SmallLife(), query, NOW)
    assert caught.value.code == "query-field-unknown"
    assert words in caught.value.message


def test_an_empty_life_knows_nothing(tmp_path: Path) -> None:
    for life in (SmallLife(), open_vault(tmp_path).stream):
        for text in (
            "count of records of listen", "mean duration of sleep by weekday", "share of sleep", "visits by place",
            "first of anything", "longest gap between anything by year", "time of anything by artist",
        ):  # fmt: skip
            answer = ask(life, parse(text, vocabulary_of(life), NOW, 0), NOW)
            assert (answer.value, answer.count, answer.rows, answer.evidence) == (None, 0, (), ())
            assert "Not known" in answer.in_words()


def test_times_of_milliseconds_count_to_the_millisecond() -> None:
    life = SmallLife([Happened("app_use", START + 59_999, START + 2 * MINUTE_MS + 1),
                      Happened("app_use", START + 60_500, START + HOUR_MS)])  # fmt: skip
    assert asked(life, "time of app_use").value == pytest.approx((HOUR_MS - 59_999) / 1000)
