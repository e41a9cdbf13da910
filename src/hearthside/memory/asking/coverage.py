"""How much of the period asked about was covered by data: what tells "it was 0" from "nobody listened"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hearthside import home
from hearthside.events import DAY_MS, MINUTE_MS, day_number, iso_day
from hearthside.memory.asking.query import Of, Selection
from hearthside.memory.asking.reading import Heard, offsets_at
from hearthside.memory.asking.rows import Rows
from hearthside.memory.asking.source import FactsLike, Ints, LifeSource, StreamLike, read_by
from hearthside.memory.asking.times import days_match, moment_ms
from hearthside.sources import load_source, source_names

_ALIVE_DAYS = 14
"""A source that said nothing for longer is no live one: nothing is expected of it."""


_BESIDE_DAYS = 2
"""What was heard so many days beside the period may matter: local days are no UTC days, and anchors reach over."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One source over the period."""

    source: str
    days: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """The period and how much of it is known.

    Attributes:
        first, last: first and last local day asked about, ISO, not after today; None when nothing is known at all.
        days: local days of the period that the query is about (a query about Mondays: the Mondays).
        heard: on how many of them a source that could have said something said anything, and, of a query with a
            relation, a source of what it relates to.
        sources: each such source.
        related: each source of what the query relates to (of “during sleep” those of sleep).
        provisional: local day from which on data of one of the sources is usually still on its way, or None.
    """

    first: str | None
    last: str | None
    days: int
    heard: int
    sources: tuple[Listening, ...]
    related: tuple[Listening, ...] = ()
    provisional: str | None = None

    @property
    def share(self) -> float:
        """Of the days asked about those heard, 0 to 1."""
        return self.heard / self.days if self.days else 0.0

    def in_words(self) -> str:
        """One plain sentence."""
        names = _named(self.sources) or "What it is found in"
        if not self.heard and self.sources and self.days:
            return f"{names}: heard, but nothing of what it relates to, so nothing can be said about it."
        if not self.heard:
            return "No source of it was heard in that time, so nothing can be said about it."
        names += f", together with {_named(self.related)}" if self.related else ""
        share = f"{self.heard:,} of {self.days:,} days ({self.share:.0%})"
        more = f" From {self.provisional} on more may still come." if self.provisional else ""
        return f"{names}: heard on {share}, {self.first} to {self.last}.{more}"


def _named(sources: tuple[Listening, ...]) -> str:
    names = ", ".join(_title(one.source) for one in sources[:4])
    return names + (f" and {len(sources) - 4} more" if len(sources) > 4 else "")


