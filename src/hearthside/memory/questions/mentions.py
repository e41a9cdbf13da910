"""What a question in any of five languages names, found by plain code: one time, weekdays, numbers and names of a life.

A query that a model wrote must mention all of it and nothing else, or it is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hearthside.memory.asking.query import Filter, Query, Selection
from hearthside.memory.asking.times import WEEKDAYS
from hearthside.memory.questions.names import LISTED, SORTS, Names
from hearthside.memory.questions.signs import english_words
from hearthside.memory.questions.times import MONTHS, When, find_times, find_weekdays
from hearthside.memory.questions.tokens import folded, tokens_of
from hearthside.memory.when_languages import find_any_period

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_TIME_LEFT = re.compile(
    rf"\b(?:{'|'.join(MONTHS)}|januar|februar|marz|mai|juni|juli|oktober|dezember|jahre?s?|monate?n?|wochen?|gestern|heute"
    r"|morgens?|abends?|nachts?|mittags?|fruhling|sommer|herbst|winter|spring|summer|autumn|yesterday|morning|evening"
    r"|(?:at|in the|by|during the) night|afternoon|noon|ago|week|month|year|o'clock|uhr)s?\b"
    r"|\d\s*(?:[年月日号월일년]|시(?!간))|去年|今年|昨|前年|先[週月]|来|今[週月天日朝晩]|上[周週个個月]|这[周个]"
    r"|작년|올해|지난|이번|어제|오늘|그저께"
    r"|아침|저녁|오전|오후|밤|朝|夜|晩|午前|午後|早上|上午|下午|晚上|夜里|春|夏|秋|冬|봄|여름|가을|겨울"
)
"""Words of time that must not be left over: then the time was not understood whole."""

_BY_TIME = re.compile(
    r"\b(?:each|every|per|by|which|what|pro|jede[nrms]?|welche[nrms]?|an welchem|in welchem)\s+(?:\w+\s+)?"
    r"(?:day|week|month|year|weekday|hour|tag|woche|monat|jahr|wochentag|stunde|uhrzeit)s?\b|(?:year|month|week) by \w+"
    r"|哪[一个天年月]*|每[天周月年个]*|何[曜月年]日?|毎[日週月年]|曜日|어느|무슨|매[일주월년달]|요일"
)
"""Words that ask by time and name none."""

_PER_DAY = re.compile(
    r"\b(?:per|each|every|pro|jede[nrms]?)\s+(?:single\s+)?(?:day|night|tag|nacht)\b|每[天晚]|毎[日晩]|매[일]|하루",
    re.IGNORECASE,
)
"""“Each day” goes with an average: that of days."""

_WHICH = re.compile(
    r"\b(?:which|who|whom|each|every|per|welche[nrms]?|wer|wen|wem|jede[nrms]?|pro)\b|\btop\b"
    r"|\bwhat (?:day|weekday|month|year|hour|artist|band|singer|song|track|album|app|show|podcast|activity|sport)"
    r"|\bby (?:day|weekday|month|year|hour|artist|app|person|activity)\b"
    r"|[谁誰哪]|每|どの|何曜|どれが|毎|ごと|누구|누굴|누가|어느|어떤|무슨|매[주월년달]|마다",
    re.IGNORECASE,
)
_OPEN_ENDED = re.compile(
    r"\b(?:seit|bis|vor dem|nach dem|ab|before|after|until|till|between|zwischen)\b"
    r"|부터|까지|이후|이전|から|まで|以来|以降|以前|之前|之后|自从|到"
)
_NUMBER = re.compile(r"\d{1,3}(?:[,.’']\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
_WORDS = {
    name: float(n)
    for n, names in enumerate(
        ("two zwei", "three drei", "four vier", "five fünf", "six sechs", "seven sieben", "eight acht", "nine neun",
         "ten zehn", "eleven elf", "twelve zwölf"), 2,
    )
    for name in names.split()
}  # fmt: skip
_HAN = {sign: float(n) for n, sign in enumerate("二三四五六七八九十", 2)} | {"两": 2.0}
_KO = {"두": 2.0, "세": 3.0, "네": 4.0, "다섯": 5.0, "여섯": 6.0, "일곱": 7.0, "여덟": 8.0, "아홉": 9.0, "열": 10.0}
_THOUSANDS = re.compile(r"\s*(?:k\b|thousand\b|tausend\b|千|천)")
_TENS = re.compile(r"\s*[万만萬]")
_WEEKDAY = {
    **{name: (i % 7,) for i, name in enumerate((
        "montags dienstags mittwochs donnerstags freitags samstags sonntags"
        " 월요일 화요일 수요일 목요일 금요일 토요일 일요일"
        " 月曜 火曜 水曜 木曜 金曜 土曜 日曜 周一 周二 周三 周四 周五 周六 周日"
        " 星期一 星期二 星期三 星期四 星期五 星期六 星期日").split())},
    "wochenende": (5, 6), "am wochenende": (5, 6), "wochentags": (0, 1, 2, 3, 4), "werktags": (0, 1, 2, 3, 4),
    "주말": (5, 6), "평일": (0, 1, 2, 3, 4), "週末": (5, 6), "周末": (5, 6), "平日": (0, 1, 2, 3, 4),
}  # fmt: skip
_LEAST_NAME = 2


@dataclass(frozen=True, slots=True)
class Named:
    """A name of this life that stands in the question: every sort it may be of, spelt as the data spell it."""

    spelt: str
    sorts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a question names.

    Attributes:
        when: its one time, or None.
        weekdays: 0 is Monday.
        numbers: all numbers that are no part of the time or a name.
        names: names of this life.
        grouped: it asks which one of several, or for each of them.
    """

    when: When | None = None
    weekdays: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    names: tuple[Named, ...] = ()
    grouped: bool = False


