"""The rows and journal ids an answer rests on, and what one should know to read it right."""

from __future__ import annotations

import numpy as np

from hearthside.alignment.kinds import shown_text
from hearthside.events import MINUTE_MS, iso_day, local_datetime
from hearthside.memory.asking.coverage import Period
from hearthside.memory.asking.measures import days_by_group
from hearthside.memory.asking.query import CLOCKS, OF_TIME, Measure, Of, Query
from hearthside.memory.asking.result import Row, in_hours
from hearthside.memory.asking.rows import Rows
from hearthside.memory.asking.selecting import Found, span_of_days
from hearthside.memory.asking.source import Floats, Ints, LifeSource
from hearthside.memory.asking.units import amount_units

_HAPPENS_ONCE = frozenset({"sleep", "workout"})
_SPREAD_OUT = 0.3
"""Clock times with a mean direction shorter than this are spread over the whole day."""


def evidence_of(rows: Rows, limit: int) -> tuple[tuple[str, ...], int]:
    """Ids of the records rows rest on, hex, newest first, each once, and how many there are."""
    if not rows.things:
        chosen = np.flatnonzero(rows.ids != np.zeros(1, "V16")[0]) if len(rows) else np.zeros(0, np.int64)
        newest = chosen[::-1][:limit]
        return tuple(rows.ids[i].tobytes().hex() for i in newest.tolist()), len(chosen)
    ids = dict.fromkeys(
        identity.hex() for t in rows.thing[::-1].tolist() for identity in reversed(rows.things[t].evidence)
    )
    return tuple(ids)[:limit], len(ids)


def ids_at(rows: Rows, places: Ints) -> tuple[str, ...]:
    """The newest id of each of some rows, newest first; places of -1 are left out."""
    found = []
    for place in reversed(places[places >= 0].tolist()):
        if rows.thing[place] >= 0:
            found += [identity.hex() for identity in rows.things[rows.thing[place]].evidence[-1:]]
        elif any(raw := rows.ids[place].tobytes()):
            found.append(raw.hex())
    return tuple(dict.fromkeys(found))


def rows_of(life: LifeSource, used: Rows, query: Query, values: Floats | None = None) -> tuple[Row, ...]:
    """Rows as a person reads them: of a list the newest first, at most `limit`; none where a value is of many."""
    match query.measure:
        case Measure.LIST:
            order = np.arange(len(used))[::-1][: query.limit]
        case Measure.FIRST | Measure.LAST | Measure.NTH | Measure.MIN | Measure.MAX | Measure.GAP | Measure.PAUSE:
            order = np.arange(len(used))
        case Measure.STREAK:
            order = np.unique([0, len(used) - 1])[: len(used)]
        case _:
            return ()
    return tuple(_row(life, used, i, None if values is None else values[i]) for i in order.tolist())


def _row(life: LifeSource, rows: Rows, i: int, value: float | None) -> Row:
    _, source, kind = rows.streams[rows.stream[i]]
    start, offset = int(rows.start_ms[i]), int(rows.offset_min[i])
    end = int(rows.end_ms[i]) if rows.lasts[i] else None
    amount = None if np.isnan(rows.amount[i]) else float(rows.amount[i])
    text, note, evidence = kind, "", tuple[str, ...]()
    if rows.thing[i] >= 0:
        thing = rows.things[rows.thing[i]]
        text, evidence = thing.label, tuple(identity.hex() for identity in thing.evidence)
    elif any(identity := rows.ids[i].tobytes()):
        found = life.get(identity)
        evidence = (identity.hex(),)
        text, note = ("", "") if found is None else (shown_text(kind, found.text, found.amount), found.note)
    day = iso_day(int(rows.day[i]))
    return Row(
        start, end, day if rows.by_day[i] else _local(start, offset),
        None if end is None or rows.by_day[i] else _local(end, offset), day, source, kind, text, note, amount,
        amount if value is None else None if np.isnan(value) else float(value), evidence,
    )  # fmt: skip


