"""The write-ahead log of the life stream is emptied beside the work, and does not grow for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from hearthside.alignment import checkpoints
from hearthside.alignment.checkpoints import Checkpoints
from hearthside.identity.database import open_database

KEY = b"\2" * 32


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[apsw.Connection]:
    monkeypatch.setattr(checkpoints, "PAGES", 8)
    path = tmp_path / "x.db"
    connection = open_database(path, KEY)
    connection.pragma("synchronous", "normal")
    Checkpoints(lambda: open_database(path, KEY, create=False)).watch(connection)
    connection.execute("CREATE TABLE word (body BLOB)")
    yield connection
    connection.close()


def _write(connection: apsw.Connection, times: int) -> None:
    for n in range(times):
        connection.execute("INSERT INTO word VALUES (randomblob(9000))")
        for thread in threading.enumerate():
            if n % 4 == 3 and thread.name == "life-stream-checkpoint":
                thread.join()


def test_the_log_is_emptied_by_a_thread(watched: apsw.Connection) -> None:
    _write(watched, 100)
    log = Path(watched.filename + "-wal").stat().st_size
    assert log < 60 * 4096, "a hundred rows are three hundred pages"
    assert watched.execute("SELECT count(*) FROM word").fetchone() == (100,)


def test_what_a_reader_holds_back_is_emptied_by_a_commit(
    watched: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "MOST_PAGES", 40)
    _write(watched, 5)
    reader = open_database(Path(watched.filename), KEY)
    reader.execute("BEGIN")
    held = reader.execute("SELECT count(*) FROM word").fetchone()
    _write(watched, 40)
    grown = Path(watched.filename + "-wal").stat().st_size
    assert reader.execute("SELECT count(*) FROM word").fetchone() == held, "it goes on reading what it read"
    reader.execute("COMMIT")
    reader.close()
    _write(watched, 40)
    assert Path(watched.filename + "-wal").stat().st_size < grown + 40 * 4096, "forty rows are 120 pages"


def test_a_thread_that_cannot_open_the_database_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PAGES", 1)
    connection = open_database(tmp_path / "x.db", KEY)
    tried = threading.Event()

    def make() -> apsw.Connection:
        tried.set()
        raise apsw.CantOpenError("gone")

    Checkpoints(make).watch(connection)
    connection.execute("CREATE TABLE word (body TEXT)")
    assert tried.wait(10)
    connection.execute("INSERT INTO word VALUES ('still')")
    connection.close()


def test_no_commit_fails_because_the_thread_is_at_it(watched: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MOST_PAGES", 10)
    for _ in range(800):
        watched.execute("INSERT INTO word VALUES (randomblob(9000))")
    assert watched.execute("SELECT count(*) FROM word").fetchone() == (800,)


def test_when_it_is_ended_no_thread_runs_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PAGES", 1)
    path = tmp_path / "x.db"
    connection = open_database(path, KEY)
    emptying = Checkpoints(lambda: open_database(path, KEY, create=False))
    emptying.watch(connection)
    connection.execute("CREATE TABLE word (body BLOB)")
    emptying.end()
    connection.execute("INSERT INTO word VALUES (randomblob(9000))")
    assert not [thread for thread in threading.enumerate() if thread.name == "life-stream-checkpoint"]
    connection.close()
