"""The journal: encrypted, append-only, idempotent by event id, hash-chained, one writer with group commit.

An acknowledgement means the record is on disk (WAL, ``synchronous=FULL``). The chain runs over salted commitments, so
that forgetting a record (its body and salt go) leaves no digest of what was forgotten and the chain still verifies.
"""

from __future__ import annotations

import hashlib
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw
import orjson

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.events import Json, Record, content_id, record_from_body
from hearthside.identity.database import open_database

_GENESIS = hashlib.sha256(b"hearthside journal 1").digest()
_MAX_BATCH = 2000  # records in one transaction; more only makes the wait of the first caller longer

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


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as the journal holds it.

    Attributes:
        seq: position in the journal, from 1.
        received_ms: arrival time, UTC milliseconds.
    """

    seq: int
    id: bytes
    record: Record
    received_ms: int


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many records, and the hash that covers them all."""

    seq: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a walk over the whole chain found; `bad_seq` lists records whose content or chain does not match."""

    records: int
    forgotten: int
    bad_seq: list[int]


@dataclass(slots=True)
class _Job:
    bodies: list[dict[str, Json]]
    done: threading.Event
    new: list[bool]
    error: BaseException | None = None


class Journal:
    """The journal of one vault. Safe to use from many threads, and from several processes at once.

    Args:
        folder: folder of the vault; the file is ``journal.db`` in it.
        key: 32 bytes, `vault.key("journal")`.
        clock: gives the arrival time, UTC milliseconds.
    """

    def __init__(self, folder: Path, key: bytes, clock: Callable[[], int]) -> None:
        self._path = folder / "journal.db"
        self._key = key
        self._clock = clock
        self._local = threading.local()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # nothing is queued behind the None that ends the writer
        self._writer = open_database(self._path, key)
        self._writer.execute(_SCHEMA)
        self._thread = threading.Thread(target=self._write_loop, name="journal-writer", daemon=True)
        self._closed = False
        self._thread.start()

    # -- writing -----------------------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record]) -> list[bool]:
        """Write records and return when they are on disk.

        Returns:
            For each record True when it is new, False when the journal already had it.

        Raises:
            RetryLater: the disk refused; nothing of this call was kept.
            Refused: a record cannot be written at all (not JSON, a number beyond 64 bits); nothing was kept.
        """
        if not records:
            return []
        job = _Job([record.body() for record in records], threading.Event(), [])
        with self._gate:
            if self._closed:
                raise RetryLater("journal-closed", "The journal is closed; nothing was written. Try again.")
            self._queue.put(job)
        job.done.wait()
        if job.error is not None and not isinstance(job.error, apsw.Error | OSError):
            raise Refused(
                "journal-record-wrong",
                f"A record cannot be kept as it is ({job.error}); nothing of this call was written.",
            ) from job.error
        if job.error is not None:
            raise RetryLater(
                "journal-write-failed",
                f"The journal could not write ({type(job.error).__name__}); nothing of this was kept. Try again.",
            ) from job.error
        return job.new

    def _write_loop(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs = [job]
            stop = False
            count = len(job.bodies)
            while count < _MAX_BATCH and not self._queue.empty():
                another = self._queue.get()
                if another is None:
                    stop = True
                    break
                jobs.append(another)
                count += len(another.bodies)
            self._commit(jobs)
            if stop:
                return

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            with self._writer:
                # The write lock before reading the head: another process may be appending too.
                self._writer.execute("INSERT INTO record SELECT * FROM record WHERE 0")
                head = self._head(self._writer)
                for job in jobs:
                    head = self._insert(job, head)
        except Exception as error:  # noqa: BLE001 - whatever it is, the writer lives on and the caller hears of it
            if len(jobs) > 1:
                for job in jobs:  # one bad job must not take the others down
                    job.new.clear()
                    self._commit([job])
                return
            jobs[0].error = error
        for job in jobs:
            job.done.set()

    def _insert(self, job: _Job, head: Head) -> Head:
        seq, chain = head.seq, head.chain
        now = self._clock()
        for body in job.bodies:
            identity = content_id(body)
            known = self._writer.execute("SELECT 1 FROM record WHERE id = ?", (identity,)).fetchone()
            job.new.append(known is None)
            if known is not None:
                continue
            seq += 1
            salt = secrets.token_bytes(16)
            raw = orjson.dumps(body)
            commitment = _commitment(salt, raw)
            chain = hashlib.sha256(chain + commitment).digest()
            end_ms = body["end_ms"] if body["type"] == "event" else _series_end(body)
            kind = body["kind"] if body["type"] == "event" else body["measure"]
            self._writer.execute(
                "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    seq, identity, body["type"], body["source"], kind, body["start_ms"], end_ms,
                    body["offset_min"], now, salt, raw, commitment, chain,
                ),
            )  # fmt: skip
        return Head(seq, chain)

    def forget(self, ids: Iterable[bytes]) -> int:
        """Remove the content of records for good; their commitments stay, so the chain still verifies.

        Returns:
            How many records lost their content.
        """
        wanted = list(ids)  # they may come from a reading of this journal, which must end before it is changed
        connection = self._reader()
        count = 0
        with connection:
            for identity in wanted:
                # The id is a digest of the content, so it goes too: a random one takes its place.
                connection.execute(
                    "UPDATE record SET body = NULL, salt = NULL, id = ?, source = '', kind = 'forgotten',"
                    " end_ms = NULL, offset_min = NULL, start_ms = 0 WHERE id = ? AND body IS NOT NULL",
                    (secrets.token_bytes(16), identity),
                )
                count += connection.changes()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Finish what is queued and close; safe to call twice."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._writer.close()

    # -- reading -----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """How many records there are and the hash over them all."""
        return self._head(self._reader())

    def get(self, ids: Iterable[bytes]) -> dict[bytes, Stored]:
        """The records with these ids; an unknown or forgotten id is simply absent."""
        found = {}
        for identity in ids:
            sql = "SELECT seq, id, body, received_ms FROM record WHERE id = ? AND body IS NOT NULL"
            for row in self._rows(sql, (identity,)):
                found[identity] = _stored(row)
        return found

    def read(
        self,
        start_ms: int | None = None,
        end_ms: int | None = None,
        *,
        kinds: Iterable[str] | None = None,
        sources: Iterable[str] | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Stored]:
        """Records whose start time lies in [start_ms, end_ms), in order of (start time, id)."""
        where, values = ["body IS NOT NULL"], list[int | str]()
        if start_ms is not None:
            where.append("start_ms >= ?")
            values.append(start_ms)
        if end_ms is not None:
            where.append("start_ms < ?")
            values.append(end_ms)
        for column, wanted in (("kind", kinds), ("source", sources)):
            if wanted is not None:
                names = list(wanted)
                where.append(f"{column} IN ({','.join('?' * len(names))})")
                values.extend(names)
        order = "DESC" if newest_first else "ASC"
        sql = f"SELECT seq, id, body, received_ms FROM record WHERE {' AND '.join(where)} ORDER BY start_ms {order}, id"
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        for row in self._rows(sql, values):
            yield _stored(row)

    def read_long(self, start_ms: int, end_ms: int) -> Iterator[Stored]:
        """Intervals of more than 24 hours that overlap [start_ms, end_ms), in order of (start time, id)."""
        rows = self._rows(
            "SELECT seq, id, body, received_ms FROM record INDEXED BY record_long"
            " WHERE end_ms - start_ms > 86400000 AND end_ms > ?"
            " AND start_ms < ? AND body IS NOT NULL ORDER BY start_ms, id",
            (start_ms, end_ms),
        )
        for row in rows:
            yield _stored(row)

    def since(self, seq: int, limit: int | None = None) -> Iterator[Stored]:
        """Records after a position, in the order in which they arrived."""
        sql = "SELECT seq, id, body, received_ms FROM record WHERE seq > ? AND body IS NOT NULL ORDER BY seq"
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        for row in self._rows(sql, (seq,)):
            yield _stored(row)

    def offsets(self) -> list[tuple[int, int]]:
        """Every UTC offset a source carried: (start time in ms, minutes), in order of time."""
        rows = self._rows(
            "SELECT start_ms, offset_min FROM record WHERE offset_min IS NOT NULL AND body IS NOT NULL"
            " ORDER BY start_ms, id"
        )
        return [(int(start), int(offset)) for start, offset in rows]

    def sources(self) -> list[tuple[str, int, int, int]]:
        """For each source: name, records, first and last start time in ms."""
        rows = self._rows(
            "SELECT source, count(*), min(start_ms), max(coalesce(end_ms, start_ms)) FROM record"
            " WHERE body IS NOT NULL GROUP BY source ORDER BY source"
        )
        return [(str(name), int(count), int(first), int(last)) for name, count, first, last in rows]

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Walk the whole chain: every commitment against its content, every link against the one before.

        Raises:
            NeedsPerson: the file itself is damaged.
        """
        total = self.head().seq
        chain, forgotten, bad, expected = _GENESIS, 0, list[int](), 0
        rows = self._rows("SELECT seq, id, salt, body, commitment, chain FROM record ORDER BY seq")
        for seq, identity, salt, body, commitment, link in rows:
            expected += 1
            good = seq == expected
            if body is None:
                forgotten += 1
            else:
                good = good and _commitment(salt, body) == commitment and content_id(orjson.loads(body)) == identity
            chain = hashlib.sha256(chain + commitment).digest()
            if not good or chain != link:
                bad.append(int(seq))
                chain, expected = link, int(seq)
            if progress is not None and expected % 1000 == 0:
                progress(expected, total)
        return VerifyReport(total, forgotten, bad)

    def _rows(self, sql: str, values: Sequence[Json] = ()) -> Iterator[Json]:
        """The rows of a query.

        Raises:
            NeedsPerson: a page of the file is not what was written; the cipher notices every flipped bit.
        """
        try:
            yield from self._reader().execute(sql, values)
        except apsw.CorruptError as error:
            raise NeedsPerson(
                "journal-damaged",
                f"{self._path.name} is damaged on the disk; nothing was changed. Put back a copy of the vault.",
            ) from error

    def _reader(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = open_database(self._path, self._key)
            self._local.connection = connection
        return connection

    @staticmethod
    def _head(connection: apsw.Connection) -> Head:
        row = connection.execute("SELECT seq, chain FROM record ORDER BY seq DESC LIMIT 1").fetchone()
        return Head(0, _GENESIS) if row is None else Head(int(row[0]), bytes(row[1]))


def _commitment(salt: bytes, raw: bytes) -> bytes:
    return hashlib.sha256(salt + raw).digest()


def _series_end(body: dict[str, Json]) -> int:
    return int(body["start_ms"]) + int(body["step_ms"]) * len(body["values"])


def _stored(row: tuple[int, bytes, bytes, int]) -> Stored:
    seq, identity, body, received_ms = row
    return Stored(seq, bytes(identity), record_from_body(orjson.loads(body)), received_ms)
