"""Answers from plain code: a computed value or a quotation, with its evidence and the query in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.show import show_slice
from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.questions import Computed, Moment, Recall
from hearthside.companion.whole_words import WholeWords
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Origin, Precision, day_number, local_datetime
from hearthside.journal import Journal
from hearthside.memory.hits import Filters, Hit
from hearthside.memory.query import EVIDENCE_SHOWN, Measure, QueryResult, during, run_query
from hearthside.memory.search import hits_of
from hearthside.memory.when import Period

_MUSIC_HOLDS_MS = 5 * MINUTE_MS  # a song is known by its start only; most are over after five minutes
_NOT_DOING = frozenset(
    {"state", "question", "position", "afk", "gaze", "region_enter", "region_leave", "device_notice"}
)
_LONGEST_VIDEO_MS = 6 * HOUR_MS
QUOTED_CHARS = 240
"""Of a record in a quotation; the whole stands beside it."""

FOUND, NEAREST = 40, 3
"""Records that a search is asked for, and those shown beside an answer that none of them gives."""

_TELLING = ("workout", "sleep", "watch", "listen", "search", "message", "utterance", "caption", "app_use")
_BEYOND = "I don't know: I can't work that out yet. The nearest records are shown beside this, if there are any."
_NO_VALUE = "an amount in what I know of {}"
_SHOWN = 3  # things named in one sentence
_MAY_MISS = 4  # of so many words of a question a quotation may miss one
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
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
    """Count, sum, first or last."""
    query = asked.query
    result = run_query(cast(LifeStream, WholeWords(memory.stream)), query)
    if _without_value(result):
        return unknown(_NO_VALUE.format(query.topic), query=query.in_words())
    if not result.count:
        period = f" {query.period.label}" if query.period else ""
        return unknown(f"{query.topic or 'that'}{period}", query=query.in_words())
    text, value = _say(result, asked, memory.now_ms)
    return Answer(text, AnswerMode.COMPUTED, query.in_words(), value, evidence_of(memory, result.evidence))


def _without_value(result: QueryResult) -> bool:
    """Whether amounts were asked for and the records found hold none; their number is then no answer."""
    return bool(result.count) and result.value is None and result.query.measure is Measure.SUM


def _say(result: QueryResult, asked: Computed, now_ms: int) -> tuple[str, str]:
    when = f" {result.query.period.label}" if result.query.period else ""
    if result.chosen is not None:
        return _say_chosen(result, asked, result.chosen, now_ms)
    if result.value is not None and result.query.measure is Measure.SUM:
        return _say_amount(result, asked, result.value, when)
    return _say_count(result, asked, when)


def _say_chosen(result: QueryResult, asked: Computed, chosen: Occurrence, now_ms: int) -> tuple[str, str]:
    query = result.query
    value = moment_label(chosen)
    which = "last" if query.measure is Measure.LAST else "first"
    what = _words_of_it(chosen, asked)
    if asked.wants == "what" and chosen.text:
        value = " ".join(chosen.text.split())
    when = f"{in_words(chosen)}{ago(chosen.local_day, chosen.offset_min, now_ms)}{what}"
    verb = f"were {which} {asked.verb[5:]}" if asked.verb.startswith("were ") else f"{which} {asked.verb}"
    narrowed = f" {asked.about}" if asked.about else ""
    return _ended(f"You {verb}{narrowed} {when}"), value


def _ended(sentence: str) -> str:
    """The sentence with its full stop, unless a quotation ends it."""
    return sentence if sentence.endswith("”") else sentence + "."


def _words_of_it(o: Occurrence, asked: Computed) -> str:
    """The words of an occurrence, quoted whole, where they say more than the answer does already."""
    if not o.text or o.kind in {"workout", "region_enter", "region_leave", "sleep"}:
        return ""
    if o.text.casefold() in f"{asked.verb} {asked.query.topic}".casefold():
        return ""
    who = "" if o.origin is Origin.SELF else (o.note.split(" · ")[0] if o.kind == "utterance" else "")
    return f": {who + ' said ' if who else ''}“{what_of(o)}”"


def _say_amount(result: QueryResult, asked: Computed, amount: float, when: str) -> tuple[str, str]:
    value = amount_of_time(amount)
    if result.days > 1:
        each = amount_of_time(amount / result.days)
        return f"You {asked.verb} {value}{when}, over {result.days} days: {each} a day.", value
    return f"You {asked.verb} {value}{when}.", value


def _say_count(result: QueryResult, asked: Computed, when: str) -> tuple[str, str]:
    days = result.query.measure is Measure.DAYS
    count = result.days if days else result.count
    value = f"{count:,}"
    narrowed = f" {asked.about}" if asked.about else ""
    if days:
        return f"You {asked.verb}{narrowed} on {value} {'day' if count == 1 else 'days'}{when}.", value
    if asked.unit == "times":
        return f"You {asked.verb}{narrowed} {times(count)}{when}.", value
    amount = f"{value} {asked.unit[:-1] if count == 1 else asked.unit}"
    verb, _, rest = asked.verb.partition(" ")
    if asked.unit == "messages":
        return f"You {verb} {amount}{' ' + rest if rest else ''}{narrowed}{when}.", value
    if asked.unit == "videos":
        return f"You watched {amount}{' of ' + rest if rest else ''}{when}.", value
    return f"You {asked.verb} {amount}{narrowed}{when}.", value


def times(count: int) -> str:
    """How often, as people say it: once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def answer_moment(memory: Memory, asked: Moment) -> Answer:
    """What was going on at a time, or while something last happened."""
    bounds, label, anchor = _moment_bounds(memory, asked)
    if bounds is None:
        return unknown(asked.anchor.query.topic if asked.anchor else "that time")
    start, end = bounds
    early = _MUSIC_HOLDS_MS if "listen" in asked.kinds else 0
    found = [o for o in during(memory.stream, asked.kinds, start - early, end) if o.precision is not Precision.DAY]
    found = [o for o in found if o.text and o.kind not in _NOT_DOING] if not asked.kinds else found
    screen: list[Occurrence] = []
    if not found and end - start <= MINUTE_MS:
        found, screen = _on_screen(memory, asked, start)
        found = found or _still_held(memory, asked, start)
    query = f"{' or '.join(asked.kinds) or 'anything'}, {label}"
    verb = {"do": "doing", "watch": "watching", "look at": "looking at", "listen to": "listening to"}.get(
        asked.verb, asked.verb
    )
    if not found:
        return unknown(f"what you were {verb} {label}", query=query)
    shown = list({what_of(o): o for o in found}.values())
    if not asked.kinds:
        shown.sort(key=lambda o: _TELLING.index(o.kind) if o.kind in _TELLING else len(_TELLING))
    said = "; ".join(what_of(o) if asked.kinds else _told(o) for o in shown[:_SHOWN])
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    evidence = evidence_of(memory, ([anchor] if anchor else []) + found[:EVIDENCE_SHOWN] + screen)
    first = label[0].upper() + label[1:]
    return Answer(f"{first}: {said}{more}.", AnswerMode.COMPUTED, query, said, evidence)


