"""A digest over the small tables of a year file, so that an old page of one of them, put back, is noticed.

Rows of records are held by the chain, and an index is held against its table. What stands besides (counts, destroyed
keys, the file's own facts) is held by this digest, which lies on a page of its own and is written in the transaction
that changes them.
"""

from __future__ import annotations

import hashlib

import apsw

SCHEMA = "CREATE TABLE IF NOT EXISTS stamp (one INTEGER PRIMARY KEY CHECK (one = 1), digest BLOB NOT NULL) STRICT;"
_LOOKS = (
    "SELECT name, value FROM meta ORDER BY name",
    "SELECT * FROM tally ORDER BY key",
    "SELECT id FROM dead_key ORDER BY id",
    "SELECT count(*), max(n), sum(seq) FROM changed",
    "SELECT seq FROM sqlite_sequence WHERE name = 'changed'",
)


def stamp(connection: apsw.Connection) -> None:
    """Write the digest of what the tables hold now; inside the transaction that changed them."""
    connection.execute("INSERT OR REPLACE INTO stamp VALUES (1, ?)", (_digest(connection),))


def stamp_is_right(connection: apsw.Connection) -> bool:
    """Whether the tables hold what they held when they were last changed; inside a transaction."""
    return connection.execute("SELECT digest FROM stamp").fetchall() == [(_digest(connection),)]


def _digest(connection: apsw.Connection) -> bytes:
    digest = hashlib.sha256()
    for look in _LOOKS:
        for row in connection.execute(look):
            digest.update(repr(row).encode())
        digest.update(b"\n")
    return digest.digest()
