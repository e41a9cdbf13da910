"""What the book tells of when a clock's events were: of ten years a dozen days, and the same faults as from all."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.faults import GAP_DAYS, EventEvidence, find_faults
from hearthside.events import DAY_MS, day_number

WATCH = "device:watch"
_BEGINS = st.sampled_from([day_number(day) for day in ("1970-01-02", "2000-01-01", "2016-05-01", "2020-01-01")])
_DAYS = st.lists(st.tuples(_BEGINS, st.integers(0, 700), st.integers(1, 40)), min_size=1, max_size=14)


def spoken(rows: list[tuple[int, int, int]]) -> dict[tuple[str, int], book.Spoken]:
    """So many events a quarter of an hour apart on days: by (clock, day) how many, first and last."""
    return {
        (WATCH, begin + day): (count, (begin + day) * DAY_MS, (begin + day) * DAY_MS + (count - 1) * 900_000)
        for begin, day, count in rows
    }


def everything(connection: apsw.Connection) -> EventEvidence:
    """All that is kept of the events."""
    rows = list(connection.execute("SELECT day, events, first_ms, last_ms FROM clock_day ORDER BY day"))
    return EventEvidence(sum(row[1] for row in rows), rows[0][2], rows[-1][3], tuple((row[0], row[1]) for row in rows))


@pytest.fixture(scope="module")
def connection() -> Iterator[apsw.Connection]:
    opened = apsw.Connection(":memory:")
    opened.execute(book.SCHEMA)
    yield opened
    opened.close()


@given(lots=st.lists(_DAYS, min_size=1, max_size=4))
def test_the_days_told_give_the_same_faults_as_all_days(
    connection: apsw.Connection, lots: list[list[tuple[int, int, int]]]
) -> None:
    connection.execute("DELETE FROM clock_day")
    before: list[object] | None = None
    for rows in lots:
        moved = book.count(connection, spoken(rows))
        told, known = book.evidence_of(connection, WATCH), everything(connection)
        after: list[object] = [*find_faults(WATCH, (), known)]
        assert find_faults(WATCH, (), told) == after
        assert (told.events, told.first_ms, told.last_ms) == (known.events, known.first_ms, known.last_ms)
        assert moved == ({WATCH} if before is None or after != before else set())
        before = after


def test_of_ten_years_of_events_a_dozen_days_are_told(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM clock_day")
    begin = day_number("2016-01-01")
    assert book.count(connection, spoken([(begin, 0, 3)])) == {WATCH}  # never heard before
    assert book.count(connection, spoken([(begin, day, 3) for day in range(1, 3650)])) == set()
    told = book.evidence_of(connection, WATCH)
    assert told.events == 3 * 3650 and len(told.days) == -(-3649 // (GAP_DAYS - 1)) + 1
    assert book.evidence_of(connection, "device:other").days == ()
    early = spoken([(day_number("1970-01-01"), 1, 1)])
    assert book.count(connection, early) == {WATCH}
    assert book.count(connection, early) == set()
