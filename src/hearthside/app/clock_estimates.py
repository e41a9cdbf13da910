"""Clocks of exports set by what they recorded: what is done awake against sleep, workouts against movement.

An export never talks to the station, so nothing but its content tells whether its clock was right. Whoever plays a
song is awake; so what is done awake should fall into no night that another device measured (`estimate_by_exclusion`),
and the middle of a workout into a time in which another device felt movement (`estimate_by_inclusion`).

What is found is journalled as a `clock_estimate`, and the life stream places the clock's times by the latest one. An
estimate is made on the times as recorded, never on times that an earlier estimate moved, so it does not feed on itself.

- Within an hour, or two standard deviations, a clock counts as right and is told to be: the valley of evidence is flat,
  and what is right must not move.
- Beyond that the shift is told to a quarter of an hour where it is known no better than half of one (zones differ by
  quarters of an hour, so that is where such errors come from), else to a minute.
- It is made again when something arrived by that clock, and told again when it says something else than before.
- The person's word counts more: of a clock on which she decided anything no estimate is made.

One shift is estimated for all that a clock recorded: of a clock that was right in one year and wrong in another nothing
is believed as long as the two contradict each other enough, and else the lesser part is placed wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hearthside.alignment.aligning import StreamName
from hearthside.alignment.clocks.content import FEWEST, Estimate, estimate_by_exclusion, estimate_by_inclusion
from hearthside.alignment.clocks.words import off_words
from hearthside.alignment.columns import NO_END, ORIGINS, EventColumns
from hearthside.alignment.naive import parse_naive
from hearthside.alignment.store import ChunkFacts
from hearthside.alignment.stream import LifeStream
from hearthside.app.clocks import clock_title
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Trust
from hearthside.journal import Journal

AWAKE = frozenset({"listen", "message", "post", "like", "search", "watch", "page_visit", "caption"})
"""What is done awake. A playlist or a film that goes on while one falls asleep is allowed for; what only ever happens
at night, such as sounds to sleep by, leaves hours open and is not believed. Intervals such as app use are not among
them: machines go on alone."""

OWN_WORDS = frozenset({"message", "post"})
"""Of these only the person's own: what others write arrives at night as well."""

NIGHT, MOVEMENT, WORKOUT = "sleep", "met", "workout"
LEAST_NIGHT_MS = 3 * HOUR_MS
"""Shorter sleep is a nap, at an hour at which people may as well be awake."""

LONGEST_WORKOUT_MS = 3 * HOUR_MS
"""The middle of a longer one says little: there were rests."""

MOVING_MET = 3.0
"""Walking and all that is more (Ainsworth et al. 2011, Compendium of Physical Activities)."""

RIGHT_MS = HOUR_MS
"""An estimate is confident when it is off by no more than this (`content.WITHIN_MS`): within it nothing is moved."""

QUARTER_MS = 15 * MINUTE_MS
Ints = npt.NDArray[np.int64]
_EXPORT = "export:"
_SELF = ORIGINS.index(Origin.SELF)


@dataclass(frozen=True, slots=True)
class _Found:
    """An estimate, and the source whose times it was compared with."""

    estimate: Estimate
    against: str


def estimate_clocks(journal: Journal, stream: LifeStream, clock: Callable[[], int]) -> list[Event]:
    """Journal what is newly found of the clocks of exports; the life stream is to be updated when that is anything.

    Args:
        stream: in step with the journal.
        clock: UTC milliseconds.

    Returns:
        The `clock_estimate` events, one a clock at most, in order of clock.
    """
    found = []
    others = _Others(stream)
    known = {one.clock: one for one in stream.clocks()}
    decided = _decided(journal)
    for name, streams in _exports(stream).items():
        one = known.get(name)
        if name in decided or (one is not None and one.exchanges):
            continue
        before = one.estimate if one is not None else None
        payload = _looked_at(others, name, streams, before)
        if payload is not None:
            found.append(_event(payload, clock()))
    if found:
        journal.append(found)
    return found


