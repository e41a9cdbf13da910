"""How late the data of each source comes, and up to when it is settled: watermarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hearthside.events import HOUR_MS
from hearthside.journal import Journal

LOOKED_AT = 4000
"""As many arrivals are looked at, the latest ones."""

LATE_SHARE = 0.99
"""The watermark lies so far behind the newest event that this share of a source's data came no later."""

LONGEST_LATE_MS = 36 * HOUR_MS
"""What comes later than this is an import of the past and says nothing about how late live data comes."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to when a source is believed to have said everything; nothing is ever refused for coming later.

    After the model of Akidau et al., The Dataflow Model (VLDB 2015), as a heuristic watermark: it only marks what is
    provisional.

    Attributes:
        newest_ms: the start of its newest event, by its own clock.
        late_ms: how far out of order its data comes: 99 of 100 records began no longer than this before the newest
            record that had arrived by then.
        settled_ms: `newest_ms` less `late_ms`: what is later is provisional.
    """

    source: str
    newest_ms: int
    late_ms: int

    @property
    def settled_ms(self) -> int:
        """Up to when nothing more is expected."""
        return self.newest_ms - self.late_ms


def watermarks_of(journal: Journal) -> list[Watermark]:
    """The watermark of every source, in order of name."""
    order: dict[str, list[int]] = {}
    for source, start_ms in journal.arrivals(LOOKED_AT):
        order.setdefault(source, []).append(start_ms)
    return [
        Watermark(source, newest_ms, lateness_ms(order.get(source, [])))
        for source, _, _, newest_ms in journal.sources()
    ]


def lateness_ms(starts_ms: list[int]) -> int:
    """How far out of order start times come, in order of arrival; 0 for those in order."""
    if not starts_ms:
        return 0
    starts = np.array(starts_ms, dtype=np.int64)
    late = np.maximum.accumulate(starts) - starts
    late = late[late <= LONGEST_LATE_MS]
    return int(np.quantile(late, LATE_SHARE, method="higher"))
