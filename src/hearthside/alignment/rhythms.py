"""Rhythms of a life: a double-plotted actogram of sleep, work and home, and two figures of sleep.

Sleep midpoint: the middle of each night's longest sleep by the person's own clock, averaged on the circle; its spread
is the circular standard deviation sqrt(-2 ln R) (Mardia & Jupp, Directional Statistics, 2000, section 2.3).

Sleep Regularity Index: the chance, stretched to -100 to 100, that the person is in the same state, asleep or awake, at
two moments 24 hours apart (Phillips et al., Scientific Reports 7:3216, 2017). Only pairs of minutes count of which both
were observed (as in Windred et al., Sleep 44:zsab254, 2021): nothing is inferred from a night without a record.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode
from hearthside.alignment.local_days import MINUTES, Ints, Track, local_dates, offsets_at, utc_and_local_minutes
from hearthside.alignment.views import OffsetChange, RhythmRow, RhythmRun, RhythmState, RhythmView, SleepFigures
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, day_number, iso_day

Spans: TypeAlias = Sequence[tuple[int, int]]
"""Stretches of time [start, end), UTC ms."""

NIGHT_MISSING_MS = 30 * HOUR_MS
"""Two recorded sleeps farther apart than this have a night between them that nobody recorded."""

LEAST_COMPARED_H = 120
"""Five days of pairs: with fewer, one odd night would decide the index."""

NO_DIRECTION = 0.05
"""Below this mean resultant length midpoints point nowhere on the clock, and have no mean."""

AWAKE_KINDS = frozenset({"work", "computer", "exercise", "conversation", "commute", "trip", "meal"})
"""Episodes during which the person is awake."""

_STATES = (
    RhythmState.UNKNOWN, RhythmState.AWAKE, RhythmState.HOME, RhythmState.AWAY, RhythmState.COMPUTER,
    RhythmState.WORK, RhythmState.SLEEP, RhythmState.SKIPPED,
)  # fmt: skip
_CODE = {state: code for code, state in enumerate(_STATES)}
_WATCHED = 8  # added to a code where asleep or awake was observed
Codes = npt.NDArray[np.uint8]


def rhythm_view(
    first_day: str, last_day: str, episodes: Iterable[Episode], home: Spans, away: Spans, track: Track
) -> RhythmView:
    """The actogram of the local days from the first to the last, ISO dates, both included, and the figures of sleep.

    Args:
        episodes: those of the span and of two days on either side; sleep and work are drawn, the others show that the
            person was awake.
        home, away: when the person was known to be at home, or somewhere else.
    """
    found = sorted(episodes, key=lambda one: one.start_ms)
    utc, local = utc_and_local_minutes(track, first_day, last_day)
    ways = [*_spans(found, "commute"), *_spans(found, "trip")]
    codes = np.zeros(len(utc), dtype=np.uint8)
    painted = (
        (RhythmState.HOME, home), (RhythmState.AWAY, [*away, *ways]),
        (RhythmState.COMPUTER, _spans(found, "computer")), (RhythmState.WORK, _spans(found, "work")),
        (RhythmState.SLEEP, _spans(found, "sleep")),
    )  # fmt: skip
    for state, spans in painted:
        _paint(codes, int(utc[0]), spans, _CODE[state])
    watched = _watched(_spans(found, "sleep"), _awake(found), int(utc[0]), len(utc)).astype(np.bool_)
    codes[watched & (codes == _CODE[RhythmState.UNKNOWN])] = _CODE[RhythmState.AWAKE]
    codes[watched] |= _WATCHED
    first, last = day_number(first_day), day_number(last_day)
    by_clock = _by_local_clock(codes, local - first * MINUTES, last - first + 1)
    rows = [_row(iso_day(first + place), minutes) for place, minutes in enumerate(by_clock)]
    return RhythmView(rows, _changes(utc, local, first, last), sleep_figures(first_day, last_day, found, track))


def _spans(episodes: Iterable[Episode], kind: str) -> list[tuple[int, int]]:
    return [(one.start_ms, one.end_ms) for one in episodes if one.kind == kind]


def _paint(codes: Codes, first_minute: int, spans: Spans, code: int) -> None:
    """Set the minutes of the spans, of which more than half lie in them."""
    for start, end in spans:
        low = max(0, (start + MINUTE_MS // 2) // MINUTE_MS - first_minute)
        high = max(0, (end + MINUTE_MS // 2) // MINUTE_MS - first_minute)
        codes[low:high] = code


def _awake(episodes: Iterable[Episode]) -> list[tuple[int, int]]:
    return [(one.start_ms, one.end_ms) for one in episodes if one.kind in AWAKE_KINDS]


def _watched(sleeps: Spans, awake: Spans, first_minute: int, minutes: int) -> Codes:
    """(minutes,) whether asleep or awake was observed: recorded, or between two sleeps with no night missing."""
    codes = np.zeros(minutes, dtype=np.uint8)
    for spans in (sleeps, awake, _between(sleeps)):
        _paint(codes, first_minute, spans, 1)
    return codes


def _by_local_clock(codes: Codes, local: Ints, days: int) -> Codes:
    """(days, 1440) states by the person's clock; of an hour lived twice the second counts where it is known."""
    flat = np.full(days * MINUTES, _CODE[RhythmState.SKIPPED], dtype=np.uint8)
    inside = (local >= 0) & (local < days * MINUTES)
    where, what = local[inside], codes[inside]
    flat[where] = what
    known = what % _WATCHED != _CODE[RhythmState.UNKNOWN]
    flat[where[known]] = what[known]
    return flat.reshape(days, MINUTES)


