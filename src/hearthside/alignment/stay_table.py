"""The stays of a whole life as columns, for what looks at all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode
from hearthside.alignment.episodes.stay import NAME as STAY
from hearthside.alignment.geodesy import Floats

Ints = npt.NDArray[np.int64]

_FACTS = (
    "lat", "lon", "radius_m", "fixes", "observed_ms", "open_start", "open_end", "silent_before_ms", "silent_after_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class StayTable:
    """Stays in order of (start, end, evidence).

    Attributes:
        start_ms, end_ms: (n,) UTC ms.
        facts: (9, n), as `_FACTS` names them; times in ms are whole numbers far below 2**53, and so exact.
        evidence: of each its record ids.
    """

    start_ms: Ints
    end_ms: Ints
    facts: Floats
    evidence: Sequence[tuple[bytes, ...]]

    def __len__(self) -> int:
        return len(self.evidence)

    def fact(self, name: str) -> Floats:
        """One of the facts that `episodes.stay` documents, (n,)."""
        found: Floats = self.facts[_FACTS.index(name)]
        return found

    def whole(self, name: str) -> Ints:
        """The same of a count, a time or a flag, as whole numbers."""
        return self.fact(name).astype(np.int64)


def stay_table(episodes: Iterable[Episode]) -> StayTable:
    """The stays among some episodes; their order does not matter."""
    stays = sorted((e for e in episodes if e.kind == STAY), key=lambda e: (e.start_ms, e.end_ms, e.evidence))
    return StayTable(
        np.array([stay.start_ms for stay in stays], dtype=np.int64),
        np.array([stay.end_ms for stay in stays], dtype=np.int64),
        np.array([[stay.facts[name] for stay in stays] for name in _FACTS], dtype=np.float64),
        [stay.evidence for stay in stays],
    )


def joined(days: Sequence[StayTable]) -> StayTable:
    """The tables of days, in order of day, as one: a stay belongs to the UTC day on which it starts."""
    if not days:
        return stay_table([])
    return StayTable(
        np.concatenate([day.start_ms for day in days]),
        np.concatenate([day.end_ms for day in days]),
        np.concatenate([day.facts for day in days], axis=1),
        [evidence for day in days for evidence in day.evidence],
    )
