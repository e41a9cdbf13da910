"""Reads the times of a query: days, months, years, hours, weekdays, and what is told from today."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hearthside.memory.asking.query import Filter
from hearthside.memory.asking.times import MONTHS, WEEKDAYS
from hearthside.memory.asking.tokens import Token
from hearthside.memory.when import find_period

_WEEKDAYS = {name.casefold()[:n]: i for i, name in enumerate(WEEKDAYS) for n in (3, len(name))}
_WEEKDAYS |= {f"{name.casefold()}s": i for i, name in enumerate(WEEKDAYS)}
_MONTHS = {name.casefold()[:n]: i for i, name in enumerate(MONTHS, 1) for n in (3, len(name))}
_UNITS = frozenset("day days night nights week weeks month months year years weekend".split())
_BARE = frozenset({"today", "yesterday", "tonight"})
_DATES = frozenset({"date", "month", "number", "time"})
BEGINS = ("in", "on", "since", "until", "from", "between", "before", "after", "today", "yesterday", "last 30 days")
"""Words that a time can begin with."""


@dataclass(slots=True)
class Cursor:
    """Where the reading is.

    Attributes:
        fail: refuses the query at a token: (token, why, what would be possible).
        now_ms, offset_min: the present and the person's UTC offset, for “last week”.
    """

    tokens: list[Token]
    at: int
    fail: Callable[[Token, str, tuple[str, ...]], None]
    now_ms: int
    offset_min: int

    def peek(self, ahead: int = 0) -> Token:
        """A token without taking it."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The next token."""
        token = self.peek()
        self.at += 1
        return token

    def took(self, *words: str) -> bool:
        """Takes these words if they come next."""
        if all(self.peek(i).kind in {"word", "sign"} and self.peek(i).low == word for i, word in enumerate(words)):
            self.at += len(words)
            return True
        return False


def read_time(cursor: Cursor, where: Filter) -> Filter | None:
    """The filter with the time that comes next, or None when none comes."""
    token, following = cursor.peek(), cursor.peek(1)
    word = token.low if token.kind == "word" else ""
    if _is_relative(cursor, 1 if word in {"in", "since", "over", "during"} else 0):
        return _relative(cursor, where)
    if word == "between" or (word == "from" and following.kind in _DATES | {"clock"}):
        return _between(cursor, where)
    if word == "on":
        return _on(cursor, where)
    if word == "in" and (following.kind in {"number", "month"} or following.low in _MONTHS):
        return _in(cursor, where)
    if word in {"since", "until", "before", "after"} and following.kind in _DATES | {"clock"}:
        return _one_sided(cursor, where)
    if word in {"since", "until"}:
        cursor.fail(following, f"“{word}” needs a time", ("2024", "2024-05", "2024-05-17", "2024-05-17T18:00"))
    return None


# -- from today --------------------------------------------------------------------------------------------------------


def _is_relative(cursor: Cursor, ahead: int) -> bool:
    if cursor.peek(ahead).low == "the" and ahead:
        ahead += 1
    first, second, third = cursor.peek(ahead), cursor.peek(ahead + 1), cursor.peek(ahead + 2)
    if first.low in _BARE:
        return True
    if first.low in {"last", "this", "past"}:
        return second.low in _UNITS or (second.kind == "number" and third.low in _UNITS)
    return first.kind == "number" and second.low in _UNITS and third.low == "ago"


def _relative(cursor: Cursor, where: Filter) -> Filter:
    begin = cursor.peek()
    words = []
    while True:
        token = cursor.take()
        words.append(token.low)
        if token.low in _BARE | {"ago"} or (token.low in _UNITS and cursor.peek().low != "ago"):
            break
    phrase = " ".join(word for word in words if word != "the")
    period, rest = find_period(phrase, cursor.now_ms, cursor.offset_min)
    if period is None or rest:
        cursor.fail(begin, f"“{phrase}” is no time", ("today", "yesterday", "last week", "this month", "last 30 days"))
        return where
    return replace(where, days=(period.first, period.last))


# -- dates -------------------------------------------------------------------------------------------------------------