def mentions_of(
    text: str, names: Names, people: Iterable[str], places: Iterable[str], now_ms: int, offset_min: int
) -> Mentions | None:
    """What a question names; None where a time or a name in it is not understood whole."""
    named, rest = _names(" ".join(text.split()), names, people, places)
    if _strangers(rest):
        return None
    days, rest = _weekdays(rest)
    timed = _time(rest, now_ms, offset_min)
    if timed is None:
        return None
    when, rest = timed
    grouped = _WHICH.search(_PER_DAY.sub(" ", text)) is not None
    return Mentions(when, days, tuple(_numbers(rest)), named, grouped)


# -- names -------------------------------------------------------------------------------------------------------------


def _names(text: str, names: Names, people: Iterable[str], places: Iterable[str]) -> tuple[tuple[Named, ...], str]:
    """The names, the longest first, and the text without them."""
    known: dict[str, list[str]] = {}
    for sort, spelt in _all(names, people, places):
        sorts = known.setdefault(spelt, [])
        if sort not in sorts:
            sorts.append(sort)
    found, rest = [], text
    for spelt in sorted(known, key=lambda name: (-len(name), name)):
        match = _standing(spelt, rest)
        if match is not None:
            found.append(Named(spelt, tuple(known[spelt])))
            rest = f"{rest[: match.start()]} \x01 {rest[match.end() :]}"
    return tuple(found), rest


def _all(names: Names, people: Iterable[str], places: Iterable[str]) -> Iterator[tuple[str, str]]:
    for sort in (*SORTS, *LISTED):
        for spelt in names.known.get(sort, {}).values():
            yield sort, spelt
    for person in people:
        yield "person", person
    for place in places:
        yield "place", place


def _standing(spelt: str, text: str) -> re.Match[str] | None:
    """Where a name stands in a text: as whole words, and a name that is also a plain word only in its own spelling."""
    if len(spelt) < _LEAST_NAME:
        return None
    if _WIDE.search(spelt):
        return re.search(re.escape(spelt), text)
    plain = all(token.word in english_words().single or token.word.isdigit() for token in tokens_of(folded(spelt)))
    beginning = "(?<!^)" if plain else ""  # a capital at the beginning of a sentence says nothing
    return re.search(rf"{beginning}(?<![^\W_]){re.escape(spelt)}(?![A-Za-z\d])", text, 0 if plain else re.IGNORECASE)


def _strangers(rest: str) -> bool:
    """Whether an English question has a capitalised or quoted word in it that is no name of this life."""
    if re.search(r"[“”\"„«»「」『』《》]", rest):
        return True
    if _WIDE.search(rest) or not re.search(r"\b(?:i|my|me|did|was|were|have|how|what|when|which)\b", rest.casefold()):
        return False  # German writes every noun so, and other scripts have no capitals
    if re.search(r"\b(?:ich|mein\w*|habe|wie|war)\b", rest.casefold()):
        return False
    words = re.findall(r"(?<=[\w,] )[A-Z][\w'’-]+", rest)
    plain = {*english_words().single, *MONTHS, *(day.casefold() for day in WEEKDAYS), "i'm", "i’m", "i've", "i’ve"}
    return any(word.casefold() not in plain and word.casefold().removesuffix("s") not in plain for word in words)


# -- times and numbers -------------------------------------------------------------------------------------------------


def _weekdays(text: str) -> tuple[tuple[int, ...], str]:
    days, _, rest = find_weekdays(text.casefold())
    if days:
        return days, rest
    found, rest = set[int](), text
    for name, which in sorted(_WEEKDAY.items(), key=lambda pair: -len(pair[0])):
        pattern = name if _WIDE.search(name) else rf"\b{name}\b"
        if re.search(pattern, rest, re.IGNORECASE) and not re.search(rf"(?:지난|上|先週|前の){pattern}", rest):
            found |= set(which)
            rest = re.sub(pattern, " ", rest, flags=re.IGNORECASE)
    return tuple(sorted(found)), rest


