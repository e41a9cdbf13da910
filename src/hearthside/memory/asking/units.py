"""In which unit an answer is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hearthside.memory.asking.parts import unit_of
from hearthside.memory.asking.query import CLOCKS, OF_A_FIELD, Measure, Of, Query
from hearthside.memory.asking.rows import Rows

_UNITS = {
    Measure.COUNT: "times", Measure.DAYS: "days", Measure.LIST: "times", Measure.TIME: "s", Measure.GAP: "s",
    Measure.STREAK: "days", Measure.PAUSE: "days",
    Measure.SHARE: "share", Measure.FIRST: "ms", Measure.LAST: "ms", Measure.NTH: "ms",
}  # fmt: skip


def unit_of_answer(query: Query, rows: Rows, sampled: Iterable[str]) -> str:
    """The unit of the value; "" when rows of several units were put together, or it has none.

    Args:
        rows: those that matched.
        sampled: units of the regular measures that were read.
    """
    if query.measure not in OF_A_FIELD:
        return _UNITS[query.measure]
    return field_unit(query, rows, sampled)


def field_unit(query: Query, rows: Rows, sampled: Iterable[str]) -> str:
    """The unit of the field that was asked for."""
    if query.field in CLOCKS:
        return "clock"
    if query.field == "duration":
        return "s"
    if query.field != "amount":
        return ""
    units = amount_units(query, rows, sampled)
    return units[0] if len(units) == 1 else ""


def amount_units(query: Query, rows: Rows, sampled: Iterable[str]) -> list[str]:
    """Units of the amounts of the rows."""
    match query.select.what.of:
        case Of.SAMPLES:
            return sorted(sampled)
        case Of.EPISODES | Of.VISITS:
            return ["s"]
        case Of.EVENTS:
            there = np.unique(rows.stream[~np.isnan(rows.amount)]).tolist()
            kinds = [rows.streams[n][2] for n in there] or list(query.select.what.names)
            return sorted({unit_of(kind) for kind in kinds})