def _row(day: str, minutes: Codes) -> RhythmRow:
    edges = [0, *(np.flatnonzero(np.diff(minutes)) + 1).tolist(), MINUTES]
    runs = [
        RhythmRun(first, last, _STATES[int(minutes[first]) % _WATCHED], int(minutes[first]) >= _WATCHED)
        for first, last in pairwise(edges)
    ]
    counts = np.bincount(minutes % _WATCHED, minlength=len(_STATES)).tolist()
    unwatched = int(np.count_nonzero((minutes < _WATCHED) & (minutes != _CODE[RhythmState.SKIPPED])))
    return RhythmRow(day, runs, {state: n for state, n in zip(_STATES, counts, strict=True) if n}, unwatched)


def _changes(utc: Ints, local: Ints, first: int, last: int) -> list[OffsetChange]:
    """Where the offset changes, on the local days of the span."""
    offsets = local - utc
    found = []
    for place in (np.flatnonzero(np.diff(offsets)) + 1).tolist():
        number = int(local[place]) // MINUTES
        if first <= number <= last:
            at_ms = int(utc[place]) * MINUTE_MS
            found.append(OffsetChange(iso_day(number), at_ms, int(offsets[place - 1]), int(offsets[place])))
    return found


# -- figures -----------------------------------------------------------------------------------------------------------


def sleep_figures(first_day: str, last_day: str, episodes: Sequence[Episode], track: Track) -> SleepFigures:
    """Midpoint, spread and regularity of the sleeps that end on local days of a span; episodes in order of start."""
    sleeps = [one for one in episodes if one.kind == "sleep"]
    ends = np.array([one.end_ms - 1 for one in sleeps], dtype=np.int64)
    dates = local_dates(track, ends).tolist() if sleeps else []
    first, last = day_number(first_day), day_number(last_day)
    inside = [(number, one) for number, one in zip(dates, sleeps, strict=True) if first <= number <= last]
    midpoints = night_midpoints(inside, track)
    mean, spread = circular_mean_and_spread(midpoints)
    mine = [(one.start_ms, one.end_ms) for _, one in inside]
    regularity, compared_h = sleep_regularity(mine, _awake(episodes))
    return SleepFigures(len(midpoints), mean, spread, regularity, compared_h)


def night_midpoints(sleeps: Iterable[tuple[int, Episode]], track: Track) -> list[float]:
    """Midpoint of the longest sleep of each local day, minutes after midnight by the person's clock at that moment."""
    longest: dict[int, Episode] = {}
    for number, one in sleeps:
        known = longest.get(number)
        if known is None or one.end_ms - one.start_ms > known.end_ms - known.start_ms:
            longest[number] = one
    middles = np.array([(one.start_ms + one.end_ms) // 2 for one in longest.values()], dtype=np.int64)
    if not len(middles):
        return []
    local = middles + offsets_at(track, middles) * MINUTE_MS
    return [float(ms) / MINUTE_MS for ms in (local % DAY_MS).tolist()]


def circular_mean_and_spread(minutes: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean of clock times on the circle of 24 hours, and their standard deviation, both in minutes."""
    if not minutes:
        return None, None
    angles = np.array(minutes) * (2 * math.pi / MINUTES)
    x, y = float(np.cos(angles).mean()), float(np.sin(angles).mean())
    length = min(1.0, math.hypot(x, y))
    if length < NO_DIRECTION:
        return None, None
    mean = math.atan2(y, x) % (2 * math.pi) * MINUTES / (2 * math.pi)
    spread = math.sqrt(max(0.0, -2 * math.log(length))) * MINUTES / (2 * math.pi)
    return mean % MINUTES, spread if len(minutes) > 1 else None


def sleep_regularity(sleeps: Spans, awake: Spans = ()) -> tuple[float | None, float]:
    """The Sleep Regularity Index of some sleeps in order of start, and how many hours could be compared.

    A minute is observed if the person was recorded asleep or awake in it, or if it lies between two recorded sleeps
    with no night missing between them. The index is None where fewer than `LEAST_COMPARED_H` hours could be compared.
    """
    if not sleeps:
        return None, 0.0
    first = sleeps[0][0] // MINUTE_MS
    asleep = np.zeros(max(end for _, end in sleeps) // MINUTE_MS - first + 1, dtype=np.uint8)
    _paint(asleep, first, sleeps, 1)
    observed = _watched(sleeps, awake, first, len(asleep))
    both = (observed[:-MINUTES] & observed[MINUTES:]).astype(np.bool_)
    pairs = int(np.count_nonzero(both))
    compared_h = pairs / 60
    if compared_h < LEAST_COMPARED_H:
        return None, compared_h
    same = int(np.count_nonzero((asleep[:-MINUTES] == asleep[MINUTES:]) & both))
    return 200 * same / pairs - 100, compared_h


def _between(sleeps: Spans) -> list[tuple[int, int]]:
    """The times between sleeps that follow each other without a night missing."""
    return [(one[1], other[0]) for one, other in pairwise(sleeps) if 0 < other[0] - one[1] <= NIGHT_MISSING_MS]


def stays(visits: Iterable[tuple[int, int, bool]]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """When the person was at home and elsewhere, from visits as (start, end, whether the place is home)."""
    found: dict[bool, list[tuple[int, int]]] = defaultdict(list)
    for start_ms, end_ms, home in visits:
        found[home].append((start_ms, end_ms))
    return found[True], found[False]
