"""The answer to a query: values, groups, rows, the evidence they rest on, and what of the period is known at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from hearthside.events import Json, local_datetime
from hearthside.memory.asking.coverage import Coverage
from hearthside.memory.asking.query import Query, to_json

EVIDENCE_EACH = 3
"""Of each group so many of the newest ids are given."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as a person reads it.

    Attributes:
        start, end: the person's local time with its offset, ISO; of what is known by its day only the date, and none.
        value: of the field that was asked for, else of the amount.
        evidence: journal ids it rests on, hex.
    """

    start_ms: int
    end_ms: int | None
    start: str
    end: str | None
    local_day: str
    source: str
    kind: str
    text: str
    note: str
    amount: float | None
    value: float | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupValue:
    """One group.

    Attributes:
        key: the names of the group, one for each grouping; None where there is none (no place known, nobody named).
        value: in the answer's unit; None where there is nothing to compute it from. A count is 0 only where a source
            was heard, else None.
        count: rows in it.
        days: local days of the period that belong to the group; heard: on how many of them a source was heard.
        evidence: the newest few ids, hex.
        at: where the value is that of one row (first, last, nth, min, max): the person's local time of its start, ISO.
    """

    key: tuple[str | None, ...]
    value: float | None
    count: int
    days: int
    heard: int
    evidence: tuple[str, ...]
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the life stream says to a query.

    Attributes:
        query: as it was asked; `sentence` says it in the little language, which reads as a plain sentence.
        value: the one value, in `unit`; None with groups, and where there is nothing to compute it from.
        unit: ``times``, ``days``, ``s``, ``clock`` (minutes of the local day), ``share`` (0 to 1), ``ms`` (a moment,
            UTC), ``steps``, ``kg`` ..., or "".
        count: how many rows matched.
        days: on how many local days.
        groups: with `by`; of time in order, of things the greatest value first, at most `limit` of those.
        groups_found: how many groups there are.
        rows: of a list the newest first; of first, last, nth, min and max the one; of a gap or pause the row
            before and after; of a streak the first and the last.
        evidence: journal ids the value rests on, hex, newest first, up to a limit; evidence_count: how many there are.
        coverage: what of the period is known.
        notes: what one should know to read the value right, one plain sentence each.
    """

    query: Query
    sentence: str
    value: float | None
    unit: str
    count: int
    days: int
    groups: tuple[GroupValue, ...]
    groups_found: int
    rows: tuple[Row, ...]
    evidence: tuple[str, ...]
    evidence_count: int
    coverage: Coverage
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """As a JSON value; the query in its canonical form."""
        plain = asdict(self)
        plain["query"] = to_json(self.query)
        plain["coverage"]["share"] = self.coverage.share
        plain["coverage"]["sentence"] = self.coverage.in_words()
        plain["answer"] = self.in_words()
        return plain

    def in_words(self) -> str:
        """The value in one plain sentence, with the coverage."""
        return f"{self._said()} {self.coverage.in_words()}"

    def _said(self) -> str:
        if not self.count and not self.coverage.heard:
            return "Not known."
        found = f"{self.count:,} found on {self.days:,} days"
        if self.query.by:
            return f"{self.groups_found:,} groups; {found}."
        if self.value is None:
            return f"{found}."
        if self.unit in {"times", "days"} and not self.query.per_day:
            return f"{shown(self.value, self.unit)}."
        if self.unit == "ms" and self.rows:
            return f"{self.rows[0].start.replace('T', ' ')[:16]}; {found}."
        return f"{shown(self.value, self.unit)}{' a day' if self.query.per_day else ''}; {found}."


def shown(value: float | None, unit: str) -> str:
    """A value as a person reads it; “–” for none."""
    if value is None:
        return "–"
    match unit:
        case "s":
            return in_hours(value)
        case "clock":
            minute = round(value) % 1440
            return f"{minute // 60:02d}:{minute % 60:02d}"
        case "share":
            return f"{value:.1%}"
        case "ms":
            return local_datetime(int(value), 0).isoformat(timespec="seconds").replace("+00:00", "Z")
        case "times" | "days":
            word = unit if value != 1 else {"times": "time", "days": "day"}[unit]
            return f"{value:,.10g} {word}" if value == int(value) else f"{value:,.2f} {word}"
        case _:
            return f"{value:,.5g} {unit}".strip() if abs(value) < 100_000 else f"{value:,.0f} {unit}".strip()


def in_hours(seconds: float) -> str:
    """``7 h 05 min``, ``12 min``, ``40 s``, ``12 d 3 h``."""
    if seconds < 0:
        return f"-{in_hours(-seconds)}"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 4 * 1440:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24:,} d {hours % 24} h"
