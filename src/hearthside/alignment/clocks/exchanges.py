"""Clock exchanges: four stamps of one request, two by the device, two by the station, and what they say of a clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hearthside.events import MINUTE_MS, Json

LONGEST_ROUND_TRIP_MS = 5 * MINUTE_MS
"""A slower exchange says nothing that is worth keeping: its error may be half of this."""

LONGEST_EXCHANGE_MS = 60 * MINUTE_MS
"""From t1 to t4, the station's own time included: beyond it the clock itself drifts by more than the stamps resolve."""

_STAMPS = ("t1_ms", "t2_ms", "t3_ms", "t4_ms")


@dataclass(frozen=True, slots=True)
class Exchange:
    """The four stamps of one request, as in NTP (Mills 1991, "Internet time synchronization"; RFC 5905 section 8).

    Attributes:
        t1_ms: the device sent, by its clock.
        t2_ms: the station received, UTC ms.
        t3_ms: the station answered, UTC ms.
        t4_ms: the device received, by its clock.
        mono_ms: the device's clock since its start at `t1_ms`, where it sends one.
    """

    t1_ms: float
    t2_ms: float
    t3_ms: float
    t4_ms: float
    mono_ms: float | None = None

    @property
    def shift_ms(self) -> float:
        """True minus device time, if the way there took as long as the way back; wrong by at most half a round trip."""
        return ((self.t2_ms - self.t1_ms) + (self.t3_ms - self.t4_ms)) / 2

    @property
    def round_trip_ms(self) -> float:
        """How long the two ways took together."""
        return (self.t4_ms - self.t1_ms) - (self.t3_ms - self.t2_ms)

    @property
    def device_ms(self) -> float:
        """The middle of the exchange by the device's clock."""
        return (self.t1_ms + self.t4_ms) / 2

    @property
    def station_ms(self) -> float:
        """The middle of the exchange, UTC ms."""
        return (self.t2_ms + self.t3_ms) / 2


def read_exchange(payload: Mapping[str, Json]) -> Exchange:
    """The exchange in the payload of a `clock_exchange` event.

    Raises:
        ValueError: a stamp is missing or no finite number, the stamps of one clock run backwards, or the round trip
            is negative or too long to say anything.
    """
    t1, t2, t3, t4 = (_number(payload, name) for name in _STAMPS)
    mono = None if payload.get("mono_ms") is None else _number(payload, "mono_ms")
    exchange = Exchange(t1, t2, t3, t4, mono)
    if t4 < t1:
        raise ValueError("the device received the answer (t4_ms) before it asked (t1_ms)")
    if t3 < t2:
        raise ValueError("the station answered (t3_ms) before it was asked (t2_ms)")
    if t4 - t1 > LONGEST_EXCHANGE_MS:
        raise ValueError(f"the exchange took more than {LONGEST_EXCHANGE_MS // MINUTE_MS} minutes")
    if exchange.round_trip_ms < 0:
        raise ValueError("the round trip is negative: the station held the request longer than the device waited")
    if exchange.round_trip_ms > LONGEST_ROUND_TRIP_MS:
        raise ValueError(f"the round trip took more than {LONGEST_ROUND_TRIP_MS // MINUTE_MS} minutes")
    return exchange


def _number(payload: Mapping[str, Json], name: str) -> float:
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"field '{name}' is missing or not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > _LARGEST_MS:
        raise ValueError(f"field '{name}' is not a time")
    return number


_LARGEST_MS = 1e15
"""About the year 33,658: beyond it a float no longer holds fractions of a millisecond well."""
