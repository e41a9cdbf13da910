"""What is heard of the person's UTC offset, what of it is believed, and which zone explains it: their stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo

import numpy as np
import numpy.typing as npt

from hearthside.alignment.zones import ZoneRules, ZoneRun, distinct_zones, known_zone, year_of, zone_rules
from hearthside.events import DAY_MS, HOUR_MS

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

REACH_MS = 36 * HOUR_MS
"""An observation of the offset speaks for 36 hours either way: two nights of a ring that is worn every night."""

SLACK_MS = 12 * HOUR_MS
"""A record of a night or of a day is stamped with one offset, though the clocks may change in the middle of it."""

MAX_OFFSET_MIN = 16 * 60
"""No zone ever was farther from UTC; what claims to be is no offset."""

_THIN_MS = 5 * DAY_MS  # daylight saving lasts weeks
_FASTEST_MS = 60_000  # a minute of offset is 0.25 degrees: 18 km at 50 degrees north, at 1,070 km/h
_LAND_BORDER_MIN = 60  # an hour can be crossed on foot


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches [first, last] in order, not overlapping, each explained by the rules of that label; arrays (n,)."""

    first: Ints
    last: Ints
    label: Ints

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True)
class Heard:
    """Carried offsets in order of time: ms, minutes; arrays (n,)."""

    ms: Ints
    offset: Ints

    def only(self, keep: Bools) -> Heard:
        """Those that are to be kept."""
        return Heard(self.ms[keep], self.offset[keep])


class Known:
    """Rules by label; label 0 is the home zone."""

    def __init__(self, home: tzinfo) -> None:
        self.rules = [zone_rules(home)]
        self._labels: dict[tzinfo, int] = {home: 0}

    def label(self, zone: tzinfo) -> int:
        """The label of a zone, a new one where it has none."""
        if zone not in self._labels:
            self._labels[zone] = len(self.rules)
            self.rules.append(zone_rules(zone))
        return self._labels[zone]

    def at(self, labels: Ints, ms: Ints) -> Ints:
        """The offset by the rules of a label, at each time."""
        found = np.zeros_like(ms)
        for label in np.unique(labels).tolist():
            chosen = labels == label
            found[chosen] = self.rules[label].at(ms[chosen])
        return found


def observations(observed: npt.ArrayLike) -> Heard:
    """Rows (ms, minutes) in order of time, each once, without what cannot be an offset."""
    rows = np.asarray(observed, dtype=np.int64).reshape(-1, 2)
    rows = rows[np.abs(rows[:, 1]) <= MAX_OFFSET_MIN]
    ms, offset = rows[np.lexsort((rows[:, 1], rows[:, 0]))].T
    new = np.r_[True, (np.diff(ms) != 0) | (np.diff(offset) != 0)][: len(ms)]
    return Heard(ms[new], offset[new])


