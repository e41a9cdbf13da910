"""Clock stamps that come with captured events: read strictly, bound to the token that brought them, made to exchanges.

A client says when it began to send, by its own clock; the answer says when the request arrived and when the answer
left, by the station's. With the time at which the answer came back these are the four stamps of NTP (RFC 5905 section
8), and the client brings them along with its next request. Nothing is kept here between the two.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from hearthside.alignment.clocks.exchanges import read_exchange
from hearthside.events import DAY_MS, MINUTE_MS, Event, Json, Layer, Origin, Trust, day_start_ms
from hearthside.web.capture_records import Malformed

EXCHANGE, CLAIM = "clock_exchange", "clock_claim"
MAX_AGE_MS = 31 * DAY_MS  # of an exchange that is brought: a device was offline since
AHEAD_MS = MINUTE_MS  # the station's own clock may have been set back since
_CLOCK = re.compile(r"(device:[A-Za-z0-9][A-Za-z0-9_.-]{0,63})(#[A-Za-z0-9_.-]{1,64})?", re.ASCII)
_FIELDS = frozenset({"name", "t1_ms", "mono_ms", "previous"})
_STAMPS = ("t1_ms", "t2_ms", "t3_ms", "t4_ms")
_PREVIOUS_FIELDS = frozenset({*_STAMPS, "name", "mono_ms"})
_EARLIEST_MS, _LATEST_MS = day_start_ms("1900-01-01"), day_start_ms("2200-01-01")  # what a device may believe


@dataclass(frozen=True, slots=True)
class Stamped:
    """What the stamps of one request come to.

    Attributes:
        events: to be journalled together with the events of the request.
        answer: what is said of them; of a request whose stamps were taken `t3_ms` is still missing.
        taken: the answer is to carry the station's times.
        claims: of `events` those that were not journalled before.
    """

    events: list[Event]
    answer: dict[str, Json]
    taken: bool
    claims: list[tuple[str, str, int]] = field(default_factory=list)

    def answered(self, now_ms: int) -> dict[str, Json]:
        """The answer, leaving now."""
        return {**self.answer, "t3_ms": max(now_ms, self.answer["t2_ms"])} if self.taken else self.answer


class ClockDesk:
    """Whose clock is whose, and what the stamps of a request come to.

    A device's clocks (the name up to ``#``) belong to the name of the token that stamped them first. Another token's
    stamps are turned away as long as one of that name is in force, so no client can move the clock of another; that it
    tried is journalled once a day, because then two devices use one name.

    Args:
        claims: gives the journalled claims; asked once, when the first stamps come.
    """

    def __init__(self, claims: Callable[[], Iterable[Event]]) -> None:
        self._claims = claims
        self._owners: dict[str, str] | None = None
        self._waiting: dict[tuple[str, str, int], Event] = {}  # claims that are not known to be on disk
        self._told: set[tuple[str, str, int]] = set()
        self._gate = threading.Lock()

    def take(self, value: Json, token: str, in_force: Callable[[], Collection[str]], arrived_ms: int) -> Stamped:
        """What stamps come to.

        Args:
            value: what stands under ``clock`` in the request.
            token: name of the token it came with.
            in_force: gives the names of the tokens that are in force.
            arrived_ms: when the head of the request arrived, by the station.
        """
        try:
            name, answer = _now(value, arrived_ms)
        except Malformed as error:
            return _turned_away("malformed", str(error))
        device = _device(name)
        owned, claims = self._claim(device, token, in_force, arrived_ms)
        events = [event for _, event in claims]
        keys = [key for key, _ in claims]
        if not owned:
            reason = "another token stamps the clocks of this device; give this one a clock name of its own"
            return Stamped(events, {"rejected": reason, "code": "clock-taken"}, False, keys)
        try:
            brought = _brought(value.get("previous"), name, arrived_ms)
        except Malformed as error:
            answer |= {"rejected": f"its previous exchange was not kept: {error}", "code": "malformed"}
        else:
            events += [] if brought is None else [brought]
        return Stamped(events, answer, True, keys)

    def kept(self, stamped: Stamped) -> None:
        """What these stamps came to is on disk."""
        with self._gate:
            for key in stamped.claims:
                self._waiting.pop(key, None)
                self._told.add(key)

    def _claim(
        self, device: str, token: str, in_force: Callable[[], Collection[str]], now_ms: int
    ) -> tuple[bool, list[tuple[tuple[str, str, int], Event]]]:
        """Whether the device's clocks are this token's, and the claims to journal; always the same until on disk."""
        with self._gate:
            owners = self._known_owners()
            owner = owners.get(device)
            if owner is None or (owner != token and owner not in in_force()):
                owner = owners[device] = token
                self._waiting[device, token, -1] = _claim_event(device, token, now_ms, owns=True)
            if owner == token:
                key = (device, token, -1)
            else:
                key = (device, token, now_ms // DAY_MS)
                if key not in self._told and key not in self._waiting:
                    self._waiting[key] = _claim_event(device, token, key[2] * DAY_MS, owns=False)
            waiting = self._waiting.get(key)
            return owner == token, [] if waiting is None else [(key, waiting)]

    def _known_owners(self) -> dict[str, str]:
        if self._owners is None:
            found = sorted(self._claims(), key=lambda event: (event.start_ms, event.id))
            self._owners = {event.payload["clock"]: event.payload["token"] for event in found if event.payload["owns"]}
        return self._owners


def _turned_away(code: str, reason: str) -> Stamped:
    return Stamped([], {"rejected": reason, "code": code}, False)


def paused() -> Stamped:
    """The answer to stamps of a device from which nothing may be taken now."""
    return _turned_away("paused", "its source is paused; nothing of it was kept")


def clock_source(value: Json) -> str:
    """The name that stamps give the device, as a source of its events is called; "" when they give none."""
    name = value.get("name") if isinstance(value, dict) else None
    return _device(name).partition(":")[2] if isinstance(name, str) else ""


def _now(value: Json, arrived_ms: int) -> tuple[str, dict[str, Json]]:
    """The clock that a request names, and its stamps as the answer gives them back."""
    if not isinstance(value, dict):
        raise Malformed("its clock is not an object")
    _only(value, _FIELDS)
    name = _clock_name(value)
    answer: dict[str, Json] = {"name": name, "t1_ms": _time(value, "t1_ms")}
    # The station counts whole ms. It arrived in the course of this one, and leaves after the last one that is over: so
    # the station never seems to have taken longer than it did, and the two roundings cancel.
    answer["t2_ms"] = arrived_ms + 1
    if value.get("mono_ms") is not None:
        answer["mono_ms"] = _number(value, "mono_ms")
    return name, answer


def _brought(value: Json, name: str, now_ms: int) -> Event | None:
    """The exchange that a client brings along."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Malformed("it is not an object")
    _only(value, _PREVIOUS_FIELDS)
    clock = _clock_name(value) if "name" in value else name
    if _device(clock) != _device(name):
        raise Malformed("it is of another device")
    payload: dict[str, Json] = {"clock": clock, **{stamp: _time(value, stamp) for stamp in _STAMPS}}
    if value.get("mono_ms") is not None:
        payload["mono_ms"] = _number(value, "mono_ms")
    try:
        exchange = read_exchange(payload)
    except ValueError as error:
        raise Malformed(str(error)) from None
    if exchange.t3_ms > now_ms + AHEAD_MS:
        raise Malformed("t2_ms and t3_ms are not from here")
    if exchange.t2_ms < now_ms - MAX_AGE_MS:
        raise Malformed(f"it is older than {MAX_AGE_MS // DAY_MS} days")
    start = round(exchange.t2_ms)
    return Event("station", EXCHANGE, Layer.BEHAVIOURAL, start, Origin.DEVICE, Trust.OWN, payload, clock=clock)


