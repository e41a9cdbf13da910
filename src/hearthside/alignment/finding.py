"""Finding episodes again on the days whose streams changed, and keeping them beside the chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.columns import EventColumns
from hearthside.alignment.episodes import Episode, Finder, SampleRun, Window, finder_names, load_finder
from hearthside.alignment.offsets import MINUTES, OffsetTrack
from hearthside.alignment.store import Store, memory_of, next_version, writing
from hearthside.alignment.tracks import read_track
from hearthside.alignment.workers import Pool
from hearthside.events import DAY_MS, MINUTE_MS
from hearthside.identity.database import open_database

_DUE_PER_COMMIT, _DAYS_PER_TASK = 64, 16
Due: TypeAlias = "list[tuple[int, str]]"
"""UTC days and names of the finders that have to look there."""


@dataclass(frozen=True, slots=True)
class Seeking:
    """What a worker needs to look for episodes: secret, it holds the key of the derived database."""

    path: Path
    key: bytes
    home: tzinfo

    @contextmanager
    def begin(self) -> Iterator[Callable[[Due], Found]]:
        """Open the database; what looks wherever that is due."""
        connection = open_database(self.path, self.key)
        store = Store()
        try:
            yield lambda due: look(connection, store, self.home, due)
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Found:
    """What was found wherever that was due, and in which state of the life stream."""

    due: Due
    bodies: list[bytes | None]
    state: tuple[str, ...]


def look(connection: apsw.Connection, store: Store, home: tzinfo, due: Due) -> Found:
    """Look for episodes, and write nothing."""
    connection.execute("BEGIN")  # all of it sees one state
    try:
        track = read_track(connection, home)
        bodies = [_search(connection, store, track, day, finder) for day, finder in due]
        return Found(due, bodies, _state(connection))
    finally:
        connection.execute("COMMIT")


def search_shared(
    connection: apsw.Connection,
    store: Store,
    seeking: Seeking,
    pool: Pool,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> None:
    """Look for episodes in several processes, newest first; what changed meanwhile is left for `search_all`."""
    sql = "SELECT day, finder FROM unsearched ORDER BY day DESC, finder"
    due = [(int(day), str(finder)) for day, finder in connection.execute(sql)]
    tasks = [list(run) for _, run in groupby(due, lambda one: one[0] // _DAYS_PER_TASK)]
    done = 0

    def here(task: Due) -> Found:
        return look(connection, store, seeking.home, task)

    for found in pool.share(seeking, tasks, stop, here):
        with writing(connection):
            if _state(connection) == found.state:
                for (day, finder), body in zip(found.due, found.bodies, strict=True):
                    _keep(connection, day, finder, body)
                connection.executemany("DELETE FROM unsearched WHERE day = ? AND finder = ?", found.due)
        done += len(found.due)
        if progress is not None:
            progress(done, len(due))


def _state(connection: apsw.Connection) -> tuple[str, ...]:
    """What the finders look at: equal states give equal episodes."""
    return tuple(memory_of(connection, name) for name in ("generation", "slices", "track", "home_zone"))


def search_all(
    connection: apsw.Connection,
    store: Store,
    home: tzinfo,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> int:
    """Look for episodes wherever that is due, newest first; how many (day, finder) were looked at."""
    done = 0
    while not stop():
        with writing(connection):
            sql = "SELECT day, finder FROM unsearched ORDER BY day DESC, finder LIMIT ?"
            due = [(int(day), str(finder)) for day, finder in connection.execute(sql, (_DUE_PER_COMMIT,))]
            track = read_track(connection, home)
            for day, finder in due:
                _keep(connection, day, finder, _search(connection, store, track, day, finder))
            connection.executemany("DELETE FROM unsearched WHERE day = ? AND finder = ?", due)
        if not due:
            break
        done += len(due)
        if progress is not None:
            left = int(next(iter(connection.execute("SELECT count(*) FROM unsearched")))[0])
            progress(done, done + left)
    return done


def _search(connection: apsw.Connection, store: Store, track: OffsetTrack, day: int, name: str) -> bytes | None:
    """The episodes of a day as bytes; None when there are none."""
    if name not in finder_names():
        return None
    finder = load_finder(name)
    window = window_of(connection, store, track, day, finder)
    if not window.columns and not window.samples:
        return None
    found = [episode for episode in finder.find(window) if window.owns(episode.start_ms)]
    return pack_episodes(found) if found else None


def _keep(connection: apsw.Connection, day: int, name: str, body: bytes | None) -> None:
    before = connection.execute("SELECT body FROM episode WHERE day = ? AND finder = ?", (day, name)).fetchone()
    if body == (None if before is None else bytes(before[0])):
        return
    next_version(connection, "episodes")
    if body is None:
        connection.execute("DELETE FROM episode WHERE day = ? AND finder = ?", (day, name))
    else:
        connection.execute("INSERT OR REPLACE INTO episode VALUES (?, ?, ?)", (day, name, body))


def window_of(connection: apsw.Connection, store: Store, track: OffsetTrack, day: int, finder: Finder) -> Window:
    """What a finder may look at for one UTC day."""
    first, last = day - finder.REACH_DAYS, day + finder.REACH_DAYS
    minutes = np.arange(first * MINUTES, (last + 1) * MINUTES, dtype=np.int64) * MINUTE_MS
    names = store.names(connection)
    wanted = {n for n, name in names.items() if name.kind in (finder.MEASURES if name.series else finder.KINDS)}
    columns: dict[str, list[EventColumns]] = {}
    runs: dict[int, SampleRun] = {}
    order = sorted(store.facts(connection, first, last, wanted), key=lambda fact: (fact.day, names[fact.stream]))
    for fact in order:
        name = names[fact.stream]
        if name.series:
            samples = store.samples(connection, fact.stream, fact.day, fact.version)
            if samples is None:
                continue
            run = runs.get(fact.stream)
            if run is None:
                run = runs[fact.stream] = SampleRun(name.source, name.kind, np.full(len(minutes), np.nan))
            run.values[(fact.day - first) * MINUTES : (fact.day - first + 1) * MINUTES] = samples.values
        elif fact.events:
            columns.setdefault(name.kind, []).append(store.events(connection, fact.stream, fact.day, fact.version))
    measures: dict[str, list[SampleRun]] = {}
    for number in sorted(runs, key=lambda number: names[number]):
        measures.setdefault(names[number].kind, []).append(runs[number])
    return Window(day, first * DAY_MS, (last + 1) * DAY_MS, columns, measures, _offsets(track, minutes))


def _offsets(track: OffsetTrack, minutes: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """The person's offset at each of some minutes in order; where it is one for all, nothing is looked up for each."""
    first, last = track.pieces(minutes[[0, -1]]).tolist()
    if first == last:
        return np.full(len(minutes), track.offset_min[first], np.int16)
    return track.at(minutes).astype(np.int16)


