"""The person's UTC offset through travel and daylight saving, as one track over the whole life.

Evidence are offsets that sources carry and zones that positions lie in. The life is cut into stays, each explained by
the rules of one zone; a track follows these rules, so that daylight saving falls on its minute. Between two stays that
no one zone explains the person travelled: the change is put half way, which makes the largest possible error smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

import numpy as np
import numpy.typing as npt

from hearthside.alignment.offset_evidence import (
    MAX_OFFSET_MIN,
    REACH_MS,
    Bools,
    Ints,
    Known,
    Spans,
    believed,
    near_evidence,
    observations,
    position_runs,
    stays_of,
    without_flaps,
)
from hearthside.alignment.zones import ZoneRun
from hearthside.events import DAY_MS, MINUTE_MS, day_number

__all__ = ["ASSUMED", "CARRIED", "INFERRED", "MINUTES", "REACH_MS", "OffsetTrack", "offset_track"]

MINUTES = 1440

ASSUMED, INFERRED, CARRIED = 0, 1, 2
"""How an offset is known: nothing was heard; from the rules of the zone before or after; from evidence near in time."""

_RESIDENCE_MS = 183 * DAY_MS  # half a year: who stays longer lives there, as tax law has it
_BEGIN_MS, _END_MS = -(2**61), 2**61


@dataclass(frozen=True, slots=True, eq=False)
class OffsetTrack:
    """The person's UTC offset as a step function.

    Attributes:
        starts_ms: (n,) int64, ascending: from here on ...
        offset_min: (n,) int16, ... this offset holds, minutes east of UTC. The first one also holds before.
        how: (n,) uint8, `ASSUMED`, `INFERRED` or `CARRIED`.
        doubt_min: (n,) int16, how far off the offset may be, minutes: not 0 between the last evidence before a travel
            and the first after it. Empty: nowhere. Where it is only assumed, no doubt can be stated.
    """

    starts_ms: Ints
    offset_min: npt.NDArray[np.int16]
    how: npt.NDArray[np.uint8]
    doubt_min: npt.NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))

    def pieces(self, ms: Ints) -> Ints:
        """Index of the step that each time falls on."""
        return np.maximum(np.searchsorted(self.starts_ms, ms, side="right") - 1, 0)

    def at(self, ms: Ints) -> Ints:
        """The offset at each time, minutes."""
        return self.offset_min[self.pieces(ms)].astype(np.int64)

    def sure(self, ms: Ints) -> Bools:
        """Whether more than the home zone speaks for the offset at each time."""
        return self.how[self.pieces(ms)] > ASSUMED

    def doubt_ms(self, ms: Ints) -> Ints:
        """How far off local times may be at each time, milliseconds."""
        if not len(self.doubt_min):
            return np.zeros_like(ms)
        return self.doubt_min[self.pieces(ms)].astype(np.int64) * MINUTE_MS

    def local_day(self, ms: Ints) -> Ints:
        """The person's date at each time, days since 1970-01-01."""
        return (ms + self.at(ms) * MINUTE_MS) // DAY_MS

    def day_spans(self, day: str) -> list[tuple[int, int]]:
        """When it was this date for the person: stretches [start, end) of UTC ms, in order.

        One as a rule, of 24 hours or 23 or 25; none for a date that was skipped on a flight west across the date line;
        two for one that was lived twice, or where a flight west went back over midnight.
        """
        number = day_number(day)
        low, high = number * DAY_MS - MAX_OFFSET_MIN * MINUTE_MS, (number + 1) * DAY_MS + MAX_OFFSET_MIN * MINUTE_MS
        first, last = self.pieces(np.array([low, high], np.int64)).tolist()
        spans: list[tuple[int, int]] = []
        for k in range(first, last + 1):
            shift = int(self.offset_min[k]) * MINUTE_MS
            start = max(number * DAY_MS - shift, int(self.starts_ms[k]) if k else low)
            end = min((number + 1) * DAY_MS - shift, int(self.starts_ms[k + 1]) if k + 1 < len(self.how) else high)
            if start < end and spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], end)
            elif start < end:
                spans.append((start, end))
        return spans

    def day_bounds(self, day: str) -> tuple[int, int]:
        """UTC bounds [start, end) of a date of the person; all of it lies within.

        Of a date lived twice the two halves and what lies between; a skipped one begins and ends at the moment at
        which the date after it began.
        """
        spans = self.day_spans(day)
        if spans:
            return spans[0][0], spans[-1][1]
        number = day_number(day)
        ends = (self.starts_ms[1:] + self.offset_min[:-1].astype(np.int64) * MINUTE_MS) // DAY_MS  # before each change
        begins = (self.starts_ms[1:] + self.offset_min[1:].astype(np.int64) * MINUTE_MS) // DAY_MS
        skip = int(self.starts_ms[1 + np.flatnonzero((ends <= number) & (begins > number))[0]])
        return skip, skip

    def same(self, other: OffsetTrack) -> bool:
        """Whether both say the same of every time."""
        return not self.differences(other)

    def differences(self, other: OffsetTrack) -> list[tuple[int, int]]:
        """Stretches [start, end) of UTC ms where offset, certainty or doubt differ, in order."""
        edges = np.union1d(self.starts_ms, other.starts_ms)
        mine, theirs = self.pieces(edges), other.pieces(edges)
        differ = (self.offset_min[mine] != other.offset_min[theirs]) | (self.how[mine] != other.how[theirs])
        differ |= self.doubt_ms(edges) != other.doubt_ms(edges)
        turns = np.flatnonzero(np.diff(np.r_[False, differ, False]))
        bounds = np.r_[edges, _END_MS][turns]
        if len(differ) and differ[0]:
            bounds[0] = _BEGIN_MS
        return [(int(a), int(b)) for a, b in bounds.reshape(-1, 2)]


