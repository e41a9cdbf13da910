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


_BEGINNINGS = (
    "count", "days", "sum", "mean", "median", "min", "max", "first", "last", "list", "time", "share", "longest gap",
)  # fmt: skip


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
    found = list[dict[Of, str]]()
    while True:
        token = cursor.take()
        found.append(_meanings(token, known))
        if not found[-1]:
            beginnings = _BEGINNINGS if token.begin == 0 else ()
            fail(token, f"nothing in this life is called “{token.text}”", (*beginnings, *_possible(known)))
        if not (cursor.peek().low in {"or", "and"} and cursor.peek(1).kind in {"word", "text"}):
            break
        cursor.take()
    of = next((of for of in found[0] if all(of in other for other in found)), None)
    if of is None:
        fail(begin, "things of different sorts (records, episodes, places, samples) are not put together", ())
    return What(of, tuple(dict.fromkeys(meant[of] for meant in found)))


def _meanings(token: Token, known: Vocabulary) -> dict[Of, str]:
    """What a name may mean, the likeliest first: episodes are found over all sources, so nothing is counted twice."""
    found = dict[Of, str]()
    for name in _forms(token):
        for of, names in ((Of.EPISODES, known.episodes), (Of.EVENTS, known.kinds), (Of.SAMPLES, known.measures)):
            if name in names:
                found.setdefault(of, name)
        if name in ALIASES and not found:
            found[ALIASES[name][0]] = ALIASES[name][1]
    for place in sorted(known.places):
        if place.casefold() == token.text.casefold():
            found.setdefault(Of.VISITS, place)
    return found


def _forms(token: Token) -> list[str]:
    """A name as written, and in the singular."""
    name = token.text.casefold().replace(" ", "_")
    return [name, name.removesuffix("s"), name.removesuffix("es")]


def _possible(known: Vocabulary) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*sorted(known.kinds), *sorted(known.episodes), *sorted(known.measures),
                                *sorted(known.places)]))  # fmt: skip
