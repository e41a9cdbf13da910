"""Keeping the life stream in step with the journal: marking what new records touch, and aligning only that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import apsw
import numpy as np

from hearthside.alignment.aligning import (
    Gathered,
    Row,
    StreamName,
    event_columns,
    gather,
    placed_series,
    sample_days,
    split_by_day,
)
from hearthside.alignment.batch import pack_zones
from hearthside.alignment.chunk import carry_out, make_chunk, nothing_carried
from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.placement import Held, Placement, trusted
from hearthside.alignment.clocks.placing import KnownClocks, differences
from hearthside.alignment.columns import EventColumns, merged_columns
from hearthside.alignment.episodes import finders_reading
from hearthside.alignment.finding import search_all
from hearthside.alignment.hints_seen import KINDS as HINT_KINDS
from hearthside.alignment.hints_seen import note_hints, pack_hints
from hearthside.alignment.kinds import rule_of
from hearthside.alignment.naive import parse_naive
from hearthside.alignment.offsets import OffsetTrack, offset_track
from hearthside.alignment.revisions import drop_forgotten, replaced_ids, revision_name, take_revision
from hearthside.alignment.store import Store, memory_of, remember, writing
from hearthside.alignment.tracks import (
    note_new_offsets,
    note_offsets,
    observed_offsets,
    read_track,
    write_track,
    zones_seen,
)
from hearthside.alignment.zones import zone_runs
from hearthside.events import DAY_MS, Precision
from hearthside.journal import Journal
from hearthside.journal.bodies import Body, body_of

_READ_BATCH = 5000
_DAYS_PER_COMMIT = 64
_DAYS_TO_ADD_TO = 40  # new events of more days than this are aligned when all are in: each day once
POSITION = "position"


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """An event that its clock keeps out of the life stream; `raw_ms` is its start as that clock said."""

    id: bytes
    clock: str
    raw_ms: int
    held: Held


class Updater:
    """Brings the derived database up to date; one at a time.

    Args:
        connection: gives this thread's connection to ``stream.db``.
        home_zone: the zone used where no source says anything of the person's offset.
    """

    def __init__(
        self,
        connection: Callable[[], apsw.Connection],
        store: Store,
        journal: Journal,
        home_zone: Callable[[], tzinfo],
    ) -> None:
        self._connection, self.store, self.journal, self.home_zone = connection, store, journal, home_zone
        self._placements: dict[str, Placement] = {}
        self._placements_of = ""  # which state of the clocks they belong to

    # -- marking -----------------------------------------------------------------------------------------------------

    def mark_new(self) -> None:
        """Mark what records that arrived since the last time can change."""
        connection = self._connection()
        zone = str(self.home_zone())
        full = True  # a batch that is not full was the last one
        while full:
            with writing(connection):
                rows = self.journal.bodies_since(int(memory_of(connection, "seq", "0")), _READ_BATCH)
                if rows:
                    self.mark_rows(connection, rows)
                    remember(connection, "seq", str(rows[-1][1]))
                full = len(rows) == _READ_BATCH
        if memory_of(connection, "home_zone", "") != zone:
            with writing(connection):
                remember(connection, "home_zone", zone)
                remember(connection, "track_due", "1")

    def mark_rows(self, connection: apsw.Connection, rows: Sequence[Row]) -> None:
        """Mark what these rows can change: their clocks first, then where their own times belong."""
        known = self.clocks(connection).placements
        heard = book.take(connection, (row for row in rows if row[2].kind in book.KINDS))
        streams = gather(rows)
        spoken = dict[tuple[str, int], book.Spoken]()
        for group in streams.values():
            for key, said in book.spoken_in(group).items():
                spoken[key] = book.added(spoken.get(key), said)
        heard |= book.count(connection, spoken)
        if heard:
            self.clocks_changed(connection, heard, known)
        carried = ((body.start_ms, body.offset_min) for _, _, body in rows)
        note_new_offsets(connection, self.journal, [(at, offset) for at, offset in carried if offset is not None])
        clocks = self.clocks(connection)
        for name, group in streams.items():
            number = self.store.number_of(connection, name, group.bodies[-1].unit if name.series else "")
            note_clocks(connection, number, group.clock_bounds())
            if name.series:
                note_longest(connection, number, group.longest_ms())
            self._mark_group(connection, number, group, clocks)

    def _mark_group(self, connection: apsw.Connection, number: int, group: Gathered, clocks: KnownClocks) -> None:
        name, older = group.name, list[bytes]()
        for identity, seq, key, start in zip(group.ids, group.seqs, group.keys, group.starts, strict=True):
            revision = revision_name(name.source, name.kind, key)
            if revision is not None:
                replaced = take_revision(connection, revision, seq, identity, start // DAY_MS)
                older += [] if replaced is None else [replaced]
        columns = None if name.series else event_columns(group, clocks)
        days = days_of(group, clocks) if columns is None else days_in(columns)
        if columns is not None and not older and len(days) <= _DAYS_TO_ADD_TO:
            days = self._add(connection, number, columns, sorted(days))
        self.store.mark(connection, [(day, number, 1) for day in days])
        for identity in older:
            self.mark_record(connection, identity)

    def _add(self, connection: apsw.Connection, number: int, columns: EventColumns, days: Sequence[int]) -> set[int]:
        """Add new events to the chunks of their days without reading the others again; the days not added to."""
        name = self.store.names(connection)[number]
        left = set[int]()
        for day, new in split_by_day(columns, range(days[0], days[-1] + 1)).items() if days else ():
            sql = "SELECT 1 FROM dirty WHERE stream = ? AND day = ? AND own = 1"
            if connection.execute(sql, (number, day)).fetchone() is not None:
                left.add(day)
                continue
            before = self.store.chunk(connection, number, day)
            own = new if before is None else merged_columns(before.own, new)
            self.mark_unsearched(
                connection, name, self.write_events(connection, number, name, range(day, day + 1), {day: own})
            )
        return left

    def mark_record(self, connection: apsw.Connection, identity: bytes) -> None:
        """Have the days of one record aligned again."""
        clocks = self.clocks(connection)
        for item in self.journal.get([identity]).values():
            for name, group in gather([(identity, item.seq, body_of(item.record))]).items():
                number = self.store.number_of(connection, name)
                self.store.mark(connection, [(day, number, 1) for day in days_of(group, clocks)])

    def mark_days(self, connection: apsw.Connection, days: Iterable[int]) -> None:
        """Have raw UTC days aligned again, after forgetting."""
        wanted = sorted(set(days))
        known = self.clocks(connection).placements
        # This also takes the write lock.
        for day in wanted:
            note_offsets(connection, self.journal, range(day, day + 1))
        for item in drop_forgotten(connection, self.journal, wanted):
            self.mark_rows(connection, [(item.id, item.seq, body_of(item.record))])
        heard = book.forget_days(connection, wanted)
        if heard:
            seq = int(memory_of(connection, "seq", "0"))  # what came after it is counted when it is marked
            for day in wanted:
                for group in gather(self.journal.bodies(day * DAY_MS, (day + 1) * DAY_MS)).values():
                    book.count_days(connection, book.spoken_in(group, seq))
            self.clocks_changed(connection, heard, known)
        clocks = self.clocks(connection)
        longest = dict(connection.execute("SELECT id, longest_ms FROM stream"))
        for number, spoken in clocks_by_stream(connection).items():
            marks = set[int]()
            for day in wanted:
                for clock in spoken:
                    first, last = clocks.images(clock, day * DAY_MS, (day + 1) * DAY_MS)
                    marks |= set(range(first // DAY_MS, (last - 1 + int(longest[number])) // DAY_MS + 1))
            self.store.mark(connection, [(day, number, 1) for day in sorted(marks)])

    def forget_kept(self) -> None:
        """Forget what is kept of the clocks in memory; it is read again when it is needed."""
        self._placements, self._placements_of = {}, ""

    # -- clocks ------------------------------------------------------------------------------------------------------

    def clocks(self, connection: apsw.Connection) -> KnownClocks:
        """What is known of the clocks now."""
        state = memory_of(connection, "clocks", "0")
        if state != self._placements_of:
            found = {clock: book.placement_of(connection, clock) for clock in book.clocks(connection)}
            self._placements = {clock: placement for clock, placement in found.items() if not placement.trivial}
            self._placements_of = state
        return KnownClocks(self._placements, read_track(connection, self.home_zone()))

    def clocks_changed(self, connection: apsw.Connection, heard: Iterable[str], known: Mapping[str, Placement]) -> None:
        """Work out anew what is known of some clocks, and mark what that moves."""
        after = dict(known)
        moved: dict[str, list[tuple[int, int]]] = {}
        for clock in sorted(heard):
            placement = book.placement_of(connection, clock)
            before = known.get(clock, trusted())
            if changed := differences(before, placement):
                moved[clock] = changed
            after.pop(clock, None)
            if not placement.trivial:
                after[clock] = placement
        if not moved:
            return
        track = read_track(connection, self.home_zone())
        both = (KnownClocks(known, track), KnownClocks(after, track))
        longest = dict(connection.execute("SELECT id, longest_ms FROM stream"))
        for number, bounds in clocks_by_stream(connection).items():
            for clock in bounds.keys() & moved.keys():
                days = _days_moved(clock, moved[clock], bounds[clock], both, int(longest[number]))
                self.store.mark(connection, [(day, number, 1) for day in sorted(days)])
        self._placements = after
        self._placements_of = str(int(memory_of(connection, "clocks", "0")) + 1)
        remember(connection, "clocks", self._placements_of)
        remember(connection, "track_due", "1")

    # -- aligning ----------------------------------------------------------------------------------------------------

    def drain(self, progress: Callable[[int, int], None] | None, stop: Callable[[], bool]) -> int:
        """Align everything marked, and look for episodes there, newest first; what is left when stopped stays marked.

        Returns:
            How many days were aligned.
        """
        done = self.align(progress, stop)
        search_all(self._connection(), self.store, self.home_zone(), progress, stop)
        return done

    def align(self, progress: Callable[[int, int], None] | None, stop: Callable[[], bool]) -> int:
        """Align everything marked, newest first; how many days were aligned."""
        done = set[int]()
        while not stop():
            days = self._drain_some(naive=False)
            if not days:
                self._refresh_track()
                days = self._drain_some(naive=False) or self._drain_some(naive=True)
            if not days:
                break
            done |= days
            if progress is not None:
                left = next(iter(self._connection().execute("SELECT count(DISTINCT day) FROM dirty")))[0]
                progress(len(done), len(done) + int(left))
        return len(done)

    def held(self, connection: apsw.Connection) -> list[HeldRecord]:
        """Every event that is held back because of its clock, in order of clock and raw time."""
        found = []
        for number, bounds in clocks_by_stream(connection).items():
            name = self.store.names(connection)[number]
            for clock in bounds:
                placement = self.clocks(connection).placements.get(clock)
                for held in placement.held if placement is not None else ():
                    rows = self.journal.bodies(held.first_ms, held.last_ms, kinds=[name.kind], sources=[name.source])
                    found += [
                        HeldRecord(identity, clock, body.start_ms, held)
                        for identity, _, body in rows
                        if body.clock == clock and _is_of(name, body) and body.precision != Precision.DAY
                    ]
        return sorted(found, key=lambda one: (one.clock, one.raw_ms, one.id))

    def _drain_some(self, naive: bool) -> set[int]:
        """Align the newest marked days of streams that carry times of their own, or of those that do not."""
        connection = self._connection()
        if connection.execute("SELECT 1 FROM dirty LIMIT 1").fetchone() is None:
            return set()
        with writing(connection):
            # The write lock before the journal is read: who appends or forgets from here on marks its days after
            # this commit, so that no mark is lost and nothing forgotten is written again.
            spoken = clocks_by_stream(connection)
            streams = {n for n, clocks in spoken.items() if naive == any(parse_naive(c) is not None for c in clocks)}
            inside = f"stream IN ({','.join(map(str, sorted(streams)))})"
            newest = f"SELECT DISTINCT day FROM dirty WHERE {inside} ORDER BY day DESC LIMIT {_DAYS_PER_COMMIT}"
            sql = f"SELECT stream, day, own FROM dirty WHERE {inside} AND day IN ({newest}) ORDER BY stream, day"
            rows = [(int(stream), int(day), int(own)) for stream, day, own in connection.execute(sql)]
            connection.executemany("DELETE FROM dirty WHERE stream = ? AND day = ?", [row[:2] for row in rows])
            clocks, replaced = self.clocks(connection), replaced_ids(connection)
            for number, first, last, own in _runs(rows):
                self._align_run(connection, number, range(first, last + 1), bool(own), clocks, replaced)
        return {day for _, day, _ in rows}

    def _align_run(
        self, connection: apsw.Connection, number: int, days: range, own: bool, clocks: KnownClocks,
        replaced: frozenset[bytes],
    ) -> None:  # fmt: skip
        name = self.store.names(connection)[number]
        changed = []
        if not own:
            events = {d: c.own for d in days if (c := self.store.chunk(connection, number, d)) is not None}
            changed = self.write_events(connection, number, name, days, events)
        else:
            rows = gather(self._rows_of(connection, number, name, days, clocks, replaced)).get(name, Gathered(name))
            if name.series:
                samples = sample_days(rows, days, clocks)
                changed = [day for day in days if self.store.write_samples(connection, number, day, samples.get(day))]
            else:
                found = split_by_day(event_columns(rows, clocks), days)
                changed = self.write_events(connection, number, name, days, found)
        self.mark_unsearched(connection, name, changed)

    def _rows_of(
        self, connection: apsw.Connection, number: int, name: StreamName, days: range, clocks: KnownClocks,
        replaced: frozenset[bytes],
    ) -> Iterator[Row]:  # fmt: skip
        first, last = days[0] * DAY_MS, (days[-1] + 1) * DAY_MS
        if name.series:
            first -= sum(
                int(row[0]) for row in connection.execute("SELECT longest_ms FROM stream WHERE id = ?", (number,))
            )
        spoken = clocks_by_stream(connection, number).get(number, {})
        for start, end in clocks.raw_ranges(spoken, first, last):
            for row in self.journal.bodies(start, end, kinds=[name.kind], sources=[name.source]):
                body = row[2]
                if _is_of(name, body) and row[0] not in replaced:
                    yield row

    def write_events(
        self, connection: apsw.Connection, number: int, name: StreamName, days: range,
        found: Mapping[int, EventColumns],
    ) -> list[int]:  # fmt: skip
        """Write the chunks of a run of days; the days that changed."""
        rule = rule_of(name.kind)
        nothing = event_columns(Gathered(name), self.clocks(connection))
        before = self.store.chunk(connection, number, days[0] - 1)
        carried = nothing_carried() if before is None else carry_out(before, rule)
        changed = []
        for day in days:
            chunk = make_chunk(day, found.get(day, nothing), carried, rule)
            if self.store.write(connection, number, chunk):
                changed.append(day)
                if name.kind == POSITION:
                    self.note_zones(connection, number, chunk.own, day)
                elif name.kind in HINT_KINDS:
                    note_hints(connection, number, day, pack_hints(chunk.own))
            carried = carry_out(chunk, rule)
        if not carried.same(self.store.carried_into(connection, number, days[-1] + 1)):
            self.store.mark(connection, [(days[-1] + 1, number, 0)])
        return changed

    def note_zones(self, connection: apsw.Connection, number: int, own: EventColumns, day: int) -> None:
        """Keep the zones in which the positions of a day lie."""
        runs = zone_runs(own.start_ms, own.numbers["lat"], own.numbers["lon"])
        body = pack_zones(runs)
        sql = "SELECT body FROM zone_run WHERE day = ? AND stream = ?"
        before = connection.execute(sql, (day, number)).fetchone()
        if before is not None and bytes(before[0]) == body:
            return
        connection.execute("INSERT OR REPLACE INTO zone_run VALUES (?, ?, ?)", (day, number, body))
        remember(connection, "track_due", "1")

    def mark_unsearched(self, connection: apsw.Connection, name: StreamName, days: Sequence[int]) -> None:
        """Have the finders that read this stream look again around these days."""
        kinds, measures = ([], [name.kind]) if name.series else ([name.kind], [])
        marks = {
            (day + near, finder.NAME)
            for finder in finders_reading(kinds, measures)
            for day in days
            for near in range(-finder.REACH_DAYS, finder.REACH_DAYS + 1)
        }
        connection.executemany("INSERT OR IGNORE INTO unsearched VALUES (?, ?)", sorted(marks))

    # -- the person's offset -----------------------------------------------------------------------------------------

    def _refresh_track(self) -> None:
        """Work out the person's offset anew where something new bears on it, and mark what that moves."""
        connection = self._connection()
        if memory_of(connection, "track_due", "1") != "1":
            return
        with writing(connection):
            home = self.home_zone()
            before = read_track(connection, home)
            after = self._track(connection, home)
            write_track(connection, after)  # also when it says nothing new: another home zone is told by the difference
            if not after.same(before):
                self._mark_moved(connection, after.differences(before))
            remember(connection, "track_due", "0")

    def _track(self, connection: apsw.Connection, home: tzinfo) -> OffsetTrack:
        return offset_track(observed_offsets(connection), zones_seen(connection), home)

    def _mark_moved(self, connection: apsw.Connection, ranges: Iterable[tuple[int, int]]) -> None:
        """Naive times are placed by the person's offset, and finders look at it."""
        naive = [
            n for n, clocks in clocks_by_stream(connection).items() if any(parse_naive(c) is not None for c in clocks)
        ]
        for first, last in ranges:
            bounds = (first // DAY_MS - 2, last // DAY_MS + 2)
            for number in naive:
                sql = "SELECT day FROM chunk WHERE stream = ? AND day BETWEEN ? AND ?"
                days = [int(row[0]) for row in connection.execute(sql, (number, *bounds))]
                self.store.mark(connection, [(d + near, number, 1) for d in days for near in (-2, -1, 0, 1, 2)])
            sql = "INSERT OR IGNORE INTO unsearched SELECT day, finder FROM episode WHERE day BETWEEN ? AND ?"
            connection.execute(sql, bounds)


def _is_of(name: StreamName, body: Body) -> bool:
    """Whether a record of the right source and kind belongs to a stream."""
    return body.layer == name.layer and (body.type == "series") == name.series


def days_in(columns: EventColumns) -> set[int]:
    """UTC days on which events start."""
    return set(np.unique(columns.start_ms // DAY_MS).tolist())


def days_of(rows: Gathered, clocks: KnownClocks) -> set[int]:
    """UTC days on which rows of one stream start, at their corrected time; of samples every day they touch."""
    if not rows.name.series:
        return days_in(event_columns(rows, clocks))
    days = set[int]()
    for start_ms, end_ms, _ in placed_series(rows, clocks):
        days |= set(range(start_ms // DAY_MS, (end_ms - 1) // DAY_MS + 1))
    return days


def clocks_by_stream(connection: apsw.Connection, number: int | None = None) -> dict[int, dict[str, tuple[int, int]]]:
    """Of each stream the clocks that stamped it, each with its first and last raw time."""
    where = "" if number is None else f" WHERE stream = {number}"
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for stream, clock, first, last in connection.execute(f"SELECT * FROM stream_clock{where}"):
        found.setdefault(int(stream), {})[str(clock)] = (int(first), int(last))
    return found


def note_clocks(connection: apsw.Connection, number: int, bounds: Mapping[str, tuple[int, int]]) -> None:
    """Remember which clocks stamped a stream, and when."""
    connection.executemany(
        "INSERT INTO stream_clock VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)",
        [(number, clock, first, last) for clock, (first, last) in bounds.items()],
    )


def note_longest(connection: apsw.Connection, number: int, longest_ms: int) -> None:
    """Remember how long the longest series of a stream is."""
    connection.execute("UPDATE stream SET longest_ms = max(longest_ms, ?) WHERE id = ?", (longest_ms, number))


def _days_moved(
    clock: str, ranges: Iterable[tuple[int, int]], bounds: tuple[int, int], both: tuple[KnownClocks, KnownClocks],
    longest_ms: int,
) -> set[int]:  # fmt: skip
    """UTC days on which something lies, or lay, that a clock began in ranges of raw time; samples last on."""
    days = set[int]()
    for first, last in ranges:
        first, last = max(first, bounds[0]), min(last, bounds[1] + 1)
        if first < last:
            for clocks in both:
                start, end = clocks.images(clock, first, last)
                days |= set(range(start // DAY_MS, (end - 1 + longest_ms) // DAY_MS + 1))
    return days


def _runs(rows: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """(stream, first day, last day, own) of days that lie side by side."""
    run: tuple[int, int, int, int] | None = None
    for stream, day, own in rows:
        if run is not None and (stream, own) == (run[0], run[3]) and day == run[2] + 1:
            run = (stream, run[1], day, own)
            continue
        if run is not None:
            yield run
        run = (stream, day, day, own)
    if run is not None:
        yield run
