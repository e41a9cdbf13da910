"""Year files: the turn of the year, several processes, files that come and go, and how many of them are open."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path

import apsw
import pytest

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.journal import Journal, files
from hearthside.journal.keys import year_keys
from hearthside.journal.year_file import Replaced, YearFile
from tests.journal.cutting import cut_off
from tests.journal.vaults import DAY_MS, KEY, NOW_MS, YEAR_MS, Clock, journal_in, note, over_years, starts, year_file

_NEW_YEAR_MS = 1_798_761_600_000  # 2027-01-01

_OVER_NEW_YEAR = """
import sys
from itertools import count
from pathlib import Path
from hearthside.journal import Journal
from tests.journal.vaults import KEY, note

ticks = count()
journal = Journal(Path(sys.argv[1]), KEY, lambda: int(sys.argv[3]) - 40 * 1000 + 1000 * next(ticks))
first = int(sys.argv[2])
for n in range(first, first + 120):
    assert journal.append([note(n, day=n % 5)]) == [True]
    print(n, flush=True)
journal.close()
"""


def test_two_processes_cross_the_new_year_and_write_one_chain(tmp_path: Path) -> None:
    def start(first: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _OVER_NEW_YEAR, str(tmp_path), str(first), str(_NEW_YEAR_MS)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with start(0) as one, start(1000) as other:
        assert one.communicate()[0].split() == [str(n) for n in range(120)]
        assert other.communicate()[0].split() == [str(n) for n in range(1000, 1120)]
        assert (one.returncode, other.returncode) == (0, 0)
    with journal_in(tmp_path) as journal:
        assert sorted(starts(journal)) == [*range(120), *range(1000, 1120)]
        (old, new) = journal.years()
        assert (old[0], old[1], new[0], new[1], new[2]) == (2026, 1, 2027, old[2] + 1, 240)
        assert journal.verify().faults == []


def test_two_processes_make_one_journal_at_the_same_time(tmp_path: Path) -> None:
    for number in range(5):
        folder = tmp_path / str(number)
        command = [sys.executable, "-c", _OVER_NEW_YEAR, str(folder)]
        processes = [
            subprocess.Popen([*command, str(first), str(_NEW_YEAR_MS + DAY_MS)], stdout=subprocess.DEVNULL)
            for first in (0, 1000)
        ]
        assert [process.wait() for process in processes] == [0, 0]
        with journal_in(folder, Clock(_NEW_YEAR_MS)) as journal:
            assert len(starts(journal)) == 240
            assert journal.verify().faults == []


def test_who_waited_while_the_year_was_begun_writes_into_the_new_one(tmp_path: Path) -> None:
    clock = Clock()
    with journal_in(tmp_path, clock) as one, journal_in(tmp_path, clock) as other:
        one.append([note(1)])
        other.append([note(2)])
        clock.now_ms += YEAR_MS
        assert one.append([note(3)]) == [True]
        clock.now_ms -= YEAR_MS  # the other one's clock is behind
        assert other.append([note(4)]) == [True]
        assert other.years() == one.years() == [(2026, 1, 2), (2027, 3, 4)]
        assert one.verify().faults == []


def test_a_year_that_was_begun_and_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    clock = Clock()
    with journal_in(tmp_path / "whole", clock) as journal:
        journal.append([note(n) for n in range(5)])
    clock.now_ms += YEAR_MS

    def child() -> None:
        with journal_in(tmp_path / "vault", clock) as journal:
            journal.append([note(10)])

    for step in count():
        shutil.copytree(tmp_path / "whole", tmp_path / "vault")
        died = cut_off(child, step)
        with journal_in(tmp_path / "vault", clock) as journal:
            journal.append([note(10)])
            journal.append([note(11)])
            assert sorted(starts(journal)) == [*range(5), 10, 11]
            assert journal.years() == [(2026, 1, 5), (2027, 6, 7)]
            assert journal.verify().faults == []
        shutil.rmtree(tmp_path / "vault")
        if not died:
            break
    assert step > 5


def test_a_key_from_before_the_new_year_that_was_destroyed_is_not_used_after_it(tmp_path: Path) -> None:
    """The one who did not write since must hear of the forgetting, although the count of it begins anew."""
    clock = Clock()
    with journal_in(tmp_path, clock) as quiet, journal_in(tmp_path, clock) as other:
        quiet.append([note(1, day=3)])  # and has the key of that day in memory
        other.forget([note(1, day=3).id])
        clock.now_ms += YEAR_MS
        other.append([note(2)])
        assert quiet.append([note(4, day=3)]) == [True]
        assert starts(other) == starts(quiet) == [2, 4]
        assert other.verify().faults == []


def test_a_record_of_an_earlier_year_is_not_taken_again(tmp_path: Path) -> None:
    kept = over_years(tmp_path)
    with journal_in(tmp_path, Clock(NOW_MS + 3 * YEAR_MS)) as journal:
        assert journal.append(kept) == [False] * len(kept)
        assert journal.append([*kept[:30], note(999), *kept[30:60]]) == [False] * 30 + [True] + [False] * 30
        assert set(journal.get([kept[0].id, kept[-1].id, b"?"])) == {kept[0].id, kept[-1].id}
        assert [year for year, _, _ in journal.years()] == [2026, 2027, 2028, 2029]
        assert journal.verify().faults == []


def test_a_record_from_before_1970_and_one_far_ahead_are_found_in_an_earlier_year(tmp_path: Path) -> None:
    clock = Clock()
    records = [note(-NOW_MS - 5), note(2**55), note(-(2**55)), note(-NOW_MS)]
    with journal_in(tmp_path, clock) as journal:
        journal.append(records)
        clock.now_ms += YEAR_MS
        journal.append([note(1)])
        assert journal.append(records) == [False] * 4
        assert len(journal.get(record.id for record in records)) == 4


def test_a_clock_that_was_set_back_does_not_lead_back_a_year(tmp_path: Path) -> None:
    clock = Clock()
    with journal_in(tmp_path, clock) as journal:
        journal.append([note(1)])
        clock.now_ms -= 3 * YEAR_MS
        journal.append([note(2)])
        assert journal.years() == [(2026, 1, 2)]
    assert clock.now_ms < NOW_MS


def test_when_the_newest_file_is_gone_nothing_is_written_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    over_years(tmp_path, years=2)
    (tmp_path / "journal" / "2027-00.db").unlink()
    for now in (NOW_MS, NOW_MS + YEAR_MS):
        with journal_in(tmp_path, Clock(now)) as journal:
            with pytest.raises(NeedsPerson) as error:
                journal.append([note(1, "new")])
            assert error.value.code == "journal-file-missing"
            assert len(starts(journal)) == 36


@pytest.mark.parametrize("removed", [True, False])
def test_a_file_that_is_removed_while_it_is_opened_counts_as_replaced(
    removed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(1)])
    path = files.year_files(tmp_path / "journal")[0]

    def broken(path: Path, key: bytes, **more: object) -> None:
        if removed:
            files.remove_database(path)
        raise apsw.IOError("disk I/O error")

    monkeypatch.setattr(files, "open_database", broken)
    with pytest.raises(Replaced if removed else RetryLater):
        YearFile(path, year_keys([KEY]))


def test_a_file_that_was_removed_is_not_made_again_by_reading_it(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(1)])
    path = files.year_files(tmp_path / "journal")[0]
    file = YearFile(path, year_keys([KEY]))
    file.close()
    files.remove_database(path)
    with pytest.raises(Replaced):
        file.head()
    with pytest.raises(Replaced), file.writing():
        pass
    with pytest.raises(Replaced):
        YearFile(path, year_keys([KEY]))
    assert not path.exists()


def test_an_empty_or_newer_file_is_refused_in_words(tmp_path: Path) -> None:
    over_years(tmp_path, years=1)
    connection = year_file(tmp_path)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    connection.close()
    with pytest.raises(NeedsPerson) as error:
        Journal(tmp_path, KEY, Clock())
    assert error.value.code == "journal-newer"
    files.year_files(tmp_path / "journal")[0].write_bytes(b"")
    with pytest.raises(NeedsPerson) as error:
        Journal(tmp_path, KEY, Clock())
    assert error.value.code == "journal-damaged"


def test_many_threads_and_years_keep_few_files_open(tmp_path: Path) -> None:
    over_years(tmp_path, years=4)
    with journal_in(tmp_path, Clock(NOW_MS + 4 * YEAR_MS)) as journal:
        together, done, one_by_one = threading.Barrier(21), threading.Barrier(21), threading.Lock()

        def read() -> None:
            with one_by_one:
                assert len(starts(journal)) == 144
                journal.get([note(1).id])
            together.wait()
            done.wait()

        threads = [threading.Thread(target=read) for _ in range(20)]
        for thread in threads:
            thread.start()
        together.wait()
        open_files = _open_in(tmp_path)
        done.wait()
        for thread in threads:
            thread.join()
        assert len(open_files) < 40
    assert _open_in(tmp_path) == []
    assert list((tmp_path / "journal").glob("*-wal")) == []


def _open_in(folder: Path) -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [name for name in found if name.startswith(str(folder))]


def test_reading_while_forgetting_gives_the_rest_and_no_error(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(n, day=n // 10) for n in range(100)])
    with journal_in(tmp_path) as journal, journal_in(tmp_path) as other:
        by_time, by_arrival, elsewhere = journal.read(), journal.since(0), other.since(0)
        assert next(by_time).seq == next(by_arrival).seq == next(elsewhere).seq == 1
        journal.forget(note(n, day=n // 10).id for n in range(5, 100, 10))
        left = [n for n in range(1, 100) if n % 10 != 5]
        assert [item.seq - 1 for item in by_time] == left
        assert [item.seq - 1 for item in by_arrival] == left
        # Another process may have keys in memory still, and so finish a reading that it began before.
        assert set(left) <= {item.seq - 1 for item in elsewhere}
        rows = other.opened_rows(2026, 0, 100)
        assert sum(inside is None for _, inside in rows) == 10


def test_an_error_of_the_disk_is_said_and_the_writer_lives_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journal_in(tmp_path) as journal:
        journal.append([note(1)])
        for failure, kind in (
            (apsw.FullError("full"), RetryLater), (apsw.IOError("no"), RetryLater), (OSError(5, "no"), RetryLater),
            (apsw.CorruptError("bad"), NeedsPerson),
        ):  # fmt: skip

            def fail(*args: object, failure: Exception = failure) -> None:
                raise failure

            monkeypatch.setattr("hearthside.journal.journal.Batch.insert", fail)
            with pytest.raises(HearthsideError) as error:
                journal.append([note(2)])
            assert isinstance(error.value, kind)
            monkeypatch.undo()
        assert journal.append([note(2)]) == [True]
        assert journal.verify().faults == []


def test_a_disk_that_is_full_at_new_year_leaves_the_old_year_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    with journal_in(tmp_path, clock) as journal:
        journal.append([note(1)])
        clock.now_ms += YEAR_MS

        def full(connection: apsw.Connection) -> None:
            connection.close()
            raise apsw.FullError("database or disk is full")

        monkeypatch.setattr(files, "close_finished", full)
        with pytest.raises(RetryLater):
            journal.append([note(2)])
        monkeypatch.undo()
        assert list((tmp_path / "journal").glob("*.new*")) == []
        assert starts(journal) == [1]
        assert journal.append([note(2)]) == [True]
        assert journal.verify().faults == []
