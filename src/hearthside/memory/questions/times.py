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
_YEAR = r"(?:19[5-9]\d|20\d\d|'\d\d)"
_FOUR = r"(?:19[5-9]\d|20\d\d)"
_ORDINAL = r"(?:st|nd|rd|th)?"
_NOT_COUNTED = r"(?!\s*(?:steps?|hours?|hrs?|h\b|minutes?|kg|kilos?|times|plays?|days|[.,:/\-]\d|\d))"
_SEASONS = {"spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "fall": (9, 11), "winter": (12, 14)}
_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_PREPOSITION = (
    r"(?:(?:back |all |right )?(?:in|on|during|throughout|within|over|across|of|from|for|at)\s+)?"
    r"(?:(?:all|the (?:whole|entirety|course|span|length)) of )?(?:the )?(?:whole |entire |full |calendar )?"
    r"(?:(?:year|month|period|time|span) (?:of |from )?(?:the )?)?"
)
_OF_DAY = r"(?:(?:the )?(?:date|day|morning) (?:of )?(?:the )?)?"
_FEAST = r"christmas(?: day| eve)?|boxing day|new year'?s (?:day|eve)|halloween|valentine'?s day"
_FEASTS = {"c": (12, 25), "b": (12, 26), "n": (1, 1), "h": (10, 31), "v": (2, 14)}
_EVES = {"c": (12, 24), "n": (12, 31)}
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve".split()
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


def _year(match: re.Match[str]) -> int:
    """The year of a match; of two figures it is one of this century."""
    written: str = match["y"]
    return 2000 + int(written[1:]) if written[0] == "'" else int(written)


def _number(name: str) -> int:
    return next(i for i, full in enumerate(MONTHS, 1) if full.startswith(name[:3]))


def _iso_day(match: re.Match[str], today: date) -> When | None:
    return _day(_year(match), int(match["m"]), int(match["d"]))


def _named_day(match: re.Match[str], today: date) -> When | None:
    month, day = _number(match["m"]), int(match["d"])
    if match["y"]:
        return _day(_year(match), month, day)
    latest = (_day(today.year - back, month, day) for back in range(9))  # 29 February may lie some years back
    return next((one for one in latest if one and (one.last or "") <= today.isoformat()), None)


def _named_month(match: re.Match[str], today: date) -> When:
    month = _number(match["m"])
    return _months(_year(match), month, month, f"in {MONTHS[month - 1].capitalize()} {_year(match)}")


def _iso_month(match: re.Match[str], today: date) -> When | None:
    month = int(match["m"])
    if not 1 <= month <= 12:
        return None
    return _months(_year(match), month, month, f"in {MONTHS[month - 1].capitalize()} {_year(match)}")


def _quarter(match: re.Match[str], today: date) -> When:
    n = int(match["n"]) if match["n"] else _QUARTERS[match["nth"]]
    return _months(_year(match), 3 * n - 2, 3 * n, f"in the {_NTH[n - 1]} quarter of {_year(match)}")


def _month_span(match: re.Match[str], today: date) -> When:
    first, last, year = _number(match["a"]), _number(match["b"]), _year(match)
    begin = year if first <= last else year - 1
    label = f"from {MONTHS[first - 1].capitalize()} to {MONTHS[last - 1].capitalize()} {year}"
    ends = tuple(
        _months(of, month, month, f"in {MONTHS[month - 1].capitalize()} {of}")
        for of, month in ((begin, first), (year, last))
    )
    return replace(_months(begin, first, (year - begin) * 12 + last, label), parts=ends)


def _listed_months(match: re.Match[str], today: date) -> When | None:
    """Months that follow one another, as in "June, July and August 2021"."""
    months = [_number(name) for name in re.findall(_MONTH, match["list"])]
    if months != list(range(months[0], months[0] + len(months))):
        return None
    year = _year(match)
    label = f"from {MONTHS[months[0] - 1].capitalize()} to {MONTHS[months[-1] - 1].capitalize()} {year}"
    named = (_months(year, month, month, f"in {MONTHS[month - 1].capitalize()} {year}") for month in months)
    return replace(_months(year, months[0], months[-1], label), parts=tuple(named) if len(months) == 2 else ())


def _some_months(match: re.Match[str], today: date) -> When | None:
    """The first or last so many months of a year."""
    n = _COUNTED.index(match["n"]) if match["n"] in _COUNTED else int(match["n"])
    if not 0 < n < 13:
        return None
    first, last = (1, n) if match["end"] in {"first", "opening"} else (13 - n, 12)
    return _months(_year(match), first, last, f"in the {match['end']} {n} months of {_year(match)}")


def _some_days(match: re.Match[str], today: date) -> When | None:
    """From one day of a month to another."""
    year, month = _year(match), _number(match["m"])
    first, last = _day(year, month, int(match["d"])), _day(year, month, int(match["e"]))
    if first is None or last is None or (first.first or "") >= (last.last or ""):
        return None
    label = f"from {_bare(first.label)} to {_bare(last.label)}"
    return When(first.first, last.last, label, parts=(first, last))


def _decade(match: re.Match[str], today: date) -> When:
    year = int(match["decade"])
    return When(f"{year}-01-01", f"{year + 9}-12-31", f"in the {year}s")


def _feast(match: re.Match[str], today: date) -> When | None:
    feast: str = match["feast"]
    return _day(_year(match), *(_EVES if feast.endswith(" eve") else _FEASTS)[feast[0]])


def _half(match: re.Match[str], today: date) -> When:
    first = (match["nth"] or match["h"]) in {"first", "1st", "1"}
    return _months(_year(match), 1 if first else 7, 6 if first else 12,
                   f"in the {'first' if first else 'second'} half of {_year(match)}")  # fmt: skip


def _season(match: re.Match[str], today: date) -> When | None:
    first, last = _SEASONS[match["s"]]
    following = match["following"]
    if following and (match["s"] != "winter" or int(following[-2:]) != (_year(match) + 1) % 100):
        return None
    name = f"{_year(match)}/{following[-2:]}" if following else str(_year(match))
    return _months(_year(match), first, last, f"in the {match['s']} of {name}")


def _whole_year(match: re.Match[str], today: date) -> When:
    return _months(_year(match), 1, 12, f"in {_year(match)}")


def _bare_month(match: re.Match[str], today: date) -> When:
    month = _number(match["m"])
    year = today.year if month <= today.month else today.year - 1
    return _months(year, month, month, f"in {MONTHS[month - 1].capitalize()} {year}")


_NIGHT = (
    r"(?:(?:in |of |for )?(?:the )?night "
    r"(?:that |which )?(?:before|to|ending on|ending|ended|ended on|ending in|leading to|leading up to|leading into"
    r"|running into|going into|led into|preceding|prior to|into|up to|ended in) (?:the )?(?:morning of )?(?:the )?)"
)
_OVER_NIGHT = (
    r"\b(?:in |of |for )?(?:the )?night (?:from |of |between )?(?:the )?"
    rf"\d{{1,2}}{_ORDINAL}(?: of)?(?: {_MONTH})?"
)
_BEFORE_DAY = rf"\b(?:{_NIGHT}|{_PREPOSITION}{_OF_DAY})"
_ABOUT_YEAR = rf"(?:,?\s?(?:of |in )?(?:the year )?(?P<y>{_YEAR}))"
_THE_MONTHS = rf"(?:(?:(?:{'|'.join(_SEASONS)}) )?months (?:of |from |between )?)?"
_TO = "(?:to|and|until|till|through|–|—|-)"


_RULES: tuple[tuple[str, Callable[[re.Match[str], date], When | None]], ...] = (
    (rf"{_OVER_NIGHT} (?:to|and|on|/) (?:the )?(?P<d>\d{{1,2}}){_ORDINAL}(?: of)? (?P<m>{_MONTH})\b{_ABOUT_YEAR}?",
     _named_day),
    (rf"\b(?:{_PREPOSITION}|between )(?:the )?(?P<d>\d{{1,2}}){_ORDINAL}\s?{_TO}\s?(?:the )?(?P<e>\d{{1,2}})"
     rf"{_ORDINAL}(?: of)? (?P<m>{_MONTH}){_ABOUT_YEAR}\b", _some_days),
    (rf"{_BEFORE_DAY}(?P<y>{_YEAR})[-/](?P<m>\d{{1,2}})[-/](?P<d>\d{{1,2}})(?:t\d\d:\d\d\S*)?(?![\d])", _iso_day),
    (rf"{_BEFORE_DAY}(?P<d>\d{{1,2}})\.\s?(?P<m>\d{{1,2}})\.\s?(?P<y>{_YEAR})\b", _iso_day),
    (rf"{_BEFORE_DAY}(?:(?:{'|'.join(DAYS)}),? (?:the )?)?(?P<d>\d{{1,2}}){_ORDINAL}(?: day)?(?: of)? (?P<m>{_MONTH})\b"
     rf"\.?{_ABOUT_YEAR}?(?!\d)", _named_day),
    (rf"{_BEFORE_DAY}(?:(?:{'|'.join(DAYS)}),? )?(?P<m>{_MONTH}) (?:the )?(?P<d>\d{{1,2}}){_ORDINAL}\b(?!\d)"
     rf"{_ABOUT_YEAR}?", _named_day),
    (rf"\b{_PREPOSITION}(?P<feast>{_FEAST}){_ABOUT_YEAR}\b", _feast),
    (rf"\b(?:{_PREPOSITION}|between ){_THE_MONTHS}(?P<a>{_MONTH})"
     rf"\s?(?:to|until|till|til|through|thru|through to|up to|–|—|-)\s?(?P<b>{_MONTH}){_ABOUT_YEAR}\b", _month_span),
    (rf"\bbetween {_THE_MONTHS}(?P<a>{_MONTH}) and (?P<b>{_MONTH}){_ABOUT_YEAR}\b", _month_span),
    (rf"\b{_PREPOSITION}{_THE_MONTHS}(?P<list>{_MONTH}(?:, {_MONTH})*,? (?:and|&|plus) {_MONTH}){_ABOUT_YEAR}\b",
     _listed_months),
    (rf"\b{_PREPOSITION}(?P<end>first|opening|last|final|closing) (?P<n>\d+|{'|'.join(_COUNTED)}) months"
     rf"{_ABOUT_YEAR}\b", _some_months),
    (rf"\b{_PREPOSITION}(?P<m>{_MONTH}){_ABOUT_YEAR}\b(?:'s)?", _named_month),
    (rf"\b{_PREPOSITION}(?P<y>{_YEAR})-(?P<m>\d\d)\b(?!-)", _iso_month),
    (rf"\b{_PREPOSITION}(?P<y>{_YEAR}),? (?P<m>{'|'.join(MONTHS)})\b"
     r"(?! ?(?:to|through|thru|until|till|and|,|–|-)\b)", _named_month),
    (rf"\b{_PREPOSITION}(?:q(?P<n>[1-4])|(?P<nth>{'|'.join(_QUARTERS)})[ -]quarter)[/ ]?{_ABOUT_YEAR}\b", _quarter),
    (rf"\b{_PREPOSITION}(?P<y>{_YEAR})[ /-](?:q(?P<n>[1-4])|(?P<nth>{'|'.join(_QUARTERS)}) quarter)\b", _quarter),
    (rf"\b{_PREPOSITION}(?:(?P<nth>first|second|last|1st|2nd)[ -]half|h(?P<h>[12]))[/ ]?{_ABOUT_YEAR}\b", _half),
    (rf"\b{_PREPOSITION}(?P<s>{'|'.join(_SEASONS)})(?:time| months| season)?{_ABOUT_YEAR}"
     r"(?:\s?(?:[/–-]|to|into) ?(?P<following>\d\d\d\d|'?\d\d)(?!\d|-))?(?:'s)?\b", _season),
    (rf"\b{_PREPOSITION}(?P<y>{_FOUR})/(?P<following>\d\d(?:\d\d)?) (?P<s>winter)\b", _season),
    (rf"\b{_PREPOSITION}(?P<decade>19[5-9]0|20\d0)'?s\b", _decade),
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
        if a.first is None or b.last is None or a.hours or b.hours:
            return match.group()
        if a.first > b.last:
            return f" {_HERE}{match[1]}{_HERE} or {_HERE}{match[2]}{_HERE} " if "between" in match[0] else match[0]
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

    def again(match: re.Match[str]) -> str:
        a, b = found[int(match[1])], found[int(match[2])]
        return f" {_HERE}{match[1]}{_HERE} " if (a.first, a.last, a.hours) == (b.first, b.last, b.hours) else match[0]

    def months_again(match: re.Match[str]) -> str:
        when = found[int(match[1])]
        months = (int((when.first or "-0")[5:7] or 0), int((when.last or "-0")[5:7] or 0))
        same = months == (_number(match[2]), _number(match[3])) and not when.is_day
        return f" {_HERE}{match[1]}{_HERE} " if same else match[0]

    text = re.sub(rf"{_MARK}[\s,;:(–-]*{_MARK}", again, text)  # "in summer 2021 (June to August 2021)"
    text = re.sub(
        rf"{_MARK}[\s,;:(–-]+(?:from |that is,? |so |meaning )?({_MONTH})\s?{_TO}\s?({_MONTH})\b", months_again, text
    )
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
_PLACED = r"(?:mornings|step|steps|bedtimes?|wake|waking|sleep|average|averages|computer|screen|mean|nightly|daily)"
_ON = re.compile(
    r"\b(?P<mofr>(?:(?:from|on) )?(?:mondays?|mon) ?(?:to|through|till|until|thru|–|-) ?(?:fridays?|fri))\b"
    rf"|(?<!which )(?<!what )(?<!best )(?<!top )(?<!each )(?<!every )(?<!by )(?<!per )(?<!last )(?<!this )(?<!of )\b"
    rf"(?:on )?(?P<as>{_ONE})(?= {_PLACED}\b)|"
    rf"\b(?:only )?(?:(?:on|at|over|during|of|for)\s+)?(?:only )?(?:my |the )?"
    rf"(?P<many>{_SEVERAL}(?:(?:,| and| or|, and) {_SEVERAL})*)\b(?: only| alone)?"
    rf"|\b(?:on |for )?(?:a|an|each|every)(?: typical| normal| usual| single| average)? (?P<one>{_ONE})\b"
    r"|\b(?:on|at|over|during) the (?P<end>weekend)\b|\b(?P<week>during the (?:working )?week)\b"
)


def find_weekdays(text: str) -> tuple[tuple[int, ...], str, str]:
    """Days of the week that a folded question is narrowed to, how they are said, and the question without them."""
    match = _ON.search(text)
    if match is None:
        return (), "", text
    names = re.findall(_ONE, match["many"] or match["one"] or match["as"] or match["end"] or "weekday")
    days = tuple(sorted({day for name in names for day in _DAY_NAMES[name]}))
    said = " and ".join(f"{name.capitalize() if name in DAYS else name}s" for name in names)
    usual = " typical " if re.search(r"\b(?:typical|normal|usual|average)\b", match.group()) else " "
    return days, f"on {said}", f"{text[: match.start()]}{usual}{text[match.end() :]}"


def with_morning(when: When) -> When:
    """The same without hours: a night belongs to the day of its morning, so "the morning of …" adds nothing."""
    return replace(when, hours=None)
