"""Clocks that cannot be believed: what exchanges, events and other devices say against a clock, as ranges held back.

What is corrected, and what is held back. An error of up to 26 hours that the exchanges show is corrected by the fit
and is no fault: local times lie between UTC-12 and UTC+14, so a wrong zone, the date line and daylight saving together
make no larger one. Beyond that the date itself was wrong, and no event moves by days but by the person's word. A
clock that was set back said some times twice, and what it said twice is held back where the two are more than a minute
apart: no correction is right for both. A clock that was set ahead said nothing twice; when exactly it was set may be
open, and the fit says so as uncertainty.

Everything here is a function of what the journal holds, the same in whatever order it arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hearthside.alignment.clocks.exchanges import Exchange
from hearthside.alignment.clocks.placement import Held
from hearthside.alignment.clocks.readings import Readings, Spell, spells_of
from hearthside.alignment.clocks.words import day_words, length_words, off_words
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Json, day_number

DEVICE = "device:"
CORRECTABLE_MS = 26 * HOUR_MS
OFFLINE_MS = 31 * DAY_MS
"""How far a fault is taken to reach before the first exchange of a clock, and after the last."""

TURN_MS = DAY_MS
"""A clock that changes and is back within a day is two clocks: a person sets a clock right, and then leaves it."""

QUIET_MS = 2 * DAY_MS
"""Two clocks of one name are over when it has spoken with one voice for so long."""

APART_MS = 10_000
"""Two devices differ by more; a single one that is set by its network differs from itself by a second or two."""

GAP_DAYS = 300
"""Days without an event that part a stray stretch of a live clock from its life: a little under a jump of a year."""

FACTORY_DAYS = tuple(day_number(day) for day in ("1970-01-01", "1980-01-01", "2000-01-01", "2010-01-01"))
"""Where clocks begin that were never set: Unix, DOS and GPS (6 January 1980), and the usual dates of firmware."""

_COUNTED_DAYS = 366  # a clock that was never set has not run for longer since its last restart
_BEFORE_ANY_DAY = day_number("1990-01-01")  # no live source is older: an early life needs no later one to be a fault
_STRAY_DAYS = 31
EPOCH, JUMP, TWO, BACKWARDS, PERSON = "epoch", "jump", "two-devices", "backwards", "person"


@dataclass(frozen=True, slots=True)
class EventEvidence:
    """When the events of one clock happened by its own time; those of which only the day is known are left out.

    Attributes:
        events: how many.
        first_ms, last_ms: the earliest and the latest, raw; None when there are none.
        days: (raw UTC day number, events on it), in order.
        heard: for a raw day the UTC day number on which the first event of it was received, where that is known. It is
            the one thing here that tells when something arrived: a stretch that was received while it happened is no
            fault, however long ago.
    """

    events: int
    first_ms: int | None
    last_ms: int | None
    days: tuple[tuple[int, int], ...]
    heard: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """That a client stamped the clocks of a device.

    Attributes:
        device: the clock's name without its epoch, e.g. ``device:phone``.
        token: what the person calls the token by which the client came.
        at_ms: when, by the station.
        owns: the device's clocks are this token's; False: they were another's, so two devices use one name.
    """

    device: str
    token: str
    at_ms: int
    owns: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What the person said of a range [first, last) of a clock's own time.

    Attributes:
        action: ``accept``: it was as the clock said; ``shift``: add `shift_ms`; ``hold``: keep it out.
        at_ms: when it was said, UTC ms; of several that cover a time the latest counts.
    """

    clock: str
    first_ms: int
    last_ms: int
    action: str
    shift_ms: int | None = None
    at_ms: int = 0


class Shift(NamedTuple):
    """Times in [first, last) of a clock are off by exactly this: true minus raw."""

    first_ms: int
    last_ms: int
    shift_ms: int


