"""Visits: stays put together over midnight and over short gaps; nothing is inferred from silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hearthside.alignment.episodes import Episode
from hearthside.alignment.episodes.stay import HEARD_MS, SILENCE_MS, STAY_MS
from hearthside.alignment.episodes.stay import NAME as STAY
from hearthside.alignment.geodesy import metres, wrapped
from hearthside.events import DAY_MS, MINUTE_MS

SAME_SPOT_M = 150.0
"""Two stays one after the other, this near to each other, are at the same spot."""

GAP_MS = 10 * MINUTE_MS
"""Being elsewhere, or silent, for up to this long does not end a visit."""

EVIDENCE = 8
"""A visit names at most this many records: the first and the last ones."""


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


def visits_of(stays: Iterable[Episode]) -> list[Visit]:
    """The visits that stays of any number of days make, in order of time; the order of `stays` does not matter.

    Two stays are one visit when they are within `SAME_SPOT_M` and either at most `GAP_MS` apart, or cut only by
    midnight: no fix lies between them, and the silence is not longer than `stay.SILENCE_MS`. What is still shorter than
    `stay.STAY_MS` then is no visit.

    Args:
        stays: episodes of `episodes.stay`; others are ignored.
    """
    ordered = sorted((s for s in stays if s.kind == STAY), key=_order)
    found: list[Visit] = []
    unseen_ms = -1
    for group in _groups(ordered):
        before = -1 if group.before is None else _silence_ms(group.before, group.stays[0])
        unseen_ms = max(unseen_ms, before)
        if group.stays[-1].end_ms - group.stays[0].start_ms < STAY_MS:
            unseen_ms = max(unseen_ms, _inside_ms(group.stays)) if found else -1
            continue
        found.append(_visit(group, unseen_ms if found else -1))
        unseen_ms = -1
    return found


@dataclass(slots=True)
class _Group:
    """Stays that are one visit, the longest of them, and the stay before them."""

    before: Episode | None
    stays: list[Episode]
    longest: Episode


def _order(stay: Episode) -> tuple[int, int, tuple[bytes, ...]]:
    return stay.start_ms, stay.end_ms, stay.evidence


def _groups(ordered: Sequence[Episode]) -> list[_Group]:
    groups: list[_Group] = []
    before: Episode | None = None
    for stay in ordered:
        if groups and _goes_on(groups[-1], stay):
            groups[-1].stays.append(stay)
            groups[-1].longest = max(groups[-1].longest, stay, key=_length_ms)
        else:
            groups.append(_Group(before, [stay], stay))
        before = stay
    return groups


def _goes_on(group: _Group, stay: Episode) -> bool:
    """Whether a stay belongs to the visit of those before it: it is near the last of them, and near the longest."""
    last = group.stays[-1]
    gap_ms = stay.start_ms - last.end_ms
    cut = bool(last.facts["open_end"] and stay.facts["open_start"]) and _day(stay) == _day(last) + 1
    if gap_ms > (SILENCE_MS if cut else GAP_MS):
        return False
    return all(metres(*_spot(other), *_spot(stay)) <= SAME_SPOT_M for other in (last, group.longest))


def _silence_ms(before: Episode, after: Episode) -> int:
    """The longest time without a fix between two stays; over midnight both sides of it are added, which is an excess.

    A whole day without any stay between them is not looked into: all of it counts as silent.
    """
    if _day(before) == _day(after):
        return int(before.facts["silent_after_ms"])
    if _day(before) + 1 == _day(after):
        return int(before.facts["silent_after_ms"]) + int(after.facts["silent_before_ms"])
    return after.start_ms - before.end_ms


def _inside_ms(stays: Sequence[Episode]) -> int:
    """The longest silence between the stays of a group that is dropped."""
    return max((_silence_ms(a, b) for a, b in pairwise(stays)), default=0)


def _visit(group: _Group, unseen_ms: int) -> Visit:
    stays = group.stays
    start_ms, end_ms = stays[0].start_ms, stays[-1].end_ms
    observed_ms, fixes = int(stays[0].facts["observed_ms"]), int(stays[0].facts["fixes"])
    (lat, lon), evidence = _spot(stays[0]), stays[0].evidence
    if len(stays) > 1:
        observed_ms = sum(int(s.facts["observed_ms"]) for s in stays) + _observed_between_ms(stays)
        fixes = sum(int(s.facts["fixes"]) for s in stays)
        lat, lon = _middle(stays)
        evidence = tuple(dict.fromkeys(key for stay in stays for key in stay.evidence))
    if len(evidence) > EVIDENCE:
        evidence = (*evidence[: EVIDENCE // 2], *evidence[-EVIDENCE // 2 :])
    return Visit(
        start_ms=start_ms,
        end_ms=end_ms,
        lat=lat,
        lon=lon,
        radius_m=float(group.longest.facts["radius_m"]),
        place_id="",
        label="",
        evidence=evidence,
        sure=round(min(1.0, observed_ms / (end_ms - start_ms)), 3),
        observed_ms=observed_ms,
        fixes=fixes,
        unseen_ms=unseen_ms,
    )


def _observed_between_ms(stays: Sequence[Episode]) -> int:
    """Midnight between two fixes is observed like any other time between them; an absence is not."""
    cut = ((a, b) for a, b in pairwise(stays) if a.facts["open_end"] and b.facts["open_start"])
    return sum(min(b.start_ms - a.end_ms, HEARD_MS) for a, b in cut)


def _middle(stays: Sequence[Episode]) -> tuple[float, float]:
    """The mean of the spots, weighted by length; longitudes are counted from the first."""
    lat, lon = _spot(stays[0])
    whole = sum(_length_ms(s) for s in stays)
    north = sum((s.facts["lat"] - lat) * _length_ms(s) for s in stays) / whole
    east = sum(wrapped(s.facts["lon"] - lon) * _length_ms(s) for s in stays) / whole
    return round(lat + north, 6), round(wrapped(lon + east), 6)


def _spot(stay: Episode) -> tuple[float, float]:
    return stay.facts["lat"], stay.facts["lon"]


def _length_ms(stay: Episode) -> int:
    return stay.end_ms - stay.start_ms


def _day(stay: Episode) -> int:
    return stay.start_ms // DAY_MS
