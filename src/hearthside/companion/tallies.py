"""Questions about which one comes up most, and about everything of one kind in a period."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.events import Origin
from hearthside.memory.query import EVIDENCE_SHOWN, Measure, Query
from hearthside.memory.when import Period

_MOST = r"(?: the)? (?:most|most often)$"
_WROTE = r"(?:message|messaged|text|texted|write to|wrote to|written to)"
_TALLIES = (
    (rf"^(?:who|whom) (?:did|do|have) (?:i|we) {_WROTE}{_MOST}", "chat"),
    (rf"^which app(?:lication)? (?:did|do|have) (?:i|we) (?:use|used){_MOST}", "app"),
)
_LISTING = re.compile(r"^what did (?:i|we) (?P<verb>search for|google|look up|watch|listen to|post)$")
_LISTED = {
    "search for": ("search", "searched for"), "google": ("search", "searched for"),
    "look up": ("search", "searched for"),
    "watch": ("watch", "watched"), "listen to": ("listen", "listened to"), "post": ("post", "posted"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tally:
    """Which chat or app comes up most.

    Attributes:
        by: ``chat`` or ``app``.
    """

    by: str
    period: Period | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything of one kind in a period.

    Attributes:
        verb: past tense, e.g. "searched for".
    """

    kind: str
    verb: str
    period: Period


@dataclass(frozen=True, slots=True)
class Leader:
    """What came up most, with how often or for how many seconds, and what it rests on; others may be level with it."""

    names: list[str]
    amount: float
    evidence: list[Occurrence]


def tally(rest: str, lowered: str, period: Period | None) -> Tally | None:
    """The question for what comes up most that the words ask, or None."""
    return next((Tally(by, period) for pattern, by in _TALLIES if re.match(pattern, rest)), None)


def listing(rest: str, lowered: str, period: Period | None) -> Listing | None:
    """The question for everything of a kind in a period that the words ask, or None."""
    match = _LISTING.match(rest)
    return Listing(*_LISTED[match["verb"]], period) if match is not None and period is not None else None


def query_of(asked: Tally) -> Query:
    """The occurrences that are counted by name."""
    kind = {"chat": "message", "app": "app_use"}[asked.by]
    origins = (Origin.SELF,) if asked.by == "chat" else ()
    return Query(Measure.LIST, (kind,), period=asked.period, origins=origins, topic=f"{asked.by}s")


def leader(stream: LifeStream, asked: Tally) -> Leader | None:
    """Who or what comes up most; None where no occurrence names any."""
    amounts: Counter[str] = Counter()
    found: dict[str, list[Occurrence]] = {}
    query = query_of(asked)
    for o in _all(stream, query):
        name = o.note.split(" · ")[0]
        if name:
            amounts[name] += round(o.amount or 0) if asked.by == "app" else 1
            found.setdefault(name, []).append(o)
    if not amounts:
        return None
    most = max(amounts.values())
    names = sorted(name for name, amount in amounts.items() if amount == most)
    return Leader(names, most, found[names[0]][-EVIDENCE_SHOWN:])


def _all(stream: LifeStream, query: Query) -> list[Occurrence]:
    found = stream.occurrences(kinds=query.kinds)
    if query.period is not None:
        found = within(stream, query.period, query.kinds)
    return [o for o in found if not query.origins or o.origin in query.origins]


def within(stream: LifeStream, period: Period, kinds: tuple[str, ...], words: Iterable[str] = ()) -> list[Occurrence]:
    """Occurrences of a period: by the person's days, or by the clock where the period has hours."""
    if period.hours is None and period.minute is None:
        return stream.occurrences(kinds=kinds, words=words, local_days=(period.first, period.last))
    start, end = period.bounds_ms(stream.offset_on)
    return stream.occurrences(kinds=kinds, words=words, start_ms=start, end_ms=end)


def listed(stream: LifeStream, asked: Listing) -> list[Occurrence]:
    """What a listing names, newest first, each text once."""
    found = within(stream, asked.period, (asked.kind,))
    return list({o.text: o for o in reversed(found) if o.text}.values())
