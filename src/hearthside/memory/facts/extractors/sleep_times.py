"""When the person usually goes to sleep and wakes: medians of quarters of a year, joined while they stay the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from hearthside.alignment.episodes import Episode
from hearthside.events import DAY_MS, MINUTE_MS, iso_day
from hearthside.memory.facts.extractors import Ground
from hearthside.memory.facts.fact import Fact, make_fact

NAME = "sleep_times"
TITLE = "Bedtime and waking"
KINDS = frozenset({"sleep"})

LEAST_NIGHTS = 14
SAME_MIN = 30
"""Medians that differ by less say the same."""

_DAY_MIN = 1440
_NOON = 720
_OVER_DAYS = 120  # without a night for so long what held is closed where it was last seen


def extract(ground: Ground) -> list[Fact]:
    """Usual bedtime and waking time by the person's own clock, one fact for each stretch of quarters."""
    nights = _nights(ground)
    return [
        *_stretches(nights, ground.day, "usual_bedtime", "You usually go to sleep around {value}.", False),
        *_stretches(nights, ground.day, "usual_wake", "You usually wake around {value}.", True),
    ]


def _nights(ground: Ground) -> list[tuple[int, int, int, Episode]]:
    """(local day of the morning, local minute of falling asleep, of waking, episode): the longest sleep of each day."""
    found = ground.stream.episodes(end_ms=ground.present_ms, kinds=["sleep"])
    if not found:
        return []
    track = ground.stream.track()
    starts, ends = (np.array([getattr(e, n) for e in found], dtype=np.int64) for n in ("start_ms", "end_ms"))
    offset = track.at(ends) * MINUTE_MS
    longest: dict[int, tuple[int, int, int, Episode]] = {}
    for begin, end, episode in zip((starts + offset).tolist(), (ends + offset).tolist(), found, strict=True):
        day = end // DAY_MS
        night = (day, begin // MINUTE_MS % _DAY_MIN, end // MINUTE_MS % _DAY_MIN, episode)
        known = longest.get(day)
        if known is None or episode.end_ms - episode.start_ms > known[3].end_ms - known[3].start_ms:
            longest[day] = night
    return [longest[day] for day in sorted(longest)]


def _stretches(
    nights: Sequence[tuple[int, int, int, Episode]], today: int, predicate: str, sentence: str, wake: bool
) -> list[Fact]:
    quarters: dict[int, list[tuple[int, int, int, Episode]]] = defaultdict(list)
    for night in nights:
        quarters[int(np.datetime64(night[0], "D").astype("datetime64[M]").astype(int)) // 3].append(night)
    runs = list[tuple[list[tuple[int, int, int, Episode]], float]]()
    for quarter in sorted(quarters):
        held = quarters[quarter]
        if len(held) < LEAST_NIGHTS:
            continue
        middle = _median(held, wake)
        if runs and abs(_median(runs[-1][0], wake) - middle) < SAME_MIN:
            runs[-1] = ([*runs[-1][0], *held], middle)
        else:
            runs.append((list(held), middle))
    facts = []
    for place, (held, _) in enumerate(runs):
        minute = round(_median(held, wake) / 5) * 5 % _DAY_MIN
        value = f"{minute // 60:02d}:{minute % 60:02d}"
        closed = held[-1][0] + 1 if place + 1 < len(runs) or today - held[-1][0] > _OVER_DAYS else None
        ids = [episode.evidence[0] for _, _, _, episode in (*held[:2], *held[-3:]) if episode.evidence]
        facts.append(
            make_fact(
                NAME, "sleep", predicate, value, sentence.format(value=value), tuple(ids),
                valid_from=iso_day(held[0][0]), valid_to=iso_day(closed) if closed else "", single=True,
                sure=min(0.95, 0.6 + len(held) / 200), returns=True,
            )
        )  # fmt: skip
    return facts


def _median(nights: Sequence[tuple[int, int, int, Episode]], wake: bool) -> float:
    """Local minute of the day; counted from noon, so that midnight cuts no evening in two."""
    if wake:
        return float(np.median([night[2] for night in nights]))
    return float(np.median([(night[1] - _NOON) % _DAY_MIN for night in nights]) + _NOON) % _DAY_MIN
