"""The words of a question as signs, such as ``agg mean``: every word must be one, or the question is not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hearthside.memory.questions import english, english_forms, english_near
from hearthside.memory.questions.forms import phrases_of
from hearthside.memory.questions.names import Key, Name, called
from hearthside.memory.questions.tokens import Token, misspelt, tokens_of

_LONGEST = 8


@dataclass(frozen=True, slots=True)
class Words:
    """The vocabulary of a language.

    Attributes:
        phrases: folded words to a sign, or several with "+" between them; "" for what changes nothing.
        single: every word of any phrase.
        telling: the words of phrases that say something; only for these a word is taken as misspelt.
    """

    phrases: dict[Key, str]
    single: frozenset[str]
    telling: frozenset[str]


@lru_cache(maxsize=1)
def english_words() -> Words:
    """The English vocabulary."""
    phrases: dict[Key, str] = {(word,): "" for word in english.FILLERS}
    for line in english.IDLE.strip().splitlines():
        phrases |= {_key(phrase): "" for phrase in line.split(",")}
    phrases |= {_key(form): "" for phrase in _listed(english_forms.IDLE_VERBS) for form in phrases_of(phrase)}
    for table, forms in ((english_forms.VERBS, phrases_of), (english.TABLE, _as_it_is)):
        for line in table.strip().splitlines():
            sign, _, listed = line.partition("|")
            value = "+".join(":".join(one.split()) for one in sign.split("+"))
            phrases |= {_key(form): value for phrase in _listed(listed) for form in forms(phrase)}
    told = {word for key, sign in phrases.items() if sign for word in key if phrases.get((word,)) != ""}
    return Words(phrases, frozenset(word for key in phrases for word in key), frozenset(told))


def _as_it_is(phrase: str) -> list[str]:
    return [phrase]


def _listed(text: str) -> list[str]:
    return [phrase.strip() for line in text.splitlines() for phrase in line.split(",") if phrase.strip()]


def _key(phrase: str) -> Key:
    key = tuple(token.word for token in tokens_of(phrase.strip()))
    return key[1:] if len(key) > 1 and key[0] == "the" else key  # else "the most" would hide "most recent"


@dataclass(frozen=True, slots=True)
class Signs:
    """What the words of a question are.

    Attributes:
        signs: such as ``of:sleep``, each once.
        times, amounts: which marks there are, in order.
        names: names said.
        mended: words taken for misspelt ones: as written, as read.
        numbers: plain numbers.
    """

    signs: frozenset[str]
    times: tuple[int, ...]
    amounts: tuple[int, ...]
    names: tuple[Name, ...]
    mended: tuple[tuple[str, str], ...] = ()
    numbers: tuple[int, ...] = ()


def signs_of(tokens: Sequence[Token], names: Sequence[Name], activities: dict[Key, str]) -> Signs | None:
    """The signs of a question when these names are taken for names; None where a word is no sign and no name."""
    words = english_words()
    signs, times, amounts, mended, numbers = list[str](), list[int](), list[int](), list[tuple[str, str]](), list[int]()
    named = {name.begin: name for name in names}
    plain = [token.word for token in tokens]
    said = list(names)
    at = 0
    while at < len(plain):
        word = plain[at]
        if at in named:
            at = named[at].end
            continue
        if word[0] in "@#":
            (times if word[0] == "@" else amounts).append(int(word[1:]))
            at += 1
            continue
        length, sign = _longest(plain, at, words.phrases, {i for i in named})
        active, activity = _longest(plain, at, activities, set())
        if active and active >= length and sign not in {"walk:walk"}:
            said.append(Name("activity", activity, at, at + active, called(word)))
            at += active
            continue
        if length:
            signs += sign.split("+")
            at += length
            continue
        if word.isdigit() and len(word) < 4:
            numbers.append(int(word))
            at += 1
            continue
        if len(word) > 4 and word.endswith("ly") and word not in english.NOT_IDLE:
            at += 1
            continue
        right = "" if word in words.single or word in english_near.WORDS else misspelt(word, words.telling)
        if not right:
            return None
        mended.append((word, right))
        plain[at] = right
    return Signs(
        frozenset(signs) - {""}, tuple(times), tuple(amounts), tuple(said), tuple(mended), tuple(numbers)
    )  # fmt: skip


def _longest(words: list[str], at: int, phrases: dict[Key, str], stops: set[int]) -> tuple[int, str]:
    """How many words the longest phrase here has, 0 for none, and its sign."""
    for length in range(min(_LONGEST, len(words) - at), 0, -1):
        if any(at < stop < at + length for stop in stops):
            continue
        sign = phrases.get(tuple(words[at : at + length]))
        if sign is not None:
            return length, sign
    return 0, ""
