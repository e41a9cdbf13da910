"""Slow reference of the minute join: straight from the definitions, asking every event about every minute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan

MINUTE_MS = 60_000
DAY_MS = 86_400_000
MINUTES = 1440

Span = tuple[int, int | None]
"""Start and exclusive end in ms; None for an instant."""


def touches(span: Span, minute_ms: int) -> bool:
    """Whether an event lies in, or overlaps, the minute that starts at `minute_ms`; an empty interval is an instant."""
    start, end = span
    if end is None or end <= start:
        end = start + 1
    return start < minute_ms + MINUTE_MS and end > minute_ms


def counts(day: int, spans: Sequence[Span]) -> list[int]:
    """Events in or overlapping each minute."""
    return [sum(touches(span, day * DAY_MS + m * MINUTE_MS) for span in spans) for m in range(MINUTES)]


def last_held(day: int, spans: Sequence[Span], tolerance_min: int) -> list[int]:
    """Index of the latest event that has begun and touches the minute or one of the `tolerance_min` before; else -1."""
    found = []
    for m in range(MINUTES):
        minute_ms = day * DAY_MS + m * MINUTE_MS
        held = -1
        for i, span in enumerate(spans):
            begun = span[0] < minute_ms + MINUTE_MS
            end = span[0] + 1 if span[1] is None or span[1] <= span[0] else span[1]
            last_minute_ms = (end - 1) // MINUTE_MS * MINUTE_MS
            if begun and minute_ms <= last_minute_ms + tolerance_min * MINUTE_MS:
                held = i
        found.append(held)
    return found


def sampled(day: int, start_ms: int, step_ms: int, values: Sequence[float]) -> list[float | None]:
    """For each minute what a regular series says.

    Steps of a minute or more: the sample that holds at its start, the series being moved to the whole minute it starts
    in. Shorter steps: the mean of the samples in the minute that are numbers.
    """
    found: list[float | None] = []
    moved = start_ms - start_ms % MINUTE_MS
    for m in range(MINUTES):
        at = day * DAY_MS + m * MINUTE_MS
        if step_ms < MINUTE_MS:
            times = [start_ms + i * step_ms for i in range(len(values))]
            found.append(mean_in(at, times, values))
        else:
            holding = [v for i, v in enumerate(values) if moved + i * step_ms <= at < moved + (i + 1) * step_ms]
            found.append(holding[0] if holding else None)
    return found


def mean_in(minute_ms: int, times: Sequence[int], values: Sequence[float]) -> float | None:
    """The mean of the numbers in a minute, added up in order of time."""
    there = [v for t, v in zip(times, values, strict=True) if t // MINUTE_MS * MINUTE_MS == minute_ms and not isnan(v)]
    return sum(there) / len(there) if there else None


def held_at_end(minute_ms: int, times: Sequence[int], tolerance_ms: int) -> tuple[int, int] | None:
    """Index and age of the latest instant that is not older than the tolerance in the minute's last millisecond."""
    now = minute_ms + MINUTE_MS - 1
    ages = [(i, now - t) for i, t in enumerate(times) if 0 <= now - t <= tolerance_ms]
    return ages[-1] if ages else None


def inside(minute_ms: int, spans: Sequence[Span]) -> list[int]:
    """Which events lie in, or overlap, a minute."""
    return [i for i, span in enumerate(spans) if touches(span, minute_ms)]


def overlap_ms(minute_ms: int, spans: Sequence[Span]) -> int:
    """How long all events together last in a minute."""
    return sum(
        max(min(end, minute_ms + MINUTE_MS) - max(start, minute_ms), 0) for start, end in spans if end is not None
    )


def covered(day: int, spans: Sequence[Span], cadence_min: int) -> list[bool]:
    """Minutes within `cadence_min` of one that an event touches, counting that minute itself; never before it began."""
    found = []
    for m in range(MINUTES):
        minute_ms = day * DAY_MS + m * MINUTE_MS
        found.append(any(_near(span, minute_ms, cadence_min) for span in spans))
    return found


def _near(span: Span, minute_ms: int, cadence_min: int) -> bool:
    return any(touches(span, minute_ms - back * MINUTE_MS) for back in range(cadence_min))


def heard(day: int, spans: Iterable[Span]) -> tuple[int, int] | None:
    """First and last minute that any event touches, counted from the start of the day."""
    minutes = set()
    for start, end in spans:
        last = start if end is None or end <= start else end - 1
        minutes |= {(start - day * DAY_MS) // MINUTE_MS, (last - day * DAY_MS) // MINUTE_MS}
    return (min(minutes), max(minutes)) if minutes else None
