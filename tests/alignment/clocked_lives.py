"""Small lives whose clocks are wrong in every way there is: drift, a jump, epochs, 1970, naive times, a journey."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hearthside.alignment.rebuilding import DAYS_PER_BATCH
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Precision, Record, Series, Trust
from tests.alignment.lives import START

DAYS = 12
BEGIN = (START // DAY_MS // DAYS_PER_BATCH + 1) * DAYS_PER_BATCH * DAY_MS - DAYS // 2 * DAY_MS
"""The life lies across the border between two batches of a rebuild."""

HOME_ZONE = "Europe/Amsterdam"
AMSTERDAM, NEW_YORK = (52.37, 4.89), (40.71, -74.0)
PHONE, WATCH, RECORDER, BOX = "device:phone", "device:watch", "device:recorder", "device:box"
SONGS, CHATS = "export:last_fm", f"export:whatsapp@{HOME_ZONE}"

_LAYERS = {
    "message": Layer.TEXT, "note": Layer.TEXT, "listen": Layer.AUDITORY, "caption": Layer.VISUAL,
    "utterance": Layer.AUDITORY, "position": Layer.ENVIRONMENTAL, "state": Layer.RESIDENTIAL,
    "region_enter": Layer.ENVIRONMENTAL,
}  # fmt: skip


@dataclass(frozen=True)
class DeviceClock:
    """A clock: what it says at a true time, and how it is compared with the station's."""

    name: str
    says: Callable[[int], int]

    def event(self, kind: str, true_ms: int, length_ms: int | None = None, **fields: Json) -> Event:
        """An event as this clock stamps it."""
        start = self.says(true_ms)
        return stamped(self.name, kind, start, None if length_ms is None else start + length_ms, **fields)

    def series(self, true_ms: int, minutes: int, key: str, measure: str = "heart_rate") -> Series:
        """A sample a minute."""
        values = np.arange(minutes, dtype=np.float64) % 97
        layer = Layer.BEHAVIOURAL
        return Series("ring", measure, layer, self.says(true_ms), MINUTE_MS, values, "1", self.name, key=key)

    def exchange(self, true_ms: int, way_ms: int = 20, back_ms: int = 30) -> Event:
        """The clock and the station's compared."""
        stamps = (true_ms - way_ms, true_ms, true_ms + 1, true_ms + 1 + back_ms)
        payload: dict[str, Json] = {
            "clock": self.name, "t1_ms": self.says(stamps[0]), "t2_ms": stamps[1], "t3_ms": stamps[2],
            "t4_ms": self.says(stamps[3]),
        }  # fmt: skip
        return said("clock_exchange", true_ms, payload, self.name)


def steady(name: str, ahead_ms: int, ppm: float = 0.0) -> DeviceClock:
    """A clock that is ahead by so much at `BEGIN`, and gains."""
    return DeviceClock(name, lambda true_ms: true_ms + ahead_ms + round((true_ms - BEGIN) * ppm / 1e6))


def set_at(name: str, true_ms: int, before: DeviceClock, by_ms: int) -> DeviceClock:
    """A clock that somebody sets ahead (or back, where that is negative) at a true time."""
    return DeviceClock(name, lambda ms: before.says(ms) + (by_ms if ms >= true_ms else 0))


def stamped(clock: str, kind: str, start_ms: int, end_ms: int | None = None, **fields: Json) -> Event:
    """An event by a clock; fields of Event, or else of its payload."""
    own: dict[str, Json] = {"source": clock.partition(":")[2].partition("@")[0].partition("#")[0]}
    own |= {name: fields.pop(name) for name in ("source", "text", "offset_min", "key", "precision") if name in fields}
    layer = _LAYERS.get(kind, Layer.BEHAVIOURAL)
    return Event(
        kind=kind, layer=layer, start_ms=start_ms, origin=Origin.DEVICE, trust=Trust.OWN, payload=fields, clock=clock,
        end_ms=end_ms, **own,
    )  # fmt: skip