def pack_episodes(found: list[Episode]) -> bytes:
    """Episodes as bytes; equal ones give equal bytes."""
    rows = [
        [e.kind, e.start_ms, e.end_ms, e.label, [identity.hex() for identity in e.evidence], e.sure, e.facts]
        for e in sorted(found, key=lambda e: (e.start_ms, e.end_ms, e.label, e.evidence))
    ]
    return orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)


def unpack_episodes(body: bytes) -> Iterator[Episode]:
    """What `pack_episodes` packed."""
    for kind, start, end, label, evidence, sure, facts in orjson.loads(body):
        yield Episode(kind, start, end, label, tuple(bytes.fromhex(identity) for identity in evidence), sure, facts)


def read_episodes(
    connection: apsw.Connection, first_day: int | None, last_day: int | None, kinds: list[str] | None
) -> Iterator[Episode]:
    """Episodes that start on some UTC days, in order of (day, finder)."""
    where, values = ["1"], list[int | str]()
    for condition, value in (("day >= ?", first_day), ("day <= ?", last_day)):
        if value is not None:
            where.append(condition)
            values.append(value)
    if kinds is not None:
        where.append(f"finder IN ({','.join('?' * len(kinds))})")
        values += kinds
    sql = f"SELECT body FROM episode WHERE {' AND '.join(where)} ORDER BY day, finder"
    for (body,) in connection.execute(sql, values):
        yield from unpack_episodes(body)


def all_unsearched(connection: apsw.Connection, store: Store) -> None:
    """Mark every day that any finder may have to look at."""
    names = store.names(connection)
    for finder in (load_finder(name) for name in finder_names()):
        streams = [n for n, name in names.items() if name.kind in (finder.MEASURES if name.series else finder.KINDS)]
        if not streams:
            continue
        inside = ",".join(map(str, streams))
        for near in range(-finder.REACH_DAYS, finder.REACH_DAYS + 1):
            days = f"SELECT DISTINCT day + {near}, ? FROM chunk WHERE stream IN ({inside})"
            connection.execute(f"INSERT OR IGNORE INTO unsearched {days}", (finder.NAME,))
