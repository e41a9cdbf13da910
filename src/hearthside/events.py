"""The records all rooms share: Event, Series (regular samples) and Rejected, each with time and provenance.

Times are integers: UTC milliseconds since 1970 (`*_ms`). A minute slice's id is `ms // 60_000`. Local time is UTC plus
`offset_min`. A source that knows only the day says so with `Precision.DAY` and never pretends to a minute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Json: TypeAlias = Any
"""A value that JSON can hold: None, bool, int, float, str, list or dict of such values."""


class Layer(StrEnum):
    """The six layers of a life."""

    TEXT = "text"
    VISUAL = "visual"
    AUDITORY = "auditory"
    BEHAVIOURAL = "behavioural"
    ENVIRONMENTAL = "environmental"
    RESIDENTIAL = "residential"


class Origin(StrEnum):
    """Who the content comes from."""

    SELF = "self"  # typed, spoken, done or decided by the person
    PERSON = "person"  # somebody else
    DEVICE = "device"  # measured
    WEB = "web"  # published by strangers
    AI = "ai"  # a model's words: never a fact, never a training target
    AI_ACCEPTED = "ai_accepted"
    AI_EDITED = "ai_edited"


class Trust(StrEnum):
    """How far content may be believed; untrusted content never gains authority."""

    OWN = "own"
    KNOWN = "known"
    UNKNOWN = "unknown"


class Precision(StrEnum):
    """What the event time means."""

    INSTANT = "instant"  # start_ms (and end_ms) are clock times
    DAY = "day"  # only the local day is known; start_ms is midnight UTC of that date, by convention


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once, at a time or over an interval.

    Attributes:
        source: name of the source module that read it, e.g. ``oura_sleep``.
        kind: what it is, in the field's standard term: ``sleep``, ``listen``, ``message``, ``position`` ...
        layer: which of the six layers it belongs to.
        start_ms: event time, UTC milliseconds.
        end_ms: exclusive end of an interval, or None for an instant.
        origin: who the content comes from.
        trust: how far it may be believed.
        payload: the source's own fields, whole; JSON values only.
        text: the words to search for and show; empty when there are none.
        offset_min: the person's UTC offset in minutes where the source carries it, else None.
        uncertainty_ms: how far the true time may lie from start_ms, either way.
        precision: whether a time of day is known at all.
        clock: which clock stamped it, e.g. ``device:oura`` or ``export:whatsapp``.
        key: the source's own stable key, or "" when the content itself is the key.
        record: ordinal of the source's record inside the file (from 1); not part of the identity.
    """

    source: str
    kind: str
    layer: Layer
    start_ms: int
    origin: Origin
    trust: Trust
    payload: Mapping[str, Json]
    clock: str
    end_ms: int | None = None
    text: str = ""
    offset_min: int | None = None
    uncertainty_ms: int = 0
    precision: Precision = Precision.INSTANT
    key: str = ""
    record: int = field(default=0, compare=False)

    def body(self) -> dict[str, Json]:
        """The JSON object that is journalled; everything but the position in the file."""
        return {
            "type": "event",
            "source": self.source,
            "kind": self.kind,
            "layer": self.layer._value_,  # `value` is a property and costs ten times as much
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "origin": self.origin._value_,
            "trust": self.trust._value_,
            "payload": dict(self.payload),
            "clock": self.clock,
            "text": self.text,
            "offset_min": self.offset_min,
            "uncertainty_ms": self.uncertainty_ms,
            "precision": self.precision._value_,
            "key": self.key,
        }

    @property
    def id(self) -> bytes:
        """16 bytes: the same content always gets the same id, so sending twice keeps it once."""
        return content_id(self.body())

    @property
    def local_day(self) -> str:
        """The date the source itself gives (day precision), else the UTC date at its own offset."""
        shift = 0 if self.precision is Precision.DAY else (self.offset_min or 0) * MINUTE_MS
        return iso_day((self.start_ms + shift) // DAY_MS)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Regular samples of one measure: `values[i]` holds from `start_ms + i * step_ms`, for `step_ms`.

    Attributes:
        measure: what was measured: ``met``, ``heart_rate``, ``hrv`` ...
        values: float64, shape (n,); NaN where the device gave no value.
        unit: unit of the values, e.g. ``MET``, ``1/min``, ``ms``.

    The other fields mean the same as in Event.
    """

    source: str
    measure: str
    layer: Layer
    start_ms: int
    step_ms: int
    values: npt.NDArray[np.float64]
    unit: str
    clock: str
    offset_min: int | None = None
    uncertainty_ms: int = 0
    key: str = ""
    record: int = field(default=0, compare=False)

    @property
    def kind(self) -> str:
        """The measure: series and events are listed together."""
        return self.measure

    @property
    def end_ms(self) -> int:
        """Exclusive end of the last sample."""
        return self.start_ms + self.step_ms * len(self.values)

    def body(self) -> dict[str, Json]:
        """The JSON object that is journalled; NaN is written as null."""
        return {
            "type": "series",
            "source": self.source,
            "measure": self.measure,
            "layer": self.layer.value,
            "start_ms": self.start_ms,
            "step_ms": self.step_ms,
            "values": [None if value != value else value for value in self.values.tolist()],
            "unit": self.unit,
            "clock": self.clock,
            "offset_min": self.offset_min,
            "uncertainty_ms": self.uncertainty_ms,
            "key": self.key,
        }

    @property
    def id(self) -> bytes:
        """16 bytes, from the content."""
        return content_id(self.body())


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be taken, kept with its reason so that nothing is lost.

    Attributes:
        source: the source that tried to read it, or ``intake``.
        reason: one plain sentence: what is wrong with it.
        raw: the first bytes of the record (at most 4 KiB), for the person to look at.
        place: where it was found: file name and line or byte position.
        record: ordinal of the record inside the file.
    """

    source: str
    reason: str
    raw: bytes
    place: str
    record: int = 0


Record: TypeAlias = Event | Series
Item: TypeAlias = Event | Series | Rejected


_ID_MINUTE_ZERO = 2**31  # so that minutes before 1970 sort before those after


def canonical(body: Mapping[str, Json]) -> bytes:
    """A journal body as the bytes that are hashed and kept: JSON with sorted names."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def content_id(body: Mapping[str, Json]) -> bytes:
    """The 16-byte identity of a journal body."""
    return id_of(canonical(body), body["start_ms"])


def id_of(raw: bytes, start_ms: int) -> bytes:
    """The identity of a body in canonical form: the minute it starts in (4 bytes), then BLAKE2b over it (12 bytes).

    Records that happen together get ids that lie together: an index over ten years then grows at one place, as with
    UUID version 7 (RFC 9562), instead of all over.
    """
    minute = start_ms // MINUTE_MS + _ID_MINUTE_ZERO
    if not 0 <= minute < 2**32:
        minute = 0 if minute < 0 else 2**32 - 1
    return minute.to_bytes(4, "big") + hashlib.blake2b(raw, digest_size=12).digest()


def id_before_format_2(raw: bytes) -> bytes:
    """The identity that journals of format 1 gave to a body: BLAKE2b over it (16 bytes), without its time."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def record_from_body(body: Mapping[str, Json]) -> Record:
    """The record that `body()` was made from."""
    if body["type"] == "series":
        values = np.array([np.nan if value is None else value for value in body["values"]], dtype=np.float64)
        return Series(
            source=body["source"],
            measure=body["measure"],
            layer=Layer(body["layer"]),
            start_ms=body["start_ms"],
            step_ms=body["step_ms"],
            values=values,
            unit=body["unit"],
            clock=body["clock"],
            offset_min=body["offset_min"],
            uncertainty_ms=body["uncertainty_ms"],
            key=body["key"],
        )
    return Event(
        source=body["source"],
        kind=body["kind"],
        layer=Layer(body["layer"]),
        start_ms=body["start_ms"],
        end_ms=body["end_ms"],
        origin=Origin(body["origin"]),
        trust=Trust(body["trust"]),
        payload=body["payload"],
        clock=body["clock"],
        text=body["text"],
        offset_min=body["offset_min"],
        uncertainty_ms=body["uncertainty_ms"],
        precision=Precision(body["precision"]),
        key=body["key"],
    )


def ms_of(moment: datetime) -> int:
    """UTC milliseconds of an aware datetime; a naive one is refused.

    Raises:
        ValueError: the datetime carries no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone has no place on the time axis")
    passed = moment - _EPOCH
    whole, rest = divmod(passed.microseconds, 1000)
    # To the nearest millisecond, halves to even, in whole numbers: every ISO time of every import comes by here.
    return (passed.days * 86_400 + passed.seconds) * 1000 + whole + (rest > 500 or (rest == 500 and whole % 2 == 1))


def local_datetime(ms: int, offset_min: int) -> datetime:
    """The local clock time at a UTC offset."""
    return datetime.fromtimestamp(ms / 1000, tz=timezone(timedelta(minutes=offset_min)))


def day_number(iso: str) -> int:
    """Days since 1970-01-01 of an ISO date."""
    return (date.fromisoformat(iso) - date(1970, 1, 1)).days


def iso_day(number: int) -> str:
    """ISO date of a day number."""
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


def day_start_ms(iso: str) -> int:
    """Midnight UTC of an ISO date; the convention for day-precision events."""
    return day_number(iso) * DAY_MS
