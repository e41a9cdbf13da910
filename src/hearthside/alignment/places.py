"""Places: where visits come back to, over a whole life, and what to call them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from hearthside.alignment.geodesy import DEGREE_M, distances_m, metres, wrapped
from hearthside.alignment.place_names import Hint, NamedPlace, Offsets, names_of
from hearthside.alignment.visits import Visit

REACH_M = 120.0
"""A visit within this distance of a place's centre is a visit to that place."""

_MIN_RADIUS_M = 30.0  # no place is known better
_SPREAD = 0.9  # share of the time spent at a place that its radius holds
_LEAST_COSINE = 0.01  # nobody lives within 60 km of a pole


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere the person has been, at least once for as long as a visit lasts.

    Attributes:
        id: stays the same when later days are added, and does not depend on the order of arrival.
        lat, lon: degrees: the mean of its visits, weighted by their length.
        radius_m: holds the spots of visits that make up 90 % of the time there, and is no less than 30 m.
        visits: how many; dwell_ms: how long in all; first_ms, last_ms: begin of the first, end of the last.
        label: what to call it; why: one sentence: who or what says so.
        role: ``home``, ``work`` or ``""``: what the place is to the person, whatever it is called.
    """

    id: str
    lat: float
    lon: float
    radius_m: float
    visits: int
    dwell_ms: int
    first_ms: int
    last_ms: int
    label: str
    why: str
    role: str = ""


def find_places(
    visits: Iterable[Visit],
    offsets: Offsets | None = None,
    names: Sequence[NamedPlace] = (),
    hints: Sequence[Hint] = (),
) -> tuple[list[Place], list[Visit]]:
    """The places of a life, in order of the first visit, and its visits with `place_id` and `label` filled in.

    Method: the time-based clustering of Kang, Welbourne, Stewart and Borriello, Extracting places from traces of
    locations (ACM WMASH 2004), an online leader algorithm (Hartigan, Clustering Algorithms, 1975, chapter 3): visits
    in order of time join the nearest place whose centre, the mean of its visits weighted by their length, is within
    `REACH_M`; else they found one. What was found for the days so far is what is found when later days are added:
    earlier visits keep their place, and places their id, which is made from the first record of the founding visit.

    DBSCAN (Ester et al. 1996) was tried and left: with eps 100 m it chains a campus into places 690 m across within
    nine weeks (StudentLife; here no two visits to one place are farther apart than 225 m), and a place's identity
    changes when later days join two clusters.

    Args:
        visits: as of `visits.visits_of`, in any order.
        offsets: UTC offset in minutes of the person at UTC times, (n,) to (n,); None: the times are local already.
        names: what the person calls places; the nearest counts, and counts before all evidence.
        hints: what else names a place.
    """
    ordered = sorted(visits, key=lambda v: (v.start_ms, v.end_ms, v.evidence))
    founded, member = _cluster(ordered)
    groups: list[list[Visit]] = [[] for _ in founded]
    for visit, index in zip(ordered, member, strict=True):
        groups[index].append(visit)
    bare = [_place(cluster, group) for cluster, group in zip(founded, groups, strict=True)]
    spots = [(place.lat, place.lon) for place in bare]
    called = names_of(spots, ordered, member, offsets, names, hints)
    places = [
        replace(place, label=name.label, why=name.why, role=name.role) for place, name in zip(bare, called, strict=True)
    ]
    return places, [_named(visit, places[index]) for visit, index in zip(ordered, member, strict=True)]


def _named(v: Visit, place: Place) -> Visit:
    """The visit with its place; written out, for `dataclasses.replace` takes three times as long."""
    return Visit(
        v.start_ms, v.end_ms, v.lat, v.lon, v.radius_m, place.id, place.label, v.evidence, v.sure, v.observed_ms,
        v.fixes, v.unseen_ms,
    )  # fmt: skip


# -- clustering --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Cluster:
    """A place while it is being found: its founding visit, its centre so far and the weight that has."""

    founder: Visit
    lat: float
    lon: float
    weight: float
    cell: tuple[int, int]
    cells: set[tuple[int, int]] = field(default_factory=set)

    def add(self, lat: float, lon: float, weight: float) -> None:
        self.weight += weight
        share = weight / self.weight
        self.lat += (lat - self.lat) * share
        self.lon = wrapped(self.lon + wrapped(lon - self.lon) * share)


def _cluster(ordered: Sequence[Visit]) -> tuple[list[_Cluster], list[int]]:
    """The clusters in order of founding, and of each visit the index of its own."""
    clusters: list[_Cluster] = []
    member: list[int] = []
    near: dict[tuple[int, int], list[int]] = {}  # cell -> clusters whose centre may be within reach of its points
    for visit, cell in zip(ordered, _cells(ordered), strict=True):
        lat, lon, weight = visit.lat, visit.lon, float(visit.end_ms - visit.start_ms)
        best, best_m = -1, REACH_M
        for index in near.get(cell, ()):
            cluster = clusters[index]
            away_m = metres(lat, lon, cluster.lat, cluster.lon)
            if away_m <= best_m:
                best, best_m = index, away_m
        if best < 0:
            best = len(clusters)
            clusters.append(_Cluster(visit, lat, lon, weight, cell))
            _register(clusters[best], best, near)
        else:
            cluster = clusters[best]
            cluster.add(lat, lon, weight)
            if (moved := _cell(cluster.lat, cluster.lon)) != cluster.cell:
                cluster.cell = moved
                _register(cluster, best, near)
        member.append(best)
    return clusters, member


def _cells(visits: Sequence[Visit]) -> list[tuple[int, int]]:
    """The cell of each visit: `_cell`, of all at once."""
    lat = np.array([v.lat for v in visits], dtype=np.float64)
    lon = np.array([v.lon for v in visits], dtype=np.float64)
    row = np.floor(lat * DEGREE_M / REACH_M).astype(np.int64)
    rows, index = np.unique(row, return_inverse=True)
    width = np.array([_width(r) for r in rows.tolist()], dtype=np.float64)[index]
    column = np.floor(lon / width).astype(np.int64)
    return list(zip(row.tolist(), column.tolist(), strict=True))


def _cell(lat: float, lon: float) -> tuple[int, int]:
    """Row and column of a grid whose cells are at least `REACH_M` wide and high."""
    row = math.floor(lat * DEGREE_M / REACH_M)
    return row, math.floor(lon / _width(row))


@lru_cache(maxsize=4096)
def _width(row: int) -> float:
    """Degrees of longitude of a cell in a row: `REACH_M` at its edge nearer to the pole, an even part of the circle."""
    degrees = REACH_M / DEGREE_M
    edge = math.radians(max(abs(row), abs(row + 1)) * degrees)
    return 180.0 / math.floor(180.0 * max(math.cos(edge), _LEAST_COSINE) / degrees)


def _register(cluster: _Cluster, index: int, near: dict[tuple[int, int], list[int]]) -> None:
    """Note the cluster in all cells that hold points within reach of any point of its own cell."""
    row = cluster.cell[0]
    for r in (row - 1, row, row + 1):
        width = _width(r)
        around = round(360.0 / width)
        middle = math.floor(cluster.lon / width)
        for column in range(middle - 3, middle + 4):  # one cell for the way to the edge of its own, two for the reach
            cell = (r, (column + around // 2) % around - around // 2)
            if cell not in cluster.cells:
                cluster.cells.add(cell)
                near.setdefault(cell, []).append(index)


def _place(cluster: _Cluster, group: Sequence[Visit]) -> Place:
    """The place of a cluster and its visits, without a name."""
    lengths = np.array([v.end_ms - v.start_ms for v in group], dtype=np.float64)
    lat = np.array([v.lat for v in group], dtype=np.float64)
    lon = np.array([v.lon for v in group], dtype=np.float64)
    away = distances_m(lat, lon, cluster.lat, cluster.lon)
    order = np.argsort(away, kind="stable")
    share = np.cumsum(lengths[order]) / lengths.sum()
    held = float(away[order][min(int(np.searchsorted(share, _SPREAD)), len(away) - 1)])
    founder = cluster.founder
    key = founder.evidence[0] if founder.evidence else f"{founder.start_ms} {founder.lat} {founder.lon}".encode()
    return Place(
        id=hashlib.blake2b(key, digest_size=8, person=b"place").hexdigest(),
        lat=round(cluster.lat, 6),
        lon=round(cluster.lon, 6),
        radius_m=round(max(_MIN_RADIUS_M, held), 1),
        visits=len(group),
        dwell_ms=int(lengths.sum()),
        first_ms=group[0].start_ms,
        last_ms=max(v.end_ms for v in group),
        label="",
        why="",
    )
