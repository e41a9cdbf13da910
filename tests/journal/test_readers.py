"""Connections for reading are lent, kept and closed."""

from __future__ import annotations

import threading
from contextlib import ExitStack
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
        with readers.lent():
            pass
    assert len(made) == 1


def test_few_of_many_are_kept(readers: Readers, made: list[apsw.Connection]) -> None:
    with ExitStack() as lent:
        taken = [lent.enter_context(readers.lent()) for _ in range(10)]
        assert len({id(connection) for connection in taken}) == 10
    assert [_is_closed(connection) for connection in made].count(False) == 4
    readers.close()
    assert all(_is_closed(connection) for connection in made)
    with readers.lent():  # a closed journal may still be read
        pass
    assert not _is_closed(made[-1])
    with readers.lent():
        readers.close(for_good=True)
    assert all(_is_closed(connection) for connection in made)


@pytest.mark.parametrize(
    ("error", "kept"), [(apsw.IOError, False), (apsw.CorruptError, False), (apsw.BusyError, True), (ValueError, True)]
)
def test_one_that_the_disk_unsettled_is_not_used_again(
    readers: Readers, made: list[apsw.Connection], error: type[Exception], kept: bool
) -> None:
    with pytest.raises(error), readers.lent():
        raise error("on purpose")
    assert _is_closed(made[0]) is not kept
    with readers.lent() as connection:
        assert (connection is made[0]) is kept


def test_threads_never_share_one(readers: Readers) -> None:
    in_use, twice = set[int](), list[int]()

    def use() -> None:
        for _ in range(300):
            with readers.lent() as connection:
                if id(connection) in in_use:
                    twice.append(id(connection))
                in_use.add(id(connection))
                connection.execute("SELECT 1").fetchall()
                in_use.discard(id(connection))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert twice == []
    readers.close()


@pytest.mark.parametrize(("failures", "opened"), [(1, True), (2, True), (3, False)])
def test_an_opening_that_fails_is_tried_again_before_it_is_believed(
    failures: int, opened: bool, tmp_path: Path
) -> None:
    left = [failures]

    def make() -> apsw.Connection:
        if left[0]:
            left[0] -= 1
            raise apsw.IOError("disk I/O error")
        return apsw.Connection(str(tmp_path / "a.db"))

    readers = Readers(make)
    if opened:
        with readers.lent() as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
    else:
        with pytest.raises(apsw.IOError), readers.lent():
            pass
    readers.close()
