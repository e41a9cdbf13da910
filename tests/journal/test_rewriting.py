"""Rewriting files while everything goes on: rotation and compaction lose nothing, and cut short anywhere they go on."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import apsw
import pytest

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.journal import Journal, files
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.rewriting import rewrite
from hearthside.journal.year_file import YearFile, genesis
from tests.journal.cutting import cut_off
from tests.journal.vaults import KEY, YEAR_MS, Clock, journal_in, note, over_years, starts

NEW_KEY = b"\2" * 32


def test_rotation_loses_nothing_while_four_threads_append_and_read(tmp_path: Path) -> None:
    kept, failed, stop = set[int](), list[BaseException](), threading.Event()
    with journal_in(tmp_path) as journal:
        journal.append([note(n, day=n % 9) for n in range(-1000, 0)])

        def work(first: int) -> None:
            try:
                for n in count(first, 4):
                    if stop.is_set():
                        return
                    assert journal.append([note(n, day=n % 9)]) == [True]
                    kept.add(n)
                    assert set(journal.get([note(n, day=n % 9).id, note(-5, day=4).id]))
                    assert len(list(journal.read(limit=20))) == 20
                    assert journal.append([note(n, day=n % 9)]) == [False]
                    if n % 40 < 4:
                        assert [item.seq for item in journal.since(900, limit=100)] == list(range(901, 1001))
                        assert journal.sources()[0][1] >= 1000
            except BaseException as error:  # noqa: BLE001 - shown below
                failed.append(error)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for number in range(3):
            journal.rotate(bytes([number + 2]) * 32)
            journal.compact()
        stop.set()
        for thread in threads:
            thread.join()
        assert failed == []
        assert set(starts(journal)) == kept | set(range(-1000, 0))
        assert journal.verify().faults == []
        last = bytes([4]) * 32
    with journal_in(tmp_path, key=last) as journal:
        assert set(starts(journal)) == kept | set(range(-1000, 0))
    for path in (tmp_path / "journal").glob("*.db"):
        for key in (KEY, NEW_KEY, b"\3" * 32):
            for derived in (*year_keys([key]), *keyring_keys([key])):
                with pytest.raises(NeedsPerson):
                    files.open_with_any(path, [derived], None)


def test_the_chain_ids_and_counts_stay(tmp_path: Path) -> None:
    over_years(tmp_path)
    with journal_in(tmp_path) as journal:
        before = (journal.head(), list(journal.since(0)), journal.sources(), journal.years())
        changed = [journal.changed_rows(year, 0) for year, _, _ in journal.years()]
        assert any(changed)
        told: list[tuple[int, int]] = []
        journal.rotate(NEW_KEY, lambda done, total: told.append((done, total)))
        assert (journal.head(), list(journal.since(0)), journal.sources(), journal.years()) == before
        assert [journal.changed_rows(year, 0) for year, _, _ in journal.years()] == changed
        assert told == [(40, 40), (80, 80), (120, 120)]
        assert journal.append([note(1, "ab"[1], day=1, year=0)]) == [False]
    assert [path.name for path in sorted((tmp_path / "journal").glob("*.db"))] == [
        "2026-01.db", "2027-01.db", "2028-01.db", "keyring-01.db",
    ]  # fmt: skip


def test_after_a_rotation_nothing_new_lies_under_what_the_old_key_opened(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(1)])
        known = journal.keyring.ids()
        journal.rotate(NEW_KEY)
        journal.append([note(2)])
        assert journal.sealed_rows(2026, 1, 1)[0].key_id not in known


def test_another_process_follows_a_rewriting(tmp_path: Path) -> None:
    """Two journals of one vault do not know of each other, as two processes do not."""
    with journal_in(tmp_path) as one, journal_in(tmp_path) as other:
        one.append([note(1)])
        assert other.append([note(2)]) == [True]
        reading = one.since(0)
        assert next(reading).seq == 1
        other.compact()
        assert [item.seq for item in reading] == [2]  # what was begun is read to its end
        assert one.append([note(3)]) == [True]
        other.compact()
        assert one.get([note(3).id])
        assert starts(one) == starts(other) == [1, 2, 3]
        other.forget([note(1).id])
        assert one.append([note(4)]) == [True]
        assert starts(one) == starts(other) == [2, 3, 4]
        assert one.verify().faults == other.verify().faults == []


@pytest.mark.parametrize("work", [lambda journal: journal.rotate(NEW_KEY), lambda journal: journal.compact()])
def test_cut_short_anywhere_it_goes_on(work: Callable[[Journal], None], tmp_path: Path) -> None:
    over_years(tmp_path / "whole", years=2)
    with journal_in(tmp_path / "whole") as journal:
        head, content = journal.head(), list(journal.since(0))

    def child() -> None:
        with journal_in(tmp_path / "vault") as journal:
            work(journal)

    for step in count(0, 3):
        shutil.copytree(tmp_path / "whole", tmp_path / "vault")
        died = cut_off(child, step)
        with journal_in(tmp_path / "vault", key=NEW_KEY, former_keys=[KEY]) as journal:
            assert (journal.head(), list(journal.since(0))) == (head, content)
            assert journal.append([note(500)]) == [True]
            assert journal.verify().faults == []
            journal.rotate(NEW_KEY)
        with journal_in(tmp_path / "vault", key=NEW_KEY) as journal:
            assert journal.head().seq == head.seq + 1
            assert journal.verify().faults == []
        shutil.rmtree(tmp_path / "vault")
        if not died:
            break
    assert step > 10


def test_a_writer_that_waited_for_one_who_was_killed_does_not_write_into_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between giving the new file its name and letting go of the old one, whose lock then falls to a waiter."""

    class Killed(BaseException):
        pass

    with journal_in(tmp_path) as one, journal_in(tmp_path) as other:
        one.append([note(1)])
        other.append([note(2)])
        put_in_force = files.put_in_force
        waiter = threading.Thread(target=lambda: one.append([note(3)]))

        def killed_after(path: Path) -> None:
            waiter.start()
            time.sleep(0.3)  # until the waiter has come to the lock; if it has not, the test proves less, not more
            put_in_force(path)
            raise Killed

        monkeypatch.setattr(files, "put_in_force", killed_after)
        with pytest.raises(Killed):
            other.compact()
        monkeypatch.undo()
        waiter.join()
    with journal_in(tmp_path) as journal:
        assert starts(journal) == [1, 2, 3]
        assert journal.verify().faults == []


