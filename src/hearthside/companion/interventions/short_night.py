"""A short night before something that matters: say so once, and offer to keep the evening free."""

from __future__ import annotations

import re
from statistics import median

from hearthside.alignment.occurrence import Occurrence
from hearthside.companion.interventions import Candidate, LifeContext
from hearthside.companion.nights import nights_of
from hearthside.events import Origin

NAME = "short_night"
TITLE = "A short night before something important"

_SHORT = 0.75  # of the usual night
_NIGHTS_NEEDED = 5
_NIGHTS_USED = 28
_MATTERS = re.compile(
    r"\b(?:meeting|interview|presentation|present|pitch|exam|review|deadline|talk|demo|hearing|audition|launch|defen[cs]e|"
    r"inspection|viewing|board)\b",
    re.IGNORECASE,
)

_DATED = re.compile(
    r"\b(?:today|tomorrow|tonight|monday|tuesday|wednesday|thursday|friday|at \d{1,2})\b", re.IGNORECASE
)


def find(context: LifeContext) -> Candidate | None:
    """Last night under three quarters of the usual, and something that matters named in the last two days."""
    nights = _nights(context)
    last = nights.pop(context.today, None)
    if last is None or len(nights) < _NIGHTS_NEEDED:
        return None
    usual = median(amount for amount, _ in nights.values())
    slept, night = last
    if slept >= usual * _SHORT:
        return None
    named = _what_matters(context)
    value = 0.55 + min(0.35, 1 - slept / usual) * 0.5 + (0.15 if named else 0.0)
    text = f"You slept {_hours(slept)} last night; your usual is {_hours(usual)}."
    reason = "Last night was much shorter than your usual night."
    if named is not None:
        text += f" And there is this: “{_short(named.text)}” Shall I keep the rest of today quiet?"
        reason = "A short night, and something that matters to you is close."
    else:
        text += " Shall I keep this evening quiet?"
    return Candidate(text, reason, min(value, 1.0), [night, *([named] if named else [])])


def _nights(context: LifeContext) -> dict[str, tuple[float, Occurrence]]:
    """Seconds slept by the local day of the morning: the source that measured most, its longest stretch as evidence."""
    found = context.stream.occurrences(
        kinds=["sleep"], local_days=(context.local_day(_NIGHTS_USED), context.today), end_ms=context.now_ms
    )
    return nights_of(found)


def _what_matters(context: LifeContext) -> Occurrence | None:
    """What was said about it: the person's own words before others', with a time before without, newest first."""
    said = context.recent(48, "message", "search", "utterance")
    named = [o for o in said if _MATTERS.search(o.text) and len(o.text) <= 240]
    rank = {"message": 2, "utterance": 1}
    return max(
        named,
        key=lambda o: (bool(_DATED.search(o.text)), o.origin is Origin.SELF, rank.get(o.kind, 0), o.start_ms, o.id),
        default=None,
    )


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 120 else flat[:117] + "…"