def said(kind: str, at_ms: int, payload: Mapping[str, Json], clock: str = "station") -> Event:
    """What the station or the person says of a clock."""
    own = kind == "clock_decision"
    source, origin = ("person", Origin.SELF) if own else ("station", Origin.DEVICE)
    return Event(source, kind, Layer.BEHAVIOURAL, at_ms, origin, Trust.OWN, payload, clock=clock)


def decided(clock: str, first_ms: int, last_ms: int, action: str, shift_ms: int | None = None, at_ms: int = 0) -> Event:
    """The person's word on raw times [first, last) of a clock."""
    payload: dict[str, Json] = {
        "clock": clock, "first_ms": first_ms, "last_ms": last_ms, "action": action, "shift_ms": shift_ms,
        "at_ms": at_ms,
    }  # fmt: skip
    return said("clock_decision", BEGIN + at_ms, payload)


def estimated(clock: str, shift_ms: int) -> Event:
    """What was found by comparing what a clock recorded."""
    payload: dict[str, Json] = {
        "clock": clock, "shift_ms": shift_ms, "sigma_ms": 10 * MINUTE_MS, "score": 9.0, "n": 99, "against": "ring",
    }  # fmt: skip
    return said("clock_estimate", BEGIN, payload)


def clocked_life(seed: int) -> list[Record]:
    """About ninety records over twelve days; which came first must not matter for any of them."""
    rng = random.Random(seed)
    records: list[Record] = [
        *_phone(rng), *_epochs(rng), *_never_set(rng), *_journey(rng), *_chats(rng), *_songs(rng), *_by_day(rng),
    ]  # fmt: skip
    rng.shuffle(records)
    return records


def _moment(rng: random.Random, first_day: float = 0, last_day: float = DAYS) -> int:
    return BEGIN + rng.randrange(round(first_day * DAY_MS), round(last_day * DAY_MS))


def _phone(rng: random.Random) -> list[Record]:
    """Drift, a jump ahead or back, series that last for days, and positions by the same clock."""
    drifting = steady(PHONE, rng.choice([90_000, -3 * HOUR_MS]), ppm=rng.choice([40.0, -120.0]))
    jump = rng.choice([40 * MINUTE_MS, -40 * MINUTE_MS, -5 * HOUR_MS])
    phone = set_at(PHONE, _moment(rng, 5, 7), drifting, jump)
    records: list[Record] = [phone.exchange(_moment(rng), rng.randrange(200), rng.randrange(200)) for _ in range(14)]
    for n in range(10):
        kind, length = rng.choice([("app_use", 50 * MINUTE_MS), ("caption", None), ("note", 0), ("workout", DAY_MS)])
        records.append(phone.event(kind, _moment(rng), length, text=f"{kind} {n}"))
    records += [phone.series(_moment(rng), minutes, f"pulse {minutes}") for minutes in (90, 2000, 5 * 1440)]
    records.append(decided(PHONE, *_range(rng), rng.choice(["accept", "hold"]), at_ms=1))
    records.append(decided(PHONE, *_range(rng), "shift", rng.choice([-1, 1]) * 30 * HOUR_MS, at_ms=2))
    return records


def _range(rng: random.Random) -> tuple[int, int]:
    first = _moment(rng, 0, DAYS - 2)
    return first, first + rng.choice([HOUR_MS, DAY_MS, 40 * HOUR_MS])


