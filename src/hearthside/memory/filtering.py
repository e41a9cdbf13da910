"""Filters of a search as conditions of SQL on the index's documents, and as rows of the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import apsw
import numpy as np
import numpy.typing as npt
import orjson

from hearthside.events import MINUTE_MS
from hearthside.memory.hits import Filters
from hearthside.memory.words import match_phrase

_LAST_IN_MINUTE = (1 << 20) - 1
_SPANS = """doc.row IN (
    SELECT near.row FROM json_each(?) AS span
    JOIN doc AS near ON near.row >= json_extract(span.value, '$[0]') AND near.row <= json_extract(span.value, '$[1]')
    WHERE near.start_ms >= json_extract(span.value, '$[2]') AND near.start_ms < json_extract(span.value, '$[3]')
)"""


def conditions(filters: Filters) -> tuple[str, list[str | int | None]]:
    """A condition on `doc`, with its values."""
    where, values = ["1"], list[str | int | None]()
    first, last = row_bounds(filters)
    for sign, row, ms in ((">=", first, filters.start_ms), ("<", last, filters.end_ms)):
        if row is not None and ms is not None:
            where.append(f"doc.row {'>=' if sign == '>=' else '<='} ? AND doc.start_ms {sign} ?")
            values += [row, ms]
    for column, wanted in (
        ("layer", filters.layers), ("source", filters.sources), ("kind", filters.kinds),
        ("conversation", filters.conversations),
    ):  # fmt: skip
        if wanted is not None:
            names = sorted(str(value) for value in wanted)
            where.append(f"doc.{column} IN ({','.join('?' * len(names))})")
            values.extend(names)
    if filters.conversations is not None:
        where.append("doc.conversation <> ''")  # as the index on it says
    if filters.person is not None and match_phrase(filters.person):
        where.append("doc.row IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(match_phrase(filters.person))
    if filters.spans is not None:
        where.append(_SPANS)
        values.append(_as_json(filters.spans))
    return " AND ".join(where), values


def row_bounds(filters: Filters) -> tuple[int | None, int | None]:
    """The first and the last row that the times of a filter can let through, both inclusive."""
    first = None if filters.start_ms is None else (filters.start_ms // MINUTE_MS) << 20
    last = None if filters.end_ms is None else _last_row(filters.end_ms)
    return first, last


def allowed_rows(connection: apsw.Connection, filters: Filters, limit: int = -1) -> npt.NDArray[np.int64] | None:
    """The rows that filters let through, ascending; None where nothing but whole minutes limits them.

    Args:
        limit: so many of them at most, whichever; -1 for all.
    """
    whole = all(ms is None or ms % MINUTE_MS == 0 for ms in (filters.start_ms, filters.end_ms))
    if whole and filters == Filters(filters.start_ms, filters.end_ms):
        return None
    if whole:  # the rows say it all, and where an index has them nothing else is read
        where, values = conditions(replace(filters, start_ms=None, end_ms=None))
        first, last = row_bounds(filters)
        where += " AND doc.row BETWEEN coalesce(?, -9223372036854775808) AND coalesce(?, 9223372036854775807)"
        values += [first, last]
    else:
        where, values = conditions(filters)
    rows = connection.execute(f"SELECT doc.row FROM doc WHERE {where} LIMIT ?", (*values, limit))
    return np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64))


def _last_row(end_ms: int) -> int:
    return (((end_ms - 1) // MINUTE_MS) << 20) + _LAST_IN_MINUTE


def _as_json(spans: Sequence[tuple[int, int]]) -> str:
    return orjson.dumps(
        [[(start // MINUTE_MS) << 20, _last_row(end), start, end] for start, end in spans if end > start]
    ).decode()
