"""A small life stream in memory, with what a query reads of one: events, episodes, visits, samples and offsets."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import NO_END, NO_OFFSET, ORIGINS, PRECISIONS, TRUSTS, EventColumns
from hearthside.alignment.episodes import Episode
from hearthside.alignment.kinds import rule_of
from hearthside.alignment.occurrence import Occurrence
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, Origin, Precision, Trust, day_start_ms, iso_day
from hearthside.memory.asking.source import Ints

START = day_start_ms("2023-03-20")
"""A Monday; summer time begins on the Sunday after it."""

NOW = START + 400 * DAY_MS


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the small life, all in Python values."""

    kind: str
    start_ms: int
    end_ms: int | None = None
    source: str = "phone"
    layer: Layer = Layer.BEHAVIOURAL
    text: str = ""
    note: str = ""
    amount: float | None = None
    origin: Origin = Origin.DEVICE
    by_day: bool = False
    carried_min: int | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    id: bytes = b""


@dataclass(frozen=True, slots=True)
class Stayed:
    """A visit."""

    start_ms: int
    end_ms: int
    place_id: str
    label: str
    evidence: tuple[bytes, ...] = ()
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A place."""

    id: str
    label: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One measure on one UTC day."""

    source: str
    measure: str
    unit: str
    values: npt.NDArray[np.float64]
    layer: Layer = Layer.BEHAVIOURAL


@dataclass(frozen=True, slots=True)
class Block:
    """A UTC day."""

    day: int
    samples: list[Sampled]


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a stream on a day."""

    stream: int
    day: int
    events: int


@dataclass(frozen=True, slots=True)
class Name:
    """A stream."""

    layer: str
    source: str
    kind: str
    series: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """Offsets that change at given times; the first holds before."""

    changes: tuple[tuple[int, int], ...] = ((0, 0),)

    def at(self, ms: Ints) -> Ints:
        """Minutes."""
        starts = np.array([at for at, _ in self.changes])
        values = np.array([offset for _, offset in self.changes])
        return values[np.maximum(np.searchsorted(starts, ms, side="right") - 1, 0)]


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a source is settled."""

    source: str
    newest_ms: int
    settled_ms: int


