"""The times that a question names, as spans of UTC, told from the present and from the person's episodes."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS
from hearthside.memory.when_languages import find_any_period
from hearthside.memory.words import STOP_WORDS, stems, words_of

Spans = tuple[tuple[int, int], ...]

BESIDE_MS = 7 * DAY_MS
"""“Before the trip” reaches back this far, and “after” it as far on."""

AWAY_MS = DAY_MS
"""Not being at home for longer than this is a trip."""

_ANCHOR = re.compile(
    r"\b(?P<how>(?:right |just |shortly )?(?:before|after)|during|while (?:on|at|in)|on|since) "
    r"(?:the|my|our|that|this)(?: last)? (?P<what>[^?.!,;]+)"
)
_TRIPS = frozenset("trip trips vacation holiday holidays journey travels".split())


def spans_named(text: str, now_ms: int, stream: LifeStream) -> Spans:
    """UTC ms [start, end) that a text names, by the person's local time; empty when it names none.

    A date or a stretch of days counts first (five languages), else an episode, a visit or a trip after a word such as
    “before” (English): the latest of those that bear the name.
    """
    offset_min = int(stream.track().at(np.array([now_ms]))[0])
    period, _ = find_any_period(text, now_ms, offset_min)
    if period is not None:
        return (period.bounds_ms(stream.offset_on),)
    match = _ANCHOR.search(text.casefold())
    if match is None:
        return ()
    if match["how"] in {"on", "since"} and _TRIPS.isdisjoint(words_of(match["what"])):
        return ()  # most often a thing: “on the table”
    found = _latest_named(match["what"], stream)
    return () if found is None else (_beside(match["how"], *found, now_ms),)


def _beside(how: str, start_ms: int, end_ms: int, now_ms: int) -> tuple[int, int]:
    if how.endswith("before"):
        return start_ms - BESIDE_MS, start_ms
    if how.endswith("after"):
        return end_ms, end_ms + BESIDE_MS
    return (end_ms, now_ms) if how == "since" else (start_ms, end_ms)


def _latest_named(what: str, stream: LifeStream) -> tuple[int, int] | None:
    """The latest visit, trip or episode that bears a name: at best one whose label holds all its words."""
    words = [word for word in words_of(what) if word not in STOP_WORDS]
    places = [word for word in words if word not in _TRIPS]
    wanted = {stem for word in places for stem in stems(word)}
    spans: list[tuple[int, int]] = []
    if wanted:
        labelled = [(v.start_ms, v.end_ms, v.label) for v in stream.visits()]
        labelled += [(e.start_ms, e.end_ms, e.label) for e in stream.episodes()]
        spans = [(start, end) for start, end, label in labelled if wanted <= _stems_of(label)]
    if not spans and len(places) < len(words):
        spans = _trips(stream)
    return max(spans, default=None)


def _stems_of(label: str) -> set[str]:
    return {stem for word in words_of(label) for stem in stems(word)}


def _trips(stream: LifeStream) -> list[tuple[int, int]]:
    """Times between two visits to the home for which the person was somewhere else for long."""
    homes = {place.id for place in stream.places() if place.role == "home"}
    visits = stream.visits()
    at_home = [visit for visit in visits if visit.place_id in homes]
    return [
        (before.end_ms, after.start_ms)
        for before, after in pairwise(at_home)
        if after.start_ms - before.end_ms > AWAY_MS
        and any(before.end_ms <= v.start_ms < after.start_ms for v in visits if v.place_id not in homes)
    ]
