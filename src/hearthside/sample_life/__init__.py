"""The sample life: about a month of one invented person, as files in real export formats.

Everything comes from one timeline, so the layers agree: nobody writes while asleep, the door opens when the phone
starts to move, the captions of a dinner are taken where the dinner is. Nothing here knows how the files are read.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from hearthside.sample_life.cast import Cast, Contact, Place, draw_cast
from hearthside.sample_life.chat import write_chats
from hearthside.sample_life.facts import Fact, facts_of
from hearthside.sample_life.screen import search_all, watch_all
from hearthside.sample_life.sights import see
from hearthside.sample_life.speech import talk
from hearthside.sample_life.threads import MIN_DAYS, Dinner, Threads, draw_threads
from hearthside.sample_life.timeline import Block, Day, live
from hearthside.sample_life.write_activitywatch import write_activitywatch
from hearthside.sample_life.write_glasses import write_glasses
from hearthside.sample_life.write_google_fit import write_google_fit
from hearthside.sample_life.write_home_assistant import write_home_assistant
from hearthside.sample_life.write_omi import write_omi
from hearthside.sample_life.write_oura import write_oura
from hearthside.sample_life.write_owntracks import write_owntracks
from hearthside.sample_life.write_readme import write_readme
from hearthside.sample_life.write_takeout import write_takeout
from hearthside.sample_life.write_whatsapp import write_whatsapp

__all__ = [
    "DEFAULT_SEED",
    "MIN_DAYS",
    "Block",
    "Contact",
    "Day",
    "Dinner",
    "Fact",
    "Place",
    "SampleLife",
    "Threads",
    "generate",
]

DEFAULT_SEED = 7


@dataclass(frozen=True, slots=True)
class SampleLife:
    """What was generated, for the tests and the page that introduces it.

    Attributes:
        folder: where the files are.
        first_day, last_day: local dates; the night before `first_day` is included.
        now: the instant (UTC) at which the sample ends: 17:00 local on the last day.
        first_name, full_name: the person.
        self_names: the person's names as they appear in the chat exports.
        zone: IANA name of the home zone.
        town: name of the invented town.
        friends: the people of the chats, the mother and the partner among them.
        places: home, work, quiet (the quiet restaurant), sport, hobby ... with coordinates.
        habits: ``job``, ``hobby``, ``sport`` and ``diet``, each by its name, and the favourite ``artist``.
        threads: dates of the threads.
        days: the truth behind the files: nights and blocks of every day.
        counts: records per file, by its path inside the folder.
        facts: questions with answers that hold by construction.
    """

    folder: Path
    seed: int
    first_day: date
    last_day: date
    now: datetime
    first_name: str
    full_name: str
    self_names: tuple[str, ...]
    zone: str
    town: str
    friends: tuple[Contact, ...]
    places: Mapping[str, Place]
    habits: Mapping[str, str]
    threads: Threads
    days: tuple[Day, ...]
    counts: Mapping[str, int]
    facts: tuple[Fact, ...]


def generate(folder: Path, *, seed: int, last_day: date, days: int = 32) -> SampleLife:
    """Write a sample life into `folder` (made if absent) and say what is in it.

    The same seed, last day and number of days give the same bytes; another seed gives another person, town and habits.

    Args:
        days: local days up to and including the last one, at least `MIN_DAYS`.

    Raises:
        ValueError: fewer days than the threads need.
    """
    if days < MIN_DAYS:
        raise ValueError(f"a sample life needs at least {MIN_DAYS} days, not {days}")
    cast = draw_cast(random.Random(f"{seed} cast"))
    threads = draw_threads(random.Random(f"{seed} threads"), cast, last_day)
    # One generator per layer: a change in one layer leaves the others as they were.
    lived, now = live(_rng(seed, "life"), cast, threads, last_day, days)
    counts, facts = _write(folder, seed, cast, threads, lived, now)
    return SampleLife(
        folder=folder,
        seed=seed,
        first_day=last_day - timedelta(days=days - 1),
        last_day=last_day,
        now=now,
        first_name=cast.first_name,
        full_name=cast.full_name,
        self_names=(cast.display_name,),
        zone=cast.zone.key,
        town=cast.town["name"],
        friends=tuple(cast.contacts.values()),
        places=cast.places,
        habits={
            "job": cast.job["title"],
            "hobby": cast.hobby["name"],
            "sport": cast.sport["name"],
            "diet": cast.diet["name"],
            "artist": str(cast.words["artist"]),
        },
        threads=threads,
        days=tuple(lived),
        counts=counts,
        facts=facts,
    )


def _rng(seed: int, layer: str) -> random.Random:
    return random.Random(f"{seed} {layer}")


def _write(
    folder: Path, seed: int, cast: Cast, threads: Threads, days: list[Day], now: datetime
) -> tuple[dict[str, int], tuple[Fact, ...]]:
    folder.mkdir(parents=True, exist_ok=True)
    messages = write_chats(_rng(seed, "chat"), cast, threads, days, now)
    searches = search_all(_rng(seed, "search"), cast, threads, days, now)
    watches = watch_all(_rng(seed, "watch"), cast, threads, days, now)
    conversations = talk(_rng(seed, "speech"), cast, threads, days, now)
    captions, gazes = see(_rng(seed, "sight"), cast, threads, days, now)
    oura, sleeps = write_oura(folder, _rng(seed, "body"), cast, days, now)
    counts = {
        **write_whatsapp(folder, cast, messages),
        **write_takeout(folder, searches, watches),
        **write_activitywatch(folder, _rng(seed, "apps"), cast, days, messages, searches, watches, now),
        **write_owntracks(folder, _rng(seed, "track"), cast, days, now),
        **write_home_assistant(folder, _rng(seed, "home"), cast, days, now),
        **oura,
        **write_google_fit(folder, cast, days, now),
        **write_omi(folder, conversations),
        **write_glasses(folder, cast, captions, gazes),
    }
    write_readme(folder, seed, cast, days, counts)
    facts = facts_of(cast, threads, days, sleeps, messages, searches, watches, conversations, now)
    return counts, facts
