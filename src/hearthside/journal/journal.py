"""The journal: encrypted, append-only, idempotent by event id, hash-chained, one writer with group commit.

An acknowledgement means the record is on disk (WAL, ``synchronous=FULL``). The chain runs over salted commitments, so
that forgetting a record (its body and salt go) leaves no digest of what was forgotten and the chain still verifies.
Payloads are sealed under a key for each source and local day, so that destroying a key reaches the backups too.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import apsw
import orjson

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json, Record, id_before_format_2, record_from_body
from hearthside.journal import files, migrations
from hearthside.journal.batch import Batch
from hearthside.journal.keyring import DayKey, Keyring
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.rewriting import rewrite
from hearthside.journal.sealing import Opened, Prepared, SealedRow, prepare, unseal
from hearthside.journal.shredding import destroy_dead_keys, forget
from hearthside.journal.verification import VerifyReport, verify
from hearthside.journal.writer import Done, Job, Writer
from hearthside.journal.year_file import Head, Replaced, YearFile, genesis, head_of

_READ = "start_ms, id, seq, key, sealed"


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


class _KeysChanged(Exception):
    """Keys were destroyed since they were looked up; look again."""


class Journal:
    """The journal of one vault. Safe to use from many threads, and from several processes at once.

    Args:
        folder: folder of the vault; the files are in ``journal/`` there.
        key: 32 bytes, `vault.key("journal")`.
        clock: gives the arrival time, UTC milliseconds.
        former_keys: keys from before a rotation, for files that were not rewritten yet.
        vfs: see `open_database`.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        clock: Callable[[], int],
        *,
        former_keys: Sequence[bytes] = (),
        vfs: str | None = None,
    ) -> None:
        self.folder = folder / "journal"
        self._clock, self._vfs = clock, vfs
        self._roots = (key, *former_keys)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with files.rewriting(self.folder, wait=False) as alone:
            if alone:
                files.sweep(self.folder)
        if (self.folder / files.RESTORING).exists():
            raise NeedsPerson(
                "restore-unfinished",
                "Restoring this vault was cut off, so it is not whole; the backup is untouched."
                " Run `hearthside restore` again.",
            )
        migrations.bring_up_to_date(folder, self._roots, vfs)
        self.keyring = Keyring(self.folder, keyring_keys(self._roots), vfs)
        self._refresh_lock = threading.Lock()
        self._listed_at = -1
        self._files: tuple[YearFile, ...] = ()
        self._shreds = -1
        self._files_in_force()
        destroy_dead_keys(self._files, self.keyring)
        self._writer = Writer(self._commit)

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
        job = Job(_prepared(records))
        if not self._writer.run(job):
            raise _closed()
        if job.error is not None:
            raise _explained(job.error)
        return job.new

    def submit(self, records: Sequence[Record], done: Done) -> None:
        """Like `append` without waiting: `done` is called in the writer's thread with the flags or the error.

        Raises:
            RetryLater, Refused: as `append`, where it is known at once.
        """

        def told(result: list[bool] | Exception) -> None:
            done(_explained(result) if isinstance(result, Exception) else result)

        if not self._writer.submit(Job(_prepared(records), told)):
            raise _closed()

    def _commit(self, jobs: list[Job]) -> None:
        days = {(record.source, record.day) for job in jobs for record in job.records}
        while True:
            keys = self.keyring.current(days)
            current = self._file_to_write()
            try:
                with current.writing() as connection:
                    self._check_keys(connection)
                    self._insert(connection, current, jobs, keys)
                if not any(any(job.new) for job in jobs):
                    files.sync_log(current.path)  # what is known already may come from a process killed before its sync
                return
            except (Replaced, _KeysChanged):
                for job in jobs:
                    job.new.clear()
                self._listed_at = -1

    def _check_keys(self, connection: apsw.Connection) -> None:
        """Under the write lock: nobody destroyed keys since ours were looked up."""
        row = connection.execute("SELECT value FROM meta WHERE name = 'shreds'").fetchone()
        shreds = int(row[0]) if row else 0
        if shreds != self._shreds:
            self._shreds = shreds
            self.keyring.forget_cached()
            raise _KeysChanged

    def _insert(
        self, connection: apsw.Connection, current: YearFile, jobs: list[Job], keys: Mapping[tuple[str, int], DayKey]
    ) -> None:
        earlier = [file for file in self._files if file is not current]
        old_ids = [file for file in self._files if file.has_old_ids]

        def elsewhere(p: Prepared) -> bool:
            return _in_earlier(earlier, p) or _under_old_id(old_ids, p)

        batch = Batch(connection, head_of(connection, current.before), keys, self._clock())
        batch.insert(jobs, elsewhere if earlier or old_ids else None)

    def _file_to_write(self) -> YearFile:
        """The newest file, made when the year is new. The year never goes back, whatever the clock says."""
        found = self._files_in_force()
        newest = found[-1] if found else None
        year = datetime.fromtimestamp(self._clock() / 1000, UTC).year
        if newest is not None and int(files.stem_of(newest.path)) >= year:
            return newest
        with files.rewriting(self.folder):
            self._listed_at = -1
            newest = self._files_in_force()[-1] if self._files_in_force() else None
            if newest is None or int(files.stem_of(newest.path)) < year:
                self._begin_year(newest, year)
        self._listed_at = -1
        return self._files_in_force()[-1]

    def _begin_year(self, newest: YearFile | None, year: int) -> None:
        path = files.next_revision(self.folder, f"{year:04d}")
        key = year_keys(self._roots)[0]
        if newest is None:
            YearFile.create(path, key, genesis(), self._vfs)
            return
        with newest.writing() as connection:  # nobody appends to the old year behind the head the new one builds on
            YearFile.create(path, key, head_of(connection, newest.before), self._vfs)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('closed', 'year')")

    def forget(self, ids: Iterable[bytes]) -> int:
        """Remove the content of records for good; their commitments stay, so the chain still verifies.

        The keys of their source and day are destroyed, so that copies in backups cannot be opened any more either; what
        else lay under those keys is sealed anew.

        Returns:
            How many records lost their content.
        """
        wanted = list(ids)  # they may come from a reading of this journal, which must end before it is changed
        with files.rewriting(self.folder):
            self._listed_at = -1
            return forget(self._files_in_force(), self.keyring, wanted)

    def rotate(self, new_key: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Write keyring and year files anew under a new key, while everything goes on.

        The keyring comes first, so that from then on nothing new lies under what the old key opens. Cut short, the
        files not yet rewritten still open with the former key (`former_keys`); rotating again with the same key
        finishes it.
        """
        with files.rewriting(self.folder):
            if new_key != self._roots[0]:
                self._roots = (new_key, *self._roots)
            self.keyring.rewrite(keyring_keys(self._roots))
            self._shreds = -1
            self._rewrite_all(progress)

    def compact(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Write the year files anew without the empty pages that forgetting leaves."""
        with files.rewriting(self.folder):
            self._rewrite_all(progress)

    def _rewrite_all(self, progress: Callable[[int, int], None] | None) -> None:
        self._listed_at = -1
        for file in self._files_in_force():
            rewrite(self.folder, file, year_keys(self._roots)[0], self._vfs, progress)
        self._listed_at = -1
        self._files_in_force()

    def close(self) -> None:
        """Finish what is queued and close; safe to call twice."""
        if self._writer.close():
            for file in self._files:
                file.close()
            self.keyring.close()

    # -- reading -----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """How many records there are and the hash over them all."""
        found = self._files_in_force()
        return found[-1].head() if found else genesis()

    def chain_at(self, seq: int) -> bytes | None:
        """The hash that covers the first `seq` records, or None when there are fewer."""
        if seq == 0:
            return genesis().chain
        for file in self._files_in_force():
            if (chain := file.chain_at(seq)) is not None:
                return chain
        return None

    def get(self, ids: Iterable[bytes]) -> dict[bytes, Stored]:
        """The records with these ids; an unknown or forgotten id is simply absent."""
        found = {}
        in_force = self._files_in_force()
        for identity in ids:
            for file in in_force:
                sql = f"SELECT {_READ} FROM record WHERE id = ? AND sealed IS NOT NULL"
                row = next(file.rows(sql, (identity,)), None)
                if row is not None:
                    found[identity] = self._stored(row)
                    break
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
        where, values = ["sealed IS NOT NULL"], list[int | str]()
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
        sql = f"SELECT {_READ} FROM record WHERE {' AND '.join(where)} ORDER BY start_ms {order}, id"
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        yield from self._merged(sql, values, newest_first, limit)

    def read_long(self, start_ms: int, end_ms: int) -> Iterator[Stored]:
        """Intervals of more than 24 hours that overlap [start_ms, end_ms), in order of (start time, id)."""
        sql = (
            f"SELECT {_READ} FROM record INDEXED BY record_long"
            " WHERE end_ms - start_ms > 86400000 AND end_ms > ?"
            " AND start_ms < ? AND sealed IS NOT NULL ORDER BY start_ms, id"
        )
        yield from self._merged(sql, (start_ms, end_ms))

    def since(self, seq: int, limit: int | None = None) -> Iterator[Stored]:
        """Records after a position, in the order in which they arrived."""
        rows = (
            row
            for file in self._files_in_force()
            for row in file.rows(
                f"SELECT {_READ} FROM record WHERE seq > ? AND sealed IS NOT NULL ORDER BY seq LIMIT ?",
                (seq, -1 if limit is None else limit),
            )
        )
        for row in islice(rows, limit):
            yield self._stored(row)

    def offsets(self) -> list[tuple[int, int]]:
        """Every UTC offset a source carried: (start time in ms, minutes), in order of time."""
        sql = (
            "SELECT start_ms, id, offset_min FROM record WHERE offset_min IS NOT NULL AND sealed IS NOT NULL"
            " ORDER BY start_ms, id"
        )
        merged = heapq.merge(*(file.rows(sql) for file in self._files_in_force()))
        return [(int(start), int(offset)) for start, _, offset in merged]

    def sources(self) -> list[tuple[str, int, int, int]]:
        """For each source: name, records, first and last start time in ms."""
        found: dict[str, tuple[int, int, int]] = {}
        for file in self._files_in_force():
            for name, count, first, last in file.tally():
                before = found.get(name, (0, first, last))
                found[name] = (before[0] + count, min(before[1], first), max(before[2], last))
        return [(name, *counts) for name, counts in sorted(found.items())]

    # -- for copies --------------------------------------------------------------------------------------------------

    def years(self) -> list[tuple[int, int, int]]:
        """Of each year file the year, and its first and last position."""
        found = self._files_in_force()
        return [(int(files.stem_of(file.path)), file.first_seq, file.head().seq) for file in found]

    def sealed_rows(self, year: int, after: int, limit: int) -> list[SealedRow]:
        """Rows of a year after a position, as backups carry them, in order."""
        sql = "SELECT seq, key, sealed, commitment FROM record WHERE seq > ? ORDER BY seq LIMIT ?"
        return [SealedRow(*row) for row in self._year(year).rows(sql, (after, limit))]

    def changed_upto(self, year: int) -> int:
        """How often rows of a year were forgotten or sealed anew."""
        return int(next(self._year(year).rows("SELECT coalesce(max(n), 0) FROM changed"))[0])

    def changed_rows(self, year: int, after: int) -> list[SealedRow]:
        """Rows of a year that were forgotten or sealed anew since `changed_upto` said `after`, each once, in order."""
        sql = (
            "SELECT seq, key, sealed, commitment FROM record"
            " WHERE seq IN (SELECT seq FROM changed WHERE n > ?) ORDER BY seq"
        )
        return [SealedRow(*row) for row in self._year(year).rows(sql, (after,))]

    def opened_rows(self, year: int, after: int, limit: int) -> list[tuple[SealedRow, Opened | None]]:
        """Like `sealed_rows`, each with what is inside, None for what was forgotten."""
        return [(row, self._inside(row)) for row in self.sealed_rows(year, after, limit)]

    def _inside(self, row: SealedRow) -> Opened | None:
        if row.sealed is None or row.key_id is None:
            return None
        return unseal(self.keyring.by_id(row.key_id).cipher, row.seq, row.sealed)

    def _year(self, year: int) -> YearFile:
        return next(file for file in self._files_in_force() if int(files.stem_of(file.path)) == year)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Look at everything: every page, every commitment against its content, every link, every key.

        See `hearthside.journal.verification`. Damage is reported, not raised.
        """
        return verify(self._files_in_force(), self.keyring, progress)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _files_in_force(self) -> tuple[YearFile, ...]:
        """The year files, oldest first; looked at anew when the folder changed, by us or by another process."""
        stamp = self.folder.stat().st_mtime_ns
        if stamp != self._listed_at:
            with self._refresh_lock:
                known = {file.path: file for file in self._files}
                keys = year_keys(self._roots)
                self._files = tuple(
                    known.get(path) or YearFile(path, keys, self._vfs) for path in files.year_files(self.folder)
                )
                self._listed_at = stamp
        return self._files

    def _merged(
        self, sql: str, values: Sequence[Json], newest_first: bool = False, limit: int | None = None
    ) -> Iterator[Stored]:
        streams = [file.rows(sql, values) for file in self._files_in_force()]
        if len(streams) == 1:
            rows = streams[0]
        elif newest_first:
            rows = heapq.merge(*streams, key=lambda row: (-row[0], row[1]))
        else:
            rows = heapq.merge(*streams, key=lambda row: (row[0], row[1]))
        for row in islice(rows, limit):
            yield self._stored(row)

    def _stored(self, row: Json) -> Stored:
        _, identity, seq, key_id, sealed = row
        opened = unseal(self.keyring.by_id(key_id).cipher, seq, sealed)
        return Stored(seq, identity, record_from_body(orjson.loads(opened.raw)), opened.received_ms)


def _in_earlier(earlier: Sequence[YearFile], record: Prepared) -> bool:
    """Whether an earlier year has it; most cannot, because nothing in them is that late."""
    return any(file.may_have(record.start_ms) and file.has(record.id) for file in earlier)


def _under_old_id(old: Sequence[YearFile], record: Prepared) -> bool:
    identity = id_before_format_2(record.raw)
    return any(file.has(identity) for file in old)


def _prepared(records: Sequence[Record]) -> list[Prepared]:
    try:
        return [prepare(record) for record in records]
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        raise _cannot_keep(error) from error


def _cannot_keep(error: Exception) -> Refused:
    return Refused(
        "journal-record-wrong", f"A record cannot be kept as it is ({error}); nothing of this call was written."
    )


def _closed() -> RetryLater:
    return RetryLater("journal-closed", "The journal is closed; nothing was written. Try again.")


def _explained(cause: Exception) -> HearthsideError:
    """What went wrong as an error the caller can act on."""
    if isinstance(cause, HearthsideError):
        return cause
    if isinstance(cause, apsw.Error | OSError):
        error: HearthsideError = RetryLater(
            "journal-write-failed",
            f"The journal could not write ({type(cause).__name__}); nothing of this was kept. Try again.",
        )
    else:
        error = _cannot_keep(cause)
    error.__cause__ = cause
    return error
