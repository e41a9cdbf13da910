"""Which records a later revision has replaced: same source, kind and natural key, arrived later."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import apsw

from hearthside.journal import Journal, Stored

SCHEMA = """
CREATE TABLE IF NOT EXISTS revision (
    name BLOB PRIMARY KEY, seq INTEGER NOT NULL, id BLOB NOT NULL, day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revision_by_day ON revision (day);
CREATE TABLE IF NOT EXISTS replaced (
    id BLOB PRIMARY KEY, seq INTEGER NOT NULL, name BLOB NOT NULL, day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
TABLES = ("revision", "replaced")


def revision_name(source: str, kind: str, key: str) -> bytes | None:
    """16 bytes that all revisions of a record share; None for a record without a key of its own."""
    if not key:
        return None
    return hashlib.blake2b("\0".join((source, kind, key)).encode(), digest_size=16).digest()


def take_revision(connection: apsw.Connection, name: bytes, seq: int, identity: bytes, day: int) -> bytes | None:
    """Take in one record with a key; `day` is its raw UTC day.

    Returns:
        The id of the earlier revision that it replaces, or None. They may lie days apart.
    """
    connection.execute("INSERT OR IGNORE INTO revision VALUES (?, ?, ?, ?)", (name, seq, identity, day))
    if connection.changes():
        return None
    known = connection.execute("SELECT seq, id, day FROM revision WHERE name = ?", (name,)).fetchone()
    if known is None or known[0] == seq:
        return None
    # They come in order of arrival, but for records that are taken in a second time.
    older, newer = sorted([(int(known[0]), bytes(known[1]), int(known[2])), (seq, identity, day)])
    connection.execute("INSERT OR REPLACE INTO revision VALUES (?, ?, ?, ?)", (name, *newer))
    connection.execute("INSERT OR REPLACE INTO replaced VALUES (?, ?, ?, ?)", (older[1], older[0], name, older[2]))
    return older[1]


def latest_revisions(stored: Iterable[Stored]) -> list[Stored]:
    """Of records with the same source, kind and natural key only the one that arrived last; order by (start, id)."""
    newest: dict[tuple[str, str, str], Stored] = {}
    kept = []
    for item in stored:
        if not item.record.key:
            kept.append(item)
            continue
        name = (item.record.source, item.record.kind, item.record.key)
        if name not in newest or newest[name].seq < item.seq:
            newest[name] = item
    return sorted([*kept, *newest.values()], key=lambda item: (item.record.start_ms, item.id))


def replaced_ids(connection: apsw.Connection) -> frozenset[bytes]:
    """Every record that has a later revision."""
    return frozenset(bytes(row[0]) for row in connection.execute("SELECT id FROM replaced"))


def drop_forgotten(connection: apsw.Connection, journal: Journal, days: Iterable[int]) -> list[Stored]:
    """Drop what the journal has forgotten of these UTC days.

    Returns:
        Records that count again because every later revision of them is gone.
    """
    revived = []
    for day in days:
        for table in TABLES:
            rows = list(connection.execute(f"SELECT id, name FROM {table} WHERE day = ?", (day,)))
            alive = journal.get(bytes(row[0]) for row in rows)
            for identity, name in rows:
                if bytes(identity) not in alive:
                    connection.execute(f"DELETE FROM {table} WHERE id = ? AND name = ?", (identity, name))
                    revived += _revive(connection, journal, name)
    return revived


def _revive(connection: apsw.Connection, journal: Journal, name: bytes) -> list[Stored]:
    if connection.execute("SELECT 1 FROM revision WHERE name = ?", (name,)).fetchone() is not None:
        return []
    rows = connection.execute("SELECT id, seq, day FROM replaced WHERE name = ? ORDER BY seq DESC", (name,))
    for identity, seq, day in list(rows):
        connection.execute("DELETE FROM replaced WHERE id = ?", (identity,))
        stored = journal.get([bytes(identity)])
        if stored:
            connection.execute("INSERT INTO revision VALUES (?, ?, ?, ?)", (name, seq, identity, day))
            return list(stored.values())
    return []
