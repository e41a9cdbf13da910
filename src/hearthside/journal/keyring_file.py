"""The file of the keyring: its tables, each key in two of them, and what can be read of a damaged one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw

from hearthside.events import Json
from hearthside.journal import files

_SCHEMA = """
CREATE TABLE IF NOT EXISTS key (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, day INTEGER NOT NULL, key BLOB NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS key_by_day ON key (source, day);
CREATE TABLE IF NOT EXISTS spare (id INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS media (address BLOB PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spare_media (address BLOB PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


def salvage(connection: apsw.Connection) -> tuple[list[list[object]], list[list[object]], bool]:
    """All keys that either copy has, and whether every page of both could be read."""
    whole = True

    def readable(sql: str) -> Iterator[Json]:
        nonlocal whole
        try:
            yield from connection.execute(sql)
        except apsw.Error:
            whole = False

    rows: dict[int, list[object]] = {}
    for sql in ("SELECT id, source, day, hex(key), closed FROM key", "SELECT id, '', 0, hex(key), 1 FROM spare"):
        for row in readable(sql):
            rows.setdefault(int(row[0]), list(row))
    media: dict[str, list[object]] = {}
    for table in ("media", "spare_media"):
        for row in readable(f"SELECT hex(address), hex(key) FROM {table}"):
            media.setdefault(str(row[0]), list(row))
    return list(rows.values()), list(media.values()), whole


def highest(rows: list[list[object]]) -> int:
    """The number to go on from; a little above, because an id is never given twice and the highest may be lost."""
    return max((int(str(row[0])) for row in rows), default=0) + 10_000


def new_database(path: Path, key: bytes, vfs: str | None) -> apsw.Connection:
    """A connection to an empty keyring that is still being written; see `files.unfinished`."""
    new = files.unfinished(path)
    if new.exists():
        files.remove_database(new)
    connection = files.open_with_any(new, [key], vfs, create=True)
    connection.execute(_SCHEMA)
    connection.execute("INSERT INTO meta VALUES ('salt', ?)", (files.salt_of(connection),))
    return connection


def wrong_in_rows(connection: apsw.Connection) -> list[str]:
    """Keys and their second copies lie on different pages, so an old page of either, put back, shows here."""
    found = []
    for table, spare, column in (("key", "spare", "id"), ("media", "spare_media", "address")):
        sql = f"SELECT count(*) FROM {table} FULL JOIN {spare} USING ({column}) WHERE {spare}.key IS NOT {table}.key"
        if unlike := int(connection.execute(sql).get):
            found.append(f"{unlike:,} {'keys' if table == 'key' else 'keys of media'} differ from their second copy")
    highest = int(connection.execute("SELECT coalesce(max(id), 0) FROM key").get)
    if highest > sequence(connection):
        found.append("the number of the last key is an earlier one")
    return found


def insert_keys(connection: apsw.Connection, rows: Sequence[Sequence[object]]) -> None:
    """Put keys in, each twice: [id, source, day, key in hex, closed]."""
    connection.executemany(
        "INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?)",
        [(key_id, source, day, bytes.fromhex(str(key)), closed) for key_id, source, day, key, closed in rows],
    )
    spare = [(row[0], bytes.fromhex(str(row[3]))) for row in rows]
    connection.executemany("INSERT OR REPLACE INTO spare VALUES (?, ?)", spare)


def insert_media(connection: apsw.Connection, rows: Sequence[Sequence[object]]) -> None:
    """Put keys of media in, each twice: [address, key], in hex."""
    pairs = [(bytes.fromhex(str(address)), bytes.fromhex(str(key))) for address, key in rows]
    for table in ("media", "spare_media"):
        connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", pairs)


def sequence(connection: apsw.Connection) -> int:
    """The highest id ever given."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'key'").fetchone()
    return int(row[0]) if row else 0


def set_sequence(connection: apsw.Connection, last: int) -> None:
    """Say which id was the last that was given."""
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'key'")
    connection.execute("INSERT INTO sqlite_sequence VALUES ('key', ?)", (last,))
