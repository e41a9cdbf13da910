"""Answers from plain code: a computed value or a quotation, with its evidence and the query in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hearthside.alignment.show import show_slice
from hearthside.alignment.stream import LifeStream, Occurrence
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.questions import BedTime, Computed, Moment, Recall
from hearthside.events import DAY_MS, MINUTE_MS, Origin, Precision, day_number, local_datetime
from hearthside.journal import Journal
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.query import EVIDENCE_SHOWN, Measure, Query, QueryResult, during, run_query
from hearthside.memory.search import hits_of
from hearthside.memory.when import Period

_MUSIC_HOLDS_MS = 5 * MINUTE_MS  # a song is known by its start only; most are over after five minutes
_NOT_DOING = frozenset(
    {"state", "question", "position", "afk", "gaze", "region_enter", "region_leave", "device_notice"}
)
_ENOUGH_WORDS = 0.6  # share of a question's words that a quotation must hold
Search = Callable[[str, Filters, int], list[Hit]]


@dataclass(frozen=True, slots=True)
class Memory:
    """What answers are made from.

    Attributes:
        search: finds records by words and meaning.
        now_ms: the present.
    """

    journal: Journal
    stream: LifeStream
    search: Search
    now_ms: int


def unknown(about: str, hits: list[Hit] | None = None, query: str = "") -> Answer:
    """An honest "I don't know", with the nearest things found, when there are any."""
    text = f"I don't know: I have no record of {about}." if about else "I don't know: I have no record of that."
    return Answer(text, AnswerMode.UNKNOWN, query=query, evidence=hits or [])


def answer_computed(memory: Memory, asked: Computed) -> Answer:
    """Count, sum, average, first or last."""
    result = run_query(memory.stream, asked.query)
    if not result.count:
        period = f" {asked.query.period.label}" if asked.query.period else ""
        return unknown(f"{asked.query.topic or 'that'}{period}", query=asked.query.in_words())
    text, value = _say(result, asked, memory.now_ms)
    return Answer(text, AnswerMode.COMPUTED, asked.query.in_words(), value, _hits(memory, result.evidence))


def _say(result: QueryResult, asked: Computed, now_ms: int) -> tuple[str, str]:
    when = f" {result.query.period.label}" if result.query.period else ""
    if result.chosen is not None:
        return _say_chosen(result, asked, result.chosen, now_ms)
    if result.value is not None and result.query.measure in {Measure.SUM, Measure.MEAN}:
        return _say_amount(result, asked, result.value, when)
    return _say_count(result, asked, when)


def _say_chosen(result: QueryResult, asked: Computed, chosen: Occurrence, now_ms: int) -> tuple[str, str]:
    query = result.query
    if query.measure in {Measure.LEAST, Measure.MOST} or asked.unit in {"kg", "steps", "points"}:
        value = _amount(chosen.amount or 0.0, asked.unit)
        which = {Measure.LEAST: "least", Measure.MOST: "most"}.get(query.measure, "last")
        return f"You {asked.verb} {which} on {chosen.local_day}: {value}.", f"{chosen.local_day}, {value}"
    value = _moment_label(chosen)
    which = "last" if query.measure is Measure.LAST else "first"
    what = _what(chosen).rstrip(".")
    if asked.verb.startswith("have a record of"):
        return f"The {which} record of {query.topic} is from {value}{_ago(chosen, now_ms)}: {what}.", value
    verb = f"were {which} {asked.verb[5:]}" if asked.verb.startswith("were ") else f"{which} {asked.verb}"
    return f"You {verb} on {value}{_ago(chosen, now_ms)}: {what}.", value


def _say_amount(result: QueryResult, asked: Computed, amount: float, when: str) -> tuple[str, str]:
    value = _amount(amount, asked.unit)
    if result.query.measure is Measure.MEAN:
        return f"You {asked.verb} {value} a day on average{when}, over {result.days} days.", value
    if asked.unit == "duration" and result.days > 1:
        each = _amount(amount / result.days, asked.unit)
        return f"You {asked.verb} {value}{when}, over {result.days} days: {each} a day.", value
    return f"You {asked.verb} {value}{when}.", value


def _say_count(result: QueryResult, asked: Computed, when: str) -> tuple[str, str]:
    count = result.days if result.query.measure is Measure.DAYS else result.count
    value = f"{count:,}"
    unit = asked.unit if asked.unit in {"messages", "songs"} else "times"
    unit = "days" if result.query.measure is Measure.DAYS else unit
    unit = unit[:-1] if count == 1 else unit
    if asked.verb.startswith("have a record of"):
        return f"I found {result.query.topic} {value} {unit}{when}.", value
    if unit.startswith("message"):
        verb, _, rest = asked.verb.partition(" ")
        return f"You {verb} {value} {unit}{' ' + rest if rest else ''}{when}.", value
    on = "on " if unit.startswith("day") else ""
    return f"You {asked.verb} {on}{value} {unit}{when}.", value


def answer_bed_time(memory: Memory, asked: BedTime) -> Answer:
    """When the longest sleep of a day began or ended, on the person's own clock."""
    query = Query(Measure.LIST, ("sleep",), period=asked.period, topic="sleep", best_source=True)
    found = run_query(memory.stream, query)
    if not found.count:
        return unknown(f"your sleep {asked.period.label if asked.period else ''}".strip(), query=query.in_words())
    newest = max(o.local_day for o in found.evidence)
    night = max((o for o in found.evidence if o.local_day == newest), key=lambda o: o.amount or 0)
    at_ms = night.end_ms if asked.end and night.end_ms is not None else night.start_ms
    value = local_datetime(at_ms, night.offset_min).strftime("%H:%M")
    verb = "woke up" if asked.end else "fell asleep"
    label = f"on {night.local_day}" if asked.end else f"in the night to {night.local_day}"
    return Answer(
        f"You {verb} at {value} {label}.", AnswerMode.COMPUTED, query.in_words(), value, _hits(memory, [night])
    )


