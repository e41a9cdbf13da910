"""What was read of every day of a life, read again only on the days whose bytes are others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Generic, TypeVar

import apsw
import orjson

from hearthside.alignment import hint_table, stay_table
from hearthside.alignment.episodes.stay import NAME as STAY
from hearthside.alignment.finding import unpack_episodes
from hearthside.alignment.hint_table import HintRow, HintTable
from hearthside.alignment.stay_table import StayTable
from hearthside.alignment.store import memory_of

Made = TypeVar("Made")
_Bodies = Sequence[tuple[str, bytes]]


class KeptDays(Generic[Made]):
    """What a day's bytes come to, for every day; of the bytes themselves only a digest is kept.

    Comparing what is there, and not following what was said to have changed, also holds when another process made
    everything anew, or put another file in the place of this one.

    Args:
        make: makes it of the (kind, bytes) of one day.
    """

    def __init__(self, make: Callable[[_Bodies], Made]) -> None:
        self._make = make
        self._kept: dict[int, tuple[bytes, Made]] = {}

    def follow(self, rows: Iterable[tuple[int, str, bytes]]) -> bool:
        """Bring it in step with (day, kind, bytes) in order of day; whether any day is another one now."""
        now: dict[int, tuple[bytes, Made]] = {}
        changed = False
        for day, group in groupby(rows, key=itemgetter(0)):
            bodies = [(kind, body) for _, kind, body in group]
            digest = _digest(bodies)
            known = self._kept.get(day)
            if known is None or known[0] != digest:
                known, changed = (digest, self._make(bodies)), True
            now[day] = known
        changed |= len(now) != len(self._kept)
        self._kept = now
        return changed

    def all(self) -> list[Made]:
        """Of every day, in order."""
        return [made for _, made in self._kept.values()]


def _digest(bodies: _Bodies) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for kind, body in bodies:
        digest.update(f"{kind} {len(body)} ".encode())
        digest.update(body)
    return digest.digest()


class KeptStays:
    """The stays of the whole life; the same table for as long as no stay changes."""

    def __init__(self) -> None:
        self._days = KeptDays(_stays_of)
        self._table = stay_table.joined([])
        self._version = ""

    def now(self, connection: apsw.Connection) -> StayTable:
        """All stays there are."""
        version = memory_of(connection, "episodes", "0")
        if version != self._version:
            sql = "SELECT day, finder, body FROM episode WHERE finder = ? ORDER BY day"
            if self._days.follow(connection.execute(sql, (STAY,))):
                self._table = stay_table.joined(self._days.all())
            self._version = version
        return self._table


class KeptHints:
    """The names met in the whole life; the same table for as long as none changes."""

    def __init__(self) -> None:
        self._days = KeptDays(_hints_of)
        self._table = hint_table.joined([])
        self._version = ""

    def now(self, connection: apsw.Connection) -> HintTable:
        """All names met."""
        version = memory_of(connection, "hints", "0")
        if version != self._version:
            sql = "SELECT day, kind, body FROM hint JOIN stream ON stream.id = hint.stream ORDER BY day, hint.stream"
            if self._days.follow(connection.execute(sql)):
                self._table = hint_table.joined(self._days.all())
            self._version = version
        return self._table


def _stays_of(bodies: _Bodies) -> StayTable:
    return stay_table.stay_table(stay for _, body in bodies for stay in unpack_episodes(body))


def _hints_of(bodies: _Bodies) -> HintTable:
    """The names met on one day; `hints_seen.pack_hints` packed them."""
    return hint_table.hint_table(_rows_of(bodies))


def _rows_of(bodies: _Bodies) -> Iterator[HintRow]:
    for kind, body in bodies:
        for start, name, lat, lon in orjson.loads(body):
            yield start, name, kind, lat, lon
