"""The typed query: what to look at, which of it, in relation to what, and what to compute; and its JSON form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from hearthside.errors import Refused
from hearthside.events import Json, Layer, Origin
from hearthside.memory.asking.parts import part_names

_STRICT = ConfigDict(extra="forbid", strict=True)
_DAY = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$"
_NAME = r"^\S(.{0,198}\S)?$"
LONGEST_S = 100 * 366 * 86_400
MOST_ROWS = 1_000_000
MOST_DEPTH = 4

Day = Annotated[str, Field(pattern=_DAY)]
Time = Annotated[str, Field(pattern=_TIME)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=_NAME)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Measure(StrEnum):
    """What is computed of the rows that match."""

    COUNT = "count"
    DAYS = "days"  # distinct local days
    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    NTH = "nth"
    LIST = "list"
    TIME = "time"  # how long it held; what overlaps is counted once
    SHARE = "share"  # the same as a share of the time in which a source was heard
    GAP = "gap"  # the longest time between two
    STREAK = "streak"  # the most local days in a row with one
    PAUSE = "pause"  # the most local days in a row without one, between two days with one


class Of(StrEnum):
    """What a row is."""

    EVENTS = "events"
    EPISODES = "episodes"
    VISITS = "visits"
    SAMPLES = "samples"


class How(StrEnum):
    """How rows stand to something else."""

    DURING = "during"
    OUTSIDE = "outside"
    BEFORE = "before"
    AFTER = "after"


class Is(StrEnum):
    """How a field is compared; `~` holds the words anywhere, whatever the case."""

    HOLDS = "~"
    HOLDS_NOT = "!~"
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


BY_TIME = ("hour", "weekday", "day", "week", "month", "year", "month_of_year")
BY_THING = ("place", "person", "source", "kind", "layer", "origin", "label", *part_names())
CLOCKS = ("start", "end")
FIELDS = ("amount", "duration", *CLOCKS)
OF_A_FIELD = frozenset({Measure.SUM, Measure.MEAN, Measure.MEDIAN, Measure.MIN, Measure.MAX})
OF_TIME = frozenset({Measure.TIME, Measure.SHARE})
PER_DAY = frozenset({Measure.COUNT, Measure.SUM, Measure.TIME})
ORDERED = frozenset({Is.LESS, Is.AT_MOST, Is.MORE, Is.AT_LEAST})


@dataclass(frozen=True, slots=True)
class What:
    """Which rows there are.

    Attributes:
        of: events as they were recorded, episodes, visits to places, or the minutes of a regular measure.
        names: kinds of events or episodes, names of places, or measures; empty: of events and visits all of them.
    """

    __pydantic_config__ = _STRICT

    of: Of
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Test:
    """A condition on one field: ``duration``, ``amount``, a number of the kind, or words such as ``artist``."""

    __pydantic_config__ = _STRICT
    __test__ = False  # not one of pytest's

    field: Name
    compare: Is
    value: Annotated[str, Field(max_length=500)] | Number


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows count. Everything given must hold; of a list one must.

    Attributes:
        days: first and last local day, inclusive, ISO; null for open.
        times: [from, to), ISO; without a UTC offset the person's own clock; an interval counts if it overlaps.
        hours: [from, to) minutes of the local day by the start; from > to reaches over midnight.
        weekdays: 0 is Monday, of the local day.
        months: 1 to 12, of the local day.
        words: each must appear in the words of a row, whatever the case.
        about: each must appear where a person or place is named.
        once: where several sources recorded the same kind on the same local day, only the fullest counts.
        longest: of the rows of one kind on one local day only the longest counts (a nap is no night); what a source
            measured goes before what it only told the beginning and end of. Conditions on numbers come after that.
        apart: of records of one kind with the very same beginning and end only the first by id counts: several
            programs wrote down what happened once.
    """

    __pydantic_config__ = _STRICT

    days: tuple[Day | None, Day | None] = (None, None)
    times: tuple[Time | None, Time | None] = (None, None)
    hours: tuple[Annotated[int, Field(ge=0, lt=1440)], Annotated[int, Field(gt=0, le=1440)]] | None = None
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = ()
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    sources: tuple[Name, ...] = ()
    layers: tuple[Layer, ...] = ()
    origins: tuple[Origin, ...] = ()
    words: tuple[Name, ...] = ()
    about: tuple[Name, ...] = ()
    tests: tuple[Test, ...] = ()
    once: bool = False
    longest: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """How rows stand to others, the anchors; anchors that overlap or touch count as one.

    Attributes:
        how: ``during`` keeps what overlaps an anchor (and of it the time inside), ``outside`` what overlaps none;
            ``before`` and ``after`` keep what starts before an anchor starts or after it ended, outside of all.
        anchor: the rows it stands in relation to.
        within_s: no farther away than this many seconds (before, after); none: up to the next anchor.
        pick: of the rows of each anchor only this one: 1 the first, 2 the second, -1 the last.
    """

    __pydantic_config__ = _STRICT

    how: How
    anchor: Selection
    within_s: Annotated[int, Field(ge=1, le=LONGEST_S)] | None = None
    pick: Annotated[int, Field(ge=-1000, le=1000)] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Some rows of a life.

    Attributes:
        relations: applied one after another, before the times of `where`, so that the first row after an anchor is
            the first of all and not the first of the period.
        only: of all rows that are left only this one, in order of time: 1 the first, -1 the last.
    """

    __pydantic_config__ = _STRICT

    what: What
    where: Filter = Filter()
    relations: tuple[Relation, ...] = ()
    only: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A question that the life stream can answer.

    Attributes:
        select: the rows it is about.
        measure: what to compute of them.
        field: of which field: ``amount`` (the one number a row stands for), ``duration`` (seconds, inside the anchors),
            ``start`` or ``end`` (clock time, which is circular: 23:50 and 00:10 have the mean 00:00), or a number of
            the kind such as ``lat``.
        n: which one `Measure.NTH` means; negative ones count from the end.
        by: up to two groupings, of `BY_TIME` and `BY_THING`.
        per_day: divided by the days on which a source was heard.
        limit: at most so many rows or groups of things are given.
    """

    __pydantic_config__ = _STRICT

    select: Selection
    measure: Measure = Measure.COUNT
    field: Name = "amount"
    n: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    by: Annotated[tuple[Name, ...], Field(max_length=2)] = ()
    per_day: bool = False
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 100


