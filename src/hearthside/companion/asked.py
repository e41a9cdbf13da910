"""What a question in plain words asks about: whose words, which rare words, which days."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from hearthside.events import local_datetime
from hearthside.memory.when import MONTHS, find_period
from hearthside.memory.words import STOP_WORDS, words_of

_MONTH = "(" + "|".join(f"{name}|{name[:3]}" for name in MONTHS) + r")\b\.?"
_DATES = (
    (re.compile(r"\b(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)\b"), ""),
    (re.compile(r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})\b"), ""),
    (re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?:of )?(?P<n>{_MONTH})(?:,? (?P<y>\d{{4}}))?", re.I), ""),
    (re.compile(rf"\b(?P<n>{_MONTH}) (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y>\d{{4}}))?", re.I), ""),
)
# Words that shape a question and say nothing of what it is about.
_FRAME = STOP_WORDS | frozenset(
    """
    after all also am another anyone anything before being both come did describe different does doing during each
    either else ever feel find give happen happened happens he her hers him his i'm kind kinds let like likes made main
    make many mention mentioned might more most much must name names new no not often old only other own part place
    places recent recently she since someone something sort start take tell thing things think too try type types us
    use very want way well went while whom whose word words yet you're according besides consider following both same
    near future spend spends spent enjoy enjoys interested contain contains live lives living together located
    currently usually typically
    favorite favourite prefer prefers could should possible possibly already approximately exactly roughly shortly soon
    day days week weeks month months year years today yesterday
    """.split()
)
# What an answer is to be, by its class (after Li and Roth, COLING 2002): evidence names the thing and not its class.
_CLASSES = frozenset(
    """
    activity activities animal animals area brand brands cities city color colors colour colours companies company
    countries country cuisine cuisines date dish dishes emotion event events exercise exercises feeling feelings film
    films food foods game games genre genres hobbies hobby instrument instruments interest interests item items job
    language languages location locations meal meals movie movies nationality occupation person people pet pets
    profession purpose reason relationship remedies remedy show shows specialty sport sports state states status topic
    topics town towns
    """.split()
)
_CALENDAR = re.compile(
    rf"\b(?:{_MONTH}|\d{{4}}|spring|summer|autumn|fall|winter|weekend|morning|evening)\b", re.IGNORECASE
)
_DO = r"(?:did|does|do|has|have|had|is|was|were|are|will|would|could|can|might|should|goes?)"
_TYPE = re.compile(
    rf"\b(?:what|which|how many|how much|whose)\s+((?:(?!{_DO}\b)[^\W\d_]\S*\s+){{1,4}}?)(?={_DO}\b)", re.I
)
_VERB = re.compile(
    rf"\b{_DO}\s+(?:not\s+)?"
    r"(?:[A-Z]\w*\s+|(?:and|both|you|i|we|my|the|he|she|they|his|her|their)\s+|\w+(?<!\s)\s+(?=to\b))"
    r"{0,4}?(?:to\s+|been\s+|be\s+|going\s+to\s+)*([a-z]\w+)",
)
_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_FIRST = re.compile(r"\b(?:i|my|me|mine|myself|we|our|us)\b", re.IGNORECASE)
_ADDRESS = (
    r"(?:^|[.!?]\s+)(?:(?:hi|hey|hello|dear|thanks|thank you|sure|good morning|morning|wow|oh|yes),?\s+)?{name}\s*[,!?]"
    r"|\b(?:hi|hey|hello|dear|thanks|thank you|morning|night),?\s+{name}\b|,\s*{name}\s*[!?.]"
)
_LOOSE_DAYS = 7  # “shortly before 7 January”
_CALLED_OFTEN = 2  # once may be a slip or a list
Counts = Callable[[Sequence[str]], list[int]]
"""In how many records each word occurs."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a question is about.

    Attributes:
        stem: it, without its ending.
        weight: how telling it is: ln(1 + N / (n + ½)) for a word in n of N records.
        known: whether any record holds it.
        name: whether the question writes it as a name.
        role: ``type`` for what the answer is to be ("which *sport*"), ``verb`` for what somebody did ("did Ann
            *visit*"): evidence often says both in other words; else ``thing``.
    """

    stem: str
    weight: float
    known: bool
    name: bool
    role: str = "thing"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, taken apart.

    Attributes:
        called: for each person the question names, the authors of this life who may be meant; "" is the person.
        days: first and last ISO day that the question names, or None.
    """

    text: str
    words: tuple[Word, ...]
    called: tuple[frozenset[str], ...]
    days: tuple[str, str] | None

    @property
    def people(self) -> frozenset[str]:
        """Everybody it may be about."""
        return frozenset().union(*self.called)

    @property
    def weight(self) -> float:
        """The weight of all its words."""
        return sum(word.weight for word in self.words)


def take_apart(
    text: str,
    people: Mapping[str, frozenset[str]],
    counts: Counts,
    total: int,
    now_ms: int,
    offset_min: int,
) -> Asked:
    """What a question asks about.

    Args:
        people: who is called what in this life: authors by a name they go by, lower case.
        counts, total: of words in the records, for how telling a word is (idf, Spärck Jones 1972).
        now_ms, offset_min: the present and the person's UTC offset.
    """
    days, rest = named_days(text, now_ms, offset_min)
    if days is not None:
        rest = _CALENDAR.sub(" ", rest)
    called, kept = _split(rest, people, counts)
    types = {word for match in _TYPE.finditer(rest) for word in words_of(match[1])}
    if any(word not in types & _CLASSES for word, _ in kept):
        kept = [(word, is_name) for word, is_name in kept if word not in types & _CLASSES]
    found = counts([word for word, _ in kept])
    verbs = {match[1].casefold() for match in _VERB.finditer(rest)}
    words = tuple(
        Word(
            stem(word), math.log1p(total / (n + 0.5)), n > 0, is_name,
            "type" if word in types else "verb" if word in verbs else "thing",
        )
        for (word, is_name), n in zip(kept, found, strict=True)
    )  # fmt: skip
    if not called and first_person(rest):
        called = [frozenset({""})]
    return Asked(text, words, tuple(called), days)


def _split(
    rest: str, people: Mapping[str, frozenset[str]], counts: Counts
) -> tuple[list[frozenset[str]], list[tuple[str, bool]]]:
    """The people a question names, and its other words, each with whether it is written as a name."""
    called: list[frozenset[str]] = []
    kept: list[tuple[str, bool]] = []
    capital = capitals(rest)
    for word in words_of(rest):
        plain = re.sub(r"['’]s$", "", word)
        known = plain if plain in people else _misspelt(plain, people, counts) if plain in capital else ""
        if known:
            called += [people[known]] if people[known] not in called else []
        elif plain not in _FRAME and word not in _FRAME and not plain.isdigit():
            kept.append((plain, plain in capital))
    return called, kept


def _misspelt(name: str, people: Mapping[str, frozenset[str]], counts: Counts) -> str:
    """The person's name that differs by one letter from a name that no record holds, or ""."""
    near = [known for known in people if len(known) > 3 and _one_apart(name, known)]
    return near[0] if len(near) == 1 and not counts([name])[0] else ""


def _one_apart(a: str, b: str) -> bool:
    """Whether one letter put in, left out or changed makes one of the other."""
    if abs(len(a) - len(b)) > 1:
        return False
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[at + 1 :] == b[at + 1 :] or a[at:] == b[at + 1 :] or a[at + 1 :] == b[at:]


def capitals(text: str, *, first: bool = False) -> set[str]:
    """Words of a question that are written as names, lower case; its first word only if asked for."""
    found = re.findall(r"\b[A-Z][^\W\d_]+" if first else r"(?<![.!?]\s)(?<!^)\b[A-Z][^\W\d_]+", text)
    return {word.casefold() for word in found}


def first_person(text: str) -> bool:
    """Whether a question speaks of the person who asks."""
    return _FIRST.search(text) is not None


def who_is_called(name: str, found: Sequence[tuple[str, str, str]], authors: Mapping[str, set[str]]) -> frozenset[str]:
    """Who goes by a name in the conversations of this life: whoever is there and does not call somebody else by it.

    Args:
        found: records that hold the name, as (conversation, author, text).
        authors: who writes in each conversation, as far as is known.
    """
    called = re.compile(_ADDRESS.format(name=re.escape(name)), re.IGNORECASE)
    callers: dict[str, list[str]] = {}
    for conversation, author, text in found:
        if called.search(text):
            callers.setdefault(conversation, []).append(author)
    bearers = [
        authors.get(conversation, set()) - set(by) for conversation, by in callers.items() if len(by) >= _CALLED_OFTEN
    ]
    return frozenset().union(*bearers) if bearers else frozenset()


def named_days(text: str, now_ms: int, offset_min: int) -> tuple[tuple[str, str] | None, str]:
    """The days that a question names, first and last, and the question without them."""
    today = local_datetime(now_ms, offset_min).date()
    for pattern, _ in _DATES:
        match = pattern.search(text)
        day = None if match is None else _day_of(match, today)
        if match is not None and day is not None:
            loose = re.search(r"\b(?:before|after|around|since|by|until)\b", text[: match.start()], re.IGNORECASE)
            days = timedelta(days=_LOOSE_DAYS if loose else 0)
            bounds = ((day - days).isoformat(), (day + days).isoformat())
            return bounds, f"{text[: match.start()]} {text[match.end() :]}"
    period, _ = find_period(text, now_ms, offset_min)
    if period is None or period.first[:7] != period.last[:7]:  # what was told of a longer time was told at any time
        return None, text
    return (period.first, period.last), text


def _day_of(match: re.Match[str], today: date) -> date | None:
    parts = match.groupdict()
    month = int(parts["m"]) if parts.get("m") else 1 + [n[:3] for n in MONTHS].index(parts["n"][:3].casefold())
    try:
        if parts.get("y"):
            return date(int(parts["y"]), month, int(parts["d"]))
        this_year = date(today.year, month, int(parts["d"]))
    except ValueError:
        return None
    return this_year if this_year <= today + timedelta(days=31) else this_year.replace(year=today.year - 1)


def stem(word: str) -> str:
    """A word without its commonest endings, so that its forms are one; scripts without spaces stay as they are."""
    plain = re.sub(r"['’]\w{1,2}$", "", word.casefold())
    if not plain.isascii() or len(plain) < 4:
        return plain
    for ending, instead in (("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("ly", "")):
        if plain.endswith(ending) and len(plain) - len(ending) >= (5 if ending == "ly" else 3):
            cut = plain[: -len(ending)] + instead
            return _single(cut) if instead == "" else cut
    if plain.endswith("s") and not plain.endswith(("ss", "us", "is")):
        plain = plain[:-1]
    return plain[:-1] if plain.endswith("e") and len(plain) > 4 else plain


def _single(cut: str) -> str:
    """“runn” is “run”, and “danc” stays, as “dance” loses its e too."""
    if len(cut) > 3 and cut[-1] == cut[-2] and cut[-1] not in "lsz":
        return cut[:-1]
    return cut


@lru_cache(maxsize=4096)
def stems_of(text: str) -> frozenset[str]:
    """The words of a text, each without its ending."""
    return frozenset(stem(word) for word in words_of(text))
