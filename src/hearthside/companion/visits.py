"""Visits: stays at a named place, from what the glasses saw, the phone's regions and its positions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Origin, Trust, local_datetime
from hearthside.journal import Journal

STAY_MS = 15 * MINUTE_MS  # shorter is passing by: a menu read at the door is not a dinner
_GAP_MS = 90 * MINUTE_MS  # two sightings of one place further apart are two visits
_NEAR_M = 120.0  # a phone's position wanders that far while it lies on a table
_FIX_MS = 45 * MINUTE_MS  # a resting phone reports at least this often
_REACH_MS = 6 * HOUR_MS  # how far around a period the other sightings of one stay are looked for
_LONGEST_MS = 24 * HOUR_MS  # a region whose leaving was never heard of is not stayed in for ever
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay at a named place.

    Attributes:
        start_ms, end_ms: from the first to the last sign of it; the true stay is at least that long.
        people: names of those who spoke there or were seen there, without the person.
        evidence: occurrences it rests on, in order of time.
    """

    place: str
    start_ms: int
    end_ms: int
    local_day: str
    offset_min: int
    people: tuple[str, ...]
    evidence: tuple[Occurrence, ...]

    @property
    def hour(self) -> int:
        """Local hour of its beginning."""
        return local_datetime(self.start_ms, self.offset_min).hour


Stayed = Callable[[Occurrence], tuple[int, int] | None]


def visits(
    stream: LifeStream, start_ms: int, end_ms: int, place: str = "", stayed: Stayed | None = None, regions: bool = True
) -> list[Visit]:
    """Stays that overlap [start_ms, end_ms), in order of time.

    Args:
        place: only places whose name holds each of these words.
        stayed: tells from positions how long the phone rested around a sighting; without it sightings alone decide.
        regions: also stays in the phone's own regions ("Home", "Work").
    """
    near = stream.occurrences(kinds=["caption"], start_ms=start_ms - _REACH_MS, end_ms=end_ms + _REACH_MS)
    wanted = [o for o in near if o.note and named(place, o.note)]
    found = [visit for group in _sightings(wanted) if (visit := _seen_visit(group, stayed)) is not None]
    found = [visit for visit in found if visit.start_ms < end_ms and visit.end_ms > start_ms]
    if regions:
        found += _region_visits(stream, start_ms, end_ms, place)
    return sorted(found, key=lambda v: (v.start_ms, v.place))


def named(asked: str, name: str) -> bool:
    """Whether a name holds each word that was asked for, at the beginning of a word; articles do not matter."""
    words = re.findall(r"\w+", re.sub(r"^(?:the|a|an|my|our) (?=\w)", "", asked, flags=re.IGNORECASE))
    return all(re.search(rf"\b{re.escape(word)}", name, re.IGNORECASE) for word in words)


def with_people(stream: LifeStream, visit: Visit, known: Iterable[str]) -> Visit:
    """The visit with those who spoke during it, or whose name a caption holds.

    Args:
        known: names known from this life.
    """
    said = stream.occurrences(kinds=["utterance"], start_ms=visit.start_ms - STAY_MS, end_ms=visit.end_ms + STAY_MS)
    spoke = [o for o in said if o.origin is Origin.PERSON and o.trust == Trust.KNOWN.value]
    people = {speaker_of(o) for o in spoke}
    seen = " ".join(o.text for o in visit.evidence)
    people |= {name for name in known if re.search(rf"\b{re.escape(name)}\b", seen)}
    first = {speaker_of(o): o for o in reversed(spoke)}
    evidence = (*visit.evidence, *(first[name] for name in sorted(first)))
    return replace(visit, people=tuple(sorted(people - {""})), evidence=evidence)


def speaker_of(o: Occurrence) -> str:
    """Who said an utterance."""
    return o.note.split(" · ")[0]


