"""ActivityWatch's bucket export: windows and idle time of the laptop, and the apps of the phone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.chat import Message
from hearthside.sample_life.files import write_json
from hearthside.sample_life.screen import Search, Watch
from hearthside.sample_life.timeline import Block, Day

_NAME = "activitywatch/aw-buckets-export.json"
_DESK = ("work", "home_work", "night_work")
Use: TypeAlias = tuple[datetime, float, dict[str, str]]
"""Start (UTC), seconds, data."""


def write_activitywatch(
    folder: Path,
    rng: random.Random,
    cast: Cast,
    days: Sequence[Day],
    messages: Sequence[Message],
    searches: Sequence[Search],
    watches: Sequence[Watch],
    now: datetime,
) -> dict[str, int]:
    """Three buckets; the events of all of them are counted."""
    laptop = list(_laptop(rng, cast, days, watches, now))
    phone = list(_phone(rng, cast, days, messages, searches, now))
    host, created = cast.first_name.lower(), days[0].awake - timedelta(days=200)
    buckets = {
        f"aw-watcher-window_{host}-laptop": ("currentwindow", "aw-watcher-window", f"{host}-laptop", laptop),
        f"aw-watcher-afk_{host}-laptop": ("afkstatus", "aw-watcher-afk", f"{host}-laptop", _idle(laptop)),
        f"aw-watcher-window_{host}-phone": ("currentwindow", "aw-watcher-android", f"{host}-phone", phone),
    }
    document = {
        name: _bucket(name, kind, client, device, created, uses)
        for name, (kind, client, device, uses) in buckets.items()
    }
    write_json(folder / _NAME, {"buckets": document})
    return {_NAME: sum(len(uses) for _, _, _, uses in buckets.values())}


def _bucket(name: str, kind: str, client: str, host: str, created: datetime, uses: Sequence[Use]) -> dict[str, Any]:
    newest_first = sorted(uses, key=lambda use: use[0], reverse=True)
    return {
        "id": name,
        "type": kind,
        "client": client,
        "hostname": host,
        "created": _time(created),
        "events": [
            {"id": len(newest_first) - number, "timestamp": _time(at), "duration": round(seconds, 3), "data": data}
            for number, (at, seconds, data) in enumerate(newest_first)
        ],
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _laptop(
    rng: random.Random, cast: Cast, days: Sequence[Day], watches: Sequence[Watch], now: datetime
) -> Iterator[Use]:
    for day in days:
        for block in day.of(*_DESK):
            yield from _desk(rng, cast, block, now)
    for watch in watches:
        yield watch.time, watch.minutes * 60.0, {"app": "Browser", "title": f"{watch.title} - YouTube"}


def _desk(rng: random.Random, cast: Cast, block: Block, now: datetime) -> Iterator[Use]:
    apps = cast.job["apps"]
    weights = [8, 4, 5, 3, 2, 3][: len(apps)]
    if block.activity == "night_work":
        weights = [10 if app == "Slides" else 2 for app, _ in apps]
    at = block.start + timedelta(seconds=rng.randint(20, 200))
    end = min(block.end, now) - timedelta(seconds=30)
    while at < end:
        app, titles = rng.choices(apps, weights)[0]
        seconds = min(40 + rng.lognormvariate(6.1, 0.9), 3_000.0, (end - at).total_seconds())
        if seconds >= 1:
            yield at, round(seconds, 3), {"app": app, "title": rng.choice(titles)}
        # A short look away between two windows; now and then a real break.
        at += timedelta(seconds=seconds + (rng.uniform(240, 700) if rng.random() < 0.1 else rng.uniform(1, 20)))


def _idle(uses: Sequence[Use]) -> list[Use]:
    """Active stretches of the laptop, and the breaks of more than three minutes between them on one day."""
    found: list[Use] = []
    for at, seconds, _ in sorted(uses, key=lambda use: use[0]):
        end = at + timedelta(seconds=seconds)
        if found and (gap := (at - _end(found[-1])).total_seconds()) < 180:
            found[-1] = (found[-1][0], max(found[-1][1], (end - found[-1][0]).total_seconds()), found[-1][2])
            continue
        if found and gap < 6 * 3600:
            found.append((_end(found[-1]), gap, {"status": "afk"}))
        found.append((at, seconds, {"status": "not-afk"}))
    return found


def _end(use: Use) -> datetime:
    return use[0] + timedelta(seconds=use[1])


def _phone(
    rng: random.Random,
    cast: Cast,
    days: Sequence[Day],
    messages: Sequence[Message],
    searches: Sequence[Search],
    now: datetime,
) -> Iterator[Use]:
    yield from _chats(rng, cast, messages, now)
    desk = [(block.start, block.end) for day in days for block in day.of(*_DESK)]
    for search in searches:
        if not any(start <= search.time < end for start, end in desk):
            yield from _clipped(search.time, rng.uniform(20, 150), "Browser", f"{search.query} - Search", now)
    for day in days:
        yield from _clipped(
            day.awake + timedelta(seconds=rng.randint(5, 90)), rng.uniform(4, 30), "Clock", "Alarm", now
        )
        yield from _clipped(
            day.awake + timedelta(minutes=rng.randint(3, 9)), rng.uniform(15, 90), "Weather", cast.town["name"], now
        )
        for block in day.blocks:
            if block.mode == "transit":
                at = block.start + timedelta(minutes=rng.uniform(1, max(2, block.minutes / 2)))
                app, title = rng.choice([("News", "Headlines"), ("Podcasts", "Player"), ("Tickets", "Day ticket")])
                yield from _clipped(at, rng.uniform(60, min(500, block.minutes * 25)), app, title, now)
            elif block.activity in ("bed", "sofa_low") and rng.random() < 0.7:
                at = block.start + timedelta(minutes=block.minutes * rng.uniform(0.1, 0.3))
                yield from _clipped(at, block.minutes * 60 * rng.uniform(0.1, 0.5), "News", "Headlines", now)


def _clipped(at: datetime, seconds: float, app: str, title: str, now: datetime) -> Iterator[Use]:
    if at + timedelta(seconds=seconds) < now:
        yield at, round(seconds, 3), {"app": app, "title": title}


def _chats(rng: random.Random, cast: Cast, messages: Sequence[Message], now: datetime) -> Iterator[Use]:
    """The chat app is open from half a minute before an own message until just after the last one near it."""
    for role, contact in cast.contacts.items():
        own = [message.time for message in messages if message.contact == role and message.own]
        start: datetime | None = None
        for this, following in zip(own, [*own[1:], None], strict=True):
            start = start or this - timedelta(seconds=rng.randint(10, 40))
            if following is None or following - this > timedelta(minutes=3):
                seconds = (this - start).total_seconds() + rng.randint(3, 20)
                yield from _clipped(start, seconds, "WhatsApp", f"Chat with {contact.name}", now)
                start = None
