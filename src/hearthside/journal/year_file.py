"""One year file of the journal: its tables, writing a batch in one transaction, reading by time, kind and source."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from hearthside.errors import NeedsPerson
from hearthside.events import Json
from hearthside.journal import files
from hearthside.journal.sealing import GENESIS, link

FORMAT = 2
_CACHE_KIB = 32 * 1024  # of pages, on the writer's connection
_TALLY_EVERY = 50_000  # records counted anew for each look at the sources, at most; 20 ms
_COLUMNS = "seq, id, source, kind, start_ms, end_ms, offset_min, key, sealed, commitment, chain"
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
CREATE INDEX IF NOT EXISTS record_long ON record (end_ms) WHERE end_ms - start_ms > 86400000;
CREATE INDEX IF NOT EXISTS record_by_offset ON record (start_ms, offset_min) WHERE offset_min IS NOT NULL;
CREATE TABLE IF NOT EXISTS tally (
    source TEXT PRIMARY KEY, records INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS changed (n INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dead_key (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_TALLY = (
    "SELECT source, count(*), min(start_ms), max(coalesce(end_ms, start_ms)) FROM record"
    " WHERE seq > ? AND sealed IS NOT NULL GROUP BY source"
)


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
    """

    def __init__(self, path: Path, keys: Sequence[bytes], vfs: str | None = None) -> None:
        self.path = path
        self._keys, self._vfs = tuple(keys), vfs
        self._local = threading.local()
        self._write_lock = threading.Lock()
        self._writer: apsw.Connection | None = None
        self._bounds: tuple[int, int] | None = None
        meta = self.meta()
        self.first_seq = int(meta["first_seq"])
        self.before = Head(self.first_seq - 1, bytes.fromhex(meta["before"]))
        self.has_old_ids = meta.get("old_ids") == "1"
        if int(meta["format"]) > FORMAT:
            raise NeedsPerson(
                "journal-newer",
                f"{path.name} was written by a newer Hearthside; nothing was changed. Update Hearthside to open it.",
            )

    @staticmethod
    def create(path: Path, key: bytes, before: Head, vfs: str | None, old_ids: bool = False) -> None:
        """Make an empty file that continues the chain, whole or not at all."""
        new = YearFile.begin(path, key, before, vfs, old_ids)
        new.close()
        files.put_in_force(path)

    @staticmethod
    def begin(path: Path, key: bytes, before: Head, vfs: str | None, old_ids: bool = False) -> apsw.Connection:
        """A connection to a file that is still being written; `files.put_in_force` ends that."""
        new = files.unfinished(path)
        if new.exists():
            files.remove_database(new)
        connection = files.open_with_any(new, [key], vfs)
        connection.execute(_SCHEMA)
        facts = {"format": FORMAT, "first_seq": before.seq + 1, "before": before.chain.hex(), "old_ids": int(old_ids)}
        with connection:
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)", [(name, str(value)) for name, value in facts.items()]
            )
        return connection

    # -- writing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """One transaction under the write lock.

        Raises:
            Replaced: this file takes no records any more.
        """
        with self.changing() as connection:
            if connection.execute("SELECT 1 FROM meta WHERE name = 'closed'").fetchone() is not None:
                raise Replaced
            yield connection

    @contextmanager
    def changing(self) -> Iterator[apsw.Connection]:
        """One transaction under the write lock, also in a year that is over."""
        with self._write_lock:
            if self._writer is None:
                self._writer = self._open()
                self._writer.pragma("cache_size", -_CACHE_KIB)
                # Checkpoints every 16 MiB: a page written by many commits then goes to the main file once.
                self._writer.wal_autocheckpoint(4096)
            connection = self._writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def checkpoint(self) -> None:
        """Move everything into the main file and empty the write-ahead log, where nobody reads in it."""
        self.reader().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # -- reading -----------------------------------------------------------------------------------------------------

    def reader(self) -> apsw.Connection:
        """This thread's connection."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open()
        return connection

    def meta(self) -> dict[str, str]:
        """What the file says of itself."""
        return {str(name): str(value) for name, value in self.rows("SELECT name, value FROM meta")}

    def rows(self, sql: str, values: Sequence[Json] = ()) -> Iterator[Json]:
        """The rows of a query.

        Raises:
            NeedsPerson: a page of the file is not what was written; the cipher notices every flipped bit.
        """
        try:
            yield from self.reader().execute(sql, values)
        except apsw.CorruptError as error:
            raise NeedsPerson(
                "journal-damaged",
                f"{self.path.name} is damaged on the disk; nothing was changed. `hearthside verify` says where, and"
                " `hearthside repair` puts it back from a backup.",
            ) from error

    def whole_rows(self, first: int, last: int) -> Iterator[Row]:
        """Rows by position, both ends included, in order."""
        for row in self.rows(f"SELECT {_COLUMNS} FROM record WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)):
            yield Row(*row)

    def head(self, connection: apsw.Connection | None = None) -> Head:
        """The end of the chain in this file."""
        return head_of(connection or self.reader(), self.before)

    def has(self, identity: bytes) -> bool:
        """Whether a record is here."""
        return next(self.rows("SELECT 1 FROM record WHERE id = ?", (identity,)), None) is not None

    def may_have(self, start_ms: int) -> bool:
        """Whether anything here is as early and as late; of a year that is over, so looked up once."""
        if self._bounds is None:
            first = next(self.rows("SELECT min(start_ms) FROM record"))[0]
            last = next(self.rows("SELECT max(start_ms) FROM record"))[0]
            self._bounds = (0, -1) if first is None else (int(first), int(last))
        return self._bounds[0] <= start_ms <= self._bounds[1]

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

    def tally(self) -> list[tuple[str, int, int, int]]:
        """For each source: name, records, first and last time in ms."""
        upto = int(next(self.rows("SELECT value FROM meta WHERE name = 'tally_seq'"), ("0",))[0])
        found = {str(row[0]): row[1:] for row in self.rows("SELECT source, records, first_ms, last_ms FROM tally")}
        for source, count, first, last in self.rows(_TALLY, (upto,)):
            known = found.get(source, (0, first, last))
            found[source] = (known[0] + count, min(known[1], first), max(known[2], last))
        return [(source, *counts) for source, counts in found.items()]

    def keep_tally(self) -> None:
        """Write the counts down, so that later ones need to count only what came after."""
        with self.changing() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'tally_seq'").fetchone()
            upto, last = int(row[0]) if row else 0, self.head(connection).seq
            if last - upto < _TALLY_EVERY:
                return
            add_to_tally(connection, upto)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('tally_seq', ?)", (str(last),))

    def close(self) -> None:
        """Close the writer; readers close with their threads."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _open(self) -> apsw.Connection:
        return files.open_with_any(self.path, self._keys, self._vfs)


def head_of(connection: apsw.Connection, before: Head) -> Head:
    """The end of the chain as a connection sees it."""
    row = connection.execute("SELECT seq, chain FROM record ORDER BY seq DESC LIMIT 1").fetchone()
    return before if row is None else Head(int(row[0]), bytes(row[1]))


def add_to_tally(connection: apsw.Connection, upto: int) -> None:
    """Count in what came after a position."""
    connection.execute(
        f"INSERT INTO tally {_TALLY} ON CONFLICT DO UPDATE SET records = records + excluded.records,"
        " first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)",
        (upto,),
    )


def recount(connection: apsw.Connection) -> None:
    """Count everything anew, after something was forgotten."""
    connection.execute("DELETE FROM tally")
    connection.execute("DELETE FROM meta WHERE name = 'tally_seq'")


def genesis() -> Head:
    """Before the first record."""
    return Head(0, GENESIS)
