"""Reads the little language, as in “mean duration of sleep by weekday in 2023”; the grammar is in docs/query.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from hearthside.events import Layer, Origin
from hearthside.memory.asking.names import named_place, resolve
from hearthside.memory.asking.periods import BEGINS, Cursor, read_time
from hearthside.memory.asking.query import (
    BY_THING,
    BY_TIME,
    FIELDS,
    Filter,
    How,
    Is,
    Measure,
    Query,
    Relation,
    Selection,
    What,
    canonical,
    checked,
    from_json,
)
from hearthside.memory.asking.query import Test as Condition
from hearthside.memory.asking.source import Vocabulary
from hearthside.memory.asking.tokens import Token, complain, tokens_of

_MEASURES = {
    "count": Measure.COUNT, "number": Measure.COUNT, "days": Measure.DAYS, "list": Measure.LIST, "show": Measure.LIST,
    "sum": Measure.SUM, "total": Measure.SUM, "mean": Measure.MEAN, "average": Measure.MEAN, "median": Measure.MEDIAN,
    "min": Measure.MIN, "minimum": Measure.MIN, "least": Measure.MIN, "max": Measure.MAX, "maximum": Measure.MAX,
    "most": Measure.MAX, "time": Measure.TIME, "share": Measure.SHARE, "gap": Measure.GAP,
    "streak": Measure.STREAK, "pause": Measure.PAUSE,
}  # fmt: skip
_EXTREMES = {
    "longest": (Measure.MAX, "duration"), "shortest": (Measure.MIN, "duration"),
    "earliest": (Measure.MIN, "start"), "latest": (Measure.MAX, "start"),
}  # fmt: skip
_TAKES_FIELD = frozenset({Measure.SUM, Measure.MEAN, Measure.MEDIAN, Measure.MIN, Measure.MAX})
_LONGEST = frozenset({Measure.GAP, Measure.STREAK, Measure.PAUSE})
_ORDINALS = {"first": 1, "next": 1, "last": -1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_BEFORE_OF = frozenset({"records", "episodes", "samples", "visits"})
_HOW = {how.value: how for how in How}
_SPANS = {"s": 1, "sec": 1, "second": 1, "seconds": 1, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hour": 3600,
          "hours": 3600, "d": 86_400, "day": 86_400, "days": 86_400, "week": 604_800, "weeks": 604_800}  # fmt: skip
_CLAUSES = (
    "during", "outside", "within 2 h before", "within 2 h after", "before", "after", "at", "where", "mentioning",
    "with", "source", "layer", "origin", "counted once", "longest of each day", "without doubles", *BEGINS, "by",
    "per day", "limit",
)  # fmt: skip
_GROUPS = (*BY_TIME, *BY_THING)


def parse(text: str, known: Vocabulary, now_ms: int, offset_min: int) -> Query:
    """The query that a text in the little language asks for.

    Args:
        known: the names there are, so that a bare name can be told (`vocabulary_of`).
        now_ms, offset_min: the present and the person's UTC offset, for “last week” and the like.

    Raises:
        Refused: ``query-wrong`` with the place and what would be possible there, ``query-not-possible``.
    """

    def fail(token: Token, why: str, possible: tuple[str, ...]) -> NoReturn:
        complain(text, token, why, possible)

    reader = _Reader(Cursor(tokens_of(text), 0, fail, now_ms, offset_min), fail, known)
    return from_json(canonical(checked(reader.query())))  # the strict check of every value


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the beginning says is to be computed."""

    measure: Measure = Measure.COUNT
    field: str = "amount"
    n: int | None = None
    place: int | None = None  # an ordinal without “of”


