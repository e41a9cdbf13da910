"""What the person did on each day, for what helped: from episodes, visits and nights; no words are read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hearthside.alignment.episodes import Episode
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from hearthside.memory.moods.helped import Doing

GOOD_NIGHT_MS = 8 * HOUR_MS
LISTENED_MS = HOUR_MS
"""A night this long, and music this long in a day, are doings of their own."""

_GENERAL = {"exercise": "exercise", "conversation": "a conversation", "meal": "a noted meal"}
_NAMED = frozenset({"exercise", "conversation"})


def doings_between(stream: LifeStream, start_ms: int, end_ms: int) -> Iterator[Doing]:
    """Doings of the local days that touch [start_ms, end_ms): exercise, talk, music, places, a long night."""
    track = stream.track()

    def day_of(ms: int) -> int:
        return (ms + int(track.at(np.array([ms], dtype=np.int64))[0]) * MINUTE_MS) // DAY_MS

    listened: dict[int, tuple[int, bytes]] = {}
    for episode in stream.episodes(start_ms, end_ms, ["exercise", "conversation", "meal", "listening", "sleep"]):
        if not episode.evidence:
            continue
        if episode.kind == "sleep":
            # The night that ends a low day comes before the better one, so it belongs to the day on which it began.
            if episode.end_ms - episode.start_ms >= GOOD_NIGHT_MS:
                yield Doing("a night of 8 hours or more", day_of(episode.start_ms - 6 * HOUR_MS), episode.evidence[:2])
        elif episode.kind == "listening":
            day = day_of(episode.start_ms)
            before = listened.get(day, (0, episode.evidence[0]))
            listened[day] = (before[0] + episode.end_ms - episode.start_ms, before[1])
        else:
            yield from _named(episode, day_of(episode.start_ms))
    for day, (ms, evidence) in listened.items():
        if ms >= LISTENED_MS:
            yield Doing("an hour of music or more", day, (evidence,))
    homes = {place.id for place in stream.places() if place.role in {"home", "work"}}
    for visit in stream.visits(start_ms, end_ms):
        if visit.place_id not in homes and visit.evidence and visit.label:
            yield Doing(f"a visit to {visit.label}", day_of(visit.start_ms), visit.evidence[:2])


def _named(episode: Episode, day: int) -> Iterator[Doing]:
    yield Doing(_GENERAL[episode.kind], day, episode.evidence[:2])
    if episode.kind in _NAMED and episode.label:
        yield Doing(episode.label, day, episode.evidence[:2])
