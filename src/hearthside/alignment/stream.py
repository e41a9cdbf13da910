"""The life stream: day blocks and a list of occurrences, kept in step with the journal; derived and rebuildable."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt

from hearthside.alignment.block import DayBlock, align_day, latest_revisions, pack, unpack
from hearthside.alignment.kinds import LOOKBACK_MIN, is_life
from hearthside.alignment.occurrence import (
    COLUMNS,
    Occurrence,
    casefold,
    holds,
    occurrence_of,
    occurrence_row,
    pattern,
)
from hearthside.alignment.offsets import REACH_MS, minute_offsets
from hearthside.alignment.revisions import SCHEMA as REVISIONS
from hearthside.alignment.revisions import TABLES as REVISION_TABLES
from hearthside.alignment.revisions import drop_forgotten, replaced_ids, take_revision
from hearthside.events import (
    DAY_MS,
    MINUTE_MS,
    Layer,
    Record,
    day_number,
)
from hearthside.identity.database import open_database, settle, take_place
from hearthside.journal import Journal, Stored

LOOKBACK_MS = LOOKBACK_MIN * MINUTE_MS
_VERSION = "6"  # of the derived format: another one means aligning again from the journal
_DAYS_CACHED = 3
_READ_BATCH = 5000
_DAYS_PER_COMMIT = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dirty (day INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS block (day INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS occurrence (
    id BLOB PRIMARY KEY,
    day INTEGER NOT NULL,
    layer TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER,
    local_day TEXT NOT NULL,
    offset_min INTEGER NOT NULL,
    precision TEXT NOT NULL,
    uncertainty_ms INTEGER NOT NULL,
    origin TEXT NOT NULL,
    trust TEXT NOT NULL,
    amount REAL,
    text TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS occurrence_by_day ON occurrence (day);
CREATE INDEX IF NOT EXISTS occurrence_by_kind ON occurrence (kind, start_ms);
CREATE INDEX IF NOT EXISTS occurrence_by_time ON occurrence (start_ms);
CREATE INDEX IF NOT EXISTS occurrence_by_local_day ON occurrence (local_day, kind);
"""

_TABLES = ("meta", "dirty", "block", "occurrence", *REVISION_TABLES)


