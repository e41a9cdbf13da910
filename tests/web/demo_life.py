"""Three invented years of the demonstration house: episodes, sums of days, travel, and stretches nobody recorded.

The person lives by the clock of Berlin, flies to New York twice, and moves to Lagos (UTC+1 all year) in November 2025.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, day_number, iso_day

FIRST, LAST = "2023-05-14", "2026-03-31"
FIXED = LAST  # the day that demo_day.py tells in full
BERLIN, NEW_YORK, LAGOS = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Africa/Lagos")
TRIPS = (("2024-09-10", "2024-09-24"), ("2026-02-05", "2026-02-17"))
MOVED = "2025-11-02"
NO_RING = (("2024-04-02", "2024-04-23"), ("2025-08-11", "2025-08-19"))  # nights without a record
NOTHING = (("2024-12-01", "2024-12-12"), ("2023-08-20", "2023-08-27"))  # days without any record


@dataclass(frozen=True, slots=True)
class DemoSum:
    """What one stream holds on one UTC day."""

    day: int
    layer: Layer
    source: str
    kind: str
    events: int
    minutes: int
    amount: float
    covered_min: int


class DemoTrack:
    """The UTC offset of the invented person."""

    def __init__(self) -> None:
        first, last = day_number(FIRST) - 10, day_number(LAST) + 10
        self.starts = np.arange(first * 24, last * 24, dtype=np.int64) * HOUR_MS
        self.offsets = np.array([zone_offset_min(int(ms), zone_on(int(ms) // DAY_MS)) for ms in self.starts])

    def at(self, ms: npt.NDArray[np.int64]) -> npt.NDArray[np.integer[Any]]:
        """Offsets in minutes; changes happen on whole hours."""
        places = np.clip(np.searchsorted(self.starts, ms, side="right") - 1, 0, len(self.starts) - 1)
        return self.offsets[places]


def zone_on(day: int) -> ZoneInfo:
    """Where the person is on a UTC day."""
    if any(day_number(first) <= day < day_number(last) for first, last in TRIPS):
        return NEW_YORK
    return LAGOS if day >= day_number(MOVED) else BERLIN


def zone_offset_min(ms: int, zone: ZoneInfo) -> int:
    """The offset of a zone at a time, minutes."""
    offset = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() / 60)


def within(day: int, spans: tuple[tuple[str, str], ...]) -> bool:
    """Whether a day lies in one of the spans."""
    return any(day_number(first) <= day < day_number(last) for first, last in spans)


@dataclass(frozen=True)
class DemoLife:
    """All of it."""

    episodes: list[Episode]
    sums: list[DemoSum]
    track: DemoTrack
    home: list[tuple[int, int]]
    away: list[tuple[int, int]]


@lru_cache(maxsize=1)
def demo_life() -> DemoLife:
    """The life, the same each time."""
    chance = random.Random(7)
    track = DemoTrack()
    episodes: list[Episode] = []
    sums: list[DemoSum] = []
    for day in range(day_number(FIRST), day_number(LAST) + 1):
        if not within(day, NOTHING):
            episodes += one_day(day, track, chance)
            sums += one_days_sums(day, chance)
    episodes.sort(key=lambda one: one.start_ms)
    stays = [one for one in episodes if one.kind == "visit"]
    home = [(one.start_ms, one.end_ms) for one in stays if one.label == "Home"]
    away = [(one.start_ms, one.end_ms) for one in stays if one.label != "Home"]
    return DemoLife(episodes, sums, track, home, away)


def one_day(day: int, track: DemoTrack, chance: random.Random) -> list[Episode]:
    """The episodes that begin on a local day, or in the night before it."""
    if iso_day(day) == FIXED:
        return fixed_day(day, track)
    weekend = (day + 3) % 7 >= 5
    abroad = within(day, TRIPS)
    awake, asleep = chance.gauss(8.3 if weekend else 7.0, 0.5), chance.gauss(0.6 if weekend else -0.4, 0.7)
    out, back = chance.gauss(9.0, 0.3), chance.gauss(18.0, 0.7)
    made: list[tuple[str, str, float, float]] = []
    if not within(day, NO_RING):
        made.append(("sleep", "asleep", asleep, awake))
    base = "Hotel" if abroad else "Home"
    if weekend:
        made += [("visit", base, 0.0, 11.0), ("visit", "The river", 11.5, 14.0), ("visit", base, 14.5, 24.0)]
        made.append(("exercise", "walking", 12.0, 13.2))
    else:
        place = "Conference" if abroad else "Studio"
        made += [("visit", base, 0.0, out - 0.5), ("visit", place, out, back), ("visit", base, back + 0.6, 24.0)]
        made += [("commute", f"{base} to {place}", out - 0.5, out), ("commute", f"{place} to {base}", back, back + 0.6)]
        made += [("work", "at the computer", out + 0.2, 12.4), ("work", "at the computer", 13.3, back - 0.2)]
        made += [("meal", "lunch", 12.5, 13.1), ("conversation", "with Ravi", 14.2, 14.9)]
    if chance.random() < 0.4:
        made.append(("listening", "Paper Boats", back + 0.1, back + 0.5))
    return [clock_episode(day, track, *one, chance.uniform(0.7, 1.0)) for one in made]


def fixed_day(day: int, track: DemoTrack) -> list[Episode]:
    """The episodes of the day that demo_day.py tells."""
    told = [
        ("sleep", "asleep", 0.8, 6.867), ("visit", "Home", 0.0, 8.2), ("commute", "Home to Studio", 8.2, 8.733),
        ("visit", "Studio", 8.733, 17.667), ("work", "Slides, Mail, Editor", 9.033, 16.967),
        ("meal", "lunch at the canteen", 12.517, 13.167), ("conversation", "with Ravi", 14.083, 14.867),
        ("exercise", "walking by the river", 17.967, 18.667), ("listening", "Paper Boats", 18.083, 18.317),
        ("visit", "Home", 18.917, 24.0), ("work", "Slides", 20.167, 23.667),
    ]  # fmt: skip
    return [clock_episode(day, track, kind, label, begin, end, 0.86) for kind, label, begin, end in told]


def clock_episode(day: int, track: DemoTrack, kind: str, label: str, begin: float, end: float, sure: float) -> Episode:
    """An episode between two clock times of a local day, hours after its midnight."""
    offset = int(track.at(np.array([day * DAY_MS + DAY_MS // 2]))[0])
    midnight = day * DAY_MS - offset * MINUTE_MS
    start_ms, end_ms = (midnight + round(hours * 60) * MINUTE_MS for hours in (begin, end))
    return Episode(kind, start_ms, end_ms, label, (bytes(15) + b"\x12", bytes(15) + b"\x0d"), round(sure, 2))


STREAMS = (
    (Layer.TEXT, "whatsapp", "message", 40, 300), (Layer.VISUAL, "glasses", "caption", 25, 240),
    (Layer.AUDITORY, "omi", "utterance", 18, 150), (Layer.AUDITORY, "last_fm", "listen", 20, 80),
    (Layer.BEHAVIOURAL, "oura_sleep", "sleep", 1, 430), (Layer.BEHAVIOURAL, "oura_sleep", "met", 1, 1290),
    (Layer.BEHAVIOURAL, "activitywatch", "app_use", 120, 420), (Layer.ENVIRONMENTAL, "owntracks", "position", 90, 1100),
    (Layer.RESIDENTIAL, "home_assistant", "state", 60, 1440),
)  # fmt: skip


def one_days_sums(day: int, chance: random.Random) -> list[DemoSum]:
    """What the streams hold on a UTC day; each source was bought on another day."""
    found = []
    for place, (layer, source, kind, events, covered) in enumerate(STREAMS):
        since = day_number(FIRST) + place * 40
        if day < since or (source == "oura_sleep" and within(day, NO_RING)) or chance.random() < 0.04:
            continue
        share = chance.uniform(0.4, 1.2)
        covered_min = min(1440, round(covered * share))
        found.append(DemoSum(day, layer, source, kind, max(1, round(events * share)), covered_min, 0.0, covered_min))
    if not within(day, NO_RING):
        steps = float(round(chance.gauss(7800, 2600)) if chance.random() > 0.02 else 0)
        found.append(DemoSum(day, Layer.BEHAVIOURAL, "oura_activity", "activity_day", 1, 0, max(0.0, steps), 0))
    return found