def names_of_people(stream: LifeStream) -> set[str]:
    """Everybody who was heard or who wrote."""
    spoke = stream.occurrences(kinds=["utterance"])
    wrote = stream.occurrences(kinds=["message"])
    return {
        speaker_of(o)
        for o in (*spoke, *wrote)
        if o.origin is Origin.PERSON and o.trust == Trust.KNOWN.value and speaker_of(o)
    }


def stayed_by_position(journal: Journal, stream: LifeStream) -> Stayed:
    """How long the phone rested around a sighting, from its positions: stay points after Li et al. (GIS 2008)."""

    def stayed(o: Occurrence) -> tuple[int, int] | None:
        reach = (o.start_ms - _REACH_MS, o.start_ms + _REACH_MS)
        fixes = stream.occurrences(kinds=["position"], start_ms=reach[0], end_ms=reach[1])
        stored = journal.get(p.id for p in fixes)
        points = []
        for p in fixes:
            record = stored[p.id].record if p.id in stored else None
            if isinstance(record, Event) and {"lat", "lon"} <= record.payload.keys():
                points.append((p.start_ms, float(record.payload["lat"]), float(record.payload["lon"])))
        return _rest(points, o.start_ms)

    return stayed


def _rest(points: list[tuple[int, float, float]], at_ms: int) -> tuple[int, int] | None:
    """First and last time of the run of near positions around a time, or None without a position near that time."""
    if not points:
        return None
    middle = min(range(len(points)), key=lambda i: abs(points[i][0] - at_ms))
    if abs(points[middle][0] - at_ms) > _FIX_MS:
        return None
    first = last = middle
    while first > 0 and _near(points[first - 1], points[middle]) and points[first][0] - points[first - 1][0] < _FIX_MS:
        first -= 1
    while (
        last + 1 < len(points)
        and _near(points[last + 1], points[middle])
        and points[last + 1][0] - points[last][0] < _FIX_MS
    ):
        last += 1
    return points[first][0], points[last][0]


def _near(a: tuple[int, float, float], b: tuple[int, float, float]) -> bool:
    north = (a[1] - b[1]) * _METRES_PER_DEGREE
    east = (a[2] - b[2]) * _METRES_PER_DEGREE * math.cos(math.radians(a[1]))
    return math.hypot(north, east) <= _NEAR_M


def _sightings(captions: list[Occurrence]) -> list[list[Occurrence]]:
    """Captions in runs of one place; another place between them ends a run."""
    runs: list[list[Occurrence]] = []
    for o in captions:
        if runs and runs[-1][-1].note == o.note and o.start_ms - runs[-1][-1].start_ms <= _GAP_MS:
            runs[-1].append(o)
        else:
            runs.append([o])
    return runs


def _seen_visit(group: list[Occurrence], stayed: Stayed | None) -> Visit | None:
    first, last = group[0], group[-1]
    start, end = first.start_ms, last.end_ms or last.start_ms
    if end - start < STAY_MS:
        rest = stayed(group[len(group) // 2]) if stayed is not None else None
        if rest is None or rest[1] - rest[0] < STAY_MS:
            return None
        start, end = min(start, rest[0]), max(end, rest[1])
    return Visit(first.note, start, end, first.local_day, first.offset_min, (), tuple(group))


def _region_visits(stream: LifeStream, start_ms: int, end_ms: int, place: str) -> list[Visit]:
    """From entering a region to leaving it; a stay that began up to a day before the period counts too."""
    crossings = stream.occurrences(
        kinds=["region_enter", "region_leave"], start_ms=start_ms - DAY_MS, end_ms=end_ms + DAY_MS
    )
    found = []
    for i, o in enumerate(crossings):
        if o.kind != "region_enter" or not o.text or not named(place, o.text):
            continue
        left = next((c for c in crossings[i + 1 :] if c.text == o.text), None)
        end = o.start_ms + MINUTE_MS
        if left is not None and left.kind == "region_leave" and left.start_ms - o.start_ms <= _LONGEST_MS:
            end = left.start_ms
        if o.start_ms < end_ms and end > start_ms:
            found.append(Visit(o.text, o.start_ms, end, o.local_day, o.offset_min, (), (o,)))
    return found
