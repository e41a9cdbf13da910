"""One file per episode finder; each finds intervals of one kind in the life stream, by a plain method with a source.

A finder is a module here with the names of `Finder`. It is found by its file name; adding a file adds a finder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import EventColumns
from hearthside.events import DAY_MS, Json

_NOT_FINDERS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Episode:
    """An interval of a life with a name and the evidence it rests on.

    Attributes:
        kind: which finder found it: ``sleep``, ``conversation``, ``stay`` ...
        start_ms, end_ms: UTC ms, end exclusive.
        label: what to call it in a few words (``asleep``, ``talking with Mira``); no model made it.
        evidence: ids of the journal records it rests on, in order of time; of many the first and the last ones.
        sure: 0 to 1: how well the evidence covers it, as the finder documents it.
        facts: figures of the episode, JSON values (``{"events": 12, "lat": ..., "lon": ...}``).
    """

    kind: str
    start_ms: int
    end_ms: int
    label: str
    evidence: tuple[bytes, ...]
    sure: float
    facts: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampleRun:
    """Regular samples of one measure over the minutes of a window, (minutes,), NaN where there is none."""

    source: str
    measure: str
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """What a finder may look at to find the episodes that start on one UTC day.

    Attributes:
        day: days since 1970-01-01; episodes that start in it are asked for, others are dropped.
        start_ms, end_ms: UTC bounds of what is in the window: the day and `REACH_DAYS` of the finder on either side.
        columns: by kind, one entry for each (source, day), in order of (day, source); only kinds the finder reads.
        samples: by measure; only measures the finder reads.
        offset_min: (minutes of the window,) the person's UTC offset.
    """

    day: int
    start_ms: int
    end_ms: int
    columns: dict[str, list[EventColumns]]
    samples: dict[str, list[SampleRun]]
    offset_min: npt.NDArray[np.int16]

    @property
    def day_start_ms(self) -> int:
        """First millisecond of the day."""
        return self.day * DAY_MS

    def owns(self, start_ms: int) -> bool:
        """Whether an episode with this start belongs to the day."""
        return self.day_start_ms <= start_ms < self.day_start_ms + DAY_MS


class Finder(Protocol):
    """What every module in this folder offers.

    Whether an episode starts at a moment, and how it goes on, may depend only on what lies within `REACH_DAYS` days of
    the day: windows that hold more must give the same. Nothing is inferred from silence.

    Attributes:
        NAME: the module's name, the `kind` of its episodes.
        TITLE: what a person calls it, e.g. "Sleep".
        KINDS: kinds of events it reads.
        MEASURES: measures of series it reads.
        REACH_DAYS: whole UTC days it must see before and after the day.
        VERSION: counted up whenever it would find something else; a new one makes the station find again.
    """

    NAME: str
    TITLE: str
    KINDS: frozenset[str]
    MEASURES: frozenset[str]
    REACH_DAYS: int
    VERSION: int

    def find(self, window: Window) -> list[Episode]:
        """The episodes that start on the day, in order of start."""
        ...


@lru_cache(maxsize=1)
def finder_names() -> tuple[str, ...]:
    """Names of all finders, from the file names, importing nothing."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NOT_FINDERS))


def load_finder(name: str) -> Finder:
    """The finder of that name."""
    return cast(Finder, importlib.import_module(f"{__name__}.{name}"))


def finders_reading(kinds: Collection[str], measures: Collection[str]) -> list[Finder]:
    """Finders that read any of these."""
    found = [load_finder(name) for name in finder_names()]
    return [f for f in found if not f.KINDS.isdisjoint(kinds) or not f.MEASURES.isdisjoint(measures)]
