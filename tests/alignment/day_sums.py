"""Sums of days for tests of views that open no day."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.alignment.episodes import Episode
from hearthside.events import HOUR_MS, Layer, day_number, day_start_ms


@dataclass(frozen=True)
class Sum:
    """What one stream holds on one UTC day."""

    day: int
    layer: Layer
    source: str
    kind: str
    events: int
    amount: float = 0.0
    covered_min: int = 0


def said(day: str, layer: Layer, kind: str, events: int = 1, amount: float = 0.0, covered_min: int = 0,
         source: str = "s") -> Sum:  # fmt: skip
    """One stream on one day."""
    return Sum(day_number(day), layer, source, kind, events, amount, covered_min)


def episode(kind: str, day: str, begin_h: float, end_h: float, label: str = "", evidence: int = 1) -> Episode:
    """An episode between two hours after midnight UTC of a day."""
    start = day_start_ms(day)
    ids = tuple(bytes(15) + bytes([number]) for number in range(evidence))
    return Episode(kind, start + int(begin_h * HOUR_MS), start + int(end_h * HOUR_MS), label or kind, ids, 1.0)