def _told(o: Occurrence) -> str:
    """What an occurrence was, in a few words."""
    said = f"“{what_of(o)}”"
    parts = o.note.split(" · ")
    if o.origin is Origin.SELF and o.kind in {"message", "utterance"}:
        return f"you wrote to {parts[0]} {said}" if o.kind == "message" else f"you said {said}"
    if o.kind in {"message", "utterance"}:
        return f"{parts[-1]} wrote {said}" if o.kind == "message" else f"{parts[0]} said {said}"
    words = {
        "caption": "your glasses saw",
        "dwell": "you looked at",
        "watch": "you watched",
        "search": "you searched for",
    }
    words |= {"listen": "you listened to", "app_use": "on the screen"}
    return f"{words[o.kind]} {said}" if o.kind in words else what_of(o)


def _on_screen(memory: Memory, asked: Moment, ms: int) -> tuple[list[Occurrence], list[Occurrence]]:
    """A video that began earlier and whose title the screen still showed at the time, and the screen's record of it.

    A history of videos knows only their beginnings.
    """
    if "watch" not in asked.kinds:
        return [], []
    begun = [o for o in during(memory.stream, ("watch",), ms - _LONGEST_VIDEO_MS, ms + MINUTE_MS) if o.text]
    for screen in during(memory.stream, ("app_use",), ms, ms + MINUTE_MS):
        for video in reversed(begun):
            if video.text.casefold() in screen.text.casefold() and video.precision is not Precision.DAY:
                return [video], [screen]
    return [], []


def _moment_bounds(memory: Memory, asked: Moment) -> tuple[tuple[int, int] | None, str, Occurrence | None]:
    if asked.anchor is not None:
        chosen = run_query(cast(LifeStream, WholeWords(memory.stream)), asked.anchor.query).chosen
        if chosen is None:
            return None, "", None
        label = f"when you last {asked.anchor.verb} ({moment_label(chosen)})"
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
    hits = [
        hit for hit in memory.search(text, filters, FOUND) if hit.origin is not Origin.AI and hit.kind != "question"
    ]
    if asked.beyond:
        return replace(unknown("", hits[:NEAREST], "not computed"), text=_BEYOND)
    fitting = [hit for hit in hits if _fits(asked.words, hit)]
    if not fitting:
        period = f" {asked.period.label}" if asked.period else ""
        sought = " and ".join(f"“{_as_typed(word, text)}”" for word in asked.words)
        answer = unknown("", hits[:NEAREST], f"search: {text}")
        return replace(answer, text=f"I don't know: I found no record{period} that holds {sought}.")
    best = fitting[0]
    return Answer(quote(best), AnswerMode.QUOTED, f"search: {text}", "", fitting[:EVIDENCE_SHOWN])


