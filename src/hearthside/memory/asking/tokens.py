"""Words of the little language, where each stands, and how an error shows the place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NoReturn

from hearthside.errors import Refused

_PATTERN = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
    |(?P<time>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:[Zz]|[+-]\d\d:\d\d)?(?![\w:]))
    |(?P<date>\d{4}-\d\d-\d\d(?![\w-]))
    |(?P<month>\d{4}-\d\d(?![\w-]))
    |(?P<clock>\d{1,2}:\d\d(?![\w:]))
    |(?P<place>\d+(?:st|nd|rd|th)\b)
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>!~|!=|<=|>=|[~=<>(),])
    |(?P<space>\s+)""",
    re.VERBOSE,
)
_SHOWN = 40
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Token:
    """One word: what it is, as it was written, and where."""

    kind: str
    raw: str
    begin: int

    @property
    def low(self) -> str:
        """For words that are compared: whatever the case."""
        return self.raw.casefold()

    @property
    def text(self) -> str:
        """What is meant: of a quoted text the text."""
        return re.sub(r"\\(.)", r"\1", self.raw[1:-1]) if self.kind == "text" else self.raw


def tokens_of(text: str) -> list[Token]:
    """The words, and one of kind ``end``.

    Raises:
        Refused: ``query-wrong`` at a sign that means nothing.
    """
    if len(text) > LONGEST_TEXT:
        raise Refused("query-wrong", f"A query has at most {LONGEST_TEXT:,} characters. Nothing was asked.")
    found, at = [], 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            left_open = text[at] in "'\""
            why = "this quotation mark is not closed" if left_open else "this sign means nothing here"
            complain(text, Token("sign", text[at], at), why, ())
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    return [*found, Token("end", "", len(text))]


def complain(text: str, token: Token, why: str, possible: Collection[str]) -> NoReturn:
    """Refuses the query, showing the place and what would be possible there.

    Raises:
        Refused: ``query-wrong``, always.
    """
    lines = text.replace("\n", " ").replace("\t", " ")
    mark = " " * token.begin + "^" * max(len(token.raw), 1)
    said = f"The query cannot be read: {why}.\n  {lines}\n  {mark}"
    close = difflib.get_close_matches(token.text.casefold(), [name.casefold() for name in possible], 1, 0.7)
    if close:
        said += f"\nDid you mean “{next(name for name in possible if name.casefold() == close[0])}”?"
    if possible:
        said += f"\nPossible here: {_listed(list(possible))}."
    raise Refused("query-wrong", f"{said}\nNothing was asked.")


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
