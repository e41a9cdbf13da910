"""A vault as the first Hearthside left it (commit 18506d4): one file, bodies as they came, ids without a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import apsw
import orjson

from hearthside.events import Event, canonical, id_before_format_2
from hearthside.identity.database import open_database
from tests.journal.vaults import KEY

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    type TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER,
    offset_min INTEGER,
    received_ms INTEGER NOT NULL,
    salt BLOB,
    body BLOB,
    commitment BLOB NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS record_by_time ON record (start_ms);
CREATE INDEX IF NOT EXISTS record_by_kind ON record (kind, start_ms);
CREATE INDEX IF NOT EXISTS record_long ON record (end_ms) WHERE end_ms - start_ms > 86400000;
CREATE INDEX IF NOT EXISTS record_by_offset ON record (start_ms, offset_min) WHERE offset_min IS NOT NULL;
"""


def old_id(event: Event) -> bytes:
    """The id that the first Hearthside gave."""
    return id_before_format_2(canonical(event.body()))


def write_format_1(folder: Path, arrivals: Sequence[tuple[int, Event]], forgotten: Collection[int] = ()) -> bytes:
    """Make `journal.db`.

    Args:
        arrivals: in order, when each record came (UTC milliseconds) and what it was.
        forgotten: positions, from 1, of records that were forgotten.

    Returns:
        The end of its chain.
    """
    connection = open_database(folder / "journal.db", KEY)
    connection.execute(_SCHEMA)
    chain = hashlib.sha256(b"hearthside journal 1").digest()
    with connection:
        for seq, (received_ms, event) in enumerate(arrivals, start=1):
            salt, raw = os.urandom(16), orjson.dumps(event.body())
            commitment = hashlib.sha256(salt + raw).digest()
            chain = hashlib.sha256(chain + commitment).digest()
            row = (
                seq, old_id(event), "event", event.source, event.kind, event.start_ms, event.end_ms, event.offset_min,
                received_ms, salt, raw, commitment, chain,
            )  # fmt: skip
            connection.execute("INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
            if seq in forgotten:
                _forget(connection, seq)
    connection.close()
    return chain


def _forget(connection: apsw.Connection, seq: int) -> None:
    connection.execute(
        "UPDATE record SET body = NULL, salt = NULL, id = ?, source = '', kind = 'forgotten', end_ms = NULL,"
        " offset_min = NULL, start_ms = 0 WHERE seq = ?",
        (os.urandom(16), seq),
    )