class LifeStream:
    """The life stream of one vault.

    Args:
        folder: the vault's folder; the file is ``stream.db`` in it.
        key: 32 bytes, `vault.key("stream")`.
        journal: where the truth is read.
        home_zone: gives the zone used where no source carried an offset.
    """

    def __init__(self, folder: Path, key: bytes, journal: Journal, home_zone: Callable[[], tzinfo]) -> None:
        self._path, self._key = folder / "stream.db", key
        self._journal, self._home_zone = journal, home_zone
        self._local = threading.local()
        self._updating = threading.Lock()
        connection = self._connection()
        with connection:
            connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
            if self._meta("version", _VERSION) != _VERSION:
                for table in _TABLES:
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(_SCHEMA + REVISIONS)

    # -- keeping in step ---------------------------------------------------------------------------------------------

    def update(
        self,
        progress: Callable[[int, int], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Align every day that new records touch, newest first.

        Args:
            progress: called with (days done, days to do).
            stop: asked between commits; what is left stays marked and is done next time.

        Returns:
            How many days were aligned.
        """
        with self._updating:
            self._mark_dirty()
            return self._drain(progress, stop)

    def rebuild(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Forget everything derived and make it again from the journal; calls no model."""
        with self._updating:
            connection = self._connection()
            with connection:
                for table in _TABLES:
                    connection.execute(f"DELETE FROM {table}")
            self._mark_dirty(from_start=True)
            return self._drain(progress, stop)

    def _mark_dirty(self, from_start: bool = False) -> None:
        """Move the high-water mark to the end of the journal, marking each day that a new record can change."""
        connection = self._connection()
        zone = str(self._home_zone())
        if self._meta("home_zone", zone) != zone:
            from_start = True
        seq = 0 if from_start else int(self._meta("seq", "0"))
        while True:
            batch = list(self._journal.since(seq, _READ_BATCH))
            if not batch:
                break
            seq = batch[-1].seq
            with connection:
                days = set[int]()
                for item in batch:
                    days |= self._days_changed(connection, item)
                _mark(connection, days)
                self._set_meta("seq", str(seq))
        with connection:
            self._set_meta("version", _VERSION)
            self._set_meta("home_zone", zone)

    def settle(self) -> None:
        """Put everything on the disk, nothing in the write-ahead log: after this a power cut changes nothing."""
        settle(self._connection())

    def use_key(self, key: bytes) -> None:
        """Go on with the file that another process put in its place under this key."""
        self._key = key

    def move_to(self, key: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Make the life stream anew under another key, beside the present one, and then take its place."""
        with tempfile.TemporaryDirectory(dir=self._path.parent, prefix="moving-") as folder:
            new = LifeStream(Path(folder), key, self._journal, self._home_zone)
            new.update(progress)
            take_place(new._connection(), new._path, self._path)
        self._key = key

    def _days_changed(self, connection: apsw.Connection, item: Stored) -> set[int]:
        days = set(_days_touched(item.record))
        if is_life(item.record.kind) and (replaced := take_revision(connection, item)) is not None:
            for older in self._journal.get([replaced]).values():
                days |= set(_days_touched(older.record))
        return days

    def mark_days_dirty(self, days: Iterable[int]) -> None:
        """Have these UTC days aligned again at the next update (after forgetting)."""
        wanted = set(days)
        connection = self._connection()
        with connection:
            # Counted, so that an alignment under way reads the offsets again; this also takes the write lock.
            connection.execute(
                "INSERT INTO meta VALUES ('marks', '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1"
            )
            for stored in drop_forgotten(connection, self._journal, sorted(wanted)):
                wanted |= set(_days_touched(stored.record))
            _mark(connection, wanted)

    def _drain(self, progress: Callable[[int, int], None] | None, stop: Callable[[], bool]) -> int:
        connection = self._connection()
        offsets, zone = _Offsets(self._journal), self._home_zone()
        done = 0
        while self._dirty() and not stop():
            with connection:
                # The write lock before the journal is read: who appends or forgets from here on marks its days after
                # this commit, so that no mark is lost and nothing forgotten is written again.
                connection.execute("UPDATE dirty SET day = day WHERE 0")
                rows = connection.execute("SELECT day FROM dirty ORDER BY day DESC LIMIT ?", (_DAYS_PER_COMMIT,))
                days = [int(row[0]) for row in rows]
                observed = offsets.read(self._meta("marks", "0"))
                reader = _DayReader(self._journal, replaced_ids(connection))
                for day in days:
                    self._align(connection, day, reader, observed, zone)
                connection.executemany("DELETE FROM dirty WHERE day = ?", [(day,) for day in days])
                left = len(list(connection.execute("SELECT day FROM dirty")))
            done += len(days)
            if progress is not None:
                progress(done, done + left)
        return done

    def _align(
        self, connection: apsw.Connection, day: int, reader: _DayReader, observed: npt.NDArray[np.int64], zone: tzinfo
    ) -> None:
        near = observed[
            np.searchsorted(observed[:, 0], day * DAY_MS - REACH_MS) : np.searchsorted(
                observed[:, 0], (day + 1) * DAY_MS + REACH_MS, side="right"
            )
        ]
        stored = reader.window(day)
        block = align_day(day, stored, near, zone)
        connection.execute("DELETE FROM occurrence WHERE day = ?", (day,))
        rows = [
            row
            for item in stored
            if item.record.start_ms // DAY_MS == day and (row := occurrence_row(item, day, block)) is not None
        ]
        connection.executemany(f"INSERT OR REPLACE INTO occurrence VALUES ({','.join('?' * 16)})", rows)
        if block.empty and not block.offset_known.any():
            connection.execute("DELETE FROM block WHERE day = ?", (day,))
        else:
            connection.execute("INSERT OR REPLACE INTO block VALUES (?, ?)", (day, pack(block)))

    def _dirty(self) -> bool:
        return self._connection().execute("SELECT 1 FROM dirty LIMIT 1").fetchone() is not None

    # -- reading -----------------------------------------------------------------------------------------------------

    def block(self, day: int) -> DayBlock | None:
        """The block of a UTC day, or None when nothing was heard that day and no source near it carried an offset."""
        row = self._connection().execute("SELECT body FROM block WHERE day = ?", (day,)).fetchone()
        return None if row is None else unpack(row[0])

    def blocks(self, first: int | None = None, last: int | None = None) -> Iterator[DayBlock]:
        """Blocks of the UTC days in [first, last], in order; all of them by default."""
        rows = self._connection().execute(
            "SELECT body FROM block WHERE day >= ? AND day <= ? ORDER BY day",
            (-(10**9) if first is None else first, 10**9 if last is None else last),
        )
        for row in rows:
            yield unpack(row[0])

    def occurrences(
        self,
        *,
        kinds: Iterable[str] | None = None,
        sources: Iterable[str] | None = None,
        layers: Iterable[Layer] | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        local_days: tuple[str, str] | None = None,
        words: Iterable[str] = (),
        about: Iterable[str] = (),
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Occurrence]:
        """Occurrences in order of start, that meet every condition given.

        Args:
            start_ms, end_ms: overlapping [start_ms, end_ms).
            local_days: first and last local date, inclusive.
            words: each must appear in text or note, whatever the case.
            about: each must appear where a person or place is named: the note, or the text of a region.
        """
        where, values = ["1"], list[str | int]()
        for column, wanted in (("kind", kinds), ("source", sources), ("layer", layers)):
            if wanted is not None:
                names = [str(name) for name in wanted]
                where.append(f"{column} IN ({','.join('?' * len(names))})")
                values.extend(names)
        if start_ms is not None:
            where.append("max(coalesce(end_ms, start_ms), start_ms + 1) > ?")
            values.append(start_ms)
        if end_ms is not None:
            where.append("start_ms < ?")
            values.append(end_ms)
        if local_days is not None:
            where.append("local_day BETWEEN ? AND ?")
            values.extend(local_days)
        for word in words:
            where.append(f"({holds('text', word)} OR {holds('note', word)})")
            values.extend([pattern(word)] * 2)
        for word in about:
            where.append(f"({holds('note', word)} OR (kind LIKE 'region%' AND {holds('text', word)}))")
            values.extend([pattern(word)] * 2)
        sql = (
            f"SELECT {COLUMNS} FROM occurrence WHERE {' AND '.join(where)}"
            f" ORDER BY start_ms {'DESC' if newest_first else 'ASC'}, id"
        )
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return [occurrence_of(row) for row in self._connection().execute(sql, values)]

    def offsets_of(self, ids: Iterable[bytes]) -> dict[bytes, int]:
        """The person's UTC offset at each of these occurrences, minutes."""
        connection = self._connection()
        found = {}
        for identity in ids:
            row = connection.execute("SELECT offset_min FROM occurrence WHERE id = ?", (identity,)).fetchone()
            if row is not None:
                found[identity] = int(row[0])
        return found

    def get(self, identity: bytes) -> Occurrence | None:
        """The occurrence with this id, or None."""
        row = self._connection().execute(f"SELECT {COLUMNS} FROM occurrence WHERE id = ?", (identity,)).fetchone()
        return None if row is None else occurrence_of(row)

    def offsets_on(self, day: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        """The person's UTC offset at each minute of a UTC day, (1440,), and whether a source carried it.

        The home zone's where nothing was heard.
        """
        block = self.block(day)
        if block is not None:
            return block.offset_min, block.offset_known
        return minute_offsets(day, np.zeros((0, 2), dtype=np.int64), self._home_zone())

    def offset_on(self, day: str) -> int:
        """The person's UTC offset at noon UTC of a day, minutes; the home zone's where nothing was heard."""
        return int(self.offsets_on(day_number(day))[0][720])

    def bounds(self) -> tuple[str, str] | None:
        """First and last local day of the life stream, or None while it is empty."""
        row = self._connection().execute("SELECT min(local_day), max(local_day) FROM occurrence").fetchone()
        return None if row is None or row[0] is None else (str(row[0]), str(row[1]))

    def counts(self) -> dict[tuple[str, str], int]:
        """Occurrences by (source, kind)."""
        rows = self._connection().execute("SELECT source, kind, count(*) FROM occurrence GROUP BY source, kind")
        return {(str(source), str(kind)): int(count) for source, kind, count in rows}

    def pending(self) -> bool:
        """Whether records wait to be aligned."""
        return self._dirty() or int(self._meta("seq", "0")) < self._journal.head().seq

    def fingerprint(self) -> str:
        """A hash over everything derived: equal life streams have equal fingerprints."""
        digest = hashlib.sha256()
        for day, body in self._connection().execute("SELECT day, body FROM block ORDER BY day"):
            digest.update(f"{day}:{len(body)}:".encode() + body)
        for row in self._connection().execute("SELECT * FROM occurrence ORDER BY id"):
            digest.update(repr(row).encode())
        return digest.hexdigest()

    def _meta(self, name: str, default: str) -> str:
        row = self._connection().execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def _set_meta(self, name: str, value: str) -> None:
        self._connection().execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is not None and self._local.key != self._key:  # the file was written anew under another key
            connection.close()
            connection = None
        if connection is None:
            connection = open_database(self._path, self._key)
            # Derived data: losing the last commits costs an alignment, never a record.
            connection.pragma("synchronous", "normal")
            connection.create_scalar_function("casefold", casefold, 1, deterministic=True)
            self._local.connection, self._local.key = connection, self._key
        return connection


class _Offsets:
    """The offsets that sources carried, (n, 2), read again only when the journal may hold others."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._state: tuple[int, str] | None = None
        self._observed = np.zeros((0, 2), dtype=np.int64)

    def read(self, marks: str) -> npt.NDArray[np.int64]:
        """Rows (time in ms, offset in minutes); `marks` changes whenever something was forgotten."""
        state = (self._journal.head().seq, marks)
        if state != self._state:
            self._state = state
            self._observed = np.array(self._journal.offsets(), dtype=np.int64).reshape(-1, 2)
        return self._observed


class _DayReader:
    """Decoded journal records by UTC day; neighbouring days share their windows, so the last few are kept."""

    def __init__(self, journal: Journal, replaced: set[bytes]) -> None:
        self._journal, self._replaced = journal, replaced
        self._days: OrderedDict[int, list[Stored]] = OrderedDict()

    def window(self, day: int) -> list[Stored]:
        """Records that start in the day or the day before, and longer ones that reach in; of each its last revision."""
        start = day * DAY_MS
        long = [
            item for item in self._journal.read_long(start, start + DAY_MS) if item.record.start_ms < start - DAY_MS
        ]
        found = [item for item in (*long, *self._day(day - 1), *self._day(day)) if item.id not in self._replaced]
        return latest_revisions(found)

    def _day(self, day: int) -> list[Stored]:
        if day not in self._days:
            self._days[day] = list(self._journal.read(day * DAY_MS, (day + 1) * DAY_MS))
            if len(self._days) > _DAYS_CACHED:
                self._days.popitem(last=False)
        return self._days[day]


def _mark(connection: apsw.Connection, days: Iterable[int]) -> None:
    connection.executemany("INSERT OR IGNORE INTO dirty VALUES (?)", [(day,) for day in sorted(days)])


def _days_touched(record: Record) -> Iterable[int]:
    """UTC days whose block or occurrences a record can change."""
    first, last = record.start_ms, record.start_ms
    if is_life(record.kind):
        last = max(record.start_ms if record.end_ms is None else record.end_ms, first) + LOOKBACK_MS
    elif record.offset_min is None:
        return ()
    if record.offset_min is not None:
        first, last = first - REACH_MS, max(last, record.start_ms + REACH_MS)
    return range(first // DAY_MS, last // DAY_MS + 1)
