"""The times a question names, any number of them: dates, months, seasons, years, spans, and what is told from today."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hearthside.events import local_datetime
from hearthside.memory.when import Period, find_period

MONTHS = "january february march april may june july august september october november december".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTH = "(?:" + "|".join(f"{name}|{name[:3]}\\.?" for name in MONTHS) + "|sept\\.?)"
_YEAR = r"(?:19[5-9]\d|20\d\d)"
_ORDINAL = r"(?:st|nd|rd|th)?"
_NOT_COUNTED = r"(?!\s*(?:steps?|hours?|hrs?|h\b|minutes?|kg|kilos?|times|plays?|days|[.,:/\-]\d|\d))"
_SEASONS = {"spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "fall": (9, 11), "winter": (12, 14)}
_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_PREPOSITION = (
    r"(?:(?:back |all )?(?:in|on|during|throughout|within|over|across|of|from|for|at)\s+)?"
    r"(?:all of )?(?:the )?(?:whole |entire |full |calendar )?(?:(?:year|month) (?:of )?)?"
)
_OF_DAY = r"(?:(?:the )?(?:date|day|morning) (?:of )?(?:the )?)?"
_NTH = ("first", "second", "third", "fourth")
_HERE = "\x00"


@dataclass(frozen=True, slots=True)
class When:
    """One time a question names.

    Attributes:
        first, last: local days, ISO, inclusive; None for open.
        label: as it is said in an answer, "in March 2022".
        hours: (from, to) local minutes of the day, or None for whole days.
        parts: the two ends of "from … to …", or nothing.
        night: the words named a night ("last night"), which belongs to the day of its morning.
    """

    first: str | None
    last: str | None
    label: str
    hours: tuple[int, int] | None = None
    parts: tuple[When, ...] = ()
    night: bool = False

    @property
    def is_day(self) -> bool:
        """Whether it is one day."""
        return self.first is not None and self.first == self.last


def find_times(text: str, now_ms: int, offset_min: int) -> tuple[list[When], str]:
    """The times in a folded question, in order, and the question with a mark ``@0``, ``@1`` ... in place of each."""
    today = local_datetime(now_ms, offset_min).date()
    found: list[When] = []
    for rule in _RULES:
        pattern, make = rule

        def mark(match: re.Match[str], make: Callable[..., When | None] = make) -> str:
            when = make(match, today)
            if when is None:
                return match.group()
            found.append(when)
            night = "night" if re.match(r"\W*(?:(?:in|of|for) )?(?:the )?night\b", match.group()) else ""
            return f" {night} {_HERE}{len(found) - 1}{_HERE} "

        text = re.sub(pattern, mark, text)
    text = _relative(text, found, now_ms, offset_min)
    text = _joined(text, found, today)
    return _numbered(text, found)


def _numbered(text: str, found: list[When]) -> tuple[list[When], str]:
    """Times in the order in which they stand; those that became part of another are gone."""
    order: list[When] = []

    def mark(match: re.Match[str]) -> str:
        order.append(found[int(match[1])])
        return f" @{len(order) - 1} "

    return order, re.sub(rf"{_HERE}(\d+){_HERE}", mark, text)


# -- dates -------------------------------------------------------------------------------------------------------------


def _day(year: int, month: int, day: int) -> When | None:
    try:
        found = date(year, month, day).isoformat()
    except ValueError:
        return None
    return When(found, found, f"on {found}")


def _months(year: int, first: int, last: int, label: str) -> When:
    """From the first day of a month to the last of another, both counted from January of the year."""
    begin = date(year + (first - 1) // 12, (first - 1) % 12 + 1, 1)
    end = date(year + last // 12, last % 12 + 1, 1) - timedelta(days=1)
    return When(begin.isoformat(), end.isoformat(), label)


def _number(name: str) -> int:
    return next(i for i, full in enumerate(MONTHS, 1) if full.startswith(name[:3]))


def _iso_day(match: re.Match[str], today: date) -> When | None:
    return _day(int(match["y"]), int(match["m"]), int(match["d"]))


def _named_day(match: re.Match[str], today: date) -> When | None:
    month, day = _number(match["m"]), int(match["d"])
    if match["y"]:
        return _day(int(match["y"]), month, day)
    latest = (_day(today.year - back, month, day) for back in range(9))  # 29 February may lie some years back
    return next((one for one in latest if one and (one.last or "") <= today.isoformat()), None)


def _named_month(match: re.Match[str], today: date) -> When:
    month = _number(match["m"])
    return _months(int(match["y"]), month, month, f"in {MONTHS[month - 1].capitalize()} {match['y']}")


def _iso_month(match: re.Match[str], today: date) -> When | None:
    month = int(match["m"])
    if not 1 <= month <= 12:
        return None
    return _months(int(match["y"]), month, month, f"in {MONTHS[month - 1].capitalize()} {match['y']}")


def _quarter(match: re.Match[str], today: date) -> When:
    n = int(match["n"]) if match["n"] else _QUARTERS[match["nth"]]
    return _months(int(match["y"]), 3 * n - 2, 3 * n, f"in the {_NTH[n - 1]} quarter of {match['y']}")


def _month_span(match: re.Match[str], today: date) -> When:
    first, last, year = _number(match["a"]), _number(match["b"]), int(match["y"])
    begin = year if first <= last else year - 1
    span = (year - begin) * 12 + last
    return _months(
        begin, first, span, f"from {MONTHS[first - 1].capitalize()} to {MONTHS[last - 1].capitalize()} {year}"
    )


def _half(match: re.Match[str], today: date) -> When:
    first = match["nth"] in {"first", "1st"}
    return _months(int(match["y"]), 1 if first else 7, 6 if first else 12,
                   f"in the {'first' if first else 'second'} half of {match['y']}")  # fmt: skip


def _season(match: re.Match[str], today: date) -> When:
    first, last = _SEASONS[match["s"]]
    return _months(int(match["y"]), first, last, f"in the {match['s']} of {match['y']}")


def _whole_year(match: re.Match[str], today: date) -> When:
    return _months(int(match["y"]), 1, 12, f"in {match['y']}")


def _bare_month(match: re.Match[str], today: date) -> When:
    month = _number(match["m"])
    year = today.year if month <= today.month else today.year - 1
    return _months(year, month, month, f"in {MONTHS[month - 1].capitalize()} {year}")


_NIGHT = (
    r"(?:(?:in |of |for )?(?:the )?night "
    r"(?:before|to|ending on|ending|ended|that ended on|leading to|leading up to|into) (?:the )?)"
)
_OVER_NIGHT = (
    r"\b(?:in |of |for )?(?:the )?night (?:from |of |between )?(?:the )?"
    rf"\d{{1,2}}{_ORDINAL}(?: of)?(?: {_MONTH})?"
)
_BEFORE_DAY = rf"\b(?:{_NIGHT}|{_PREPOSITION}{_OF_DAY})"
_ABOUT_YEAR = rf"(?:,? (?:of |in )?(?:the year )?(?P<y>{_YEAR}))"
_RULES: tuple[tuple[str, Callable[[re.Match[str], date], When | None]], ...] = (
    (rf"{_OVER_NIGHT} (?:to|and|on|/) (?:the )?(?P<d>\d{{1,2}}){_ORDINAL}(?: of)? (?P<m>{_MONTH})\b{_ABOUT_YEAR}?",
     _named_day),
    (rf"{_BEFORE_DAY}(?P<y>{_YEAR})[-/](?P<m>\d{{1,2}})[-/](?P<d>\d{{1,2}})(?:t\d\d:\d\d\S*)?(?![\d])", _iso_day),
    (rf"{_BEFORE_DAY}(?P<d>\d{{1,2}})\.\s?(?P<m>\d{{1,2}})\.\s?(?P<y>{_YEAR})\b", _iso_day),
    (rf"{_BEFORE_DAY}(?:(?:{'|'.join(DAYS)}),? (?:the )?)?(?P<d>\d{{1,2}}){_ORDINAL}(?: day)?(?: of)? (?P<m>{_MONTH})\b"
     rf"\.?{_ABOUT_YEAR}?(?!\d)", _named_day),
    (rf"{_BEFORE_DAY}(?:(?:{'|'.join(DAYS)}),? )?(?P<m>{_MONTH}) (?:the )?(?P<d>\d{{1,2}}){_ORDINAL}\b(?!\d)"
     rf"{_ABOUT_YEAR}?", _named_day),
    (rf"\b(?:from|between|in) (?P<a>{_MONTH})"
     rf" (?:to|until|till|through|and) (?P<b>{_MONTH}){_ABOUT_YEAR}\b", _month_span),
    (rf"\b{_PREPOSITION}(?P<m>{_MONTH}){_ABOUT_YEAR}\b(?:'s)?", _named_month),
    (rf"\b{_PREPOSITION}(?P<y>{_YEAR})-(?P<m>\d\d)\b(?!-)", _iso_month),
    (rf"\b{_PREPOSITION}(?P<y>{_YEAR}),? (?P<m>{'|'.join(MONTHS)})\b", _named_month),
    (rf"\b{_PREPOSITION}(?:q(?P<n>[1-4])|(?P<nth>{'|'.join(_QUARTERS)}) quarter){_ABOUT_YEAR}\b", _quarter),
    (rf"\b{_PREPOSITION}(?P<nth>first|second|last|1st|2nd) half{_ABOUT_YEAR}\b", _half),
    (rf"\b{_PREPOSITION}(?P<s>{'|'.join(_SEASONS)}){_ABOUT_YEAR}\b", _season),
    (rf"\b{_PREPOSITION}(?P<y>{_YEAR})\b(?:'s)?{_NOT_COUNTED}", _whole_year),
    (rf"\b(?:in|during|throughout|of) (?:the month of )?(?P<m>{_MONTH})\b(?! \d)", _bare_month),
)  # fmt: skip

# -- from today, and two ends ------------------------------------------------------------------------------------------

_SIDES = {"since": "since", "after": "after", "before": "before", "until": "until", "till": "until", "up to": "until",
          "up until": "until", "starting": "since", "starting from": "since", "starting in": "since"}  # fmt: skip
_MARK = rf"{_HERE}(\d+){_HERE}"


def _relative(text: str, found: list[When], now_ms: int, offset_min: int) -> str:
    """What is told from today, such as "last week"; at most two such times are looked for."""
    rest = text
    for _ in range(2):
        period, without = find_period(rest, now_ms, offset_min)
        if period is None:
            return rest
        found.append(_told_from_today(period))
        rest = f"{without} {_HERE}{len(found) - 1}{_HERE} "
    return rest


def _told_from_today(period: Period) -> When:
    hours = None
    if period.minute is not None:
        hours = (period.minute, period.minute + 1)
    elif period.hours is not None:
        hours = (period.hours[0] * 60, (period.hours[1] * 60 - 1) % 1440 + 1)
    night = "night" in period.label
    return When(period.first, period.last, period.label, hours, night=night)


def _joined(text: str, found: list[When], today: date) -> str:
    """Spans with two ends, and open ones."""

    def span(match: re.Match[str]) -> str:
        a, b = found[int(match[1])], found[int(match[2])]
        if a.first is None or b.last is None or a.hours or b.hours or a.first > b.last:
            return match.group()
        label = f"from {_bare(a.label)} to {_bare(b.label)}"
        found.append(When(a.first, b.last, label, parts=(a, b)))
        return f" {_HERE}{len(found) - 1}{_HERE} "

    def open_ended(match: re.Match[str]) -> str:
        when = _open(_SIDES[match[1]], found[int(match[2])], today)
        if when is None:
            return match.group()
        found.append(when)
        return f" {_HERE}{len(found) - 1}{_HERE} "

    def open_since(match: re.Match[str]) -> str:
        when = _open("since", found[int(match[1])], today)
        if when is None:
            return match.group()
        found.append(when)
        return f" {_HERE}{len(found) - 1}{_HERE} "

    text = re.sub(rf"\bbetween\s+{_MARK}\s+and\s+{_MARK}", span, text)
    text = re.sub(
        rf"(?:\bfrom\s+)?{_MARK}\s*(?:\bto\b|\bthrough\b|\buntil\b|\btill\b|\bup to\b|–|-)\s*{_MARK}", span, text
    )
    text = re.sub(rf"(?:\bfrom\s+)?{_MARK}\s+onwards?\b", open_since, text)
    names = "|".join(sorted(_SIDES, key=len, reverse=True))
    adding = "".join(rf"(?<!{verb} )" for verb in ("add", "adds", "added", "sum", "summed", "come", "came"))
    return re.sub(rf"{adding}\b({names})\s+{_MARK}(?:\s+onwards?\b)?", open_ended, text)


def _open(side: str, when: When, today: date) -> When | None:
    if when.first is None or when.last is None or when.hours is not None:
        return None
    name = _bare(when.label)
    match side:
        case "since":
            return When(when.first, today.isoformat(), f"since {name}") if when.first <= today.isoformat() else None
        case "after":
            first = (date.fromisoformat(when.last) + timedelta(days=1)).isoformat()
            return When(first, today.isoformat(), f"after {name}") if first <= today.isoformat() else None
        case "before":
            return When(None, (date.fromisoformat(when.first) - timedelta(days=1)).isoformat(), f"before {name}")
        case _:
            return When(None, when.last, f"until {name}")


def _bare(label: str) -> str:
    return re.sub(r"^(?:in|on|at) ", "", label)


# -- days of the week --------------------------------------------------------------------------------------------------

_DAY_NAMES = {name: (i,) for i, name in enumerate(DAYS)} | {
    "weekend day": (5, 6), "weekend": (5, 6), "weekday": (0, 1, 2, 3, 4), "workday": (0, 1, 2, 3, 4),
    "working day": (0, 1, 2, 3, 4), "work day": (0, 1, 2, 3, 4), "business day": (0, 1, 2, 3, 4),
}  # fmt: skip
_SEVERAL = rf"(?:{'|'.join(_DAY_NAMES)})s"
_ONE = "|".join(_DAY_NAMES)
_ON = re.compile(
    rf"\b(?:(?:on|at|over|during|of|for)\s+)?(?:my |the )?(?P<many>{_SEVERAL}(?:(?:,| and| or|, and) {_SEVERAL})*)\b"
    rf"|\b(?:on |for )?(?:a|an|each|every)(?: typical| normal| usual| single| average)? (?P<one>{_ONE})\b"
    r"|\b(?:on|at|over|during) the (?P<end>weekend)\b|\b(?P<week>during the (?:working )?week)\b"
)


def find_weekdays(text: str) -> tuple[tuple[int, ...], str, str]:
    """Days of the week that a folded question is narrowed to, how they are said, and the question without them."""
    match = _ON.search(text)
    if match is None:
        return (), "", text
    names = re.findall(_ONE, match["many"] or match["one"] or match["end"] or "weekday")
    days = tuple(sorted({day for name in names for day in _DAY_NAMES[name]}))
    said = " and ".join(f"{name.capitalize() if name in DAYS else name}s" for name in names)
    usual = " typical " if re.search(r"\b(?:typical|normal|usual|average)\b", match.group()) else " "
    return days, f"on {said}", f"{text[: match.start()]}{usual}{text[match.end() :]}"


def with_morning(when: When) -> When:
    """The same without hours: a night belongs to the day of its morning, so "the morning of …" adds nothing."""
    return replace(when, hours=None)