def _time(text: str, now_ms: int, offset_min: int) -> tuple[When | None, str] | None:
    """The one time and the text without it; None where words of time are left over."""
    plain = _BY_TIME.sub(" ", text.casefold())
    found, rest = find_times(folded(plain), now_ms, offset_min)
    if len(found) == 1 and not _TIME_LEFT.search(folded(rest)) and not _OPEN_ENDED.search(rest):
        return found[0], re.sub(r"@\d+", " ", rest)
    if len(found) < 2:
        period, rest = find_any_period(plain, now_ms, offset_min)
        clean = not _TIME_LEFT.search(folded(rest)) and not _OPEN_ENDED.search(plain)
        if period is None:
            return (None, rest) if clean else None
        if clean and period.minute is None:
            hours = None if period.hours is None else (period.hours[0] * 60, (period.hours[1] * 60 - 1) % 1440 + 1)
            return When(period.first, period.last, period.label, hours), rest
    return None


def _numbers(text: str) -> Iterator[float]:
    for match in _NUMBER.finditer(text):
        digits = match.group()
        whole = re.sub(r"[,.’']", "", digits) if re.fullmatch(r"\d{1,3}(?:[,.’']\d{3})+", digits) else digits
        number = float(whole.replace(",", "."))
        behind = text[match.end() :]
        yield number * (1000 if _THOUSANDS.match(behind) else 10_000 if _TENS.match(behind) else 1)
    for word in re.findall(r"[a-zäöüß]+", text.casefold()):
        if word in _WORDS:
            yield _WORDS[word]
    for sign, number in (_HAN | _KO).items():
        if re.search(rf"(?<![第\w]){sign}(?=\s*(?:小时|小時|時間|시간|次|回|번|公里|분))", text) or re.search(
            rf"(?:超过|超過|多于|少于|以上|以下){sign}", text
        ):
            yield number


# -- the check ---------------------------------------------------------------------------------------------------------

_SCALES = (1.0, 60.0, 3600.0, 86_400.0)


def answers_the_question(query: Query, mentions: Mentions) -> bool:
    """Whether a query names every time, weekday, number and name of the question, and none besides.

    An activity may be named that the question does not spell so: "laufen" is ``running`` in the records.
    """
    selections = list(_selections(query.select))
    where = [select.where for select in selections]
    return (
        _same_time(where, mentions)
        and (mentions.grouped or not query.by)
        and {day for one in where for day in one.weekdays} == set(mentions.weekdays)
        and _same_numbers(query, where, mentions)
        and _same_names(selections, mentions)
    )


def _selections(select: Selection) -> Iterator[Selection]:
    yield select
    for relation in select.relations:
        yield from _selections(relation.anchor)


def _same_time(where: list[Filter], mentions: Mentions) -> bool:
    when = mentions.when
    asked = {one.days for one in where if one.days != (None, None)}
    expected = set() if when is None or (when.first, when.last) == (None, None) else {(when.first, when.last)}
    hours = {one.hours for one in where if one.hours is not None}
    told = {when.hours} if when is not None and when.hours is not None else set()
    free = not told and bool(mentions.numbers)  # hours of the day in figures: “after 22:00” is looked at as numbers
    return asked == expected and (hours == told or free) and not any(one.months or any(one.times) for one in where)


def _same_numbers(query: Query, where: list[Filter], mentions: Mentions) -> bool:
    given = [float(test.value) for one in where for test in one.tests if not isinstance(test.value, str)]
    if mentions.when is None or mentions.when.hours is None:
        given += [edge / 60 for one in where if one.hours for edge in one.hours if edge not in {0, 1440}]
    given += [float(query.limit)] if query.limit != Query.__dataclass_fields__["limit"].default else []
    given += [float(query.n)] if query.n is not None else []
    left = list(given)
    for number in mentions.numbers:
        hit = next((one for one in left if any(abs(one - number * scale) < 1e-6 for scale in _SCALES)), None)
        if hit is None:
            return False
        left.remove(hit)
    return not left


def _same_names(selections: list[Selection], mentions: Mentions) -> bool:
    said = [
        name.casefold()
        for select in selections
        for name in (
            *select.where.words, *select.where.about,
            *(test.value for test in select.where.tests if isinstance(test.value, str)
              and (test.field != "activity" or mentions.names)),
            *(select.what.names if select.what.of == "visits" else ()),
        )
    ]  # fmt: skip
    wanted = [name.spelt.casefold() for name in mentions.names]
    return sorted(said) == sorted(wanted)
