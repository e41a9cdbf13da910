"""What the page of beliefs shows, and what it asks of the house."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from hearthside.memory.decisions import Verdict
from hearthside.memory.hits import Hit

PAST = "past"
TREND_WORDS = {
    "rising": "rising", "steady": "steady", "fading": "fading", PAST: PAST, "unheard": "not heard lately",
    "holds": "holds", "said": "said", "low": "low mood", "helped": "before better days", "unsure": "not enough to say",
}  # fmt: skip
"""Which way an item goes, in words. Of facts: it holds, it is past; ``said`` is what others said. Of moods: a low
stretch, what low days with a better day after them had in common, and what may be chance."""


@dataclass(frozen=True, slots=True)
class KnownItem:
    """One belief: a fact, something the person turns to, a low stretch, or what went before better days.

    Attributes:
        id: of the fact, preference, stretch or thing that helped.
        sentence: in plain words.
        detail: one sentence with what it rests on.
        strength: 0 to 1, for the bar: of a preference against the strongest of its kind, of a fact how sure it is.
        strength_words: what the bar means, with the figure.
        trend: a key of `TREND_WORDS`.
        since, until: local days, ISO; "" where it is open or nobody knows.
        months: (month as ``2026-05``, amount), or weeks by their Monday as ``2026-05-04``; empty for facts.
        unit: of the amounts.
        heard_to: the last month, or day, with anything of the kind; after it nobody knows.
        evidence: ids of journal records.
        decided: ``pinned`` or ``corrected`` by the person, else "".
        undo: id under which that decision is taken back.
        value: the words that a correction would replace; None where there is nothing to correct.
        against: ids of items that say otherwise of the same time.
    """

    id: str
    sentence: str
    detail: str
    strength: float
    strength_words: str
    trend: str
    since: str
    until: str
    months: tuple[tuple[str, float], ...]
    unit: str
    heard_to: str
    evidence: tuple[str, ...]
    decided: str = ""
    undo: str = ""
    value: str | None = None
    against: tuple[str, ...] = ()

    @property
    def past(self) -> bool:
        """Whether it was so and is no longer."""
        return self.trend == PAST and not self.decided


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """Items of one sort, strongest first.

    Attributes:
        title: "" where the topic's title says it.
        kind: of the preferences in it; "" for facts.
        counted: how many different things of the kind were counted, items and others.
    """

    title: str
    kind: str
    items: list[KnownItem]
    counted: int = 0


@dataclass(frozen=True, slots=True)
class KnownTopic:
    """What belongs together; `key` names it in the page and on the command line."""

    key: str
    title: str
    groups: list[KnownGroup]

    def items(self) -> list[KnownItem]:
        """All of them."""
        return [item for group in self.groups for item in group.items]


@dataclass(frozen=True, slots=True)
class Word:
    """What the person decided about one item.

    Attributes:
        item: under which it is taken back.
        sentence: what was decided, about what.
        day: local day of the decision, ISO.
        record: id of the journal record that holds it.
    """

    item: str
    verdict: Verdict
    sentence: str
    day: str
    record: str


@dataclass(frozen=True, slots=True)
class MoodPoint:
    """How one local day sounded: -1 to 1; `low`: clearly under the usual."""

    day: str
    score: float
    low: bool


@dataclass(frozen=True, slots=True)
class MoodsView:
    """Moods over time and what helped.

    Attributes:
        low: low stretches, the latest first.
        helped: what helped, what can be said first.
        caution: what to say beside it.
        last_time: what was done the last time a low mood lifted; "" when none did.
    """

    days: list[MoodPoint]
    low: list[KnownItem]
    helped: list[KnownItem]
    caution: str
    last_time: str = ""


@dataclass(frozen=True, slots=True)
class KnownView:
    """Everything that is believed.

    Attributes:
        day: the local day of which it is true, ISO.
        facts, preferences: how many items there are, what is past included.
        counted: how many different things were counted in all.
        against: pairs of items that contradict each other.
        words: what the person decided, the latest first.
    """

    day: str
    topics: list[KnownTopic]
    facts: int
    preferences: int
    counted: int
    against: list[tuple[KnownItem, KnownItem]]
    words: list[Word]
    moods: MoodsView

    def item(self, item_id: str) -> KnownItem | None:
        """The item of this id, or of this correction."""
        items = [item for topic in self.topics for item in topic.items()]
        return next((i for i in (*items, *self.moods.low, *self.moods.helped) if item_id in (i.id, i.undo)), None)


@dataclass(frozen=True, slots=True)
class Counted:
    """A thing that was counted; `amount` in words, `last` its latest record."""

    what: str
    days: int
    amount: str
    first_day: str
    last_day: str
    last: str


@dataclass(frozen=True, slots=True)
class CountedPart:
    """Some of the things of one kind, most days first; `found` is how many there are in all."""

    found: int
    things: list[Counted] = field(default_factory=list)


class KnownHouse(Protocol):
    """What is believed, and the person's word on it."""

    def view(self) -> KnownView:
        """Everything that is believed now."""
        ...

    def decide(self, item: str, verdict: Verdict, value: str = "") -> None:
        """Correct, forget, pin or undo; journalled.

        Raises:
            Refused: there is no such item, or it cannot be corrected so.
        """
        ...

    def evidence(self, ids: Iterable[str]) -> list[Hit]:
        """Records by id, those that are still there."""
        ...

    def counted(self, kind: str, words: str = "", first: int = 0) -> CountedPart:
        """What was counted of one kind, from place `first`, holding these words."""
        ...
