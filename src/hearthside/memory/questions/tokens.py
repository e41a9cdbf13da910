"""A question as plain words: contractions opened, accents folded, times and conditions as marks among the words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"[@#]\d+|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’\-][^\W\d_]+)*\.?|[^\W_]+")
_TURNS = frozenset("never no non not un ex anti half semi self".split())
"""Parts that make another word of the rest: "never-ending" has no "never" in it."""

_LEAST_MISSPELT = 5
"""Shorter words are never taken for misspelt ones: too many words lie one letter apart."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word or mark, folded, and where it stands."""

    word: str
    begin: int
    end: int


def folded(text: str) -> str:
    """Lower case without accents, of the same length wherever letters have one; typographic apostrophes as plain."""
    if text.isascii():
        return text.casefold()
    kept = []
    for char in text.replace("’", "'"):
        plain = unicodedata.normalize("NFKD", char)
        base = "".join(part for part in plain if not unicodedata.combining(part)).casefold()
        kept.append(base if len(base) == 1 else char.casefold()[:1] or " ")
    return "".join(kept)


def opened(text: str, contractions: Mapping[str, str]) -> str:
    """The text with contractions as two words."""
    text = re.sub(r"[#@\x00]", " number ", re.sub(r"#\s?1\b", "number one", text))  # marks of our own
    text = re.sub(r"\b(\w+)-free\b", r"without \1", text)
    text = re.sub(r"\b(\w+)-wise\b", r"\1", text)
    return re.sub(r"[^\W\d_]+'[^\W\d_]+", lambda match: contractions.get(match.group(), match.group()), text)


def tokens_of(text: str) -> list[Token]:
    """The words of a folded text."""
    found = []
    for match in _TOKEN.finditer(text):
        word = match.group()
        word = word if word in {"vs.", "no."} else word.rstrip(".")
        found.append(Token(word, match.start(), match.end()))
    return found


def softened(tokens: Sequence[Token], known: Collection[str]) -> list[Token]:
    """The words with those in two parts as two ("step-count"), and without "'s", where they are not known so."""
    found = []
    for token in tokens:
        word = token.word
        if word not in known and word.endswith("'s"):
            word = word[:-2]
        parts = [part for part in word.split("-") if part]
        parts = [word] if word in known or _TURNS & set(parts) else parts
        found += [Token(part, token.begin, token.end) for part in parts]
    return found


def misspelt(word: str, known: Collection[str]) -> str:
    """The one known word that is a single letter away (wrong, missing, too many, or two swapped), or "".

    The first letter is taken as right: it seldom is wrong, and "height" must not be read as "weight".
    """
    if len(word) < _LEAST_MISSPELT or not word.isalpha():
        return ""
    near = {one for one in known if len(one) >= _LEAST_MISSPELT and one[0] == word[0] and _one_apart(word, one)}
    return near.pop() if len(near) == 1 else ""


def _one_apart(a: str, b: str) -> bool:
    """Damerau's distance of 1 (Damerau 1964, Communications of the ACM 7)."""
    if abs(len(a) - len(b)) > 1:
        return False
    begin = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) == len(b):
        swapped = a[begin : begin + 2] == b[begin : begin + 2][::-1] and a[begin + 2 :] == b[begin + 2 :]
        return a[begin + 1 :] == b[begin + 1 :] or swapped
    return a[begin + 1 :] == b[begin:] if len(a) > len(b) else a[begin:] == b[begin + 1 :]
