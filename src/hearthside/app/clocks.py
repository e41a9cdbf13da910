"""Clocks for the pages: how well each is known, which events are held back and why, and the person's word on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Protocol

import numpy as np

from hearthside.alignment.aligning import StreamName
from hearthside.alignment.clocks.faults import (
    DEVICE,
    PERSON,
    Decision,
    decision_payload,
    decisions_in_force,
    device_of,
    read_decision,
)
from hearthside.alignment.clocks.known import KnownClock
from hearthside.alignment.clocks.placement import Held, Placement
from hearthside.alignment.clocks.words import day_words, length_words
from hearthside.alignment.kinds import amount_of, shown_text
from hearthside.errors import Refused
from hearthside.events import HOUR_MS, Event, Layer, Origin, Trust
from hearthside.journal import Journal
from hearthside.perception import perceiver_names
from hearthside.sources import source_names
from hearthside.web.clock_views import ClockRow, ClocksView, DecidedRange, HeldGroup
from hearthside.web.names import source_words

SAMPLES = 3
FARTHEST_MS = 200 * 366 * 24 * HOUR_MS  # no clock is off by more than two centuries
_SHOWN_FINEST_MS = 10.0  # what is known better is not worth more digits


class HeldEvent(Protocol):
    """An event that is held back."""

    @property
    def id(self) -> bytes: ...
    @property
    def clock(self) -> str: ...
    @property
    def raw_ms(self) -> int: ...


def clocks_view(
    journal: Journal,
    known: Sequence[KnownClock],
    held: Iterable[HeldEvent],
    now_ms: int,
    stamps: Mapping[StreamName, Mapping[str, tuple[int, int]]],
) -> ClocksView:
    """Everything the card about clocks shows.

    Args:
        known: what is known of each clock.
        held: the events held back now.
        now_ms: present time, UTC.
        stamps: of each stream the clocks that stamped it, each with the first and the last time by it.
    """
    placements = {one.clock: one.placement for one in known}
    groups = _groups(journal, placements, held)
    return ClocksView(_rows(known, now_ms, sent_last(stamps)), groups, _decided(_decisions(journal)))


def sent_last(stamps: Mapping[StreamName, Mapping[str, tuple[int, int]]]) -> dict[str, int]:
    """The last time by each clock of what its device itself sent: what a perceiver made of it later does not count."""
    made = set(perceiver_names())
    found: dict[str, int] = {}
    for name, clocks in stamps.items():
        for clock, (_, last_ms) in clocks.items():
            if name.source not in made:
                found[clock] = max(found.get(clock, last_ms), last_ms)
    return found


def decide_clock(
    journal: Journal, clock: str, first_ms: int, last_ms: int, action: str, shift_ms: int | None, now_ms: int
) -> None:
    """Journal the person's word on raw times [first, last) of a clock; it is on disk on return.

    Raises:
        Refused: ``clock-decision-wrong``: it says nothing that can be done; nothing was changed.
    """
    decision = Decision(clock, first_ms, last_ms, action, shift_ms, now_ms)
    try:
        if read_decision(decision_payload(decision)).shift_ms is not None and abs(shift_ms or 0) > FARTHEST_MS:
            raise ValueError("a shift by centuries")
    except ValueError:
        raise Refused(
            "clock-decision-wrong", "Say by how much these times are to be moved, e.g. 2 d 3 h; nothing was changed."
        ) from None
    event = Event(
        "person", "clock_decision", Layer.BEHAVIOURAL, now_ms, Origin.SELF, Trust.OWN, decision_payload(decision),
        clock="station", key=str(journal.head().seq),
    )  # fmt: skip
    journal.append([event])


def clock_claims(journal: Journal) -> list[Event]:
    """The events that say which token stamps which device's clocks; what live capture asks."""
    found = (item.record for item in journal.read(kinds=["clock_claim"]))
    return [record for record in found if isinstance(record, Event)]


# -- how well each is known --------------------------------------------------------------------------------------------


def _rows(known: Sequence[KnownClock], now_ms: int, sent: Mapping[str, int]) -> list[ClockRow]:
    """Devices first, each with its newest epoch; imports where something is known of their clock."""
    devices = [one for one in known if one.clock.startswith(DEVICE)]
    devices.sort(key=lambda one: (device_of(one.clock), one.heard_ms or one.last_event_ms or 0, one.clock))
    by_device = groupby(devices, lambda one: device_of(one.clock))
    rows = [_device_row(list(epochs), now_ms, sent) for _, epochs in by_device]
    imports = [one for one in known if one.clock.startswith("export:") and one.estimate is not None]
    return [*rows, *map(_import_row, imports)]


def _device_row(epochs: Sequence[KnownClock], now_ms: int, sent: Mapping[str, int]) -> ClockRow:
    newest = epochs[-1]
    title = clock_title(newest.clock)
    compared = sum(one.exchanges for one in epochs)
    last_ms = max((ms for one in epochs if (ms := _last_ms(one, sent)) is not None), default=None)
    if not newest.exchanges:
        since = " since it was last started or set" if compared else ""
        words = f"Not compared with this station’s clock{since}; taken at its word."
        return ClockRow(title, words, _times(compared), last_ms)
    if _wrong_now(newest, now_ms):
        return ClockRow(title, "Wrong; what it recorded is listed below.", _times(compared), last_ms, True)
    return ClockRow(title, _error_words(newest.placement), _times(compared), last_ms)