def _date(cursor: Cursor, token: Token) -> tuple[str, str]:
    """First and last day of a year, a month or a day."""
    parts = [int(part) for part in token.raw.split("-")] if token.kind in {"date", "month"} else []
    if token.kind == "number" and token.raw.isdigit() and len(token.raw) == 4:
        parts = [int(token.raw)]
    try:
        if len(parts) == 1:
            return date(parts[0], 1, 1).isoformat(), date(parts[0], 12, 31).isoformat()
        if len(parts) == 2:
            last = monthrange(parts[0], parts[1])[1]
            return date(parts[0], parts[1], 1).isoformat(), date(parts[0], parts[1], last).isoformat()
        return (day := date(*parts).isoformat()), day
    except (ValueError, TypeError):
        cursor.fail(token, f"“{token.raw}” is no date", ("2024", "2024-05", "2024-05-17"))
        raise


def _moment(token: Token) -> str:
    return token.raw.upper().replace(" ", "T")


def _between(cursor: Cursor, where: Filter) -> Filter:
    joint = "and" if cursor.take().low == "between" else "to"
    first = cursor.take()
    if not cursor.took(joint):
        cursor.fail(cursor.peek(), f"“{joint}” is missing", (joint,))
    last = cursor.take()
    kinds = {first.kind, last.kind}
    if kinds == {"clock"}:
        return replace(where, hours=(_clock(cursor, first), _clock(cursor, last) or 1440))
    if kinds == {"time"}:
        return replace(where, times=(_moment(first), _moment(last)))
    if kinds <= _DATES - {"time"}:
        return replace(where, days=(_date(cursor, first)[0], _date(cursor, last)[1]))
    cursor.fail(last, "both ends must be dates, or times, or hours", ("2024-05-17", "2024-05-17T18:00", "22:00"))
    return where


def _on(cursor: Cursor, where: Filter) -> Filter:
    cursor.take()
    token = cursor.peek()
    if token.kind == "date":
        return replace(where, days=_date(cursor, cursor.take()))
    if token.low in {"weekdays", "weekends"}:
        days: tuple[int, ...] = (0, 1, 2, 3, 4) if cursor.take().low == "weekdays" else (5, 6)
        return replace(where, weekdays=days)
    return replace(
        where, weekdays=_several(cursor, _WEEKDAYS, "a day", ("2024-05-17", "weekdays", "weekends", *WEEKDAYS))
    )


def _in(cursor: Cursor, where: Filter) -> Filter:
    cursor.take()
    if cursor.peek().kind in {"number", "month"}:
        return replace(where, days=_date(cursor, cursor.take()))
    if cursor.peek(1).kind == "number":
        month, year = cursor.take(), cursor.take()
        token = Token("month", f"{year.raw}-{_MONTHS[month.low]:02d}", year.begin)
        return replace(where, days=_date(cursor, token))
    return replace(where, months=_several(cursor, _MONTHS, "a month", tuple(MONTHS)))


def _several(cursor: Cursor, names: dict[str, int], what: str, possible: tuple[str, ...]) -> tuple[int, ...]:
    found = []
    while True:
        token = cursor.peek()
        if token.low not in names:
            cursor.fail(token, f"{what} is missing", possible)
        found.append(names[cursor.take().low])
        following = cursor.peek(1)
        if not (cursor.peek().low in {"or", ","} and following.low in names):
            return tuple(found)
        cursor.take()


def _one_sided(cursor: Cursor, where: Filter) -> Filter:
    word, token = cursor.take().low, cursor.take()
    begins = word in {"since", "after"}
    if token.kind == "clock":
        minute = _clock(cursor, token)
        return replace(where, hours=(minute, 1440) if begins else (0, minute or 1440))
    if token.kind == "time":
        return replace(where, times=(_moment(token), where.times[1]) if begins else (where.times[0], _moment(token)))
    first, last = _date(cursor, token)
    match word:
        case "since":
            bound = first
        case "until":
            bound = last
        case "after":
            bound = (date.fromisoformat(last) + timedelta(days=1)).isoformat()
        case _:
            bound = (date.fromisoformat(first) - timedelta(days=1)).isoformat()
    return replace(where, days=(bound, where.days[1]) if begins else (where.days[0], bound))


def _clock(cursor: Cursor, token: Token) -> int:
    hour, minute = (int(part) for part in token.raw.split(":"))
    if minute > 59 or hour * 60 + minute > 1440:
        cursor.fail(token, f"“{token.raw}” is no time of the day", ("06:00", "22:30", "24:00"))
    return hour * 60 + minute
