"""The life stream: every layer on one time axis, kept in step with the journal; derived and rebuildable."""

from __future__ import annotations

import hashlib
import math
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt

from hearthside.alignment import store
from hearthside.alignment.aligning import SampleDay, StreamName
from hearthside.alignment.block import DayBlock, read_block
from hearthside.alignment.checkpoints import Checkpoints
from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.known import KnownClock, known_clocks
from hearthside.alignment.columns import EventColumns
from hearthside.alignment.episodes import Episode
from hearthside.alignment.finding import Seeking
from hearthside.alignment.lateness import Watermark, watermarks_of
from hearthside.alignment.lookup import Lookup
from hearthside.alignment.occurrence import (
    Occurrence,
    local_days_in,
    occurrences_of,
    offsets_in,
    words_in,
)
from hearthside.alignment.offsets import MINUTES, OffsetTrack
from hearthside.alignment.place_names import NamedPlace
from hearthside.alignment.places import Place
from hearthside.alignment.rebuilding import rebuild_all, unfinished
from hearthside.alignment.revisions import SCHEMA as REVISIONS
from hearthside.alignment.revisions import TABLES as REVISION_TABLES
from hearthside.alignment.store import LONGEST_DAYS, ChunkFacts, DaySum, Store, memory_of, remember, writing
from hearthside.alignment.tracks import read_track
from hearthside.alignment.updating import HeldRecord, Updater, clocks_by_stream
from hearthside.alignment.visits import Visit
from hearthside.alignment.whereabouts import Whereabouts
from hearthside.events import DAY_MS, MINUTE_MS, Layer, day_number, iso_day
from hearthside.identity.database import open_database, settle, take_place
from hearthside.journal import Journal

_VERSION = "7"  # of the derived format: another one means aligning again from the journal
_TABLES = (*store.TABLES, *book.TABLES, *REVISION_TABLES)
_FORMER_TABLES = ("block", "occurrence")
_LOCAL_REACH_DAYS = 2  # a local day lies within the UTC days beside it