def _import_row(one: KnownClock) -> ClockRow:
    estimate = one.estimate or {}
    shift, sigma = float(estimate.get("shift_ms") or 0), float(estimate.get("sigma_ms") or 0)
    against = str(estimate.get("against") or "")
    found = f", found by comparing it with {source_words(against)}" if against else ", found by what it recorded"
    return ClockRow(clock_title(one.clock), _off(shift, sigma) + found + ".", "", None)


def clock_title(clock: str) -> str:
    """A clock's name for people: ``device:phone#7`` as ``phone``, ``export:oura_sleep`` as ``Oura sleep``.

    A device that is called like a source has the name of that source: ``device:glasses`` is ``Smart glasses``.
    """
    if clock.startswith(DEVICE):
        device = device_of(clock).removeprefix(DEVICE)
        return source_words(device) if device in source_names() else device
    return source_words(clock.removeprefix("export:").partition("@")[0])


def _last_ms(one: KnownClock, sent: Mapping[str, int]) -> int | None:
    """When a device itself was last heard of, true time: by an exchange, else by what it sent, where it is believed."""
    if one.heard_ms is not None or one.clock not in sent:
        return one.heard_ms
    said = np.array([sent[one.clock]], dtype=np.int64)
    return None if one.placement.holds(said)[0] else int(one.placement.correct(said)[0][0])


def _wrong_now(one: KnownClock, now_ms: int) -> bool:
    """Whether what the clock says at the last exchange or now is held back for a fault of it."""
    if one.heard_ms is None or not len(one.placement.knots_ms):
        return False
    shift = float(one.placement.shift_ms[-1])
    said = (one.heard_ms - shift, now_ms - shift)
    faults = [held for held in one.placement.held if held.code != PERSON]
    return any(held.first_ms <= time < held.last_ms for held in faults for time in said)


def _error_words(placement: Placement) -> str:
    if not len(placement.knots_ms):
        return "Right."
    return _off(float(placement.shift_ms[-1]), float(placement.sigma_ms[-1])) + "."


def _off(shift_ms: float, sigma_ms: float) -> str:
    """An error of a clock and how well it is known (two standard deviations): ``2.4 s slow, known to 0.01 s``."""
    known = _fine_words(max(2 * sigma_ms, _SHOWN_FINEST_MS))
    if abs(shift_ms) <= max(2 * sigma_ms, 50.0):
        return f"Right to {known}"
    return f"{_fine_words(abs(shift_ms))} {'slow' if shift_ms > 0 else 'fast'}, known to {known}"


def _fine_words(ms: float) -> str:
    return f"{ms / 1000:.2f} s" if ms < 995 else length_words(ms)


def _times(count: int) -> str:
    if not count:
        return "never"
    return "once" if count == 1 else f"{count:,} times"


# -- what is held back -------------------------------------------------------------------------------------------------


def _groups(journal: Journal, placements: dict[str, Placement], held: Iterable[HeldEvent]) -> list[HeldGroup]:
    """The held events by clock and range, in order of clock and time."""
    ordered = sorted(held, key=lambda event: (event.clock, event.raw_ms, event.id))
    by_range: dict[tuple[str, Held], list[HeldEvent]] = {}
    for event in ordered:
        placement = placements.get(event.clock)
        found = [one for one in placement.held if one.first_ms <= event.raw_ms < one.last_ms] if placement else []
        if found:
            by_range.setdefault((event.clock, found[0]), []).append(event)
    return [_group(journal, clock, one, events) for (clock, one), events in by_range.items()]


def _group(journal: Journal, clock: str, held: Held, events: Sequence[HeldEvent]) -> HeldGroup:
    shown = [events[i * (len(events) - 1) // max(SAMPLES - 1, 1)] for i in range(min(SAMPLES, len(events)))]
    if len(events) < SAMPLES:
        shown = list(events)
    stored = journal.get([event.id for event in shown])
    samples = [(event.raw_ms, _words(stored[event.id].record)) for event in shown if event.id in stored]
    return HeldGroup(
        clock, held.first_ms, held.last_ms, clock_title(clock), held.reason, len(events), events[0].raw_ms,
        events[-1].raw_ms, held.suggested_ms, tuple(samples), held.code == PERSON,
    )  # fmt: skip


def _words(record: object) -> str:
    """The words of an event, or what it is where it has none."""
    if isinstance(record, Event):
        said = shown_text(record.kind, record.text, amount_of(record))
        return said or record.kind.replace("_", " ")
    return str(getattr(record, "kind", "")).replace("_", " ")


# -- what the person said ----------------------------------------------------------------------------------------------


def _decisions(journal: Journal) -> list[Decision]:
    """Every decision on a clock, oldest first."""
    found = []
    for item in sorted(journal.read(kinds=["clock_decision"]), key=lambda stored: stored.seq):
        if isinstance(item.record, Event):
            found.append(read_decision(item.record.payload))
    return found


def _decided(decisions: Sequence[Decision]) -> list[DecidedRange]:
    """Those in force that let something in, so that they can be taken back."""
    found = []
    by_clock = sorted(decisions, key=lambda one: one.clock)
    for clock, said in groupby(by_clock, lambda one: one.clock):
        for one in decisions_in_force(list(said)):
            if one.action == "hold":
                continue
            when = _range_words(one)
            shift = one.shift_ms or 0
            how = f"moved {length_words(abs(shift))} {'later' if shift > 0 else 'earlier'}" if shift else "believed"
            sentence = f"What {clock_title(clock)} recorded {when} by its own clock is {how}."
            found.append(DecidedRange(clock, one.first_ms, one.last_ms, clock_title(clock), sentence))
    return found


def _range_words(one: Decision) -> str:
    first, last = day_words(one.first_ms), day_words(one.last_ms - 1)
    return f"on {first}" if first == last else f"from {first} to {last}"