@dataclass
class SmallLife:
    """See `LifeSource`."""

    happened: list[Happened] = field(default_factory=list)
    found: list[Episode] = field(default_factory=list)
    stayed: list[Stayed] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    sampled: dict[int, list[Sampled]] = field(default_factory=dict)
    steps: Steps = Steps()
    marks: list[Mark] = field(default_factory=list)
    versions: dict[tuple[Name, int], tuple[int, list[Happened]]] = field(default_factory=dict)
    newest: int = 0

    def __post_init__(self) -> None:
        """Every event gets an id."""
        self.happened = [replace(one, id=one.id or (n + 1).to_bytes(16, "big")) for n, one in enumerate(self.happened)]

    def columns(
        self, *, kinds: Iterable[str] | None = None, sources: Iterable[str] | None = None,
        layers: Iterable[Layer] | None = None, start_ms: int | None = None, end_ms: int | None = None,
    ) -> Iterator[EventColumns]:  # fmt: skip
        """Chunks by (UTC day, stream) that may overlap."""
        chunks: dict[tuple[int, str, str, str], list[Happened]] = {}
        for one in sorted(self.happened, key=lambda one: (one.start_ms, one.id)):
            name = (one.start_ms // DAY_MS, one.layer.value, one.source, one.kind)
            chunks.setdefault(name, []).append(one)
        for (_, layer, source, kind), rows in sorted(chunks.items()):
            out = any(
                given is not None and value not in given
                for value, given in ((kind, kinds), (source, sources), (layer, layers))
            )
            ends = max(max(one.end_ms or one.start_ms, one.start_ms + 1) for one in rows)
            late = end_ms is not None and rows[0].start_ms // DAY_MS * DAY_MS >= end_ms
            if not out and not late and (start_ms is None or ends > start_ms):
                yield _columns(Layer(layer), source, kind, rows)

    def track(self) -> Steps:
        """Offsets."""
        return self.steps

    def episodes(
        self, start_ms: int | None = None, end_ms: int | None = None, kinds: Iterable[str] | None = None
    ) -> list[Episode]:
        """That overlap."""
        return [one for one in self.found if (kinds is None or one.kind in kinds) and _over(one, start_ms, end_ms)]

    def visits(self, start_ms: int | None = None, end_ms: int | None = None) -> list[Stayed]:
        """That overlap."""
        return [one for one in self.stayed if _over(one, start_ms, end_ms)]

    def places(self) -> list[Spot]:
        """All."""
        return self.spots

    def block(self, day: int) -> Block | None:
        """A day with samples."""
        return Block(day, self.sampled[day]) if day in self.sampled else None

    def facts(self, first_day: int | None = None, last_day: int | None = None) -> list[Fact]:
        """Chunks without opening them."""
        numbers = {name: number for number, name in self.streams().items()}
        counts: dict[tuple[int, int], int] = {}
        for one in self.happened:
            key = one.start_ms // DAY_MS, numbers[Name(one.layer.value, one.source, one.kind, False)]
            counts[key] = counts.get(key, 0) + 1
        for day, samples in self.sampled.items():
            for part in samples:
                key = day, numbers[Name(part.layer.value, part.source, part.measure, True)]
                counts[key] = counts.get(key, 0) + int(np.count_nonzero(~np.isnan(part.values)))
        return [
            Fact(number, day, events) for (day, number), events in sorted(counts.items())
            if (first_day is None or day >= first_day) and (last_day is None or day <= last_day)
        ]  # fmt: skip

    def streams(self) -> dict[int, Name]:
        """By number."""
        names = {(one.layer.value, one.source, one.kind, False) for one in self.happened}
        names |= {(s.layer.value, s.source, s.measure, True) for parts in self.sampled.values() for s in parts}
        return {number: Name(*name) for number, name in enumerate(sorted(names))}

    def version(self) -> int:
        """One more for each chunk that differs from what it was when this was last asked, or went."""
        chunks: dict[tuple[Name, int], list[Happened]] = {}
        for one in sorted(self.happened, key=lambda one: (one.start_ms, one.id)):
            place = Name(one.layer.value, one.source, one.kind, False), one.start_ms // DAY_MS
            chunks.setdefault(place, []).append(one)
        self.newest += len(self.versions.keys() - chunks.keys())
        before, self.versions = self.versions, {}
        for place, rows in chunks.items():
            same = place in before and before[place][1] == rows
            self.newest += not same
            self.versions[place] = before[place] if same else (self.newest, rows)
        return self.newest

    def changed_since(self, version: int) -> list[Fact]:
        """Chunks with a later version."""
        self.version()
        numbers = {name: number for number, name in self.streams().items()}
        later = {place: len(rows) for place, (at, rows) in self.versions.items() if at > version}
        return [Fact(numbers[name], day, events) for (name, day), events in later.items()]

    def counts(self) -> dict[tuple[str, str], int]:
        """Events by source and kind."""
        return dict(Counter((one.source, one.kind) for one in self.happened))

    def watermarks(self) -> list[Mark]:
        """Of the sources that are late."""
        return self.marks

    def get(self, identity: bytes) -> Occurrence | None:
        """By id."""
        for one in self.happened:
            if one.id == identity:
                offset = self.offset_of(one)
                return Occurrence(
                    one.id, one.layer, one.source, one.kind, one.start_ms, one.end_ms, iso_day(self.day_of(one)),
                    offset, Precision.DAY if one.by_day else Precision.INSTANT, 0, one.origin, "own", one.amount,
                    one.text, one.note, one.start_ms,
                )  # fmt: skip
        return None

    def offset_at(self, ms: int) -> int:
        """Minutes; the reference asks this for every minute, so without arrays."""
        changes = self.steps.changes
        return changes[max(bisect_right(changes, ms, key=_when) - 1, 0)][1]

    def offset_of(self, one: Happened) -> int:
        """At its start."""
        return self.offset_at(one.start_ms) if one.carried_min is None else one.carried_min

    def day_of(self, one: Happened) -> int:
        """Its local day."""
        if one.by_day:
            return one.start_ms // DAY_MS
        at = one.end_ms if rule_of(one.kind).day_by_end and one.end_ms is not None else one.start_ms
        return (at + self.offset_of(one) * MINUTE_MS) // DAY_MS


_when = itemgetter(0)


def _over(one: Episode | Stayed, start_ms: int | None, end_ms: int | None) -> bool:
    return (start_ms is None or max(one.end_ms, one.start_ms + 1) > start_ms) and (
        end_ms is None or one.start_ms < end_ms
    )


def _columns(layer: Layer, source: str, kind: str, rows: list[Happened]) -> EventColumns:
    def ints(values: Iterable[int]) -> Ints:
        return np.array(list(values), dtype=np.int64)

    start = ints(one.start_ms for one in rows)
    names = dict.fromkeys(name for one in rows for name in one.numbers)
    return EventColumns(
        layer, source, kind, np.frombuffer(b"".join(one.id for one in rows), "V16"), start,
        ints(NO_END if one.end_ms is None else one.end_ms for one in rows), start, start * 0,
        ints(NO_OFFSET if one.carried_min is None else one.carried_min for one in rows).astype(np.int16),
        ints(PRECISIONS.index(Precision.DAY if one.by_day else Precision.INSTANT) for one in rows).astype(np.uint8),
        ints(ORIGINS.index(one.origin) for one in rows).astype(np.uint8),
        np.full(len(rows), TRUSTS.index(Trust.OWN), np.uint8),
        np.array([np.nan if one.amount is None else one.amount for one in rows], dtype=np.float64),
        [one.text for one in rows], [one.note for one in rows],
        {name: np.array([one.numbers.get(name, np.nan) for one in rows]) for name in names},
    )  # fmt: skip


def hours(day: int, hour: float) -> int:
    """UTC ms of an hour of a day after `START`."""
    return START + day * DAY_MS + round(hour * HOUR_MS)


def night(day: int, asleep: float, awake: float, **facts: float) -> Episode:
    """A night, in UTC hours of the day it begins on."""
    return Episode("sleep", hours(day, asleep), hours(day, awake), "asleep", (bytes([day + 1] * 16),), 1.0, dict(facts))


def play(day: int, hour: float, artist: str, track: str = "T", **more: object) -> Happened:
    """A song."""
    return Happened(
        "listen", hours(day, hour), source="last_fm", layer=Layer.AUDITORY, text=f"{artist} – {track}", **more,  # type: ignore[arg-type]
    )  # fmt: skip
