"""Years as calendar maps: one figure a day, from the sums of the days and the episodes, without opening a day."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from hearthside.alignment.episodes import Episode
from hearthside.alignment.local_days import MINUTES, Track, local_dates, offsets_at
from hearthside.alignment.span_view import DaySum, layer_sums
from hearthside.alignment.views import DayValue, LayerSum, LayerWeeks, Measure, YearMap, YearView
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer, iso_day

HALF_DAY_MIN = 12 * 60
"""A day without an episode counts as zero only if its layer was covered for half of it; else nothing is known."""

DEFAULT_MEASURE = "layers"


@dataclass(frozen=True, slots=True)
class _DayKind:
    """A kind of event that says one thing of a whole day."""

    name: str
    title: str
    unit: str
    divide: float
    mean: bool  # several on one day are averaged, not added


_EPISODES = {
    "sleep": ("Sleep", Layer.BEHAVIOURAL),
    "work": ("Work", Layer.BEHAVIOURAL),
    "exercise": ("Exercise", Layer.BEHAVIOURAL),
    "commute": ("Commute", Layer.ENVIRONMENTAL),
    "trip": ("On the way elsewhere", Layer.ENVIRONMENTAL),
    "conversation": ("Conversation", Layer.AUDITORY),
    "listening": ("Listening", Layer.AUDITORY),
    "meal": ("Meals", Layer.VISUAL),
    "computer": ("At the computer", Layer.BEHAVIOURAL),
    "watching": ("Watching videos", Layer.TEXT),
}
EPISODE_KINDS = frozenset(_EPISODES)
"""Kinds of the episodes that a map can show."""

_DAY_KINDS = {
    "activity_day": _DayKind("steps", "Steps", "steps", 1, False),
    "app_time_day": _DayKind("screen", "At the computer, by day", "hours", 3600, False),
    "coding_time_day": _DayKind("programming", "Programming", "hours", 3600, False),
    "readiness_day": _DayKind("readiness", "Readiness", "of 100", 1, True),
    "weight_day": _DayKind("weight", "Weight", "kg", 1, True),
}
_LAYER_TITLES = {layer: layer.value.capitalize() for layer in Layer}
_NICE_HOURS = (0.25, 0.5, 1, 1.5, 2, 3, 4, 6)
_STEPS = 5


def year_view(
    years: Sequence[int], wanted: str, sums: Iterable[DaySum], episodes: Iterable[Episode], track: Track
) -> YearView:
    """Some years of one measure.

    Args:
        years: which, newest first.
        wanted: the name of a measure; one that these years cannot show gives the first.
        sums: of every stream, for the UTC days of the years and one day on either side.
        episodes: those of `EPISODE_KINDS` that overlap the years; others are ignored.
    """
    listed, found = list(sums), list(episodes)
    layers = layer_sums(listed, track)
    measures = _measures(listed, found)
    measure = next((one for one in measures if one.name == wanted), measures[0])
    values = _values(measure, listed, found, layers, track)
    maps = [
        YearMap(year, [DayValue(day, values.get(day)) for day in days_of(year)], _weeks(year, layers)) for year in years
    ]
    shown = [one.value for year in maps for one in year.days if one.value]
    return YearView(maps, measure, measures, edges(shown, measure.unit))


def days_of(year: int) -> list[str]:
    """The ISO dates of a year."""
    first = date(year, 1, 1)
    return [(first + timedelta(n)).isoformat() for n in range((date(year, 12, 31) - first).days + 1)]


def week_of_year(day: date) -> int:
    """The column of a day in the map of its year, from 0: weeks begin on Monday, the first may be short."""
    january = date(day.year, 1, 1)
    return ((day - january).days + january.weekday()) // 7


# -- what can be shown -------------------------------------------------------------------------------------------------


def _measures(sums: Sequence[DaySum], episodes: Sequence[Episode]) -> list[Measure]:
    """Measures for which there is anything."""
    layers = {str(one.layer) for one in sums}
    kinds = {one.kind for one in sums}
    found = [Measure("layers", "Layers heard", "Everything", "layers", None, True)]
    found.append(Measure("events", "All records", "Everything", "events", None, True))
    held = {one.kind for one in episodes}
    found += [
        Measure(kind, title, "Time spent", "hours", layer, False)
        for kind, (title, layer) in _EPISODES.items()
        if kind in held
    ]
    found += [
        Measure(one.name, one.title, "Figures of the day", one.unit, Layer.BEHAVIOURAL, False)
        for kind, one in _DAY_KINDS.items()
        if kind in kinds
    ]
    for prefix, group, unit in (("covered", "Hours covered", "hours"), ("events", "Records", "events")):
        found += [
            Measure(f"{prefix}-{layer}", _LAYER_TITLES[layer], group, unit, layer, True)
            for layer in Layer
            if layer in layers
        ]
    return found


def _values(
    measure: Measure,
    sums: Sequence[DaySum],
    episodes: Sequence[Episode],
    layers: Mapping[str, list[LayerSum]],
    track: Track,
) -> dict[str, float]:
    """The value of each local day of which something is known."""
    prefix, _, name = measure.name.partition("-")
    if measure.name == "layers":
        return {day: float(n) for day, of in layers.items() if (n := sum(1 for one in of if _heard(one)))}
    if prefix in ("events", "covered"):
        return _layer_values(prefix, Layer(name) if name else None, layers)
    if measure.name in _EPISODES:
        return _episode_hours(measure.name, episodes, layers, track)
    kind = next(kind for kind, one in _DAY_KINDS.items() if one.name == measure.name)
    return _day_figures(kind, sums)


def _heard(one: LayerSum) -> bool:
    return one.events > 0 or one.covered_min > 0


def _layer_values(prefix: str, layer: Layer | None, layers: Mapping[str, list[LayerSum]]) -> dict[str, float]:
    found = {}
    for day, of in layers.items():
        heard = [one for one in of if _heard(one) and layer in (None, one.layer)]
        if heard:
            found[day] = float(sum(one.events for one in heard) if prefix == "events" else heard[0].covered_min / 60)
    return found


def _episode_hours(
    kind: str, episodes: Sequence[Episode], layers: Mapping[str, list[LayerSum]], track: Track
) -> dict[str, float]:
    """Hours of the episodes of a kind by local day; a sleep belongs to the day on which it ends."""
    layer = _EPISODES[kind][1]
    hours: dict[str, float] = {
        day: 0.0
        for day, of in layers.items()
        if kind != "sleep" and any(one.layer is layer and one.covered_min >= HALF_DAY_MIN for one in of)
    }
    for number, length_ms in _lengths([one for one in episodes if one.kind == kind], kind == "sleep", track):
        day = iso_day(number)
        hours[day] = hours.get(day, 0.0) + length_ms / HOUR_MS
    return hours


def _lengths(episodes: Sequence[Episode], by_end: bool, track: Track) -> list[tuple[int, int]]:
    """(local day, milliseconds) of episodes, whole on the day of their end or divided at midnight."""
    if not by_end:
        return [part for one in episodes for part in _by_local_day(one, track)]
    dates = local_dates(track, np.array([one.end_ms - 1 for one in episodes], dtype=np.int64)).tolist()
    return [(number, one.end_ms - one.start_ms) for number, one in zip(dates, episodes, strict=True)]


def _by_local_day(episode: Episode, track: Track) -> list[tuple[int, int]]:
    """(local day, milliseconds in it) of an episode, which may go on past midnight."""
    parts = []
    at = episode.start_ms
    while at < episode.end_ms:
        offset = int(offsets_at(track, np.array([at], dtype=np.int64))[0]) * MINUTE_MS
        number = (at + offset) // DAY_MS
        until = min(episode.end_ms, (number + 1) * DAY_MS - offset)
        parts.append((number, until - at))
        at = until
    return parts


def _day_figures(kind: str, sums: Sequence[DaySum]) -> dict[str, float]:
    """What sources say of whole days; of several sources the highest figure, since they count the same thing.

    Such events stand at midnight UTC of their local day, so they need no offset.
    """
    rule = _DAY_KINDS[kind]
    found: dict[str, float] = {}
    for one in sums:
        if one.kind == kind and one.events and not math.isnan(one.amount):
            day, value = iso_day(one.day), one.amount / rule.divide / (one.events if rule.mean else 1)
            found[day] = max(found.get(day, value), value)
    return found


def _weeks(year: int, layers: Mapping[str, list[LayerSum]]) -> list[LayerWeeks]:
    covered: dict[tuple[int, int], int] = defaultdict(int)
    heard: set[tuple[int, int]] = set()
    length: dict[int, int] = defaultdict(int)
    first = date(year, 1, 1)
    for number, day in enumerate(days_of(year)):
        week = (number + first.weekday()) // 7
        length[week] += 1
        for place, one in enumerate(layers.get(day, [])):
            if _heard(one):
                heard.add((place, week))
                covered[place, week] += min(one.covered_min, MINUTES)
    return [
        LayerWeeks(
            layer,
            [
                round(covered[place, week] / (length[week] * MINUTES), 3) if (place, week) in heard else None
                for week in sorted(length)
            ],
        )
        for place, layer in enumerate(Layer)
    ]


# -- steps of colour ---------------------------------------------------------------------------------------------------


def edges(values: Sequence[float], unit: str) -> list[float]:
    """Ascending values at which the next darker step begins; n edges make n + 1 steps, at most five.

    Hours and figures of a day step evenly over the middle nine tenths of the values, at round numbers; counts, which
    are skewed, step at fifths of the values, rounded to two digits.
    """
    if not values:
        return []
    if unit == "layers":
        most = int(max(values))
        return [float(n) for n in range(max(2, most - _STEPS + 2), most + 1)]
    if unit in ("events", "steps"):
        raw = quantiles(values, (0.2, 0.4, 0.6, 0.8))
        return sorted({_two_digits(value) for value in raw if _two_digits(value) > 0})
    low, high = quantiles(values, (0.05, 0.95))
    step = _nice((high - low) / (_STEPS - 1), hours=unit == "hours")
    first = math.floor(low / step + 1) * step
    return [round(first + n * step, 4) for n in range(_STEPS - 1) if first + n * step <= high]


def quantiles(values: Sequence[float], shares: Sequence[float]) -> list[float]:
    """Values below which these shares of all lie, linear between neighbours."""
    ordered = np.sort(np.array(values, dtype=np.float64))
    places = np.array(shares) * (len(ordered) - 1)
    return [float(value) for value in np.interp(places, np.arange(len(ordered)), ordered)]


def _nice(wanted: float, hours: bool) -> float:
    """A round step of at least the wanted size."""
    if hours:
        return _NICE_HOURS[min(bisect_left(_NICE_HOURS, wanted), len(_NICE_HOURS) - 1)]
    if wanted <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(wanted))
    return next((n * power for n in (1, 2, 5) if n * power >= wanted), 10 * power)


def _two_digits(value: float) -> float:
    if value < 10:
        return float(round(value))
    power = 10 ** (math.floor(math.log10(value)) - 1)
    return float(round(value / power) * power)
