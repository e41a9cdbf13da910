"""What a query needs of a life stream, and which kinds, sources, measures and places there are in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import EventColumns
from hearthside.alignment.episodes import Episode, finder_names, load_finder
from hearthside.alignment.movement import KINDS as MOVEMENTS
from hearthside.alignment.occurrence import Occurrence
from hearthside.events import Layer

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Track(Protocol):
    """The person's UTC offset over the life."""

    def at(self, ms: Ints) -> npt.NDArray[np.signedinteger]:
        """Minutes, shape as given."""
        ...


class VisitLike(Protocol):
    """A stay at a place."""

    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def place_id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def evidence(self) -> tuple[bytes, ...]: ...
    @property
    def sure(self) -> float: ...


class PlaceLike(Protocol):
    """A place, what it is called and what it is to the person: ``home``, ``work`` or nothing."""

    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def role(self) -> str: ...


class SampleLike(Protocol):
    """One regular measure over one UTC day: (1440,) values, NaN where there is none."""

    @property
    def layer(self) -> Layer: ...
    @property
    def source(self) -> str: ...
    @property
    def measure(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def values(self) -> Floats: ...


class BlockLike(Protocol):
    """A UTC day."""

    @property
    def day(self) -> int: ...
    @property
    def samples(self) -> Sequence[SampleLike]: ...


class FactsLike(Protocol):
    """What is known of one stream on one UTC day without opening it."""

    @property
    def stream(self) -> int: ...
    @property
    def day(self) -> int: ...
    @property
    def events(self) -> int: ...


class StreamLike(Protocol):
    """Which stream; of a series the kind is its measure."""

    @property
    def layer(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def series(self) -> bool: ...


class WatermarkLike(Protocol):
    """Up to when a source is believed to have said everything."""

    @property
    def source(self) -> str: ...
    @property
    def newest_ms(self) -> int: ...
    @property
    def settled_ms(self) -> int: ...


class LifeSource(Protocol):
    """The part of `LifeStream` that queries read; see there."""

    def columns(
        self,
        *,
        kinds: Iterable[str] | None = None,
        sources: Iterable[str] | None = None,
        layers: Iterable[Layer] | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Iterator[EventColumns]:
        """Columns by day and stream, in order of day, of chunks whose events may overlap the range."""
        ...

    def track(self) -> Track: ...
    def episodes(
        self, start_ms: int | None = None, end_ms: int | None = None, kinds: Iterable[str] | None = None
    ) -> Sequence[Episode]: ...
    def visits(self, start_ms: int | None = None, end_ms: int | None = None) -> Sequence[VisitLike]: ...
    def places(self) -> Sequence[PlaceLike]: ...
    def block(self, day: int) -> BlockLike | None: ...
    def facts(self, first_day: int | None = None, last_day: int | None = None) -> Sequence[FactsLike]: ...
    def streams(self) -> Mapping[int, StreamLike]: ...
    def version(self) -> int: ...
    def changed_since(self, version: int) -> Sequence[FactsLike]: ...
    def counts(self) -> Mapping[tuple[str, str], int]: ...
    def watermarks(self) -> Sequence[WatermarkLike]: ...
    def get(self, identity: bytes) -> Occurrence | None: ...


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names a query may use in a life.

    Attributes:
        kinds: of events; episodes: kinds; measures: of regular samples; places: names; sources: names.
    """

    kinds: frozenset[str] = frozenset()
    episodes: frozenset[str] = frozenset()
    measures: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()


def vocabulary_of(life: LifeSource) -> Vocabulary:
    """The names there are in a life."""
    streams = list(life.streams().values())
    labels = {place.label for place in life.places() if place.label}
    named = {label.casefold() for label in labels}
    labels |= {place.role for place in life.places() if place.role and place.role not in named}
    return Vocabulary(
        kinds=frozenset(one.kind for one in streams if not one.series),
        episodes=frozenset({*finder_names(), *MOVEMENTS}),
        measures=frozenset(one.kind for one in streams if one.series),
        places=frozenset(labels),
        sources=frozenset(one.source for one in streams),
    )


def read_by(episode: str) -> frozenset[str]:
    """The kinds and measures that an episode of this kind, or a visit, is found in."""
    if episode in finder_names():
        finder = load_finder(episode)
        return finder.KINDS | finder.MEASURES
    return load_finder("stay").KINDS
