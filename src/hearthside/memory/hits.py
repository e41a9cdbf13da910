"""What a search finds, each hit with the evidence it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.events import Layer, Origin


@dataclass(frozen=True, slots=True)
class Filters:
    """Limits of a search; None means no limit.

    Attributes:
        start_ms, end_ms: UTC ms, [start_ms, end_ms).
        layers, sources, kinds: one of these.
        person: this name stands in the text, or in who said it or in which conversation.
        conversations: in one of these conversations, by name.
        place: while the person was at a place whose name holds this.
        spans: within one of these times, [start, end) in UTC ms; a search makes them of `place`.
    """

    start_ms: int | None = None
    end_ms: int | None = None
    layers: frozenset[Layer] | None = None
    sources: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    person: str | None = None
    conversations: frozenset[str] | None = None
    place: str | None = None
    spans: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One event that was found.

    Attributes:
        id: hex id of the journal record.
        local: local clock time (or only the day, where only the day is known).
        text: the words of the event.
        note: who, where, in which conversation.
        score: how well it fits, higher is better; comparable only within one search.
        why: ``keyword``, ``meaning``, ``keyword+meaning``, ``context`` (what was said around it fits) or ``time``.
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
