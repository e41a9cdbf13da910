"""The life stream with words matched from their beginning: asking for Ann does not count Hannah."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream

_SPACELESS = 0x2E80  # from here on lie scripts written without spaces, where a word may begin anywhere


class WholeWords:
    """What a query needs of the life stream.

    Args:
        stream: where the occurrences come from.
    """

    def __init__(self, stream: LifeStream) -> None:
        self._stream = stream

    def occurrences(
        self, *, words: Iterable[str] = (), about: Iterable[str] = (), **conditions: Any
    ) -> list[Occurrence]:
        """As `LifeStream.occurrences`, each word at the beginning of a word."""
        words, about = tuple(words), tuple(about)
        found = self._stream.occurrences(words=words, about=about, **conditions)
        return [o for o in found if _holds(f"{o.text}\n{o.note}", words) and _holds(_named(o), about)]

    def offset_on(self, day: str) -> int:
        """As `LifeStream.offset_on`."""
        return self._stream.offset_on(day)


def _named(o: Occurrence) -> str:
    return f"{o.note}\n{o.text}" if o.kind.startswith("region") else o.note


def _holds(text: str, words: tuple[str, ...]) -> bool:
    folded = text.casefold()
    return all(_begins(folded, word.casefold()) for word in words)


def _begins(text: str, word: str) -> bool:
    if ord(word[0]) >= _SPACELESS:
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}", text) is not None
