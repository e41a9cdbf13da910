"""Making the life stream anew: the journal is read once, in order of time, a few weeks at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import apsw

from hearthside.alignment.batch import Aligning, Batch, Keyed, align_batch, whole_day
from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.placement import FIRST_MS
from hearthside.alignment.clocks.placing import NAIVE_REACH_MS, KnownClocks
from hearthside.alignment.finding import Seeking, all_unsearched, search_all, search_shared
from hearthside.alignment.hints_seen import note_hints
from hearthside.alignment.revisions import take_revision
from hearthside.alignment.store import memory_of, next_version, remember, writing
from hearthside.alignment.tracks import keep_offsets, read_track
from hearthside.alignment.updating import Updater, note_clocks, note_longest
from hearthside.alignment.workers import Pool, cores
from hearthside.events import DAY_MS
from hearthside.journal import Journal

DAYS_PER_BATCH = 16
_NAIVE = NAIVE_REACH_MS // DAY_MS
WORTH_SHARING = 20_000
"""Records; with fewer, starting processes takes longer than it saves."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A rebuild under way.

    Attributes:
        seq: position in the journal up to which it answers for.
        generation: counted up whenever everything is forgotten to begin anew.
        clocks: what is known of the clocks without looking at any event.
    """

    seq: int
    generation: str
    clocks: KnownClocks

    def still(self, connection: apsw.Connection) -> bool:
        """Whether no other process has finished it or begun anew."""
        return unfinished(connection) and _generation(connection) == self.generation


def rebuild_all(
    connection: apsw.Connection,
    updater: Updater,
    journal: Journal,
    seeking: Seeking,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> int:
    """Fill an empty derived database, or go on where that was stopped; several processes may share the work.

    Args:
        seeking: how another process opens this database, to look for episodes.

    Returns:
        How many days were aligned.
    """
    done = 0
    with Pool(cores() if journal.head().seq >= WORTH_SHARING else 1) as pool:
        while (begun := _begin(connection, updater, journal)) is not None:
            done, total = _fill(connection, updater, journal, begun, pool, progress, stop)
            if stop() and done < total:
                return done
        updater.mark_new()
        done = max(updater.align(progress, stop), done)
        if not stop():
            search_shared(connection, updater.store, seeking, pool, progress, stop)
    search_all(connection, updater.store, seeking.home, progress, stop)
    return done


def _fill(
    connection: apsw.Connection, updater: Updater, journal: Journal, begun: _Begun, pool: Pool,
    progress: Callable[[int, int], None] | None, stop: Callable[[], bool],
) -> tuple[int, int]:  # fmt: skip
    """Align batch by batch, newest first; how many days are done, of how many."""
    batches = batches_of(journal, begun.clocks)
    left = [days for days in batches if not _is_done(connection, days[0])]
    total, done = sum(map(len, batches)), sum(map(len, batches)) - sum(map(len, left))
    folder, keys = journal.opened_with()
    work = Aligning(folder, keys, begun.clocks, begun.seq)

    def here(days: range) -> Batch:
        return align_batch(journal, begun.clocks, days, begun.seq)

    for batch in pool.share(work, left[::-1], stop, here):
        with writing(connection):
            if not begun.still(connection):
                return done, total
            if not _is_done(connection, batch.first_day):  # else another process was faster
                _take(connection, updater, batch)
                connection.execute("INSERT INTO rebuilt VALUES (?)", (batch.first_day,))
        done += batch.last_day + 1 - batch.first_day
        if progress is not None:
            progress(done, total)
    if done >= total:
        with writing(connection):
            if begun.still(connection):
                _finish(connection, updater, begun)
    return done, total


def unfinished(connection: apsw.Connection) -> bool:
    """Whether a rebuild was begun and not finished."""
    return memory_of(connection, "rebuilding", "") != ""


def _begin(connection: apsw.Connection, updater: Updater, journal: Journal) -> _Begun | None:
    """Take in what is known of clocks, and begin; or go on with what was begun. None when there is nothing to do."""
    with writing(connection):  # whoever looks has the write lock: of two processes one begins, and the other joins
        if not unfinished(connection):
            if memory_of(connection, "seq", "") != "":
                return None
            seq = journal.head().seq
            heard = book.take(connection, journal.bodies(kinds=book.KINDS))
            if heard:
                updater.clocks_changed(connection, heard, {})
            remember(connection, "track_due", "1")
            remember(connection, "home_zone", str(updater.home_zone()))
            remember(connection, "rebuilding", str(seq))
        seq = int(memory_of(connection, "rebuilding"))
        return _Begun(seq, _generation(connection), _first_known(connection, updater))


def _first_known(connection: apsw.Connection, updater: Updater) -> KnownClocks:
    """What was known of the clocks when the rebuild began: by now some of their events may have been counted."""
    found = {clock: book.placement_of(connection, clock, counted=False) for clock in book.clocks(connection, False)}
    track = read_track(connection, updater.home_zone())
    return KnownClocks({clock: placement for clock, placement in found.items() if not placement.trivial}, track)


def _generation(connection: apsw.Connection) -> str:
    return memory_of(connection, "generation", "0")


def _is_done(connection: apsw.Connection, first_day: int) -> bool:
    return connection.execute("SELECT 1 FROM rebuilt WHERE day = ?", (first_day,)).fetchone() is not None


def batches_of(journal: Journal, clocks: KnownClocks) -> list[range]:
    """Runs of UTC days in which anything begins, by the clocks of the devices or as these are corrected."""
    runs, at = set[int](), journal.next_start(FIRST_MS)
    while at is not None:
        run = at // (DAYS_PER_BATCH * DAY_MS)
        runs.add(run)
        for clock in clocks.placements:
            first, last = clocks.images(clock, *_bounds(run))
            runs |= set(range(first // (DAYS_PER_BATCH * DAY_MS), (last - 1) // (DAYS_PER_BATCH * DAY_MS) + 1))
        at = journal.next_start(_bounds(run)[1])
    return [range(run * DAYS_PER_BATCH, (run + 1) * DAYS_PER_BATCH) for run in sorted(runs)]


def _bounds(run: int) -> tuple[int, int]:
    return run * DAYS_PER_BATCH * DAY_MS, (run + 1) * DAYS_PER_BATCH * DAY_MS


def _take(connection: apsw.Connection, updater: Updater, batch: Batch) -> None:
    store = updater.store
    marks: list[tuple[int, int, int]] = []
    for name, chunks in batch.chunks.items():
        number = store.number_of(connection, name, batch.units.get(name, ""))
        for chunk in chunks:
            store.put(connection, number, chunk.day, chunk.events, chunk.minutes, (*whole_day(), *chunk.facts))
            if chunk.hints:
                note_hints(connection, number, chunk.day, chunk.hints)
            if chunk.zones:
                connection.execute("INSERT OR REPLACE INTO zone_run VALUES (?, ?, ?)", (chunk.day, number, chunk.zones))
        if chunks and not name.series:
            marks.append((batch.last_day + 1, number, 0))  # what reaches out into the next batch
    for name, bounds in batch.clocks.items():
        number = store.number_of(connection, name, batch.units.get(name, ""))
        note_clocks(connection, number, bounds)
        if name.series:
            note_longest(connection, number, batch.longest_ms[name])
        marks += [(day + near, number, 1) for day in batch.naive.get(name, ()) for near in range(-_NAIVE, _NAIVE + 1)]
    for name, last in batch.reach.items():
        # A series that goes on after this batch is put together with what the next ones hold at the end.
        number = store.number_of(connection, name, batch.units.get(name, ""))
        marks += [(day, number, 1) for day in range(batch.last_day + 1, last + 1)]
    store.mark(connection, marks)
    keep_offsets(connection, batch.offsets, range(batch.first_day, batch.last_day + 1))
    book.count_days(connection, batch.spoken)
    _take_keyed(connection, updater, batch.keyed)


def _take_keyed(connection: apsw.Connection, updater: Updater, keyed: Iterable[Keyed]) -> None:
    """Revisions that lie in different batches: the days of the older ones are aligned again."""
    for record in keyed:
        older = take_revision(connection, record.name, record.seq, record.id, record.day)
        if older is not None:
            updater.mark_record(connection, older)


def _finish(connection: apsw.Connection, updater: Updater, begun: _Begun) -> None:
    remember(connection, "seq", str(begun.seq))
    connection.execute("DELETE FROM meta WHERE name = 'rebuilding'")
    connection.execute("DELETE FROM rebuilt")
    # Until now no clock's faults were judged by when its events were; now that is known.
    updater.clocks_changed(connection, book.clocks(connection), begun.clocks.placements)
    next_version(connection, "clocks")  # whoever looked at them meanwhile knew of some events only
    all_unsearched(connection, updater.store)
