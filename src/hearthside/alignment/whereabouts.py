"""Visits, places and ways of the whole life, brought in step with the stays when asked for.

What changes least is worked out least often. Stays and names met are read again on the days that changed. Visits are
put together as columns, places go on from the first visit that is another one, and visits and ways are made into
objects a few hundred at a time, when a time is asked for that they lie in. The result is that of working all of it out
from nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import apsw
import numpy as np

from hearthside.alignment.episodes import Episode
from hearthside.alignment.finding import read_episodes
from hearthside.alignment.hint_table import HintTable
from hearthside.alignment.kept_days import KeptHints, KeptStays
from hearthside.alignment.leaders import Leaders
from hearthside.alignment.movement import KINDS as MOVING
from hearthside.alignment.movement import movements
from hearthside.alignment.offsets import OffsetTrack
from hearthside.alignment.place_names import NamedPlace
from hearthside.alignment.places import Place, places_of, points_of
from hearthside.alignment.stay_table import StayTable
from hearthside.alignment.store import LONGEST_DAYS
from hearthside.alignment.visits import Visit, VisitTable, visits_in
from hearthside.events import DAY_MS

_BLOCK = 512  # visits made into objects at a time


@dataclass(frozen=True, slots=True)
class _From:
    """What visits, places and ways follow from; tables are the same object for as long as nothing in them changes."""

    stays: StayTable
    hints: HintTable
    offsets: bytes
    names: tuple[NamedPlace, ...]

    def same(self, other: _From) -> bool:
        """Whether the same follows from both."""
        tables = self.stays is other.stays and self.hints is other.hints
        return tables and (self.offsets, self.names) == (other.offsets, other.names)


@dataclass(slots=True)
class _Known:
    """What the stays of the life come to.

    Attributes:
        of: what it follows from.
        member: of each visit the index of its place.
        visits, moving: by number of a block, made when asked for: its visits, and the ways to them and what they are.
    """

    of: _From
    track: OffsetTrack
    table: VisitTable
    member: Sequence[int]
    places: list[Place]
    visits: dict[int, list[Visit]] = field(default_factory=dict)
    moving: dict[int, list[Episode]] = field(default_factory=dict)

    def visits_of(self, block: int) -> list[Visit]:
        """The visits of a block."""
        if block not in self.visits:
            rows = range(block * _BLOCK, min((block + 1) * _BLOCK, len(self.table)))
            of = [self.places[k] for k in self.member[rows.start : rows.stop]]
            self.visits[block] = self.table.visits(rows, [(place.id, place.label) for place in of])
        return self.visits[block]

    def moving_of(self, block: int) -> list[Episode]:
        """What follows from the visits of a block."""
        if block not in self.moving:
            before = self.visits_of(block - 1)[-1:] if block else []
            visits = [*before, *self.visits_of(block)]
            self.moving[block] = movements(visits, self.places, self.track.at, len(before))
        return self.moving[block]

    def blocks(self, start_ms: int | None, end_ms: int | None) -> range:
        """The blocks in which visits, and ways to them, may overlap [start_ms, end_ms)."""
        count = len(self.table)
        ends = np.maximum.accumulate(self.table.end_ms)
        first = 0 if start_ms is None else int(np.searchsorted(ends, start_ms, "right"))
        last = count - 1 if end_ms is None else min(int(np.searchsorted(self.table.start_ms, end_ms)), count - 1)
        return range(first // _BLOCK, last // _BLOCK + 1) if first <= last else range(0)

    def called(self) -> list[tuple[str, str, str]]:
        """What visits and ways take from the places."""
        return [(place.id, place.label, place.role) for place in self.places]

    def go_on_from(self, before: _Known) -> None:
        """Take over the blocks that are as they were."""
        called, former = self.called(), before.called()
        homed = any(role == "home" for *_, role in called) == any(role == "home" for *_, role in former)
        if self.of.offsets != before.of.offsets or not homed or called[: len(former)] != former[: len(called)]:
            return
        whole = self.table.same_until(before.table) // _BLOCK  # of these the places are the same too
        self.visits = {block: kept for block, kept in before.visits.items() if block < whole}
        self.moving = {block: kept for block, kept in before.moving.items() if block < whole}


class Whereabouts:
    """Where the person was. Safe to use from many threads.

    Args:
        names: gives the places that the person named.
    """

    def __init__(self, names: Callable[[], Sequence[NamedPlace]]) -> None:
        self._names = names
        self._lock = threading.Lock()
        self._stays, self._hints, self._leaders = KeptStays(), KeptHints(), Leaders()
        self._known: _Known | None = None

    def forget(self) -> None:
        """Another file has taken the place of the one that was read."""
        with self._lock:
            self._stays, self._hints, self._leaders = KeptStays(), KeptHints(), Leaders()
            self._known = None

    def visits(
        self, connection: apsw.Connection, track: OffsetTrack, start_ms: int | None, end_ms: int | None
    ) -> list[Visit]:
        """Visits that overlap [start_ms, end_ms), in order of start."""
        with self._lock:
            known = self._now(connection, track)
            found = [visit for block in known.blocks(start_ms, end_ms) for visit in known.visits_of(block)]
        return [v for v in found if _overlap(v.start_ms, v.end_ms, start_ms, end_ms)]

    def places(self, connection: apsw.Connection, track: OffsetTrack) -> list[Place]:
        """Every place, the one most stayed at first."""
        with self._lock:
            places = self._now(connection, track).places
        return sorted(places, key=lambda place: (-place.dwell_ms, place.id))

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
        names = None if wanted is None else sorted(wanted.difference(MOVING))
        found = list(read_episodes(connection, first, last, names)) if names is None or names else []
        if wanted is None or not wanted.isdisjoint(MOVING):
            moving = self._moving(connection, track, start_ms, end_ms)
            found += [e for e in moving if wanted is None or e.kind in wanted]
        found = [e for e in found if _overlap(e.start_ms, e.end_ms, start_ms, end_ms)]
        return sorted(found, key=lambda e: (e.start_ms, e.end_ms, e.kind, e.label))

    def _moving(
        self, connection: apsw.Connection, track: OffsetTrack, start_ms: int | None, end_ms: int | None
    ) -> list[Episode]:
        """What follows from the visits that may overlap, and somewhat more."""
        with self._lock:
            known = self._now(connection, track)
            return [episode for block in known.blocks(start_ms, end_ms) for episode in known.moving_of(block)]

    def _now(self, connection: apsw.Connection, track: OffsetTrack) -> _Known:
        """What is known now; the lock is held."""
        stays, hints = self._stays.now(connection), self._hints.now(connection)
        of = _From(stays, hints, track.starts_ms.tobytes() + track.offset_min.tobytes(), tuple(self._names()))
        if self._known is None or not self._known.of.same(of):
            self._known = self._followed(of, track)
        return self._known

    def _followed(self, of: _From, track: OffsetTrack) -> _Known:
        before = self._known
        table = visits_in(of.stays) if before is None or before.of.stays is not of.stays else before.table
        self._leaders.follow(*points_of(table))
        places = places_of(table, self._leaders, track.at, of.names, of.hints)
        known = _Known(of, track, table, self._leaders.member.tolist(), places)
        if before is not None:
            known.go_on_from(before)
        return known


def _overlap(start: int, end: int, start_ms: int | None, end_ms: int | None) -> bool:
    return (start_ms is None or end > start_ms) and (end_ms is None or start < end_ms)
