"""A query in the little language: one plain sentence that `parse` reads back as the very same query."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hearthside.memory.asking.query import OF_A_FIELD, Filter, Measure, Of, Query, Relation, Selection
from hearthside.memory.asking.query import Test as Condition
from hearthside.memory.asking.times import MONTHS, WEEKDAYS

_PARTS_OF_SPAN = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_MEASURES = {
    Measure.COUNT: "count of", Measure.DAYS: "days of", Measure.LIST: "list of", Measure.TIME: "time of",
    Measure.SHARE: "share of time of", Measure.GAP: "longest gap between", Measure.STREAK: "longest streak of",
    Measure.PAUSE: "longest pause between", Measure.FIRST: "first of", Measure.LAST: "last of",
}  # fmt: skip
_RESERVED = frozenset(
    """
    a about after an and anything at before between by containing counted day during each earliest episode episodes
    every first from in inside its last latest layer limit longest mentioning month my next of on once or origin outside
    outsides per record records sample samples saying shortest since source the this to today top until visit visits
    where while with within yesterday past tonight days weeks months years nights week year weekend weekday weekdays
    weekends hour
    """.split()
).union(name.casefold()[:n] for name in (*WEEKDAYS, *MONTHS) for n in (3, 9))
DEFAULT_LIMIT = Query.__dataclass_fields__["limit"].default


def written(query: Query) -> str:
    """The query as one sentence."""
    parts = [_measure(query), _selection(query.select)]
    if query.by:
        parts.append("by " + " and ".join(query.by))
    if query.per_day:
        parts.append("per day")
    if query.limit != DEFAULT_LIMIT:
        parts.append(f"limit {query.limit}")
    return " ".join(parts)


def span_in_words(seconds: int) -> str:
    """``2 h``, ``90 min``: in the largest unit that goes without a rest."""
    return next(f"{seconds // size} {unit}" for size, unit in _PARTS_OF_SPAN if seconds % size == 0)


def ordinal(place: int) -> str:
    """``first``, ``last``, ``3rd``, ``2nd last``."""
    if place in (1, -1):
        return "first" if place == 1 else "last"
    n = abs(place)
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}" + (" last" if place < 0 else "")


def quoted(name: str) -> str:
    """A name as it can be read back: in quotation marks unless it is one plain word that means nothing else."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _RESERVED:
        return name
    return _text(name)


def _text(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _measure(query: Query) -> str:
    if query.measure is Measure.NTH:
        n = query.n or 0
        name = ordinal(n)
        if n in (1, -1):  # “first” is a measure of its own
            name = "1st" if n == 1 else "1st last"
        return f"{name} of"
    if query.measure not in OF_A_FIELD:
        return _MEASURES[query.measure]
    return f"{query.measure} of" if query.field == "amount" else f"{query.measure} {quoted(query.field)} of"


def _selection(select: Selection) -> str:
    parts = [] if select.only is None else [f"the {ordinal(select.only)}"]
    parts.append(_what(select) + ("," if any(relation.pick is not None for relation in select.relations) else ""))
    parts += [_relation(relation) for relation in select.relations]
    return " ".join([*parts, *_filter(select.where)])


def _what(select: Selection, one: bool = False) -> str:
    names = " or ".join(quoted(name) for name in select.what.names)
    several = "" if one else "s"
    match select.what.of:
        case Of.EVENTS:
            return f"record{several} of {names}" if names else "anything"
        case Of.EPISODES:
            return f"episode{several} of {names}"
        case Of.SAMPLES:
            return f"sample{several} of {names}"
        case Of.VISITS:
            return f"visit{several} to {names}" if names else f"visit{several}"


def _relation(relation: Relation) -> str:
    parts = [] if relation.pick is None else [f"the {ordinal(relation.pick)}"]
    if relation.within_s is not None:
        parts.append(f"within {span_in_words(relation.within_s)}")
    parts.append(relation.how.value)
    if relation.pick is not None:
        parts.append("each")
    anchor = relation.anchor
    plain = not anchor.relations and anchor.where == Filter() and anchor.only is None
    said = _what(anchor, relation.pick is not None) if plain else f"({_selection(anchor)})"
    return " ".join([*parts, said])


def _filter(where: Filter) -> Iterable[str]:
    if where.tests:
        yield "where " + " and ".join(_test(test) for test in where.tests)
    for word, names in (("mentioning", where.words), ("with", where.about)):
        if names:
            yield f"{word} " + " and ".join(_text(name) for name in names)
    for word, given in (("source", where.sources), ("layer", where.layers), ("origin", where.origins)):
        if given:
            yield f"{word} " + " or ".join(quoted(name) for name in given)
    yield from _days(*where.days)
    yield from _bounded(*where.times)
    if where.hours is not None:
        yield f"between {_clock(where.hours[0])} and {_clock(where.hours[1])}"
    yield from _weekdays(where.weekdays)
    if where.months:
        yield "in " + " or ".join(MONTHS[month - 1] for month in where.months)
    if where.once:
        yield "counted once"
    if where.longest:
        yield "longest of each day"
    if where.apart:
        yield "without doubles"


def _test(test: Condition) -> str:
    value = _text(test.value) if isinstance(test.value, str) else repr(test.value).removesuffix(".0")
    return f"{quoted(test.field)} {test.compare} {value}"


def _days(first: str | None, last: str | None) -> Iterable[str]:
    if first is not None and last is not None:
        if first == last:
            return [f"on {first}"]
        if first[4:] == "-01-01" and last == f"{first[:4]}-12-31":
            return [f"in {first[:4]}"]
    return _bounded(first, last)


def _bounded(first: str | None, last: str | None) -> Iterable[str]:
    if first is not None and last is not None:
        return [f"from {first} to {last}"]
    if first is not None:
        return [f"since {first}"]
    return [] if last is None else [f"until {last}"]


def _weekdays(days: tuple[int, ...]) -> Iterable[str]:
    if not days:
        return []
    if days in ((0, 1, 2, 3, 4), (5, 6)):
        return ["on weekdays" if len(days) == 5 else "on weekends"]
    return ["on " + " or ".join(WEEKDAYS[day] for day in days)]


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