def answer_moment(memory: Memory, asked: Moment) -> Answer:
    """What was going on at a time, or while something last happened."""
    bounds, label, anchor = _moment_bounds(memory, asked)
    if bounds is None:
        return unknown(asked.anchor.query.topic if asked.anchor else "that time")
    start, end = bounds
    early = _MUSIC_HOLDS_MS if "listen" in asked.kinds else 0
    found = [o for o in during(memory.stream, asked.kinds, start - early, end) if o.precision is not Precision.DAY]
    found = [o for o in found if o.text and o.kind not in _NOT_DOING] if not asked.kinds else found
    if not found and end - start <= MINUTE_MS:
        found = _still_held(memory, asked, start)
    query = f"{' or '.join(asked.kinds) or 'anything'}, {label}"
    if not found:
        return unknown(f"what you were {asked.verb} {label}", query=query)
    shown = found[:3]
    said = "; ".join(_what(o) for o in shown)
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    evidence = _hits(memory, ([anchor] if anchor else []) + found[:EVIDENCE_SHOWN])
    first = label[0].upper() + label[1:]
    return Answer(f"{first}: {said}{more}.", AnswerMode.COMPUTED, query, said, evidence)


def _moment_bounds(memory: Memory, asked: Moment) -> tuple[tuple[int, int] | None, str, Occurrence | None]:
    if asked.anchor is not None:
        chosen = run_query(memory.stream, asked.anchor.query).chosen
        if chosen is None:
            return None, "", None
        label = f"when you last {asked.anchor.verb} ({_moment_label(chosen)})"
        return (chosen.start_ms, chosen.end_ms or chosen.start_ms + MINUTE_MS), label, chosen
    if asked.period is None:
        return None, "", None
    return asked.period.bounds_ms(memory.stream.offset_on), asked.period.label, None


def _still_held(memory: Memory, asked: Moment, ms: int) -> list[Occurrence]:
    view = show_slice(memory.stream, memory.journal, ms)
    items = [item for layer in view.layers for item, _ in layer.last]
    wanted = [item for item in items if (not asked.kinds or item.kind in asked.kinds) and item.kind not in _NOT_DOING]
    found = [memory.stream.get(bytes.fromhex(item.id)) for item in wanted]
    return [o for o in found if o is not None]


def answer_recall(memory: Memory, text: str, asked: Recall) -> Answer:
    """Quote the best evidence, or say that there is none."""
    filters = _filters(memory, asked.period)
    hits = [hit for hit in memory.search(text, filters, 40) if hit.origin is not Origin.AI and hit.kind != "question"]
    fitting = [hit for hit in hits if _share_of_words(asked.words, hit) >= _ENOUGH_WORDS]
    if not fitting:
        about = " ".join(asked.words)
        period = f" {asked.period.label}" if asked.period else ""
        return unknown(f"{about}{period}", hits[:3], query=f"search: {text}")
    best = fitting[0]
    return Answer(_quote(best), AnswerMode.QUOTED, f"search: {text}", "", fitting[:EVIDENCE_SHOWN])


def _share_of_words(words: list[str], hit: Hit) -> float:
    held = f"{hit.text} {hit.note}".casefold()
    return sum(_root(word) in held for word in words) / len(words) if words else 0.0


def _root(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("s") else word


def _quote(hit: Hit) -> str:
    text = " ".join(hit.text.split())
    shown = text if len(text) <= 240 else text[:237] + "…"
    who = "You" if hit.origin is Origin.SELF else (hit.note.split(" · ")[-1] or hit.source)
    verb = {"message": "wrote", "utterance": "said", "post": "posted"}.get(hit.kind)
    if hit.kind == "search":
        return f"You searched on {hit.local} for “{shown}”"
    if hit.kind == "caption":
        return f"On {hit.local} your glasses saw: “{shown}”"
    if verb is None:
        return f"On {hit.local}: “{shown}”"
    return f"{who} {verb} on {hit.local}: “{shown}”"


def _filters(memory: Memory, period: Period | None) -> Filters:
    if period is None:
        return Filters()
    start, end = period.bounds_ms(memory.stream.offset_on)
    return Filters(start_ms=start, end_ms=end)


def _hits(memory: Memory, found: list[Occurrence]) -> list[Hit]:
    return hits_of(memory.journal, memory.stream, [(o.id, 1.0, "computed") for o in found])


def _what(o: Occurrence) -> str:
    text = " ".join((o.text or o.note or o.kind.replace("_", " ")).split())
    return text if len(text) <= 120 else text[:117] + "…"


def _moment_label(o: Occurrence) -> str:
    if o.precision is Precision.DAY:
        return o.local_day
    return local_datetime(o.start_ms, o.offset_min).strftime("%Y-%m-%d %H:%M")


def _ago(o: Occurrence, now_ms: int) -> str:
    today = (now_ms + o.offset_min * MINUTE_MS) // DAY_MS
    days = today - day_number(o.local_day)
    if days < 0:
        return ""
    return {0: " (today)", 1: " (yesterday)"}.get(days, f" ({days} days ago)")


def _amount(value: float, unit: str) -> str:
    if unit == "duration":
        minutes = round(value / 60)
        return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
    if unit == "kg":
        return f"{value:g} kg"
    if unit == "points":
        return f"{value:g}"
    return f"{round(value):,} {unit}" if unit else f"{value:g}"