def set_clocks(
    journal: Journal, stream: LifeStream, clock: Callable[[], int], tell: Callable[[str], None] = lambda sentence: None
) -> bool:
    """Estimate, and tell the person of what is to be moved; whether the life stream is to be updated.

    Parameters as of `estimate_clocks`.
    """
    found = estimate_clocks(journal, stream, clock)
    for event in found:
        said = event.payload
        if said["shift_ms"]:
            against = clock_title(f"export:{said['against']}")
            tell(
                f"{clock_title(said['clock'])}: its clock was {off_words(said['shift_ms'])}, found by comparing what it"
                f" recorded with {against}; its times are moved by that, the journal keeps them as they were"
            )
    return bool(found)


def _decided(journal: Journal) -> set[str]:
    """Clocks on which the person has said anything."""
    said = (item.record for item in journal.read(kinds=["clock_decision"]))
    return {str(record.payload.get("clock")) for record in said if isinstance(record, Event)}


def _exports(stream: LifeStream) -> dict[str, list[StreamName]]:
    """By export clock, in order of name, the streams it alone stamped, in order; without naive local times."""
    found: dict[str, list[StreamName]] = {}
    for name, clocks in sorted(stream.stamps().items()):
        if len(clocks) == 1 and not name.series and name.kind in AWAKE | {WORKOUT}:
            [clock] = clocks
            if clock.startswith(_EXPORT) and parse_naive(clock) is None:
                found.setdefault(clock, []).append(name)
    return dict(sorted(found.items()))


def _looked_at(
    others: _Others, clock: str, streams: Sequence[StreamName], before: Mapping[str, Json] | None
) -> dict[str, Json] | None:
    """What is newly found of a clock, as the payload of an estimate; None when that is nothing."""
    events, last = others.extent(streams)
    if events < FEWEST or (before is not None and (before.get("events"), before.get("last_id")) == (events, last)):
        return None
    found = [one for one in (others.by_sleep(clock, streams), others.by_movement(clock, streams)) if one is not None]
    sure = [one for one in found if one.estimate.confident]
    if not sure:
        return None
    best = min(sure, key=lambda one: one.estimate.sigma_ms)
    if before is not None and _says_the_same(best.estimate, before):
        return None
    shift, sigma = told(best.estimate)
    return {
        "clock": clock, "shift_ms": shift, "sigma_ms": sigma, "score": best.estimate.score, "n": best.estimate.n,
        "against": best.against, "events": events, "last_id": last,
    }  # fmt: skip


def told(estimate: Estimate) -> tuple[int, int]:
    """What is told of an estimate: by what to shift a clock, 0 when it may be right; and one standard deviation, ms."""
    if abs(estimate.shift_ms) <= max(2 * estimate.sigma_ms, RIGHT_MS):
        return 0, estimate.sigma_ms
    step = QUARTER_MS if estimate.sigma_ms >= QUARTER_MS / 2 else MINUTE_MS
    shift = round(estimate.shift_ms / step) * step
    # What rounding adds: evenly spread over one step.
    return shift, math.ceil(math.hypot(estimate.sigma_ms, step / math.sqrt(12)))


def _says_the_same(estimate: Estimate, before: Mapping[str, Json]) -> bool:
    """Whether an estimate is no reason to give up what was told before."""
    shift, sigma = float(before.get("shift_ms") or 0), float(before.get("sigma_ms") or 0)
    allowed = 2 * max(sigma, estimate.sigma_ms)
    return abs(estimate.shift_ms - shift) <= (allowed if shift else max(allowed, RIGHT_MS))


def _event(payload: dict[str, Json], now_ms: int) -> Event:
    return Event(
        "station", "clock_estimate", Layer.BEHAVIOURAL, now_ms, Origin.DEVICE, Trust.OWN, payload, clock="station"
    )


