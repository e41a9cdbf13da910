"""Time expressions in German, Chinese, Japanese and Korean, put into the English ones that `when` resolves.

Each language is a table of patterns in order: the first that fits is taken. What a pattern does not know stays words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial

from hearthside.memory.when import MONTHS, Period, find_period

_Words = Callable[[re.Match[str]], str]

_WEEK = "monday tuesday wednesday thursday friday saturday sunday".split()
_NUMBERS_DE = {n: i for i, n in enumerate("null ein zwei drei vier fünf sechs sieben acht neun zehn".split())}
_NUMBERS_DE |= {"einem": 1, "einer": 1, "eine": 1, "einen": 1}
_NUMBERS_HAN = {n: i for i, n in enumerate("零一二三四五六七八九十")} | {"两": 2, "兩": 2}
_NUMBERS_KO = {"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6}
_NUMBERS = {name: str(n) for table in (_NUMBERS_DE, _NUMBERS_HAN, _NUMBERS_KO) for name, n in table.items()}

_DAYS = (
    dict(zip("montag dienstag mittwoch donnerstag freitag samstag sonntag".split(), _WEEK, strict=True))
    | {"sonnabend": "saturday", "天": "sunday"}
    | dict(zip("一二三四五六日", _WEEK, strict=True))
    | dict(zip("月火水木金土日", _WEEK, strict=True))
    | dict(zip("월화수목금토일", _WEEK, strict=True))
)
_MONTH_NAMES_DE = "januar februar märz april mai juni juli august september oktober november dezember".split()
_MONTH_OF = dict(zip(_MONTH_NAMES_DE, MONTHS, strict=True)) | {"jänner": "january"}
_UNITS = {
    "tag": "day", "tage": "day", "tagen": "day", "woche": "week", "wochen": "week", "monat": "month", "monate": "month",
    "monaten": "month", "jahr": "year", "jahre": "year", "jahren": "year", "天": "day", "日": "day", "星期": "week",
    "周": "week", "週": "week", "週間": "week", "个星期": "week", "個星期": "week", "个月": "month", "個月": "month",
    "か月": "month", "ヶ月": "month", "カ月": "month", "年": "year", "일": "day", "주": "week", "주일": "week",
    "달": "month", "개월": "month", "년": "year",
}  # fmt: skip
_PARTS = {
    "morgen": "morning", "früh": "morning", "vormittag": "morning", "nachmittag": "afternoon", "abend": "evening",
    "早上": "morning", "上午": "morning", "下午": "afternoon", "晚上": "evening", "朝": "morning", "午前": "morning",
    "午後": "afternoon", "の朝": "morning", "の午後": "afternoon", "の夜": "evening", "の晩": "evening",
    "夜": "evening", "晩": "evening",
    " 아침": "morning", " 오전": "morning", " 오후": "afternoon", " 저녁": "evening", " 밤": "evening",
}  # fmt: skip
_SEASON_OF = {
    "frühling": "spring", "frühjahr": "spring", "sommer": "summer", "herbst": "autumn", "winter": "winter",
    "春天": "spring", "夏天": "summer", "秋天": "autumn", "冬天": "winter", "春": "spring", "夏": "summer",
    "秋": "autumn", "冬": "winter", "봄": "spring", "여름": "summer", "가을": "autumn", "겨울": "winter",
}  # fmt: skip


def _any(table: Mapping[str, str]) -> str:
    return "(?:" + "|".join(re.escape(name) for name in sorted(table, key=len, reverse=True)) + ")"


def _named(name: str, table: Mapping[str, str]) -> str:
    return rf"(?P<{name}>{_any(table)})"


def _said(text: str, match: re.Match[str]) -> str:
    """An English phrase with the parts of a match put in."""
    found = {name: value or "" for name, value in match.groupdict().items()}
    part = found.get("part", "")
    words = {
        "n": _NUMBERS.get(found.get("n", ""), found.get("n", "")),
        "unit": _UNITS.get(found.get("unit", ""), ""), "day": _DAYS.get(found.get("day", ""), ""),
        "month": _month(found.get("month", "")), "season": _SEASON_OF.get(found.get("season", ""), ""),
        "part": _PARTS.get(part) or _PARTS.get(part.strip(), ""), "d": found.get("d", ""), "y": found.get("y", ""),
    }  # fmt: skip
    return " ".join(text.format(**words).split())


def _month(name: str) -> str:
    if name.isdigit():
        return MONTHS[int(name) - 1] if 1 <= int(name) <= 12 else ""
    return _MONTH_OF.get(name, "")


_LATIN_UNITS = {name: unit for name, unit in _UNITS.items() if name.isascii()}
_LATIN_PARTS = {name: part for name, part in _PARTS.items() if name.isascii()}
_N = rf"(?P<n>\d{{1,4}}|{_any(_NUMBERS)})"
_PART_DE = rf"(?: (?:am )?{_named('part', {k: v for k, v in _PARTS.items() if k.isascii() or k == 'früh'})})?"
_PART = rf"(?:{_named('part', {k: v for k, v in _PARTS.items() if not k.isascii()})})?"
_DAY_DE = _named("day", {k: v for k, v in _DAYS.items() if k.isascii()})
_M = r"(?P<month>\d{1,2})"
_D = r"(?P<d>\d{1,2})"
_Y = r"(?P<y>\d{4})"

_GERMAN = (
    (rf"\b(?:am )?{_D}\. ?{_named('month', _MONTH_OF)}(?: {_Y})?\b", "on {d} {month} {y}"),
    (rf"\b(?:am )?{_D}\.{_M}\.(?:{_Y})?(?!\d)", "on {d} {month} {y}"),
    (r"\bvorgestern\b" + _PART_DE, "the day before yesterday {part}"),
    (r"\bgestern\b" + _PART_DE, "yesterday {part}"),
    (r"\bletzte nacht\b", "last night"),
    (rf"\bheute{_PART_DE}\b", "today {part}"),
    (rf"\bvor {_N} {_named('season', _SEASON_OF)}n?\b", "{n} {season}s ago"),
    (rf"\bvor (?:etwa )?{_N} {_named('unit', _LATIN_UNITS)}\b", "{n} {unit}s ago"),
    (rf"\bin den (?:letzten|vergangenen) {_N} {_named('unit', _LATIN_UNITS)}\b", "in the last {n} {unit}s"),
    (rf"\b(?:am )?(?:letzte[nrs]?|vergangene[nrs]?|vorige[nrs]?) {_DAY_DE}{_PART_DE}\b", "last {day} {part}"),
    (r"\b(?:am )?(?:letzte[ns]?|vergangene[ns]?) wochenende\b", "last weekend"),
    (rf"\b(?:letzte[nrms]?|vergangene[nrms]?|vorige[nrms]?) {_named('unit', _UNITS)}\b", "last {unit}"),
    (rf"\b(?:diese[nrms]?) {_named('unit', _UNITS)}\b", "this {unit}"),
    (rf"\b(?:im )?(?:letzten|vergangenen|vorigen) {_named('season', _SEASON_OF)}\b", "last {season}"),
    (rf"\b(?:im )?{_named('season', _SEASON_OF)} {_Y}\b", "in {season} {y}"),
    (rf"\b(?:am|seit) {_DAY_DE}(?:{_named('part', _LATIN_PARTS)})?\b", "on {day} {part}"),
    (rf"\b(?:im|seit) {_named('month', _MONTH_OF)}(?: {_Y})?\b", "in {month} {y}"),
    (rf"\b(?:im jahr|in|seit) {_Y}\b", "in {y}"),
)
_HAN_UNIT = _named("unit", {k: v for k, v in _UNITS.items() if not k.isascii()})
_HAN_SEASON = _named("season", {k: v for k, v in _SEASON_OF.items() if not k.isascii()})
_CHINESE = (
    (rf"{_Y}年{_M}月{_D}[日号號]", "on {d} {month} {y}"),
    (rf"{_M}月{_D}[日号號]", "on {d} {month}"),
    (rf"{_Y}年{_M}月", "in {month} {y}"),
    (rf"{_Y}年(?:的)?{_HAN_SEASON}", "in {season} {y}"),
    (rf"前天{_PART}", "the day before yesterday {part}"),
    (rf"昨天{_PART}", "yesterday {part}"),
    ("昨晚", "yesterday evening"),
    (rf"今天{_PART}", "today {part}"),
    (rf"去年{_HAN_SEASON}", "last {season}"),
    (rf"前年{_HAN_SEASON}", "2 {season}s ago"),
    (rf"上(?:个|個)?(?:星期|周|週|礼拜|禮拜)(?P<day>[一二三四五六日天]){_PART}", "{day} {part} of last week"),
    ("上(?:个|個)?周末|上(?:个|個)?週末", "last weekend"),
    ("上(?:个|個)?(?:星期|周|週|礼拜|禮拜)", "last week"),
    ("上(?:个|個)月", "last month"),
    ("这(?:个)?(?:星期|周)|這(?:個)?(?:星期|週)", "this week"),
    ("这个月|這個月", "this month"),
    ("去年", "last year"),
    ("今年", "this year"),
    (rf"{_N}{_HAN_UNIT}(?:以)?前", "{n} {unit}s ago"),
    (rf"(?:星期|周|週)(?P<day>[一二三四五六日天]){_PART}", "on {day} {part}"),
    (rf"{_M}月", "in {month}"),
    (rf"{_Y}年", "in {y}"),
)
_JAPANESE = (
    (rf"{_Y}年{_M}月{_D}日", "on {d} {month} {y}"),
    (rf"{_M}月{_D}日", "on {d} {month}"),
    (rf"{_Y}年{_M}月", "in {month} {y}"),
    (rf"{_Y}年の{_HAN_SEASON}", "in {season} {y}"),
    (rf"(?:一昨日|おととい){_PART}", "the day before yesterday {part}"),
    (rf"(?:昨日|きのう){_PART}", "yesterday {part}"),
    ("昨夜|昨晩|ゆうべ", "yesterday evening"),
    (rf"(?:今日|きょう){_PART}", "today {part}"),
    (rf"去年の{_HAN_SEASON}", "last {season}"),
    (rf"{_N}年前の{_HAN_SEASON}", "{n} {season}s ago"),
    (rf"先週の(?P<day>[月火水木金土日])曜日?{_PART}", "{day} {part} of last week"),
    (rf"(?:この前の|前の)(?P<day>[月火水木金土日])曜日?{_PART}", "last {day} {part}"),
    ("先週末|先週の週末", "last weekend"),
    ("先週", "last week"),
    ("先月", "last month"),
    ("去年|昨年", "last year"),
    ("今週", "this week"),
    ("今月", "this month"),
    ("今年", "this year"),
    (rf"{_N}{_HAN_UNIT}前", "{n} {unit}s ago"),
    (rf"(?P<day>[月火水木金土日])曜日?{_PART}", "on {day} {part}"),
    (rf"{_M}月", "in {month}"),
    (rf"{_Y}年", "in {y}"),
)
_KOREAN = (
    (rf"{_Y}년 ?{_M}월 ?{_D}일", "on {d} {month} {y}"),
    (rf"{_M}월 ?{_D}일", "on {d} {month}"),
    (rf"{_Y}년 ?{_M}월", "in {month} {y}"),
    (rf"{_Y}년 ?{_HAN_SEASON}", "in {season} {y}"),
    (rf"(?:그저께|그제){_PART}", "the day before yesterday {part}"),
    (rf"어제{_PART}", "yesterday {part}"),
    ("어젯밤", "yesterday evening"),
    (rf"오늘{_PART}", "today {part}"),
    (rf"(?:작년|지난해) ?{_HAN_SEASON}", "last {season}"),
    (rf"지난 ?{_HAN_SEASON}", "last {season}"),
    (rf"{_N}년 전 {_HAN_SEASON}", "{n} {season}s ago"),
    (rf"지난 ?주 (?P<day>[월화수목금토일])요일{_PART}", "{day} {part} of last week"),
    (rf"지난 (?P<day>[월화수목금토일])요일{_PART}", "last {day} {part}"),
    ("지난 ?주말", "last weekend"),
    ("지난 ?주", "last week"),
    ("지난 ?달", "last month"),
    ("작년|지난해", "last year"),
    ("이번 ?주", "this week"),
    ("이번 ?달", "this month"),
    ("올해", "this year"),
    (rf"{_N} ?{_HAN_UNIT} ?전", "{n} {unit}s ago"),
    (rf"(?P<day>[월화수목금토일])요일{_PART}", "on {day} {part}"),
    (rf"{_M}월", "in {month}"),
    (rf"{_Y}년", "in {y}"),
)


def _table(patterns: tuple[tuple[str, str], ...]) -> list[tuple[re.Pattern[str], _Words]]:
    return [(re.compile(pattern), partial(_said, words)) for pattern, words in patterns]


_TABLES = (
    (re.compile(r"[\uac00-\ud7af]"), _table(_KOREAN)),
    (re.compile(r"[\u3040-\u30ff]|昨日|先週|先月|曜|昨夜"), _table(_JAPANESE)),
    (re.compile(r"[\u3400-\u9fff]"), _table(_CHINESE)),
    (re.compile(r"[a-zäöüß]"), _table(_GERMAN)),
)
"""By script: Japanese before Chinese, as it is told by its kana."""


def find_any_period(text: str, now_ms: int, offset_min: int) -> tuple[Period | None, str]:
    """The period that a question in any of five languages names, and the question without it; see `find_period`."""
    period, rest = find_period(text, now_ms, offset_min)
    if period is not None:
        return period, rest
    lowered = " ".join(text.casefold().split())
    for script, table in _TABLES:
        if script.search(lowered) is None:
            continue
        for pattern, words in table:
            match = pattern.search(lowered)
            if match is None:
                continue
            period, left = _resolved(words(match), now_ms, offset_min)
            if period is not None and not left:
                return period, " ".join((lowered[: match.start()] + " " + lowered[match.end() :]).split())
        break
    return None, rest


def _resolved(phrase: str, now_ms: int, offset_min: int) -> tuple[Period | None, str]:
    """`find_period` of an English phrase, and of “tuesday evening of last week”, which it does not know."""
    day, of_last_week, _ = phrase.partition(" of last week")
    if not of_last_week:
        return find_period(phrase, now_ms, offset_min)
    week, _ = find_period("last week", now_ms, offset_min)
    if week is None:
        return None, phrase
    first = date.fromisoformat(week.first) + timedelta(days=_WEEK.index(day.split()[0]))
    return find_period(f"on {first.isoformat()} {' '.join(day.split()[1:])}", now_ms, offset_min)
