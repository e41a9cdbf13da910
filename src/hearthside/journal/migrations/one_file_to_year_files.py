"""Format 1 to 2: the single `journal.db` becomes one file for each year of arrival, payloads sealed by source and day.

The chain stays: positions, commitments, salts and ids are the same as before. While `journal.db` is there the step is
not done: whatever year files a cut-off run left are made again from it. Removing it is the last thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import apsw
import orjson

from hearthside.events import Json
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.rewriting import insert_rows
from hearthside.journal.sealing import prepare_body, seal
from hearthside.journal.year_file import Head, Row, YearFile, genesis

_OLD = "journal.db"
_ROWS_AT_ONCE = 1000
_COLUMNS = "seq, id, salt, body, commitment, chain, received_ms"


def needed(vault: Path) -> bool:
    """A vault of format 1 has its journal in one file."""
    return (vault / _OLD).exists()


def run(vault: Path, roots: Sequence[bytes], vfs: str | None) -> None:
    """Make the year files from the one file, then remove it."""
    folder = vault / "journal"
    old = files.open_with_any(vault / _OLD, roots, vfs)  # first: a wrong key must touch nothing
    for path in files.year_files(folder):
        files.remove_database(path)
    keyring = Keyring(folder, keyring_keys(roots), vfs)
    head = genesis()
    if old.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone() is not None:
        for year, rows in groupby(_rows_with_year(old), key=lambda pair: pair[0]):
            head = _write_year(folder, year, head, (row for _, row in rows), keyring, roots, vfs)
    old.close()
    keyring.close()
    files.remove_database(vault / _OLD)


def _rows_with_year(old: apsw.Connection) -> Iterator[tuple[int, Json]]:
    """Rows in order of arrival, each with its year; a clock that was set back does not lead back a year."""
    year = 0
    for row in old.execute(f"SELECT {_COLUMNS} FROM record ORDER BY seq"):
        year = max(year, datetime.fromtimestamp(row[6] / 1000, UTC).year)
        yield year, row


def _write_year(
    folder: Path,
    year: int,
    before: Head,
    rows: Iterator[Json],
    keyring: Keyring,
    roots: Sequence[bytes],
    vfs: str | None,
) -> Head:
    path = files.next_revision(folder, f"{year:04d}")
    new = YearFile.begin(path, year_keys(roots)[0], before, vfs, old_ids=True)
    head, batch = before, list[Row]()
    for old in rows:
        row = _sealed(old, keyring)
        batch.append(row)
        head = Head(row.seq, row.chain or b"")
        if len(batch) == _ROWS_AT_ONCE:
            _insert(new, batch)
    _insert(new, batch)
    new.close()
    files.put_in_force(path)
    return head


def _insert(connection: apsw.Connection, batch: list[Row]) -> None:
    with connection:
        insert_rows(connection, batch)
    batch.clear()


def _sealed(old: Json, keyring: Keyring) -> Row:
    seq, identity, salt, body, commitment, chain, received_ms = old
    if body is None:
        return Row(seq, identity, "", "forgotten", 0, None, None, None, None, commitment, chain)
    p = prepare_body(orjson.loads(body), body)
    key = keyring.current([(p.source, p.day)])[p.source, p.day]
    sealed = seal(key.cipher, seq, salt, received_ms, body)
    return Row(
        seq,
        identity,
        p.source,
        p.kind,
        p.start_ms,
        p.end_ms,
        p.offset_min,
        key.id,
        sealed,
        commitment,
        chain,
    )
