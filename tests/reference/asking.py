"""Slow reference of the typed query: straight from the definitions, row by row in plain Python, over a small life."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import fmean, median

from hearthside.alignment.kinds import rule_of
from hearthside.events import DAY_MS, MINUTE_MS
from hearthside.memory.asking.query import BY_TIME, CLOCKS, Filter, How, Is, Measure, Of, Query, Relation, Selection
from hearthside.memory.asking.query import Test as Condition
from hearthside.memory.asking.source import read_by
from tests.memory.asking.lives import Happened, SmallLife

Span = tuple[int, int]
Key = tuple[str | None, ...]
_ALL = (-(10**17), 10**17)
_PARTS: dict[tuple[str, str], Callable[[str, str], str]] = {
    ("listen", "artist"): lambda text, note: text.split(" – ")[0],
    ("listen", "label"): lambda text, note: text.split(" – ")[0],
    ("message", "person"): lambda text, note: note.split(" · ")[-1],
    ("message", "label"): lambda text, note: note.split(" · ")[0],
    ("app_use", "label"): lambda text, note: note,
}


@dataclass(frozen=True)
class Line:
    """One row."""

    start: int
    end: int | None
    by_day: bool
    offset: int
    day: int
    amount: float | None
    source: str
    kind: str
    layer: str
    origin: str
    text: str
    note: str
    numbers: dict[str, float]
    ids: tuple[bytes, ...]
    held: int = 0
    end_offset: int = 0

    @property
    def span(self) -> Span:
        """An instant lasts a millisecond."""
        return self.start, max(self.end or self.start, self.start + 1)


@dataclass(frozen=True)
class Told:
    """One value with what it rests on: value, rows, local days of the period, days heard."""

    value: float | None
    count: int
    days: int
    heard: int


@dataclass(frozen=True)
class Expected:
    """What an answer must say."""

    groups: dict[Key, Told]
    count: int
    days: int
    ids: set[str]
    asked: int
    heard: int


# -- rows --------------------------------------------------------------------------------------------------------------


def _lines(life: SmallLife, select: Selection) -> list[Line]:
    """All rows there are of this sort, by (start, id)."""
    what, found = select.what, list[Line]()
    if what.of is Of.EVENTS:
        for one in life.happened:
            if not what.names or one.kind in what.names:
                found.append(Line(
                    one.start_ms, one.end_ms, one.by_day, life.offset_of(one), life.day_of(one), one.amount, one.source,
                    one.kind, one.layer.value, one.origin.value, one.text, one.note, dict(one.numbers), (one.id,), 0,
                    _end_offset(life, one),
                ))  # fmt: skip
        found.sort(key=lambda line: (line.start, line.ids))
    elif what.of is Of.SAMPLES:
        for day, parts in life.sampled.items():
            for part in parts:
                for minute, value in enumerate(part.values.tolist()):
                    if part.measure in what.names and not math.isnan(value):
                        at = day * DAY_MS + minute * MINUTE_MS
                        offset = life.offset_at(at)
                        here = (at + offset * MINUTE_MS) // DAY_MS
                        found.append(Line(at, at + MINUTE_MS, False, offset, here, value, part.source, part.measure,
                                          part.layer.value, "", "", "", {}, (), 0, offset))  # fmt: skip
        found.sort(key=lambda line: line.start)
    else:
        roles = {spot.id: spot.role for spot in life.spots}
        things = [(e.start_ms, e.end_ms, e.kind, e.label, e.evidence, e.kind) for e in life.found]
        names = [(v.start_ms, v.end_ms, "visit", v.label, v.evidence, v) for v in life.stayed]
        for start, end, kind, label, ids, _ in things if what.of is Of.EPISODES else []:
            if kind in what.names:
                found.append(_thing(life, start, end, kind, label, ids))
        for start, end, kind, label, ids, visit in names if what.of is Of.VISITS else []:
            called = {visit.label.casefold(), visit.place_id.casefold(), roles.get(visit.place_id, "")}
            if not what.names or called & {name.casefold() for name in what.names}:
                found.append(_thing(life, start, end, kind, label, ids))
        found.sort(key=lambda line: (line.start, line.end or 0, line.kind, line.text))
    return [replace(line, held=0 if line.end is None else line.end - line.start) for line in found]


def _end_offset(life: SmallLife, one: Happened) -> int:
    if rule_of(one.kind).day_by_end and one.end_ms is not None and one.carried_min is not None:
        return one.carried_min
    return life.offset_at(one.end_ms or one.start_ms)


def _thing(life: SmallLife, start: int, end: int, kind: str, label: str, ids: tuple[bytes, ...]) -> Line:
    at = end if rule_of(kind).day_by_end else start
    day = (at + life.offset_at(at) * MINUTE_MS) // DAY_MS
    return Line(
        start, end, False, life.offset_at(start), day, (end - start) / 1000, "", kind, "", "", label, "", {}, ids,
        0, life.offset_at(end),
    )  # fmt: skip


def _meets(line: Line, where: Filter) -> bool:
    both = f"{line.text}\n{line.note}".casefold()
    named = line.text if line.kind.startswith("region") or not line.source else line.note
    return (
        (not where.sources or line.source in where.sources)
        and (not where.layers or line.layer in where.layers)
        and (not where.origins or line.origin in where.origins)
        and all(word.casefold() in both for word in where.words)
        and all(name.casefold() in named.casefold() for name in where.about)
        and all(_holds(line, test) for test in where.tests if isinstance(test.value, str) or not where.longest)
    )


def _holds(line: Line, test: Condition) -> bool:
    if isinstance(test.value, str):
        words, wanted = (_word(line, test.field) or "").casefold(), test.value.casefold()
        found = bool(words) and (wanted in words if test.compare in {Is.HOLDS, Is.HOLDS_NOT} else wanted == words)
        return found != (test.compare in {Is.HOLDS_NOT, Is.UNEQUAL})
    value = _number(line, test.field)
    if value is None:
        return False
    return {
        Is.EQUAL: value == test.value, Is.UNEQUAL: value != test.value, Is.LESS: value < test.value,
        Is.AT_MOST: value <= test.value, Is.MORE: value > test.value, Is.AT_LEAST: value >= test.value,
    }[test.compare]  # fmt: skip


def _word(line: Line, name: str) -> str | None:
    if not line.ids and line.source:  # a sample says nothing
        return None
    if name in {"text", "note"}:
        return (line.text if name == "text" else line.note) or None
    part = _PARTS.get((line.kind if line.source else "", name))
    if part is not None:
        return part(line.text, line.note) or None
    return (line.text or None) if name == "label" else None


def _number(line: Line, name: str) -> float | None:
    if name == "duration":
        return None if line.end is None else line.held / 1000
    return line.amount if name == "amount" else line.numbers.get(name)


# -- selecting ---------------------------------------------------------------------------------------------------------


def _select(life: SmallLife, select: Selection, as_time: bool = False) -> tuple[list[Line], list[Span], list[Span]]:
    """Rows; the spans that `during` leaves and those that `outside` takes away."""
    where = select.where
    lines = [line for line in _lines(life, select) if _meets(line, where)]
    if select.relations or where.hours is not None:
        lines = [line for line in lines if not line.by_day]
    inside, without = [_ALL], list[Span]()
    for relation in select.relations:
        anchors = _merged([line.span for line in _select(life, relation.anchor)[0] if not line.by_day])
        if relation.how is How.DURING:
            inside = [(max(a, c), min(b, d)) for a, b in inside for c, d in anchors if max(a, c) < min(b, d)]
        if relation.how is How.OUTSIDE and as_time:
            without += anchors
        lines = _related(lines, relation, anchors, inside, as_time)
    overlapping = as_time and not (where.once or where.longest or where.apart) and select.only is None
    lines = [line for line in lines if _in_period(life, line, where, overlapping)]
    if where.apart:
        same = {(x.kind, x.start, x.end): x for x in reversed(lines) if x.end is not None}
        lines = [x for x in lines if x.end is None or same[x.kind, x.start, x.end] is x]
    if where.once:
        lines = _fullest(lines)
    if where.longest:
        lines = _longest_of_days(lines)
        lines = [line for line in lines if all(_holds(line, test) for test in where.tests)]
    if select.only is not None:
        lines = _nth(lines, select.only)
    return lines, inside, without


def _merged(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _shared(span: Span, others: Sequence[Span]) -> int:
    return sum(max(min(span[1], b) - max(span[0], a), 0) for a, b in others)


def _related(
    lines: list[Line], relation: Relation, anchors: list[Span], inside: list[Span], as_time: bool
) -> list[Line]:
    groups: dict[int, list[Line]] = {}
    for line in lines:
        group = _group_of(line, relation, anchors, inside, as_time)
        if group is not None:
            if relation.how is How.DURING:
                line = replace(line, held=min(line.held, _shared(line.span, inside)))
            groups.setdefault(group, []).append(line)
    kept = [line for rows in groups.values() for line in (rows if relation.pick is None else _nth(rows, relation.pick))]
    return [line for line in _in_order(lines, kept)]


def _in_order(before: list[Line], kept: list[Line]) -> list[Line]:
    place = {(line.start, line.end, line.kind, line.source, line.text, line.ids): i for i, line in enumerate(before)}
    return sorted(kept, key=lambda x: place[x.start, x.end, x.kind, x.source, x.text, x.ids])


def _group_of(line: Line, relation: Relation, anchors: list[Span], inside: list[Span], as_time: bool) -> int | None:
    """Which anchor a row belongs to, None for none."""
    start, end = line.span
    if relation.how is How.OUTSIDE:
        shared = _shared(line.span, anchors)
        return 0 if shared == 0 or (as_time and shared < end - start) else None
    if relation.how is How.DURING:
        if not _shared(line.span, inside):
            return None
        return next(i for i, (_, until) in enumerate(anchors) if until > start)
    if any(a <= start < b for a, b in anchors):
        return None
    within = None if relation.within_s is None else relation.within_s * 1000
    if relation.how is How.AFTER:
        past = [i for i, (_, b) in enumerate(anchors) if b <= start]
        near = past and (within is None or start - anchors[past[-1]][1] < within)
        return past[-1] if near else None
    coming = [i for i, (a, _) in enumerate(anchors) if a > start]
    near = coming and (within is None or anchors[coming[0]][0] - start <= within)
    return coming[0] if near else None


def _nth(rows: list[Line], place: int) -> list[Line]:
    at = place - 1 if place > 0 else len(rows) + place
    return [rows[at]] if 0 <= at < len(rows) else []


def _in_period(life: SmallLife, line: Line, where: Filter, overlapping: bool) -> bool:
    low, high = _times(life, where)
    if line.by_day:
        midnight = line.start - line.offset * MINUTE_MS
        if midnight < low or midnight + DAY_MS > high:
            return False
    elif line.span[1] <= low or line.start >= high:
        return False
    if overlapping:
        return True
    return _day_fits(line.day, where) and (
        where.hours is None or _minute_fits((line.start // MINUTE_MS + line.offset) % 1440, where)
    )


def _times(life: SmallLife, where: Filter) -> Span:
    bounds = []
    for written, otherwise in zip(where.times, _ALL, strict=True):
        bounds.append(otherwise if written is None else _moment(life, written))
    return bounds[0], bounds[1]


def _moment(life: SmallLife, written: str) -> int:
    told = datetime.fromisoformat(written)
    if told.tzinfo is not None:
        return round(told.timestamp() * 1000)
    naive = round(told.replace(tzinfo=UTC).timestamp() * 1000)
    fitting = [naive - o * MINUTE_MS for _, o in life.steps.changes if life.offset_at(naive - o * MINUTE_MS) == o]
    return min(fitting) if fitting else naive - life.offset_at(naive - DAY_MS) * MINUTE_MS


def _day_fits(day: int, where: Filter) -> bool:
    when = date(1970, 1, 1) + timedelta(days=day)
    return (
        (where.days[0] is None or when.isoformat() >= where.days[0])
        and (where.days[1] is None or when.isoformat() <= where.days[1])
        and (not where.weekdays or when.weekday() in where.weekdays)
        and (not where.months or when.month in where.months)
    )


def _minute_fits(minute: int, where: Filter) -> bool:
    if where.hours is None:
        return True
    first, last = where.hours
    return first <= minute < last if first < last else minute >= first or minute < last


def _fullest(lines: list[Line]) -> list[Line]:
    cells: dict[tuple[int, str], dict[str, list[Line]]] = {}
    for line in lines:
        cells.setdefault((line.day, line.kind), {}).setdefault(line.source, []).append(line)
    best = {
        cell: min(by_source, key=lambda s: (-sum(x.amount or 0 for x in by_source[s]), -len(by_source[s]), s))
        for cell, by_source in cells.items()
    }
    return [line for line in lines if best[line.day, line.kind] == line.source]


def _longest_of_days(lines: list[Line]) -> list[Line]:
    def measured(line: Line) -> bool:
        length = ((line.end or line.start) - line.start) / 1000
        return bool(line.amount) and abs((line.amount or 0) - length) > 1

    kept = []
    for day, kind in dict.fromkeys((line.day, line.kind) for line in lines):
        same = [line for line in lines if (line.day, line.kind) == (day, kind)]
        better = [line for line in same if measured(line)] or same
        kept.append(max(better, key=lambda line: (line.end or line.start) - line.start))
    return [line for line in lines if any(line is one for one in kept)]


# -- groups ------------------------------------------------------------------------------------------------------------


@cache
def _day_key(name: str, day: int) -> str:
    when = date(1970, 1, 1) + timedelta(days=day)
    year, week, _ = when.isocalendar()
    return {
        "weekday": when.strftime("%A"), "day": when.isoformat(), "week": f"{year}-W{week:02d}",
        "month": when.isoformat()[:7], "year": when.isoformat()[:4], "month_of_year": when.strftime("%B"),
    }[name]  # fmt: skip


def _key(life: SmallLife, name: str, line: Line) -> tuple[bool, str | None]:
    """Whether the row belongs to a group, and which."""
    if name == "hour":
        return not line.by_day, f"{(line.start // MINUTE_MS + line.offset) // 60 % 24:02d}"
    if name in BY_TIME:
        return True, _day_key(name, line.day)
    if name == "place":
        here = [v for v in life.stayed if v.start_ms <= line.start]
        newest = max(here, key=lambda v: v.start_ms, default=None)
        inside = newest is not None and line.start < newest.end_ms and not line.by_day
        return True, newest.label if newest is not None and inside else None
    if name in {"source", "kind", "layer", "origin"}:
        return True, getattr(line, name) or None
    return True, _word(line, name)


def _value(life: SmallLife, query: Query, rows: list[Line]) -> float | None:
    match query.measure:
        case Measure.COUNT | Measure.LIST:
            return float(len(rows))
        case Measure.DAYS:
            return float(len({line.day for line in rows}))
        case Measure.FIRST | Measure.LAST | Measure.NTH:
            place = query.n or (1 if query.measure is Measure.FIRST else -1)
            found = _nth(rows, place)
            return float(found[0].start) if found else None
        case Measure.GAP:
            spans = _merged([_whole(line) for line in rows])
            return max(((b[0] - a[1]) / 1000 for a, b in pairwise(spans)), default=None)
        case Measure.STREAK:
            there = {line.day for line in rows}
            return float(max((_days_from(day, there) for day in there), default=0))
        case Measure.PAUSE:
            days = sorted({line.day for line in rows})
            return max((float(b - a - 1) for a, b in pairwise(days)), default=None)
    values = [value for line in rows if (value := _field(life, query.field, line)) is not None]
    if not values:
        return None
    if query.field in CLOCKS:
        return _clock(query.measure, values)
    how: dict[Measure, Callable[[list[float]], float]] = {
        Measure.SUM: math.fsum, Measure.MEAN: fmean, Measure.MEDIAN: median, Measure.MIN: min, Measure.MAX: max,
    }  # fmt: skip
    return how[query.measure](values)


def _days_from(day: int, there: set[int]) -> int:
    return 1 + _days_from(day + 1, there) if day in there else 0


def _whole(line: Line) -> Span:
    midnight = line.start - line.offset * MINUTE_MS
    return (midnight, midnight + DAY_MS) if line.by_day else (line.start, max(line.end or line.start, line.start))


def _field(life: SmallLife, name: str, line: Line) -> float | None:
    if name not in CLOCKS:
        return _number(line, name)
    if line.by_day or (name == "end" and line.end is None):
        return None
    at = line.start if name == "start" else line.end or 0
    offset = line.offset if name == "start" else line.end_offset
    return (at / MINUTE_MS + offset) % 1440


def _clock(measure: Measure, minutes: list[float]) -> float | None:
    angles = [minute * 2 * math.pi / 1440 for minute in minutes]
    x, y = fmean(math.cos(a) for a in angles), fmean(math.sin(a) for a in angles)
    if math.hypot(x, y) < 1e-9:
        return None
    mean = math.atan2(y, x) * 1440 / (2 * math.pi) % 1440
    how: dict[Measure, Callable[[list[float]], float]] = {
        Measure.MEAN: fmean, Measure.MEDIAN: median, Measure.MIN: min, Measure.MAX: max,
    }  # fmt: skip
    return (how[measure]([(minute - mean + 720) % 1440 - 720 for minute in minutes]) + mean) % 1440


# -- the answer --------------------------------------------------------------------------------------------------------


def expected(life: SmallLife, query: Query, now_ms: int) -> Expected:
    """What the answer must be."""
    as_time = query.measure in {Measure.TIME, Measure.SHARE}
    rows, inside, without = _select(life, query.select, as_time)
    heard_days, asked = _period(life, query.select, rows, now_ms)
    heard = [day for day in asked if day in heard_days]
    if as_time:
        return _filled(life, query, rows, inside, without, asked, heard)
    cells: dict[Key, list[Line]] = {key: [] for key in _all_keys(query, asked)}
    used = []
    for line in rows:
        keys = [_key(life, name, line) for name in query.by]
        if all(belongs for belongs, _ in keys):
            cells.setdefault(tuple(key for _, key in keys), []).append(line)
            used.append(line)
    groups = {}
    for key, lines in cells.items():
        days, known = _count_days(query.by, key, asked), _count_days(query.by, key, heard)
        value = _value(life, query, lines)
        if query.measure in {Measure.COUNT, Measure.DAYS, Measure.STREAK} and not value and not known:
            value = None
        if query.per_day:
            value = None if value is None or not known else value / known
        groups[key] = Told(value, len(lines), days, known)
    ids = {identity.hex() for line in used for identity in line.ids}
    return Expected(groups, len(rows), len({line.day for line in rows}), ids, len(asked), len(heard))


def _all_keys(query: Query, asked: list[int]) -> list[Key]:
    """The groups of time that are given whether anything is in them or not."""
    if not query.by:
        return [()]
    if any(name not in BY_TIME for name in query.by):
        return []
    hours = sorted({f"{m // 60:02d}" for m in range(1440) if _minute_fits(m, query.select.where)})
    axes = [hours if name == "hour" else sorted({_day_key(name, day) for day in asked}) for name in query.by]
    return [(a,) for a in axes[0]] if len(axes) == 1 else [(a, b) for a in axes[0] for b in axes[1]]


def _count_days(by: Sequence[str], key: Key, days: list[int]) -> int:
    """Days that belong to a group: every day has each hour and each thing."""
    return sum(
        all(name not in BY_TIME or name == "hour" or _day_key(name, day) == part
            for name, part in zip(by, key, strict=True))
        for day in days
    )  # fmt: skip


def _period(life: SmallLife, select: Selection, rows: list[Line], now_ms: int) -> tuple[set[int], list[int]]:
    """Days on which a source was heard, and the days the query is about."""
    where, heard, lost = select.where, {line.day for line in rows}, set[int]()
    if select.what.of is Of.EVENTS:
        plain = [line for line in _lines(life, Selection(select.what))
                 if (not where.sources or line.source in where.sources)
                 and (not where.layers or line.layer in where.layers)]  # fmt: skip
        able = {x.source for x in life.happened if not select.what.names or x.kind in select.what.names}
        able = {source for source in able if not where.sources or source in where.sources}
        heard |= {line.day for line in plain}
        heard |= {x.start_ms // DAY_MS for x in life.happened if x.source in able}
        heard |= {day for day, parts in life.sampled.items() for part in parts
                  if part.source in able and any(v == v for v in part.values.tolist())}  # fmt: skip
    if select.what.of is Of.SAMPLES:
        heard |= {
            line.day
            for line in _lines(life, select)
            if _meets(line, Filter(sources=where.sources, layers=where.layers))
        }
    if select.what.of in {Of.EPISODES, Of.VISITS}:
        names = select.what.names if select.what.of is Of.EPISODES else ("visit",)
        kinds = {kind for name in names for kind in read_by(name)}
        heard |= {x.start_ms // DAY_MS for x in life.happened if x.kind in kinds}
        heard |= {day for day, parts in life.sampled.items() for part in parts
                  if part.measure in kinds and any(v == v for v in part.values.tolist())}  # fmt: skip
    for anchor in _anchors(select):
        known = _anchor_days(life, anchor)
        heard_too = {day for day in heard if known & {day - 1, day, day + 1}}
        lost |= heard - heard_too
    today = (now_ms + life.offset_at(now_ms) * MINUTE_MS) // DAY_MS
    firsts, lasts = list[int](), list[int]()
    if where.days[0] is not None:
        firsts.append((date.fromisoformat(where.days[0]) - date(1970, 1, 1)).days)
    if where.days[1] is not None:
        lasts.append((date.fromisoformat(where.days[1]) - date(1970, 1, 1)).days)
    low, high = _times(life, where)
    if where.times[0] is not None:
        firsts.append((low + life.offset_at(low) * MINUTE_MS) // DAY_MS)
    if where.times[1] is not None:
        lasts.append((high - 1 + life.offset_at(high - 1) * MINUTE_MS) // DAY_MS)
    if not (heard or firsts):
        return set(), []
    last = min(lasts) if lasts else today if firsts else max(heard)
    last = min(last, today)
    first = max(firsts) if firsts else min(heard)
    if rows:
        first, last = min(first, *(line.day for line in rows)), max(last, *(line.day for line in rows))
    return heard - lost, [day for day in range(first, last + 1) if _day_fits(day, where)]


def _anchors(select: Selection) -> list[Selection]:
    return [one for relation in select.relations for one in (relation.anchor, *_anchors(relation.anchor))]


def _anchor_days(life: SmallLife, anchor: Selection) -> set[int]:
    """UTC days on which a source said anything that the anchors could be found in."""
    what, where = anchor.what, anchor.where
    said = {(one.source, one.kind, one.start_ms // DAY_MS, False) for one in life.happened}
    said |= {(part.source, part.measure, day, True) for day, parts in life.sampled.items() for part in parts
             if any(v == v for v in part.values.tolist())}  # fmt: skip
    if what.of is Of.EVENTS:
        able = {source for source, kind, _, sampled in said if not sampled and (not what.names or kind in what.names)}
        return {day for source, _, day, _ in said
                if source in able and (not where.sources or source in where.sources)}  # fmt: skip
    kinds = set(what.names)
    if what.of is not Of.SAMPLES:
        names = what.names if what.of is Of.EPISODES else ("visit",)
        kinds = {kind for name in names for kind in read_by(name)}
    return {day for source, kind, day, _ in said
            if kind in kinds and (not where.sources or source in where.sources)}  # fmt: skip


# -- time that rows fill -----------------------------------------------------------------------------------------------


def _filled(
    life: SmallLife, query: Query, rows: list[Line], inside: list[Span], without: list[Span], asked: list[int],
    heard: list[int],
) -> Expected:  # fmt: skip
    """Time by group: every row cut at every minute, edge by edge."""
    where, days = query.select.where, set(heard if query.measure is Measure.SHARE else asked)
    scope = _Scope(life, where, inside, without, days)
    pieces: dict[Key, list[Span]] = {key: [] for key in _all_keys(query, asked)}
    held: dict[Key, list[Line]] = {key: [] for key in pieces}
    used: list[Line] = []
    for line in rows:
        if line.end is None or line.by_day or line.end <= line.start:
            continue
        for begin, end in scope.cut((line.start, line.end)):
            key = scope.key(query.by, begin, line)
            pieces.setdefault(key, []).append((begin, end))
            held.setdefault(key, [])
            if line not in held[key]:
                held[key].append(line)
            if line not in used:
                used.append(line)
    groups = {}
    for key, spans in pieces.items():
        known_days = _count_days(query.by, key, heard)
        value: float | None = sum(b - a for a, b in _merged(spans)) / 1000
        if query.measure is Measure.SHARE:
            known = scope.known(query.by, key)
            value = value / known if value is not None and known else None
        if not held[key] and not known_days:
            value = None
        if query.per_day:
            value = None if value is None or not known_days else value / known_days
        groups[key] = Told(value, len(held[key]), _count_days(query.by, key, asked), known_days)
    ids = {identity.hex() for line in used for identity in line.ids}
    return Expected(groups, len(used), len({line.day for line in used}), ids, len(asked), len(heard))


@dataclass
class _Scope:
    life: SmallLife
    where: Filter
    inside: list[Span]
    without: list[Span]
    days: set[int]
    lengths: Counter[Key] | None = None

    def cut(self, span: Span) -> list[Span]:
        """The pieces of a span that count, none longer than a minute."""
        low, high = _times(self.life, self.where)
        span = max(span[0], low), min(span[1], high)
        edges = {span[0], span[1], *(e for s in (*self.inside, *self.without) for e in s)}
        edges |= set(range(-(-span[0] // MINUTE_MS) * MINUTE_MS, span[1], MINUTE_MS))
        inner = sorted(edge for edge in edges if span[0] <= edge <= span[1])
        return [(a, b) for a, b in pairwise(inner) if self._counts(a)]

    def _counts(self, at: int) -> bool:
        local = self._local(at)
        return (
            local // 1440 in self.days
            and _minute_fits(local % 1440, self.where)
            and any(a <= at < b for a, b in self.inside)
            and not any(a <= at < b for a, b in self.without)
        )

    def key(self, by: Sequence[str], at: int, line: Line | None) -> Key:
        """The group of a piece of a row."""
        local = self._local(at)
        return tuple(
            f"{local // 60 % 24:02d}" if name == "hour"
            else _day_key(name, local // 1440) if name in BY_TIME
            else None if line is None else _key(self.life, name, line)[1]
            for name in by
        )  # fmt: skip

    def known(self, by: Sequence[str], key: Key) -> float:
        """Seconds of the scope that belong to a group; every thing has all of it."""
        mine = (
            length
            for other, length in self.whole(by).items()
            if all(name not in BY_TIME or a == b for name, a, b in zip(by, other, key, strict=True))
        )
        return sum(mine) / 1000

    def whole(self, by: Sequence[str]) -> Counter[Key]:
        """Milliseconds of the scope by group; it is the same for every group that asks."""
        if self.lengths is None:
            self.lengths = Counter()
            for day in {day + around for day in self.days for around in (-1, 0, 1)}:  # local days, in UTC
                for begin, end in self.cut((day * DAY_MS, (day + 1) * DAY_MS)):
                    self.lengths[self.key(by, begin, None)] += end - begin
        return self.lengths

    def _local(self, at: int) -> int:
        return at // MINUTE_MS + self.life.offset_at(at // MINUTE_MS * MINUTE_MS)
