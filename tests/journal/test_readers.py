"""Connections for reading are lent, kept and closed."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw
import pytest

from hearthside.journal.readers import Readers


def _is_closed(connection: apsw.Connection) -> bool:
    try:
        connection.execute("SELECT 1").fetchall()
    except apsw.ConnectionClosedError:
        return True
    return False


@pytest.fixture
def made() -> list[apsw.Connection]:
    return []


@pytest.fixture
def readers(made: list[apsw.Connection], tmp_path: Path) -> Readers:
    def make() -> apsw.Connection:
        made.append(apsw.Connection(str(tmp_path / "a.db")))
        return made[-1]

    return Readers(make)


def test_one_after_the_other_shares_one(readers: Readers, made: list[apsw.Connection]) -> None:
    for _ in range(10):
        readers.give_back(readers.take())
    assert len(made) == 1


def test_few_of_many_are_kept(readers: Readers, made: list[apsw.Connection]) -> None:
    taken = [readers.take() for _ in range(10)]
    assert len({id(connection) for connection in taken}) == 10
    for connection in taken:
        readers.give_back(connection)
    assert [_is_closed(connection) for connection in made].count(False) == 4
    readers.close()
    assert all(_is_closed(connection) for connection in made)
    readers.give_back(readers.take())  # a closed journal may still be read
    assert not _is_closed(made[-1])
    lent = readers.take()
    readers.close(for_good=True)
    readers.give_back(lent)
    assert all(_is_closed(connection) for connection in made)


def test_threads_never_share_one(readers: Readers) -> None:
    in_use, twice = set[int](), list[int]()

    def use() -> None:
        for _ in range(300):
            connection = readers.take()
            if id(connection) in in_use:
                twice.append(id(connection))
            in_use.add(id(connection))
            connection.execute("SELECT 1").fetchall()
            in_use.discard(id(connection))
            readers.give_back(connection)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert twice == []
    readers.close()