class LifeStream:
    """The life stream of one vault. Safe to use from many threads.

    Args:
        folder: the vault's folder; the file is ``stream.db`` in it.
        key: 32 bytes, `vault.key("stream")`.
        journal: where the truth is read.
        home_zone: gives the zone used where no source says anything of the person's offset.
        place_names: gives the places that the person named.
        present: gives the present time, UTC ms, beyond which nothing is said to be covered; None where nobody looks.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        journal: Journal,
        home_zone: Callable[[], tzinfo],
        place_names: Callable[[], Sequence[NamedPlace]] = tuple,
        present: Callable[[], int] | None = None,
    ) -> None:
        self._path, self._key = folder / "stream.db", key
        self._journal, self._home_zone, self._place_names = journal, home_zone, place_names
        self._present = present
        self._local = threading.local()
        self._updating = threading.Lock()
        self._store = Store()
        self._checkpoints = Checkpoints(lambda: open_database(self._path, self._key, create=False))
        self._updater = Updater(self._connection, self._store, journal, home_zone)
        self._where = Whereabouts(place_names)
        self._lookup = Lookup(self._store, journal, self._updater.clocks)
        connection = self._connection()
        with writing(connection):
            connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
            if memory_of(connection, "version", _VERSION) != _VERSION:
                for table in (*_TABLES, *_FORMER_TABLES):
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(store.SCHEMA + book.SCHEMA + REVISIONS)
            remember(connection, "version", _VERSION)

    # -- keeping in step ---------------------------------------------------------------------------------------------

    def update(
        self,
        progress: Callable[[int, int], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Align every day and stream that new records touch, newest first.

        Args:
            progress: called with (days done, days to do).
            stop: asked between commits; what is left stays marked and is done next time.

        Returns:
            How many days were aligned.
        """
        with self._updating, self._changing():
            connection = self._connection()
            fresh = memory_of(connection, "seq", "0") == "0" and self._journal.head().seq
            if fresh or unfinished(connection):
                return rebuild_all(connection, self._updater, self._journal, self._seeking(), progress, stop)
            self._updater.mark_new()
            return self._updater.drain(progress, stop)

    def rebuild(
        self, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Forget everything derived and make it again from the journal; calls no model."""
        with self._updating, self._changing():
            connection = self._connection()
            with writing(connection):
                for table in _TABLES:
                    kept = f" WHERE name NOT IN {store.COUNTED}" if table == "meta" else ""
                    connection.execute(f"DELETE FROM {table}{kept}")
                remember(connection, "version", _VERSION)
                for counter in store.COUNTED:  # whoever kept something of before sees that it may be gone
                    store.next_version(connection, counter)
            return rebuild_all(connection, self._updater, self._journal, self._seeking(), progress, stop)

    def settle(self) -> None:
        """Put everything on the disk, nothing in the write-ahead log: after this a power cut changes nothing."""
        settle(self._connection())

    def use_key(self, key: bytes) -> None:
        """Go on with the file that another process put in its place under this key."""
        self._key = key
        self._forget_kept()

    def move_to(self, key: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Make the life stream anew under another key, beside the present one, and then take its place."""
        with tempfile.TemporaryDirectory(dir=self._path.parent, prefix="moving-") as folder:
            new = LifeStream(Path(folder), key, self._journal, self._home_zone)
            new.update(progress)
            new._checkpoints.end()  # its connection must be the only one
            take_place(new._connection(), new._path, self._path)
        self._key = key
        self._forget_kept()

    def mark_days_dirty(self, days: Iterable[int]) -> None:
        """Have these UTC days, as the records' own clocks have them, aligned again at the next update."""
        connection = self._connection()
        with self._changing(), writing(connection):
            self._updater.mark_days(connection, days)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """What is kept of changes that were taken back is forgotten: their numbers will be given to others."""
        try:
            yield
        except BaseException:
            self._forget_kept()
            raise

    def _forget_kept(self) -> None:
        self._store.forget_cached()
        self._updater.forget_kept()
        self._where.forget()

    def pending(self) -> bool:
        """Whether records wait to be aligned."""
        connection = self._connection()
        marked = connection.execute("SELECT 1 FROM dirty UNION ALL SELECT 1 FROM unsearched LIMIT 1").fetchone()
        return marked is not None or int(memory_of(connection, "seq", "0")) < self._journal.head().seq

    # -- reading -----------------------------------------------------------------------------------------------------

    def block(self, day: int) -> DayBlock | None:
        """The block of a UTC day, or None when nothing was heard that day."""
        present_ms = None if self._present is None else self._present()
        block = read_block(self._connection(), self._store, self.track(), day, present_ms)
        return None if block.empty else block

    def blocks(self, first: int | None = None, last: int | None = None) -> Iterator[DayBlock]:
        """Blocks of the UTC days in [first, last] on which anything was heard, in order; all of them by default."""
        days = sorted({fact.day for fact in self._store.facts(self._connection(), first, last)})
        for day in days:
            if (block := self.block(day)) is not None:
                yield block

    def columns(
        self,
        *,
        kinds: Iterable[str] | None = None,
        sources: Iterable[str] | None = None,
        layers: Iterable[Layer] | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[EventColumns]:
        """Events by UTC day and stream, in order of day; of chunks with any that may overlap [start_ms, end_ms)."""
        wanted = self._streams(kinds, sources, layers)
        first = None if start_ms is None else start_ms // DAY_MS - LONGEST_DAYS
        last = None if end_ms is None else (end_ms - 1) // DAY_MS
        connection = self._connection()
        facts = list(self._store.facts(connection, first, last, wanted))
        for fact in reversed(facts) if newest_first else facts:
            if fact.events and (start_ms is None or fact.last_end_ms > start_ms):
                chunk = self._store.chunk(connection, fact.stream, fact.day, fact.version)
                if chunk is not None:
                    yield chunk.own

    def _streams(
        self, kinds: Iterable[str] | None, sources: Iterable[str] | None, layers: Iterable[Layer] | None
    ) -> set[int]:
        wanted_kinds = None if kinds is None else set(kinds)
        wanted_sources = None if sources is None else set(sources)
        wanted_layers = None if layers is None else {str(layer) for layer in layers}
        return {
            number
            for number, name in self._store.names(self._connection()).items()
            if not name.series
            and (wanted_kinds is None or name.kind in wanted_kinds)
            and (wanted_sources is None or name.source in wanted_sources)
            and (wanted_layers is None or name.layer in wanted_layers)
        }

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
        words, about = tuple(words), tuple(about)
        bounds = None if local_days is None else (day_number(local_days[0]), day_number(local_days[1]))
        low, high = _utc_bounds(start_ms, end_ms, bounds)
        track = self.track()
        found: list[Occurrence] = []
        day: list[Occurrence] = []
        at = None
        for columns in self.columns(
            kinds=kinds, sources=sources, layers=layers, start_ms=low, end_ms=high, newest_first=newest_first
        ):
            number = int(columns.start_ms[0]) // DAY_MS
            if number != at:
                found += _sorted(day, newest_first)
                day, at = [], number
                if limit is not None and len(found) >= limit:
                    break
            day += self._chosen(columns, track, (start_ms, end_ms), bounds, words, about)
        found += _sorted(day, newest_first)
        return found if limit is None else found[:limit]

    def _chosen(
        self,
        columns: EventColumns,
        track: OffsetTrack,
        between: tuple[int | None, int | None],
        local_days: tuple[int, int] | None,
        words: tuple[str, ...],
        about: tuple[str, ...],
    ) -> list[Occurrence]:
        chosen = np.ones(len(columns), dtype=np.bool_)
        if between[0] is not None:
            chosen &= np.maximum(columns.end_or_start_ms, columns.start_ms + 1) > between[0]
        if between[1] is not None:
            chosen &= columns.start_ms < between[1]
        days: npt.NDArray[np.int64] | None = None
        if local_days is not None and chosen.any():
            days = local_days_in(columns, offsets_in(columns, track))
            chosen &= (days >= local_days[0]) & (days <= local_days[1])
        if chosen.any() and (held := words_in(columns, words, about)) is not None:
            chosen &= held
        return occurrences_of(columns, np.flatnonzero(chosen), track, days)

    def get(self, identity: bytes) -> Occurrence | None:
        """The occurrence with this id, or None."""
        found = self._lookup.find(self._connection(), identity)
        return None if found is None else occurrences_of(found[0], np.array([found[1]]), self.track())[0]

    def offsets_of(self, ids: Iterable[bytes]) -> dict[bytes, int]:
        """The person's UTC offset at each of these occurrences, minutes."""
        found = {identity: self.get(identity) for identity in ids}
        return {identity: o.offset_min for identity, o in found.items() if o is not None}

    def counts(self) -> dict[tuple[str, str], int]:
        """Occurrences by (source, kind)."""
        names = self._store.names(self._connection())
        found: dict[tuple[str, str], int] = {}
        for number, events in self._connection().execute("SELECT stream, sum(events) FROM chunk GROUP BY stream"):
            name = names.get(int(number))
            if name is not None and not name.series and events:
                found[name.source, name.kind] = found.get((name.source, name.kind), 0) + int(events)
        return found

    def bounds(self) -> tuple[str, str] | None:
        """First and last local day of the life stream, or None while it is empty."""
        connection = self._connection()
        series = [n for n, name in self._store.names(connection).items() if name.series]
        inside = ",".join(map(str, series))
        sql = f"SELECT min(day), max(day) FROM chunk WHERE events > 0 AND stream NOT IN ({inside})"
        row = connection.execute(sql).fetchone()
        if row is None or row[0] is None:
            return None
        track, days = self.track(), list[int]()
        for edge, step in ((int(row[0]), 1), (int(row[1]), -1)):
            # The first event of a local day may lie on the next UTC day, and a night belongs to its morning.
            for day in range(edge, edge + step * (_LOCAL_REACH_DAYS + 1), step):
                for columns in self.columns(start_ms=day * DAY_MS, end_ms=(day + 1) * DAY_MS):
                    days += local_days_in(columns, offsets_in(columns, track)).tolist()
        return (iso_day(min(days)), iso_day(max(days))) if days else None  # being made anew by another process

    # -- the person's offset -----------------------------------------------------------------------------------------

    def track(self) -> OffsetTrack:
        """The person's UTC offset over the whole life."""
        return read_track(self._connection(), self._home_zone())

    def offsets_on(self, day: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        """The person's UTC offset at each minute of a UTC day, (1440,), and whether anything was heard of it."""
        minutes = day * DAY_MS + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
        track = self.track()
        return track.at(minutes).astype(np.int16), track.sure(minutes)

    def offset_on(self, day: str) -> int:
        """The person's UTC offset at noon UTC of a day, minutes; the home zone's where nothing was heard."""
        return int(self.track().at(np.array([day_number(day) * DAY_MS + DAY_MS // 2]))[0])

    # -- episodes and places -----------------------------------------------------------------------------------------

    def episodes(
        self, start_ms: int | None = None, end_ms: int | None = None, kinds: Iterable[str] | None = None
    ) -> list[Episode]:
        """Episodes that overlap [start_ms, end_ms), in order of start; of every kind by default."""
        return self._where.episodes(self._connection(), self.track(), start_ms, end_ms, kinds)

    def visits(self, start_ms: int | None = None, end_ms: int | None = None) -> list[Visit]:
        """Stays at places that overlap [start_ms, end_ms), in order of start."""
        return self._where.visits(self._connection(), self.track(), start_ms, end_ms)

    def places(self) -> list[Place]:
        """Every place the person stayed at, most stayed at first."""
        return self._where.places(self._connection(), self.track())

    # -- clocks, versions, what is known without opening anything ----------------------------------------------------

    def clocks(self) -> list[KnownClock]:
        """What is known of every clock that is not simply taken at its word, in order of name."""
        return known_clocks(self._connection(), self._updater.clocks(self._connection()).placements)

    def held(self) -> list[HeldRecord]:
        """Every event that is held back because of its clock; it is in the journal, and in no lane."""
        return self._updater.held(self._connection())

    def facts(self, first_day: int | None = None, last_day: int | None = None) -> list[ChunkFacts]:
        """What is known of each stream on each UTC day, without opening it."""
        return list(self._store.facts(self._connection(), first_day, last_day))

    def streams(self) -> dict[int, StreamName]:
        """Every stream by its number in `facts`."""
        return dict(self._store.names(self._connection()))

    def stamps(self) -> dict[StreamName, dict[str, tuple[int, int]]]:
        """Of each stream the clocks that stamped it, each with the first and the last raw time."""
        connection = self._connection()
        names = self._store.names(connection)
        return {names[number]: clocks for number, clocks in clocks_by_stream(connection).items()}

    def samples(
        self, measure: str, start_ms: int | None = None, end_ms: int | None = None
    ) -> Iterator[tuple[StreamName, int, SampleDay]]:
        """Samples of a measure on the UTC days that touch [start_ms, end_ms), each with its stream; in order of day."""
        connection = self._connection()
        names = self._store.names(connection)
        wanted = {number for number, name in names.items() if name.series and name.kind == measure}
        first = None if start_ms is None else start_ms // DAY_MS
        last = None if end_ms is None else (end_ms - 1) // DAY_MS
        for fact in self._store.facts(connection, first, last, wanted):
            found = self._store.samples(connection, fact.stream, fact.day, fact.version)
            if found is not None:
                yield names[fact.stream], fact.day, found

    def day_sums(self, first_day: int, last_day: int) -> list[DaySum]:
        """What each stream holds on UTC days from the first to the last, both included; no chunk is opened."""
        names = self.streams()
        return [
            DaySum(
                fact.day, Layer(names[fact.stream].layer), names[fact.stream].source, names[fact.stream].kind,
                fact.events, fact.minutes, math.nan if fact.amount is None else fact.amount, fact.covered_min,
            )
            for fact in self._store.facts(self._connection(), first_day, last_day)
            if fact.stream in names
        ]  # fmt: skip

    def watermarks(self) -> list[Watermark]:
        """Of each source how far its data is settled; see `lateness`."""
        heard = {name.source for name in self.streams().values()}  # the house's own records are no part of the life
        return [mark for mark in watermarks_of(self._journal) if mark.source in heard]

    def version(self) -> int:
        """Counted up at every change of a slice."""
        return int(memory_of(self._connection(), "slices", "0"))

    def changed_since(self, version: int) -> list[ChunkFacts]:
        """The chunks that changed after a version, in order of change, each with the minutes that did."""
        sql = f"SELECT {store.FACTS} FROM chunk WHERE version > ? ORDER BY version"
        return [ChunkFacts(*row) for row in self._connection().execute(sql, (version,))]

    def fingerprint(self) -> str:
        """A hash over everything derived: equal life streams have equal fingerprints."""
        connection = self._connection()
        names = self._store.names(connection)
        digest = hashlib.sha256()
        for fact in sorted(self._store.facts(connection), key=lambda fact: (names[fact.stream], fact.day)):
            sql = "SELECT events, minutes FROM body WHERE place = ?"
            [row] = list(connection.execute(sql, (store.place(fact.stream, fact.day),)))
            facts = (fact.events, fact.minutes, fact.covered_min, fact.amount, fact.last_end_ms)
            digest.update(repr((names[fact.stream], fact.day, facts, fact.heard_first, fact.heard_last)).encode())
            digest.update(hashlib.sha256(row[0]).digest() + hashlib.sha256(row[1]).digest())
        digest.update(memory_of(connection, "track", "").encode())
        for row in connection.execute("SELECT day, finder, body FROM episode ORDER BY day, finder"):
            digest.update(repr(row).encode())
        for visit in self.visits():
            digest.update(repr(visit).encode())
        return digest.hexdigest()

    def _seeking(self) -> Seeking:
        return Seeking(self._path, self._key, self._home_zone())

    def _connection(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is not None and self._local.key != self._key:  # the file was written anew under another key
            connection.close()
            connection = None
        if connection is None:
            connection = open_database(self._path, self._key)
            # Derived data: losing the last commits costs an alignment, never a record.
            connection.pragma("synchronous", "normal")
            self._checkpoints.watch(connection)
            self._local.connection, self._local.key = connection, self._key
        return connection


def _utc_bounds(
    start_ms: int | None, end_ms: int | None, local_days: tuple[int, int] | None
) -> tuple[int | None, int | None]:
    """UTC bounds outside of which nothing is asked for."""
    if local_days is None:
        return start_ms, end_ms
    low = (local_days[0] - _LOCAL_REACH_DAYS) * DAY_MS
    high = (local_days[1] + _LOCAL_REACH_DAYS + 1) * DAY_MS
    return (low if start_ms is None else max(low, start_ms)), (high if end_ms is None else min(high, end_ms))


def _sorted(found: list[Occurrence], newest_first: bool) -> list[Occurrence]:
    if newest_first:
        return sorted(found, key=lambda o: (-o.start_ms, o.id))
    return sorted(found, key=lambda o: (o.start_ms, o.id))