def _claim_event(device: str, token: str, at_ms: int, *, owns: bool) -> Event:
    payload = {"clock": device, "token": token, "owns": owns, "at_ms": at_ms}
    return Event("station", CLAIM, Layer.BEHAVIOURAL, at_ms, Origin.DEVICE, Trust.OWN, payload, clock="station")


def _device(name: str) -> str:
    """A clock's name without its epoch."""
    return name.partition("#")[0]


def _only(value: dict[str, Json], allowed: frozenset[str]) -> None:
    if not value.keys() <= allowed:
        raise Malformed(f"it has the unknown field {min(value.keys() - allowed)[:40]!r}")


def _clock_name(value: dict[str, Json]) -> str:
    given = value.get("name")
    if not isinstance(given, str) or _CLOCK.fullmatch(given) is None:
        raise Malformed("its name is not device:NAME or device:NAME#EPOCH")
    return given


def _number(value: dict[str, Json], name: str) -> float:
    given = value.get(name)
    if not isinstance(given, int | float) or isinstance(given, bool) or not math.isfinite(given) or abs(given) > 2**53:
        raise Malformed(f"its {name} is missing or is not a number")
    return given


def _time(value: dict[str, Json], name: str) -> float:
    given = _number(value, name)
    if not _EARLIEST_MS <= given < _LATEST_MS:
        raise Malformed(f"its {name} does not lie between 1900 and 2200")
    return given
