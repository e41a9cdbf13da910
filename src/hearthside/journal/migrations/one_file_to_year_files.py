"""Format 1 to 2: the single `journal.db` becomes one file for each year of arrival, payloads sealed by source and day.

The chain stays: positions, commitments, salts and ids are the same as before. While `journal.db` is there the step is
not done: whatever year files a cut-off run left are made again from it, and a mark says that they are such. Removing
`journal.db` is the last thing but the mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path

import apsw
import orjson

from hearthside.errors import NeedsPerson
from hearthside.events import Json
from hearthside.identity.durable import sync_folder, write_private
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.rewriting import insert_rows
from hearthside.journal.sealing import prepare_body, seal
from hearthside.journal.year_file import Head, Row, YearFile, genesis

_OLD = "journal.db"
_MARK = "migrating"  # year files beside a `journal.db` are what a cut-off run left
_ROWS_AT_ONCE = 1000
_COLUMNS = "seq, id, salt, body, commitment, chain, received_ms"


def needed(vault: Path) -> bool:
    """A vault of format 1 has its journal in one file."""
    return (vault / _OLD).exists() or (vault / "journal" / _MARK).exists()


def run(vault: Path, roots: Sequence[bytes], vfs: str | None) -> None:
    """Make the year files from the one file, then remove it.

    Raises:
        NeedsPerson: no key opens it, or there are year files that no cut-off run left; nothing was touched.
    """
    folder = vault / "journal"
    if (vault / _OLD).exists():
        _make_year_files(vault, folder, roots, vfs)
        files.remove_database(vault / _OLD)
    (folder / _MARK).unlink()
    sync_folder(folder)


def _make_year_files(vault: Path, folder: Path, roots: Sequence[bytes], vfs: str | None) -> None:
    # The old file first: a wrong key must touch nothing.
    with closing(files.open_with_any(vault / _OLD, roots, vfs)) as old:
        if files.year_files(folder) and not (folder / _MARK).exists():
            raise NeedsPerson(
                "journal-two-formats",
                f"{vault} holds a journal of this Hearthside and a {_OLD} of an earlier one; nothing was changed."
                f" Move {_OLD} out of the vault, and keep it until you know which is the right one.",
            )
        write_private(folder / _MARK, b"")
        for path in files.year_files(folder):
            files.remove_database(path)
        with closing(Keyring(folder, keyring_keys(roots), vfs)) as keyring:
            old.execute("BEGIN IMMEDIATE")  # nobody appends to it meanwhile
            _copy_all(old, folder, keyring, roots, vfs)
            old.execute("COMMIT")
        files.close_finished(old)


def _copy_all(old: apsw.Connection, folder: Path, keyring: Keyring, roots: Sequence[bytes], vfs: str | None) -> None:
    if old.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone() is None:
        return
    head = genesis()
    for year, rows in groupby(_rows_with_year(old), key=lambda pair: pair[0]):
        head = _write_year(folder, year, head, (row for _, row in rows), keyring, roots, vfs)
    # An earlier Hearthside that still runs would go on writing into the removed file: it is told to stop.
    old.execute(
        "CREATE TRIGGER IF NOT EXISTS migrated BEFORE INSERT ON record"
        " BEGIN SELECT RAISE(ABORT, 'this journal was brought up to date; start Hearthside again'); END"
    )


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
    head = before
    with files.removed_on_failure(path):
        new = YearFile.begin(path, year_keys(roots)[0], before, vfs, old_ids=True)
        try:
            while some := list(islice(rows, _ROWS_AT_ONCE)):
                made = _sealed(some, keyring)
                with new:
                    insert_rows(new, made)
                head = Head(made[-1].seq, made[-1].chain or b"")
            YearFile.close_whole(new)
        finally:
            new.close()
    files.put_in_force(path)
    return head


def _sealed(rows: Sequence[Json], keyring: Keyring) -> list[Row]:
    bodies = [None if row[3] is None else prepare_body(orjson.loads(row[3]), row[3]) for row in rows]
    keys = keyring.current((p.source, p.day) for p in bodies if p is not None)
    made = []
    for (seq, identity, salt, body, commitment, chain, received_ms), p in zip(rows, bodies, strict=True):
        if p is None:
            made.append(Row(seq, identity, "", "forgotten", 0, None, None, None, None, commitment, chain))
            continue
        key = keys[p.source, p.day]
        sealed = seal(key.cipher, seq, salt, received_ms, body)
        columns = (p.source, p.kind, p.start_ms, p.end_ms, p.offset_min)
        made.append(Row(seq, identity, *columns, key.id, sealed, commitment, chain))
    return made
