"""What the journal says of its records without opening them: sources, offsets, the last arrivals, the next start."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from hearthside.events import DAY_MS, HOUR_MS, Json
from hearthside.journal.in_force import InForce
from hearthside.journal.queries import WHOLE
from hearthside.journal.year_file import YearFile

_THINNED_MS = 36 * HOUR_MS
"""Between two equal offsets that are no farther apart nothing else need be said."""


def next_start(files: InForce, at_ms: int) -> int | None:
    """See `Journal.next_start`."""
    # What was forgotten stands at 0, and nothing of it begins there.
    sql = f"SELECT start_ms FROM record WHERE start_ms >= ? {WHOLE} ORDER BY start_ms LIMIT 1"
    found = [int(row[0]) for file in files.now() for row in _rows(files, file, sql, (at_ms,))]
    return min(found, default=None)


def arrivals(files: InForce, limit: int) -> list[tuple[str, int]]:
    """See `Journal.arrivals`."""
    sql = f"SELECT source, start_ms FROM record WHERE 1 {WHOLE} ORDER BY seq DESC LIMIT ?"
    found: list[tuple[str, int]] = []
    for file in reversed(files.now()):
        left = limit - len(found)
        if left <= 0:
            break
        found += [(str(row[0]), int(row[1])) for row in _rows(files, file, sql, (left,))]
    return found[::-1]


def offsets_between(files: InForce, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """See `Journal.offsets_between`."""
    sql = "SELECT start_ms, offset_min FROM record WHERE start_ms >= ? AND start_ms < ? AND offset_min IS NOT NULL"
    rows = [row for file in files.now() for row in _rows(files, file, sql, (start_ms, end_ms))]
    return sorted((int(start), int(offset)) for start, offset in rows if start % DAY_MS)


def offsets(files: InForce) -> list[tuple[int, int]]:
    """See `Journal.offsets`."""
    # What only knows its day lies at midnight, and its offset held at some other hour.
    timed = "offset_min IS NOT NULL AND start_ms % 86400000 <> 0"
    sql = f"SELECT start_ms, offset_min FROM record WHERE {timed} ORDER BY start_ms, offset_min"
    streams = [_rows(files, file, sql) for file in files.now()]
    found: list[tuple[int, int]] = []
    for start, offset in streams[0] if len(streams) == 1 else heapq.merge(*streams):
        if len(found) > 1 and found[-1][1] == found[-2][1] == offset and start - found[-2][0] <= _THINNED_MS:
            found[-1] = (start, offset)
        else:
            found.append((start, offset))
    return found


def sources(files: InForce) -> list[tuple[str, int, int, int]]:
    """See `Journal.sources`."""
    found: dict[str, tuple[int, int, int]] = {}
    for file in files.now():
        for name, count, first, last in files.answer(file, YearFile.sources):
            before = found.get(name, (0, first, last))
            found[name] = (before[0] + count, min(before[1], first), max(before[2], last))
    return [(name, *counts) for name, counts in sorted(found.items())]


def _rows(files: InForce, file: YearFile, sql: str, values: Sequence[Json] = ()) -> Iterator[Json]:
    return files.rows(file, lambda f: f.rows(sql, values))