def test_keys_made_in_a_keyring_that_was_replaced_are_not_lost(tmp_path: Path) -> None:
    with journal_in(tmp_path) as one, journal_in(tmp_path) as other:
        one.append([note(1)])
        other.append([note(2)])
        folder = tmp_path / "journal"
        kept_old = folder / "keyring-00.db"
        shutil.copy(kept_old, tmp_path / "old")
        other.keyring.rewrite(keyring_keys([KEY]))
        shutil.copy(tmp_path / "old", kept_old)  # as if the rewriter was killed before he removed it
        one.append([note(3, day=5)])
        assert one.keyring.ids() == other.keyring.ids()
        assert starts(other) == [1, 2, 3]
    with journal_in(tmp_path) as journal:
        assert starts(journal) == [1, 2, 3]
        assert not kept_old.exists()


def test_a_full_disk_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(n) for n in range(3000)])

        def full(connection: apsw.Connection, rows: object) -> None:
            raise apsw.FullError("database or disk is full")

        monkeypatch.setattr("hearthside.journal.rewriting.insert_rows", full)
        with pytest.raises(RetryLater) as error:
            journal.compact()
        assert error.value.code == "journal-change-unfinished"
        assert list((tmp_path / "journal").glob("*.new*")) == []
        monkeypatch.undo()
        assert journal.append([note(5000)]) == [True]
        journal.compact()
        assert journal.head().seq == 3001
        assert journal.verify().faults == []


def test_a_revision_of_which_part_waits_in_a_log_does_not_come_into_force(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(1)])
    folder = tmp_path / "journal"
    path = files.next_revision(folder, "2026")
    connection = YearFile.begin(path, KEY, genesis(), None)
    with pytest.raises(RetryLater):
        files.put_in_force(path)
    connection.close()
    assert files.year_files(folder) == [folder / "2026-00.db"]


def test_records_that_come_while_a_file_is_copied_are_in_the_new_one(tmp_path: Path) -> None:
    clock = Clock()
    with journal_in(tmp_path, clock) as journal:
        journal.append([note(n) for n in range(5000)])
        file = YearFile(files.year_files(tmp_path / "journal")[0], year_keys([KEY]))
        came: list[int] = []

        def progress(done: int, total: int) -> None:
            journal.append([note(10_000 + done)])
            came.append(done)

        with files.rewriting(tmp_path / "journal"):
            rewrite(tmp_path / "journal", file, year_keys([KEY])[0], None, progress)
        assert came == [2000, 4000, 5000]
        assert journal.head().seq == 5003
        assert len(starts(journal)) == 5003
        clock.now_ms += YEAR_MS
        journal.append([note(20_000)])
        assert journal.verify().faults == []


def test_the_new_year_does_not_wait_for_a_rewriting(tmp_path: Path) -> None:
    clock = Clock()
    with journal_in(tmp_path, clock) as journal:
        journal.append([note(1)])
        clock.now_ms += YEAR_MS
        busy, done = threading.Event(), threading.Event()

        def rewriting() -> None:
            with files.rewriting(tmp_path / "journal"):
                busy.set()
                done.wait()

        thread = threading.Thread(target=rewriting)
        thread.start()
        busy.wait()
        assert journal.append([note(2)]) == [True]
        done.set()
        thread.join()
        assert journal.append([note(3)]) == [True]
        assert journal.years() == [(2026, 1, 2), (2027, 3, 3)]
        assert journal.verify().faults == []