def began(rows: Rows, i: int) -> str | None:
    """The local time at which a row began, ISO, or its date where no more is known; None for row -1."""
    if i < 0:
        return None
    return iso_day(int(rows.day[i])) if rows.by_day[i] else _local(int(rows.start_ms[i]), int(rows.offset_min[i]))


def _local(ms: int, offset_min: int) -> str:
    return local_datetime(ms, offset_min).isoformat(timespec="seconds")


# -- notes -------------------------------------------------------------------------------------------------------------


def notes_on(
    query: Query, found: Found, rows: Rows, used: Rows, spread: Floats, sampled: set[str], period: Period
) -> tuple[str, ...]:
    """What one should know to read the value right."""
    said = [
        _left_out(query, found, rows),
        _twice(query, rows),
        "The clock times are spread over the whole day; an average says little about them."
        if query.field in CLOCKS and (spread < _SPREAD_OUT).any() and len(rows) else "",
        "Amounts of different units were put together."
        if query.measure in {Measure.SUM, Measure.MEAN, Measure.MEDIAN} and query.field == "amount"
        and len(amount_units(query, rows, sampled)) > 1 else "",
        _in_the_gap(used, period) if query.measure is Measure.GAP and not query.by else "",
        "Samples are no records of their own: they are told by source, measure and minute."
        if query.select.what.of is Of.SAMPLES and len(rows) else "",
    ]  # fmt: skip
    return tuple(sentence for sentence in said if sentence)


def _left_out(query: Query, found: Found, rows: Rows) -> str:
    if found.left_out:
        return (
            f"{found.left_out:,} records are known by their day only and were left out: the time of day matters here."
        )
    by_day = int(rows.by_day.sum())
    if by_day and "hour" in query.by:
        return f"{by_day:,} records are known by their day only and belong to no hour."
    if query.measure in OF_TIME and len(found.rows) and not found.rows.lasts.any():
        return "What was found has no duration, so it fills no time."
    return ""


def _twice(query: Query, rows: Rows) -> str:
    """Whether several sources recorded the same thing on the same days."""
    if query.select.where.once or query.select.what.of is not Of.EVENTS or not len(rows):
        return ""
    if "source" in query.by or query.measure in {Measure.LIST, Measure.DAYS, *OF_TIME}:
        return ""
    kinds: dict[str, list[int]] = {}
    for number, (_, _, kind) in enumerate(rows.streams):
        kinds.setdefault(kind, []).append(number)
    for kind, streams in sorted(kinds.items()):
        mine = np.isin(rows.stream, streams) & (rows.by_day | (kind in _HAPPENS_ONCE))
        sources = {rows.streams[n][1] for n in np.unique(rows.stream[mine]).tolist()}
        one = np.zeros(int(mine.sum()), np.int64)
        each = days_by_group(rows.day[mine], rows.stream[mine], len(rows.streams)).sum()
        if len(sources) > 1 and each > days_by_group(rows.day[mine], one, 1)[0]:
            return (
                f"{' and '.join(sorted(sources))} recorded {kind} on the same days, and all of it was taken;"
                " “counted once” takes the fuller source of each day."
            )
    return ""


def _in_the_gap(used: Rows, period: Period) -> str:
    if len(used) < 2:
        return ""
    start, end = span_of_days(used)
    offset = int(used.offset_min[0]) * MINUTE_MS
    first, last = (int(end[0]) + offset) // 86_400_000 + 1, (int(start[1]) + offset) // 86_400_000 - 1
    if first > last:
        return ""
    heard = int(((period.heard >= first) & (period.heard <= last)).sum())
    return (
        f"Between the two lie {in_hours((int(start[1]) - int(end[0])) / 1000)};"
        f" of the {last - first + 1:,} whole days in it a source was heard on {heard:,}."
    )
