"""A vault as version 1 of the journal left it: one file, bodies in the clear inside it; for the migration's sake."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import orjson

from crash.promises import Acknowledged, Begun, Note, Promises
from hearthside.events import Event, Layer, Origin, Trust, canonical, id_before_format_2
from hearthside.identity.database import open_database

_NOW_MS = 1_760_000_000_000  # 2025-10-09
_YEAR_MS = 365 * 86_400_000
_SCHEMA = """
CREATE TABLE record (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, type TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL,
    start_ms INTEGER NOT NULL, end_ms INTEGER, offset_min INTEGER, received_ms INTEGER NOT NULL, salt BLOB, body BLOB,
    commitment BLOB NOT NULL, chain BLOB NOT NULL
) STRICT;
CREATE INDEX record_by_time ON record (start_ms);
CREATE INDEX record_by_kind ON record (kind, start_ms);
CREATE INDEX record_long ON record (end_ms) WHERE end_ms - start_ms > 86400000;
CREATE INDEX record_by_offset ON record (start_ms, offset_min) WHERE offset_min IS NOT NULL;
"""


def vault_of_version_1(folder: Path, rnd: random.Random, count: int = 40) -> list[Note]:
    """Make one that holds records from two years, one of them forgotten.

    Returns:
        What was promised of it: every record was acknowledged.
    """
    events = [_event(number, rnd) for number in range(count)]
    forgotten = count // 2
    connection = open_database(folder / "journal.db", Promises().keys[0])
    connection.execute(_SCHEMA)
    chain = hashlib.sha256(b"hearthside journal 1").digest()
    with connection:
        for number, event in enumerate(events):
            body, salt = orjson.dumps(event.body()), rnd.randbytes(16)
            commitment = hashlib.sha256(salt + body).digest()
            chain = hashlib.sha256(chain + commitment).digest()
            row: tuple[object, ...] = (
                number + 1, id_before_format_2(canonical(event.body())), "event", event.source, event.kind,
                event.start_ms, None, None, event.start_ms, salt, body, commitment, chain,
            )  # fmt: skip
            if number == forgotten:
                row = (number + 1, rnd.randbytes(16), "event", "", "forgotten", 0, None, None, event.start_ms, None,
                       None, commitment, chain)  # fmt: skip
            connection.execute("INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
    connection.close()
    kept = tuple(event for number, event in enumerate(events) if number != forgotten)
    return [Begun(-1, kept), Acknowledged(-1)]


def _event(number: int, rnd: random.Random) -> Event:
    at_ms = _NOW_MS + number * _YEAR_MS // 40
    words = f"note {number} of version 1 {rnd.randbytes(100).hex()}"
    return Event("phone", "message", Layer.TEXT, at_ms, Origin.SELF, Trust.OWN, {"n": number}, "test", text=words)
