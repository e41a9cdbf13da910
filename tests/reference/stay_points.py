"""Slow reference of stay points: straight from the definition, one fix after the other, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

Fix = tuple[int, float, float]
"""UTC ms, latitude, longitude; in order of time, one a minute at most."""

Found = tuple[int, int, float, float, bool]
"""First and last fix (their times), spot, and whether it is only a part of a stay."""

EARTH_M = 6_371_008.8
ROAM_M, NEAR_M = 200.0, 100.0
STAY_MS, SILENCE_MS, AGAIN_MS, DAY_MS = 1_200_000, 3_600_000, 300_000, 86_400_000


def _away_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    east = ((a[1] - b[1] + 180) % 360 - 180) * math.cos(math.radians(b[0]))
    return math.hypot(a[0] - b[0], east) * math.radians(1) * EARTH_M


def _spot(fixes: Sequence[Fix]) -> tuple[float, float]:
    zero = fixes[0][2]
    east = median((f[2] - zero + 180) % 360 - 180 for f in fixes)
    return median(f[1] for f in fixes), (zero + east + 180) % 360 - 180


def _near(fixes: Sequence[Fix]) -> tuple[int, int, float, float]:
    """First and last time near the spot of the fixes, and the spot."""
    spot = _spot(fixes)
    times = [f[0] for f in fixes if _away_m(f[1:], spot) <= NEAR_M] or [f[0] for f in fixes]
    return times[0], times[-1], *spot


def _stay_from(fixes: Sequence[Fix], i: int) -> int | None:
    """The last fix of the stay that begins at fix i, or None when none does."""
    core = i
    while fixes[core][0] < fixes[i][0] + STAY_MS:
        core += 1
        if core == len(fixes) or fixes[core][0] - fixes[core - 1][0] > SILENCE_MS:
            return None
        if _away_m(fixes[core][1:], fixes[i][1:]) > ROAM_M:
            return None
    spot = _spot(fixes[i : core + 1])
    last = core
    while last + 1 < len(fixes) and fixes[last + 1][0] - fixes[last][0] <= SILENCE_MS:
        if _away_m(fixes[last + 1][1:], spot) > ROAM_M:
            break
        last += 1
    return last


def _part(fixes: Sequence[Fix]) -> list[Found]:
    """What lies at the beginning of these fixes, within reach of the first, as a part of a stay."""
    held = list(fixes[:1])
    for fix in fixes[1:]:
        if abs(fix[0] - held[-1][0]) > SILENCE_MS or _away_m(fix[1:], fixes[0][1:]) > ROAM_M:
            break
        held.append(fix)
    if not held:
        return []
    first, last, *spot = _near(sorted(held))
    return [(first, last, spot[0], spot[1], True)] if last > first else []


def stay_points(fixes: Sequence[Fix], day: int) -> list[Found]:
    """The stays of one UTC day and the parts of stays at its bounds."""
    found: list[Found] = []
    i, first_used, rest = 0, len(fixes), 0
    while i < len(fixes):
        last = _stay_from(fixes, i)
        if last is None:
            i += 1
            continue
        start_ms, end_ms, lat, lon = _near(fixes[i : last + 1])
        if end_ms - start_ms >= STAY_MS:
            found.append((start_ms, end_ms, lat, lon, False))
            first_used, rest = min(first_used, i), last + 1
            i = last + 1
        else:
            again = fixes[i][0] + AGAIN_MS
            i = next((k for k in range(len(fixes)) if fixes[k][0] >= again), len(fixes))
    head: list[Found] = []
    tail: list[Found] = []
    if fixes and fixes[0][0] - day * DAY_MS <= SILENCE_MS:
        head = _part(fixes[:first_used])
        if not found:  # what is part of the beginning is not also part of the end
            held = 1
            while held < len(fixes) and fixes[held][0] - fixes[held - 1][0] <= SILENCE_MS:
                if _away_m(fixes[held][1:], fixes[0][1:]) > ROAM_M:
                    break
                held += 1
            rest = held
    if fixes and (day + 1) * DAY_MS - fixes[-1][0] <= SILENCE_MS:
        tail = _part(fixes[rest:][::-1])
    return [*head, *found, *tail]
