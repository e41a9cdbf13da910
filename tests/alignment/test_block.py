"""One UTC day of the life stream as a whole: what is in it, and what its coverage claims."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearthside.alignment.block import COVERED, LAYERS, SILENT, UNKNOWN, DayBlock
from hearthside.alignment.kinds import SYSTEM_KINDS, amount_of, is_life, note_of, rule_of
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, Origin, Precision, Record
from tests.alignment.lives import KEY, START, Vault, event, series

DAY = START // DAY_MS


def _block(vault: Vault, *records: Record) -> DayBlock:
    vault.take(*records)
    block = vault.stream.block(DAY)
    assert block is not None
    return block


def _coverage(block: DayBlock, layer: Layer) -> list[int]:
    states: list[int] = block.coverage[LAYERS.index(layer)].tolist()
    return states


def test_a_block_holds_only_what_reaches_into_its_day(vault: Vault) -> None:
    yesterday = event("message", START - HOUR_MS, text="over")  # holds ten minutes
    switch = event("state", START - 20 * HOUR_MS, entity="lamp")  # holds a day
    night = event("sleep", START - 3 * HOUR_MS, START + 4 * HOUR_MS)
    steps, offer = event("activity_day", START, precision=Precision.DAY), event("offer", START)
    block = _block(vault, yesterday, switch, night, steps, offer)
    assert {stream.kind: stream.ids for stream in block.streams} == {"state": [switch.id], "sleep": [night.id]}
    held = next(stream for stream in block.streams if stream.kind == "state")
    assert held.count.sum() == 0 and int((held.last >= 0).sum()) == 4 * 60 + 1


def test_nothing_is_inferred_from_silence(vault: Vault) -> None:
    block = _block(vault, event("position", START + 10 * HOUR_MS), event("position", START + 14 * HOUR_MS))
    states = _coverage(block, Layer.ENVIRONMENTAL)
    assert states[:600] == [UNKNOWN] * 600
    assert states[600:645] == [COVERED] * 45  # a phone would have spoken again within 45 minutes
    assert states[645:840] == [SILENT] * 195
    assert states[840:885] == [COVERED] * 45
    assert states[885:] == [UNKNOWN] * 555  # not heard again: nobody knows whether it still listened
    for layer in LAYERS:
        if layer is not Layer.ENVIRONMENTAL:
            assert set(_coverage(block, layer)) == {UNKNOWN}


def test_nothing_is_covered_beyond_the_present_but_what_was_said_of_later(vault: Vault) -> None:
    sent = [event("position", START + 10 * HOUR_MS), event("state", START + 10 * HOUR_MS, entity="lamp")]
    vault.take(*sent)
    whole = vault.stream.fingerprint()
    present = START + 10 * HOUR_MS + 20 * MINUTE_MS + 5_000

    def at_present(ms: int) -> DayBlock:
        looking = LifeStream(vault.folder, KEY, vault.journal, lambda: vault.zones[-1], present=lambda: ms)
        block = looking.block(DAY)
        assert block is not None
        return block

    block = at_present(present)
    for layer in (Layer.ENVIRONMENTAL, Layer.RESIDENTIAL):
        states = _coverage(block, layer)
        assert states[600:621] == [COVERED] * 21 and set(states[621:]) == {UNKNOWN}  # 10:20 has begun
    assert all(set(stream.last[621:].tolist()) == {-1} and stream.last[620] >= 0 for stream in block.streams)
    assert _coverage(at_present(present + DAY_MS), Layer.ENVIRONMENTAL)[600:645] == [COVERED] * 45
    early = at_present(START)  # its clock is behind: what was said of later still counts, and only that
    assert _coverage(early, Layer.ENVIRONMENTAL)[599:602] == [UNKNOWN, COVERED, UNKNOWN]
    assert vault.stream.fingerprint() == whole  # what is kept knows nothing of the present


def test_silence_reaches_over_midnight_and_ends_after_a_day(vault: Vault) -> None:
    words = [event("state", START + hours * HOUR_MS, entity="a") for hours in (-6, 6, 18 + 24, 48 + 30)]
    vault.take(*words)
    first = vault.stream.block(DAY)
    assert first is not None
    states = _coverage(first, Layer.RESIDENTIAL)
    assert states[:360] == [SILENT] * 360 and states[360:420] == [COVERED] * 60
    assert set(states[420:]) == {UNKNOWN}  # the next word is 36 hours later
    assert vault.stream.block(DAY + 2) is not None


def test_each_source_has_a_coverage_of_its_own(vault: Vault) -> None:
    block = _block(
        vault,
        event("position", START + HOUR_MS, source="a"),
        event("position", START + 3 * HOUR_MS, source="a"),
        event("position", START + 2 * HOUR_MS, source="b"),
    )
    by_source = {stream.source: stream.coverage.tolist() for stream in block.streams}
    assert by_source["a"][120] == SILENT and by_source["b"][120] == COVERED and by_source["b"][60] == UNKNOWN
    assert _coverage(block, Layer.ENVIRONMENTAL)[120] == COVERED


def test_samples_cover_their_minutes_and_gaps_do_not(vault: Vault) -> None:
    block = _block(vault, series(START, [1.0, float("nan"), 3.0]))
    assert _coverage(block, Layer.BEHAVIOURAL)[:4] == [COVERED, UNKNOWN, COVERED, UNKNOWN]


def test_of_overlapping_series_the_later_one_counts(vault: Vault) -> None:
    first, later = series(START, [1.0] * 10), series(START + 5 * MINUTE_MS, [2.0, float("nan"), 2.0])
    [column] = _block(vault, first, later).samples
    assert column.values[:10].tolist() == [1, 1, 1, 1, 1, 2, 1, 2, 1, 1]


def test_a_state_with_an_end_holds_until_then_and_one_without_for_a_day(vault: Vault) -> None:
    block = _block(
        vault,
        event("state", START + HOUR_MS, START + 2 * HOUR_MS, entity="door", source="a"),
        event("state", START + HOUR_MS, entity="lamp", source="b"),
    )
    last = {stream.source: (stream.last >= 0).tolist() for stream in block.streams}
    assert sum(last["a"]) == 60 and last["a"][60:120] == [True] * 60
    assert sum(last["b"]) == 1440 - 60


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_event_of_days_is_carried_from_day_to_day(vault: Vault, after: int) -> None:
    trip = event("workout", START - DAY_MS + HOUR_MS, START + 3 * DAY_MS + HOUR_MS, text="a walk over days")
    vault.take(trip)
    block = vault.stream.block(DAY + after)
    assert block is not None
    [stream] = block.streams
    assert stream.ids == [trip.id] and int(stream.count.sum()) == (1440 if after < 3 else 60)
    assert vault.stream.block(DAY + 4) is None


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
