"""Forgetting: the content goes everywhere, its keys are destroyed, its neighbours stay, and a crash leaves no half."""

from __future__ import annotations

import shutil
import threading
from itertools import count
from pathlib import Path

import apsw
import pytest

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.journal import Journal, files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys
from hearthside.journal.sealing import unseal
from tests.journal.cutting import cut_off
from tests.journal.format_1 import old_id, write_format_1
from tests.journal.vaults import (
    KEY,
    NOW_MS,
    YEAR_MS,
    Clock,
    everything_readable,
    journal_in,
    note,
    over_years,
    starts,
)

_CANARY = "zyxwvutsrq affair"


def _numbers(journal: Journal) -> list[int]:
    return sorted(starts(journal))


def test_part_of_a_day_the_whole_of_it_and_a_day_over_three_years(tmp_path: Path) -> None:
    clock = Clock()
    with journal_in(tmp_path, clock) as journal:
        for year in range(3):  # the same day of the same source comes in over three years
            journal.append([note(100 * year + n, day=0) for n in range(10)])
            journal.append([note(100 * year + n, day=1) for n in range(10, 20)])
            clock.now_ms += YEAR_MS
        before = journal.keyring.ids()
        assert journal.forget([note(3).id, note(103).id, note(203).id, note(204).id]) == 4
        assert len(before & journal.keyring.ids()) == 1
        assert journal.forget(note(100 * year + n, day=1).id for year in range(3) for n in range(10, 20)) == 30
        left = [n for n in (*range(10), *range(100, 110), *range(200, 210)) if n not in (3, 103, 203, 204)]
        assert _numbers(journal) == left
        assert journal.sources() == [("test", 26, NOW_MS, NOW_MS + 209)]
        assert not before & journal.keyring.ids()
        assert journal.verify().faults == []
        assert journal.append([note(3)]) == [True]  # what was forgotten may be told again


def test_nothing_of_it_is_left_in_any_file(tmp_path: Path) -> None:
    clock, vault = Clock(), tmp_path / "vault"
    gone = [note(n, source="gone", kind="affair", day=n, words=_CANARY) for n in range(5)]
    with journal_in(vault, clock) as journal:
        journal.append(gone[:3])
        journal.append([note(n, day=n % 5) for n in range(10, 400)])
        clock.now_ms += YEAR_MS
        journal.append([*gone[3:], note(9, source="gone", day=1)])
    before = everything_readable(vault, tmp_path / "before")
    marks = [_CANARY.encode(), b"affair", *(event.id for event in gone)]
    assert all(mark in before for mark in marks)
    rows: list[tuple[int, bytes]] = []
    with journal_in(vault, clock) as journal:
        for year, _, _ in journal.years():
            rows += [(row.seq, row.sealed) for row in journal.sealed_rows(year, 0, 9999) if row.sealed]
        assert journal.forget(event.id for event in gone) == 5
        kept = [(row.seq, row.sealed) for row in journal.sealed_rows(2026, 0, 9999)]
    after = everything_readable(vault, tmp_path / "after")
    assert [mark for mark in marks if mark in after] == []
    # Whoever kept the old sealed bytes opens none of the forgotten ones with any key that is left.
    keyring = Keyring(vault / "journal", keyring_keys([KEY]))
    opened = set()
    for seq, sealed in rows:
        for key_id in keyring.ids():
            try:
                opened.add(unseal(keyring.by_id(key_id).cipher, seq, sealed).raw)
            except NeedsPerson:
                continue
    keyring.close()
    assert opened
    assert not any(_CANARY.encode() in raw or b'"source":"gone"' in raw for raw in opened)
    assert len(kept) == 393


def test_records_of_an_earlier_hearthside_are_forgotten_as_well(tmp_path: Path) -> None:
    events = [note(n, words=_CANARY if n == 4 else "other") for n in range(10)]
    write_format_1(tmp_path / "vault", [(NOW_MS, event) for event in events])
    with journal_in(tmp_path / "vault") as journal:
        assert journal.forget([old_id(events[4])]) == 1
        assert _numbers(journal) == [n for n in range(10) if n != 4]
        assert journal.verify().faults == []
    after = everything_readable(tmp_path / "vault", tmp_path / "after")
    assert _CANARY.encode() not in after
    assert old_id(events[4]) not in after


