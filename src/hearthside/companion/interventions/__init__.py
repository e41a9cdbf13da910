"""One decision rule per file; each finds at most one candidate for an offer, by plain code, from the life stream."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Protocol, cast

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, MINUTE_MS, iso_day


@dataclass(frozen=True, slots=True)
class LifeContext:
    """What a decision rule may look at.

    Attributes:
        now_ms: the present, UTC milliseconds.
        offset_min: the person's UTC offset now.
    """

    stream: LifeStream
    now_ms: int
    offset_min: int

    @property
    def today(self) -> str:
        """The person's date."""
        return self.local_day(0)

    def local_day(self, days_ago: int) -> str:
        """The person's date some days ago."""
        return iso_day((self.now_ms + self.offset_min * MINUTE_MS) // DAY_MS - days_ago)

    def recent(self, hours: float, *kinds: str) -> list[Occurrence]:
        """Occurrences of these kinds that began in the last hours, oldest first."""
        start = self.now_ms - round(hours * 3_600_000)
        found = self.stream.occurrences(kinds=kinds, start_ms=start, end_ms=self.now_ms)
        return [o for o in found if o.start_ms >= start]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something a rule would offer now.

    Attributes:
        text: what would be said: a fact and a question, never advice nobody asked for.
        reason: why now, in one sentence.
        value: what it is worth to the person now, 0 to 1.
        evidence: what it rests on.
    """

    text: str
    reason: str
    value: float
    evidence: list[Occurrence]


class DecisionRule(Protocol):
    """What every module in this folder offers.

    Attributes:
        NAME: the module's name; reactions are learnt by it.
        TITLE: what the person reads when asked what is offered.
    """

    NAME: str
    TITLE: str

    def find(self, context: LifeContext) -> Candidate | None:
        """The candidate of this decision point, or None; the same context gives the same candidate."""
        ...


def rule_names() -> list[str]:
    """Names of all decision rules, from the file names."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_rule(name: str) -> DecisionRule:
    """The decision rule of that name."""
    return cast(DecisionRule, importlib.import_module(f"{__name__}.{name}"))