def offset_track(observed: npt.ArrayLike, zones: Sequence[ZoneRun], home: tzinfo) -> OffsetTrack:
    """The track of a life. The order of the evidence and doubled evidence make no difference.

    Args:
        observed: rows (time in UTC ms, offset in minutes) from sources that carry offsets, (n, 2). Records that only
            know their day say nothing of a time and must be left out. Of a run of equal offsets those in between may be
            left out where less than `REACH_MS` apart.
        zones: stretches whose positions lie in one zone; where they overlap the shorter one counts.
        home: the zone the person lives in; what is believed where nothing else is known.

    Positions are believed before carried offsets, and a carried offset is not believed where nobody can travel that
    fast. A stay is believed to go on, and to have begun before, by as long as it was seen to last (Gott, "Implications
    of the Copernican principle for our future prospects", Nature 363, 1993), then the person is taken to be at home:
    in the home zone, or in one where they were seen longer than there and for half a year at least.
    """
    known = Known(home)
    runs = position_runs(zones, known)
    heard = without_flaps(believed(observations(observed), runs, known))
    stays = stays_of(runs, heard, known)
    return _track(stays, near_evidence(runs, heard), known)


# -- the track ---------------------------------------------------------------------------------------------------------


def _base(stays: Spans) -> int:
    """The label of the zone the person is in when nothing is heard."""
    total = np.bincount(stays.label, weights=stays.last - stays.first, minlength=1)
    longest = int(np.argmax(total))
    return longest if total[longest] > max(total[0], _RESIDENCE_MS) else 0


@dataclass(frozen=True, slots=True)
class _Between:
    """What is taken to be between stays; gap k lies before stay k, the last one after all; arrays (stays + 1,).

    Attributes:
        begin, end: the gap.
        leave, arrive: the stay before it goes on until here; the stay after it begins here; between them home.
        old, new: until here the stay before, and from here on the stay after, are more than assumed.
        doubt: minutes by which offsets in the gap may be off; those of the stays, not of home.
    """

    begin: Ints
    end: Ints
    leave: Ints
    arrive: Ints
    old: Ints
    new: Ints
    doubt: Ints


