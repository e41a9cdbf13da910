"""The derived database of the life stream: a chunk for each stream and UTC day, what is dirty, what changed when."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

import apsw
import numpy as np
import numpy.typing as npt

from hearthside.alignment.aligning import SampleDay, StreamName
from hearthside.alignment.chunk import (
    Carried,
    Chunk,
    changed_minutes,
    last_end_ms,
    minutes_touched,
    nothing_carried,
    pack_events,
    pack_minutes,
    squeeze,
    unpack_events,
    unpack_minutes,
    unsqueeze,
)
from hearthside.alignment.columns import EventColumns
from hearthside.alignment.kinds import rule_of
from hearthside.alignment.offsets import MINUTES
from hearthside.events import DAY_MS, Layer

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS stream (
    id INTEGER PRIMARY KEY, layer TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, series INTEGER NOT NULL,
    unit TEXT NOT NULL, longest_ms INTEGER NOT NULL, UNIQUE (layer, source, kind, series)
) STRICT;
CREATE TABLE IF NOT EXISTS stream_clock (
    stream INTEGER NOT NULL, clock TEXT NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    PRIMARY KEY (stream, clock)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (
    stream INTEGER NOT NULL, day INTEGER NOT NULL, version INTEGER NOT NULL, first_minute INTEGER NOT NULL,
    last_minute INTEGER NOT NULL, events INTEGER NOT NULL, minutes INTEGER NOT NULL, covered_min INTEGER NOT NULL,
    amount REAL, last_end_ms INTEGER NOT NULL, heard_first INTEGER NOT NULL, heard_last INTEGER NOT NULL,
    PRIMARY KEY (stream, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chunk_by_day ON chunk (day, stream);
CREATE INDEX IF NOT EXISTS chunk_by_version ON chunk (version);
CREATE TABLE IF NOT EXISTS body (place INTEGER PRIMARY KEY, events BLOB NOT NULL, minutes BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dirty (
    day INTEGER NOT NULL, stream INTEGER NOT NULL, own INTEGER NOT NULL, PRIMARY KEY (day, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rebuilt (day INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS zone_run (
    day INTEGER NOT NULL, stream INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (day, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offset_day (day INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS hint (
    day INTEGER NOT NULL, stream INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (day, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS episode (
    day INTEGER NOT NULL, finder TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (day, finder)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS episode_by_finder ON episode (finder, day);
CREATE TABLE IF NOT EXISTS unsearched (
    day INTEGER NOT NULL, finder TEXT NOT NULL, PRIMARY KEY (day, finder)
) STRICT, WITHOUT ROWID;
"""
TABLES = (
    "meta", "stream", "stream_clock", "chunk", "body", "dirty", "rebuilt", "zone_run", "offset_day", "hint", "episode",
    "unsearched",
)  # fmt: skip

COUNTED = ("slices", "episodes", "hints", "clocks", "generation")
"""Counters that go on when everything is made anew, so that nobody takes an old thing for a new one."""
NEVER_HEARD = -1
_CACHED = 512  # chunks unpacked and kept
_CACHED_PACKED = 32  # chunks kept with their bytes: finders look at what was just written
_DAY_ZERO = 2**31
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
LONGEST_DAYS = 33
"""No event lasts longer, UTC days: intake refuses what lasts longer than 31 days, and clocks are corrected."""


@dataclass(frozen=True, slots=True)
class ChunkFacts:
    """What is known of a chunk without opening it.

    Attributes:
        stream: number of the stream.
        version: counted up over the whole life stream at each change; `first_minute`..`last_minute` is what changed.
        events: events that start on the day (samples: minutes with one).
        minutes: minutes of the day in which the stream says something.
        covered_min: minutes within its cadence of something it said.
        amount: sum of the amounts (samples: sum over minutes), or None.
        last_end_ms: when the last of its events is over.
        heard_first, heard_last: first and last minute with an event or sample, -1 for none.
    """

    stream: int
    day: int
    version: int
    first_minute: int
    last_minute: int
    events: int
    minutes: int
    covered_min: int
    amount: float | None
    last_end_ms: int
    heard_first: int
    heard_last: int


_Kept: TypeAlias = Chunk | SampleDay | EventColumns


