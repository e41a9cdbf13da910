"""Counts of the records of a year file by the key they lie under, so that asking for the sources reads no records.

A key stands for a source and a local day. Forgetting empties whole keys, so the counts follow it exactly: nothing of
what was forgotten stays in a first or last time.
"""

from __future__ import annotations

from collections.abc import Iterable

import apsw

TALLY_EVERY = 50_000  # records that are counted anew for each look at the sources, at most; about 50 ms
SCHEMA = """
CREATE TABLE IF NOT EXISTS tally (
    key INTEGER PRIMARY KEY, source TEXT NOT NULL, records INTEGER NOT NULL, first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL
) STRICT;
"""
_COUNT = "count(*), min(start_ms), max(coalesce(end_ms, start_ms)) FROM record"
_UPTO = "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE name = 'tally_seq'"
SOURCES = (
    "SELECT source, sum(records), min(first_ms), max(last_ms) FROM ("
    "SELECT source, records, first_ms, last_ms FROM tally UNION ALL"
    f" SELECT source, {_COUNT} WHERE seq > ({_UPTO}) AND key IS NOT NULL GROUP BY source) GROUP BY source"
)
"""For each source: name, records, first and last time in ms; one query, so that nothing is counted twice."""


def counted_upto(connection: apsw.Connection) -> int:
    """Records up to this position are in the counts."""
    return int(connection.execute(_UPTO).get)


def count_upto(connection: apsw.Connection, last: int) -> None:
    """Count in what came since, up to a position; inside a transaction."""
    connection.execute(
        f"INSERT INTO tally SELECT key, source, {_COUNT} WHERE seq > ? AND seq <= ? AND key IS NOT NULL GROUP BY key"
        " ON CONFLICT DO UPDATE SET records = records + excluded.records,"
        " first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)",
        (counted_upto(connection), last),
    )
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('tally_seq', ?)", (str(last),))


def count_again(connection: apsw.Connection, keys: Iterable[int]) -> None:
    """Count what lies under some keys anew, after records were forgotten; inside a transaction."""
    upto = counted_upto(connection)
    if not upto:
        return
    for key in keys:
        connection.execute("DELETE FROM tally WHERE key = ?", (key,))
        connection.execute(
            f"INSERT INTO tally SELECT key, source, {_COUNT} WHERE key = ? AND seq <= ? GROUP BY key", (key, upto)
        )
