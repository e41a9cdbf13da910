"""Local times without a zone, of things the person carries: placed where the person's own clock showed them."""

from __future__ import annotations

from datetime import tzinfo

import numpy as np
import numpy.typing as npt

from hearthside.alignment.offsets import OffsetTrack
from hearthside.alignment.zones import known_zone, zone_rules
from hearthside.events import HOUR_MS, MINUTE_MS

Ints = npt.NDArray[np.int64]

_PREFIX = "export:"
_FARTHEST_MS = 16 * HOUR_MS  # from UTC
_NEVER = np.iinfo(np.int64).min


def parse_naive(clock: str) -> tzinfo | None:
    """The zone by which an export's local times were resolved: of ``export:whatsapp@Europe/Amsterdam`` Amsterdam.

    None for every other clock, also for one that names a zone nobody knows: its times are then taken at their word.
    """
    name, at, zone = clock.partition("@")
    return known_zone(zone) if at and name.startswith(_PREFIX) else None


def replace_naive(
    raw_ms: Ints,
    zone: tzinfo,
    track: OffsetTrack,
    *,
    stated_ms: Ints | None = None,
    group: Ints | None = None,
) -> tuple[Ints, Ints, Ints]:
    """Place local times anew, by the person's own offset instead of the zone they were resolved by.

    Args:
        raw_ms: (n,) UTC ms as the source resolved them: of a doubled hour the first pass, in a missing hour as if the
            clocks had not been put forward.
        zone: the zone it resolved them by.
        track: the person's offset.
        stated_ms: (n,) the uncertainty the source stated: its own (whole minutes) and, in the doubled or missing hour
            of the zone, the size of the change. Without it a time right after a missing hour is read as it stands.
        group: (n,) conversation of each; the times of one, in the order given, do not run backwards.

    Returns:
        start_ms (n,): when the person's clock showed that time. Where it never did, as if it had not been put forward;
            where it did twice, the first time, or the second where the order in the group asks for that.
        doubt_ms (n,): how far off that may be, either way: what the source stated for its own, the size of a missing
            hour, the distance of the later of two times that the order leaves open, and the doubt of the track.
        count (n,): how often the person's clock showed it: 0, 1, 2 or more.
    """
    wall, own_ms = _wall(raw_ms, zone, stated_ms)
    first, last, count, missing_ms = _showings(wall, track)
    doubled = np.flatnonzero(count > 1)
    if len(doubled) and group is not None:
        first, last = _in_order(first, last, doubled, group)
    doubt = own_ms + missing_ms + (last - first) + np.maximum(track.doubt_ms(first), track.doubt_ms(last))
    return first, doubt, count


def _wall(raw_ms: Ints, zone: tzinfo, stated_ms: Ints | None) -> tuple[Ints, Ints]:
    """What the clock showed, as ms since 1970 without a zone, and the uncertainty that is the source's own."""
    rules = zone_rules(zone)
    offset = rules.at(raw_ms) * MINUTE_MS
    wall = raw_ms + offset
    if stated_ms is None:
        return wall, np.zeros_like(raw_ms)
    if len(rules.starts_ms) < 2:  # its clocks never change
        return wall, stated_ms
    # A time in the missing hour was placed by the offset before the change, which led beyond the change, onto a time
    # that the clock did show; only the uncertainty tells the two apart.
    begun = np.maximum(np.searchsorted(rules.starts_ms, raw_ms, side="right") - 1, 1)
    jump = (rules.offset_min[begun] - rules.offset_min[begun - 1]) * MINUTE_MS
    missing = (jump > 0) & (raw_ms >= rules.starts_ms[begun]) & (raw_ms < rules.starts_ms[begun] + jump)
    missing &= stated_ms >= jump
    # The first pass of a doubled hour ends with the change.
    coming = np.minimum(np.searchsorted(rules.starts_ms, raw_ms, side="right"), len(rules.starts_ms) - 1)
    back = (rules.offset_min[coming - 1] - rules.offset_min[coming]) * MINUTE_MS
    away = rules.starts_ms[coming] - raw_ms
    doubled = (back > 0) & (away > 0) & (away <= back) & (stated_ms >= back)
    zone_ms = np.where(missing, jump, np.where(doubled, back, 0))
    return wall - np.where(missing, jump, 0), stated_ms - zone_ms


def _showings(wall: Ints, track: OffsetTrack) -> tuple[Ints, Ints, Ints, Ints]:
    """First and last time at which the track shows each local time, how many there are, and what is missing there."""
    offsets = track.offset_min.astype(np.int64) * MINUTE_MS
    low, high = track.pieces(wall - _FARTHEST_MS), track.pieces(wall + _FARTHEST_MS)
    starts = np.r_[_NEVER, track.starts_ms[1:]]
    ends = np.r_[track.starts_ms[1:], np.iinfo(np.int64).max]
    first, last = np.full_like(wall, _NEVER), np.full_like(wall, _NEVER)
    count, missing = np.zeros_like(wall), np.zeros_like(wall)
    fallback = wall - offsets[low]
    for step in range(int((high - low).max(initial=-1)) + 1):
        here = np.flatnonzero(low + step <= high)
        piece = low[here] + step
        moment = wall[here] - offsets[piece]
        shown = (moment >= starts[piece]) & (moment < ends[piece])
        count[here] += shown
        hit = here[shown]
        last[hit] = moment[shown]
        first[hit] = np.where(first[hit] == _NEVER, last[hit], first[hit])
        # Past the end of this step, and not yet at the beginning of the next one: the clock was put forward over it.
        after = np.minimum(piece + 1, len(offsets) - 1)
        over = (moment >= ends[piece]) & (wall[here] - offsets[after] < starts[after]) & (missing[here] == 0)
        fallback[here[over]] = moment[over]
        missing[here[over]] = (offsets[after] - offsets[piece])[over]
    never = count == 0
    return (
        np.where(never, fallback, first), np.where(never, fallback, last), count, np.where(never, missing, 0),
    )  # fmt: skip


def _in_order(first: Ints, last: Ints, doubled: Ints, group: Ints) -> tuple[Ints, Ints]:
    """Earliest and latest times that keep each group in order, of those that could be either.

    A time that no choice puts in order keeps what it has; what follows is then held against it.
    """
    order = np.argsort(group, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    early, late, groups = first[order], last[order], group[order]
    spots = np.sort(place[doubled]).tolist()
    for i in spots:
        if i and groups[i - 1] == groups[i] and early[i] < early[i - 1] <= late[i]:
            early[i] = late[i]
    for i in reversed(spots):
        if i + 1 < len(groups) and groups[i + 1] == groups[i] and early[i] <= late[i + 1] < late[i]:
            late[i] = early[i]
    return early[place], late[place]
