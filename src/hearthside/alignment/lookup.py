"""Finding one event of the life stream by its id, which begins with the minute its own clock said."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import apsw
import numpy as np

from hearthside.alignment.clocks.placing import KnownClocks
from hearthside.alignment.columns import EventColumns
from hearthside.alignment.store import Store
from hearthside.alignment.updating import clocks_by_stream
from hearthside.events import DAY_MS, MINUTE_MS
from hearthside.journal import Journal
from hearthside.journal.sealing import minute_of


class Lookup:
    """Where an event lies, by its id."""

    def __init__(self, store: Store, journal: Journal, clocks: Callable[[apsw.Connection], KnownClocks]) -> None:
        self._store, self._journal, self._clocks = store, journal, clocks

    def find(self, connection: apsw.Connection, identity: bytes) -> tuple[EventColumns, int] | None:
        """The columns that hold an event, and its row; None when it is no part of the life stream."""
        minute = minute_of(identity)
        if minute is not None:
            found = self._near(connection, identity, minute)
            if found is not None:
                return found
        # Ids of the first format do not begin with their minute: the journal knows when it was.
        for item in self._journal.get([identity]).values():
            start = item.record.start_ms
            if minute is None or not minute <= start < minute + MINUTE_MS:
                return self._near(connection, identity, start // MINUTE_MS * MINUTE_MS)
        return None

    def _near(self, connection: apsw.Connection, identity: bytes, minute_ms: int) -> tuple[EventColumns, int] | None:
        wanted = np.frombuffer(identity, dtype="V16")[0]
        for day in self._days(connection, minute_ms):
            for fact in self._store.facts(connection, day, day):
                if not fact.events:
                    continue
                chunk = self._store.chunk(connection, fact.stream, day, fact.version)
                if chunk is None:
                    continue
                rows = np.flatnonzero(chunk.own.ids == wanted)
                if len(rows):
                    return chunk.own, int(rows[0])
        return None

    def _days(self, connection: apsw.Connection, minute_ms: int) -> Iterable[int]:
        """UTC days on which something may lie that a clock placed in this minute, the likeliest first."""
        days = {minute_ms // DAY_MS: None}
        clocks = self._clocks(connection)
        spoken = {clock for clocks_of in clocks_by_stream(connection).values() for clock in clocks_of}
        for clock in sorted(spoken):
            first, last = clocks.images(clock, minute_ms, minute_ms + MINUTE_MS)
            days.update(dict.fromkeys(range(first // DAY_MS, (last - 1) // DAY_MS + 1)))
        return list(days)
