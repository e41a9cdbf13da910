"""The person's UTC offset as the derived database keeps it, and the zones seen in positions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from functools import lru_cache

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.alignment.offsets import OffsetTrack, offset_track
from hearthside.alignment.store import remember
from hearthside.alignment.zones import GAP_MS, ZoneRun
from hearthside.events import DAY_MS
from hearthside.journal import Journal

_NAME = "track"


def read_track(connection: apsw.Connection, home: tzinfo) -> OffsetTrack:
    """The track as it is now; before anything is known that of the home zone."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    return _track_of("" if row is None else str(row[0]), home)


@lru_cache(maxsize=4)
def _track_of(value: str, home: tzinfo) -> OffsetTrack:
    if not value:
        return offset_track(np.zeros((0, 2), dtype=np.int64), [], home)
    starts, offsets, how, doubt = orjson.loads(value)
    return OffsetTrack(
        np.array(starts, np.int64), np.array(offsets, np.int16), np.array(how, np.uint8), np.array(doubt, np.int16)
    )


def write_track(connection: apsw.Connection, track: OffsetTrack) -> None:
    """Keep a track."""
    arrays = (track.starts_ms, track.offset_min, track.how, track.doubt_min)
    value = orjson.dumps([array.tolist() for array in arrays]).decode()
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_NAME, value))


def heard_offsets(journal: Journal, days: range) -> dict[int, bytes]:
    """What sources carried of the person's offset, by raw UTC day: of runs of equal ones the first and the last."""
    by_day: dict[int, list[tuple[int, int]]] = {}
    for at, offset in journal.offsets_between(days[0] * DAY_MS, (days[-1] + 1) * DAY_MS):
        found = by_day.setdefault(at // DAY_MS, [])
        if len(found) > 1 and found[-1][1] == found[-2][1] == offset:
            found[-1] = (at, offset)
        else:
            found.append((at, offset))
    return {day: orjson.dumps(found) for day, found in by_day.items()}


def note_offsets(connection: apsw.Connection, journal: Journal, days: range) -> None:
    """Keep what sources carried of the person's offset on raw UTC days; see `keep_offsets`."""
    keep_offsets(connection, heard_offsets(journal, days), days)


def keep_offsets(connection: apsw.Connection, heard: Mapping[int, bytes], days: range) -> None:
    """Keep what was heard on some days, and nothing else of them; the track is due again when that changed anything."""
    sql = "SELECT day, body FROM offset_day WHERE day BETWEEN ? AND ?"
    before = {int(day): bytes(body) for day, body in connection.execute(sql, (days[0], days[-1]))}
    if heard == before:
        return
    connection.executemany("DELETE FROM offset_day WHERE day = ?", [(day,) for day in before.keys() - heard.keys()])
    changed = [(day, body) for day, body in sorted(heard.items()) if before.get(day) != body]
    connection.executemany("INSERT OR REPLACE INTO offset_day VALUES (?, ?)", changed)
    remember(connection, "track_due", "1")


def note_new_offsets(connection: apsw.Connection, journal: Journal, heard: Iterable[tuple[int, int]]) -> None:
    """Keep what new records carried: (raw UTC ms, offset in minutes) each.

    Of a day on which they change nothing, because the same was heard before and after, the journal is not read.
    """
    by_day: dict[int, list[tuple[int, int]]] = {}
    for at, offset in heard:
        by_day.setdefault(at // DAY_MS, []).append((at, offset))
    for day, found in sorted(by_day.items()):
        row = connection.execute("SELECT body FROM offset_day WHERE day = ?", (day,)).fetchone()
        if row is None or not _known_already(orjson.loads(row[0]), found):
            note_offsets(connection, journal, range(day, day + 1))


def _known_already(kept: Sequence[tuple[int, int]], heard: Iterable[tuple[int, int]]) -> bool:
    """Whether each offset lies between two of what is kept of a day, which are neighbours and say the same."""
    times = [at for at, _ in kept]
    for at, offset in heard:
        k = bisect_left(times, at)
        if not 0 < k < len(times) or times[k] == at or kept[k - 1][1] != offset or kept[k][1] != offset:
            return False
    return True


def observed_offsets(connection: apsw.Connection) -> npt.NDArray[np.int64]:
    """Every offset kept, rows (time ms, offset min), in order of time."""
    found = [
        pair
        for (body,) in connection.execute("SELECT body FROM offset_day ORDER BY day")
        for pair in orjson.loads(body)
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def zones_seen(connection: apsw.Connection) -> list[ZoneRun]:
    """Where positions lay, in order of time, runs in one zone that follow each other soon made one."""
    found: list[ZoneRun] = []
    for (body,) in connection.execute("SELECT body FROM zone_run ORDER BY day, stream"):
        for first, last, zone in orjson.loads(body):
            if found and found[-1].zone == zone and found[-1].last_ms <= last and first - found[-1].last_ms <= GAP_MS:
                found[-1] = ZoneRun(found[-1].first_ms, last, zone)
            else:
                found.append(ZoneRun(first, last, zone))
    return found
