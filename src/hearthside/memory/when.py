"""Time expressions in a question, resolved against the person's own local time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hearthside.events import HOUR_MS, MINUTE_MS, day_start_ms, local_datetime

MONTHS = "january february march april may june july august september october november december".split()
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTH = "(" + "|".join(f"{name}|{name[:3]}" for name in MONTHS) + ")"
_DAY = "(" + "|".join(_DAYS) + ")"
_PARTS = {"morning": (5, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (22, 30)}
_NUMBERS = {name: i for i, name in enumerate("zero one two three four five six seven eight nine ten".split())}
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # first months, north of the equator
_COUNT = r"\d{1,6}|two|three|four|five|six|seven|eight|nine|ten"
_YEARS = range(1900, 2200)  # a question about any other year names no time of a life


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of local days, perhaps with hours of the day.

    Attributes:
        first, last: ISO dates, inclusive.
        label: how to say it in an answer.
        hours: (from, to) local hours, to may pass 24; None for whole days.
        minute: local minute of the day that is asked about, or None.
    """

    first: str
    last: str
    label: str
    hours: tuple[int, int] | None = None
    minute: int | None = None

    def bounds_ms(self, offset_on: Callable[[str], int]) -> tuple[int, int]:
        """UTC bounds; `offset_on(day)` gives the person's offset of a day in minutes."""
        start = day_start_ms(self.first) - offset_on(self.first) * MINUTE_MS
        end = day_start_ms(self.last) - offset_on(self.last) * MINUTE_MS + 24 * HOUR_MS
        if self.minute is not None:
            return start + self.minute * MINUTE_MS, start + (self.minute + 1) * MINUTE_MS
        if self.hours is not None:
            return start + self.hours[0] * HOUR_MS, end - 24 * HOUR_MS + self.hours[1] * HOUR_MS
        return start, end


def find_period(text: str, now_ms: int, offset_min: int) -> tuple[Period | None, str]:
    """The period a question names, and the question without it; (None, text) when it names none."""
    today = local_datetime(now_ms, offset_min).date()
    lowered = text.casefold()
    if re.search(r"\b(?:should|shall|will|next|coming|going to)\b", lowered):
        return None, " ".join(lowered.split())  # what is to come has no record yet; its words may have been said
    minute, lowered = _clock_time(lowered)
    part, here, without_part = _part_of_day(lowered)
    if minute is not None and minute < 720 and part in {"afternoon", "evening"}:
        minute += 720
    for rule in (_iso, _season, _named_date, _month, _year, _ago, _relative_span, _last_span, _weekday, _today):
        found = rule(without_part if part else lowered, today)
        if part and found is not None and found[0].first != found[0].last:
            found = rule(lowered, today) or found  # a part of several days is no stretch of time: the word stays
        if found is not None:
            period, rest = _since(*found, today)
            return _refined(period, part, minute), " ".join(rest.split())
    if here or minute is not None:
        bare = Period(today.isoformat(), today.isoformat(), "today")
        return _refined(bare, part if here else "", minute), " ".join((without_part if here else lowered).split())
    return None, " ".join(lowered.split())


def _refined(period: Period, part: str, minute: int | None) -> Period:
    if minute is not None and period.first == period.last:
        return replace(period, minute=minute, label=f"{period.label} at {minute // 60:02d}:{minute % 60:02d}")
    if part and period.first == period.last:
        label = f"{period.label} {part}" if period.label != "today" else f"this {part}"
        return replace(period, hours=_PARTS[part], label=label)
    return period


def _since(period: Period, rest: str, today: date) -> tuple[Period, str]:
    """“Since” in front of a period reaches from its first day to today."""
    if re.search(r"\bsince\b", rest) is None or period.first > today.isoformat():
        return period, rest
    return Period(period.first, today.isoformat(), f"since {period.first}"), re.sub(r"\bsince\b", " ", rest, count=1)


def _clock_time(text: str) -> tuple[int | None, str]:
    named = re.search(r"\b(?:at|around|about) (noon|midday|midnight)\b", text)
    if named is not None:
        return (0 if named[1] == "midnight" else 720), _cut(text, named)
    match = re.search(
        r"\b(?:at|around|about)\s+(\d{1,2})(?:(?:[:.](\d{2}))?\s*(am|pm)\b|[:.](\d{2})\b|(?:\s+o['’]?clock)?"
        # a bare number is an hour only when nothing follows that it could count
        r"(?=\s*(?:[?!.,;]|$|(?:on|in|this|last|the|yesterday|today|tonight|" + "|".join(_DAYS) + r")\b)))",
        text,
    )
    if match is None:
        return None, text
    hour, minute = int(match[1]), int(match[2] or match[4] or 0)
    if match[3] == "pm" and hour < 12:
        hour += 12
    if match[3] == "am" and hour == 12:
        hour = 0
    if hour > 23 or minute > 59:
        return None, text
    return hour * 60 + minute, text[: match.start()] + " " + text[match.end() :]


