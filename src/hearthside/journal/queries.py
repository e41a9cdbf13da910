"""What the journal asks its year files: the query of a reading, and which records they have already."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

from hearthside.events import Json, id_before_format_2
from hearthside.journal.sealing import Prepared
from hearthside.journal.year_file import YearFile

READ = "start_ms, id, seq, key, sealed"
SEALED = "seq, key, sealed, commitment"
WHOLE = "AND key IS NOT NULL"  # what was not forgotten
_KINDS_MERGED = 40


def query(
    start_ms: int | None,
    end_ms: int | None,
    kinds: Iterable[str] | None,
    sources: Iterable[str] | None,
    newest_first: bool,
) -> tuple[str, list[Json]]:
    """The query of `Journal.read` and its values."""
    where, values = "key IS NOT NULL", list[Json]()
    for condition, value in (("start_ms >= ?", start_ms), ("start_ms < ?", end_ms)):
        if value is not None:
            where += f" AND {condition}"
            values.append(value)
    if sources is not None:
        names = list(sources)
        where += f" AND source IN ({','.join('?' * len(names))})"
        values += names
    order = f"ORDER BY start_ms {'DESC' if newest_first else 'ASC'}, id"
    if kinds is None:
        return f"SELECT {READ} FROM record WHERE {where} {order}", values
    # One query for each kind, merged: each follows its index in order of time, so that a limit ends them all early.
    wanted = sorted(set(kinds))
    if not 0 < len(wanted) <= _KINDS_MERGED:
        marks = ",".join("?" * len(wanted))
        return f"SELECT {READ} FROM record WHERE {where} AND kind IN ({marks}) {order}", [*values, *wanted]
    each = f"SELECT {READ} FROM record WHERE {where} AND kind = ?"
    merged = [value for kind in wanted for value in (*values, kind)]
    return f"{' UNION ALL '.join([each] * len(wanted))} {order}", merged


def in_order(streams: Iterable[tuple[int | None, Iterator[Json]]], newest_first: bool) -> Iterator[Json]:
    """Rows of several files in order of (start time, id), each file asked only when its turn comes.

    Args:
        streams: of each file how early (newest first: how late) its rows can begin, None when that is not known, and
            its rows in order.
    """
    sign = -1 if newest_first else 1
    waiting = sorted(
        ((float("-inf") if bound is None else sign * bound, n, rows) for n, (bound, rows) in enumerate(streams)),
        key=lambda entry: entry[:2],
        reverse=True,
    )
    active: list[tuple[int, bytes, int, Json, Iterator[Json]]] = []
    while waiting or active:
        while waiting and (not active or waiting[-1][0] <= active[0][0]):
            _, n, rows = waiting.pop()
            if (row := next(rows, None)) is not None:
                heapq.heappush(active, (sign * row[0], row[1], n, row, rows))
        if not active:
            return
        _, _, n, row, rows = active[0]
        yield row
        following = next(rows, None)
        if following is None:
            heapq.heappop(active)
        else:
            heapq.heapreplace(active, (sign * following[0], following[1], n, following, rows))


def in_earlier(earlier: Sequence[YearFile], records: Sequence[Prepared]) -> set[bytes]:
    """Ids that an earlier year has; most cannot, because nothing in it is that late."""
    found = set[bytes]()
    for file in earlier:
        found |= file.which(p.id for p in records if file.may_have(p.start_ms))
    return found


def under_old_ids(old: Sequence[YearFile], records: Sequence[Prepared]) -> set[bytes]:
    """Ids of records that are there under the id that format 1 gave them."""
    found = set[bytes]()
    if old:
        ids = {id_before_format_2(p.raw): p.id for p in records}
        for file in old:
            found |= {ids[identity] for identity in file.which(ids)}
    return found


def overlap(between: tuple[int | None, int | None], first: int, last: int) -> bool:
    """Whether anything from `first` to `last` lies between two times, the second one excluded; None is without end."""
    start_ms, end_ms = between
    return (start_ms is None or start_ms <= last) and (end_ms is None or first < end_ms)


def may_have(identity: bytes, file: YearFile) -> bool:
    """See `YearFile.may_have_id`."""
    return file.may_have_id(identity)


def rows_of(ids: Sequence[bytes], file: YearFile) -> list[Json]:
    """Rows of records by id, of those that were not forgotten."""
    return list(file.rows_of(READ, ids, WHOLE))
