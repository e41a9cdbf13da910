"""The journal: encrypted, append-only, idempotent by event id, hash-chained, one writer with group commit.

An acknowledgement means the record is on disk (WAL, ``synchronous=FULL``). The chain runs over salted commitments, so
that forgetting a record (its body and salt go) leaves no digest of what was forgotten and the chain still verifies.
Payloads are sealed under a key for each source and local day, so that destroying a key reaches the backups too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

import apsw

from hearthside.errors import NeedsPerson
from hearthside.events import Json, Record
from hearthside.journal import files, overviews
from hearthside.journal.batch import Batch
from hearthside.journal.bodies import Body
from hearthside.journal.explaining import cannot_keep, closed, explained, explaining, explaining_opening
from hearthside.journal.in_force import InForce
from hearthside.journal.keyring import DayKey
from hearthside.journal.keys import keyring_keys, year_keys
from hearthside.journal.opening import finish_cut_off_forgetting, open_keyring, put_in_order
from hearthside.journal.queries import (
    READ,
    SEALED,
    WHOLE,
    in_earlier,
    in_order,
    may_have,
    overlap,
    query,
    rows_of,
    under_old_ids,
)
from hearthside.journal.rewriting import rewrite
from hearthside.journal.sealing import Opened, Prepared, SealedRow, prepare
from hearthside.journal.shredding import forget
from hearthside.journal.unsealing import Stored, Unsealing
from hearthside.journal.verification import VerifyReport, verify
from hearthside.journal.writer import Done, Job, Writer
from hearthside.journal.year_file import Head, Replaced, YearFile, genesis, head_of


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
        renew_keys: gives the keys as they are now, the one in force first; asked where a file opens with none of the
            known ones, because another process made new keys.

    Raises:
        NeedsPerson: no key opens it, it is damaged, or of a newer Hearthside; nothing was changed.
        RetryLater: the disk refused.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        clock: Callable[[], int],
        *,
        former_keys: Sequence[bytes] = (),
        vfs: str | None = None,
        renew_keys: Callable[[], Sequence[bytes]] | None = None,
    ) -> None:
        self.folder = folder / "journal"
        self._renew_keys = renew_keys
        self._clock, self._vfs = clock, vfs
        self._roots = (key, *former_keys)
        self._shreds: tuple[Path, int] | None = None
        with explaining_opening():
            self._open(folder)
        self._writer = Writer(self._commit)

    def _open(self, vault: Path) -> None:
        put_in_order(vault, self.folder, self._roots, self._vfs)
        self.keyring = open_keyring(self.folder, self._roots, self._vfs)
        self.keyring.renew = self._renewed_keyring_keys
        self._files = InForce(self.folder, self._year_file)
        self._unsealing = Unsealing(self._files, self.keyring)
        try:
            self._files.now()
        except BaseException:
            self.keyring.close()
            raise
        finish_cut_off_forgetting(self.folder, self._files.now, self.keyring)

    def _year_file(self, path: Path) -> YearFile:
        """A year file opened, with new keys where another process made some."""
        try:
            return YearFile(path, year_keys(self._roots), self._vfs)
        except NeedsPerson:
            if not self._renew():
                raise
        return YearFile(path, year_keys(self._roots), self._vfs)

    def _renew(self) -> bool:
        """Ask for the keys as they are now; False when there are no others."""
        roots = tuple(self._renew_keys()) if self._renew_keys is not None else self._roots
        changed = roots != self._roots
        self._roots = roots
        return changed

    def _renewed_keyring_keys(self) -> Sequence[bytes]:
        self._renew()
        return keyring_keys(self._roots)

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
            raise closed()
        if job.error is not None:
            raise explained(job.error)
        return job.new

    def submit(self, records: Sequence[Record], done: Done) -> None:
        """Like `append` without waiting: `done` is called in the writer's thread with the flags or the error.

        Raises:
            RetryLater, Refused: as `append`, where it is known at once.
        """

        def told(result: list[bool] | Exception) -> None:
            done(explained(result) if isinstance(result, Exception) else result)

        if not self._writer.submit(Job(_prepared(records), told)):
            raise closed()

    def _commit(self, jobs: list[Job]) -> None:
        days = {(record.source, record.day) for job in jobs for record in job.records}
        while True:
            try:
                keys = self.keyring.current(days)
                current = self._file_to_write()
                with current.writing() as connection:
                    self._check_keys(connection, current)
                    self._insert(connection, current, jobs, keys)
                if not any(any(job.new) for job in jobs):
                    files.sync_log(current.path)  # what is known already may come from a process killed before its sync
                return
            except (Replaced, _KeysChanged):
                for job in jobs:
                    job.new.clear()

    def _check_keys(self, connection: apsw.Connection, current: YearFile) -> None:
        """Under the write lock: nobody destroyed keys since ours were looked up."""
        row = connection.execute("SELECT value FROM meta WHERE name = 'shreds'").fetchone()
        # Each file counts for itself: in a new year the count begins anew.
        shreds = (current.path, int(row[0]) if row else 0)
        if shreds != self._shreds:
            self._shreds = shreds
            self.keyring.forget_cached()
            raise _KeysChanged

    def _insert(
        self, connection: apsw.Connection, current: YearFile, jobs: list[Job], keys: Mapping[tuple[str, int], DayKey]
    ) -> None:
        in_force = self._files.known
        earlier = [file for file in in_force if file is not current]
        old_ids = [file for file in in_force if file.has_old_ids]

        def elsewhere(records: Sequence[Prepared]) -> list[bool]:
            there = in_earlier(earlier, records) | under_old_ids(old_ids, records)
            return [p.id in there for p in records]

        batch = Batch(connection, head_of(connection, current.before), keys, self._clock())
        last = batch.insert(jobs, elsewhere if earlier or old_ids else None)
        current.keep_tally(connection, last)

    def _file_to_write(self) -> YearFile:
        """The newest file, made when the year is new. The year never goes back, whatever the clock says."""
        found = self._files.now()
        newest = found[-1] if found else None
        year = datetime.fromtimestamp(self._clock() / 1000, UTC).year
        if newest is not None and newest.year >= year:
            return newest
        # While somebody rewrites files, which takes long, the new year waits: the old file takes its first records.
        with files.rewriting(self.folder, wait=newest is None) as alone:
            if alone:
                found = self._files.now()
                newest = found[-1] if found else None
                if newest is None or newest.year < year:
                    self._begin_year(newest, year)
        return self._files.now()[-1]

    def _begin_year(self, newest: YearFile | None, year: int) -> None:
        path = files.next_revision(self.folder, f"{year:04d}")
        key = year_keys(self._roots)[0]
        if newest is None:
            YearFile.create(path, key, genesis(), self._vfs)
            return
        with newest.writing() as connection:  # nobody appends to the old year behind the head the new one builds on
            files.sync_log(newest.path)  # that head may come from a process killed before its sync
            YearFile.create(path, key, head_of(connection, newest.before), self._vfs)
            newest.close_year(connection)

    def forget(self, ids: Iterable[bytes]) -> int:
        """Remove the content of records for good; their commitments stay, so the chain still verifies.

        The keys of their source and day are destroyed, so that copies in backups cannot be opened any more either; what
        else lay under those keys is sealed anew.

        Returns:
            How many records lost their content.
        """
        wanted = list(ids)  # they may come from a reading of this journal, which must end before it is changed
        with explaining("forget"), files.rewriting(self.folder):
            return forget(self._files.now(), self.keyring, wanted)

    def rotate(self, new_key: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Write keyring and year files anew under a new key, while everything goes on.

        The keyring comes first, so that from then on nothing new lies under what the old key opens. Cut short, the
        files not yet rewritten still open with the former key (`former_keys`); rotating again with the same key
        finishes it.

        Raises:
            RetryLater: the disk refused; nothing is lost, and what was not rewritten has the former key.
        """
        with explaining("rotate"), files.rewriting(self.folder):
            if new_key != self._roots[0]:
                self._roots = (new_key, *self._roots)
            self.keyring.rewrite(keyring_keys(self._roots))
            self._shreds = None
            self._rewrite_all(progress)

    def compact(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Write the year files anew without the empty pages that forgetting leaves.

        Raises:
            RetryLater: the disk refused; nothing is lost.
        """
        with explaining("compact"), files.rewriting(self.folder):
            self._rewrite_all(progress)

    def _rewrite_all(self, progress: Callable[[int, int], None] | None) -> None:
        for file in self._files.now():
            rewrite(self.folder, file, year_keys(self._roots)[0], self._vfs, progress)
        self._files.now()

    def close(self) -> None:
        """Finish what is queued and close; safe to call twice."""
        if self._writer.close():
            for file in self._files.known:
                file.close()
            self.keyring.close()

    # -- reading -----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """How many records there are and the hash over them all."""
        found = self._files.now()
        return self._files.answer(found[-1], YearFile.head) if found else genesis()

    def chain_at(self, seq: int) -> bytes | None:
        """The hash that covers the first `seq` records, or None when there are fewer."""
        if seq == 0:
            return genesis().chain
        if not 0 < seq <= self.head().seq:
            return None
        for file in self._files.now():
            if (chain := self._files.answer(file, lambda file: file.chain_at(seq))) is not None:
                return chain
        return None

    def get(self, ids: Iterable[bytes]) -> dict[bytes, Stored]:
        """The records with these ids, in their order; an unknown or forgotten id is simply absent."""
        found = dict[bytes, Stored]()
        asked = missing = list(dict.fromkeys(ids))
        in_force = self._files.now()
        # Years that are over know their bounds, so most of them are not asked; the newest takes what is left.
        for file in (*in_force[-2::-1], *in_force[-1:]):
            wanted = missing
            if file is not in_force[-1]:
                wanted = [identity for identity in missing if self._files.answer(file, partial(may_have, identity))]
            rows = self._files.answer(file, partial(rows_of, wanted)) if wanted else ()
            found |= {stored.id: stored for stored in self._unsealing.records(rows)}
            missing = [identity for identity in missing if identity not in found]
            if not missing:
                break
        return {identity: found[identity] for identity in asked if identity in found}

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
        sql, values = query(start_ms, end_ms, kinds, sources, newest_first)
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        yield from self._unsealing.records(islice(self._merged(sql, values, newest_first, (start_ms, end_ms)), limit))

    def bodies(
        self,
        start_ms: int | None = None,
        end_ms: int | None = None,
        *,
        kinds: Iterable[str] | None = None,
        sources: Iterable[str] | None = None,
    ) -> Iterator[tuple[bytes, int, Body]]:
        """Like `read`, as (id, position, body) without making records of them: half the work."""
        sql, values = query(start_ms, end_ms, kinds, sources, False)
        return self._unsealing.bodies(self._merged(sql, values, False, (start_ms, end_ms)))

    def bodies_between(self, start_ms: int, end_ms: int) -> Iterator[tuple[bytes, int, Body]]:
        """Like `bodies` of [start_ms, end_ms), what starts together in no certain order: for reading everything."""
        sql = f"SELECT {READ} FROM record WHERE start_ms >= ? AND start_ms < ? {WHOLE} ORDER BY start_ms"
        between = (start_ms, end_ms)
        return self._unsealing.bodies(self._merged(sql, between, False, between))

    def next_start(self, at_ms: int) -> int | None:
        """The earliest start time at or after one, of anything; None when nothing begins there any more."""
        return overviews.next_start(self._files, at_ms)

    def arrivals(self, limit: int) -> list[tuple[str, int]]:
        """Source and start time of the records that arrived last, oldest of them first."""
        return overviews.arrivals(self._files, limit)

    def since(self, seq: int, limit: int | None = None) -> Iterator[Stored]:
        """Records after a position, in the order in which they arrived."""
        yield from self._unsealing.records(self._arrived(seq, limit))

    def bodies_since(self, seq: int, limit: int) -> list[tuple[bytes, int, Body]]:
        """Like `since`, as (id, position, body)."""
        return list(self._unsealing.bodies(self._arrived(seq, limit)))

    def _arrived(self, seq: int, limit: int | None) -> Iterator[Json]:
        sql = f"SELECT {READ} FROM record WHERE seq > ? {WHOLE} ORDER BY seq LIMIT ?"
        values = (seq, -1 if limit is None else limit)
        in_force = self._files.now()
        # A file that ends before the position has nothing to say.
        ends = [file.before.seq for file in in_force[1:]]
        wanted = [file for file, end in zip(in_force, [*ends, None], strict=False) if end is None or end > seq]
        rows = (row for file in wanted for row in self._files.rows(file, lambda file: file.rows(sql, values)))
        return islice(rows, limit)

    def offsets_between(self, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """UTC offsets that sources carried in [start_ms, end_ms): (start time in ms, minutes), in order of time."""
        return overviews.offsets_between(self._files, start_ms, end_ms)

    def offsets(self) -> list[tuple[int, int]]:
        """UTC offsets that sources carried: (start time in ms, minutes), in order of time.

        Of a run of equal offsets only the first and the last are given; in between nothing else was heard.
        """
        return overviews.offsets(self._files)

    def sources(self) -> list[tuple[str, int, int, int]]:
        """For each source: name, records, first and last start time in ms."""
        return overviews.sources(self._files)

    def opened_with(self) -> tuple[Path, tuple[bytes, ...]]:
        """Folder of the vault, and the keys, for another process of this house: secret."""
        return self.folder.parent, self._roots

    # -- for copies --------------------------------------------------------------------------------------------------

    def years(self) -> list[tuple[int, int, int]]:
        """Of each year file the year, and its first and last position."""
        return [(file.year, file.first_seq, self._files.answer(file, YearFile.head).seq) for file in self._files.now()]

    def sealed_rows(self, year: int, after: int, limit: int) -> list[SealedRow]:
        """Rows of a year after a position, as backups carry them, in order."""
        sql = f"SELECT {SEALED} FROM record WHERE seq > ? ORDER BY seq LIMIT ?"
        return [SealedRow(*row) for row in self._rows_of_year(year, sql, (after, limit))]

    def changed_upto(self, year: int) -> int:
        """How often rows of a year were forgotten or sealed anew."""
        return int(next(self._rows_of_year(year, "SELECT coalesce(max(n), 0) FROM changed"))[0])

    def changed_rows(self, year: int, after: int) -> list[SealedRow]:
        """Rows of a year that were forgotten or sealed anew since `changed_upto` said `after`, each once, in order."""
        sql = f"SELECT {SEALED} FROM record WHERE seq IN (SELECT seq FROM changed WHERE n > ?) ORDER BY seq"
        return [SealedRow(*row) for row in self._rows_of_year(year, sql, (after,))]

    def opened_rows(self, year: int, after: int, limit: int) -> list[tuple[SealedRow, Opened | None]]:
        """Like `sealed_rows`, each with what is inside, None for what was forgotten."""
        rows = self.sealed_rows(year, after, limit)
        return [(row, self._unsealing.opened(row.seq, row.key_id, row.sealed)) for row in rows]

    def _rows_of_year(self, year: int, sql: str, values: Sequence[Json] = ()) -> Iterator[Json]:
        file = next(file for file in self._files.now() if file.year == year)
        return self._files.rows(file, lambda file: file.rows(sql, values))

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Look at everything: every page, every commitment against its content, every link, every key.

        See `hearthside.journal.verification`. Damage is reported, not raised.
        """
        return verify(self._files.now(), self.keyring, progress, self._files.same_year)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _merged(
        self,
        sql: str,
        values: Sequence[Json],
        newest_first: bool,
        between: tuple[int | None, int | None],
    ) -> Iterator[Json]:
        """The rows that a query gives, of all files that have anything between two times."""
        streams = list[tuple[int | None, Iterator[Json]]]()
        in_force = self._files.now()
        for file in in_force:
            bound = None
            if file is not in_force[-1]:
                first, last = self._files.answer(file, YearFile.bounds)
                bound = last if newest_first else first
                if last < first or not overlap(between, first, last):
                    continue
            streams.append((bound, self._files.rows(file, lambda file: file.rows(sql, values))))
        return streams[0][1] if len(streams) == 1 else in_order(streams, newest_first)


def _prepared(records: Sequence[Record]) -> list[Prepared]:
    try:
        return [prepare(record) for record in records]
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        raise cannot_keep(error) from error
