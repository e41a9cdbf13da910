"""One day of the life stream: what goes in, what coverage claims, and that the bytes come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.alignment.block import (
    COVERED,
    LAYERS,
    SILENT,
    UNKNOWN,
    DayBlock,
    align_day,
    latest_revisions,
    pack,
    unpack,
)
from hearthside.alignment.kinds import SYSTEM_KINDS, amount_of, is_life, note_of, rule_of
from hearthside.alignment.offsets import minute_offsets
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, Origin, Precision, Record
from hearthside.journal import Stored
from tests.alignment.lives import START, event, many_records, series

DAY = START // DAY_MS
NONE = np.zeros((0, 2), dtype=np.int64)


def _block(*records: Record) -> DayBlock:
    stored = [Stored(seq, record.id, record, 0) for seq, record in enumerate(records, 1)]
    return align_day(DAY, stored, NONE, UTC)


def _coverage(block: DayBlock, layer: Layer) -> list[int]:
    states: list[int] = block.coverage[LAYERS.index(layer)].tolist()
    return states


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.integers(-1, 15))
def test_packed_and_unpacked_a_block_is_the_same(seed: int, day: int) -> None:
    stored = [Stored(seq, record.id, record, 0) for seq, record in enumerate(many_records(seed), 1)]
    block = align_day(DAY + day, stored, np.array([[START, 120]], dtype=np.int64), ZoneInfo("Europe/Berlin"))
    again = unpack(pack(block))
    assert pack(again) == pack(block)
    assert (again.day, again.empty) == (block.day, block.empty)
    assert [(s.layer, s.source, s.kind, s.ids) for s in again.streams] == [
        (s.layer, s.source, s.kind, s.ids) for s in block.streams
    ]
    for mine, theirs in zip(block.streams, again.streams, strict=True):
        for name in ("start_ms", "end_ms", "count", "last"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    for one, other in zip(block.samples, again.samples, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert (one.unit, one.measure, one.layer) == (other.unit, other.measure, other.layer)
    np.testing.assert_array_equal(again.coverage, block.coverage)
    np.testing.assert_array_equal(again.offset_min, block.offset_min)
    np.testing.assert_array_equal(again.offset_known, block.offset_known)


def test_a_block_holds_only_what_reaches_into_its_day() -> None:
    yesterday = event("message", START - HOUR_MS, text="over")  # holds ten minutes
    switch = event("state", START - 20 * HOUR_MS, entity="lamp")  # holds a day
    night = event("sleep", START - 3 * HOUR_MS, START + 4 * HOUR_MS)
    block = _block(
        yesterday, switch, night, event("activity_day", START, precision=Precision.DAY), event("offer", START)
    )
    assert {stream.kind: stream.ids for stream in block.streams} == {"state": [switch.id], "sleep": [night.id]}
    held = next(stream for stream in block.streams if stream.kind == "state")
    assert held.count.sum() == 0 and int((held.last >= 0).sum()) == 4 * 60 + 1


def test_nothing_is_inferred_from_silence() -> None:
    block = _block(event("position", START + 10 * HOUR_MS), event("position", START + 14 * HOUR_MS))
    states = _coverage(block, Layer.ENVIRONMENTAL)
    assert states[:600] == [UNKNOWN] * 600
    assert states[600:645] == [COVERED] * 45  # a phone would have spoken again within 45 minutes
    assert states[645:840] == [SILENT] * 195
    assert states[840:885] == [COVERED] * 45
    assert states[885:] == [UNKNOWN] * 555  # not heard again: nobody knows whether it still listened
    for layer in LAYERS:
        if layer is not Layer.ENVIRONMENTAL:
            assert set(_coverage(block, layer)) == {UNKNOWN}


def test_yesterdays_last_word_makes_the_morning_silent_but_covers_nothing() -> None:
    block = _block(event("state", START - 6 * HOUR_MS, entity="a"), event("state", START + 6 * HOUR_MS, entity="a"))
    states = _coverage(block, Layer.RESIDENTIAL)
    assert states[:360] == [SILENT] * 360 and states[360:420] == [COVERED] * 60 and set(states[420:]) == {UNKNOWN}
    assert _block(event("state", START - 6 * HOUR_MS, entity="a")).coverage.max() == UNKNOWN


def test_samples_cover_their_minutes_and_gaps_do_not() -> None:
    block = _block(series(START, [1.0, float("nan"), 3.0]))
    assert _coverage(block, Layer.BEHAVIOURAL)[:4] == [COVERED, UNKNOWN, COVERED, UNKNOWN]


def test_of_overlapping_series_the_later_one_counts() -> None:
    first, later = series(START, [1.0] * 10), series(START + 5 * MINUTE_MS, [2.0, float("nan"), 2.0])
    [column] = _block(first, later).samples
    assert column.values[:10].tolist() == [1, 1, 1, 1, 1, 2, 1, 2, 1, 1]


def test_latest_revisions_keep_what_arrived_last() -> None:
    records = [event("sleep", START, key="n", total=1), event("sleep", START + 5, key="n", total=2)]
    stored = [Stored(9, records[0].id, records[0], 0), Stored(4, records[1].id, records[1], 0)]
    other = event("workout", START + 1, key="n")
    stored.append(Stored(5, other.id, other, 0))
    assert [item.seq for item in latest_revisions(stored)] == [9, 5]


def test_the_latest_observation_within_36_hours_gives_the_offset() -> None:
    rows = [[START - 37 * HOUR_MS, 60], [START - 30 * HOUR_MS, 120], [START + 10 * HOUR_MS, 540]]
    observed = np.array(rows, dtype=np.int64)
    offsets, known = minute_offsets(DAY, observed, UTC)
    assert offsets[:360].tolist() == [120] * 360  # 36 hours after the second
    assert offsets[361:600].tolist() == [540] * 239  # the next one speaks backwards
    assert offsets[600:].tolist() == [540] * 840
    assert known.all()
    offsets, known = minute_offsets(DAY, observed[:2], UTC)
    assert offsets[361:].max() == 0 and not known[361:].any() and known[:361].all()
    assert minute_offsets(-10_000_000, NONE, ZoneInfo("Europe/Berlin"))[0].tolist() == [0] * 1440


def test_daylight_saving_of_the_home_zone_changes_within_the_day() -> None:
    offsets, known = minute_offsets(20_541, NONE, ZoneInfo("Europe/Berlin"))  # 2026-03-29
    assert offsets[:60].tolist() == [60] * 60 and offsets[60:].tolist() == [120] * 1380
    assert not known.any()


def test_the_one_number_of_an_event() -> None:
    assert amount_of(event("listen", START, START + 90_000)) == 90.0
    assert amount_of(event("sleep", START, START + HOUR_MS, total=1800)) == 1800.0
    assert amount_of(event("sleep", START, START + HOUR_MS)) == 3600.0
    assert amount_of(event("readiness_day", START, score=70)) == 70.0
    assert amount_of(event("app_time_day", START, items=[["a", 5], ["b", 7.5]])) == 12.5
    assert amount_of(event("app_time_day", START)) == 0.0
    assert amount_of(event("message", START)) is None


def test_the_second_line_of_an_event() -> None:
    mine = event("message", START, conversation="Family", sender="Me", origin=Origin.SELF)
    assert note_of(mine) == "Family"
    assert note_of(replace(mine, origin=Origin.PERSON)) == "Family · Me"
    assert note_of(event("message", START, conversation="Ann", sender="Ann")) == "Ann"
    assert note_of(event("utterance", START, speaker="Bo", tone="calm", place=None)) == "Bo · calm"
    assert not any(is_life(kind) for kind in SYSTEM_KINDS) and is_life("message")
    assert rule_of("never heard of") == rule_of("workout")
