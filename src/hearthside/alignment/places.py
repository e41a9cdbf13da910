"""Places: where visits come back to, over a whole life, and what to call them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hearthside.alignment.geodesy import Floats, distances_m
from hearthside.alignment.hint_table import HintTable, hint_table
from hearthside.alignment.leaders import REACH_M, Leaders
from hearthside.alignment.place_names import Hint, Ints, NamedPlace, Offsets, names_of
from hearthside.alignment.visits import Visit, VisitTable, table_of

__all__ = ["REACH_M", "Place", "find_places", "places_of"]

_MIN_RADIUS_M = 30.0  # no place is known better
_SPREAD = 0.9  # share of the time spent at a place that its radius holds


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
    table, leaders = table_of(ordered), Leaders()
    leaders.follow(*points_of(table))
    places = places_of(table, leaders, offsets, names, hint_table(hint.row() for hint in hints))
    where = [(places[index].id, places[index].label) for index in leaders.member.tolist()]
    return places, table.visits(range(len(table)), where)


def points_of(table: VisitTable) -> tuple[Floats, Floats, Floats]:
    """Visits as points to cluster: latitude, longitude and, as the weight, the length."""
    return table.lat, table.lon, (table.end_ms - table.start_ms).astype(np.float64)


def places_of(
    table: VisitTable, leaders: Leaders, offsets: Offsets | None, names: Sequence[NamedPlace], hints: HintTable
) -> list[Place]:
    """The places of visits that were clustered, in order of the first visit; see `find_places`."""
    if not len(table):
        return []
    member, (lat, lon) = leaders.member, leaders.centres
    radius = np.round(np.maximum(_MIN_RADIUS_M, _holding_m(table, member, lat, lon)), 1)
    lat, lon = np.round(lat, 6), np.round(lon, 6)
    called = names_of(lat, lon, table, member, offsets, names, hints)
    last_ms = np.zeros(len(lat), dtype=np.int64)
    np.maximum.at(last_ms, member, table.end_ms)
    count, spent, first_ms = np.bincount(member), _times_ms(table, member), table.start_ms[leaders.founders]
    return [
        Place(
            _id(table, founder), float(lat[k]), float(lon[k]), float(radius[k]), int(count[k]), int(spent[k]),
            int(first_ms[k]), int(last_ms[k]), called[k].label, called[k].why, called[k].role,
        )
        for k, founder in enumerate(leaders.founders)
    ]  # fmt: skip


def _id(table: VisitTable, founder: int) -> str:
    """The id of a place, from the first record of its founding visit."""
    evidence = table.evidence_of(founder)
    first = f"{table.start_ms[founder]} {table.lat[founder]} {table.lon[founder]}"
    key = evidence[0] if evidence else first.encode()
    return hashlib.blake2b(key, digest_size=8, person=b"place").hexdigest()


def _times_ms(table: VisitTable, member: Ints) -> Ints:
    """(places,) the time spent at each; a sum of whole numbers far below 2**53, and so exact."""
    return np.bincount(member, weights=table.end_ms - table.start_ms).astype(np.int64)


def _holding_m(table: VisitTable, member: Ints, lat: Floats, lon: Floats) -> Floats:
    """(places,) how far from its centre the spots of the visits lie that make up `_SPREAD` of the time there."""
    away = distances_m(table.lat, table.lon, lat[member], lon[member])
    order = np.lexsort((away, member))
    spent = np.cumsum((table.end_ms - table.start_ms)[order])
    count = np.bincount(member)
    ends = np.cumsum(count)
    before = np.r_[0, spent[ends[:-1] - 1]]
    share = (spent - np.repeat(before, count)) / np.repeat(spent[ends - 1] - before, count)
    short = np.bincount(member[order], weights=share < _SPREAD).astype(np.int64)
    found: Floats = away[order][ends - count + np.minimum(short, count - 1)]
    return found
