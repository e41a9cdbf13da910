"""Answers about stays: when the person was somewhere, where a meal was, how often."""

from __future__ import annotations

import re

from hearthside.alignment.occurrence import Occurrence
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.replies import Memory, ago, amount_of_time, evidence_of, on_day, times, unknown
from hearthside.companion.visiting import MEALS, Visiting
from hearthside.companion.visits import Visit, named, names_of_people, stayed_by_position, visits, with_people
from hearthside.events import DAY_MS, local_datetime
from hearthside.memory.query import EVIDENCE_SHOWN, Measure

_FOOD = re.compile(
    r"\b(?:menu|plates?|dish(?:es)?|forks?|spoons?|bowls?|food|eating|waiter|waitress|soup|bread|glasses|meal|served|"
    r"restaurant|bill|table for|tables?)\b",
    re.IGNORECASE,
)
_LONGEST_MEAL_MS = DAY_MS // 4
_PLACES_SHOWN = 6


def answer_visiting(memory: Memory, asked: Visiting) -> Answer:
    """When, where or how often the person was somewhere; passing by a place is not being there."""
    if asked.measure is Measure.LIST:
        return _where(memory, asked)
    found = _stays(memory, asked)
    if not found:
        return _unknown(memory, asked)
    if asked.measure in {Measure.FIRST, Measure.LAST}:
        visit = found[0] if asked.measure is Measure.FIRST else found[-1]
        text, value = _say_one(memory, asked, visit)
        return Answer(text, AnswerMode.COMPUTED, _in_words(asked), value, evidence_of(memory, visit.evidence))
    if asked.measure is Measure.SUM:
        return _how_long(memory, asked, found)
    days = len({v.local_day for v in found})
    count = days if asked.measure is Measure.DAYS else len(found)
    amount = f"on {count:,} {'day' if count == 1 else 'days'}" if asked.measure is Measure.DAYS else times(count)
    when = f" {asked.period.label}" if asked.period else ""
    what = f"had {asked.asked.replace(' of us', ' of you')}" if asked.meal else f"were {at_place(asked.place)}"
    evidence = [v.evidence[0] for v in reversed(found)][:EVIDENCE_SHOWN]
    return Answer(
        f"You {what} {amount}{when}, as far as I can see.", AnswerMode.COMPUTED, _in_words(asked), f"{count:,}",
        evidence_of(memory, evidence),
    )  # fmt: skip


def _how_long(memory: Memory, asked: Visiting, found: list[Visit]) -> Answer:
    """The time of all stays; sightings only show the least it can have been."""
    start, end = _bounds(memory, asked)
    total = sum(max(0, min(v.end_ms, end) - max(v.start_ms, start)) for v in found)
    known = all(v.evidence[0].kind == "region_enter" for v in found)
    value = amount_of_time(total / 1000)
    when = f" {asked.period.label}" if asked.period else ""
    text = f"You were {at_place(asked.place)} {'' if known else 'at least '}{value}{when}."
    evidence = [v.evidence[0] for v in reversed(found)][:EVIDENCE_SHOWN]
    return Answer(text, AnswerMode.COMPUTED, _in_words(asked), value, evidence_of(memory, evidence))


def _bounds(memory: Memory, asked: Visiting) -> tuple[int, int]:
    return asked.period.bounds_ms(memory.stream.offset_on) if asked.period else (0, memory.now_ms + 1)


def _stays(memory: Memory, asked: Visiting) -> list[Visit]:
    start, end = _bounds(memory, asked)
    stayed = stayed_by_position(memory.journal, memory.stream)
    found = visits(memory.stream, start, end, asked.place, stayed, regions=not asked.meal)
    if asked.period is not None:
        found = [v for v in found if v.start_ms < end and v.end_ms > start]
    if asked.meal:
        known = names_of_people(memory.stream)
        found = [with_people(memory.stream, v, known) for v in found if _is_meal(v, asked.meal)]
    if asked.count is not None:
        found = [v for v in found if len(v.people) == asked.count - 1]
    return [v for v in found if all(any(named(name, who) for who in v.people) for name in asked.people)]


def _is_meal(visit: Visit, meal: str) -> bool:
    first, last = MEALS[meal]
    fits = first <= visit.hour < last and visit.end_ms - visit.start_ms <= _LONGEST_MEAL_MS
    return fits and any(_FOOD.search(o.text) for o in visit.evidence)