def _as_typed(word: str, text: str) -> str:
    found = re.search(re.escape(word), text, re.IGNORECASE)
    return found[0] if found else word


def _fits(words: list[str], hit: Hit) -> bool:
    """Whether a record holds what was asked about; a nearby one that misses the point is no answer."""
    held = f"{hit.text} {hit.note}".casefold()
    missed = sum(re.search(rf"(?<!\w){re.escape(_root(word))}", held) is None for word in words)
    return bool(words) and missed <= (1 if len(words) >= _MAY_MISS else 0)


def _root(word: str) -> str:
    """The word without the ending of a plural or of a possessive."""
    word = re.sub(r"['’]s$", "", word)
    return word[:-1] if len(word) > 4 and word.endswith("s") else word


def quote(hit: Hit) -> str:
    """A record as a sentence: who wrote, said or did it, when, and its words in quotation marks."""
    text = " ".join(hit.text.split())
    shown = text if len(text) <= QUOTED_CHARS else text[: QUOTED_CHARS - 1] + "…"
    when = f"on {hit.local}"
    if hit.kind == "search":
        return f"You searched {when} for “{shown}”."
    if hit.kind == "watch":
        return f"You watched “{shown}” {when}."
    if hit.kind == "caption":
        return f"{when[0].upper()}{when[1:]} your glasses saw: “{shown}”"
    verb = {"message": "wrote", "utterance": "said", "post": "posted"}.get(hit.kind)
    if verb is None:
        return f"{when[0].upper()}{when[1:]}: “{shown}”"
    parts = hit.note.split(" · ")
    who = (parts[0] if hit.kind == "utterance" else parts[-1]) or "Somebody"
    if hit.origin is Origin.SELF:
        chat = f" to {parts[0]}" if hit.kind == "message" and parts[0] else ""
        return f"You {verb}{chat} {when}: “{shown}”"
    return f"{who} {verb} {when}: “{shown}”"


def _filters(memory: Memory, period: Period | None) -> Filters:
    if period is None:
        return Filters()
    start, end = period.bounds_ms(memory.stream.offset_on)
    return Filters(start_ms=start, end_ms=end)


def evidence_of(memory: Memory, found: Iterable[Occurrence]) -> list[Hit]:
    """What an answer rests on, as it is shown beside it."""
    return hits_of(memory.journal, memory.stream, [(o.id, 1.0, "computed") for o in found])


def what_of(o: Occurrence) -> str:
    """What an occurrence holds, short enough for a sentence."""
    text = " ".join((o.text or o.note or o.kind.replace("_", " ")).split())
    return text if len(text) <= 120 else text[:117] + "…"


def moment_label(o: Occurrence) -> str:
    """When it was, for comparing: the day alone where only the day is known."""
    if o.precision is Precision.DAY:
        return o.local_day
    return local_datetime(o.start_ms, o.offset_min).strftime("%Y-%m-%d %H:%M")


def in_words(o: Occurrence) -> str:
    """When it was, in a sentence: on Tuesday, 2026-11-17, at 12:07."""
    if o.precision is Precision.DAY:
        return on_day(o.local_day)
    local = local_datetime(o.start_ms, o.offset_min)
    return f"{on_day(local.date().isoformat())}, at {local:%H:%M}"


def on_day(day: str) -> str:
    """A day in a sentence: on Tuesday, 2026-11-17."""
    return f"on {weekday_of(day)}, {day}"


def weekday_of(day: str) -> str:
    """English name of the weekday of an ISO date."""
    return _WEEKDAYS[date.fromisoformat(day).weekday()]


def ago(day: str, offset_min: int, now_ms: int) -> str:
    """How long ago a day was, in brackets with a space before; nothing for a day to come."""
    days = (now_ms + offset_min * MINUTE_MS) // DAY_MS - day_number(day)
    if days < 0:
        return ""
    return {0: " (today)", 1: " (yesterday)"}.get(days, f" ({days} days ago)")


def amount_of_time(seconds: float) -> str:
    """Seconds as hours and minutes: 7 h 05 min."""
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
