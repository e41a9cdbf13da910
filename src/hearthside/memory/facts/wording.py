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
_YEAR_OR_NONE = re.compile(r"(?:(\d{4})-?|--)?(\d\d)-?(\d\d)(?:T[\d:.Z+-]*)?")
_WITH_YEAR = re.compile(r"\d{4}-?\d\d-?\d\d")
_NO_YEARS = frozenset({"1604", "0000"})
"""What address books write for a birthday whose year nobody gave: Apple 1604 (X-APPLE-OMIT-YEAR), others noughts."""

_DATED = frozenset({"born", "birthday"})
_WITH_ARTICLE = frozenset({"works_as", "has_pet"})
_PLACED = re.compile(r"(?:in|on|at|near)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:an?|the|my|your|one of)(?!\S)", re.IGNORECASE)
_LATIN = re.compile(r"[A-Za-z]+")
_CONSONANT = re.compile(
    r"u(?:ni(?!n|m[^n])|s[aeu]|t[aeio]|ro|ra|ru|ku|kr|biq|tah|gand)|eu|ewe|on(?:e(?![a-z])|ce)", re.IGNORECASE
)
"""Beginnings with a vowel that sound like a consonant: a university teacher, a one-man band."""
_SILENT = re.compile(r"h(?:our|onest|onou?r|eir)", re.IGNORECASE)
_VOWEL_LETTERS = frozenset("AEFHILMNORSX")
"""Letters whose names begin with a vowel: an NHS nurse."""
_VOWELS = re.compile(r"[AEIOU]")
_SPELT_LENGTH = 3
"""Capitals no longer than this are said letter by letter, and longer ones where there is no vowel to say them with."""

_TO_YOU = {
    "my": "your", "mine": "yours", "myself": "yourself", "our": "your", "ours": "yours", "ourselves": "yourselves",
    "me": "you",
}  # fmt: skip
"""Only in small letters: “My Chemical Romance” is a name."""

_OWN = re.compile(rf"(?<![\w'’-])(?:{'|'.join(_TO_YOU)})(?![\w'’-])")
_NOW_AND_THEN = (
    "never|always|already|also|still|once|ever|even|just|only|really|actually|usually|originally|often|sometimes"
)
_I = re.compile(
    r"(?<=[a-z] )I(?:"
    rf"(?P<between>(?: (?:{_NOW_AND_THEN}))*) (?P<verb>am|was)(?P<denied>n['’]?t)?(?!\w)"
    r"|(?P<apostrophe>['’])m\b|(?=['’](?:ve|d|ll)\b)|(?= [a-z]))"
)
_YOUR_VERB = {"am": "are", "was": "were"}

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
    return _I.sub(_you, turned)


def day_in_words(value: str) -> str:
    """A date of an address book in words: ``1990-05-03`` or ``19900503`` as ``3 May 1990``, ``--0503`` as ``3 May``.

    A year that only stands for "no year" (``1604``) is left out; what is no date gives "".
    """
    match = _YEAR_OR_NONE.fullmatch(value)
    if match is None:
        return ""
    year = "" if match[1] in _NO_YEARS else match[1] or ""
    try:
        day = date(int(year or 2000), int(match[2]), int(match[3]))  # 2000: it has a 29 February
    except ValueError:
        return ""
    return f"{day.day} {_MONTHS[day.month - 1]}{f' {year}' if year else ''}"


def without_made_up_year(value: str) -> str:
    """A date of an address book, as ``--05-03`` where its year only stands for "no year"."""
    match = _YEAR_OR_NONE.fullmatch(value)
    return f"--{match[2]}-{match[3]}" if match is not None and match[1] in _NO_YEARS else value


def names_only_the_role(label: str) -> bool:
    """Whether what a place is called says only that it is a home or a place of work: “Home”, “Büro”, “회사”."""
    return " ".join(label.casefold().split()) in _ROLE_WORDS


def _you(match: re.Match[str]) -> str:
    if match["apostrophe"]:
        return f"you{match['apostrophe']}re"
    if match["verb"]:
        return f"you{match['between']} {_YOUR_VERB[match['verb']]}{match['denied'] or ''}"
    return "you"


def _fitted(predicate: str, value: str) -> str:
    """The value with the preposition or the article that its sentence needs, a date in figures in words."""
    if predicate in _DATED and _WITH_YEAR.fullmatch(value):
        value = day_in_words(value) or value
    if predicate == "born" and not _PLACED.match(value):
        return f"{'on' if _OF_A_DAY.match(value) else 'in'} {value}"
    if predicate in _WITH_ARTICLE and not _ARTICLE.match(value) and (word := _LATIN.match(value)):
        return f"{'an' if _sounds_like_a_vowel(word.group()) else 'a'} {value}"
    return value


def _sounds_like_a_vowel(word: str) -> bool:
    """Whether a word is said with a vowel first, by rules for the words that begin jobs and animals."""
    spelt = len(word) <= _SPELT_LENGTH or not _VOWELS.search(word)
    if word.isupper() and (spelt or word[0] == "U"):
        return word[0] in _VOWEL_LETTERS
    if len(word) == 1:
        return word.upper() in _VOWEL_LETTERS
    if word[0] in "aeiouAEIOU":
        return _CONSONANT.match(word) is None
    return _SILENT.match(word) is not None
