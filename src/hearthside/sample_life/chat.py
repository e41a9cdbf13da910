"""What the person and the contacts write to each other, each message at its second."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from hearthside.sample_life.cast import Cast, Contact
from hearthside.sample_life.context import slots_of, with_contact
from hearthside.sample_life.grammar import Exchange, exchanges, expand, settled
from hearthside.sample_life.threads import Threads
from hearthside.sample_life.timeline import Block, Day, local_instant

_REST_DAYS = 8  # before the same exchange may come again
_NO_PHONE = {"sleep", "sport", "wash", "meeting", "friends", "quiet", "hobby", "partner", "call_mother"}
_WEIGHT = {"partner": 1.25, "third": 1.1, "veg": 0.9, "allergic": 0.85, "mother": 0.8}
# Local hours of the parts of a day; the parts tied to a block are in _anchors.
_PARTS = {
    "morning": (time(5, 0), time(10, 15)),
    "work": (time(9, 15), time(17, 15)),
    "lunch": (time(11, 50), time(14, 0)),
    "evening": (time(17, 15), time(21, 30)),
    "late": (time(20, 45), time(4, 0)),
}
_COMMUTE = {"commute_out": ("home", "work"), "commute_home": ("work", "home")}
_PHASES = {"diet_firm", "diet_fade", "low", "lifted", "flat", "short_night"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat.

    Attributes:
        time: UTC.
        contact: role of the contact whose chat it is in.
        own: written by the person.
    """

    time: datetime
    contact: str
    own: bool
    text: str


@dataclass
class _Writer:
    """The chats being written, with what has been said so far."""

    cast: Cast
    threads: Threads
    rng: random.Random
    now: datetime
    last_used: dict[str, date] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    said: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)


def write_chats(rng: random.Random, cast: Cast, threads: Threads, days: list[Day], now: datetime) -> list[Message]:
    """All messages of the month, in order of time."""
    writer = _Writer(cast, threads, rng, now)
    for day in days:
        _write_day(writer, day)
    return sorted(writer.messages, key=lambda message: (message.time, message.contact))


def _write_day(writer: _Writer, day: Day) -> None:
    free = free_minutes(day, writer.now)
    busy: set[int] = set()  # minutes in which a conversation already runs
    own = 0
    for exchange in exchanges("threads"):
        on = exchange.option("on")
        if on and writer.threads.on[on[0]] == day.date:
            own += _place(writer, exchange, day, free, busy, tries=200)
    quiet_day = bool(day.flags & {"low", "flat"})
    share = (day.blocks[-1].end - day.awake) / timedelta(hours=16)
    target = round((writer.rng.randint(10, 13) if quiet_day else writer.rng.randint(16, 21)) * min(1.0, share + 0.1))
    for exchange in _shuffled(writer, day):
        if own >= target:
            return
        own += _place(writer, exchange, day, free, busy, tries=12)


def _shuffled(writer: _Writer, day: Day) -> Iterable[Exchange]:
    """Exchanges that fit the day, the special ones mostly first (weighted order of Efraimidis and Spirakis, 2006)."""
    keyed = []
    for exchange in (*exchanges("threads"), *exchanges("everyday"), *exchanges("small_talk")):
        if exchange.option("on") or not exchange.fits(day.flags):
            continue
        if writer.used[exchange.name] >= int((exchange.option("max") or ("4",))[0]):
            continue
        if day.flags & {"low", "flat"} and not exchange.marks and not _PHASES & set(exchange.option("if")):
            continue  # no heart for small talk
        phase = any(condition in _PHASES for condition in exchange.option("if"))
        last = writer.last_used.get(exchange.name)
        if last and (day.date - last).days < (2 if phase else _REST_DAYS):
            continue
        weight = 1.0 + 3.0 * phase + 1.2 * bool(exchange.option("if"))
        weight /= 1 + 0.8 * writer.used[exchange.name]
        keyed.append((writer.rng.random() ** (1 / weight), exchange.name, exchange))
    return [exchange for _, _, exchange in sorted(keyed, key=lambda item: item[:2], reverse=True)]