@dataclass(slots=True)
class _Reader:
    """Recursive descent; one method for each part of the grammar."""

    cursor: Cursor
    fail: Callable[[Token, str, tuple[str, ...]], NoReturn]
    known: Vocabulary

    def query(self) -> Query:
        """The whole text."""
        asked = self.measure()
        select, each = self.selection(top=True)
        if (place := asked.place) is not None:
            if each:  # “first message after each sleep”: one for each, listed
                select, asked = _with_pick(select, place), _Asked(Measure.LIST)
            else:
                asked = _of_place(place)
        query = Query(select, asked.measure, asked.field, asked.n)
        query = self.shaping(query)
        if self.cursor.peek().kind != "end":
            token = self.cursor.peek()
            self.fail(token, f"“{token.raw}” cannot stand here", _CLAUSES)
        return query

    # -- what is computed ----------------------------------------------------------------------------------------------

    def measure(self) -> _Asked:
        cursor = self.cursor
        cursor.took("the")
        for word in ("gap", "streak", "pause"):
            if cursor.took("longest", word):
                return self.counted(_MEASURES[word])
        if cursor.took("how", "many"):
            return _Asked(Measure.COUNT)
        if (place := self.ordinal()) is not None:
            numbered = cursor.peek(-1).kind == "place" or cursor.peek(-2).kind == "place"
            if cursor.took("of"):
                return _Asked(Measure.NTH, n=place) if numbered else _of_place(place)
            return _Asked(place=place)
        word = cursor.peek().low if cursor.peek().kind == "word" else ""
        if word in _EXTREMES:
            cursor.take()
            measure, field = _EXTREMES[word]
            return _Asked(measure, self.field_of() or field)
        if word not in _MEASURES or (word in self.known.kinds and cursor.peek(1).low != "of"):
            return _Asked()
        cursor.take()
        return self.counted(_MEASURES[word])

    def counted(self, measure: Measure) -> _Asked:
        """After the name of a measure: its field, and the “of” that may follow."""
        cursor = self.cursor
        if measure in _TAKES_FIELD:
            return _Asked(measure, self.field_of() or "amount")
        if measure is Measure.SHARE:
            _ = cursor.took("of", "time") or cursor.took("time")
        _ = cursor.took("of") or (measure in {Measure.TIME, Measure.SHARE} and cursor.took("in"))
        _ = measure is Measure.DAYS and cursor.took("with")
        _ = measure in _LONGEST and cursor.took("between")
        return _Asked(measure)

    def field_of(self) -> str:
        """A field and “of”, or “of” alone, or nothing."""
        cursor = self.cursor
        if cursor.took("of"):
            return ""
        token, following = cursor.peek(), cursor.peek(1).low
        named = token.kind in {"word", "text"} and following == "of" and token.low not in _BEFORE_OF
        if not named and not (token.low in FIELDS and token.low not in self.known.kinds):
            return ""
        cursor.take()
        cursor.took("of")
        return token.text

    def ordinal(self) -> int | None:
        """``first``, ``3rd``, ``2nd last``; None when no ordinal comes."""
        cursor, token = self.cursor, self.cursor.peek()
        if token.kind == "place":
            place = int(token.raw[:-2])
        elif token.kind == "word" and token.low in _ORDINALS:
            place = _ORDINALS[token.low]
        else:
            return None
        cursor.take()
        return -place if place > 0 and cursor.took("last") else place

    # -- of what -------------------------------------------------------------------------------------------------------

    def selection(self, top: bool = False) -> tuple[Selection, bool]:
        """Rows with their clauses, and whether one of the relations asks for each anchor without saying which row."""
        cursor = self.cursor
        only = None
        if cursor.peek().low == "the" or not top or self.cursor.peek(-1).low == "of":
            cursor.took("the")
            only = self.ordinal()
        select = Selection(self.what(), only=only)
        each = False
        while True:
            cursor.took(",")
            found = self.clause(select)
            if found is None:
                break
            select, asks = found
            each = each or asks
        if each and select.only is not None:
            select, each = _with_pick(replace(select, only=None), select.only), False
        return select, each

    def what(self) -> What:
        return resolve(self.cursor, self.known, self.fail)

    # -- clauses -------------------------------------------------------------------------------------------------------

    def clause(self, select: Selection) -> tuple[Selection, bool] | None:
        """The selection with the clause that comes next, or None when none comes."""
        cursor, where = self.cursor, select.where
        timed = read_time(cursor, where)
        if timed is not None:
            return replace(select, where=timed), False
        word = cursor.peek().low if cursor.peek().kind == "word" else ""
        if word in {"the", "within", *_HOW} or (word == "in" and cursor.peek(1).low == "the"):
            relation, each = self.relation()
            return replace(select, relations=(*select.relations, relation)), each
        if word == "at":
            cursor.take()
            anchor = Selection(named_place(cursor, self.fail))
            return replace(select, relations=(*select.relations, Relation(How.DURING, anchor))), False
        filtered = self.condition(word, where)
        return None if filtered is None else (replace(select, where=filtered), False)

    def condition(self, word: str, where: Filter) -> Filter | None:
        cursor = self.cursor
        match word:
            case "where":
                cursor.take()
                return replace(where, tests=(*where.tests, *self.tests()))
            case "mentioning" | "containing" | "saying":
                cursor.take()
                return replace(where, words=(*where.words, *self.names("and")))
            case "with" | "about":
                cursor.take()
                return replace(where, about=(*where.about, *self.names("and")))
            case "source" | "from":
                cursor.take()
                return replace(where, sources=(*where.sources, *self.names("or", tuple(sorted(self.known.sources)))))
            case "layer":
                cursor.take()
                return replace(where, layers=tuple(Layer(name) for name in self.chosen(tuple(Layer))))
            case "origin":
                cursor.take()
                return replace(where, origins=tuple(Origin(name) for name in self.chosen(tuple(Origin))))
        if cursor.took("counted", "once") or cursor.took("once"):
            return replace(where, once=True)
        if cursor.took("longest", "of", "each", "day"):
            return replace(where, longest=True)
        if cursor.took("without", "doubles"):
            return replace(where, apart=True)
        return None

    def relation(self) -> tuple[Relation, bool]:
        cursor = self.cursor
        place = self.ordinal() if cursor.took("the") else None
        within = self.span() if cursor.took("within") or cursor.took("in", "the") else None
        token = cursor.take()
        if token.low not in _HOW:
            self.fail(token, "it is not said how it stands to something else", tuple(_HOW))
        each = cursor.took("each") or cursor.took("every")
        if cursor.took("("):
            anchor, asks = self.selection()
            if asks:
                self.fail(cursor.peek(), "it is not said which one of each is meant", ("the first after each …",))
            if not cursor.took(")"):
                self.fail(cursor.peek(), "a bracket is not closed", (")", *_CLAUSES))
        else:
            cursor.took("the")
            only = self.ordinal()
            anchor = Selection(self.what(), only=only)
        return Relation(_HOW[token.low], anchor, within, place), each and place is None

    def span(self) -> int:
        """A length of time, seconds; without a number one of the unit."""
        cursor = self.cursor
        number = float(cursor.take().raw) if cursor.peek().kind == "number" else 1.0
        unit = cursor.take()
        if unit.low not in _SPANS or number <= 0:
            self.fail(unit, "a length of time is missing", ("30 s", "10 min", "2 h", "3 d", "1 week"))
        return max(round(number * _SPANS[unit.low]), 1)

    def tests(self) -> tuple[Condition, ...]:
        """``artist ~ 'Radiohead' and duration > 2 h``."""
        cursor, found = self.cursor, list[Condition]()
        while True:
            field, sign = cursor.take(), cursor.take()
            if field.kind not in {"word", "text"}:
                self.fail(field, "a field is missing", (*FIELDS[:2], *BY_THING[6:]))
            if sign.raw not in [one.value for one in Is]:
                self.fail(sign, "it is not said how the field is compared", tuple(one.value for one in Is))
            found.append(Condition(field.text, Is(sign.raw), self.value()))
            if not (cursor.peek().low == "and" and cursor.peek(2).kind == "sign"):
                return tuple(found)
            cursor.take()

    def value(self) -> str | float:
        token = self.cursor.take()
        if token.kind == "number":
            unit = self.cursor.peek()
            factor = 1 if unit.kind != "word" or unit.low not in _SPANS else _SPANS[self.cursor.take().low]
            return float(token.raw) * factor
        if token.kind not in {"word", "text", "date", "clock", "place", "month", "time"}:
            self.fail(token, "a value is missing", ("'words'", "12", "2 h"))
        return token.text

    def names(self, joint: str, possible: tuple[str, ...] = ()) -> tuple[str, ...]:
        cursor, found = self.cursor, list[str]()
        while True:
            token = cursor.take()
            if token.kind not in {"word", "text", "number"}:
                self.fail(token, "a name is missing", possible or ("'a name'",))
            found.append(token.text)
            if not cursor.took(joint):
                return tuple(found)

    def chosen(self, possible: tuple[str, ...]) -> tuple[str, ...]:
        begin = self.cursor.peek()
        found = tuple(name.casefold() for name in self.names("or", possible))
        for name in found:
            if name not in possible:
                self.fail(begin, f"“{name}” is none of them", possible)
        return found

    # -- how the answer is given ---------------------------------------------------------------------------------------

    def shaping(self, query: Query) -> Query:
        """Groups, “per day” and limit; times and other conditions may come between and after."""
        cursor = self.cursor
        while True:
            cursor.took(",")
            if cursor.took("by") or (cursor.peek().low == "per" and cursor.peek(1).low != "day" and cursor.took("per")):
                query = replace(query, by=(*query.by, *self.groups()))
            elif cursor.took("per", "day"):
                query = replace(query, per_day=True)
            elif cursor.peek().low in {"limit", "top"}:
                cursor.take()
                number = cursor.take()
                if number.kind != "number" or not number.raw.isdigit():
                    self.fail(number, "a number is missing", ("10", "100"))
                query = replace(query, limit=int(number.raw))
            else:
                more = self.clause(query.select)
                if more is None:
                    return query
                query = replace(query, select=more[0])
                if more[1]:
                    self.fail(cursor.peek(), "“each” must stand before “by”", ())

    def groups(self) -> tuple[str, ...]:
        cursor, found = self.cursor, list[str]()
        while True:
            token = cursor.take()
            name = "month_of_year" if token.low == "month" and cursor.took("of", "year") else token.low
            if name not in _GROUPS:
                self.fail(token, f"nothing is grouped by “{token.raw}”", _GROUPS)
            found.append(name)
            if not (cursor.peek().low in {"and", ","} and cursor.peek(1).low in _GROUPS):
                return tuple(found)
            cursor.take()


def _of_place(place: int) -> _Asked:
    if place in (1, -1):
        return _Asked(Measure.FIRST if place == 1 else Measure.LAST)
    return _Asked(Measure.NTH, n=place)


def _with_pick(select: Selection, place: int) -> Selection:
    """The first relation that can pick takes this row of each anchor."""
    relations = list(select.relations)
    at = next(i for i, one in enumerate(relations) if one.pick is None and one.how is not How.OUTSIDE)
    relations[at] = replace(relations[at], pick=place)
    return replace(select, relations=tuple(relations))