def _between(stays: Spans, known: Known, base: int) -> _Between:
    begin, end = np.r_[_BEGIN_MS, stays.last], np.r_[stays.first, _END_MS]
    old, new = np.r_[base, stays.label], np.r_[stays.label, base]
    lasted = np.maximum(stays.last - stays.first, REACH_MS)
    at_home = np.flatnonzero(stays.label == base)
    if len(at_home):  # travels do not make a home a shorter one
        lasted[at_home] = max(int(stays.last[at_home[-1]] - stays.first[at_home[0]]), REACH_MS)
    on, back = np.r_[0, lasted], np.r_[lasted, 0]
    left, reached = known.at(old, begin), known.at(new, end)
    stays_on = known.at(old, end) == reached  # the zone before explains the stay after too
    was_there = known.at(new, begin) == left
    change = np.where(stays_on, end, begin + (end - begin) // 2)
    change = np.where(was_there & ~(stays_on & (old == base)), begin, change)
    change[0], change[-1] = _BEGIN_MS, _END_MS
    leave = np.where(old == base, change, np.minimum(change, begin + on))
    arrive = np.where(new == base, change, np.maximum(change, end - back))
    home = np.full_like(old, base)
    doubt = np.where(stays_on | was_there, 0, np.abs(left - reached))
    doubt = np.where(
        leave < arrive, np.maximum(abs(left - known.at(home, begin)), abs(reached - known.at(home, end))), doubt
    )
    return _Between(begin, end, leave, arrive, np.minimum(begin + on, end), np.maximum(end - back, begin), doubt)


def _track(stays: Spans, near: tuple[Ints, Ints], known: Known) -> OffsetTrack:
    """The step function of stays and what is between them."""
    base = _base(stays)
    gaps = _between(stays, known, base)
    # Pieces: home, stay 0, home, stay 1, ... home; those between stays are mostly empty.
    starts = np.r_[np.stack([gaps.leave, gaps.arrive], axis=1).ravel()[:-1]]
    labels = np.r_[np.stack([np.full_like(gaps.leave, base), np.r_[stays.label, base]], axis=1).ravel()[:-1]]
    full = np.r_[np.diff(starts) > 0, True]
    starts, labels = starts[full], labels[full]
    changes = [starts]
    for label in np.unique(labels).tolist():
        times = known.rules[label].starts_ms
        changes.append(times[labels[np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)] == label])
    edges = np.unique(np.concatenate([*changes, *near, gaps.begin, gaps.end, gaps.old, gaps.new]))
    edges = edges[(edges > _BEGIN_MS) & (edges < _END_MS)]
    piece = np.maximum(np.searchsorted(starts, edges, side="right") - 1, 0)
    offset = known.at(labels[piece], edges)
    how, doubt = _certainty(edges, near, gaps)
    new = np.r_[True, (np.diff(offset) != 0) | (np.diff(how) != 0) | (np.diff(doubt) != 0)]
    return OffsetTrack(edges[new], offset[new].astype(np.int16), how[new].astype(np.uint8), doubt[new].astype(np.int16))


def _certainty(edges: Ints, near: tuple[Ints, Ints], gaps: _Between) -> tuple[Ints, Ints]:
    """How the offset from each edge on is known, and its doubt in minutes."""
    gap = np.searchsorted(gaps.begin, edges, side="right") - 1
    inside = edges < gaps.end[gap]
    close = np.searchsorted(near[0], edges, side="right") > np.searchsorted(near[1], edges, side="right")
    silent = inside & (edges >= gaps.old[gap]) & (edges < gaps.new[gap])
    open_end = (gap == 0) | (gap == len(gaps.begin) - 1)
    doubt = np.where(inside & ~silent & ~(open_end & close), gaps.doubt[gap], 0)
    how = np.where(close & (doubt == 0), CARRIED, np.where(silent, ASSUMED, INFERRED))
    return how, doubt
