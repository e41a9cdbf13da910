"""Slow, obvious references: what a track shows, the days it makes, where a wall time may lie, the zones seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from hearthside.alignment.offsets import OffsetTrack
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_number

FLICKER_MS, GAP_MS = 30 * MINUTE_MS, 6 * HOUR_MS


def step_at(track: OffsetTrack, ms: int) -> int:
    """Which step a time falls on, looking at one after another."""
    found = 0
    for k, start in enumerate(track.starts_ms.tolist()):
        if start <= ms:
            found = k
    return found


def offset_at(track: OffsetTrack, ms: int) -> int:
    """The offset at a time, minutes."""
    return int(track.offset_min[step_at(track, ms)])


def said_at(track: OffsetTrack, ms: int) -> tuple[int, int, int]:
    """All that is said of a time: offset, how it is known, doubt."""
    k = step_at(track, ms)
    return int(track.offset_min[k]), int(track.how[k]), int(track.doubt_min[k])


def day_minutes(track: OffsetTrack, day: str) -> list[int]:
    """The UTC minutes at whose beginning the person's date was this one, looking at every minute of five days."""
    number = day_number(day)
    minutes = range((number - 2) * 1440, (number + 3) * 1440)
    return [m for m in minutes if (m * MINUTE_MS + offset_at(track, m * MINUTE_MS) * MINUTE_MS) // DAY_MS == number]


def showings(wall_ms: int, track: OffsetTrack) -> list[int]:
    """Every time at which the person's clock showed a local time, trying every offset there is."""
    moments = {wall_ms - minutes * MINUTE_MS for minutes in track.offset_min.tolist()}
    return sorted(ms for ms in moments if ms + offset_at(track, ms) * MINUTE_MS == wall_ms)


def orders(choices: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Every way to choose one of each such that they never run backwards."""
    return [chosen for chosen in itertools.product(*choices) if all(a <= b for a, b in itertools.pairwise(chosen))]


def runs(
    positions: Sequence[tuple[int, float, float]], zone_at: Callable[[float, float], str]
) -> list[tuple[int, int, str]]:
    """(first, last, zone) of positions, each looked up by itself, excursions undone one after another."""
    found: list[tuple[int, int, str]] = []
    for ms, lat, lon in sorted(positions):
        zone = "" if math.isnan(lat) or math.isnan(lon) else zone_at(lat, lon)
        if not zone:
            continue
        if found and found[-1][2] == zone and ms - found[-1][1] <= GAP_MS:
            found[-1] = (found[-1][0], ms, zone)
            continue
        for back in range(len(found) - 1, -1, -1):
            if ms - found[back][1] > FLICKER_MS:
                found.append((ms, ms, zone))
                break
            if found[back][2] == zone:
                found[back:] = [(found[back][0], ms, zone)]
                break
        else:
            found.append((ms, ms, zone))
    return found
