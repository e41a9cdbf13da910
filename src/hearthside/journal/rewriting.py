"""Writing a year file anew while it is in use: under another key after a rotation, or without its empty pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import apsw

from hearthside.journal import files
from hearthside.journal.year_file import Row, YearFile

_ROWS_AT_ONCE = 2000
_INSERT = "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?)"


def rewrite(
    folder: Path,
    file: YearFile,
    key: bytes,
    vfs: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a file anew under a key; the caller holds `files.rewriting`.

    Appending goes on meanwhile and waits only while the last rows are copied. A crash leaves the old file or the new.

    Returns:
        The new revision, in force.
    """
    path = files.next_revision(folder, files.stem_of(file.path))
    with files.removed_on_failure(path):
        new = YearFile.begin(path, key, file.before, vfs, file.has_old_ids)
        try:
            total = file.head().seq
            copied = _copy(file, new, file.first_seq, total, progress, total)
            with file.changing() as old:
                _copy(file, new, copied + 1, file.head(old).seq, None, total)
                _copy_the_rest(old, new)
                YearFile.close_whole(new)
                # Whoever waited for the lock to append sees that this is no longer the file in force.
                files.put_in_force(path)
        finally:
            new.close()
    file.close(for_good=True)
    files.remove_database(file.path)
    return path


def insert_rows(connection: apsw.Connection, rows: Iterable[Row]) -> None:
    """Put whole rows into a file that is being written."""
    connection.executemany(_INSERT, [row.values() for row in rows])


def _copy(
    file: YearFile,
    new: apsw.Connection,
    first: int,
    last: int,
    progress: Callable[[int, int], None] | None,
    total: int,
) -> int:
    """Copy rows first to last; returns the last one copied."""
    for start in range(first, last + 1, _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE - 1, last)
        with new:
            insert_rows(new, file.whole_rows(start, end))
        if progress is not None:
            progress(end, total)
    return max(last, first - 1)


def _copy_the_rest(old: apsw.Connection, new: apsw.Connection) -> None:
    with new:
        for table, columns in (("tally", 5), ("changed", 2), ("dead_key", 1)):
            rows: Sequence[tuple[object, ...]] = list(old.execute(f"SELECT * FROM {table}"))
            new.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * columns)})", rows)
        kept = list(old.execute("SELECT name, value FROM meta WHERE name IN ('shreds', 'closed', 'tally_seq')"))
        new.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", kept)
