"""Visits: stays put together over midnight and over short gaps; nothing is inferred from silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hearthside.alignment.episodes import Episode
from hearthside.alignment.episodes.stay import HEARD_MS, SILENCE_MS, STAY_MS
from hearthside.alignment.geodesy import Floats, distances_m, metres, wrapped_all
from hearthside.alignment.stay_table import Ints, StayTable, stay_table
from hearthside.events import DAY_MS, MINUTE_MS

SAME_SPOT_M = 150.0
"""Two stays one after the other, this near to each other, are at the same spot."""

GAP_MS = 10 * MINUTE_MS
"""Being elsewhere, or silent, for up to this long does not end a visit."""

EVIDENCE = 8
"""A visit names at most this many records: the first and the last ones."""

_LENGTH_BITS = 40  # no stay lasts 2**40 ms, and no life has 2**23 stays
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Visit:
    """Being at one spot from a time to a time.

    Attributes:
        start_ms, end_ms: UTC ms of the first and the last fix there.
        lat, lon: where, degrees: the mean of the stays it is made of, weighted by their length.
        radius_m: holds 90 % of the fixes, as far as the stays say.
        place_id, label: the place it belongs to and what to call it; empty until `places` has found it.
        evidence: ids of records, in order of time; of many the first and the last ones.
        sure: 0 to 1: the share of the visit that was observed; at most 20 minutes of each time without a fix count.
        observed_ms: the same as a time.
        fixes: positions it rests on.
        unseen_ms: the longest time without a fix between the visit before and this one; -1 when it is the first.
    """

    start_ms: int
    end_ms: int
    lat: float
    lon: float
    radius_m: float
    place_id: str
    label: str
    evidence: tuple[bytes, ...]
    sure: float
    observed_ms: int
    fixes: int
    unseen_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class VisitTable:
    """Visits as columns, (n,) each, in order of time: a `Visit` is made of a row when somebody asks for it.

    Attributes:
        first, last: the stays that a visit is made of, both inclusive, as rows of `evidence`.
        evidence: record ids of each stay.
    """

    start_ms: Ints
    end_ms: Ints
    lat: Floats
    lon: Floats
    radius_m: Floats
    sure: Floats
    observed_ms: Ints
    fixes: Ints
    unseen_ms: Ints
    first: Ints
    last: Ints
    evidence: Sequence[tuple[bytes, ...]]

    def __len__(self) -> int:
        return len(self.start_ms)

    def evidence_of(self, row: int) -> tuple[bytes, ...]:
        """The record ids of a visit: each once, of many the first and the last ones."""
        first, last = int(self.first[row]), int(self.last[row])
        found = self.evidence[first]
        if last > first:
            found = tuple(dict.fromkeys(key for stay in self.evidence[first : last + 1] for key in stay))
        if len(found) > EVIDENCE:
            found = (*found[: EVIDENCE // 2], *found[-EVIDENCE // 2 :])
        return found

    def visits(self, rows: range, places: Sequence[tuple[str, str]] = ()) -> list[Visit]:
        """Some rows as visits.

        Args:
            places: id and label of the place of each of them; empty: none was looked for.
        """
        part = slice(rows.start, rows.stop)
        start, end, lat, lon, radius, sure, observed, fixes, unseen = (
            getattr(self, name)[part].tolist() for name in _NUMBERS
        )
        where = places or [("", "")] * len(rows)
        return [
            Visit(
                start[k], end[k], lat[k], lon[k], radius[k], where[k][0], where[k][1], self.evidence_of(row), sure[k],
                observed[k], fixes[k], unseen[k],
            )
            for k, row in enumerate(rows)
        ]  # fmt: skip

    def same_until(self, other: VisitTable) -> int:
        """How many rows, from the first on, make the same visits as those of the other table."""
        count = min(len(self), len(other))
        differ: _Bools = np.zeros(count, dtype=np.bool_)
        for name in _COLUMNS:
            differ |= getattr(self, name)[:count] != getattr(other, name)[:count]
        count = int(np.argmax(differ)) if differ.any() else count
        stays = int(self.last[count - 1]) + 1 if count else 0
        pairs = enumerate(zip(self.evidence[:stays], other.evidence[:stays], strict=True))
        unlike = next((row for row, (one, another) in pairs if one != another), stays)
        return min(count, int(np.searchsorted(self.last, unlike)))


_NUMBERS = ("start_ms", "end_ms", "lat", "lon", "radius_m", "sure", "observed_ms", "fixes", "unseen_ms")
_COLUMNS = tuple(one.name for one in fields(VisitTable) if one.name != "evidence")


def visits_of(stays: Iterable[Episode]) -> list[Visit]:
    """The visits that stays of any number of days make, in order of time; the order of `stays` does not matter.

    Two stays are one visit when they are within `SAME_SPOT_M` and either at most `GAP_MS` apart, or cut only by
    midnight: no fix lies between them, and the silence is not longer than `stay.SILENCE_MS`. A stay must also be that
    near to the longest one of the visit so far. What is still shorter than `stay.STAY_MS` then is no visit.

    Args:
        stays: episodes of `episodes.stay`; others are ignored.
    """
    table = visits_in(stay_table(stays))
    return table.visits(range(len(table)))


def table_of(visits: Sequence[Visit]) -> VisitTable:
    """Visits in order of time as columns."""
    rows = np.arange(len(visits), dtype=np.int64)
    return VisitTable(
        start_ms=np.array([visit.start_ms for visit in visits], dtype=np.int64),
        end_ms=np.array([visit.end_ms for visit in visits], dtype=np.int64),
        lat=np.array([visit.lat for visit in visits], dtype=np.float64),
        lon=np.array([visit.lon for visit in visits], dtype=np.float64),
        radius_m=np.array([visit.radius_m for visit in visits], dtype=np.float64),
        sure=np.array([visit.sure for visit in visits], dtype=np.float64),
        observed_ms=np.array([visit.observed_ms for visit in visits], dtype=np.int64),
        fixes=np.array([visit.fixes for visit in visits], dtype=np.int64),
        unseen_ms=np.array([visit.unseen_ms for visit in visits], dtype=np.int64),
        first=rows,
        last=rows,
        evidence=[visit.evidence for visit in visits],
    )


def visits_in(stays: StayTable) -> VisitTable:
    """The visits that the stays of a life make, as columns; see `visits_of`."""
    if not len(stays):
        return _NOTHING
    begins = _begins(stays)
    first = np.flatnonzero(begins)
    last = np.r_[first[1:], len(stays)] - 1
    kept = np.flatnonzero(stays.end_ms[last] - stays.start_ms[first] >= STAY_MS)
    if not len(kept):
        return _NOTHING
    lat, lon = _middles(stays, begins)
    start_ms, end_ms = stays.start_ms[first][kept], stays.end_ms[last][kept]
    observed = np.add.reduceat(stays.whole("observed_ms") + _observed_before_ms(stays, begins), first)[kept]
    return VisitTable(
        start_ms,
        end_ms,
        lat[kept],
        lon[kept],
        stays.fact("radius_m")[_longest(stays, begins)[last]][kept],
        np.round(np.minimum(1.0, observed / (end_ms - start_ms)), 3),
        observed,
        np.add.reduceat(stays.whole("fixes"), first)[kept],
        _unseen_ms(stays, first[kept], last[kept]),
        first[kept].astype(np.int64),
        last[kept].astype(np.int64),
        stays.evidence,
    )


def _nothing() -> VisitTable:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return VisitTable(whole, whole, real, real, real, real, whole, whole, whole, whole, whole, [])


_NOTHING = _nothing()


# -- which stays are one visit -----------------------------------------------------------------------------------------


def _begins(stays: StayTable) -> _Bools:
    """(n,) whether a stay begins a visit.

    Whether it may go on with the stay before it is known of all at once; only where it is too far from the longest one
    of the visit so far, which is seldom, the run of stays is gone through one by one.
    """
    begins: _Bools = np.r_[True, _apart(stays)]
    before = np.r_[0, _longest(stays, begins)[:-1]]
    lat, lon = stays.fact("lat"), stays.fact("lon")
    far = ~begins & (distances_m(lat[before], lon[before], lat, lon) > SAME_SPOT_M)
    if far.any():
        edges = np.r_[np.flatnonzero(begins), len(stays)]
        for run in np.unique(np.searchsorted(edges, np.flatnonzero(far), "right") - 1).tolist():
            _divide(stays, begins, int(edges[run]), int(edges[run + 1]))
    return begins


def _apart(stays: StayTable) -> _Bools:
    """(n - 1,) whether a stay cannot go on with the one before it, whatever came before that."""
    day = stays.start_ms // DAY_MS
    cut = _open_between(stays) & (day[1:] == day[:-1] + 1)
    lat, lon = stays.fact("lat"), stays.fact("lon")
    far = distances_m(lat[:-1], lon[:-1], lat[1:], lon[1:]) > SAME_SPOT_M
    found: _Bools = far | (stays.start_ms[1:] - stays.end_ms[:-1] > np.where(cut, SILENCE_MS, GAP_MS))
    return found


def _open_between(stays: StayTable) -> _Bools:
    """(n - 1,) whether no fix of their days lies between a stay and the one before it."""
    found: _Bools = (stays.fact("open_end")[:-1] > 0) & (stays.fact("open_start")[1:] > 0)
    return found


def _longest(stays: StayTable, begins: _Bools) -> npt.NDArray[np.intp]:
    """(n,) the longest stay of the visit from its begin up to each; of equally long ones the first."""
    rank = (np.cumsum(begins, dtype=np.int64) << _LENGTH_BITS) + (stays.end_ms - stays.start_ms)
    longest = np.maximum.accumulate(rank)
    grown = np.r_[True, longest[1:] > longest[:-1]]
    found: npt.NDArray[np.intp] = np.maximum.accumulate(np.where(grown, np.arange(len(stays)), 0))
    return found


def _divide(stays: StayTable, begins: _Bools, first: int, end: int) -> None:
    """Mark where in a run of stays each of which may follow the one before a visit ends for being too far away."""
    lat, lon = stays.fact("lat")[first:end].tolist(), stays.fact("lon")[first:end].tolist()
    length = (stays.end_ms - stays.start_ms)[first:end].tolist()
    longest = 0
    for k in range(1, end - first):
        if metres(lat[longest], lon[longest], lat[k], lon[k]) > SAME_SPOT_M:
            begins[first + k] = True
            longest = k
        elif length[k] > length[longest]:
            longest = k


# -- what is known of a visit ------------------------------------------------------------------------------------------


def _middles(stays: StayTable, begins: _Bools) -> tuple[Floats, Floats]:
    """Of each visit the mean of its spots, weighted by length, degrees; longitudes are counted from the first."""
    first, lat, lon = np.flatnonzero(begins), stays.fact("lat"), stays.fact("lon")
    number = np.cumsum(begins) - 1
    length = (stays.end_ms - stays.start_ms).astype(np.float64)
    whole = np.maximum(np.add.reduceat(length, first), 1.0)
    north = np.add.reduceat((lat - lat[first][number]) * length, first) / whole
    east = np.add.reduceat(wrapped_all(lon - lon[first][number]) * length, first) / whole
    one = np.diff(np.r_[first, len(stays)]) == 1
    middle_lat, middle_lon = np.round(lat[first] + north, 6), np.round(wrapped_all(lon[first] + east), 6)
    return np.where(one, lat[first], middle_lat), np.where(one, lon[first], middle_lon)


def _observed_before_ms(stays: StayTable, begins: _Bools) -> Ints:
    """(n,) how much of the time between a stay and the one before it, in the same visit, counts as observed.

    Midnight between two fixes is observed like any other time between them; an absence is not.
    """
    between = np.minimum(stays.start_ms[1:] - stays.end_ms[:-1], HEARD_MS)
    found: Ints = np.r_[0, np.where(_open_between(stays) & ~begins[1:], between, 0)]
    return found


def _unseen_ms(stays: StayTable, first: npt.NDArray[np.intp], last: npt.NDArray[np.intp]) -> Ints:
    """(visits,) the longest silence between the last stay of the visit before and the first of each."""
    found = np.full(len(first), -1, dtype=np.int64)
    if len(first) > 1:
        silent = _silence_ms(stays)
        bounds = np.stack([last[:-1], first[1:]], axis=1).ravel()  # silence k lies between the stays k and k + 1
        found[1:] = np.maximum.reduceat(np.r_[silent, -1], bounds)[::2]
    return found


def _silence_ms(stays: StayTable) -> Ints:
    """(n - 1,) the longest time without a fix between two stays; over midnight both sides are added: an excess.

    A whole day without any stay between them is not looked into: all of it counts as silent.
    """
    day = np.diff(stays.start_ms // DAY_MS)
    after, before = stays.whole("silent_after_ms")[:-1], stays.whole("silent_before_ms")[1:]
    found: Ints = np.where(day == 0, after, np.where(day == 1, after + before, stays.start_ms[1:] - stays.end_ms[:-1]))
    return found
