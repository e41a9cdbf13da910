"""Sentences of a grammar in GBNF, as far as ours go: terminals, rules, brackets, alternatives and `?`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[()|?]|[A-Za-z][\w-]*|::=|\n')


class Grammar:
    """Written independently of the code under test, from the notation's own description."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, list[str]] = {}
        for line in text.strip().splitlines():
            name, _, body = line.partition(" ::= ")
            self.rules[name] = _TOKEN.findall(body)

    def sentences(self, limit: int) -> Iterator[str]:
        """Up to so many sentences of the root."""
        return itertools.islice(self._of("root"), limit)

    def _of(self, rule: str) -> Iterator[str]:
        yield from self._alternatives(self.rules[rule])

    def _alternatives(self, tokens: list[str]) -> Iterator[str]:
        depth, parts = 0, list[list[str]]([[]])
        for token in tokens:
            depth += (token == "(") - (token == ")")
            if token == "|" and depth == 0:
                parts.append([])
            else:
                parts[-1].append(token)
        for part in parts:
            yield from self._sequence(part)

    def _sequence(self, tokens: list[str]) -> Iterator[str]:
        if not tokens:
            yield ""
            return
        end = self._end(tokens)
        inner, optional = tokens[:end], tokens[end : end + 1] == ["?"]
        rest = tokens[end + optional :]
        for head in self._element(inner):
            for tail in self._sequence(rest):
                yield head + tail
        if optional:
            yield from self._sequence(rest)

    def _end(self, tokens: list[str]) -> int:
        if tokens[0] != "(":
            return 1
        depth = 0
        for n, token in enumerate(tokens):
            depth += (token == "(") - (token == ")")
            if depth == 0:
                return n + 1
        raise AssertionError("a bracket is not closed")

    def _element(self, tokens: list[str]) -> Iterator[str]:
        if tokens[0] == "(":
            yield from self._alternatives(tokens[1:-1])
        elif tokens[0].startswith('"'):
            yield re.sub(r"\\(.)", r"\1", tokens[0][1:-1])
        else:
            yield from self._of(tokens[0])
