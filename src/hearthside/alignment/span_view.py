"""A week or a month of local days as a person reads them, without opening a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from hearthside.alignment.episodes import Episode
from hearthside.alignment.local_days import LocalDay, Track, local_dates, local_days, offset_runs
from hearthside.alignment.views import CoverageRun, EpisodeItem, LayerSum, SpanDay, SpanView
from hearthside.events import DAY_MS, Layer, iso_day

BEING_THERE = frozenset({"stay", "home", "away"})
"""Episodes that say where the person was; visits say it already, with the name of the place."""

SAMPLED = frozenset({"met", "activity_class", "heart_rate", "hrv", "sleep_stage"})
"""Measures of series: their minutes are covered, but a sample is no record of its own."""

SHOWN_EVIDENCE = 12
"""Records named with an episode; of more the first and the last ones."""


class DaySum(Protocol):
    """What one stream holds on one UTC day, known without opening it.

    Attributes:
        day: days since 1970, UTC.
        kind: of events, or the measure of a series.
        events: how many start on it; minutes: in how many something is said; covered_min: for how many it is covered.
        amount: the sum of the numbers its events stand for; NaN where they stand for none.
    """

    @property
    def day(self) -> int: ...
    @property
    def layer(self) -> Layer | str: ...
    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def events(self) -> int: ...
    @property
    def amount(self) -> float: ...
    @property
    def covered_min(self) -> int: ...


def episode_item(episode: Episode) -> EpisodeItem:
    """An episode as pages show it."""
    ids = [identity.hex() for identity in episode.evidence]
    if len(ids) > SHOWN_EVIDENCE:
        ids = ids[: SHOWN_EVIDENCE // 2] + ids[-SHOWN_EVIDENCE // 2 :]
    return EpisodeItem(episode.kind, episode.label, episode.start_ms, episode.end_ms, episode.sure, ids)


def episode_items(episodes: Iterable[Episode], start_ms: int, end_ms: int) -> list[EpisodeItem]:
    """The episodes that overlap [start, end), without those of `BEING_THERE`, in order of start, longer ones first."""
    inside = (one for one in episodes if one.start_ms < end_ms and one.end_ms > start_ms)
    found = [one for one in inside if one.kind not in BEING_THERE]
    return [episode_item(one) for one in sorted(found, key=lambda one: (one.start_ms, -one.end_ms, one.kind))]


def local_date_of_utc_day(track: Track, days: Sequence[int]) -> dict[int, str]:
    """The local day that most of each UTC day lies in, ISO: the person's date at its noon."""
    noons = np.array(days, dtype=np.int64) * DAY_MS + DAY_MS // 2
    return {day: iso_day(number) for day, number in zip(days, local_dates(track, noons).tolist(), strict=True)}


def layer_sums(sums: Iterable[DaySum], track: Track) -> dict[str, list[LayerSum]]:
    """The six layers of each local day that has any stream.

    Streams are summed by UTC day, so what a layer holds is put on the local day that most of the UTC day lies in.
    """
    events: dict[tuple[int, str], int] = defaultdict(int)
    covered: dict[tuple[int, str], int] = defaultdict(int)
    for one in sums:
        key = one.day, one.layer
        if one.kind not in SAMPLED:
            events[key] += one.events
        if one.covered_min > covered[key]:
            covered[key] = one.covered_min
    utc_days = sorted({day for day, _ in covered})
    found: dict[str, list[LayerSum]] = {}
    for day, local in local_date_of_utc_day(track, utc_days).items():
        both = [LayerSum(layer, events.get((day, layer), 0), covered.get((day, layer), 0)) for layer in Layer]
        found[local] = [_joined(*pair) for pair in zip(found[local], both, strict=True)] if local in found else both
    return found


def _joined(one: LayerSum, other: LayerSum) -> LayerSum:
    """Two UTC days that lie in one local day: the person flew far."""
    return LayerSum(one.layer, one.events + other.events, max(one.covered_min, other.covered_min))


def span_view(
    first_day: str,
    last_day: str,
    sums: Iterable[DaySum],
    episodes: Iterable[Episode],
    track: Track,
    coverage: Mapping[str, list[list[CoverageRun]]] | None = None,
) -> SpanView:
    """The local days from the first to the last, ISO dates, both included.

    Args:
        sums: of every stream, for the UTC days around the span.
        episodes: those that may overlap the span.
        coverage: by local day, of each layer the coverage through the day, where somebody looked into the days.
    """
    days = local_days(track, first_day, last_day)
    known = layer_sums(sums, track)
    start_ms, end_ms = days[0].start_ms, days[-1].end_ms
    return SpanView(
        [_span_day(day, known, (coverage or {}).get(day.day, [])) for day in days],
        episode_items(episodes, start_ms, end_ms),
        offset_runs(track, start_ms, end_ms),
    )


def _span_day(day: LocalDay, known: Mapping[str, list[LayerSum]], coverage: list[list[CoverageRun]]) -> SpanDay:
    layers = known.get(day.day) or [LayerSum(layer, 0, 0) for layer in Layer]
    return SpanDay(day.day, day.start_ms, day.end_ms, day.offset_min, layers, coverage)
