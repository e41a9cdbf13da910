"""The present moment in a few lines: local time, where, what was going on in the last hours, what devices say.

It changes with every minute, so it stands behind the stable part of a prompt. Nobody's words are in it: only times,
places, names of episodes that code found, and figures.
"""

from __future__ import annotations

from hearthside.alignment.episodes import Episode
from hearthside.alignment.stream import LifeStream
from hearthside.companion.context import harmless
from hearthside.companion.quoting import reads_like_a_sentence
from hearthside.companion.replies import amount_of_time, weekday_of
from hearthside.events import DAY_MS, HOUR_MS, local_datetime

_LATELY_MS = 4 * HOUR_MS
_STILL_THERE_MS = 2 * HOUR_MS  # after the last fix of a stay
_SHOWN = 4
_LEAST_SURE = 0.5
_ELSEWHERE = ("stay", "sleep")  # told on lines of their own


def present_of(stream: LifeStream, now_ms: int) -> str:
    """Lines about now, one below the other.

    Args:
        now_ms: UTC ms.
    """
    offset = stream.offset_on(local_datetime(now_ms, 0).date().isoformat())
    now = local_datetime(now_ms, offset)
    lines = [f"It is {weekday_of(now.date().isoformat())}, {now:%Y-%m-%d, %H:%M}."]
    lines += _where(stream, now_ms, offset) + _lately(stream, now_ms, offset) + _devices(stream, now_ms, offset)
    return harmless("\n".join(lines))


def _where(stream: LifeStream, now_ms: int, offset: int) -> list[str]:
    visits = [v for v in stream.visits(now_ms - DAY_MS, now_ms + 1) if v.label and not reads_like_a_sentence(v.label)]
    if not visits:
        return []
    last = visits[-1]
    if last.end_ms >= now_ms - _STILL_THERE_MS:
        return [f"Where: {last.label}, since {_clock(last.start_ms, offset)}."]
    return [f"Last known place: {last.label}, until {_clock(last.end_ms, offset)}."]


def _lately(stream: LifeStream, now_ms: int, offset: int) -> list[str]:
    found = [one for one in stream.episodes(now_ms - _LATELY_MS, now_ms + 1) if _is_told(one)]
    found.sort(key=lambda one: (one.start_ms, one.kind))
    told = [f"{one.label} {_clock(one.start_ms, offset)}–{_clock(one.end_ms, offset)}" for one in found[-_SHOWN:]]
    return [f"Lately: {'; '.join(told)}."] if told else []


def _is_told(one: Episode) -> bool:
    return one.kind not in _ELSEWHERE and one.sure >= _LEAST_SURE and not reads_like_a_sentence(one.label)


def _devices(stream: LifeStream, now_ms: int, offset: int) -> list[str]:
    """Last night, and the steps of today, where devices recorded them."""
    today = local_datetime(now_ms, offset).date().isoformat()
    nights = stream.occurrences(kinds=["sleep"], start_ms=now_ms - DAY_MS, end_ms=now_ms, local_days=(today, today))
    slept = max((night.amount or 0.0 for night in nights), default=0.0)
    days = stream.occurrences(kinds=["activity_day"], local_days=(today, today))
    steps = max((day.amount or 0.0 for day in days), default=0.0)
    lines = [f"Slept last night: {amount_of_time(slept)}."] if slept else []
    return lines + ([f"Steps today: {steps:,.0f}."] if steps else [])


def _clock(ms: int, offset: int) -> str:
    return f"{local_datetime(ms, offset):%H:%M}"