def _epochs(rng: random.Random) -> list[Record]:
    """A device that starts anew in the middle, and another token that stamps its name for a day."""
    records: list[Record] = []
    for epoch, (first, last) in {"a": (0, 6), "b": (6, DAYS)}.items():
        watch = steady(f"{WATCH}#{epoch}", rng.randrange(-20 * HOUR_MS, 20 * HOUR_MS))
        records += [watch.exchange(_moment(rng, first, last)) for _ in range(2)]
        records += [watch.event("utterance", _moment(rng, first, last), 5 * MINUTE_MS) for _ in range(3)]
    for at_ms, owns in ((BEGIN, True), (_moment(rng), False)):
        payload: dict[str, Json] = {"clock": WATCH, "token": f"token {owns}", "owns": owns, "at_ms": at_ms}
        records.append(said("clock_claim", at_ms, payload))
    return records


def _never_set(rng: random.Random) -> list[Record]:
    """A recorder in 1970 that is compared once, and a box that was a year off for a day and is never compared."""
    recorder = steady(RECORDER, -BEGIN + 3 * HOUR_MS)
    records: list[Record] = [recorder.event("note", _moment(rng), text=f"lost {n}") for n in range(3)]
    records += [recorder.exchange(_moment(rng)), decided(RECORDER, 0, 4 * DAY_MS, "shift", BEGIN - 3 * HOUR_MS)]
    box = steady(BOX, 0)
    records += [box.event("state", _moment(rng), entity=rng.choice("ab"), state="on") for _ in range(5)]
    records += [box.event("state", _moment(rng, 0, 1) - 400 * DAY_MS, entity="a", state="off") for _ in range(2)]
    return records


def _journey(rng: random.Random) -> list[Record]:
    """Positions here and there by two clocks, and offsets that sources carry."""
    there = sorted(_moment(rng, 2, 10) for _ in range(2))
    near = steady(PHONE, 0)
    records: list[Record] = []
    for n in range(10):
        ms = _moment(rng)
        lat, lon = NEW_YORK if there[0] <= ms < there[1] else AMSTERDAM
        where: dict[str, Json] = {"lat": lat + rng.random() / 100, "lon": lon, "accuracy_m": 10.0}
        clock = near if n % 3 == 0 else steady("export:track", 0)
        records.append(clock.event("position", ms, source="track", **where))
    ms = _moment(rng, 0, DAYS - 1)  # a stay, and the name of where it was
    stay: dict[str, Json] = {"lat": AMSTERDAM[0], "lon": AMSTERDAM[1] + 0.02, "accuracy_m": 10.0}
    records += [stamped("export:track", "position", ms + n * 10 * MINUTE_MS, **stay) for n in range(9)]
    records.append(stamped("export:track", "region_enter", ms + MINUTE_MS, text="Library", **stay))
    for day in (1, 5, 11):
        ms = BEGIN + day * DAY_MS
        offset = -240 if there[0] <= ms < there[1] else 120
        fields: dict[str, Json] = {"offset_min": offset, "key": f"night {day}"}
        records.append(stamped("device:ring", "sleep", ms - HOUR_MS, ms + 6 * HOUR_MS, **fields))
    return records


def _chats(rng: random.Random) -> list[Record]:
    times = [_moment(rng) // MINUTE_MS * MINUTE_MS for _ in range(12)]
    return [stamped(CHATS, "message", ms, text=f"hi {n}", sender="Ann") for n, ms in enumerate(times)]


def _songs(rng: random.Random) -> list[Record]:
    """An export whose clock was found to be wrong."""
    songs: list[Record] = [stamped(SONGS, "listen", _moment(rng), text=f"song {n}") for n in range(8)]
    return [*songs, estimated(SONGS, rng.choice([-11, 5]) * HOUR_MS + 15 * MINUTE_MS)]


def _by_day(rng: random.Random) -> list[Record]:
    """Events that know their day only, by clocks that are wrong and by one that is not."""
    days = [BEGIN + rng.randrange(DAYS) * DAY_MS for _ in range(4)]
    clocks = [PHONE, SONGS, "device:ring", CHATS]
    return [
        stamped(clock, "activity_day", ms, precision=Precision.DAY, source="ring", steps=ms // DAY_MS % 9000)
        for clock, ms in zip(clocks, days, strict=True)
    ]
