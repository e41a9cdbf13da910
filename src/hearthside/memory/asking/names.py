"""Tells what a name in a query means: a kind of event, an episode, a place or a measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from hearthside.memory.asking.periods import Cursor
from hearthside.memory.asking.query import Of, What
from hearthside.memory.asking.source import Vocabulary
from hearthside.memory.asking.tokens import Token

Fail = Callable[[Token, str, tuple[str, ...]], NoReturn]

ALIASES = {
    "songs": (Of.EVENTS, "listen"), "plays": (Of.EVENTS, "listen"), "music": (Of.EPISODES, "listening"),
    "steps": (Of.EVENTS, "activity_day"), "weight": (Of.EVENTS, "weight_day"), "apps": (Of.EVENTS, "app_use"),
    "nights": (Of.EPISODES, "sleep"), "waking": (Of.EPISODES, "sleep"), "bedtime": (Of.EPISODES, "sleep"),
    "pulse": (Of.SAMPLES, "heart_rate"), "videos": (Of.EVENTS, "watch"), "searches": (Of.EVENTS, "search"),
}  # fmt: skip
"""Other words for the same; the sleep of “before bedtime” and of “after waking” is the same interval."""

_PREFIXES = {"records": Of.EVENTS, "record": Of.EVENTS, "events": Of.EVENTS, "episodes": Of.EPISODES,
             "episode": Of.EPISODES, "samples": Of.SAMPLES, "sample": Of.SAMPLES}  # fmt: skip


def resolve(cursor: Cursor, known: Vocabulary, fail: Fail) -> What:
    """What comes next: with a prefix as it says (``records of sleep``), else by the names there are."""
    if cursor.took("anything") or cursor.took("everything"):
        return What(Of.EVENTS)
    if cursor.took("at"):
        return named_place(cursor, fail)
    prefix = cursor.peek().low
    if prefix in {"visits", "visit"}:
        return _visits(cursor, fail)
    if prefix in _PREFIXES and cursor.peek(1).low == "of":
        cursor.at += 2
        return What(_PREFIXES[prefix], _names(cursor, fail))
    return _by_name(cursor, known, fail)


def named_place(cursor: Cursor, fail: Fail) -> What:
    """Visits to the places that come next."""
    return What(Of.VISITS, _names(cursor, fail))


def _visits(cursor: Cursor, fail: Fail) -> What:
    cursor.take()
    if cursor.took("to") or cursor.took("at") or cursor.took("of"):
        return What(Of.VISITS, _names(cursor, fail))
    return What(Of.VISITS)


def _names(cursor: Cursor, fail: Fail) -> tuple[str, ...]:
    found = []
    while True:
        token = cursor.take()
        if token.kind not in {"word", "text"}:
            fail(token, "a name is missing", ("'a name'",))
        found.append(token.text)
        if not (cursor.peek().low == "or" and cursor.peek(1).kind in {"word", "text"}):
            return tuple(found)
        cursor.take()


def _by_name(cursor: Cursor, known: Vocabulary, fail: Fail) -> What:
    begin = cursor.peek()
    if begin.kind not in {"word", "text"}:
        fail(begin, "it is not said of what", _possible(known))
    found = []
    while True:
        token = cursor.take()
        found.append(_meant(token, known, fail))
        if not (cursor.peek().low in {"or", "and"} and cursor.peek(1).kind in {"word", "text"}):
            break
        cursor.take()
    of = found[0][0]
    if any(other != of for other, _ in found):
        fail(begin, "things of different kinds (records, episodes, places, samples) are not put together", ())
    return What(of, tuple(dict.fromkeys(name for _, name in found)))


def _meant(token: Token, known: Vocabulary, fail: Fail) -> tuple[Of, str]:
    for name in _forms(token):
        if name in known.episodes:  # found over all sources, so that nothing is counted twice
            return Of.EPISODES, name
        if name in known.kinds:
            return Of.EVENTS, name
        if name in known.measures:
            return Of.SAMPLES, name
        if name in ALIASES:
            return ALIASES[name]
    for place in sorted(known.places):
        if place.casefold() == token.text.casefold():
            return Of.VISITS, place
    fail(token, f"nothing in this life is called “{token.text}”", _possible(known))


def _forms(token: Token) -> list[str]:
    """A name as written, and in the singular."""
    name = token.text.casefold().replace(" ", "_")
    return [name, name.removesuffix("s"), name.removesuffix("es")]


def _possible(known: Vocabulary) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*sorted(known.kinds), *sorted(known.episodes), *sorted(known.measures),
                                *sorted(known.places)]))  # fmt: skip
