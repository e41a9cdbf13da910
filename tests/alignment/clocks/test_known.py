"""What is known of clocks out of the book, and the way of a fault from exchanges to the person's word and back."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import numpy as np
import pytest

from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.faults import Decision, decision_payload
from hearthside.alignment.clocks.known import known_clocks
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Json, day_start_ms
from hearthside.journal.bodies import Body

NOW = day_start_ms("2026-05-03") + 10 * HOUR_MS
WATCH = "device:watch"


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    opened = apsw.Connection(":memory:")
    opened.execute(book.SCHEMA)
    yield opened
    opened.close()


def take(connection: apsw.Connection, kind: str, *payloads: dict[str, Json]) -> None:
    """Have the book take words of a kind."""
    first = 1 + connection.execute("SELECT count(*) FROM clock_word").get
    bodies = [Body("event", "clocks", "behavioural", 0, "station", "", kind=kind, payload=one) for one in payloads]
    rows = [((first + k).to_bytes(16), first + k, body) for k, body in enumerate(bodies)]
    book.take(connection, rows)


def lost(count: int = 12) -> list[dict[str, Json]]:
    """Exchanges of a watch that was right, and then began at 1970 ten minutes before its next one."""
    found = []
    for k in range(2 * count):
        true = NOW + k * 15 * MINUTE_MS
        raw = true if k < count else true - NOW - count * 15 * MINUTE_MS + 10 * MINUTE_MS
        found.append({"clock": WATCH, "t1_ms": raw - 20, "t2_ms": true, "t3_ms": true, "t4_ms": raw + 20})
    return found


def test_every_clock_of_the_book_is_listed(connection: apsw.Connection) -> None:
    take(connection, "clock_exchange", *lost())
    estimate = {"clock": "export:last_fm", "shift_ms": 5, "sigma_ms": 1, "score": 9, "n": 40, "against": "oura_sleep"}
    take(connection, "clock_estimate", estimate)
    watch, imported = known_clocks(connection, {})
    assert (watch.clock, watch.exchanges, watch.heard_ms) == (WATCH, 24, NOW + 23 * 15 * MINUTE_MS)
    assert (watch.events, watch.last_event_ms, watch.estimate, watch.placement.trivial) == (0, None, None, True)
    assert (imported.clock, imported.exchanges, imported.heard_ms) == ("export:last_fm", 0, None)
    assert imported.estimate == estimate
    placement = book.placement_of(connection, WATCH)
    assert known_clocks(connection, {WATCH: placement})[0].placement is placement


def test_what_was_lost_in_1970_is_held_until_the_person_moves_it(connection: apsw.Connection) -> None:
    take(connection, "clock_exchange", *lost())
    before = book.placement_of(connection, WATCH)
    raw = np.array([5 * MINUTE_MS, 2 * HOUR_MS, NOW + HOUR_MS])
    assert before.holds(raw).tolist() == [True, True, False]
    (held,) = before.held
    assert held.suggested_ms is not None
    word = Decision(WATCH, held.first_ms, held.last_ms, "shift", held.suggested_ms, NOW)
    take(connection, "clock_decision", decision_payload(word))
    after = book.placement_of(connection, WATCH)
    assert not after.holds(raw).any()
    times, _ = after.correct(raw)
    began = NOW + 12 * 15 * MINUTE_MS - 10 * MINUTE_MS
    assert np.abs(times - [began + 5 * MINUTE_MS, began + 2 * HOUR_MS, NOW + HOUR_MS]).max() <= 2
    back = Decision(WATCH, held.first_ms, held.last_ms, "hold", None, NOW + DAY_MS)
    take(connection, "clock_decision", decision_payload(back))
    again = book.placement_of(connection, WATCH)
    assert again.holds(raw).tolist() == [True, True, False] and again.held[0].suggested_ms == held.suggested_ms
