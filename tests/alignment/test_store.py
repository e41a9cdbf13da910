"""Chunks kept in memory: never another than what is in the database, whatever became of a transaction."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from hearthside.alignment.aligning import StreamName
from hearthside.alignment.chunk import Chunk, make_chunk, nothing_carried
from hearthside.alignment.kinds import rule_of
from hearthside.alignment.store import SCHEMA, Store, writing
from tests.alignment.episodes.windows import DAY, Said, at, columns_of

NAME = StreamName("behavioural", "test", "app_use")


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    opened = apsw.Connection(":memory:")
    opened.execute(SCHEMA)
    yield opened
    opened.close()


def chunk_of(*words: str) -> Chunk:
    """A chunk with an event for each word."""
    said = [Said("app_use", at(0, hour), at(0, hour, 9), word) for hour, word in enumerate(words)]
    return make_chunk(DAY, columns_of(said), nothing_carried(), rule_of("app_use"))


def test_what_was_taken_back_is_not_read_again(connection: apsw.Connection) -> None:
    store = Store()
    number = store.number_of(connection, NAME)
    with pytest.raises(KeyboardInterrupt), writing(connection):
        store.write(connection, number, chunk_of("one"))
        assert store.events(connection, number, DAY).text == ["one"]
        raise KeyboardInterrupt
    assert store.chunk(connection, number, DAY) is None
    other = Store()  # another process, which gives the same version to something else
    with writing(connection):
        other.write(connection, number, chunk_of("two", "three"))
    assert other.events(connection, number, DAY).text == ["two", "three"]
    fresh = Store()
    assert fresh.events(connection, number, DAY).text == ["two", "three"]
    found = fresh.chunk(connection, number, DAY)
    assert found is not None and found.minutes.count.sum() == chunk_of("two", "three").minutes.count.sum()


def test_of_what_was_just_written_nothing_is_unpacked_anew(connection: apsw.Connection) -> None:
    store, chunk = Store(), chunk_of("one", "two")
    number = store.number_of(connection, NAME)
    with writing(connection):
        assert store.write(connection, number, chunk)
        assert not store.write(connection, number, chunk_of("one", "two"))
    assert store.chunk(connection, number, DAY) is chunk
    assert store.events(connection, number, DAY) is chunk.own
    assert store.carried_into(connection, number, DAY).same(chunk.carried)
    assert not len(store.carried_into(connection, number, DAY + 1).ids)
    with pytest.raises(KeyError):
        store.events(connection, number, DAY + 1)
