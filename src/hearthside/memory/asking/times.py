"""Local calendars over arrays: a query's period in UTC, which rows lie in it, and hours, days, weeks and months."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_number, ms_of
from hearthside.memory.asking.query import Filter
from hearthside.memory.asking.source import Bools, Ints, Track

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
_FARTHEST_MS = 16 * HOUR_MS
"""No local clock is farther from UTC than this."""

_DAY_KEYS = frozenset({"weekday", "day", "week", "month", "year", "month_of_year"})
Window = tuple[int | None, int | None]
"""UTC bounds [from, to); None is open."""


def moment_ms(written: str, track: Track) -> int:
    """UTC ms of an ISO time; without an offset it is the person's own clock.

    A clock time that was skipped or doubled by daylight saving is taken by the offset that held before.
    """
    found = datetime.fromisoformat(written)
    if found.tzinfo is not None:
        return ms_of(found)
    naive = ms_of(found.replace(tzinfo=UTC))
    guesses = naive + np.arange(-_FARTHEST_MS, _FARTHEST_MS + 1, 15 * MINUTE_MS, dtype=np.int64)
    offsets = np.asarray(track.at(guesses), dtype=np.int64) * MINUTE_MS
    exact = naive - offsets  # the UTC time it would be by each offset that held around then
    right = np.asarray(track.at(exact), dtype=np.int64) * MINUTE_MS == offsets
    return int(exact[right].min()) if right.any() else int(naive - offsets[0])


def window_of(where: Filter, track: Track) -> Window:
    """UTC bounds outside of which nothing can match the period."""
    lows, highs = [], []
    if where.days[0] is not None:
        lows.append(day_number(where.days[0]) * DAY_MS - _FARTHEST_MS)
    if where.days[1] is not None:
        highs.append((day_number(where.days[1]) + 1) * DAY_MS + _FARTHEST_MS)
    if where.times[0] is not None:
        lows.append(
            moment_ms(where.times[0], track) - 2 * DAY_MS
        )  # what is known by its day only starts at midnight UTC
    if where.times[1] is not None:
        highs.append(moment_ms(where.times[1], track) + 2 * DAY_MS)
    return (max(lows) if lows else None), (min(highs) if highs else None)


def days_match(day: Ints, where: Filter) -> Bools:
    """Which local days meet period, weekdays and months."""
    kept = np.ones(day.shape, dtype=np.bool_)
    if where.days[0] is not None:
        kept &= day >= day_number(where.days[0])
    if where.days[1] is not None:
        kept &= day <= day_number(where.days[1])
    if where.weekdays:
        kept &= np.isin(weekday(day), where.weekdays)
    if where.months:
        kept &= np.isin(month(day) % 12 + 1, where.months)
    return kept


def hours_match(minute: Ints, where: Filter) -> Bools:
    """Which minutes of the local day lie in the hours asked for."""
    if where.hours is None:
        return np.ones(minute.shape, dtype=np.bool_)
    first, last = where.hours
    inside = (minute >= first) & (minute < last)
    return inside if first < last else (minute >= first) | (minute < last)


def overlaps_times(start: Ints, end: Ints, by_day: Bools, offset: Ints, where: Filter, track: Track) -> Bools:
    """Which intervals overlap [from, to); what is known by its day only must lie in it whole."""
    kept = np.ones(start.shape, dtype=np.bool_)
    midnight = start - offset * MINUTE_MS
    if where.times[0] is not None:
        low = moment_ms(where.times[0], track)
        kept &= np.where(by_day, midnight >= low, np.maximum(end, start + 1) > low)
    if where.times[1] is not None:
        high = moment_ms(where.times[1], track)
        kept &= np.where(by_day, midnight + DAY_MS <= high, start < high)
    return kept


# -- calendars ---------------------------------------------------------------------------------------------------------


def weekday(day: Ints) -> Ints:
    """0 is Monday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7


def month(day: Ints) -> Ints:
    """Months since the year 0 of a day number."""
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12


def minute_of_day(ms: Ints, offset: Ints) -> Ints:
    """Minute of the local day, 0 to 1439."""
    return (ms + offset * MINUTE_MS) // MINUTE_MS % 1440


def is_of_day(name: str) -> bool:
    """Whether a grouping follows from the local day."""
    return name in _DAY_KEYS


def key_of_day(name: str, day: Ints) -> Ints:
    """The number of the group each local day belongs to; in order of time."""
    match name:
        case "weekday":
            return weekday(day)
        case "day":
            return day
        case "week":
            return (day - weekday(day) + 3) // 7  # Mondays, counted
        case "month":
            return month(day)
        case "year":
            return month(day) // 12
        case _:
            return month(day) % 12


def key_name(name: str, key: int) -> str:
    """What a group of time is called: ``23``, ``Monday``, ``2026-03-04``, ``2026-W10``, ``2026-03``, ``2026``, May."""
    match name:
        case "hour":
            return f"{key:02d}"
        case "weekday":
            return WEEKDAYS[key]
        case "day":
            return _date(key).isoformat()
        case "week":
            year, week, _ = _date(key * 7 - 3).isocalendar()
            return f"{year}-W{week:02d}"
        case "month":
            return f"{key // 12:04d}-{key % 12 + 1:02d}"
        case "year":
            return f"{key:04d}"
        case _:
            return MONTHS[key]


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)