def find_faults(
    clock: str,
    exchanges: Sequence[Exchange],
    seen: EventEvidence,
    ambiguous: Sequence[tuple[int, int]] | None = None,
    claims: Sequence[Claim] = (),
) -> list[Held]:
    """Ranges of a clock's own time that must not enter the life stream as they are, in order, not overlapping.

    Only clocks of live devices (``device:...``) have faults. An export of old photographs is none: what reads
    recordings, live or not, names its clock ``export:...``, because its times are no readings of a running clock.

    Args:
        clock: its name, epoch included.
        exchanges: those of this clock, in any order.
        seen: when its events happened.
        ambiguous: ranges [first, last) of raw time that may stand for two times, as the fit found; of what was said
            twice only what lies in them is held back. None: not known.
        claims: those of this clock's device, in any order.
    """
    if not clock.startswith(DEVICE):
        return []
    name = _spoken(clock)
    readings = Readings.of(exchanges)
    spells = spells_of(readings, MINUTE_MS)
    turns = _turns(readings)
    found = [
        *_two_devices(name, readings, turns),
        *_contested(name, readings, claims),
        *_far_off(name, readings, spells),
        *_stray(name, readings, seen),
        *_backwards(name, readings, turns, ambiguous),
    ]
    return _apart(found)


# -- what exchanges say ------------------------------------------------------------------------------------------------


def _far_off(name: str, readings: Readings, spells: Sequence[Spell]) -> list[Held]:
    """Spells in which the clock was off by more than a zone can explain, with what would set it right."""
    found = []
    for k, spell in enumerate(spells):
        if abs(spell.offset_ms) <= CORRECTABLE_MS:
            continue
        # The wrong time may have been set right after the last exchange before, and lasted up to the next one after.
        before = readings.true[spell.first] - readings.true[spell.first - 1] if k else OFFLINE_MS
        after = readings.true[spell.last + 1] - readings.true[spell.last] if k + 1 < len(spells) else OFFLINE_MS
        first = int(readings.raw[spell.first] - before)
        last = int(readings.raw[spell.last] + after) + 1
        code, reason = _far_words(name, readings, spell)
        found.append(Held(first, last, code, reason, round(spell.offset_ms)))
    return _one_meaning(_alike(found), readings, spells)


