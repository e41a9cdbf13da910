"""Words of a text as the keyword index sees them, in scripts with and without spaces."""

from __future__ import annotations

import re

# Scripts written without spaces between words; unicode61 would take a whole sentence for one word.
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_LETTERS = r"[^\W_](?:[^\W_]|[\u0300-\u036f])*"  # accents may follow their letters
_WORD = re.compile(rf"{_LETTERS}(?:['’]{_LETTERS})?")

_STOP_WORDS = """
    a about an and any are as at be been but by can could did do does for from get go going got had has have
    how i if in into is it its just last long many me mine my of on once or our out over said say see shall
    should so some than that the their them then there they this time times to up was we were what when where
    which who why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def indexed_text(text: str) -> str:
    """The text, case folded, with runs of Chinese, Japanese and Korean split into overlapping pairs and single ones."""
    return _CJK.sub(lambda match: f" {' '.join([*_pairs(match.group()), *match.group()])} ", text.casefold())


def words_of(text: str) -> list[str]:
    """Words to search for, lower case, in order, each once, pairs for scripts without spaces."""
    spaced = _CJK.sub(lambda match: f" {' '.join(_pairs(match.group()))} ", text.casefold())
    return list(dict.fromkeys(_WORD.findall(spaced)))


def content_words(text: str) -> list[str]:
    """Words that say what a question is about; all of them when only stop words are left."""
    words = words_of(text)
    return [word for word in words if word not in STOP_WORDS] or words


def match_any(words: list[str]) -> str:
    """An FTS5 query for records that hold any of the words."""
    return " OR ".join('"' + word.replace('"', '""') + '"' for word in words)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) < 2 else [run[i : i + 2] for i in range(len(run) - 1)]
