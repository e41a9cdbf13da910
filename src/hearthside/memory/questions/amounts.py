"""Conditions on amounts in a question: "more than 10,000 steps", "under 6 hours", "8k or more"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hearthside.memory.asking.query import Is
from hearthside.memory.questions.forms import phrases_of

_WORDS = {name: n for n, name in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split())} | {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100,
}  # fmt: skip
_TEENS = "|".join(_WORDS)
_NUMBER = (
    rf"(?P<n>\d{{1,3}}(?:[, ]\d{{3}})+|\d+(?:\.\d+)?|(?:{_TEENS}|a|an)(?= ))(?P<k> ?k\b| thousand\b)?"
    r"(?P<half> and a half)?"
)
_UNITS = {
    "h": ("s", 3600.0), "hr": ("s", 3600.0), "hrs": ("s", 3600.0), "hour": ("s", 3600.0), "hours": ("s", 3600.0),
    "min": ("s", 60.0), "mins": ("s", 60.0), "minute": ("s", 60.0), "minutes": ("s", 60.0),
    "step": ("steps", 1.0), "steps": ("steps", 1.0), "kg": ("kg", 1.0), "kilo": ("kg", 1.0), "kilos": ("kg", 1.0),
    "kilogram": ("kg", 1.0), "kilograms": ("kg", 1.0), "points": ("points", 1.0), "day": ("days", 1.0),
    "days": ("days", 1.0), "times": ("times", 1.0), "songs": ("times", 1.0), "plays": ("times", 1.0),
}  # fmt: skip
_UNIT = rf"(?:[ -]?(?P<u>{'|'.join(sorted(_UNITS, key=len, reverse=True))})\b)?(?:'s?)?"
_PASSING = (
    "exceed|pass|topped|cross|beat|crack|break|surpass|clear|better|outdo|go over|go above|go beyond"
    "|go past|get over|get above|get past|come in over|come in above|be over|be above|rise above"
    "|stay above|keep above|stay over|walk past"
).split("|")  # fmt: skip
_SAID = {
    Is.MORE: "more than|over|above|greater than|longer than|higher than|beyond|exceeding|exceeded|exceed|exceeds|"
    "in excess of|upwards of|north of|better than|past|heavier than|further than|farther than|"
    + "|".join(form for verb in _PASSING for form in sorted(phrases_of(verb), key=len, reverse=True)),
    Is.LESS: "less than|fewer than|under|below|shorter than|lower than|short of|south of|lighter than|beneath|not even|"
    "not (?:even )?(?:reach|get|hit|manage|make|sleep|clear|have|see)(?: to)?(?: even| my)?|"
    "fail(?:ed)? to (?:reach|get|hit|make)|"
    "short of|barely",
    Is.AT_LEAST: "at least|no less than|no fewer than|not less than|a minimum of|minimum of|reached|reach|hit|or over",
    Is.AT_MOST: "at most|no more than|not more than|up to|a maximum of|maximum of|not exceed",
}
_BEFORE = "|".join(
    rf"(?P<{name}>{words})" for name, words in zip(("more", "less", "least", "most"), _SAID.values(), strict=True)
)
_CONDITION = re.compile(rf"\b(?:{_BEFORE}) (?:the |a total of |my )?{_NUMBER}{_UNIT}")
_AFTERWARDS = re.compile(
    rf"\b{_NUMBER}{_UNIT}(?: of \w+)? or "
    r"(?:(?P<least>more|longer|over|above|higher)|(?P<most>less|fewer|under|shorter|below))\b"
    rf"|\b{_NUMBER.replace('P<n>', 'P<n2>').replace('P<k>', 'P<k2>').replace('P<half>', 'P<half2>')}\+"
    rf"{_UNIT.replace('P<u>', 'P<u2>')}"
)
_IS = {"more": Is.MORE, "less": Is.LESS, "least": Is.AT_LEAST, "most": Is.AT_MOST}
_IN_WORDS = {Is.MORE: "more than", Is.LESS: "less than", Is.AT_LEAST: "at least", Is.AT_MOST: "at most"}


@dataclass(frozen=True, slots=True)
class Amount:
    """A condition on an amount.

    Attributes:
        value: in `unit`, seconds for what lasts.
        unit: ``s``, ``steps``, ``kg``, ``points``, ``days``, ``times``, or "" where the question names none.
        said: in words, as it is shown.
    """

    compare: Is
    value: float
    unit: str
    said: str


def find_amounts(text: str) -> tuple[list[Amount], str]:
    """The conditions in a folded question, and the question with a mark ``#0`` ... in place of each.

    A unit that says what is counted ("steps") stays behind the mark as a word.
    """
    found: list[Amount] = []

    def mark(match: re.Match[str]) -> str:
        parts = match.groupdict()
        compare = next((_IS[name] for name in _IS if parts.get(name)), Is.AT_LEAST)
        number, k, half, unit = (parts.get(name) or parts.get(f"{name}2") or "" for name in ("n", "k", "half", "u"))
        value = _value(number, bool(k), bool(half))
        if value is None:
            return match.group()
        name, factor = _UNITS.get(unit, ("", 1.0))
        noun = unit or ""
        found.append(Amount(compare, value * factor, name, f"{_IN_WORDS[compare]} {value:,g} {noun}".strip()))
        return f" #{len(found) - 1} {noun if name in {'steps', 'kg', 'points'} else ''} "

    text = _AFTERWARDS.sub(mark, text)
    return found, _CONDITION.sub(mark, text)


def _value(number: str, thousands: bool, half: bool) -> float | None:
    if number in _WORDS:
        value = float(_WORDS[number])
    elif number in {"a", "an"}:
        value = 1.0
    else:
        value = float(re.sub(r"[, ]", "", number))
    return value * (1000 if thousands else 1) + (0.5 if half else 0)
