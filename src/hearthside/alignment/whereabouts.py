"""Visits, places and ways of the whole life, worked out from the stays when asked for and kept until these change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import apsw

from hearthside.alignment.episodes import Episode
from hearthside.alignment.episodes.stay import NAME as STAY
from hearthside.alignment.finding import read_episodes
from hearthside.alignment.hints_seen import read_hints
from hearthside.alignment.movement import movements
from hearthside.alignment.offsets import OffsetTrack
from hearthside.alignment.place_names import NamedPlace
from hearthside.alignment.places import Place, find_places
from hearthside.alignment.store import LONGEST_DAYS, memory_of
from hearthside.alignment.visits import Visit, visits_of
from hearthside.events import DAY_MS

_MOVING = frozenset({"home", "work", "away", "commute", "trip"})


@dataclass(frozen=True, slots=True)
class _Known:
    """What the stays of the life come to; `state` says of which."""

    state: tuple[object, ...]
    visits: list[Visit]
    places: list[Place]
    moving: list[Episode]


class Whereabouts:
    """Where the person was. Safe to use from many threads.

    Args:
        names: gives the places that the person named.
    """

    def __init__(self, names: Callable[[], Sequence[NamedPlace]]) -> None:
        self._names = names
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def visits(
        self, connection: apsw.Connection, track: OffsetTrack, start_ms: int | None, end_ms: int | None
    ) -> list[Visit]:
        """Visits that overlap [start_ms, end_ms), in order of start."""
        return [v for v in self._now(connection, track).visits if _overlap(v.start_ms, v.end_ms, start_ms, end_ms)]

    def places(self, connection: apsw.Connection, track: OffsetTrack) -> list[Place]:
        """Every place, the one most stayed at first."""
        return sorted(self._now(connection, track).places, key=lambda place: (-place.dwell_ms, place.id))

    def episodes(
        self,
        connection: apsw.Connection,
        track: OffsetTrack,
        start_ms: int | None,
        end_ms: int | None,
        kinds: Iterable[str] | None,
    ) -> list[Episode]:
        """Episodes that overlap [start_ms, end_ms), found day by day or from visits, in order of start."""
        wanted = None if kinds is None else set(kinds)
        first = None if start_ms is None else start_ms // DAY_MS - LONGEST_DAYS
        last = None if end_ms is None else (end_ms - 1) // DAY_MS
        names = None if wanted is None else sorted(wanted - _MOVING)
        found = list(read_episodes(connection, first, last, names)) if names is None or names else []
        if wanted is None or wanted & _MOVING:
            found += [e for e in self._now(connection, track).moving if wanted is None or e.kind in wanted]
        found = [e for e in found if _overlap(e.start_ms, e.end_ms, start_ms, end_ms)]
        return sorted(found, key=lambda e: (e.start_ms, e.end_ms, e.kind, e.label))

    def _now(self, connection: apsw.Connection, track: OffsetTrack) -> _Known:
        names = tuple(self._names())
        state = (
            memory_of(connection, "episodes"), memory_of(connection, "track"), memory_of(connection, "hints"), names,
        )  # fmt: skip
        with self._lock:
            if self._known is None or self._known.state != state:
                self._known = self._worked_out(connection, track, names, state)
            return self._known

    def _worked_out(
        self, connection: apsw.Connection, track: OffsetTrack, names: Sequence[NamedPlace], state: tuple[object, ...]
    ) -> _Known:
        visits = visits_of(read_episodes(connection, None, None, [STAY]))
        if not visits:
            return _Known(state, [], [], [])
        places, named = find_places(visits, track.at, names, read_hints(connection))
        return _Known(state, named, places, movements(named, places, track.at))


def _overlap(start: int, end: int, start_ms: int | None, end_ms: int | None) -> bool:
    return (start_ms is None or end > start_ms) and (end_ms is None or start < end_ms)
