"""Questions whose answers hold by construction, for comparing with what the house computes from the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hearthside.sample_life.cast import Cast
from hearthside.sample_life.chat import Message
from hearthside.sample_life.screen import Search, Watch
from hearthside.sample_life.speech import Conversation
from hearthside.sample_life.threads import Threads
from hearthside.sample_life.timeline import Day


@dataclass(frozen=True, slots=True)
class Fact:
    """A question and its answer.

    Attributes:
        question: in the person's words; dates are ISO dates.
        answer_value: a number (minutes, counts), an ISO date (``when`` questions) or words.
        kind: what is asked: ``sleep_minutes`` (asleep, the ring's ``total``), ``bed_minutes`` (first to last minute in
            bed), ``last_<thing>`` (local ISO date), ``last_<thing>_time`` (local ISO time with offset),
            ``count_<thing>`` (over the whole sample), ``watching_at`` (title), ``place_last_dinner`` (name),
            ``first_left_home`` (local ISO time, to the minute).
    """

    question: str
    answer_value: str | int | float
    kind: str


def facts_of(
    cast: Cast,
    threads: Threads,
    days: Sequence[Day],
    sleeps: Sequence[tuple[str, int, int]],
    messages: Sequence[Message],
    searches: Sequence[Search],
    watches: Sequence[Watch],
    conversations: Sequence[Conversation],
    now: datetime,
) -> tuple[Fact, ...]:
    """All facts of a life; `sleeps` are (wake date, minutes asleep, minutes in bed) per night."""
    found = [
        *_sleep(sleeps),
        *_sport(cast, days, now),
        *_chats(cast, messages),
        *_screen(cast, searches, watches),
        *_people(cast, threads, days, conversations),
    ]
    return tuple(found)


def _sleep(sleeps: Sequence[tuple[str, int, int]]) -> Iterator[Fact]:
    for day, asleep, in_bed in sleeps:
        yield Fact(f"How long did I sleep in the night to {day}?", asleep, "sleep_minutes")
        yield Fact(f"How long was I in bed in the night to {day}?", in_bed, "bed_minutes")
    shortest = min(sleeps, key=lambda night: night[1])
    yield Fact("Which was my shortest night?", shortest[0], "shortest_night")


def _sport(cast: Cast, days: Sequence[Day], now: datetime) -> Iterator[Fact]:
    done = [(day.date, block) for day in days for block in day.of("sport") if block.end <= now]
    name = cast.sport["name"]
    going = {"running": "go running", "cycling": "go cycling"}.get(name, f"do {name}")
    yield Fact(f"How many times did I {going}?", len(done), "count_workouts")
    yield Fact(f"When did I last {going}?", done[-1][0].isoformat(), "last_workout")
    start = done[-1][1].start.astimezone(cast.zone)
    yield Fact(f"At what time did I last {going}?", start.isoformat(timespec="seconds"), "last_workout_time")
    week = days[-1].date - timedelta(days=6)
    yield Fact(
        f"How many times did I {going} since {week}?", sum(day >= week for day, _ in done), "count_workouts_since"
    )


def _chats(cast: Cast, messages: Sequence[Message]) -> Iterator[Fact]:
    for role, contact in cast.contacts.items():
        own = [message for message in messages if message.contact == role and message.own]
        yield Fact(f"How many messages did I write to {contact.name}?", len(own), "count_messages_to")
        day = own[-1].time.astimezone(cast.zone).date()
        yield Fact(f"When did I last write to {contact.name}?", day.isoformat(), "last_message_to")
        # What was not asked for, the person's last words, can only be quoted.
        yield Fact(f"What did I last write to {contact.name}?", own[-1].text, "last_words_to")
    written = [message for message in messages if message.own]
    yield Fact("How many messages did I write?", len(written), "count_messages")
    date = messages[-1].time.astimezone(cast.zone).date() - timedelta(days=3)
    on_day = sum(message.time.astimezone(cast.zone).date() == date for message in written)
    yield Fact(f"How many messages did I write on {date}?", on_day, "count_messages_on")


def _screen(cast: Cast, searches: Sequence[Search], watches: Sequence[Watch]) -> Iterator[Fact]:
    last = searches[-1]
    times = [search for search in searches if search.query == last.query]
    day = times[-1].time.astimezone(cast.zone).date()
    yield Fact(f"When did I last search for {last.query}?", day.isoformat(), "last_search")
    yield Fact("How many times did I search?", len(searches), "count_searches")
    artist = str(cast.words["artist"])
    heard = [watch for watch in watches if watch.channel == artist]
    yield Fact(f"How many videos of {artist} did I watch?", len(heard), "count_videos_of")
    if heard:
        played = heard[-1].time.astimezone(cast.zone)
        yield Fact(f"When did I last watch {artist}?", played.date().isoformat(), "last_video_of")
        middle = (heard[-1].time + timedelta(minutes=heard[-1].minutes / 2)).astimezone(cast.zone)
        at = middle.isoformat(timespec="minutes")
        yield Fact(f"What was I watching at {at}?", heard[-1].title, "watching_at")


def _people(cast: Cast, threads: Threads, days: Sequence[Day], conversations: Sequence[Conversation]) -> Iterator[Fact]:
    calls = [talk for talk in conversations if talk.activity == "call_mother"]
    if calls:
        day = calls[-1].start.astimezone(cast.zone).date()
        yield Fact(f"When did I last talk to {cast.contacts['mother'].name}?", day.isoformat(), "last_talk_to")
    yield Fact(f"When was I last at {cast.places['quiet'].name}?", threads.quiet_visit.isoformat(), "last_dinner_at")
    dinner = threads.dinners[-1]
    yield Fact("When did we last have dinner with all four of us?", dinner.day.isoformat(), "last_friends_dinner")
    yield Fact("Where was the last dinner with all four of us?", cast.places[dinner.table].name, "place_last_dinner")
    office = [day for day in days if day.of("work")]
    yield Fact("On how many days was I at work?", len(office), "count_office_days")
    home = cast.places["home"]
    out = [(day.date, next((b for b in day.blocks if b.mode and b.origin == home), None)) for day in days]
    date, block = next((date, block) for date, block in reversed(out) if block is not None)
    at = block.start.astimezone(cast.zone).isoformat(timespec="minutes")
    yield Fact(f"When did I first leave home on {date}?", at, "first_left_home")