@dataclass(frozen=True, slots=True)
class DaySum:
    """What one stream holds on one UTC day: the same as in `ChunkFacts`, by the name of the stream.

    Attributes:
        amount: the sum of the numbers its events stand for; NaN where they stand for none.
    """

    day: int
    layer: Layer
    source: str
    kind: str
    events: int
    minutes: int
    amount: float
    covered_min: int


FACTS = (
    "stream, day, version, first_minute, last_minute, events, minutes, covered_min, amount, last_end_ms, heard_first,"
    " heard_last"
)


class Store:
    """Chunks by (stream, day) over one connection; what was unpacked last is kept."""

    def __init__(self) -> None:
        self._names: dict[int, StreamName] = {}
        self._units: dict[int, str] = {}
        self._state = (-1, "")
        self._cache: OrderedDict[tuple[int, int, int], _Kept] = OrderedDict()
        # What was packed last, with its bytes: known again by them, whatever became of the transaction it was put in.
        self._packed: OrderedDict[tuple[int, int], tuple[bytes, bytes, Chunk]] = OrderedDict()

    # -- streams -----------------------------------------------------------------------------------------------------

    def names(self, connection: apsw.Connection) -> dict[int, StreamName]:
        """Every stream by its number."""
        count = int(next(iter(connection.execute("SELECT count(*) FROM stream")))[0])
        state = (count, memory_of(connection, "generation"))
        if state != self._state:
            self._read_names(connection, state)
        return self._names

    def _read_names(self, connection: apsw.Connection, state: tuple[int, str]) -> None:
        """Read them anew; other threads see either the former ones or all of these."""
        names, units = dict[int, StreamName](), dict[int, str]()
        if state[1] != self._state[1]:
            self._cache.clear()
            self._packed.clear()
        for number, layer, source, kind, series, unit, _ in connection.execute("SELECT * FROM stream"):
            names[int(number)] = StreamName(str(layer), str(source), str(kind), bool(series))
            units[int(number)] = str(unit)
        self._names, self._units, self._state = names, units, state

    def number_of(self, connection: apsw.Connection, name: StreamName, unit: str = "") -> int:
        """The number of a stream, given now when it is new."""
        values = (name.layer, name.source, name.kind, int(name.series))
        sql = "SELECT id FROM stream WHERE layer = ? AND source = ? AND kind = ? AND series = ?"
        row = connection.execute(sql, values).fetchone()
        if row is None:
            connection.execute(
                "INSERT INTO stream (layer, source, kind, series, unit, longest_ms) VALUES (?, ?, ?, ?, ?, 0)",
                (*values, unit),
            )
            return connection.last_insert_rowid()
        return int(row[0])

    def unit_of(self, connection: apsw.Connection, number: int) -> str:
        """The unit of a measure."""
        self.names(connection)
        return self._units.get(number, "")

    def forget_cached(self) -> None:
        """Everything was made anew, or may have been."""
        self._names, self._units, self._state = {}, {}, (-1, "")
        self._cache.clear()
        self._packed.clear()

    # -- reading -----------------------------------------------------------------------------------------------------

    def facts(
        self,
        connection: apsw.Connection,
        first_day: int | None = None,
        last_day: int | None = None,
        streams: Collection[int] | None = None,
    ) -> Iterator[ChunkFacts]:
        """What is known of the chunks of some UTC days, both inclusive, in order of (day, stream)."""
        where, values = _between(first_day, last_day)
        if streams is not None:
            where += f" AND stream IN ({','.join(map(str, sorted(streams)))})"
        sql = f"SELECT {FACTS} FROM chunk WHERE {where} ORDER BY day, stream"
        for row in connection.execute(sql, values):
            yield ChunkFacts(*row)

    def fact(self, connection: apsw.Connection, stream: int, day: int) -> ChunkFacts | None:
        """What is known of one chunk, or None when there is none."""
        sql = f"SELECT {FACTS} FROM chunk WHERE stream = ? AND day = ?"
        row = connection.execute(sql, (stream, day)).fetchone()
        return None if row is None else ChunkFacts(*row)

    def chunk(self, connection: apsw.Connection, stream: int, day: int, version: int | None = None) -> Chunk | None:
        """A chunk of events, or None when there is none."""
        found = self._opened(connection, stream, day, version, Chunk)
        return found if isinstance(found, Chunk) else None

    def samples(
        self, connection: apsw.Connection, stream: int, day: int, version: int | None = None
    ) -> SampleDay | None:
        """The samples of a measure on a day, or None when there are none."""
        found = self._opened(connection, stream, day, version, SampleDay)
        return found if isinstance(found, SampleDay) else None

    def events(self, connection: apsw.Connection, stream: int, day: int, version: int | None = None) -> EventColumns:
        """The events that start on a day; there must be a chunk. Half the work of opening it whole."""
        found = self._opened(connection, stream, day, version, EventColumns)
        if found is None:
            raise KeyError((stream, day))
        return found.own if isinstance(found, Chunk) else cast(EventColumns, found)

    def carried_into(self, connection: apsw.Connection, stream: int, day: int) -> Carried:
        """What the chunk of a day holds of earlier days."""
        row = connection.execute("SELECT minutes FROM body WHERE place = ?", (place(stream, day),)).fetchone()
        return nothing_carried() if row is None else unpack_minutes(row[0])[0]

    def _opened(
        self, connection: apsw.Connection, stream: int, day: int, version: int | None, wanted: type[_Kept]
    ) -> _Kept | None:
        """A chunk as what is wanted of it, or whole."""
        if version is None:
            row = connection.execute("SELECT version FROM chunk WHERE stream = ? AND day = ?", (stream, day)).fetchone()
            if row is None:
                return None
            version = int(row[0])
        key = (stream, day, version)
        kept = self._cache.get(key)
        if isinstance(kept, (wanted, Chunk)):
            with suppress(KeyError):  # another thread dropped it meanwhile
                self._cache.move_to_end(key)
            return kept
        found = self._read(connection, stream, day, wanted)
        if found is not None:
            self._cache[key] = found
            _drop_oldest(self._cache, _CACHED)
        return found

    def _read(self, connection: apsw.Connection, stream: int, day: int, wanted: type[_Kept]) -> _Kept | None:
        of = "events, NULL" if wanted is EventColumns else "events, minutes"
        row = connection.execute(f"SELECT {of} FROM body WHERE place = ?", (place(stream, day),)).fetchone()
        name = self.names(connection).get(stream)
        if row is None or name is None:  # no name: another process made everything anew since the caller looked
            return None
        events, minutes = row
        if name.series:
            return None if minutes is None else self._samples(stream, minutes)
        packed = self._packed.get((stream, day))
        if packed is not None and packed[0] == events and minutes in (None, packed[1]):
            return packed[2].own if minutes is None else packed[2]
        own = unpack_events(Layer(name.layer), name.source, name.kind, events)
        return own if minutes is None else Chunk(day, own, *unpack_minutes(minutes))

    def _samples(self, stream: int, packed: bytes) -> SampleDay:
        return SampleDay(self._units.get(stream, ""), np.frombuffer(unsqueeze(packed), np.float64))

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, connection: apsw.Connection, stream: int, chunk: Chunk) -> bool:
        """Keep a chunk, or drop it when it is empty; whether anything changed."""
        before = self.chunk(connection, stream, chunk.day)
        if chunk.empty:
            if before is None:
                return False
            self.drop(connection, stream, chunk.day)
            return True
        events, minutes = pack_events(chunk.own), pack_minutes(chunk.carried, chunk.minutes)
        if before is not None and self._same(connection, stream, chunk.day, events, minutes):
            return False
        first, last = changed_minutes(before, chunk, rule_of(chunk.own.kind))
        self.put(connection, stream, chunk.day, events, minutes, (first, last, *facts_of(chunk)))
        self._packed[stream, chunk.day] = (events, minutes, chunk)
        _drop_oldest(self._packed, _CACHED_PACKED)
        return True

    def write_samples(self, connection: apsw.Connection, stream: int, day: int, found: SampleDay | None) -> bool:
        """Keep the samples of a day, or drop them when there are none; whether anything changed."""
        if found is None:
            if self.fact(connection, stream, day) is None:
                return False
            self.drop(connection, stream, day)
            return True
        minutes = squeeze(np.ascontiguousarray(found.values).tobytes())
        if self._same(connection, stream, day, b"", minutes):
            return False
        before = self.samples(connection, stream, day)
        changed = np.flatnonzero(~np.isnan(found.values))
        if before is not None:
            same = (before.values == found.values) | (np.isnan(before.values) & np.isnan(found.values))
            changed = np.flatnonzero(~same)
        first, last = _bounds(changed) if len(changed) else (0, MINUTES - 1)
        self.put(connection, stream, day, b"", minutes, (first, last, *facts_of_samples(day, found)))
        return True

    def drop(self, connection: apsw.Connection, stream: int, day: int) -> None:
        """Take a chunk away; that counts as a change."""
        next_version(connection)
        connection.execute("DELETE FROM chunk WHERE stream = ? AND day = ?", (stream, day))
        connection.execute("DELETE FROM body WHERE place = ?", (place(stream, day),))

    def _same(self, connection: apsw.Connection, stream: int, day: int, events: bytes, minutes: bytes) -> bool:
        sql = "SELECT events, minutes FROM body WHERE place = ?"
        row = connection.execute(sql, (place(stream, day),)).fetchone()
        return row is not None and row[0] == events and row[1] == minutes

    def put(
        self,
        connection: apsw.Connection,
        stream: int,
        day: int,
        events: bytes,
        minutes: bytes,
        facts: tuple[object, ...],
    ) -> None:
        """Keep a packed chunk; `facts` are the columns of `ChunkFacts` from `first_minute` on."""
        version = next_version(connection)
        marks = ",".join("?" * 12)
        connection.execute(f"INSERT OR REPLACE INTO chunk VALUES ({marks})", (stream, day, version, *facts))
        connection.execute("INSERT OR REPLACE INTO body VALUES (?, ?, ?)", (place(stream, day), events, minutes))

    # -- what is dirty -----------------------------------------------------------------------------------------------

    def mark(self, connection: apsw.Connection, marks: Iterable[tuple[int, int, int]]) -> None:
        """Have (UTC day, stream) aligned again: own 1, its events may have changed; 0, only what reaches in."""
        connection.executemany(
            "INSERT INTO dirty VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET own = max(own, excluded.own)", marks
        )