def _part_of_day(text: str) -> tuple[str, bool, str]:
    """The part of the day, whether it can stand for today's ("this morning"), and the text without it."""
    match = re.search(r"\b(this |in the |the )?(morning|afternoon|evening)\b", text)
    if match is None:
        return "", False, text
    return match[2], match[1] is not None, _cut(text, match)


def _cut(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + " " + text[match.end() :]


def _days(first: date, last: date, label: str) -> Period:
    return Period(first.isoformat(), last.isoformat(), label)


def _iso(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(
        r"\b(on |at |since |in the night to |the night to )?(\d{4})-(\d{2})-(\d{2})"
        r"(?:t(\d{2}):(\d{2})(?::\d{2})?(?:z|[+-]\d{2}:?\d{2})?)?(?!\d)",
        text,
    )
    if match is None:
        return None
    day = _date(int(match[2]), int(match[3]), int(match[4]))
    if day is None:
        return None
    if (match[1] or "").strip() == "since":
        return _days(day, today, f"since {day.isoformat()}"), _cut(text, match)
    label = f"in the night to {day.isoformat()}" if "night" in (match[1] or "") else f"on {day.isoformat()}"
    period = _days(day, day, label)
    if match[5] and int(match[5]) < 24 and int(match[6]) < 60:
        period = replace(period, minute=int(match[5]) * 60 + int(match[6]), label=f"{label} at {match[5]}:{match[6]}")
    return period, _cut(text, match)


def _season(text: str, today: date) -> tuple[Period, str] | None:
    """Meteorological seasons of the northern hemisphere, three whole months each; a winter belongs to its December."""
    names = "|".join(_SEASONS)
    match = re.search(
        rf"\b(?:(?P<n>an?|one|{_COUNT}) (?P<ago>{names})s? ago"
        rf"|(?:in |during |over )?(?P<which>last|this|past) (?P<rel>{names})"
        rf"|(?:in |during |over )?(?:the )?(?P<abs>{names})(?: of)? (?P<year>\d{{4}}))\b",
        text,
    )
    if match is None:
        return None
    month = _SEASONS[match["ago"] or match["rel"] or match["abs"]]
    begun = today.year if today.month >= month else today.year - 1
    if match["ago"]:
        over = _season_end(begun, month) < today
        count = 1 if match["n"] in {"a", "an", "one"} else _NUMBERS.get(match["n"]) or int(match["n"])
        year = begun - count + (1 if over else 0)
    elif match["rel"]:
        now = _season_end(begun, month) >= today
        year = begun if match["which"] == "this" or not now else begun - 1
    else:
        year = int(match["year"])
    if year not in _YEARS:
        return None
    return _days(date(year, month, 1), _season_end(year, month), match[0]), _cut(text, match)


def _season_end(year: int, month: int) -> date:
    after = month + 3
    return date(year + after // 13, after if after <= 12 else after - 12, 1) - timedelta(days=1)


def _named_date(text: str, today: date) -> tuple[Period, str] | None:
    patterns = (
        rf"\b(?:on )?(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m>{_MONTH})\b(?:,? (?P<y>\d{{4}}))?",
        rf"\b(?:on )?(?P<m>{_MONTH}) (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,? (?P<y>\d{{4}}))?",
    )
    for pattern in patterns:
        match = re.search(pattern, text)
        if match is not None:
            month = _month_number(match["m"])
            if match["y"]:
                day = _date(int(match["y"]), month, int(match["d"]))
            else:  # the latest such day; 29 February may lie some years back
                past = (_date(today.year - back, month, int(match["d"])) for back in range(9))
                day = next((day for day in past if day is not None and day <= today), None)
            if day is not None:
                return _days(day, day, f"on {day.isoformat()}"), _cut(text, match)
    return None


def _month(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(rf"\b(?:in|during|of|since) {_MONTH}\b(?:,? (\d{{4}}))?", text)
    if match is None:
        return None
    month = _month_number(match[1])
    year = int(match[2]) if match[2] else (today.year if month <= today.month else today.year - 1)
    if year not in _YEARS:
        return None
    since = match[0].startswith("since")
    first = date(year, month, 1)
    last = today if since else date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    if first > last:
        return None
    return _days(first, last, f"{'since' if since else 'in'} {MONTHS[month - 1].capitalize()} {year}"), _cut(
        text, match
    )


def _year(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(r"\b(in|during|since|of) (19\d{2}|20\d{2})\b", text)
    if match is None:
        return None
    year = int(match[2])
    last = today if match[1] == "since" else date(year, 12, 31)
    if date(year, 1, 1) > last:
        return None
    return _days(date(year, 1, 1), last, f"{'since' if match[1] == 'since' else 'in'} {year}"), _cut(text, match)


def _relative_span(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(
        r"\b(?:in |over |during |for )?(?:the )?(?:last|past) "
        rf"({_COUNT}) (day|night|week|month|year)s\b",
        text,
    )
    if match is None:
        return None
    count = _NUMBERS[match[1]] if match[1] in _NUMBERS else int(match[1])
    length = {"day": 1, "night": 1, "week": 7, "month": 30, "year": 365}[match[2]]
    first = _back(today, count * length - 1)
    if first is None or count < 1:
        return None
    return _days(first, today, f"in the last {count} {match[2]}s"), _cut(text, match)


def _ago(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(rf"\b(?:about |some )?(an?|one|{_COUNT}) (day|night|week|month|year)s? ago\b", text)
    if match is None:
        return None
    count = 1 if match[1] in {"a", "an"} else _NUMBERS[match[1]] if match[1] in _NUMBERS else int(match[1])
    unit = match[2]
    label = f"{count} {unit}{'' if count == 1 else 's'} ago"
    if unit in {"month", "year"}:
        months = today.year * 12 + today.month - 1 - count * (1 if unit == "month" else 12)
        first = _date(months // 12, months % 12 + 1 if unit == "month" else 1, 1)
        if first is None:
            return None
        last = first + timedelta(days=31 if unit == "month" else 366)
        last -= timedelta(days=last.day)
        return _days(first, last, label), _cut(text, match)
    day = _back(today, count * 7 if unit == "week" else count)
    if day is None:
        return None
    monday = _back(day, day.weekday())
    if unit == "week" and monday is not None:
        return _days(monday, monday + timedelta(days=6), label), _cut(text, match)
    return _days(day, day, label), _cut(text, match)


def _last_span(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(r"\b(?:in |over |during )?(last|this|past) (week|month|year|weekend)\b", text)
    if match is None:
        return None
    this, unit = match[1] == "this", match[2]
    monday = today - timedelta(days=today.weekday())
    if unit == "week":
        first, last = (monday, today) if this else (monday - timedelta(days=7), monday - timedelta(days=1))
    elif unit == "weekend":
        saturday = monday + timedelta(days=5) if this else monday - timedelta(days=2)
        first, last = saturday, saturday + timedelta(days=1)
    elif unit == "month":
        first = today.replace(day=1)
        last = today
        if not this:
            last = first - timedelta(days=1)
            first = last.replace(day=1)
    else:
        year = today.year if this else today.year - 1
        first, last = date(year, 1, 1), today if this else date(year, 12, 31)
    return _days(first, last, f"{'this' if this else 'last'} {unit}"), _cut(text, match)


def _weekday(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(rf"\b(?:on |the )?(last |past |this )?{_DAY}(?:'s)?( night)?\b", text)
    if match is None:
        return None
    back = (today.weekday() - _DAYS.index(match[2])) % 7
    if back == 0 and (match[1] or "").strip() in {"last", "past"}:
        back = 7
    day = today - timedelta(days=back)
    return _days(day, day, f"on {_DAYS[day.weekday()].capitalize()}, {day.isoformat()}"), _cut(text, match)


def _today(text: str, today: date) -> tuple[Period, str] | None:
    match = re.search(
        r"\b(today|tonight|(?:in )?(?:the )?night before last|last night|"
        r"yesterday(?: night)?|(?:the )?day before yesterday|tomorrow)\b",
        text,
    )
    if match is None:
        return None
    word = match[1]
    if word.endswith("before last"):
        day = today - timedelta(days=1)
        return _days(day, day, "the night before last"), _cut(text, match)
    back = 2 if "before" in word else {"tomorrow": -1}.get(word, 1 if word.startswith("yesterday") else 0)
    day = today - timedelta(days=back)
    # The night belongs to the morning it ends on.
    return _days(day, day, word), _cut(text, match)


def _date(year: int, month: int, day: int) -> date | None:
    if year not in _YEARS:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _back(today: date, days: int) -> date | None:
    earliest = date(_YEARS.start, 1, 1)
    return today - timedelta(days=days) if (today - earliest).days >= days else None


def _month_number(name: str) -> int:
    return next(i for i, full in enumerate(MONTHS, 1) if full.startswith(name[:3]))
