"""Episodes that follow from visits: at home, at work, a night away, the commute and other trips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hearthside.alignment.episodes import Episode
from hearthside.alignment.episodes.stay import HEARD_MS, SILENCE_MS
from hearthside.alignment.geodesy import metres
from hearthside.alignment.place_names import NIGHT_MS, Ints, Offsets, time_inside
from hearthside.alignment.places import Place
from hearthside.alignment.visits import GAP_MS, Visit
from hearthside.events import HOUR_MS, MINUTE_MS

KINDS = ("home", "work", "away", "commute", "trip")
"""Kinds of the episodes found here."""

NIGHT_LEAST_MS = 3 * HOUR_MS
"""A night away has at least this much of the local hours 0 to 6."""


def movements(
    visits: Sequence[Visit], places: Sequence[Place], offsets: Offsets | None = None, first: int = 0
) -> list[Episode]:
    """The episodes of a range of visits, in order of start.

    `home` and `work` are visits to places with that role; `away` a visit of at least `NIGHT_LEAST_MS` of a night to a
    place with neither role, once a home is known. Between two visits one after the other lies a `commute` (home and
    work, either way) or a `trip` (anything else, also out and back to the same place after more than `visits.GAP_MS`),
    but only where the way was observed: no silence on it longer than `stay.SILENCE_MS`. Its `sure` falls from 1 when
    the longest silence is over `stay.HEARD_MS`. `facts` of it: ``from``, ``to`` (ids of places), ``minutes``,
    ``distance_m`` (as the crow flies), ``unseen_ms``; of the others ``place``, ``minutes``.

    Args:
        visits: in order of time, as `places.find_places` gives them; a part of a life will do.
        places: of the whole life.
        offsets: UTC offset in minutes at UTC times; None: the times are local already.
        first: the first visit that is asked about; those before it only say where the person came from.
    """
    by_id = {place.id: place for place in places}
    night = _night_ms(visits, offsets)
    homed = any(place.role == "home" for place in places)
    found: list[Episode] = []
    for k, visit in enumerate(visits[first:], first):
        if k and (way := _way(visits[k - 1], visit, by_id)) is not None:
            found.append(way)
        if (being := _being(visit, by_id, night[k], homed)) is not None:
            found.append(being)
    return found


def _night_ms(visits: Sequence[Visit], offsets: Offsets | None) -> list[int]:
    """How much of each visit lies in the night."""
    start, end = (np.array([getattr(v, name) for v in visits], dtype=np.int64) for name in ("start_ms", "end_ms"))
    shift: Ints = np.zeros_like(start) if offsets is None else offsets(start).astype(np.int64) * MINUTE_MS
    inside = time_inside(end + shift, NIGHT_MS, 7) - time_inside(start + shift, NIGHT_MS, 7)
    nights: list[int] = inside.tolist()
    return nights


def _being(visit: Visit, places: Mapping[str, Place], night_ms: int, homed: bool) -> Episode | None:
    """Being at home, at work, or somewhere else for a night."""
    place = places[visit.place_id]
    label = {"home": "at home", "work": "at work"}.get(place.role, f"night away: {visit.label}")
    if not place.role and (not homed or night_ms < NIGHT_LEAST_MS):
        return None
    return Episode(
        kind=place.role or "away",
        start_ms=visit.start_ms,
        end_ms=visit.end_ms,
        label=label,
        evidence=visit.evidence,
        sure=visit.sure,
        facts={"place": place.id, "minutes": round((visit.end_ms - visit.start_ms) / MINUTE_MS)},
    )


def _way(before: Visit, after: Visit, places: Mapping[str, Place]) -> Episode | None:
    """The way between two visits, if it was observed."""
    length_ms = after.start_ms - before.end_ms
    if not 0 <= after.unseen_ms <= SILENCE_MS or length_ms <= 0:
        return None
    origin, goal = places[before.place_id], places[after.place_id]
    if origin.id == goal.id and length_ms <= GAP_MS:
        return None
    commute = {origin.role, goal.role} == {"home", "work"}
    label = f"{before.label} → {after.label}" if origin.id != goal.id else f"out and back: {before.label}"
    return Episode(
        kind="commute" if commute else "trip",
        start_ms=before.end_ms,
        end_ms=after.start_ms,
        label=label,
        evidence=(*before.evidence[-1:], *after.evidence[:1]),
        sure=round(min(1.0, HEARD_MS / max(after.unseen_ms, 1)), 3),
        facts={
            "from": origin.id, "to": goal.id, "minutes": round(length_ms / MINUTE_MS),
            "distance_m": round(metres(before.lat, before.lon, after.lat, after.lon)), "unseen_ms": after.unseen_ms,
        },
    )  # fmt: skip
