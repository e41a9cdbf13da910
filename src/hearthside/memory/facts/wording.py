"""How facts are put to the person: their own words turned to them, and the small words that a value needs."""

from __future__ import annotations

import re
from datetime import date

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_OF_A_DAY = re.compile(
    r"(?:the )?\d{1,2}(?:st|nd|rd|th)\b|(?:the )?\d{1,2}\.? (?:of )?[^\W\d]|\d{4}-\d\d-\d\d\b"
    rf"|(?:{'|'.join(_MONTHS)}) (?:the )?\d{{1,2}}(?!\d)",
    re.IGNORECASE,
)
_YEAR_OR_NONE = re.compile(r"(?:(\d{4})-|--)?(\d\d)-?(\d\d)")
_PLACED = re.compile(r"(?:in|on|at|near)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:an?|the|my|one of)\b", re.IGNORECASE)
_LATIN = re.compile(r"[A-Za-z]")

_TO_YOU = {
    "my": "your", "mine": "yours", "myself": "yourself", "our": "your", "ours": "yours", "ourselves": "yourselves",
    "me": "you",
}  # fmt: skip
"""Only in small letters: “My Chemical Romance” is a name."""

_OWN = re.compile(rf"(?<![\w'’-])(?:{'|'.join(_TO_YOU)})(?![\w'’-])")
_I = re.compile(r"(?<=[a-z] )I(?: am|(?=['’](?:m|ve|d|ll)\b)|(?= [a-z]))(?:(['’])m\b)?")

_ROLE_WORDS = frozenset(
    """
home|my home|house|my house|our house|flat|apartment|work|my work|workplace|office|my office|the office|job|company
zuhause|zu hause|daheim|wohnung|haus|arbeit|arbeitsplatz|büro|firma
집|우리집|우리 집|직장|회사|사무실|일터
家|我家|家里|住处|公司|单位|單位|办公室|辦公室|上班
自宅|うち|おうち|実家|会社|職場|オフィス|仕事
""".strip()
    .replace("\n", "|")
    .split("|")
)
"""What people call their home or place of work in five languages: such a label names no place and no employer."""


def told(predicate: str, sentence: str, value: str, role: str = "") -> str:
    """A statement of the person's as a sentence to them.

    Args:
        sentence: with ``{value}`` and ``{role}`` (`phrases.Phrase.sentence`).
        value: as the person said it: “taking care of my hair” becomes “taking care of your hair”.
    """
    return sentence.format(value=_fitted(predicate, to_you(value)), role=role)


def to_you(words: str) -> str:
    """English words of the person about themselves as words to them."""
    turned = _OWN.sub(lambda match: _TO_YOU[match.group()], words)
    return _I.sub(lambda match: _you(match.group(), match[1]), turned)


def day_in_words(value: str) -> str:
    """A date of an address book in words: ``1990-05-03`` as ``3 May 1990``, ``--0503`` as ``3 May``; else ""."""
    match = _YEAR_OR_NONE.fullmatch(value)
    if match is None:
        return ""
    try:
        day = date(int(match[1] or 2000), int(match[2]), int(match[3]))  # 2000: it has a 29 February
    except ValueError:
        return ""
    return f"{day.day} {_MONTHS[day.month - 1]}{f' {match[1]}' if match[1] else ''}"


def names_only_the_role(label: str) -> bool:
    """Whether what a place is called says only that it is a home or a place of work: “Home”, “Büro”, “회사”."""
    return " ".join(label.casefold().split()) in _ROLE_WORDS


def _you(said: str, apostrophe: str | None) -> str:
    if apostrophe:
        return f"you{apostrophe}re"
    return "you are" if said.endswith(" am") else "you"


def _fitted(predicate: str, value: str) -> str:
    """The value with the preposition or the article that its sentence needs."""
    if predicate == "born" and not _PLACED.match(value):
        return f"{'on' if _OF_A_DAY.match(value) else 'in'} {value}"
    if predicate == "works_as" and not _ARTICLE.match(value) and _LATIN.match(value):
        return f"{'an' if value[0] in 'aeiouAEIOU' else 'a'} {value}"
    return value
