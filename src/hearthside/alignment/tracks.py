"""The person's UTC offset as the derived database keeps it, and the zones seen in positions."""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache

import apsw
import numpy as np
import orjson

from hearthside.alignment.offsets import OffsetTrack, offset_track
from hearthside.alignment.zones import GAP_MS, ZoneRun

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