def position_runs(zones: Sequence[ZoneRun], known: Known) -> Spans:
    """The runs as spans; of overlapping ones the shorter one counts: it is the more particular."""
    names = sorted({run.zone for run in zones})
    labels = {name: known.label(zone) for name in names if (zone := known_zone(name)) is not None}
    rows = sorted({(run.first_ms, run.last_ms, labels[run.zone]) for run in zones if run.zone in labels})
    spans = Spans(*np.array(rows, dtype=np.int64).reshape(-1, 3).T)
    if not len(spans) or (spans.first[1:] > np.maximum.accumulate(spans.last)[:-1]).all():
        return spans
    # Painted over each other on a line of their edges, longest first; every second field is the time of an edge itself.
    edges = np.union1d(spans.first, spans.last)
    line = np.full(2 * len(edges) - 1, -1, np.int64)
    begins, ends = 2 * np.searchsorted(edges, spans.first), 2 * np.searchsorted(edges, spans.last)
    for k in np.lexsort((spans.label, spans.first, spans.first - spans.last)).tolist():
        line[begins[k] : ends[k] + 1] = spans.label[k]
    turns = np.flatnonzero(np.r_[True, np.diff(line) != 0])
    stops = np.r_[turns[1:], len(line)] - 1
    there = line[turns] >= 0
    turns, stops = turns[there], stops[there]
    return Spans(edges[turns // 2], edges[(stops + 1) // 2], line[turns])


def _travel_ms(minutes: Ints) -> Ints:
    """The least time in which somebody changes their offset by so many minutes, either way round the world."""
    apart = np.abs(minutes)
    apart = np.minimum(apart, 1440 - apart)
    least: Ints = np.maximum(apart - _LAND_BORDER_MIN, 0) * _FASTEST_MS
    return least


def believed(heard: Heard, runs: Spans, known: Known) -> Heard:
    """Without offsets where positions speak, or too near to them to have been travelled to: a device lags behind."""
    if not len(runs) or not len(heard.ms):
        return heard
    before = np.searchsorted(runs.first, heard.ms, side="right") - 1
    sound = np.ones(len(heard.ms), dtype=np.bool_)
    for run, there in ((before, before >= 0), (before + 1, before + 1 < len(runs))):
        run = np.clip(run, 0, len(runs) - 1)
        away = np.maximum(heard.ms - runs.last[run], runs.first[run] - heard.ms)
        apart = heard.offset - known.at(runs.label[run], heard.ms)
        too_near = away < _travel_ms(apart)
        for slack in (-SLACK_MS, SLACK_MS):
            too_near &= known.at(runs.label[run], heard.ms + slack) != heard.offset
        sound &= ~(there & (too_near | (away <= 0)))
    return heard.only(sound)


def without_flaps(heard: Heard) -> Heard:
    """Without offsets that were left and come back faster than anybody travels: the shorter of the two is mistaken.

    Where both are as short, it is the returning one: a device may repeat what it knew, but does not know the future.
    """
    turns = np.flatnonzero(np.r_[True, np.diff(heard.offset) != 0][: len(heard.ms)])
    if len(turns) < 3:
        return heard
    stops = np.r_[turns[1:], len(heard.ms)]
    spans = list(zip(turns.tolist(), stops.tolist(), strict=True))
    ms, offset = heard.ms.tolist(), heard.offset.tolist()
    keep = np.ones(len(ms), dtype=np.bool_)
    kept: list[tuple[int, int]] = []
    for begin, end in spans:
        if kept and offset[kept[-1][0]] == offset[begin]:
            kept[-1] = (kept[-1][0], end)
            continue
        flap = len(kept) > 1 and offset[kept[-2][0]] == offset[begin]
        flap = flap and ms[begin] - ms[kept[-1][1] - 1] < int(
            _travel_ms(np.array([offset[begin] - offset[kept[-1][0]]]))[0]
        )
        lasts = ms[end - 1] - ms[begin]
        other = ms[kept[-1][1] - 1] - ms[kept[-1][0]] if kept else 0
        if flap and lasts <= min(other, SLACK_MS):
            keep[begin:end] = False
        elif flap and other <= SLACK_MS:
            keep[slice(*kept.pop())] = False
            kept[-1] = (kept[-1][0], end)
        else:
            kept.append((begin, end))
    return heard.only(keep)


def near_evidence(runs: Spans, heard: Heard) -> tuple[Ints, Ints]:
    """Stretches [begin, end) with evidence within `REACH_MS`, in order, not touching."""
    begins = np.sort(np.r_[runs.first, heard.ms]) - REACH_MS
    # The n-th begin and the n-th end: between an end and the next begin that lies beyond it nothing is near.
    ends = np.sort(np.r_[runs.last, heard.ms]) + REACH_MS + 1
    if not len(begins):
        return begins, ends
    apart = begins[1:] > ends[:-1]
    return begins[np.r_[True, apart]], ends[np.r_[apart, True]]


# -- stays -------------------------------------------------------------------------------------------------------------


def stays_of(runs: Spans, heard: Heard, known: Known) -> Spans:
    """Runs and carried offsets, each explained by a zone; neighbours of one zone are one stay."""
    heard = _thinned(heard)
    labels = _labels(runs, heard, known)
    first, last = np.r_[runs.first, heard.ms], np.r_[runs.last, heard.ms]
    label = np.r_[runs.label, labels]
    order = np.lexsort((label, last, first))
    first, last, label = first[order], last[order], label[order]
    turns = np.flatnonzero(np.r_[True, np.diff(label) != 0][: len(label)])
    return Spans(first[turns], last[np.r_[turns[1:], len(label)] - 1] if len(turns) else last, label[turns])


def _thinned(heard: Heard) -> Heard:
    """Of a run of equal offsets the first and the last, and one every few days."""
    if not len(heard.ms):
        return heard
    turn = np.diff(heard.offset) != 0
    step = np.diff(heard.ms // _THIN_MS) != 0
    return heard.only(np.r_[True, turn | step] | np.r_[turn, True])


def _labels(runs: Spans, heard: Heard, known: Known) -> Ints:
    """The zone that explains each carried offset: the home zone, that of the positions next to it, or any other."""
    labels = np.where(_explained(known.rules[0], heard), 0, -1)
    before = np.searchsorted(runs.first, heard.ms, side="right") - 1
    for run, there in ((before, before >= 0), (before + 1, before + 1 < len(runs))):
        if there.any():
            zone = runs.label[np.clip(run, 0, len(runs) - 1)]
            labels = np.where((labels < 0) & there & (known.at(zone, heard.ms) == heard.offset), zone, labels)
    left = np.flatnonzero(labels < 0)
    if len(left):
        _guess(labels, left, heard, known)
    return labels


def _explained(rules: ZoneRules, heard: Heard) -> Bools:
    """Which offsets agree with a zone's rules.

    Near a change of the clocks either offset will do, when the nearest ones that are not in question agree.
    """
    exact: Bools = rules.at(heard.ms) == heard.offset
    loose = rules.at(heard.ms - SLACK_MS) == heard.offset
    loose |= rules.at(heard.ms + SLACK_MS) == heard.offset
    loose &= ~exact
    if not loose.any():
        return exact
    firm = np.flatnonzero(~loose)
    if not len(firm):
        return exact
    after = np.searchsorted(firm, np.flatnonzero(loose))
    sound = exact[firm[np.minimum(after, len(firm) - 1)]] & exact[firm[np.maximum(after - 1, 0)]]
    exact[loose] = sound
    return exact


def _guess(labels: Ints, left: Ints, heard: Heard, known: Known) -> None:
    """Label the offsets that are left: each by the zone that explains the longest stretch of time around it.

    Of several the one that explains most of it to the minute, then one seen before. Where none explains an offset, it
    is taken for a fixed one.
    """
    years = year_of(int(heard.ms[0])) - 1, year_of(int(heard.ms[-1])) + 1
    seen = [(None, rules) for rules in known.rules[1:]]
    zones = [*seen, *distinct_zones(*years)]
    fits = _Fits(heard, [rules for _, rules in zones])
    for i in left.tolist():
        if labels[i] >= 0:
            continue
        best = fits.best(i)
        if best is None:
            labels[i] = known.label(timezone(timedelta(minutes=int(heard.offset[i]))))
            continue
        zone = zones[best][0]
        stretch = labels[fits.stretch(best, i)]
        stretch[stretch < 0] = best + 1 if zone is None else known.label(zone)


class _Fits:
    """How far around each carried offset each of several zones explains them; arrays of shape (zones, offsets)."""

    def __init__(self, heard: Heard, rules: Sequence[ZoneRules]) -> None:
        self._ms, n = heard.ms, len(heard.ms)
        index = np.arange(n)
        self._explained = np.array([_explained(each, heard) for each in rules])
        # The last one before and the first one after that is not explained.
        self._before = np.maximum.accumulate(np.where(self._explained, -1, index), axis=1)
        self._after = np.minimum.accumulate(np.where(self._explained, n, index)[:, ::-1], axis=1)[:, ::-1]
        inexact = np.array([each.at(heard.ms) != heard.offset for each in rules])
        self._inexact = np.cumsum(inexact, axis=1)

    def best(self, i: int) -> int | None:
        """The zone that explains the longest stretch around an offset; None when no zone explains it."""
        first = np.minimum(self._before[:, i] + 1, len(self._ms) - 1)
        last = np.maximum(self._after[:, i] - 1, 0)
        zone = np.arange(len(first))
        # One that only nearly agrees counts a millisecond: it decides between stretches of equal length.
        worth = self._ms[last] - self._ms[first] - (self._inexact[zone, last] - self._inexact[zone, first])
        best = int(np.argmax(np.where(self._explained[:, i], worth, np.iinfo(np.int64).min)))
        return best if self._explained[best, i] else None

    def stretch(self, zone: int, i: int) -> slice:
        """The stretch around an offset that a zone explains."""
        return slice(int(self._before[zone, i]) + 1, int(self._after[zone, i]))