def test_twenty_thousand_records_of_one_source(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        records = [note(n, source="gone", day=n // 100) for n in range(20_000)]
        journal.append(records)
        journal.append([note(n, day=n) for n in range(100)])
        assert journal.forget(record.id for record in records) == 20_000
        assert journal.sources()[0][:2] == ("test", 100)
        assert len(journal.keyring.ids()) == 100
        assert len(journal.changed_rows(2026, 0)) == 20_000
        assert journal.verify().forgotten == 20_000


def test_others_append_with_keys_in_memory_while_days_are_forgotten(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal, journal_in(tmp_path) as other:
        kept, failed = list[int](), list[BaseException]()

        def append(to: Journal, first: int) -> None:
            try:
                for n in range(first, first + 150):
                    to.append([note(n, day=n % 4)])
                    kept.append(n)
            except BaseException as error:  # noqa: BLE001 - shown below
                failed.append(error)

        journal.append([note(n, day=n % 4) for n in range(60)])
        threads = [threading.Thread(target=append, args=(to, 1000 * place)) for place, to in ((1, journal), (2, other))]
        for thread in threads:
            thread.start()
        for n in range(60):
            assert journal.forget([note(n, day=n % 4).id]) == 1
        for thread in threads:
            thread.join()
        assert failed == []
        assert _numbers(journal) == _numbers(other) == sorted(kept)
        assert journal.verify().faults == []
        assert len(journal.keyring.ids()) == 4


def test_cut_short_anywhere_no_key_is_left_that_opens_what_was_emptied(tmp_path: Path) -> None:
    clock, whole = Clock(), tmp_path / "whole"
    with journal_in(whole, clock) as journal:
        for year in range(2):
            journal.append([note(100 * year + n, day=n % 2) for n in range(10)])
            clock.now_ms += YEAR_MS
    with journal_in(whole, clock) as journal:
        rows = {row.seq: (row.key_id, row.sealed) for year in (2026, 2027) for row in journal.sealed_rows(year, 0, 99)}
    wanted = [note(n, day=n % 2).id for n in (2, 5, 102, 105)]

    def child() -> None:
        with journal_in(tmp_path / "vault", clock) as journal:
            journal.forget(wanted)

    for step in count():
        shutil.copytree(whole, tmp_path / "vault")
        died = cut_off(child, step)
        with journal_in(tmp_path / "vault", clock) as journal:
            assert journal.verify().faults == []
            assert journal.keyring.doomed() == []
            left = _numbers(journal)
            assert set(range(10)) - {2, 5} <= set(left)
            there = journal.keyring.ids()
            emptied = {2, 5, 102, 105} - set(left)
            for n in emptied:  # nothing that was emptied opens with what a backup holds and the keyring of now
                key_id, _ = rows[n + 1 if n < 100 else n - 100 + 11]
                assert key_id not in there
            journal.forget(wanted)
            assert _numbers(journal) == [n for n in (*range(10), *range(100, 110)) if n % 100 not in (2, 5)]
            assert journal.append([note(900)]) == [True]
            assert journal.verify().faults == []
        shutil.rmtree(tmp_path / "vault")
        if not died:
            assert emptied == {2, 5, 102, 105}
            break
    assert step > 5


def test_what_cannot_be_finished_does_not_keep_the_journal_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(n) for n in range(5)])
        journal.keyring.doom(journal.keyring.ids())

    def full(self: Keyring, ids: object) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(Keyring, "destroy", full)
    with journal_in(tmp_path) as journal:
        assert _numbers(journal) == list(range(5))
        assert journal.append([note(7)]) == [True]
        with pytest.raises(RetryLater) as error:
            journal.forget([note(7).id])
        assert error.value.code == "journal-change-unfinished"
    monkeypatch.undo()
    with journal_in(tmp_path) as journal:
        assert journal.keyring.doomed() == []
        assert journal.verify().faults == []
        journal.forget([note(7).id])
        assert _numbers(journal) == list(range(5))


def test_forgetting_waits_for_nobody_in_an_empty_journal(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        assert journal.forget([b"unknown", note(1).id]) == 0
        journal.append([note(1)])
        assert journal.forget([]) == 0
        assert files.current(tmp_path / "journal", files.KEYRING) is not None


def test_a_copy_of_what_changed_tells_a_backup_everything(tmp_path: Path) -> None:
    over_years(tmp_path)
    with journal_in(tmp_path, Clock(NOW_MS + 3 * YEAR_MS)) as journal:
        marks = {year: journal.changed_upto(year) for year, _, _ in journal.years()}
        row = journal.sealed_rows(2027, 40, 5)[2]
        key_id = row.key_id
        known = next(item for item in journal.since(row.seq - 1))
        assert journal.forget([known.id]) == 1
        changed = {row.seq: row for year in marks for row in journal.changed_rows(year, marks[year])}
        assert changed[known.seq].sealed is None
        assert all(row.key_id != key_id for row in changed.values())
        assert {row.seq for row in changed.values()} >= {known.seq}


def test_one_who_cannot_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(n) for n in range(5)])

        def damaged(*args: object) -> None:
            raise apsw.CorruptError("malformed")

        monkeypatch.setattr("hearthside.journal.shredding._shred", damaged)
        with pytest.raises(HearthsideError) as error:
            journal.forget([note(1).id])
        assert error.value.code == "journal-damaged"
