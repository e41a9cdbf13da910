"""What a search finds, each hit with the evidence it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.events import Layer, Origin


@dataclass(frozen=True, slots=True)
class Filters:
    """Limits of a search; None means no limit. Times are UTC milliseconds, [start_ms, end_ms)."""

    start_ms: int | None = None
    end_ms: int | None = None
    layers: frozenset[Layer] | None = None
    sources: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One event that was found.

    Attributes:
        id: hex id of the journal record.
        local: local clock time (or only the day, where only the day is known).
        text: the words of the event.
        note: who, where, in which conversation.
        score: fused rank score, higher is better; comparable only within one search.
        why: ``keyword``, ``meaning`` or ``keyword+meaning``.
    """

    id: str
    start_ms: int
    end_ms: int | None
    local: str
    text: str
    note: str
    source: str
    kind: str
    layer: Layer
    origin: Origin
    score: float
    why: str
