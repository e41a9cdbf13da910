"""Typed queries over the life stream: count, first, last, sum, mean, list, with the evidence each value rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.events import Layer, Origin
from hearthside.memory.when import Period

EVIDENCE_SHOWN = 8
_HAPPENS_ONCE = frozenset({"workout", "sleep"})


class Measure(StrEnum):
    """What is asked of the occurrences that match."""

    COUNT = "count"
    FIRST = "first"
    LAST = "last"
    SUM = "sum"
    MEAN = "mean"
    LIST = "list"
    DAYS = "days"
    LEAST = "least"
    MOST = "most"


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the life stream can answer it.

    Attributes:
        measure: what to compute.
        kinds: kinds of occurrence, e.g. ("sleep",); empty for any kind with words.
        words: each must appear in the text or note.
        about: each must appear where a person or place is named.
        whole: an amount is how long the occurrence lasted, not what its source counted (in bed, not asleep).
        period: local days to look at, or None for the whole life.
        origins: whose content counts; empty for anybody's.
        topic: what is counted, in the person's words, for the answer.
        best_source: of several sources that measured the same kind on a day, count only the fullest.
    """

    measure: Measure
    kinds: tuple[str, ...]
    words: tuple[str, ...] = ()
    period: Period | None = None
    origins: tuple[Origin, ...] = ()
    layers: tuple[Layer, ...] = ()
    topic: str = ""
    best_source: bool = False
    about: tuple[str, ...] = ()
    whole: bool = False

    def in_words(self) -> str:
        """The query as a person can check it."""
        parts = [self.measure.value, " or ".join(self.kinds) or "anything"]
        if self.words or self.about:
            parts.append("with " + " and ".join(f"“{word}”" for word in (*self.words, *self.about)))
        if self.origins:
            parts.append("by " + " or ".join(origin.value for origin in self.origins))
        parts.append(self.period.label if self.period else "in the whole life stream")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A computed value.

    Attributes:
        count: how many occurrences matched.
        value: the sum or mean of their amounts where that was asked, else None.
        days: how many local days they fall on.
        evidence: occurrences the value rests on: all of them up to a few, newest first.
        chosen: the one first or last occurrence, or None.
    """

    query: Query
    count: int
    value: float | None
    days: int
    evidence: list[Occurrence]
    chosen: Occurrence | None


def run_query(stream: LifeStream, query: Query) -> QueryResult:
    """Compute a query over the life stream."""
    found = _matching(stream, query)
    if query.best_source:
        found = measured_once(found)
    if query.whole:
        found = [replace(o, amount=(o.end_ms - o.start_ms) / 1000) for o in found if o.end_ms is not None]
    amounts = [o.amount for o in found if o.amount is not None]
    value = None
    if amounts and query.measure is Measure.SUM:
        value = sum(amounts)
    if amounts and query.measure is Measure.MEAN:
        value = sum(amounts) / len({o.local_day for o in found if o.amount is not None})
    chosen = None
    if found and query.measure in {Measure.FIRST, Measure.LAST}:
        chosen = found[0] if query.measure is Measure.FIRST else found[-1]
    measured = [o for o in found if o.amount is not None]
    if measured and query.measure in {Measure.LEAST, Measure.MOST}:
        pick = min if query.measure is Measure.LEAST else max
        chosen = pick(measured, key=lambda o: o.amount or 0.0)
    evidence = [chosen] if chosen is not None else list(reversed(found))[:EVIDENCE_SHOWN]
    return QueryResult(query, len(found), value, len({o.local_day for o in found}), evidence, chosen)


def during(stream: LifeStream, kinds: tuple[str, ...], start_ms: int, end_ms: int) -> list[Occurrence]:
    """Occurrences of these kinds that overlap [start_ms, end_ms)."""
    return stream.occurrences(kinds=kinds or None, start_ms=start_ms, end_ms=end_ms)


def _matching(stream: LifeStream, query: Query) -> list[Occurrence]:
    local_days, start_ms, end_ms = None, None, None
    if query.period is not None:
        if query.period.hours is None and query.period.minute is None:
            local_days = (query.period.first, query.period.last)
        else:
            start_ms, end_ms = query.period.bounds_ms(stream.offset_on)
    found = stream.occurrences(
        kinds=query.kinds or None, layers=query.layers or None, words=query.words, about=query.about,
        local_days=local_days, start_ms=start_ms, end_ms=end_ms,
    )  # fmt: skip
    return _without_doubles([o for o in found if not query.origins or o.origin in query.origins])


def measured_once(found: Iterable[Occurrence]) -> list[Occurrence]:
    """Of what several devices or apps measured on a day only one measurement, in order of start.

    For each local day and kind one source counts: one that measured what it claims (time asleep within a night) before
    one that only knows a session's length, then the one that knows most. Of its intervals that overlap one another the
    longest stays, so that no minute is counted twice.
    """
    by_day: dict[tuple[str, str], dict[str, list[Occurrence]]] = {}
    for o in found:
        by_day.setdefault((o.local_day, o.kind), {}).setdefault(o.source, []).append(o)
    kept = []
    for sources in by_day.values():
        apart = {name: _apart(occurrences) for name, occurrences in sources.items()}
        best = max(apart, key=lambda name: (_truly_measured(apart[name]), _total(apart[name]), name))
        kept += apart[best]
    return sorted(kept, key=lambda o: (o.start_ms, o.id))


def _apart(found: list[Occurrence]) -> list[Occurrence]:
    """Intervals that do not overlap, the longest first choice; what has no end is kept."""
    kept: list[Occurrence] = []
    for o in sorted(found, key=lambda o: (-((o.end_ms or o.start_ms) - o.start_ms), o.start_ms, o.id)):
        end = o.end_ms or o.start_ms
        if all(end <= other.start_ms or o.start_ms >= (other.end_ms or other.start_ms) for other in kept):
            kept.append(o)
    return kept


def _truly_measured(found: list[Occurrence]) -> bool:
    """Whether a source measured more than when its intervals began and ended."""
    return any(o.amount is not None and o.end_ms and o.amount < (o.end_ms - o.start_ms) / 1000 - 1 for o in found)


def _total(found: list[Occurrence]) -> float:
    return sum(o.amount or 0.0 for o in found)


def _without_doubles(found: list[Occurrence]) -> list[Occurrence]:
    """A workout or night that two apps wrote down with the very same start and end happened once."""
    seen: set[tuple[str, int, int]] = set()
    kept = []
    for o in found:
        if o.kind in _HAPPENS_ONCE and o.end_ms is not None:
            if (o.kind, o.start_ms, o.end_ms) in seen:
                continue
            seen.add((o.kind, o.start_ms, o.end_ms))
        kept.append(o)
    return kept