@lru_cache(maxsize=256)
def _title(source: str) -> str:
    """What the person calls a source; a live one has no other name than its own."""
    if source == home.NAME:
        return home.TITLE
    words = source.replace("_", " ")
    return load_source(source).TITLE if source in source_names() else words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, (n,) each, ascending: those the query is about, and those of them on which a source was heard."""

    asked: Ints
    heard: Ints


def cover(life: LifeSource, select: Selection, rows: Rows, heard: Heard, now_ms: int) -> tuple[Coverage, Period]:
    """The period of a query and what was heard in it.

    A source counts as heard on a local day when one of its records of the kinds asked for belongs to it, or when it
    said anything else on the UTC day of that date. Of episodes and visits the sources count that they are found in.
    What a query relates to must have been heard too, on that day or a day next to it: where nobody knows of a night,
    nobody knows what came before it.
    """
    low, high = _asked(life, select)
    facts = life.facts(None if low is None else low - _BESIDE_DAYS, None if high is None else high + _BESIDE_DAYS)
    streams = life.streams()
    by_source = _by_source(facts, streams, select, heard)
    everything = np.array([day for days in by_source.values() for day in days], dtype=np.int64)
    # Whoever it was found by: what was found was heard.
    everything = np.unique(np.concatenate([everything, rows.day]))
    first, last = _bounds(life, select, everything, rows, now_ms)
    if first is None or last is None or first > last:
        none = np.zeros(0, np.int64)
        return Coverage(None, None, 0, 0, ()), Period(none, none)
    days = np.arange(first, last + 1)
    asked = days[days_match(days, select.where)]
    known, related = np.intersect1d(asked, everything), dict[str, set[int]]()
    for anchor in _anchors(select):
        found = _by_source(facts, streams, anchor)
        known = known[np.isin(known, _with_next_days(found))]
        related |= {source: related.get(source, set()) | days for source, days in found.items()}
    sources, others = _listening(by_source, asked), _listening(related, asked)
    provisional = _provisional(life, sources + others, last, now_ms)
    coverage = Coverage(iso_day(first), iso_day(last), len(asked), len(known), sources, others, provisional)
    return coverage, Period(asked, known)


def _anchors(select: Selection) -> list[Selection]:
    """Whatever the rows stand in relation to, and that in turn."""
    return [one for r in select.relations for one in (r.anchor, *_anchors(r.anchor))]


def _with_next_days(by_source: dict[str, set[int]]) -> Ints:
    days = np.array([day for days in by_source.values() for day in days], dtype=np.int64)
    return np.unique(np.concatenate([days - 1, days, days + 1]))


def _listening(by_source: dict[str, set[int]], asked: Ints) -> tuple[Listening, ...]:
    """Sources heard in the period, the one heard most first."""
    found = []
    for source, days in by_source.items():
        mine = np.intersect1d(asked, np.array(sorted(days), dtype=np.int64))
        if len(mine):
            found.append(Listening(source, len(mine), iso_day(int(mine[0])), iso_day(int(mine[-1]))))
    return tuple(sorted(found, key=lambda one: (-one.days, one.source)))


def _provisional(life: LifeSource, sources: tuple[Listening, ...], last: int, now_ms: int) -> str | None:
    """The first local day of the period after which a source that is still alive may not have said everything."""
    if (last + _ALIVE_DAYS) * DAY_MS < now_ms:
        return None
    names = {one.source for one in sources}
    open_from = [
        _local_day(life, mark.settled_ms)
        for mark in life.watermarks()
        if mark.source in names and mark.newest_ms + _ALIVE_DAYS * DAY_MS > now_ms and mark.settled_ms < mark.newest_ms
    ]
    return iso_day(min(open_from)) if open_from and min(open_from) <= last else None


def _by_source(
    facts: Sequence[FactsLike], streams: Mapping[int, StreamLike], select: Selection, heard: Heard | None = None
) -> dict[str, set[int]]:
    """Days on which each source that could say something said anything; `heard` is what was read, if it was."""
    what, where = select.what, select.where
    by_source = {} if heard is None else {source: set(days) for source, days in heard.days.items()}
    if what.of is Of.SAMPLES and heard is not None:
        return by_source  # of every minute it is known whether there is a value
    kinds = set(what.names)
    if what.of in {Of.EPISODES, Of.VISITS}:
        kinds = {
            kind for name in what.names or ("visit",) for kind in read_by("visit" if what.of is Of.VISITS else name)
        }
    whole = what.of is Of.EVENTS  # a source that says other things is on; a finder needs what it reads
    able = {s.source for s in streams.values() if not (whole and s.series) and (not kinds or s.kind in kinds)}
    able &= set(where.sources) or able
    for fact in facts:
        one = streams[fact.stream]
        if fact.events and one.source in able and (whole or one.kind in kinds):
            by_source.setdefault(one.source, set()).add(fact.day)
    return by_source


def _bounds(life: LifeSource, select: Selection, heard: Ints, rows: Rows, now_ms: int) -> tuple[int | None, int | None]:
    """First and last local day: as asked, up to today; where that is open, of what was heard or found."""
    first, last = _asked(life, select)
    today = _local_day(life, now_ms)
    found = np.concatenate([heard, rows.day])
    if last is None:
        since = first is not None
        last = today if since else int(found.max()) if len(found) else None
    last = None if last is None else min(last, today)
    if first is None:
        first = int(found.min()) if len(found) else None
    if first is not None and last is not None and len(rows):
        return min(first, int(rows.day.min())), max(last, int(rows.day.max()))
    return first, last


def _asked(life: LifeSource, select: Selection) -> tuple[int | None, int | None]:
    """First and last local day as the query says."""
    days, times = select.where.days, select.where.times
    firsts = [day_number(days[0])] if days[0] is not None else []
    lasts = [day_number(days[1])] if days[1] is not None else []
    if times[0] is not None:
        firsts.append(_local_day(life, moment_ms(times[0], life.track())))
    if times[1] is not None:
        lasts.append(_local_day(life, moment_ms(times[1], life.track()) - 1))
    return max(firsts, default=None), min(lasts, default=None)


def _local_day(life: LifeSource, ms: int) -> int:
    return int(ms + offsets_at(life.track(), np.array([ms]))[0] * MINUTE_MS) // DAY_MS
