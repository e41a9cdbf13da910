"""Making the life stream anew: the journal is read once, in order of time, a few weeks at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import apsw

from hearthside.alignment.batch import Batch, Keyed, whole_day
from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.placement import FIRST_MS
from hearthside.alignment.clocks.placing import KnownClocks
from hearthside.alignment.finding import all_unsearched
from hearthside.alignment.revisions import take_revision
from hearthside.alignment.store import memory_of, remember, writing
from hearthside.alignment.updating import Updater, note_clocks, note_longest
from hearthside.alignment.workers import align_runs
from hearthside.events import DAY_MS
from hearthside.journal import Journal

DAYS_PER_BATCH = 16
WORKERS = 4
"""No more processes than this line up days, however many cores there are: one disk feeds them all."""
WORTH_SHARING = 20_000
"""Records; with fewer, starting processes takes longer than it saves."""


def rebuild_all(
    connection: apsw.Connection,
    updater: Updater,
    journal: Journal,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> int:
    """Fill an empty derived database, or go on where that was stopped.

    Returns:
        How many days were aligned.
    """
    seq = _begin(connection, updater, journal)
    clocks = updater.clocks(connection)
    batches = batches_of(journal, clocks)
    left = [days for days in batches if not _is_done(connection, days[0])]
    total, done = sum(map(len, batches)), sum(map(len, batches)) - sum(map(len, left))
    workers = min(os.cpu_count() or 1, WORKERS) if seq >= WORTH_SHARING else 1
    for batch in align_runs(journal, clocks, left[::-1], seq, workers, stop):
        with writing(connection):
            if unfinished(connection) and not _is_done(connection, batch.first_day):  # else another process was faster
                _take(connection, updater, batch)
                connection.execute("INSERT INTO rebuilt VALUES (?)", (batch.first_day,))
        done += batch.last_day + 1 - batch.first_day
        if progress is not None:
            progress(done, total)
    if done < total:
        return done
    with writing(connection):
        if unfinished(connection):
            _finish(connection, updater, seq)
    updater.mark_new()
    return max(updater.drain(progress, stop), done)


def unfinished(connection: apsw.Connection) -> bool:
    """Whether a rebuild was begun and not finished."""
    return memory_of(connection, "rebuilding", "") != ""


def _begin(connection: apsw.Connection, updater: Updater, journal: Journal) -> int:
    """Take in what is known of clocks; the position in the journal up to which this rebuild answers for."""
    if unfinished(connection):
        return int(memory_of(connection, "rebuilding", "0"))
    seq = journal.head().seq
    with writing(connection):
        heard = book.take(connection, journal.bodies(kinds=book.KINDS))
        if heard:
            updater.clocks_changed(connection, heard, {})
        remember(connection, "track_due", "1")
        remember(connection, "home_zone", str(updater.home_zone()))
        remember(connection, "rebuilding", str(seq))
    return seq


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
    for name, chunks in batch.chunks.items():
        number = store.number_of(connection, name, batch.units.get(name, ""))
        for chunk in chunks:
            store.put(connection, number, chunk.day, chunk.events, chunk.minutes, (*whole_day(), *chunk.facts))
            if chunk.zones:
                connection.execute("INSERT OR REPLACE INTO zone_run VALUES (?, ?, ?)", (chunk.day, number, chunk.zones))
    marks: list[tuple[int, int, int]] = []
    for name, bounds in batch.clocks.items():
        number = store.number_of(connection, name, batch.units.get(name, ""))
        note_clocks(connection, number, bounds)
        if name.series:
            note_longest(connection, number, batch.longest_ms[name])
            last = max(chunk.day for chunk in batch.chunks[name]) if name in batch.chunks else batch.last_day
            # A series that began before this batch, or goes on after it, is put together at the end.
            marks += [(batch.first_day, number, 1), (min(last, batch.last_day) + 1, number, 1)]
        else:
            # What reaches in from the batch before, and out into the next one.
            marks += [(batch.first_day, number, 0), (batch.last_day + 1, number, 0)]
        marks += [(day + near, number, 1) for day in batch.naive.get(name, ()) for near in (-1, 0, 1)]
    store.mark(connection, marks)
    book.count_days(connection, batch.spoken)
    _take_keyed(connection, updater, batch.keyed)


def _take_keyed(connection: apsw.Connection, updater: Updater, keyed: Iterable[Keyed]) -> None:
    """Revisions that lie in different batches: the days of the older ones are aligned again."""
    for record in keyed:
        older = take_revision(connection, record.name, record.seq, record.id, record.day)
        if older is not None:
            updater.mark_record(connection, older)


def _finish(connection: apsw.Connection, updater: Updater, seq: int) -> None:
    remember(connection, "seq", str(seq))
    connection.execute("DELETE FROM meta WHERE name = 'rebuilding'")
    connection.execute("DELETE FROM rebuilt")
    # Until now no clock's faults were judged by when its events were; now that is known.
    updater.clocks_changed(connection, book.clocks(connection), updater.clocks(connection).placements)
    all_unsearched(connection, updater.store)
