"""From the first Hearthside's one file to year files: the same chain and ids, nothing twice, cut short anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import apsw
import pytest

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.events import Event
from hearthside.identity.database import open_database
from hearthside.journal import Journal
from hearthside.journal.migrations import bring_up_to_date
from hearthside.journal.restoring import Restoring
from tests.journal.cutting import cut_off
from tests.journal.format_1 import old_id, write_format_1
from tests.journal.vaults import KEY, NOW_MS, YEAR_MS, Clock, journal_in, note, starts

_FORGOTTEN = (3, 7, 25)


def _arrivals() -> list[tuple[int, Event]]:
    """Three years; in the second the clock was set back once, and the third comes late."""
    records = [note(n, "ab"[n % 2], day=n % 6) for n in range(30)]
    years = [0] * 10 + [1] * 5 + [0] * 3 + [1] * 4 + [2] * 8
    return [(NOW_MS + year * YEAR_MS, record) for year, record in zip(years, records, strict=True)]


def _kept() -> list[Event]:
    return [record for seq, (_, record) in enumerate(_arrivals(), start=1) if seq not in _FORGOTTEN]


@contextmanager
def _opened(folder: Path) -> Iterator[Journal]:
    with journal_in(folder, Clock(NOW_MS + 2 * YEAR_MS)) as journal:
        yield journal


def _check(journal: Journal, chain: bytes) -> None:
    assert (journal.head().seq, journal.head().chain) == (30, chain)
    assert [item.record for item in journal.since(0)] == _kept()
    assert [item.id for item in journal.since(0)] == [old_id(event) for event in _kept()]
    assert [item.received_ms for item in journal.since(28)] == [NOW_MS + 2 * YEAR_MS] * 2
    assert journal.years() == [(2026, 1, 10), (2027, 11, 22), (2028, 23, 30)]
    report = journal.verify()
    assert (report.faults, report.forgotten) == ([], 3)
    assert [source[:2] for source in journal.sources()] == [("a", 12), ("b", 15)]


def test_it_is_the_same_journal_in_year_files(tmp_path: Path) -> None:
    chain = write_format_1(tmp_path, _arrivals(), _FORGOTTEN)
    with _opened(tmp_path) as journal:
        _check(journal, chain)
        assert journal.get([old_id(_kept()[0])])
        assert [item.record for item in journal.read(newest_first=True, limit=1)] == [note(29, "b", day=5)]
        assert journal.append(_kept()) == [False] * 27  # an import that is done again adds nothing
        assert journal.append([note(100), note(2, "a", day=2)]) == [True, True]  # what was forgotten may be told again
        assert journal.append([note(100)]) == [False]
        assert journal.head().seq == 32
        assert journal.verify().faults == []
    assert not (tmp_path / "journal.db").exists()
    assert sorted(path.name for path in (tmp_path / "journal").iterdir()) == [
        "2026-00.db", "2027-00.db", "2028-00.db", "keyring-00.db", "lock",
    ]  # fmt: skip


def test_cut_short_anywhere_it_is_done_again(tmp_path: Path) -> None:
    chain = write_format_1(tmp_path / "whole", _arrivals(), _FORGOTTEN)
    for step in count(0, 2):
        shutil.copytree(tmp_path / "whole", tmp_path / "vault")

        def child() -> None:
            with _opened(tmp_path / "vault"):
                pass

        died = cut_off(child, step)
        with _opened(tmp_path / "vault") as journal:
            _check(journal, chain)
            assert journal.append(_kept()) == [False] * 27
        assert not (tmp_path / "vault" / "journal.db").exists()
        assert not (tmp_path / "vault" / "journal" / "migrating").exists()
        shutil.rmtree(tmp_path / "vault")
        if not died:
            break
    assert step > 20


def test_a_wrong_key_or_a_damaged_file_changes_nothing(tmp_path: Path) -> None:
    write_format_1(tmp_path, _arrivals())
    before = (tmp_path / "journal.db").read_bytes()
    with pytest.raises(NeedsPerson) as error:
        Journal(tmp_path, b"\2" * 32, Clock())
    assert error.value.code == "database-key-wrong"
    assert (tmp_path / "journal.db").read_bytes() == before
    connection = open_database(tmp_path / "journal.db", KEY)
    page = int(connection.execute("SELECT max(pageno) FROM dbstat WHERE name = 'record'").get)
    connection.close()
    damaged = bytearray(before)
    damaged[page * 4096 - 2000] ^= 1
    (tmp_path / "journal.db").write_bytes(damaged)
    with pytest.raises(NeedsPerson) as error:
        Journal(tmp_path, KEY, Clock())
    assert error.value.code == "journal-damaged"
    (tmp_path / "journal.db").write_bytes(before)  # the person puts a copy back
    with _opened(tmp_path) as journal:
        assert journal.head().seq == 30
        assert journal.verify().faults == []


def test_a_full_disk_leaves_the_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = write_format_1(tmp_path, _arrivals(), _FORGOTTEN)

    def full(*args: object) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr("hearthside.journal.migrations.one_file_to_year_files.insert_rows", full)
    with pytest.raises(RetryLater) as error:
        Journal(tmp_path, KEY, Clock())
    assert error.value.code == "journal-migration-unfinished"
    assert list((tmp_path / "journal").glob("*.new*")) == []
    monkeypatch.undo()
    with _opened(tmp_path) as journal:
        _check(journal, chain)


def test_an_old_file_beside_a_journal_is_not_taken_for_it(tmp_path: Path) -> None:
    write_format_1(tmp_path / "old", _arrivals())
    with journal_in(tmp_path / "vault") as journal:
        journal.append([note(1)])
    shutil.copy(tmp_path / "old" / "journal.db", tmp_path / "vault" / "journal.db")
    with pytest.raises(NeedsPerson) as error:
        Journal(tmp_path / "vault", KEY, Clock())
    assert error.value.code == "journal-two-formats"
    (tmp_path / "vault" / "journal.db").unlink()
    with journal_in(tmp_path / "vault") as journal:
        assert starts(journal) == [1]


def test_an_earlier_hearthside_that_still_runs_is_told_to_stop(tmp_path: Path) -> None:
    write_format_1(tmp_path, _arrivals())
    running = open_database(tmp_path / "journal.db", KEY)
    row = list(running.execute("SELECT * FROM record WHERE seq = 30").fetchall()[0])
    with _opened(tmp_path) as journal:
        assert journal.head().seq == 30
        row[0], row[1] = 31, b"new"
        with closing(running), pytest.raises(apsw.ConstraintError, match="brought up to date"):
            running.execute(f"INSERT INTO record VALUES ({','.join('?' * 13)})", row)


def test_an_empty_one_becomes_an_empty_journal(tmp_path: Path) -> None:
    open_database(tmp_path / "journal.db", KEY).close()
    (tmp_path / "journal").mkdir()
    assert bring_up_to_date(tmp_path, [KEY]) == ["one_file_to_year_files"]
    assert bring_up_to_date(tmp_path, [KEY]) == []
    with _opened(tmp_path) as journal:
        assert journal.head().seq == 0
        assert journal.append([note(1)]) == [True]


def test_a_copy_of_a_migrated_journal_keeps_the_old_ids(tmp_path: Path) -> None:
    chain = write_format_1(tmp_path / "vault", _arrivals(), _FORGOTTEN)
    with _opened(tmp_path / "vault") as journal:
        journal.append([note(100)])
        head, content, snapshot = journal.head(), list(journal.since(0)), journal.keyring.snapshot()
        sealed = {year: journal.sealed_rows(year, 0, 99) for year, _, _ in journal.years()}
        opened = {
            year: [(row.seq, row.commitment, inside) for row, inside in journal.opened_rows(year, 0, 99)]
            for year in sealed
        }
        assert journal.chain_at(30) == chain
    by_seal = Restoring(tmp_path / "by_seal", KEY, snapshot)
    by_content = Restoring(tmp_path / "by_content", KEY)
    for year in sealed:
        by_seal.add_sealed(year, sealed[year])
        by_content.add_opened(year, opened[year])
    by_seal.finish(head.chain)
    by_content.finish(head.chain)
    for name in ("by_seal", "by_content"):
        with _opened(tmp_path / name) as journal:
            assert (journal.head(), list(journal.since(0))) == (head, content)
            assert journal.verify().faults == []
            assert journal.append([*_kept(), note(100)]) == [False] * 28
