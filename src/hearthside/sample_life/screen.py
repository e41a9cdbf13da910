"""What the person looks for and watches: searches and videos, each tied to what the day is about."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.chat import free_minutes
from hearthside.sample_life.context import slots_of
from hearthside.sample_life.grammar import capital, expand, tables
from hearthside.sample_life.threads import Threads
from hearthside.sample_life.timeline import Day


@dataclass(frozen=True, slots=True)
class Search:
    """A query typed at `time` (UTC)."""

    time: datetime
    query: str


@dataclass(frozen=True, slots=True)
class Watch:
    """A video started at `time` (UTC) and watched for `minutes`."""

    time: datetime
    title: str
    channel: str
    minutes: int


def search_all(rng: random.Random, cast: Cast, threads: Threads, days: list[Day], now: datetime) -> list[Search]:
    """Every search of the month, in order of time."""
    found: list[Search] = []
    recent: list[str] = []
    for day in days:
        slots = slots_of(cast, threads, day)
        minutes = [minute for minute, block in free_minutes(day, now).items() if block.activity not in ("lunch", "bed")]
        pools = _pools(cast, threads, day)
        for number in range(rng.randint(5, 10)):
            pool = rng.choices([pool for pool, _ in pools], [weight for _, weight in pools])[0]
            if number == 0 and (threads.meeting - day.date).days <= 2:
                pool = cast.job["meeting_searches"]  # the first thought of these days
            query = expand(rng.choice(pool), rng, slots).lower()
            if query in recent[-14:] or not minutes:
                continue
            recent.append(query)
            at = datetime.fromtimestamp(rng.choice(minutes) * 60, tz=UTC) + timedelta(
                milliseconds=rng.randint(0, 59_999)
            )
            found.append(Search(at, query))
    return sorted(found, key=lambda search: search.time)


def _pools(cast: Cast, threads: Threads, day: Day) -> list[tuple[Sequence[str], float]]:
    bank = tables("searches")
    before_meeting = (threads.meeting - day.date).days
    pools: list[tuple[Sequence[str], float]] = [(bank["everyday"], 3.0), (cast.hobby["searches"], 0.8)]
    pools.append((cast.sport["searches"], 0.3 if day.flags & {"low", "flat"} else 0.6))
    if "weekday" in day.flags:
        pools.append((cast.job["searches"], 2.0))
    if day.date >= threads.diet_start and "low" not in day.flags:
        firm = day.date < threads.diet_fade
        pools.append((cast.diet["search_firm" if firm else "search_fade"], 2.0 if firm else 1.2))
    if before_meeting <= 9:
        pools.append((cast.job["meeting_searches"], 5.0 if before_meeting <= 3 else 1.5))
    if before_meeting <= 3:
        pools.append((bank["dining"], 2.5))
    if "low" in day.flags:
        pools.append((bank["low"], 4.0))
    if "flat" in day.flags:
        pools.append((bank["flat"], 3.0))
    if threads.quiet_visit < day.date <= threads.lifted_end:
        pools.append((bank["quiet"], 0.8))
    return pools


def watch_all(rng: random.Random, cast: Cast, threads: Threads, days: list[Day], now: datetime) -> list[Watch]:
    """Every video of the month, on the sofa or over the dishes, in order of time."""
    found: list[Watch] = []
    for day in days:
        slots = slots_of(cast, threads, day)
        for block in day.of("sofa", "sofa_low", "chores", "cook"):
            at = block.start + timedelta(minutes=rng.randint(2, 9), seconds=rng.randint(0, 59))
            while rng.random() < 0.55:
                title, channel = _video(rng, cast, slots, [watch.title for watch in found[-12:]])
                minutes = rng.randint(4, 22)
                if at + timedelta(minutes=minutes) >= min(block.end, now):
                    break
                found.append(Watch(at, title, channel, minutes))
                at += timedelta(minutes=minutes + rng.randint(3, 25))
    return sorted(found, key=lambda watch: watch.time)


def _video(rng: random.Random, cast: Cast, slots: dict[str, str | Sequence[str]], recent: list[str]) -> tuple[str, str]:
    kind = rng.random()
    fresh = [title for title in cast.hobby["videos"] if title not in recent]
    if kind < 0.5 or (kind < 0.8 and not fresh):  # the favourite music, again and again
        artist = expand("{artist}", rng, slots)
        return (
            f"{artist} – {expand('{song}', rng, slots)} ({rng.choice(['live', 'official audio', 'session'])})",
            artist,
        )
    if kind < 0.8:
        return rng.choice(fresh), f"{capital(cast.hobby['name'])} at home"
    title = expand(rng.choice(tables("searches")["kitchen_videos"]), rng, slots)
    return (title, "Small Kitchen") if title not in recent else (rng.choice(cast.hobby["videos"]), "Slow Hands")
