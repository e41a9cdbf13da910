"""The names and the days that the tests of questions are about."""

from __future__ import annotations

from datetime import UTC, datetime

from hearthside.events import Layer, ms_of
from hearthside.memory.questions import Names
from tests.memory.asking.lives import Happened, SmallLife, hours, play

NOW = ms_of(datetime(2026, 3, 18, 17, 0, tzinfo=UTC))
"""A Wednesday afternoon."""


def some_names() -> Names:
    """Artists, some with names that are also words, and everything else that has a name."""
    names = Names()
    names.add(
        "artist", dict.fromkeys(["Radiohead", "Björk", "Sleep", "The 1975", "Taylor", "Taylor Swift", "The Band"], 3)
    )
    names.add("album", {"Kid A": 2, "Radiohead": 1, "Computer Love": 1})
    names.add("track", {"Creep": 2, "Steps": 1})
    names.add("show", {"Night Talk": 1})
    names.add("episode", {"On Bread": 1})
    names.add("activity", dict.fromkeys(["running", "walking", "badminton", "biking", "strength training"], 1))
    names.add("item", {"Software Development": 2, "Writing": 1, "Entertainment": 1})
    names.add("language", {"Python": 1})
    return names


def slept(day: int, begin: float, end: float, asleep_h: float) -> Happened:
    """A record of sleep, in hours of the day it begins on, with the hours asleep."""
    return Happened("sleep", hours(day, begin), hours(day, end), source="ring", amount=asleep_h * 3600)


def daily(kind: str, day: int, amount: float) -> Happened:
    """A figure of a day."""
    return Happened(kind, hours(day, 0), source="ring", amount=amount, by_day=True)


def small_life() -> SmallLife:
    """Eight days from Monday, 2023-03-20: nights with a nap, steps, weights, songs, podcasts and runs."""
    nights = [(0, 23, 31, 7.0), (1, 23.5, 30, 5.5), (2, 24.5, 33, 8.0), (5, 23, 30, 6.0)]
    steps = [9000, 10001, 12000, 11000, 3000, 15000, 8000]
    songs = [(0, "Radiohead", "Creep"), (0, "Radiohead", "Creep"), (1, "Björk", "Jóga"), (6, "Radiohead", "Nude")]
    return SmallLife([
        *(slept(day, begin, end, asleep) for day, begin, end, asleep in nights),
        slept(3, 14, 14.5, 0.25),
        *(daily("activity_day", day, count) for day, count in enumerate(steps)),
        *(daily("weight_day", day, kg) for day, kg in ((0, 80.0), (3, 77.4), (6, 78.1))),
        *(play(day, 12 + n / 10, artist, track) for n, (day, artist, track) in enumerate(songs)),
        *(Happened("podcast", hours(day, 0), source="pods", layer=Layer.AUDITORY, text="Night Talk – On Bread",
                   by_day=True) for day in (1, 2)),
        *(Happened("workout", hours(day, 18), hours(day, 18 + length), source="fit", text="running",
                   amount=length * 3600) for day, length in ((1, 0.5), (1, 0.5), (4, 1.0))),
    ])  # fmt: skip