@lru_cache(maxsize=1)  # building it takes longer than any query
def _adapter() -> TypeAdapter[Query]:
    return TypeAdapter(Query)


def from_json(raw: str | bytes) -> Query:
    """The query of its JSON form; unknown names, wrong types and impossible combinations are refused.

    Raises:
        Refused: ``query-json-wrong`` with every problem and its place, or ``query-not-possible``.
    """
    try:
        return checked(_adapter().validate_json(raw))
    except ValidationError as error:
        problems = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors()[:8])
        raise Refused(
            "query-json-wrong", f"This is not the JSON form of a query. {problems}. Nothing was asked."
        ) from (error)


def to_json(query: Query) -> dict[str, Json]:
    """The query as a JSON value, without what is as usual."""
    plain: dict[str, Json] = orjson.loads(canonical(query))
    return plain


def canonical(query: Query) -> str:
    """The one JSON text of a query: sorted names, nothing that is as usual."""
    plain: Any = _adapter().dump_python(query, mode="json", exclude_defaults=True)
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()


def json_schema() -> dict[str, Json]:
    """JSON Schema (draft 2020-12) of the JSON form, for a grammar or a form; no other names are allowed anywhere."""
    schema: dict[str, Json] = _adapter().json_schema()
    return schema


def checked(query: Query) -> Query:
    """The query itself, if its parts go together.

    Raises:
        Refused: ``query-not-possible`` and why.
    """
    for problem in (*_of_measure(query), *_of_groups(query), *_of_selection(query.select, 1)):
        raise Refused("query-not-possible", f"{problem} Nothing was asked.")
    return query


def _of_measure(query: Query) -> list[str]:
    measure, problems = query.measure, []
    if measure is Measure.SUM and query.field in CLOCKS:
        problems.append("Clock times have no sum; ask for their mean, median, min or max.")
    if query.field != "amount" and measure not in OF_A_FIELD:
        problems.append(f"“{measure}” is not taken of a field, so “{query.field}” has no place in it.")
    if (measure is Measure.NTH) != (query.n is not None) or query.n == 0:
        problems.append("“nth” needs n, which is not 0, and only “nth” has it.")
    if query.per_day and measure not in PER_DAY:
        problems.append(f"“per day” goes with {_listed(PER_DAY)}, not with “{measure}”.")
    return problems


def _of_groups(query: Query) -> list[str]:
    known = (*BY_TIME, *BY_THING)
    problems = [f"Nothing can be grouped by “{name}”; possible: {', '.join(known)}." for name in query.by
                if name not in known]  # fmt: skip
    if len(set(query.by)) < len(query.by):
        problems.append("It is grouped twice by the same.")
    if query.by and query.measure is Measure.LIST:
        problems.append("A list is not grouped; ask for count, first or last by group, or leave the groups out.")
    return problems


def _of_selection(select: Selection, depth: int) -> list[str]:
    problems = []
    if depth > MOST_DEPTH:
        problems.append(f"Relations are nested more than {MOST_DEPTH} deep.")
    if not select.what.names and select.what.of in {Of.EPISODES, Of.SAMPLES}:
        problems.append(f"Of {select.what.of} at least one kind must be named.")
    if select.only == 0 or any(relation.pick == 0 for relation in select.relations):
        problems.append("There is no 0th; the first is 1, the last -1.")
    for test in select.where.tests:
        if test.compare in ORDERED and isinstance(test.value, str):
            problems.append(f"“{test.field} {test.compare}” needs a number.")
    problems += _of_times(select.where) + _of_origin(select)
    for relation in select.relations:
        if relation.within_s is not None and relation.how in {How.DURING, How.OUTSIDE}:
            problems.append(f"“within” goes with before and after, not with {relation.how}.")
        if relation.pick is not None and relation.how is How.OUTSIDE:
            problems.append("What is outside of everything is not picked by anchor.")
        problems += _of_selection(relation.anchor, depth + 1)
    return problems


def _of_origin(select: Selection) -> list[str]:
    """What rows of a sort do not have cannot be asked of them."""
    where = select.where
    if select.what.of in {Of.EPISODES, Of.VISITS} and (where.sources or where.layers or where.origins):
        return [f"{select.what.of.capitalize()} are found in several sources; they have no source, layer or origin."]
    if select.what.of is Of.SAMPLES and (where.origins or where.words or where.about):
        return ["Samples say no words and are from nobody but the device."]
    return []


def _of_times(where: Filter) -> list[str]:
    problems = []
    for written in (*where.days, *where.times):
        try:
            datetime.fromisoformat(written or "2000-01-01")
        except ValueError:
            problems.append(f"“{written}” is no date or time of the calendar.")
    if where.days[0] is not None and where.days[1] is not None and where.days[0] > where.days[1]:
        problems.append("A period ends before it begins.")
    return problems


def _listed(measures: frozenset[Measure]) -> str:
    return ", ".join(sorted(measures))


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in parts) or "the whole"
