"""What to call a place: the person's own word, names met there, or what the person does there: home and work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.alignment.geodesy import Floats, distances_m, nearest
from hearthside.alignment.hint_table import HintRow, HintTable
from hearthside.alignment.visits import VisitTable
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS

Ints = npt.NDArray[np.int64]
Offsets = Callable[[Ints], npt.NDArray[np.integer]]
"""UTC offset of the person in minutes at UTC ms, (n,) to (n,); `OffsetTrack.at` is one."""

NIGHT_MS = (0, 6 * HOUR_MS)
"""The part of a local day in which people are at home."""

WORKDAY_MS = (10 * HOUR_MS, 16 * HOUR_MS)
"""The part of a local weekday in which people are at work."""

MONTHS = 2
"""A home, or a place of work, is one for at least this many calendar months ..."""

HOME_MONTH_MS, WORK_MONTH_MS = 60 * HOUR_MS, 20 * HOUR_MS
"""... with this much of its nights, or workdays, observed there: more than anywhere else."""

HOME_LEAST_MS, WORK_LEAST_MS, WORK_LEAST_DAYS = 12 * HOUR_MS, 10 * HOUR_MS, 4
"""In a life too short for that: this much, and `LEAST_SHARE` of all nights, or of all workdays away from home."""

LEAST_SHARE = 0.5
HINT_REACH_M = 150.0
"""A name with a position belongs to the nearest place within this distance."""

HINT_EARLY_MS = 10 * MINUTE_MS
"""A name without a position belongs to the visit it falls into, or that begins this soon after it."""

_LEAST_CAPTIONS = 2
_OWN_ROLES = {"home": "home", "work": "work", "office": "work"}  # what a person's own word says about the role
_WORDS = {"home": "home", "work": "workplace"}


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place that the person has named: a spot, how far around it the name counts, and the name."""

    lat: float
    lon: float
    radius_m: float
    name: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A name met at a time.

    Attributes:
        start_ms: when, UTC ms.
        name: the words.
        kind: ``region_enter`` (a phone's region, a place of Google's) or ``caption`` (read by the glasses).
        lat, lon: where, degrees, when that is known.
    """

    start_ms: int
    name: str
    kind: str
    lat: float | None = None
    lon: float | None = None

    def row(self) -> HintRow:
        """The same as a row of `hint_table`."""
        return self.start_ms, self.name, self.kind, self.lat, self.lon


@dataclass(frozen=True, slots=True)
class Name:
    """What to call a place, one sentence why, and its role: ``home``, ``work`` or ``""``."""

    label: str
    why: str
    role: str = ""


_NO_NAME = Name("", "")


def names_of(
    lat: Floats,
    lon: Floats,
    visits: VisitTable,
    member: Ints,
    offsets: Offsets | None,
    named: Sequence[NamedPlace],
    hints: HintTable,
) -> list[Name]:
    """A name for each place; what counts first: the person's, one met there, its role, its number.

    Args:
        lat, lon: of each place, (places,).
        visits: all visits, in order of time; member: (visits,) the index of the place of each.
    """
    if not len(lat):
        return []
    own = _own_names(lat, lon, named)
    met = _met_names(lat, lon, visits, member, hints)
    roles = _roles(visits, member, len(lat), offsets, {n.role for n in own.values()})
    found = []
    for k in range(len(lat)):
        role = roles.get(k, _NO_NAME)
        name = own.get(k) or met.get(k) or (role if role.label else None)
        name = name or Name(f"place {k + 1}", f"It is the number {k + 1} of the places visited; nothing names it.")
        found.append(Name(name.label, name.why, name.role or role.role))
    return found


def _own_names(lat: Floats, lon: Floats, named: Sequence[NamedPlace]) -> dict[int, Name]:
    """By place, the name the person gave; of several the nearest, of equally near ones the later decision."""
    found: dict[int, tuple[float, Name]] = {}
    for name in named:
        away = distances_m(lat, lon, name.lat, name.lon)
        for k in np.flatnonzero(away <= name.radius_m).tolist():
            if k not in found or away[k] <= found[k][0]:
                role = _OWN_ROLES.get(name.name.strip().casefold(), "")
                found[k] = float(away[k]), Name(name.name, "You named it.", role)
    return {k: name for k, (_, name) in found.items()}


# -- names met there ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Most:
    """The name met most often at a place, how often, and how often any was."""

    name: str
    count: int
    of: int


def _met_names(lat: Floats, lon: Floats, visits: VisitTable, member: Ints, hints: HintTable) -> dict[int, Name]:
    """By place, the name met there most often; of equally frequent ones the first in the alphabet."""
    place = _places_of_hints(lat, lon, visits, member, hints)
    found: dict[int, Name] = {}
    for k, most in _most_met(place, hints, ~hints.region).items():
        if most.count >= _LEAST_CAPTIONS and 2 * most.count > most.of:
            found[k] = Name(most.name, f"The glasses saw “{most.name}” there {most.count} times.")
    for k, most in _most_met(place, hints, hints.region).items():
        often = "once" if most.count == 1 else f"{most.count} times"
        why = f"The phone, or its location history, called this place “{most.name}” {often}."
        found[k] = Name(most.name, why)
    return found


def _places_of_hints(lat: Floats, lon: Floats, visits: VisitTable, member: Ints, hints: HintTable) -> Ints:
    """(hints,) the place of each, -1 for none: the nearest to its spot, or that of the visit it falls into."""
    row = np.searchsorted(visits.start_ms, hints.start_ms + HINT_EARLY_MS, "right") - 1
    there = (row >= 0) & (hints.start_ms < visits.end_ms[row])
    found: Ints = np.where(there, member[row], -1)
    spotted = np.flatnonzero(~np.isnan(hints.lat))
    if len(spotted):
        spots = np.round(np.stack([hints.lat[spotted], hints.lon[spotted]]), 4)
        once, which = np.unique(spots, axis=1, return_inverse=True)
        found[spotted] = nearest(lat, lon, once[0], once[1], HINT_REACH_M)[which.ravel()]
    return found


def _most_met(place: Ints, hints: HintTable, chosen: npt.NDArray[np.bool_]) -> dict[int, _Most]:
    """By place, what some of the names come to."""
    counted = chosen & (place >= 0)
    if not counted.any():
        return {}
    pairs, count = np.unique(place[counted] * len(hints.names) + hints.name[counted], return_counts=True)
    at, name = np.divmod(pairs, len(hints.names))
    whole = np.bincount(at, weights=count)
    alphabet = np.argsort(sorted(range(len(hints.names)), key=hints.names.__getitem__))
    ranked = np.lexsort((alphabet[name], -count, at))
    places, first = np.unique(at[ranked], return_index=True)
    return {
        k: _Most(hints.names[name[row]], int(count[row]), int(whole[k]))
        for k, row in zip(places.tolist(), ranked[first].tolist(), strict=True)
    }


# -- home and work -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Held:
    """That a place has a role: in which calendar months (since 1970-01), and one sentence why."""

    place: int
    months: tuple[int, ...]
    why: str


def _roles(visits: VisitTable, member: Ints, places: int, offsets: Offsets | None, own: set[str]) -> dict[int, Name]:
    """By place, whether it is a home or a place of work, at any time of the life."""
    start, end = visits.start_ms, visits.end_ms
    shift = np.zeros_like(start) if offsets is None else offsets(start).astype(np.int64) * MINUTE_MS
    start, end = start + shift, end + shift  # local from here on; the offset at the begin counts for the whole visit
    month = start.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    night = time_inside(end, NIGHT_MS, 7) - time_inside(start, NIGHT_MS, 7)
    homes = _holders(member, month, night, places, HOME_MONTH_MS, "nights")
    if not homes:
        homes = _only(member, night, places, HOME_LEAST_MS, "night hours (0 to 6)")
    work = time_inside(end, WORKDAY_MS, 5) - time_inside(start, WORKDAY_MS, 5)
    work[np.isin(member, [home.place for home in homes])] = 0
    works = _holders(member, month, work, places, WORK_MONTH_MS, "working hours (weekdays 10 to 16)")
    if not works:
        works = _only(member, work, places, WORK_LEAST_MS, "working hours away from home (weekdays 10 to 16)")
        days = start // DAY_MS
        works = [w for w in works if len(np.unique(days[(member == w.place) & (work > 0)])) >= WORK_LEAST_DAYS]
    return {**_called("work", works, own), **_called("home", homes, own)}


def time_inside(local_ms: Ints, part: tuple[int, int], days: int) -> Ints:
    """Time that lies in this part of the first `days` days of the weeks (Monday first), up to a local time, ms."""
    day, rest = np.divmod(local_ms, DAY_MS)
    week, weekday = np.divmod(day + 3, 7)  # 1970-01-01 was a Thursday
    whole = week * days + np.minimum(weekday, days)
    today = np.where(weekday < days, np.clip(rest - part[0], 0, part[1] - part[0]), 0)
    found: Ints = whole * (part[1] - part[0]) + today
    return found


def _holders(member: Ints, month: Ints, spent: Ints, places: int, least_ms: int, what: str) -> list[_Held]:
    """Places where in at least `MONTHS` months more of the time was spent than anywhere else, and enough of it."""
    if not len(month):
        return []
    first = int(month.min())
    table = np.zeros((int(month.max()) - first + 1, places), dtype=np.int64)
    np.add.at(table, (month - first, member), spent)
    best = table.argmax(axis=1)
    enough = table[np.arange(len(table)), best] >= least_ms
    found = []
    for k in np.unique(best[enough]).tolist():
        months = tuple((np.flatnonzero(enough & (best == k)) + first).tolist())
        if len(months) >= MONTHS:
            spell = f"{_iso(months[0])} to {_iso(months[-1])}"
            found.append(_Held(k, months, f"Most {what} of {len(months)} months, {spell}, were spent there."))
    return found


def _only(member: Ints, spent: Ints, places: int, least_ms: int, what: str) -> list[_Held]:
    """The one place where most of the time was spent, if it is enough."""
    table = np.bincount(member, weights=spent, minlength=places)
    k, whole = int(table.argmax()), float(table.sum())
    if table[k] < least_ms or table[k] < LEAST_SHARE * whole:
        return []
    return [_Held(k, (), f"{round(100 * table[k] / whole)} % of the observed {what} were spent there.")]


def _called(role: str, held: Sequence[_Held], own: set[str]) -> dict[int, Name]:
    """The latest holder of a role is called by it; another of the same time, or an earlier one, says so."""
    if not held:
        return {}
    latest = max(held, key=lambda h: (h.months[-1:], len(h.months), -h.place))
    found: dict[int, Name] = {}
    for one in held:
        if one is latest:
            label = role if role not in own else f"another {_WORDS[role]}"
        else:
            label = f"{'earlier' if one.months[-1] < latest.months[0] else 'another'} {_WORDS[role]}"
        found[one.place] = Name(label, one.why, role)
    return found


def _iso(month: int) -> str:
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"
