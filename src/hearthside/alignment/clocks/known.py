"""What is known of each clock, for the person to see: how often it was compared, what it is off by, what it timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import apsw

from hearthside.alignment.clocks import book
from hearthside.alignment.clocks.placement import Placement, trusted
from hearthside.events import Json


@dataclass(frozen=True, slots=True)
class KnownClock:
    """One clock.

    Attributes:
        clock: its name, epoch included.
        placement: where its times belong; `trusted` when it is taken at its word.
        exchanges: how often it was compared with the station's.
        heard_ms: the station's time at the last of them; None without any.
        events: of a live device how many events carry it.
        last_event_ms: the last of those, by the clock itself.
        estimate: what was found by comparing what it timed with something else, as journalled; None without.
    """

    clock: str
    placement: Placement
    exchanges: int
    heard_ms: int | None
    events: int
    last_event_ms: int | None
    estimate: Mapping[str, Json] | None


def known_clocks(connection: apsw.Connection, placements: Mapping[str, Placement]) -> list[KnownClock]:
    """Every clock of which the book says anything, in order of name.

    Args:
        connection: the derived database with the tables of `book`.
        placements: of the clocks that are not simply taken at their word.
    """
    heard = {
        str(clock): (int(count), round(last))
        for clock, count, last in connection.execute("SELECT clock, count(*), max(t2_ms) FROM exchange GROUP BY clock")
    }
    spoke = {
        str(clock): (int(count), int(last))
        for clock, count, last in connection.execute(
            "SELECT clock, sum(events), max(last_ms) FROM clock_day GROUP BY clock"
        )
    }
    found = []
    for clock in book.clocks(connection):
        exchanges, heard_ms = heard.get(clock, (0, None))
        events, last_ms = spoke.get(clock, (0, None))
        placement = placements.get(clock) or trusted()
        estimate = book.estimate_of(connection, clock)
        found.append(KnownClock(clock, placement, exchanges, heard_ms, events, last_ms, estimate))
    return found