@contextmanager
def writing(connection: apsw.Connection) -> Iterator[None]:
    """A transaction that has the write lock from its beginning: what it reads is still so when it writes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def remember(connection: apsw.Connection, name: str, value: str) -> None:
    """Remember a value."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def memory_of(connection: apsw.Connection, name: str, default: str = "") -> str:
    """A remembered value."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return default if row is None else str(row[0])


def facts_of(chunk: Chunk) -> tuple[object, ...]:
    """The columns of `ChunkFacts` from `events` on."""
    amounts = chunk.own.amount[~np.isnan(chunk.own.amount)]
    return (
        len(chunk.own), minutes_touched(chunk.minutes.count), int(np.count_nonzero(chunk.minutes.covered)),
        float(amounts.sum()) if len(amounts) else None, last_end_ms(chunk.own),
        *_bounds(np.flatnonzero(chunk.minutes.count)),
    )  # fmt: skip


def facts_of_samples(day: int, found: SampleDay) -> tuple[object, ...]:
    """The same for samples."""
    said = np.flatnonzero(~np.isnan(found.values))
    return (
        len(said), len(said), len(said), float(np.nansum(found.values)), (day + 1) * DAY_MS, *_bounds(said),
    )  # fmt: skip


def place(stream: int, day: int) -> int:
    """Where the body of a chunk lies: days of a stream beside one another."""
    return (stream << 32) + day + _DAY_ZERO


def next_version(connection: apsw.Connection, of: str = "slices") -> int:
    """One more change of the life stream, or of something else that is counted."""
    rows = connection.execute(
        "INSERT INTO meta VALUES (?, '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1 RETURNING value",
        (of,),
    )
    return next(int(row[0]) for row in list(rows))


def _drop_oldest(kept: OrderedDict[_Key, _Value], most: int) -> None:
    """Leave so many; other threads may do the same."""
    while len(kept) > most:
        with suppress(KeyError):
            kept.popitem(last=False)


def _bounds(indices: npt.NDArray[np.intp]) -> tuple[int, int]:
    return (int(indices[0]), int(indices[-1])) if len(indices) else (NEVER_HEARD, NEVER_HEARD)


def _between(first_day: int | None, last_day: int | None) -> tuple[str, list[int]]:
    where, values = "1", list[int]()
    if first_day is not None:
        where += " AND day >= ?"
        values.append(first_day)
    if last_day is not None:
        where += " AND day <= ?"
        values.append(last_day)
    return where, values
