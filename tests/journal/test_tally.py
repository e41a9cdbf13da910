"""Counts of the sources: kept as records come, right after everything that changes records, and never of everything."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest

from hearthside.events import Event
from hearthside.journal import Journal, tally
from tests.journal.vaults import YEAR_MS, Clock, journal_in, note, over_years, year_file


def _counted(journal: Journal) -> list[tuple[str, int, int, int]]:
    """By reading everything."""
    found: dict[str, list[Event]] = defaultdict(list)
    for item in journal.read():
        assert isinstance(item.record, Event)
        found[item.record.source].append(item.record)
    return [
        (source, len(events), min(e.start_ms for e in events), max(e.end_ms or e.start_ms for e in events))
        for source, events in sorted(found.items())
    ]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are written down every 100 records instead of every 50,000."""
    monkeypatch.setattr(tally, "TALLY_EVERY", 100)


def test_few_records_are_counted_when_somebody_asks(often: None, tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal, journal_in(tmp_path) as other:
        for n in range(60):
            (journal if n % 2 else other).append([note(20 * n + k, "abc"[k % 3], day=k % 4) for k in range(20)])
            assert journal.sources() == other.sources()
        assert journal.sources() == _counted(journal)
        connection = year_file(tmp_path)
        assert 1200 - tally.counted_upto(connection) < 120
        connection.close()
        assert journal.verify().faults == []


def test_counts_follow_whatever_happens(often: None, tmp_path: Path) -> None:
    clock, rnd = Clock(), random.Random(3)
    with journal_in(tmp_path, clock) as journal:
        there: list[Event] = []
        for n in range(40):
            new = [note(100 * n + k, rnd.choice("abcd"), day=rnd.randrange(5)) for k in range(rnd.randrange(1, 60))]
            journal.append(new)
            there += new
            if n % 3 == 0:
                gone = rnd.sample(there, 5)
                journal.forget(event.id for event in gone)
                there = [event for event in there if event not in gone]
            if n % 10 == 5:
                journal.compact()
            if n % 15 == 14:
                clock.now_ms += YEAR_MS
            assert journal.sources() == _counted(journal)
        journal.rotate(b"\2" * 32)
        assert journal.sources() == _counted(journal)
        assert sum(source[1] for source in journal.sources()) == len(there)
        assert journal.verify().faults == []


def test_a_source_that_was_forgotten_leaves_no_time_behind(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        early, late = note(1, day=-300), note(2, day=5)
        journal.append([early, late, note(3, "gone")])
        journal.forget([early.id, note(3, "gone").id])
        assert journal.sources() == [("test", 1, late.start_ms, late.start_ms)]


def test_of_a_year_that_is_over_nothing_is_counted_anew(tmp_path: Path) -> None:
    over_years(tmp_path)
    for place, last in ((0, 40), (1, 80)):
        connection = year_file(tmp_path, place)
        assert tally.counted_upto(connection) == last
        connection.close()
    with journal_in(tmp_path, Clock()) as journal:
        assert journal.sources() == _counted(journal)
