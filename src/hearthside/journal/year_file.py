"""One year file of the journal: its tables, writing to it in one transaction, reading from it by query."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from hearthside.errors import NeedsPerson
from hearthside.events import MINUTE_MS, Json
from hearthside.journal import files, stamp, tally
from hearthside.journal.explaining import read_failed
from hearthside.journal.listing import Listing
from hearthside.journal.readers import UNSETTLING, Readers, close_quietly
from hearthside.journal.sealing import GENESIS, link, minute_of

FORMAT = 2
_CACHE_KIB = 32 * 1024  # of pages, on the writer's connection
_IDS_AT_ONCE = 500
_WAIT_MS, _WAIT_FOR_READERS_MS = 30_000, 200
_COLUMNS = "seq, id, source, kind, start_ms, end_ms, offset_min, key, sealed, commitment, chain"
ALL_ROWS = f"SELECT {_COLUMNS} FROM record ORDER BY seq"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER,
    offset_min INTEGER,
    key INTEGER,
    sealed BLOB,
    commitment BLOB NOT NULL,
    chain BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS record_by_time ON record (start_ms);
CREATE INDEX IF NOT EXISTS record_by_kind ON record (kind, start_ms);
CREATE INDEX IF NOT EXISTS record_by_key ON record (key);
CREATE INDEX IF NOT EXISTS record_by_offset ON record (start_ms, offset_min) WHERE offset_min IS NOT NULL;
CREATE TABLE IF NOT EXISTS changed (n INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dead_key (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_FIRST = "SELECT start_ms FROM record WHERE start_ms <> 0 OR sealed IS NOT NULL ORDER BY start_ms"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many records, and the hash that covers them all."""

    seq: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `record`, whole; only the last of a transaction carries its link of the chain."""

    seq: int
    id: bytes
    source: str
    kind: str
    start_ms: int
    end_ms: int | None
    offset_min: int | None
    key: int | None
    sealed: bytes | None
    commitment: bytes
    chain: bytes | None

    def values(self) -> tuple[object, ...]:
        """In the order of the columns."""
        return (
            self.seq, self.id, self.source, self.kind, self.start_ms, self.end_ms, self.offset_min, self.key,
            self.sealed, self.commitment, self.chain,
        )  # fmt: skip


class Replaced(Exception):
    """The file was replaced by a newer revision, or a newer year began; look again which files are in force."""


class YearFile:
    """One file of the journal. Safe to use from many threads; one of them writes at a time.

    Args:
        path: the revision in force.
        keys: see `files.open_with_any`.
        vfs: see `open_database`.

    Raises:
        Replaced: it is not there any more.
        NeedsPerson: it is damaged, or of a newer Hearthside.
    """

    def __init__(self, path: Path, keys: Sequence[bytes], vfs: str | None = None) -> None:
        self.path = path
        self.year = int(files.stem_of(path))
        self._keys, self._vfs = tuple(keys), vfs
        self._readers = Readers(self._open)
        self._write_lock = threading.Lock()
        self._writer: apsw.Connection | None = None
        self._listing = Listing(path.parent)
        self._names: list[str] | None = None  # in the folder, when this was the newest file
        self._bounds: tuple[int, int] | None = None
        try:
            self.wrong_at_opening = files.wrong_in_header(path)
        except FileNotFoundError as error:
            raise Replaced from error
        try:
            meta = self._facts()
        except BaseException:
            self._readers.close()
            raise
        self.first_seq = int(meta["first_seq"])
        self.before = Head(self.first_seq - 1, bytes.fromhex(meta["before"]))
        self.has_old_ids = meta.get("old_ids") == "1"
        self.counted = int(meta.get("tally_seq", 0))

    @staticmethod
    def create(path: Path, key: bytes, before: Head, vfs: str | None, old_ids: bool = False) -> None:
        """Make an empty file that continues the chain, whole or not at all."""
        with files.removed_on_failure(path):
            YearFile.finish(YearFile.begin(path, key, before, vfs, old_ids), path)

    @staticmethod
    def begin(path: Path, key: bytes, before: Head, vfs: str | None, old_ids: bool = False) -> apsw.Connection:
        """A connection to a file that is still being written; `close_whole` and `files.put_in_force` end that."""
        new = files.unfinished(path)
        if new.exists():
            files.remove_database(new)
        connection = files.open_with_any(new, [key], vfs, create=True)
        connection.execute(_SCHEMA + tally.SCHEMA + stamp.SCHEMA)
        facts = {
            "format": FORMAT, "first_seq": before.seq + 1, "before": before.chain.hex(), "old_ids": int(old_ids),
            "salt": files.salt_of(connection),
        }  # fmt: skip
        with connection:
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)", [(name, str(value)) for name, value in facts.items()]
            )
        return connection

    @staticmethod
    def close_whole(connection: apsw.Connection, old_ids: bool | None = None) -> None:
        """Close a file whose rows are all there.

        Args:
            old_ids: whether records in it have ids of format 1, where that is known only now.
        """
        with connection:
            if old_ids is not None:
                connection.execute("UPDATE meta SET value = ? WHERE name = 'old_ids'", (str(int(old_ids)),))
            last = int(connection.execute("SELECT coalesce(max(seq), 0) FROM record").get)
            if last > tally.counted_upto(connection):
                tally.count_upto(connection, last)
            stamp.stamp(connection)
        files.close_finished(connection)

    @staticmethod
    def finish(connection: apsw.Connection, path: Path) -> None:
        """Close a file whose rows are all there, and give it its name."""
        YearFile.close_whole(connection)
        files.put_in_force(path)

    # -- writing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """One transaction under the write lock, to add records.

        Raises:
            Replaced: this file takes no records any more.
            NeedsPerson: it takes none, and the one that does is gone.
        """
        with self._transaction() as connection:
            # Under the lock nobody replaces it; whoever did so before may have been killed before he could say so here.
            if not self._is_newest():
                raise Replaced
            if connection.execute("SELECT 1 FROM meta WHERE name = 'closed'").fetchone() is not None:
                raise NeedsPerson(
                    "journal-file-missing",
                    f"The journal's file after {self.path.name} is gone; nothing was written. Put it back, or restore"
                    " from a backup: `hearthside restore`.",
                )
            yield connection

    @contextmanager
    def changing(self) -> Iterator[apsw.Connection]:
        """One transaction under the write lock, to change what is here, also in a year that is over."""
        with self._transaction() as connection:
            yield connection
            stamp.stamp(connection)

    @contextmanager
    def _transaction(self) -> Iterator[apsw.Connection]:
        with self._write_lock:
            if self._writer is None:
                self._writer = self._open()
                self._writer.pragma("cache_size", -_CACHE_KIB)
                # The log stays short (SQLite's 1,000 pages): a sync of a file that grows costs more than of one that
                # is written over; measured, 4,096 pages made single appends slower by half.
            connection = self._writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                try:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                finally:
                    if isinstance(error, UNSETTLING):
                        self._writer = None
                        close_quietly(connection)
                raise

    def _is_newest(self) -> bool:
        names = self._listing.names()
        if names is not self._names:
            if files.newest_year_file(self.path.parent, names) != self.path:
                return False
            self._names = names
        return True

    def close_year(self, connection: apsw.Connection) -> None:
        """Nothing comes after what is here; inside a transaction of `writing`."""
        tally.count_upto(connection, self.head(connection).seq)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('closed', 'year')")
        stamp.stamp(connection)

    def keep_tally(self, connection: apsw.Connection, last: int) -> None:
        """Now and then count in what came since; inside a transaction of `writing` that ends at position `last`."""
        if last - self.counted < tally.TALLY_EVERY:
            return
        self.counted = tally.counted_upto(connection)  # another process may have done it
        if last - self.counted >= tally.TALLY_EVERY:
            tally.count_upto(connection, last)
            stamp.stamp(connection)
            self.counted = last

    def checkpoint(self) -> None:
        """Move everything into the main file and empty the write-ahead log, where nobody reads in it."""
        with self._readers.lent() as connection:
            connection.set_busy_timeout(_WAIT_FOR_READERS_MS)
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                connection.set_busy_timeout(_WAIT_MS)

    # -- reading -----------------------------------------------------------------------------------------------------

    @contextmanager
    def fresh(self) -> Iterator[apsw.Connection]:
        """A connection of its own, which has no page in memory yet."""
        connection = self._open()
        try:
            yield connection
        finally:
            connection.close()

    def meta(self) -> dict[str, str]:
        """What the file says of itself."""
        return {str(name): str(value) for name, value in self.rows("SELECT name, value FROM meta")}

    def rows(self, sql: str, values: Sequence[Json] = ()) -> Iterator[Json]:
        """The rows of a query.

        Raises:
            Replaced: the file is not there any more; never after the first row.
            NeedsPerson: a page of the file is not what was written; the cipher notices every flipped bit.
            RetryLater: the disk refused.
        """
        try:
            with self._readers.lent() as connection:
                yield from connection.execute(sql, values)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise self.damaged() from error
        except (apsw.IOError, apsw.FullError, apsw.BusyError, apsw.CantOpenError, apsw.ReadOnlyError) as error:
            raise read_failed(error) from error

    def which(self, ids: Iterable[bytes]) -> set[bytes]:
        """Of these ids those that are here."""
        return {row[0] for row in self.rows_of("id", ids, "")}

    def rows_of(self, columns: str, ids: Iterable[bytes], condition: str) -> Iterator[Json]:
        """Rows of `record` by id, in any order."""
        wanted = list(ids)
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            some = wanted[start : start + _IDS_AT_ONCE]
            yield from self.rows(
                f"SELECT {columns} FROM record WHERE id IN ({','.join('?' * len(some))}) {condition}", some
            )

    def whole_rows(self, first: int, last: int) -> Iterator[Row]:
        """Rows by position, both ends included, in order."""
        for row in self.rows(f"SELECT {_COLUMNS} FROM record WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)):
            yield Row(*row)

    def head(self, connection: apsw.Connection | None = None) -> Head:
        """The end of the chain in this file.

        Raises:
            NeedsPerson: the file is damaged.
        """
        if connection is not None:
            return head_of(connection, self.before)
        row = next(self.rows(_HEAD), None)
        return _head(row, self.before)

    def may_have(self, start_ms: int) -> bool:
        """Whether anything here is as early and as late; only of a year that is over."""
        first, last = self.bounds()
        return first <= start_ms <= last

    def may_have_id(self, identity: bytes) -> bool:
        """Like `may_have`, of an id; ids say in which minute a record starts, those of format 1 do not."""
        start_ms = None if self.has_old_ids else minute_of(identity)
        if start_ms is None:
            return True
        first, last = self.bounds()
        return first < start_ms + MINUTE_MS and start_ms <= last

    def bounds(self) -> tuple[int, int]:
        """The first and last start time here, (0, -1) when nothing is; only of a year that is over, so kept."""
        if self._bounds is None:
            first = next(self.rows(f"{_FIRST} LIMIT 1"), None)
            last = next(self.rows("SELECT max(start_ms) FROM record"))
            self._bounds = (0, -1) if first is None else (int(first[0]), int(last[0]))
        return self._bounds

    def chain_at(self, seq: int) -> bytes | None:
        """The hash that covers all records up to one that is here, or None when it is not."""
        if seq == self.before.seq:
            return self.before.chain
        known = next(
            self.rows("SELECT seq, chain FROM record WHERE seq <= ? AND chain IS NOT NULL ORDER BY seq DESC", (seq,)),
            None,
        )
        at, chain = known if known is not None else (self.before.seq, self.before.chain)
        for next_seq, commitment in self.rows(
            "SELECT seq, commitment FROM record WHERE seq > ? AND seq <= ? ORDER BY seq", (at, seq)
        ):
            at, chain = next_seq, link(chain, commitment)
        return bytes(chain) if at == seq else None

    def sources(self) -> list[tuple[str, int, int, int]]:
        """For each source: name, records, first and last time in ms."""
        return [(str(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in self.rows(tally.SOURCES)]

    # -- ending ------------------------------------------------------------------------------------------------------

    def close(self, for_good: bool = False) -> None:
        """Close all connections that nobody uses.

        Args:
            for_good: the file was replaced.
        """
        with self._write_lock:
            if self._writer is not None:
                close_quietly(self._writer)
                self._writer = None
        self._readers.close(for_good)

    def damaged(self) -> NeedsPerson:
        """What the person hears when the file is not what was written."""
        return NeedsPerson(
            "journal-damaged",
            f"{self.path.name} is damaged on the disk; nothing was changed. `hearthside verify` says where, and"
            " `hearthside repair` puts it back from a backup.",
        )

    def _facts(self) -> dict[str, str]:
        try:
            meta = self.meta()
        except apsw.SQLError as error:  # it has no such table: it is empty
            raise self.damaged() from error
        except NeedsPerson as error:
            # The keyring did open, so it is not the key.
            raise (self.damaged() if error.code == "database-key-wrong" else error) from error
        if not {"format", "first_seq", "before"} <= set(meta):
            raise self.damaged()
        if int(meta["format"]) > FORMAT:
            raise NeedsPerson(
                "journal-newer",
                f"{self.path.name} was written by a newer Hearthside; nothing was changed."
                " Update Hearthside to open it.",
            )
        return meta

    def _open(self) -> apsw.Connection:
        try:
            return files.open_with_any(self.path, self._keys, self._vfs)
        except files.Gone as error:
            raise Replaced from error


_HEAD = "SELECT seq, chain FROM record ORDER BY seq DESC LIMIT 1"


def head_of(connection: apsw.Connection, before: Head) -> Head:
    """The end of the chain as a connection sees it."""
    return _head(connection.execute(_HEAD).fetchone(), before)


def _head(row: Json, before: Head) -> Head:
    if row is None:
        return before
    if row[1] is None:
        raise NeedsPerson(
            "journal-damaged",
            "The end of the journal is missing: its last record has no link of the chain; nothing was changed."
            " `hearthside repair` puts it back from a backup.",
        )
    return Head(int(row[0]), bytes(row[1]))


def genesis() -> Head:
    """Before the first record."""
    return Head(0, GENESIS)