def _say_one(memory: Memory, asked: Visiting, visit: Visit) -> tuple[str, str]:
    which = "first" if asked.measure is Measure.FIRST else "last"
    back = ago(visit.local_day, visit.offset_min, memory.now_ms)
    when = f"{on_day(visit.local_day)}, from {_clock(visit.start_ms, visit)}{back}"
    label = f"{visit.local_day} {_clock(visit.start_ms, visit)}"
    if not asked.meal:
        return f"You were {which} {at_place(visit.place)} {when}.", label
    with_whom = asked.asked.partition(" with ")[2].replace(" of us", " of you")
    people = f", with {listed(visit.people)}" if visit.people and (asked.count is not None or not asked.people) else ""
    about = f"{asked.meal}{' with ' + with_whom if with_whom else ''}"
    if asked.wants == "where":
        return f"The {which} {about} that I have a record of was at {visit.place}, {when}{people}.", visit.place
    return f"The {which} {about} that I have a record of was {when}, at {visit.place}{people}.", label


def _unknown(memory: Memory, asked: Visiting) -> Answer:
    """Nothing shows a stay; a place that was only seen, or spoken of, is said to be just that."""
    period = f" {asked.period.label}" if asked.period else ""
    about = asked.asked if asked.meal else f"a stay at {asked.place}"
    seen: list[Occurrence] = []
    if asked.place and not asked.meal:
        start, end = _bounds(memory, asked)
        captions = memory.stream.occurrences(kinds=["caption"], start_ms=start, end_ms=end)
        seen = [o for o in captions if o.note and named(asked.place, o.note)][-3:]
    answer = unknown(f"{about}{period}", evidence_of(memory, seen), _in_words(asked))
    if not seen:
        return answer
    last = seen[-1]
    text = f"{answer.text} Your glasses only saw {last.note} in passing, last {on_day(last.local_day)}."
    return Answer(text, answer.mode, answer.query, "", answer.evidence)


def _where(memory: Memory, asked: Visiting) -> Answer:
    """The places of a period, in order."""
    assert asked.period is not None
    found = _stays(memory, asked)
    label = asked.period.label
    query = f"places, {label}"
    if not found:
        return unknown(f"where you were {label}", query=query)
    shown = found[-_PLACES_SHOWN:]
    if asked.period.minute is not None:
        said = shown[-1].place
        return Answer(
            f"You were {at_place(said)} {label}.",
            AnswerMode.COMPUTED,
            query,
            said,
            evidence_of(memory, shown[-1].evidence[:1]),
        )
    bounds = _bounds(memory, asked)
    parts = [f"{at_place(v.place)} ({_span(v, asked.period.first != asked.period.last, bounds)})" for v in shown]
    first = label[0].upper() + label[1:]
    more = f"; the latest {len(shown)} of {len(found)} stays" if len(found) > len(shown) else ""
    evidence = evidence_of(memory, [v.evidence[0] for v in shown])
    return Answer(
        f"{first} you were {listed(parts)}{more}.", AnswerMode.COMPUTED, query, ", ".join(v.place for v in shown),
        evidence,
    )  # fmt: skip


def _span(visit: Visit, with_day: bool, bounds: tuple[int, int]) -> str:
    """From when to when, within the period; a stay that reaches out of it is open on that side."""
    day = f"{visit.local_day} " if with_day else ""
    if visit.start_ms < bounds[0]:
        return f"{day}until {_clock(visit.end_ms, visit)}" if visit.end_ms < bounds[1] else "all the time"
    start = _clock(visit.start_ms, visit)
    return f"{day}{start} to {_clock(visit.end_ms, visit)}" if visit.end_ms < bounds[1] else f"{day}from {start} on"


def at_place(place: str) -> str:
    """A place in a sentence: at home, at work, at The Linden Room."""
    return f"at {place.casefold()}" if place.casefold() in {"home", "work"} else f"at {place}"


def _clock(ms: int, visit: Visit) -> str:
    return local_datetime(ms, visit.offset_min).strftime("%H:%M")


def _in_words(asked: Visiting) -> str:
    what = asked.asked or "places"
    return f"{asked.measure.value}, stays of a quarter of an hour or more: {what}, " + (
        asked.period.label if asked.period else "in the whole life stream"
    )


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Names in a sentence: A, B and C."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
