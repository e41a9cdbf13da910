"""Writes src/hearthside/memory/questions/english_near.py: English words that lie next to a word of the tables.

Run ``python -m scripts.english_near`` after a change of `memory/questions/english.py` or `english_forms.py`. It needs
the package wordfreq (3.1, Speer 2022, Zenodo 7199437), which nothing else here does: ``pip install wordfreq``.
"""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterable
from pathlib import Path

from hearthside.memory.questions import english
from hearthside.memory.questions.signs import english_words
from hearthside.memory.questions.tokens import misspelt

PATH = Path(__file__).resolve().parents[1] / "src" / "hearthside" / "memory" / "questions" / "english_near.py"
_COMMONEST = 45_000
_LEAST_LETTERS = 4
_LOOKED_THROUGH = 60_000  # of these some have figures, other letters, or too few
_SLIPS = frozenset({"begining", "cunts", "untill"})
"""On every list of words, and yet more likely a slip for a word of the tables in a question about one's life."""

_HEAD = '''\
"""English words that lie one letter from a word of the tables and are no misspelling of it ("steam", "stream").

Of the 45,000 commonest words of at least four letters (wordfreq 3.1; Speer 2022, Zenodo 7199437) those that
`tokens.misspelt` would change. Written by ``python -m scripts.english_near``; change it there.
"""

WORDS = frozenset(
    """
'''
_TAIL = '''
""".split()
)
'''


def near(words: Iterable[str]) -> list[str]:
    """The words that would be read as a misspelt word of the tables, in the order of the alphabet."""
    known = english_words()
    return sorted(
        word
        for word in words
        if word not in known.single and word not in _SLIPS and not _idle(word) and misspelt(word, known.telling)
    )


def commonest() -> list[str]:
    """The commonest English words, the commonest first.

    Raises:
        ModuleNotFoundError: wordfreq is not installed.
    """
    ranked: list[str] = importlib.import_module("wordfreq").top_n_list("en", _LOOKED_THROUGH)
    plain = [word for word in ranked if word.isascii() and word.isalpha() and len(word) >= _LEAST_LETTERS]
    return plain[:_COMMONEST]


def module(words: Iterable[str]) -> str:
    """The text of the module with these words."""
    filled = textwrap.fill(" ".join(words), 118, break_long_words=False)
    return f"{_HEAD}{filled}{_TAIL}"


def _idle(word: str) -> bool:
    """Adverbs are passed over in a question and are never taken for misspelt (`signs.signs_of`)."""
    return word.endswith("ly") and word not in english.NOT_IDLE


if __name__ == "__main__":
    PATH.write_text(module(near(commonest())))
