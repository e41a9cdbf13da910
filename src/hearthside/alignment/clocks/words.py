"""Days, lengths of time and errors of clocks in words for the person."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms

_FIRST_MS, _LAST_MS = day_start_ms("0001-01-02"), day_start_ms("9999-12-30")  # what a calendar can say
_LONG = ((365.2425 * DAY_MS, "year"), (30.436875 * DAY_MS, "month"), (float(DAY_MS), "day"))


def day_words(ms: float) -> str:
    """UTC milliseconds as ``3 May 2026``."""
    day = datetime.fromtimestamp(min(max(ms, _FIRST_MS), _LAST_MS) / 1000, UTC)
    return f"{day.day} {day:%B %Y}"


def length_words(ms: float) -> str:
    """A length of time by its two largest units: ``56 years 4 months``, ``1 h 5 min``, ``2.4 s``."""
    for (size, word), (small, less) in pairwise(_LONG):
        whole, rest = divmod(round(ms / small), round(size / small))
        if whole:
            return _counted(whole, word) + (f" {_counted(rest, less)}" if rest else "")
    minutes = round(ms / MINUTE_MS)
    if minutes >= DAY_MS // MINUTE_MS:
        return _parts(round(ms / HOUR_MS), 24, "day", "h")
    if minutes >= HOUR_MS // MINUTE_MS:
        return _parts(minutes, 60, "h", "min")
    seconds = ms / 1000
    if round(seconds) >= 60:
        return _parts(round(seconds), 60, "min", "s")
    return f"{seconds:.0f} s" if seconds >= 10 or round(seconds, 1) == round(seconds) else f"{seconds:.1f} s"


def off_words(offset_ms: float) -> str:
    """An error of a clock, true minus what it says: ``right``, ``4 min slow``, ``2.4 s fast``."""
    if abs(offset_ms) < 1000:
        return "right"
    return f"{length_words(abs(offset_ms))} {'slow' if offset_ms > 0 else 'fast'}"


def _parts(small: int, per: int, word: str, less: str) -> str:
    """A number of small units in large ones and the rest."""
    whole, rest = divmod(small, per)
    said = _counted(whole, word) if word == "day" else f"{whole} {word}"
    return f"{said} {rest} {less}" if rest else said


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
