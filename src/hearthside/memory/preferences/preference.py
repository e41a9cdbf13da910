"""One preference as pages and answers read it: what, how strong now, which way it goes, and what it rests on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Trend(StrEnum):
    """Which way a preference goes."""

    RISING = "rising"
    STEADY = "steady"
    FADING = "fading"
    PAST = "past"  # it was one, the layer still speaks, and it is gone
    UNHEARD = "unheard"  # the layer itself has fallen silent: nobody can say


@dataclass(frozen=True, slots=True)
class Preference:
    """Something the person turns to.

    Attributes:
        id: stays the same when everything is made anew: a hash of kind and what.
        kind: see `gleaning.TITLES`: ``artist``, ``app``, ``place`` ...
        what: the artist, the app, the place, in the words of its source.
        strength: expected share of what will happen in this kind in the next month, 0 to 1.
        trend: which way it goes.
        half_life_days: after how many days without it this kind of thing counts half; learned for each kind.
        first_day, last_day: local days, ISO.
        days: on how many local days; total: in all, in `unit`.
        unit: ``times``, ``seconds`` or ``hours``.
        evidence: journal ids: of the first time and of the latest ones.
        months: (month as ``2026-05``, total in it) from the first month to the present, for drawing.
        why: one sentence with the figures the trend rests on.
        decided: ``pinned`` when the person said so, else "".
        weeks: (Monday as ``2026-05-04``, total of the week); only of what began so lately that months show nothing.
    """

    id: str
    kind: str
    what: str
    strength: float
    trend: Trend
    half_life_days: float
    first_day: str
    last_day: str
    days: int
    total: float
    unit: str
    evidence: tuple[bytes, ...]
    months: tuple[tuple[str, float], ...]
    why: str
    decided: str = ""
    weeks: tuple[tuple[str, float], ...] = ()


def preference_id(kind: str, what: str) -> str:
    """32 hex digits, the same for the same kind and words whatever their case."""
    return hashlib.blake2b(f"preference\0{kind}\0{what.casefold()}".encode(), digest_size=16).hexdigest()
