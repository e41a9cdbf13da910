"""Making a journal from rows kept elsewhere: the same chain and content, whole or not at all."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson, Refused
from hearthside.journal import Head, Journal, files
from hearthside.journal.restoring import Restoring
from hearthside.journal.sealing import SealedRow
from tests.journal.cutting import cut_off
from tests.journal.vaults import KEY, NOW_MS, YEAR_MS, Clock, journal_in, note, over_years, starts

Rows = dict[int, list[SealedRow]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Head, Rows, bytes]:
    """What a backup of a vault of three years holds."""
    folder = tmp_path_factory.mktemp("years")
    over_years(folder)
    with journal_in(folder) as journal:
        rows = {year: journal.sealed_rows(year, 0, 999) for year, _, _ in journal.years()}
        return journal.head(), rows, journal.keyring.snapshot()


def _restore(folder: Path, head: Head, rows: Rows, snapshot: bytes) -> None:
    restoring = Restoring(folder, KEY, snapshot)
    for year in rows:
        restoring.add_sealed(year, rows[year])
    assert restoring.finish(head.chain) == head


def test_it_is_the_same_journal(kept: tuple[Head, Rows, bytes], tmp_path: Path) -> None:
    head, rows, snapshot = kept
    _restore(tmp_path, head, rows, snapshot)
    with journal_in(tmp_path, Clock(NOW_MS + 3 * YEAR_MS)) as journal:
        assert journal.head() == head
        assert len(starts(journal)) == 108
        assert [source[1] for source in journal.sources()] == [48, 60]
        report = journal.verify()
        assert (report.faults, report.forgotten) == ([], 12)
        assert {year: journal.sealed_rows(year, 0, 999) for year in rows} == rows
        assert not any(file.has_old_ids for file in journal._files.now())  # so that appending does not look for them
        assert journal.append([note(1, "b", day=1, year=0), note(900)]) == [False, True]
        assert journal.verify().faults == []
    with pytest.raises(Refused) as error:
        Restoring(tmp_path, KEY, snapshot)
    assert error.value.code == "restore-not-empty"


def test_what_was_forgotten_since_stays_forgotten(kept: tuple[Head, Rows, bytes], tmp_path: Path) -> None:
    head, rows, snapshot = kept
    _restore(tmp_path / "one", head, rows, snapshot)
    with journal_in(tmp_path / "one") as journal:
        gone = next(iter(journal.since(50, limit=1)))
        journal.forget([gone.id])
        younger = journal.keyring.snapshot()
        now = {year: journal.sealed_rows(year, 0, 999) for year in rows}
    # The rows of before with the keyring of now: the block that was sealed anew does not open either.
    _restore(tmp_path / "two", head, rows, younger)
    with journal_in(tmp_path / "two") as journal:
        assert gone.id not in {item.id for item in journal.since(0)}
        assert journal.verify().faults == []
    _restore(tmp_path / "three", head, now, younger)
    with journal_in(tmp_path / "three") as journal:
        assert len(starts(journal)) == 107


def _without(rows: list[SealedRow]) -> list[SealedRow]:
    return [row for row in rows if row.seq != 50]


def _with_other_commitment(rows: list[SealedRow]) -> list[SealedRow]:
    return [replace(row, commitment=os.urandom(32)) if row.seq == 50 else row for row in rows]


def _with_other_seal(rows: list[SealedRow]) -> list[SealedRow]:
    return [replace(row, sealed=bytes(99)) if row.seq == 50 else row for row in rows]


def _emptied(rows: list[SealedRow]) -> list[SealedRow]:
    changed = {"sealed": None, "key_id": None, "commitment": os.urandom(32)}
    return [replace(row, **changed) if row.seq == 50 else row for row in rows]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_without, "restore-gap"),
        (_with_other_commitment, "restore-altered"),
        (_with_other_seal, "journal-damaged"),
        (_emptied, "restore-chain-differs"),
    ],
)
def test_an_altered_copy_is_not_restored(
    change: Callable[[list[SealedRow]], list[SealedRow]],
    code: str,
    kept: tuple[Head, Rows, bytes],
    tmp_path: Path,
) -> None:
    head, rows, snapshot = kept
    with pytest.raises(NeedsPerson) as error:
        _restore(tmp_path, head, {year: change(rows[year]) for year in rows}, snapshot)
    assert error.value.code == code
    assert files.year_files(tmp_path / "journal") == []
    _restore(tmp_path, head, rows, snapshot)  # with another copy
    with journal_in(tmp_path) as journal:
        assert journal.verify().faults == []


def test_cut_short_anywhere_it_is_done_again(kept: tuple[Head, Rows, bytes], tmp_path: Path) -> None:
    head, rows, snapshot = kept
    vault = tmp_path / "vault"
    for step in count(0, 3):
        died = cut_off(lambda: _restore(vault, head, rows, snapshot), step)
        if died:
            try:
                with journal_in(vault) as journal:  # nothing was in force yet, or all of it was
                    assert journal.head().seq in (0, head.seq)
                    done = journal.head().seq == head.seq
            except NeedsPerson as error:
                assert error.code == "restore-unfinished"
                done = False
            if not done:
                _restore(vault, head, rows, snapshot)
        with journal_in(vault) as journal:
            assert journal.head() == head
            assert journal.verify().faults == []
        shutil.rmtree(vault)
        if not died:
            break
    assert step > 10


def test_nobody_sweeps_what_is_being_restored(kept: tuple[Head, Rows, bytes], tmp_path: Path) -> None:
    head, rows, snapshot = kept
    restoring = Restoring(tmp_path, KEY, snapshot)
    restoring.add_sealed(2026, rows[2026])

    def open_and_close() -> None:
        Journal(tmp_path, KEY, Clock()).close()

    other = threading.Thread(target=open_and_close)  # as another process would
    other.start()
    other.join()
    restoring.add_sealed(2027, rows[2027])
    restoring.add_sealed(2028, rows[2028])
    assert restoring.finish(head.chain) == head
    with journal_in(tmp_path) as journal:
        assert journal.verify().faults == []
