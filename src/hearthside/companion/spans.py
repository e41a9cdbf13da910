"""The shortest span of evidence that answers a question, by plain rules: a date, a place, a name, an amount, a line.

A when-question is answered by the date of the words that hold the answer, with "yesterday" and the like told from the
day on which they were said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from hearthside.companion.abstention import Passage
from hearthside.companion.asked import Asked, stems_of
from hearthside.memory.when import MONTHS

_SENTENCE = re.compile(r"[^.!?\n…]+[.!?…]*")
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_NUMBERS = {name: i for i, name in enumerate("zero one two three four five six seven eight nine ten".split())}
_NUMBERS |= {"a": 1, "an": 1, "a couple of": 2, "couple of": 2}
_COUNT = r"(\d{1,3}|a couple of|couple of|an?|one|two|three|four|five|six|seven|eight|nine|ten)"
_AGO = re.compile(rf"\b{_COUNT}\s+(day|week|month|year)s?\s+ago\b", re.IGNORECASE)
_IN = re.compile(rf"\bin\s+{_COUNT}\s+(day|week|month|year)s?\b", re.IGNORECASE)
_SAID_DATE = re.compile(
    rf"\b(?:(?:{'|'.join(MONTHS)}) \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?"
    rf"(?:{'|'.join(MONTHS)})(?:,? \d{{4}})?|in (?:{'|'.join(MONTHS)}|\d{{4}})"
    r"|(?:summer|winter|spring|autumn|fall) \d{4})\b",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(rf"\b(last|next|this|on)\s+({'|'.join(_DAYS)})\b", re.IGNORECASE)
_SPAN = re.compile(r"\b(last|next|this) (week|weekend|month|year|summer|winter|spring|fall|autumn)\b", re.IGNORECASE)
_NEAR_DAYS = (
    (re.compile(r"\b(?:the )?day before yesterday\b", re.I), -2),
    (re.compile(r"\b(?:yesterday|last night)\b", re.I), -1),
    (re.compile(r"\btomorrow\b", re.I), 1),
    (re.compile(r"\b(?:today|tonight|this (?:morning|afternoon|evening)|just now|right now)\b", re.I), 0),
)
_AMOUNT = re.compile(
    r"\b(?:every \w+|once|twice|(?:\d+(?:[.,]\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|a couple of|a few)"
    r"\s+(?:\w+\s+)?\w+)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:in|at|to|from|near|of)\s+((?:the\s+)?[A-Z][\w'’.]*(?:[ ,]+(?:and\s+)?[A-Z][\w'’.]*)*)")
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][a-z]+(?: [A-Z][a-z]+)*\b")
_YES_OR_NO = re.compile(r"^(?:is|are|was|were|do|does|did|has|have|had|can)\b(?!.*\bor\b)")
_SUPPOSED = re.compile(r"\b(?:would|could|should|might|likely|probably|both|all|only|ever|still)\b")
_NOT_SO = re.compile(
    r"\b(?:will|would|could|should|might|may|maybe|perhaps|if|hop(?:e|ing)|wish|want(?:ed)?|plan(?:s|ned|ning)?|almost|"
    r"going to|gonna|think(?:ing)?|someday|soon|used to|dream(?:t|ed)?|wonder(?:ing)?)\b|['’]ll\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:not|never|no longer|nobody|none|neither|without|no)\b|n['’]t\b", re.IGNORECASE)
_BECAUSE = re.compile(
    r"\b(?:because of|because|due to|thanks to|so that|in order to|the reason (?:is|was)(?: that)?|since)\s+"
    r"([^.!?;]{3,160})",
    re.IGNORECASE,
)
_TITLED = re.compile(r"\b(?:books?|novels?|movies?|films?|songs?|albums?|games?|shows?|series|poems?|called|titles?)\b")
_IN_MARKS = re.compile(r"[\"“]([^\"“”]{2,80})[\"”]")
_LEAD = re.compile(
    r"^(?:(?:oh|wow|yes|yeah|no|well|hey|hi|hello|so|also|and|but|as for me|absolutely|definitely|of course|thanks?"
    r"(?: you)?|sure|haha)\b[\s,!.]*)+",
    re.IGNORECASE,
)


def short_answer(text: str, asked: Asked, passages: Sequence[Passage]) -> str:
    """The span that answers: empty only when there is no evidence."""
    if not passages:
        return ""
    sentence, passage = best_sentence(asked, passages)
    rest = text.strip().casefold()
    if _YES_OR_NO.match(rest):
        return yes_or_no(rest, asked, sentence, passage) or sentence
    if re.match(r"^(?:why|how come|for what reason)\b", rest):
        return _first(_BECAUSE, sentence, 1) or sentence
    if _TITLED.search(rest) and re.match(r"^(?:what|which)\b", rest):
        return _first(_IN_MARKS, sentence, 1) or sentence
    if re.match(r"^(?:when\b|on (?:what|which) (?:date|day)\b|since when\b)", rest):
        return when_said(sentence, passage)
    if re.match(r"^(?:where\b|in which|(?:which|what) (?:city|country|place|town|state)\b)", rest):
        return _first(_PLACE, sentence, 1) or sentence
    if re.match(r"^(?:how (?:many|much|long|often|old|far))\b", rest):
        return _first(_AMOUNT, sentence, 0) or sentence
    if re.match(r"^who(?:se|m)?\b|^with whom?\b", rest):
        named = [name for name in _NAME.findall(sentence) if name.casefold() not in {*_DAYS, *MONTHS, "i"}]
        return named[0] if named else sentence
    return sentence


def yes_or_no(question: str, asked: Asked, sentence: str, passage: Passage) -> str:
    """ "Yes" or "No" where a sentence plainly says so of the person asked about, else "".

    It must be a statement of theirs that holds every word of the question; one of what may be, will be or is wished
    for says neither, and no more does one for a question of what somebody would do.
    """
    theirs = not asked.people or passage.author in asked.people
    held = stems_of(sentence)
    if not theirs or not asked.words or not all(word.stem in held for word in asked.words):
        return ""
    if sentence.endswith("?") or _NOT_SO.search(sentence) or _SUPPOSED.search(question):
        return ""
    return "No" if _NEGATED.search(sentence) else "Yes"


def _first(pattern: re.Pattern[str], text: str, group: int) -> str:
    match = pattern.search(text)
    return match[group].strip(" ,.") if match else ""


def best_sentence(asked: Asked, passages: Sequence[Passage]) -> tuple[str, Passage]:
    """The sentence that holds the most telling words of the question, and where it stands; earlier passages first."""
    scored = []
    for rank, passage in enumerate(passages):
        sentences = [" ".join(found.split()) for found in _SENTENCE.findall(passage.hit.text)]
        for place, sentence in enumerate(s for s in sentences if len(s) > 2):
            held = stems_of(sentence)
            weight = sum(word.weight for word in asked.words if word.stem in held) / (asked.weight or 1.0)
            question = 0.25 if sentence.endswith("?") else 0.0
            scored.append((weight - 0.15 * rank - question, -rank, -place, sentence))
    if not scored:
        return passages[0].hit.text, passages[0]
    _, rank, _, sentence = max(scored)
    return _LEAD.sub("", sentence) or sentence, passages[-rank]


def when_said(sentence: str, passage: Passage) -> str:
    """When what a sentence tells was, in words: a date where it can be told, else the words of the sentence."""
    said = date.fromisoformat(passage.hit.local[:10])
    for text in (sentence, passage.hit.text):
        named = _SAID_DATE.search(text)
        if named is not None:
            return named[0]
        meant = days_meant(text, said)
        if meant:
            return meant[0][1]
    return day_in_words(said)


def days_meant(text: str, said: date) -> list[tuple[str, str]]:
    """What the first "yesterday", "two weeks ago", "last Friday" of a text means, as (its words, the day in words).

    Args:
        said: the local day on which the text was said.
    """
    for pattern, days in _NEAR_DAYS:
        near = pattern.search(text)
        if near is not None:
            return [(near[0], day_in_words(said + timedelta(days=days)))]
    told = _relative(text, said)
    return [told] if told else []


def _relative(text: str, said: date) -> tuple[str, str] | None:
    for pattern, sign in ((_AGO, -1), (_IN, 1)):
        match = pattern.search(text)
        if match is not None:
            return match[0], _shifted(said, sign * _number(match[1]), match[2].casefold())
    weekday = _WEEKDAY.search(text)
    if weekday is not None:
        day = _weekday(said, weekday[1].casefold(), _DAYS.index(weekday[2].casefold()))
        return weekday[0], day_in_words(day)
    span = _SPAN.search(text)
    if span is not None:
        if span[2].casefold() == "year":
            return span[0], str(said.year + {"last": -1, "next": 1, "this": 0}[span[1].casefold()])
        which = {"last": "before", "next": "after", "this": "of"}[span[1].casefold()]
        return span[0], f"the {span[2].casefold()} {which} {day_in_words(said)}"
    return None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.casefold()]


def _shifted(said: date, count: int, unit: str) -> str:
    if unit in {"day", "week"}:
        return day_in_words(said + timedelta(days=count * (7 if unit == "week" else 1)))
    if unit == "year":
        return str(said.year + count)
    months = said.year * 12 + said.month - 1 + count
    return f"{MONTHS[months % 12].capitalize()} {months // 12}"


def _weekday(said: date, which: str, day: int) -> date:
    ahead = (day - said.weekday()) % 7
    if which == "last":
        return said - timedelta(days=(said.weekday() - day) % 7 or 7)
    return said + timedelta(days=ahead or (7 if which == "next" else 0))


def day_in_words(day: date) -> str:
    """A date as people say it: 7 January 2024."""
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"