class _Others:
    """What clocks recorded, and what other clocks recorded to compare it with."""

    def __init__(self, stream: LifeStream) -> None:
        self._stream = stream
        self._stamps = stream.stamps()
        self._numbers = {name: number for number, name in stream.streams().items()}

    def extent(self, streams: Iterable[StreamName]) -> tuple[int, str]:
        """How many events streams hold, and the id of the last by its own time, without opening more than its day."""
        numbers = {self._numbers[name] for name in streams}
        facts = [fact for fact in self._facts if fact.stream in numbers and fact.events]
        if not facts:
            return 0, ""
        day = max(fact.day for fact in facts)
        last = [
            (int(columns.raw_ms.max()), columns.identity(int(np.argmax(columns.raw_ms))).hex())
            for columns in self._columns(streams, day * DAY_MS, (day + 1) * DAY_MS)
        ]
        return sum(fact.events for fact in facts), max(last)[1]

    @cached_property
    def _facts(self) -> list[ChunkFacts]:
        return self._stream.facts()

    def by_sleep(self, clock: str, streams: Sequence[StreamName]) -> _Found | None:
        """What is done awake against the nights of the source that has most of them in that time."""
        points = _joined([_awake(columns) for columns in self._columns([s for s in streams if s.kind in AWAKE])])
        if len(points) < FEWEST:
            return None
        near = (int(points.min()) - DAY_MS, int(points.max()) + DAY_MS)
        nights = {name: _nights(self._columns([name]), near) for name in self._of_others(clock, NIGHT)}
        if not nights:
            return None
        best = max(sorted(nights), key=lambda name: len(nights[name]))
        estimate = estimate_by_exclusion(points, nights[best])
        return None if estimate is None else _Found(estimate, best.source)

    def by_movement(self, clock: str, streams: Sequence[StreamName]) -> _Found | None:
        """The middles of workouts against minutes of movement by the source that has most of them in that time."""
        points = _joined([_middles(columns) for columns in self._columns([s for s in streams if s.kind == WORKOUT])])
        if len(points) < FEWEST:
            return None
        allowed = set(self._of_others(clock, MOVEMENT))
        near = (int(points.min()) - DAY_MS, int(points.max()) + DAY_MS)
        moving: dict[StreamName, list[Ints]] = {}
        for name, day, samples in self._stream.samples(MOVEMENT, *near):
            if name in allowed:
                moving.setdefault(name, []).append(_runs(day, samples.values >= MOVING_MET))
        if not moving:
            return None
        best = max(sorted(moving), key=lambda name: len(moving[name]))
        estimate = estimate_by_inclusion(points, np.concatenate(moving[best]))
        return None if estimate is None else _Found(estimate, best.source)

    def _of_others(self, clock: str, kind: str) -> list[StreamName]:
        """Streams of a kind or measure that this clock did not stamp, nor one of naive local times."""
        return [
            name
            for name, clocks in self._stamps.items()
            if name.kind == kind and name.series == (kind == MOVEMENT) and clock not in clocks
            and not any(parse_naive(other) is not None for other in clocks)
        ]  # fmt: skip

    def _columns(
        self, streams: Iterable[StreamName], start_ms: int | None = None, end_ms: int | None = None
    ) -> list[EventColumns]:
        """The events of some streams, in order of day."""
        wanted = set(streams)
        found = self._stream.columns(
            kinds={name.kind for name in wanted}, sources={name.source for name in wanted}, start_ms=start_ms,
            end_ms=end_ms,
        )  # fmt: skip
        return [one for one in found if StreamName(one.layer.value, one.source, one.kind) in wanted]


def _awake(columns: EventColumns) -> Ints:
    """Raw times of what the person did awake, of which the time of day is known."""
    chosen = columns.precision == 0
    if columns.kind in OWN_WORDS:
        chosen &= columns.origin == _SELF
    return np.asarray(columns.raw_ms[chosen])


def _middles(columns: EventColumns) -> Ints:
    """Raw times of the middles of workouts."""
    length = columns.end_ms - columns.start_ms
    chosen = (columns.precision == 0) & (columns.end_ms != NO_END) & (length <= LONGEST_WORKOUT_MS)
    return np.asarray(columns.raw_ms[chosen] + length[chosen] // 2)


def _nights(found: Iterable[EventColumns], near: tuple[int, int]) -> Ints:
    """(n, 2) corrected start and end of the nights that begin in a range of time."""
    parts = []
    for columns in found:
        chosen = (columns.precision == 0) & (columns.end_ms != NO_END) & (columns.start_ms >= near[0])
        chosen &= (columns.start_ms < near[1]) & (columns.end_ms - columns.start_ms >= LEAST_NIGHT_MS)
        parts.append(np.column_stack([columns.start_ms[chosen], columns.end_ms[chosen]]))
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)


def _runs(day: int, moving: npt.NDArray[np.bool_]) -> Ints:
    """(n, 2) start and end of the runs of minutes of a UTC day that hold."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], moving, [False]]).astype(np.int8)))
    return day * DAY_MS + edges.reshape(-1, 2).astype(np.int64) * MINUTE_MS


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
