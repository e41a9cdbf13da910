"""Gaze dwell: how long the eyes rested on one thing, from samples already labelled with what was looked at.

A dwell is one visit to an area of interest, from entry to exit. The labels are areas of interest, so no dispersion or
velocity threshold is needed: area-of-interest identification (I-AOI) of Salvucci and Goldberg, "Identifying fixations
and saccades in eye-tracking protocols", ETRA 2000; dwell time as in Holmqvist et al., "Eye Tracking", 2011.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hearthside.events import Event, Origin

NAME = "gaze_dwell"
KINDS = frozenset({"gaze"})
MIN_DWELL_MS = 3_000
MIN_SAMPLES = 2  # one sample, however long its step, shows no resting
MAX_BREAK_MS = 1_000  # a break is one step, and only where a step is no longer than this


def perceive(event: Event) -> Iterator[Event]:
    """The dwells in one run of gaze samples, as `dwell` intervals that do not overlap.

    Args:
        event: of kind `gaze`; payload `targets` (one label or null a step) and `step_ms`.
    """
    targets, step_ms = event.payload["targets"], event.payload["step_ms"]
    for start, end in dwells(targets, step_ms):
        target = targets[start]
        share = targets[start:end].count(target) / (end - start)
        yield Event(
            source=NAME,
            kind="dwell",
            layer=event.layer,
            start_ms=event.start_ms + start * step_ms,
            end_ms=event.start_ms + end * step_ms,
            origin=Origin.DEVICE,
            trust=event.trust,
            payload={"target": target, "gaze_share": round(share, 4), "of": event.id.hex()},
            clock=event.clock,
            text=target,
            offset_min=event.offset_min,
            uncertainty_ms=event.uncertainty_ms + step_ms,  # entry and exit lie somewhere within a step
        )


def dwells(targets: Sequence[str | None], step_ms: int) -> list[tuple[int, int]]:
    """Index ranges [start, end) of the dwells, in order; an earlier dwell wins where two would overlap.

    A range begins and ends on its target; inside, single steps may lie elsewhere. It lasts at least 3 s.
    """
    exits = _exits(targets, break_allowed=step_ms <= MAX_BREAK_MS)
    found, at = [], 0
    while at < len(targets):
        end, target = exits[at], targets[at]
        long_enough = (end - at) * step_ms >= MIN_DWELL_MS
        if target is not None and long_enough and targets[at:end].count(target) >= MIN_SAMPLES:
            found.append((at, end))
            at = end
        else:
            at += 1
    return found


def _exits(targets: Sequence[str | None], break_allowed: bool) -> list[int]:
    """For each step the end (exclusive) of the visit that is under way there, found from the last step backwards."""
    exits = list(range(1, len(targets) + 1))
    for at in range(len(targets) - 2, -1, -1):
        if targets[at] == targets[at + 1]:
            exits[at] = exits[at + 1]
        elif break_allowed and at + 2 < len(targets) and targets[at] == targets[at + 2]:
            exits[at] = exits[at + 2]
    return exits
