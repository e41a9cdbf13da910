"""No name, number, date or quotation in an answer that is not in its evidence: checked whatever the model said."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_QUOTED = re.compile(r"[“\"]([^”\"]{2,})[”\"]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBER_WORDS = frozenset(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand dozen half twice thrice".split()
)
_CALENDAR = frozenset(
    "january february march april june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday yesterday tomorrow today tonight noon midnight".split()
)
_ALWAYS_CAPITAL = frozenset({"i", "ok", "hearthside", "i'm", "i'll", "i'd", "i've"})


def claims(text: str, names: Iterable[str] = ()) -> set[str]:
    """What a text claims that could be wrong: numbers, number words, calendar words, names and quotations, lower case.

    Args:
        names: names known from this life; they count as names however they are written.
    """
    known = {part.casefold() for name in names for part in name.split() if len(part) > 2}
    found = {number.rstrip(".,:") for number in _NUMBER.findall(text)}
    found |= {quote.casefold().strip() for quote in _QUOTED.findall(text)}
    for sentence in re.split(r"(?<=[.!?…\n])\s+", text):
        for position, word in enumerate(_WORD.findall(sentence)):
            lower = word.casefold()
            named = position > 0 and word[0].isupper() and lower not in _ALWAYS_CAPITAL
            if named or lower in known or lower in _NUMBER_WORDS or lower in _CALENDAR:
                found.add(lower)
    return found


def ungrounded(text: str, support: Iterable[str], names: Iterable[str] = ()) -> set[str]:
    """Claims of a text that none of the supporting texts holds."""
    ground = "\n".join(support).casefold()
    ground_words = set(_WORD.findall(ground)) | {number.rstrip(".,:") for number in _NUMBER.findall(ground)}
    return {claim for claim in claims(text, names) if not _supported(claim, ground, ground_words)}


def _supported(claim: str, ground: str, ground_words: set[str]) -> bool:
    if claim in ground_words:
        return True
    return (" " in claim or not claim.isalnum()) and claim in ground


def keeps(text: str, sentence: str) -> bool:
    """Whether a reworded text still holds every number and date of the sentence, and most of its words."""
    numbers = {number.rstrip(".,:") for number in _NUMBER.findall(sentence)}
    if not numbers <= {number.rstrip(".,:") for number in _NUMBER.findall(text)}:
        return False
    wanted = {word.casefold() for word in _WORD.findall(sentence) if len(word) > 3}
    given = {word.casefold() for word in _WORD.findall(text)}
    return not wanted or len(wanted & given) / len(wanted) >= 0.6
