"""Encrypted databases: nothing in the clear, and a wrong key touches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.errors import NeedsPerson
from hearthside.identity.database import open_database


def test_nothing_lies_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "private.db"
    connection = open_database(path, b"\1" * 32)
    connection.execute("CREATE TABLE note (text TEXT)")
    connection.execute("INSERT INTO note VALUES ('a very private sentence')")
    files = [file for file in tmp_path.iterdir()]
    assert all(b"private sentence" not in file.read_bytes() for file in files)
    assert b"SQLite format" not in path.read_bytes()
    connection.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(b"private sentence" not in file.read_bytes() for file in tmp_path.iterdir())


def test_settings_of_a_connection(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "a.db", b"\1" * 32)
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2  # FULL
    connection.close()


def test_a_wrong_key_touches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "private.db"
    connection = open_database(path, b"\1" * 32)
    connection.execute("CREATE TABLE note (text TEXT)")
    connection.close()
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()}
    with pytest.raises(NeedsPerson) as error:
        open_database(path, b"\2" * 32)
    assert error.value.code == "database-key-wrong"
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()} == before


def test_a_file_of_another_kind_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(NeedsPerson):
        open_database(path, b"\1" * 32)
    assert path.read_bytes() == b"no database at all" * 1000


def test_who_stops_reading_early_sees_what_is_written_later(tmp_path: Path) -> None:
    """apsw 3.54.0 kept the cursor of a loop that was left while another statement ran: its snapshot stayed for ever."""
    reader, writer = (open_database(tmp_path / "a.db", b"\1" * 32) for _ in range(2))
    writer.execute("CREATE TABLE note (n INTEGER)")
    writer.executemany("INSERT INTO note VALUES (?)", [(n,) for n in range(10)])
    for _ in reader.execute("SELECT n FROM note"):
        reader.execute("SELECT count(*) FROM note").fetchone()
        break
    writer.execute("INSERT INTO note VALUES (10)")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (11,)
    reader.close()
    writer.close()
