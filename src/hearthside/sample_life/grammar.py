"""The notation of the banks, and their reading: [a|b] chooses, [1:a|b] chooses alike, {slot} fills."""

from __future__ import annotations

import functools
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias

Slots: TypeAlias = Mapping[str, str | Sequence[str]]
"""What fills a {slot}: a text, or several to choose from; both may hold the notation themselves."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One conversation of a bank.

    Attributes:
        name: its name, unique in its bank.
        turns: (speaker, template); the speaker is ``>`` the person, ``<`` the other, ``=`` a third.
        options: the words after the name, e.g. ``{"when": ("morning",), "if": ("rain", "!flat")}``.
        marks: options without a value.
    """

    name: str
    turns: tuple[tuple[str, str], ...]
    options: Mapping[str, tuple[str, ...]]
    marks: frozenset[str]

    def option(self, name: str) -> tuple[str, ...]:
        """The values of an option; empty when it is not given."""
        return self.options.get(name, ())

    def fits(self, flags: frozenset[str]) -> bool:
        """Whether every ``if=`` condition holds; ``!x`` wants x absent."""
        return all((c[1:] not in flags) if c.startswith("!") else (c in flags) for c in self.option("if"))


def _bank(name: str) -> str:
    return files(__package__).joinpath("banks", name).read_text(encoding="utf-8")


@functools.cache
def tables(name: str) -> dict[str, Any]:
    """A TOML bank by its name."""
    return tomllib.loads(_bank(f"{name}.toml"))


@functools.cache
def exchanges(name: str) -> tuple[Exchange, ...]:
    """The conversations of a text bank, in file order."""
    found: list[Exchange] = []
    for paragraph in _bank(f"{name}.txt").split("\n\n"):
        lines = [line for line in paragraph.splitlines() if line and not line.startswith("#")]
        if lines:
            head, *turns = lines
            words = head.removeprefix("@").split()
            options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
            found.append(
                Exchange(
                    name=words[0],
                    turns=tuple((line[0], line[1:].strip()) for line in turns),
                    options={key: tuple(value.split(",")) for key, value in options.items()},
                    marks=frozenset(word for word in words[1:] if "=" not in word),
                )
            )
    return tuple(found)


@functools.cache
def sights() -> dict[str, tuple[tuple[str, str], ...]]:
    """What the glasses may see in each activity: (caption template, comma-separated objects template)."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in _bank("sights.txt").splitlines():
        if line.startswith("@"):
            current = found.setdefault(line[1:].strip(), [])
        elif line and not line.startswith("#"):
            # The last bar parts the caption from its objects; the bars of choices stand inside brackets before it.
            caption, _, objects = line.rpartition(" | ")
            current.append((caption, objects))
    return {name: tuple(lines) for name, lines in found.items()}


def expand(template: str, rng: random.Random, slots: Slots, ties: dict[str, int] | None = None) -> str:
    """The template with every choice made and every slot filled.

    Args:
        ties: draws shared by the turns of one conversation: [1:a|b] and a later [1:c|d] take the same branch.

    Raises:
        KeyError: a slot is not among `slots`.
    """
    out: list[str] = []
    at = 0
    while at < len(template):
        sign = template[at]
        if sign in "[{":
            end = _closing(template, at)
            inner = template[at + 1 : end]
            chosen = _choice(inner, rng, {} if ties is None else ties) if sign == "[" else _filling(inner, rng, slots)
            out.append(expand(chosen, rng, slots, ties))
            at = end + 1
        else:
            out.append(sign)
            at += 1
    return "".join(out)


def settled(slots: Slots, rng: random.Random) -> dict[str, str]:
    """The slots with one value each, so that a conversation keeps to one subject."""
    return {name: value if isinstance(value, str) else rng.choice(value) for name, value in slots.items()}


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def _choice(inner: str, rng: random.Random, ties: dict[str, int]) -> str:
    tie, _, rest = inner.partition(":")
    if not tie.isdigit():
        return rng.choice(_branches(inner))
    branches = _branches(rest)
    return branches[ties.setdefault(tie, rng.randrange(5040)) % len(branches)]


def _filling(name: str, rng: random.Random, slots: Slots) -> str:
    if name.endswith("_cap"):
        return capital(expand("{" + name.removesuffix("_cap") + "}", rng, slots))
    value = slots[name]
    return value if isinstance(value, str) else rng.choice(value)


def _closing(template: str, start: int) -> int:
    opening, closing = template[start], "]" if template[start] == "[" else "}"
    depth = 0
    for at in range(start, len(template)):
        depth += (template[at] == opening) - (template[at] == closing)
        if depth == 0:
            return at
    raise ValueError(f"no {closing} closes the {opening} at {start} in: {template}")


def _branches(inner: str) -> list[str]:
    parts, depth = [""], 0
    for sign in inner:
        depth += (sign in "[{") - (sign in "]}")
        if sign == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
