"""A few lines on who the person is, out of what memory believes; the same bytes until a belief changes.

They stand at the beginning of every prompt for a larger model, so that its server reads them once (`context`). Only
what the person's own records or words show is in it: nothing that rests on what others said, and nothing contradicted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from hearthside.companion.context import harmless
from hearthside.companion.quoting import INNER, reads_like_a_sentence
from hearthside.memory.facts.fact import ME, NOT, Fact
from hearthside.memory.facts.wording import names_only_the_role
from hearthside.memory.preferences.preference import Preference, Trend

_MOST_FACTS, _MOST_KINDS = 9, 6  # lines
_SURE = 0.8  # of a fact; a pinned or corrected one is always told
_TELLING = (
    "places", "person", "languages", "work", "family", "people", "health", "food", "sleep", "routine", "hobbies",
    "likes",
)  # fmt: skip
_TITLES = {
    "artist": "Music", "podcast": "Podcasts", "sport": "Exercise", "language": "Programs in",
    "writes_with": "Writes with", "talks_with": "Talks with", "place": "Goes to", "meal": "Eats",
    "said": "Says they like",
}  # fmt: skip
_PLACES = frozenset({"home_place", "work_place"})
_SHOWN = 3  # names on a line
_STRONG = 0.02  # of what is expected of a kind; below, it is one of many
_NOW = frozenset({Trend.RISING, Trend.STEADY})
_LONGEST = 110  # characters of a line
_CLOCK = re.compile(r"\b(\d{1,2}):(\d\d)\b")
_FIGURE = re.compile(r"(?<![\d:.])\d+(?:\.\d+)?(?![\d:])")


class Believed(Protocol):
    """What memory believes (`memory.knowing.Knowing`)."""

    def facts(self) -> list[Fact]:
        """Every fact as known now."""
        ...

    def preferences(self) -> list[Preference]:
        """What the person turns to, as known now."""
        ...


def profile_of(believed: Believed, day: str) -> str:
    """Short lines on the person, one below the other; "" while nothing is known.

    Args:
        day: the person's local day, ISO; facts must hold on it.
    """
    return lines_of(believed.facts(), believed.preferences(), day)


def lines_of(facts: Iterable[Fact], preferences: Sequence[Preference], day: str) -> str:
    """The same, of facts and preferences; what the person pinned or corrected first, then in a fixed order."""
    told = [fact for fact in facts if _is_told(fact, day)]
    told.sort(key=lambda fact: (not fact.decided, _place(fact.topic), fact.predicate, rounded(fact.value)))
    held: dict[str, list[str]] = {}
    for fact in told:
        values = held.setdefault(_named(fact.predicate), [])
        if len(values) < _SHOWN or fact.decided:
            values.append(_set_apart(rounded(fact.value)))
    lines = [_line(f"{title}: {', '.join(dict.fromkeys(values))}") for title, values in held.items()]
    return "\n".join([*lines[:_MOST_FACTS], *_preferred(preferences, held)[:_MOST_KINDS]])


def _is_told(fact: Fact, day: str) -> bool:
    """Whether a fact is the person's own, holds, and nothing speaks against it."""
    if fact.subject != ME or fact.predicate.startswith(NOT):
        return False  # what does not hold is no line of a profile
    if fact.decided:
        return True
    if fact.said_by or fact.topic not in _TELLING or _says_nothing(fact):
        return False
    return fact.holds_on(day) and fact.sure >= _SURE and not fact.contradicts


def _says_nothing(fact: Fact) -> bool:
    """“Home place: Home” tells a model nothing."""
    return fact.predicate in _PLACES and names_only_the_role(fact.value)


def _preferred(preferences: Sequence[Preference], told: Collection[str]) -> list[str]:
    """One line for each kind that no facts tell of.

    Names stand in the order of the alphabet, so that small changes of strength change none.
    """
    lines = []
    for kind, title in ((kind, title) for kind, title in _TITLES.items() if title not in told):
        liked = [one for one in preferences if one.kind == kind and _is_liked(one)]
        liked = [one for one in liked if not reads_like_a_sentence(one.what)]
        liked.sort(key=lambda one: (not one.decided, -one.strength, one.what))
        pinned = [one.what for one in liked if one.decided]
        others = sorted((one.what for one in liked[: max(_SHOWN, len(pinned))] if not one.decided), key=str.casefold)
        if pinned or others:
            lines.append(_line(f"{title}: {', '.join([*pinned, *others])}"))
    return lines


def _place(topic: str) -> int:
    return _TELLING.index(topic) if topic in _TELLING else len(_TELLING)


def _named(predicate: str) -> str:
    return predicate.replace("_", " ").capitalize()


def _set_apart(value: str) -> str:
    return f"“{value.translate(INNER)}”" if reads_like_a_sentence(_CLOCK.sub("", value)) else value


def _is_liked(one: Preference) -> bool:
    return bool(one.decided) or (one.trend in _NOW and one.strength >= _STRONG)


def _line(text: str) -> str:
    flat = " ".join(harmless(text).split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


def rounded(value: str) -> str:
    """A value with its times to the half hour and its figures to two digits: 23:41 is 23:30, and 71.34 is 71."""
    return _FIGURE.sub(lambda match: _two_digits(match.group()), _CLOCK.sub(_half_hour, value))


def _half_hour(match: re.Match[str]) -> str:
    minutes = (int(match[1]) * 60 + int(match[2]) + 15) // 30 * 30 % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _two_digits(figure: str) -> str:
    amount = float(figure)
    if amount < 10:
        return f"{amount:.0f}" if amount == int(amount) else f"{amount:.1f}"
    if 1900 <= amount < 2200 and "." not in figure:  # a year
        return figure
    place = 10 ** (len(str(int(amount))) - 2)
    return f"{int(amount / place + 0.5) * place:,}"