def _place(writer: _Writer, exchange: Exchange, day: Day, free: dict[int, Block], busy: set[int], tries: int) -> int:
    """Write the exchange at a free time of its part of the day; the number of own messages written, 0 if none fits."""
    starts = _starts(writer.cast, exchange, day, free)
    if not starts:
        return 0
    for _ in range(tries):
        minute = writer.rng.choice(starts)
        times = _times(writer.rng, minute, len(exchange.turns))
        minutes = {int(at.timestamp()) // 60 for at in times}
        span = set(range(min(minutes), max(minutes) + 2))
        if minutes <= free.keys() and not span & busy and times[-1] < writer.now:
            busy |= span
            return _write(writer, exchange, day, times)
    return 0


def _write(writer: _Writer, exchange: Exchange, day: Day, times: list[datetime]) -> int:
    contact = _addressee(writer, exchange)
    slots = settled(with_contact(slots_of(writer.cast, writer.threads, day), contact), writer.rng)
    ties: dict[str, int] = {}
    low = bool(day.flags & {"low", "flat"}) and exchange.name != "quiet_after"
    own = 0
    for (speaker, template), at in zip(exchange.turns, times, strict=True):
        text = ""
        for _ in range(8):  # the same words twice a month are a coincidence, not a habit
            plain = expand(template, writer.rng, slots, ties)
            if speaker == ">" and low and not exchange.option("on") and writer.rng.random() < 0.6:
                plain = plain.split(", ")[0]  # few words when the mood is low
            if speaker == ">":
                text = writer.cast.voice.write(plain, writer.rng, low=low, first=own == 0)
            else:
                text = contact.voice.write(plain, writer.rng)
            if text not in writer.said:
                break
        writer.said.add(text)
        writer.messages.append(Message(at, contact.role, speaker == ">", text))
        own += speaker == ">"
    writer.used[exchange.name] += 1
    writer.last_used[exchange.name] = day.date
    return own


def _addressee(writer: _Writer, exchange: Exchange) -> Contact:
    roles = exchange.option("who") or tuple(_WEIGHT)
    role = writer.rng.choices(roles, [_WEIGHT[role] for role in roles])[0]
    return writer.cast.contacts[role]


def _times(rng: random.Random, minute: int, turns: int) -> list[datetime]:
    """Seconds at which the turns are sent: mostly one to four minutes apart."""
    at = datetime.fromtimestamp(minute * 60 + rng.randint(0, 59), tz=UTC)
    times = [at]
    for _ in range(turns - 1):
        at += timedelta(seconds=rng.randint(50, 230) if rng.random() < 0.85 else rng.randint(240, 600))
        times.append(at)
    return times


def free_minutes(day: Day, now: datetime) -> dict[int, Block]:
    """UTC minute → block, for the minutes in which the person may have the phone in hand."""
    free: dict[int, Block] = {}
    for block in day.blocks:
        on_foot = block.activity == "move" and block.mode == "walk"
        if block.activity in _NO_PHONE or on_foot:
            continue
        # The phone is put away two minutes before sleep.
        end = min(block.end, now, day.blocks[-1].end - timedelta(minutes=2))
        for minute in range(int(block.start.timestamp()) // 60 + 1, int(end.timestamp()) // 60):
            free[minute] = block
    return free


def _starts(cast: Cast, exchange: Exchange, day: Day, free: dict[int, Block]) -> list[int]:
    if "quiet_today" in day.flags and not exchange.option("on"):
        # The mood lifts at the table: the heavy talk of this day comes before it.
        table = int(day.of("quiet")[0].start.timestamp()) // 60
        free = {minute: block for minute, block in free.items() if minute < table - 30}
    starts: set[int] = set()
    for part in exchange.option("when"):
        if part in _PARTS:
            first, final = _PARTS[part]
            from_ms = local_instant(cast, day.date, first).timestamp() // 60
            next_day = day.date + timedelta(days=1) if final < first else day.date
            to = local_instant(cast, next_day, final).timestamp() // 60
            starts.update(minute for minute in free if from_ms <= minute < to)
        else:
            starts |= _anchored(part, cast, day, free)
    return sorted(starts)


def _anchored(part: str, cast: Cast, day: Day, free: dict[int, Block]) -> set[int]:
    """Minutes of a part that hangs on a block: during it, or in the hour and a half after it."""
    if part.startswith("after_"):
        ends = [int(block.end.timestamp()) // 60 for block in day.of(part.removeprefix("after_"))]
        return {minute for end in ends for minute in free if end < minute < end + 90}
    if part in _COMMUTE:
        way = tuple(cast.places[name] for name in _COMMUTE[part])
        return {minute for minute, block in free.items() if (block.origin, block.target) == way}
    return {minute for minute, block in free.items() if block.activity == part}