def _far_words(name: str, readings: Readings, spell: Spell) -> tuple[str, str]:
    said, true = int(readings.raw[spell.first]), int(readings.true[spell.first])
    if _factory_day(said // DAY_MS) is not None:
        return EPOCH, (
            f"The clock of “{name}” said {day_words(said)} when it was {day_words(true)}: it had started from the"
            " date it was made with."
        )
    way = "back" if spell.offset_ms > 0 else "ahead"
    return JUMP, (
        f"The clock of “{name}” said {day_words(said)} when it was {day_words(true)}:"
        f" {length_words(abs(spell.offset_ms))} {way}."
    )


def _alike(held: Sequence[Held]) -> list[Held]:
    """Ranges that overlap and are off by the same made one: another device spoke in between, or nothing happened."""
    found: list[Held] = []
    for one in sorted(held, key=lambda each: (each.suggested_ms or 0, each.first_ms)):
        before = found[-1] if found else None
        near = before is not None and abs((one.suggested_ms or 0) - (before.suggested_ms or 0)) <= MINUTE_MS
        if before is not None and near and before.first_ms <= one.last_ms and one.first_ms <= before.last_ms:
            first, last = min(before.first_ms, one.first_ms), max(before.last_ms, one.last_ms)
            found[-1] = replace(before, first_ms=first, last_ms=last)
        else:
            found.append(one)
    return sorted(found, key=lambda each: each.first_ms)


def _one_meaning(held: Sequence[Held], readings: Readings, spells: Sequence[Spell]) -> list[Held]:
    """The same, without a suggestion where the range was also the clock's time at another time."""
    begins = readings.raw[[spell.first for spell in spells]]
    ends = readings.raw[[spell.last for spell in spells]]
    offsets = np.array([spell.offset_ms for spell in spells])
    found = []
    for one in held:
        inside = (ends >= one.first_ms) & (begins < one.last_ms)
        if (np.abs(offsets[inside] - float(one.suggested_ms or 0)) <= 2 * MINUTE_MS).all():
            found.append(one)
        else:
            found.append(replace(one, reason=f"{one.reason} Other times of it read the same.", suggested_ms=None))
    return found


def _turns(readings: Readings) -> list[tuple[int, int]]:
    """(index before the first change, index after the last) of each time in which two clocks spoke by turns.

    A, B, A within a day: the offset changed by more than one device's ever does, and came back.
    """
    spells = spells_of(readings, APART_MS)
    found: list[tuple[int, int]] = []
    for a, spell in enumerate(spells):
        for again in spells[a + 2 :]:
            if readings.true[again.first] - readings.true[spell.last] > TURN_MS:
                break
            if readings.agree(spell.last, again.first, APART_MS):
                found.append((spell.last, again.first))
                break
    joined: list[tuple[int, int]] = []
    for begin, end in found:
        if joined and readings.true[begin] - readings.true[joined[-1][1]] <= QUIET_MS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def _two_devices(name: str, readings: Readings, turns: Sequence[tuple[int, int]]) -> list[Held]:
    """Of each turn the raw times of every device that took part in it."""
    found = []
    for begin, end in turns:
        newest = float(readings.true[-1])
        over = newest - readings.true[end] > QUIET_MS  # until then what comes next is held back too
        until = float(readings.true[end]) if over else newest + OFFLINE_MS
        offsets = [float(value) for value in readings.offset[begin : end + 1]]
        near = [value for value in offsets if abs(value) <= CORRECTABLE_MS]
        if len(near) < 2 or max(near) - min(near) <= APART_MS:
            continue  # at most one of them is near the truth, the rest is far off, and their times do not mix
        reason = (
            f"Two devices seem to call their clock “{name}”: on {day_words(float(readings.true[begin]))} it was by"
            f" turns {off_words(min(near))} and {off_words(max(near))}. Give each of them a name of its own."
        )
        first = int(readings.true[begin] - max(near)) - MINUTE_MS
        found.append(Held(first, int(until - min(near)) + MINUTE_MS, TWO, reason))
    return found


def _backwards(
    name: str, readings: Readings, turns: Sequence[tuple[int, int]], ambiguous: Sequence[tuple[int, int]] | None
) -> list[Held]:
    """Where a clock was set back: the raw times that may have come twice, more than a minute apart."""
    found = []
    for i in readings.set_back(MINUTE_MS):
        jump = float(readings.offset[i + 1] - readings.offset[i])
        far = max(abs(float(value)) for value in readings.offset[i : i + 2]) > CORRECTABLE_MS
        if far or any(begin <= i < end for begin, end in turns):
            continue
        reason = (
            f"The clock of “{name}” was set back by {length_words(jump)} on {day_words(float(readings.true[i + 1]))},"
            " so it said these times twice."
        )
        passed = float(readings.true[i + 1] - readings.true[i])  # it was set back at some time in between
        first, last = int(readings.raw[i + 1] - passed), int(readings.raw[i] + passed) + 1
        for begin, end in [(first, last)] if ambiguous is None else ambiguous:
            if max(first, begin) < min(last, end):
                found.append(Held(max(first, begin), min(last, end), BACKWARDS, reason))
    return found


def _contested(name: str, readings: Readings, claims: Sequence[Claim]) -> list[Held]:
    """The days on which a second token stamped the clock: which device an event is from is not known."""
    found = []
    for day, token in sorted({(claim.at_ms // DAY_MS, claim.token) for claim in claims if not claim.owns}):
        reason = f"Two devices call their clock “{name}”, and “{token}” was not the first. Give it a name of its own."
        offset = round(readings.offset_near(day * DAY_MS + DAY_MS / 2))
        if abs(offset) > CORRECTABLE_MS:
            offset = 0
        found.append(Held(day * DAY_MS - offset, (day + 1) * DAY_MS - offset, TWO, reason))
    return found


# -- what events say ---------------------------------------------------------------------------------------------------


def _stray(name: str, readings: Readings, seen: EventEvidence) -> list[Held]:
    """Stretches of a live clock that lie where no life of it can be, and of which no exchange says otherwise."""
    stretches = _stretches(seen.days)
    found = []
    for k, stretch in enumerate(stretches):
        first, last = stretch[0][0] * DAY_MS, (stretch[-1][0] + 1) * DAY_MS
        if readings.near_between(first, last, CORRECTABLE_MS):
            continue
        newest = k + 1 == len(stretches)
        if _never_set(stretch, newest):
            reason = (
                f"“{name}” recorded this around {day_words(first)}, where clocks begin that were never set; when it"
                " really was is not known."
            )
            found.append(Held(first, last, EPOCH, reason))
        elif not newest and _out_of_line(stretch, seen):
            years = (stretches[k + 1][0][0] - stretch[-1][0]) * DAY_MS
            reason = (
                f"“{name}” recorded this around {day_words(first)}, {length_words(years)} before anything else of it;"
                " its clock was probably wrong."
            )
            found.append(Held(first, last, JUMP, reason))
    return found


def _stretches(days: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """(day, events) in stretches that long gaps part."""
    found: list[list[tuple[int, int]]] = []
    for day, count in sorted(days):
        if found and day - found[-1][-1][0] < GAP_DAYS:
            found[-1].append((day, count))
        else:
            found.append([(day, count)])
    return found


def _never_set(stretch: Sequence[tuple[int, int]], newest: bool) -> bool:
    """Whether a stretch lies where clocks begin that were never set, and not simply where the life itself begins."""
    begin = _factory_day(stretch[0][0])
    if begin is None or stretch[-1][0] > begin + _COUNTED_DAYS:
        return False
    return begin < _BEFORE_ANY_DAY or not newest


def _out_of_line(stretch: Sequence[tuple[int, int]], seen: EventEvidence) -> bool:
    """Whether a stretch before the rest is a slip of the clock rather than an early part of the life."""
    heard = [seen.heard[day] - day for day, _ in stretch if day in seen.heard]
    if heard:
        return min(heard) >= GAP_DAYS
    count = sum(events for _, events in stretch)
    return stretch[-1][0] - stretch[0][0] < _STRAY_DAYS and 2 * count < seen.events


def _factory_day(day: int) -> int | None:
    """The day number from which a clock that was never set had counted when it said this day, or None."""
    # A zone may put its beginning a day earlier in UTC.
    return next((begin for begin in FACTORY_DAYS if begin - 1 <= day <= begin + _COUNTED_DAYS), None)


def read_claim(payload: Mapping[str, Json]) -> Claim:
    """The claim that a ``clock_claim`` holds.

    Raises:
        ValueError: it holds none.
    """
    device, token, at, owns = (payload.get(name) for name in ("clock", "token", "at_ms", "owns"))
    if not isinstance(device, str) or not isinstance(token, str) or type(at) is not int or type(owns) is not bool:
        raise ValueError("no claim to a clock")
    return Claim(device, token, at, owns)


# -- what the person says ----------------------------------------------------------------------------------------------


def read_decision(payload: Mapping[str, Json]) -> Decision:
    """The decision that a ``clock_decision`` holds.

    Raises:
        ValueError: it holds none.
    """
    clock, action, shift = payload.get("clock"), payload.get("action"), payload.get("shift_ms")
    first, last, at = payload.get("first_ms"), payload.get("last_ms"), payload.get("at_ms", 0)
    if not isinstance(clock, str) or action not in ("accept", "shift", "hold") or type(at) is not int:
        raise ValueError("no decision on a clock")
    if type(first) is not int or type(last) is not int or first >= last:
        raise ValueError("a decision on no range of a clock")
    if (action == "shift") != (type(shift) is int):
        raise ValueError("a decision that shifts by nothing, or one that does not shift with a shift")
    return Decision(clock, first, last, action, shift, at)


def decision_payload(decision: Decision) -> dict[str, Json]:
    """The payload of a ``clock_decision``; see `read_decision`."""
    return {
        "clock": decision.clock,
        "first_ms": decision.first_ms,
        "last_ms": decision.last_ms,
        "action": decision.action,
        "shift_ms": decision.shift_ms,
        "at_ms": decision.at_ms,
    }


def apply_decisions(held: Sequence[Held], decisions: Sequence[Decision]) -> tuple[list[Held], list[Shift]]:
    """What is held back and what is shifted after the person's word; both in order, not overlapping.

    A time that the person believes is taken as the clock said it, so its shift is 0, whatever the exchanges say.

    Args:
        held: in order, not overlapping, as from `find_faults`.
        decisions: on the same clock; of those said in the same millisecond the later in this order counts.
    """
    said = decisions_in_force(decisions)
    kept = list(held)
    for decision in said:
        kept = [piece for one in kept for piece in _without(one, decision.first_ms, decision.last_ms)]
    for decision in said:
        if decision.action == "hold":
            kept += _kept_out(held, decision)
    shifts = [Shift(one.first_ms, one.last_ms, one.shift_ms or 0) for one in said if one.action in ("accept", "shift")]
    return sorted(kept, key=lambda one: one.first_ms), shifts


def decisions_in_force(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions cut so that each time has the latest one that covers it; in order, joined where alike."""
    ordered = sorted(decisions, key=lambda decision: decision.at_ms)
    edges = sorted({edge for one in ordered for edge in (one.first_ms, one.last_ms)})
    found: list[Decision] = []
    for first, last in pairwise(edges):
        covering = [one for one in ordered if one.first_ms <= first and one.last_ms >= last]
        if not covering:
            continue
        one = covering[-1]
        before = found[-1] if found else None
        if before and (before.last_ms, before.action, before.shift_ms) == (first, one.action, one.shift_ms):
            first = found.pop().first_ms
        found.append(Decision(one.clock, first, last, one.action, one.shift_ms, one.at_ms))
    return found


def _kept_out(held: Sequence[Held], decision: Decision) -> list[Held]:
    """What the person keeps out, with the suggestions that there were for it."""
    reason = "You asked to keep this out."
    found, at = [], decision.first_ms
    for one in held:
        first, last = max(one.first_ms, decision.first_ms), min(one.last_ms, decision.last_ms)
        if first < last:
            if at < first:
                found.append(Held(at, first, PERSON, reason))
            found.append(Held(first, last, PERSON, reason, one.suggested_ms))
            at = last
    if at < decision.last_ms:
        found.append(Held(at, decision.last_ms, PERSON, reason))
    return found


# -- ranges and words --------------------------------------------------------------------------------------------------


def _apart(found: Sequence[Held]) -> list[Held]:
    """In order of time without overlaps; of two that overlap the one named first says why."""
    kept: list[Held] = []
    for one in found:
        pieces = [one]
        for other in kept:
            pieces = [part for piece in pieces for part in _without(piece, other.first_ms, other.last_ms)]
        kept += pieces
    return _joined(sorted(kept, key=lambda each: each.first_ms))


def _joined(held: Sequence[Held]) -> list[Held]:
    """Ranges that touch and say the same made one."""
    found: list[Held] = []
    for one in held:
        before = found[-1] if found else None
        if before and before.last_ms == one.first_ms and (before.code, before.reason, before.suggested_ms) == (
            one.code, one.reason, one.suggested_ms,
        ):  # fmt: skip
            found[-1] = Held(before.first_ms, one.last_ms, one.code, one.reason, one.suggested_ms)
        else:
            found.append(one)
    return found


def _without(held: Held, first_ms: int, last_ms: int) -> list[Held]:
    """What is left of a range when [first, last) is taken from it."""
    left = [(held.first_ms, min(held.last_ms, first_ms)), (max(held.first_ms, last_ms), held.last_ms)]
    return [Held(a, b, held.code, held.reason, held.suggested_ms) for a, b in left if a < b]


def device_of(clock: str) -> str:
    """The clock's name without its epoch: the device it belongs to."""
    return clock.partition("#")[0]


def _spoken(clock: str) -> str:
    return device_of(clock).removeprefix(DEVICE)
