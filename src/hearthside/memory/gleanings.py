"""What plain code reads out of each chunk of the life stream, kept encrypted and in step; the ground of all knowing."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Protocol, TypeAlias

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.columns import EventColumns
from hearthside.alignment.occurrence import local_days_in, offsets_in
from hearthside.alignment.offsets import OffsetTrack
from hearthside.alignment.store import ChunkFacts, memory_of, remember, writing
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, Event, Json
from hearthside.identity.database import open_database, settle, take_place
from hearthside.journal import Journal

Row: TypeAlias = list[Json]
"""One finding, as its gleaner writes and reads it."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS looked (
    stream INTEGER NOT NULL, day INTEGER NOT NULL, stamp BLOB NOT NULL, PRIMARY KEY (stream, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gleaned (
    gleaner TEXT NOT NULL, stream INTEGER NOT NULL, day INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (day, stream, gleaner)
) STRICT, WITHOUT ROWID;
"""
_TABLES = ("looked", "gleaned")
_RUN_GAP_DAYS = 8  # dirty days this near one another are read in one go
_COMMIT_CHUNKS = 4000
_ANY = ""  # of kinds: all of them


@dataclass(frozen=True, slots=True)
class _Seen:
    """The life stream at a look: its version, a hash of the person's offsets, and events by source and kind."""

    version: int
    track: str
    counts: dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Given:
    """What a gleaner is given: the events of one stream that start on one UTC day.

    Attributes:
        days: (n,) the person's local day of each, days since 1970.
        offsets: (n,) the person's UTC offset at each, minutes.
        payloads: gives the payloads of events by id; slower than columns, for what columns do not hold.
    """

    columns: EventColumns
    days: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    payloads: Callable[[Iterable[bytes]], dict[bytes, Mapping[str, Json]]]


class Gleaner(Protocol):
    """A module that finds something in single chunks; deterministic, and it calls no model.

    Attributes:
        NAME: under which its rows are kept.
        VERSION: counted up whenever it would find something else.
        KINDS: kinds of events it reads.
    """

    NAME: str
    VERSION: int
    KINDS: frozenset[str]

    def glean(self, given: Given) -> list[Row]:
        """The findings of one chunk, as JSON rows."""
        ...


class Gleanings:
    """Rows of all gleaners, kept in step with the life stream. Safe to use from many threads.

    Only chunks that changed since the last look are read again. Everything can be made anew from the life stream.

    Args:
        folder: the vault's folder; the file is ``knowing.db`` in it.
        key: 32 bytes, `vault.key("knowing")`.
    """

    def __init__(
        self, folder: Path, key: bytes, stream: LifeStream, journal: Journal, gleaners: Sequence[Gleaner]
    ) -> None:
        self._path, self._key = folder / "knowing.db", key
        self._stream, self._journal, self._gleaners = stream, journal, list(gleaners)
        self._kinds = frozenset[str]().union(*(gleaner.KINDS for gleaner in gleaners))
        self._local = threading.local()
        self._updating = threading.Lock()
        self._seen: _Seen | None = None
        self._moved: dict[str, int] = {}
        versions = repr(sorted((gleaner.NAME, gleaner.VERSION) for gleaner in gleaners))
        connection = self._connection()
        with writing(connection):
            connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
            if memory_of(connection, "version", versions) != versions:
                for table in _TABLES:
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute("DELETE FROM meta")
            connection.execute(_SCHEMA)
            remember(connection, "version", versions)

    # -- keeping in step ---------------------------------------------------------------------------------------------

    def update(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Read every chunk that changed; returns how many there were. Cheap when no chunk did that is read."""
        with self._updating:
            connection = self._connection()
            track = self._stream.track()
            seen = _Seen(self._stream.version(), _track_hash(track), {})
            state = f"{seen.version}/{seen.track}"
            current = memory_of(connection, "state") == state
            if current and self._seen is not None and self._seen.version == seen.version:
                return 0
            seen = replace(seen, counts=self._stream.counts())
            changed = self._changed_since(seen)
            if current or (changed is not None and not changed & self._kinds):
                self._seen = seen
                with writing(connection):
                    remember(connection, "state", state)
                return 0
            wanted = self._wanted(track)
            known = {
                (int(stream), int(day)): bytes(stamp)
                for stream, day, stamp in connection.execute("SELECT stream, day, stamp FROM looked")
            }
            self._drop(connection, [place for place in known if place not in wanted])
            dirty = {place: stamp for place, stamp in wanted.items() if known.get(place) != stamp}
            done = self._read(connection, dirty, track, progress, stop)
            if done == len(dirty):
                self._seen = seen
                with writing(connection):
                    remember(connection, "state", state)
            return done

    def _changed_since(self, now: _Seen) -> set[str] | None:
        """Kinds with a chunk that changed or went since the last look; None where that cannot be told.

        A chunk that changed carries a later version; one that went has taken its events out of the counts.
        """
        before = self._seen
        if before is None or before.track != now.track or before.version > now.version:
            self._moved = dict.fromkeys((*self._moved, _ANY), now.version)
            return None
        names = self._stream.streams()
        numbers = {fact.stream for fact in self._stream.changed_since(before.version)}
        places = before.counts.keys() | now.counts.keys()
        changed = {
            kind for source, kind in places if before.counts.get((source, kind)) != now.counts.get((source, kind))
        }
        changed |= {names[number].kind for number in numbers if number in names}
        self._moved |= dict.fromkeys(changed, now.version)
        return changed if numbers <= names.keys() else None

    def moved(self, kinds: Iterable[str]) -> int:
        """Version of the life stream at the last look that found a chunk of one of these kinds or measures changed."""
        return max((self._moved.get(kind, 0) for kind in (_ANY, *kinds)), default=0)

    def changes(self, name: str) -> int:
        """Counted up whenever a row of this gleaner came, went or became another."""
        return int(memory_of(self._connection(), f"changes {name}", "0"))

    def rebuild(self) -> int:
        """Forget everything and read the life stream again."""
        with self._updating:
            connection = self._connection()
            self._seen = None
            with writing(connection):
                for gleaner in self._gleaners:
                    _count_up(connection, gleaner.NAME)
                for table in _TABLES:
                    connection.execute(f"DELETE FROM {table}")
                connection.execute("DELETE FROM meta WHERE name = 'state'")
        return self.update()

    def settle(self) -> None:
        """Put everything on the disk, nothing in the write-ahead log."""
        settle(self._connection())

    def use_key(self, key: bytes) -> None:
        """Go on with the file that another process put in its place under this key."""
        self._key, self._seen = key, None

    def move_to(self, key: bytes) -> None:
        """Make everything anew under another key, beside the present file, and then take its place."""
        with tempfile.TemporaryDirectory(dir=self._path.parent, prefix="moving-") as folder:
            new = Gleanings(Path(folder), key, self._stream, self._journal, self._gleaners)
            new.update()
            take_place(new._connection(), new._path, self._path)
        self._key, self._seen = key, None

    def _wanted(self, track: OffsetTrack) -> dict[tuple[int, int], bytes]:
        """A stamp for each chunk that a gleaner reads; another content or another local time has another stamp."""
        numbers = {n for n, name in self._stream.streams().items() if not name.series and name.kind in self._kinds}
        facts = [fact for fact in self._stream.facts() if fact.stream in numbers and fact.events]
        quarters = np.arange(0, 5, dtype=np.int64) * (DAY_MS // 4)
        noons = np.array([fact.day for fact in facts], dtype=np.int64)[:, None] * DAY_MS + quarters
        offsets = track.at(noons.ravel()).reshape(-1, len(quarters))
        return {(fact.stream, fact.day): _stamp(fact, offsets[place].tobytes()) for place, fact in enumerate(facts)}

    def _drop(self, connection: apsw.Connection, places: Sequence[tuple[int, int]]) -> None:
        with writing(connection):
            for name in {name for name, _, _ in _bodies(connection, places)}:
                _count_up(connection, name)
            connection.executemany("DELETE FROM looked WHERE stream = ? AND day = ?", places)
            connection.executemany("DELETE FROM gleaned WHERE stream = ? AND day = ?", places)

    def _read(
        self,
        connection: apsw.Connection,
        dirty: dict[tuple[int, int], bytes],
        track: OffsetTrack,
        progress: Callable[[int, int], None] | None,
        stop: Callable[[], bool],
    ) -> int:
        done = 0
        pending: list[tuple[tuple[int, int], list[tuple[str, bytes]]]] = []
        for columns, place in self._dirty_columns(dirty):
            pending.append((place, self._gleaned(columns, track)))
            done += 1
            if len(pending) >= _COMMIT_CHUNKS:
                self._keep(connection, pending, dirty)
                pending = []
                if progress is not None:
                    progress(done, len(dirty))
                if stop():
                    return done
        self._keep(connection, pending, dirty)
        return done

    def _dirty_columns(self, dirty: Mapping[tuple[int, int], bytes]) -> Iterator[tuple[EventColumns, tuple[int, int]]]:
        names = self._stream.streams()
        numbers = {(name.source, name.kind, name.layer): n for n, name in names.items() if not name.series}
        # Another process may make the life stream anew meanwhile: what is not known then is read the next time.
        kinds = {names[number].kind for number in {number for number, _ in dirty} if number in names}
        for first, last in _runs(sorted({day for _, day in dirty})):
            for columns in self._stream.columns(kinds=kinds, start_ms=first * DAY_MS, end_ms=(last + 1) * DAY_MS):
                number = numbers.get((columns.source, columns.kind, str(columns.layer)), -1)
                place = (number, int(columns.start_ms[0]) // DAY_MS)
                if place in dirty and first <= place[1] <= last:
                    yield columns, place

    def _gleaned(self, columns: EventColumns, track: OffsetTrack) -> list[tuple[str, bytes]]:
        offsets = offsets_in(columns, track)
        given = Given(columns, local_days_in(columns, offsets), offsets, self.payloads)
        found = []
        for gleaner in self._gleaners:
            if columns.kind in gleaner.KINDS and (rows := gleaner.glean(given)):
                found.append((gleaner.NAME, orjson.dumps(rows)))
        return found

    def payloads(self, ids: Iterable[bytes]) -> dict[bytes, Mapping[str, Json]]:
        """Payloads of events by id, of those that are there."""
        return {
            identity: stored.record.payload
            for identity, stored in self._journal.get(ids).items()
            if isinstance(stored.record, Event)
        }

    def _keep(
        self,
        connection: apsw.Connection,
        found: list[tuple[tuple[int, int], list[tuple[str, bytes]]]],
        stamps: Mapping[tuple[int, int], bytes],
    ) -> None:
        places = [place for place, _ in found]
        with writing(connection):
            bodies = {(name, place): body for place, named in found for name, body in named}
            before = {(name, place): body for name, place, body in _bodies(connection, places)}
            for name in {name for name, _ in dict(bodies.items() ^ before.items())}:
                _count_up(connection, name)
            connection.executemany("DELETE FROM gleaned WHERE stream = ? AND day = ?", places)
            connection.executemany(
                "INSERT OR REPLACE INTO looked VALUES (?, ?, ?)", [(*place, stamps[place]) for place in places]
            )
            connection.executemany(
                "INSERT INTO gleaned VALUES (?, ?, ?, ?)",
                [(name, *place, body) for place, bodies in found for name, body in bodies],
            )

    # -- reading -----------------------------------------------------------------------------------------------------

    def rows(self, name: str) -> Iterator[Row]:
        """Every row of a gleaner, in order of UTC day and stream."""
        sql = "SELECT body FROM gleaned WHERE gleaner = ? ORDER BY day, stream"
        for (body,) in self._connection().execute(sql, (name,)):
            yield from orjson.loads(body)

    def fingerprint(self) -> str:
        """A hash over everything derived: made anew from the same life stream it is the same."""
        names = self._stream.streams()
        digest = hashlib.sha256()
        found = self._connection().execute("SELECT gleaner, stream, day, body FROM gleaned")
        for gleaner, number, day, body in sorted(
            (gleaner, names[int(number)], int(day), bytes(body)) for gleaner, number, day, body in found
        ):
            digest.update(repr((gleaner, number, day)).encode() + hashlib.sha256(body).digest())
        return digest.hexdigest()

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is not None and self._local.key != self._key:
            connection.close()
            connection = None
        if connection is None:
            connection = open_database(self._path, self._key)
            connection.pragma("synchronous", "normal")  # derived: losing the last commits costs a look, never a record
            connection.pragma("secure_delete", "on")  # words that were forgotten leave no trace in free pages
            self._local.connection, self._local.key = connection, self._key
        return connection


def _bodies(
    connection: apsw.Connection, places: Iterable[tuple[int, int]]
) -> Iterator[tuple[str, tuple[int, int], bytes]]:
    """Gleaner, stream and day, and rows of what is kept of these chunks."""
    for stream, day in places:
        for name, body in connection.execute(
            "SELECT gleaner, body FROM gleaned WHERE day = ? AND stream = ?", (day, stream)
        ):
            yield str(name), (stream, day), bytes(body)


def _count_up(connection: apsw.Connection, name: str) -> None:
    """Inside a transaction."""
    remember(connection, f"changes {name}", str(int(memory_of(connection, f"changes {name}", "0")) + 1))


def _track_hash(track: OffsetTrack) -> str:
    return hashlib.blake2b(track.starts_ms.tobytes() + track.offset_min.tobytes(), digest_size=8).hexdigest()


def _stamp(fact: ChunkFacts, offsets: bytes) -> bytes:
    """16 bytes that say which content a chunk has; version numbers alone begin anew when the life stream is lost."""
    said = (fact.version, fact.events, fact.amount, fact.last_end_ms, fact.heard_first, fact.heard_last)
    return hashlib.blake2b(repr(said).encode() + offsets, digest_size=16).digest()


def _runs(days: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of days that lie near one another."""
    numbered, run = list[tuple[int, int]](), 0
    for index, day in enumerate(days):
        run += index > 0 and day - days[index - 1] > _RUN_GAP_DAYS
        numbered.append((run, day))
    groups = [[day for _, day in group] for _, group in groupby(numbered, key=lambda pair: pair[0])]
    return [(group[0], group[-1]) for group in groups]
