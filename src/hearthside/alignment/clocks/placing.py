"""Where the times of every clock belong: by its placement, or by the person's offset where it is a naive one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.alignment.clocks.placement import FIRST_MS, LAST_MS, Placement
from hearthside.alignment.naive import parse_naive, replace_naive
from hearthside.alignment.offsets import OffsetTrack
from hearthside.events import DAY_MS

Ints = npt.NDArray[np.int64]
NAIVE_REACH_MS = 2 * DAY_MS
"""No naive local time is farther from the one assumed: zones span 26 hours, and clocks change by one more."""


@dataclass(frozen=True, slots=True)
class KnownClocks:
    """What is known of the clocks of a life.

    Attributes:
        placements: of each clock that is not simply taken at its word.
        track: the person's UTC offset, by which naive local times are placed.
    """

    placements: Mapping[str, Placement]
    track: OffsetTrack

    def place(self, clock: str, raw_ms: Ints, stated_ms: Ints) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
        """Corrected times, how far these may be off, and which are held back; (n,) each.

        Args:
            stated_ms: how far the raw times may be off, as their source stated.
        """
        placement = self.placements.get(clock)
        held = np.zeros(raw_ms.shape, np.bool_) if placement is None else placement.holds(raw_ms)
        zone = parse_naive(clock)
        if zone is not None:
            start, doubt, _ = replace_naive(raw_ms, zone, self.track, stated_ms=stated_ms)
            return start, doubt, held
        if placement is None:
            return raw_ms, stated_ms, held
        start, doubt = placement.correct(raw_ms)
        return start, doubt + stated_ms, held

    def raw_ranges(self, clocks: Iterable[str], first_ms: int, last_ms: int) -> list[tuple[int, int]]:
        """Ranges of raw time [a, b), in order, outside of which these clocks place nothing in [first, last)."""
        found = [(first_ms, last_ms)]
        for clock in clocks:
            if parse_naive(clock) is not None:
                found.append((first_ms - NAIVE_REACH_MS, last_ms + NAIVE_REACH_MS))
            elif (placement := self.placements.get(clock)) is not None:
                found += placement.raw_ranges(first_ms, last_ms)
        return merged(found)

    def images(self, clock: str, first_ms: int, last_ms: int) -> tuple[int, int]:
        """Bounds [a, b) of corrected time for raw times in [first, last) of a clock."""
        if parse_naive(clock) is not None:
            return first_ms - NAIVE_REACH_MS, last_ms + NAIVE_REACH_MS
        placement = self.placements.get(clock)
        if placement is None or not len(placement.knots_ms):
            return first_ms, last_ms
        inside = placement.knots_ms[(placement.knots_ms > first_ms) & (placement.knots_ms < last_ms)]
        asked = np.concatenate([[first_ms, last_ms - 1], inside])
        shift = np.interp(asked, placement.knots_ms, placement.shift_ms)
        return first_ms + int(np.floor(shift.min())) - 1, last_ms + int(np.ceil(shift.max())) + 1


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def differences(before: Placement, after: Placement) -> list[tuple[int, int]]:
    """Ranges of raw time in which two placements of a clock do not say the very same."""
    edges = np.unique(
        np.concatenate(
            [before.knots_ms, after.knots_ms, *[[h.first_ms, h.last_ms] for h in (*before.held, *after.held)]]
        ).astype(np.int64)
    )
    if not len(edges):
        return []
    # Between two neighbouring edges both are straight lines, or constant outside of all; equal at both, equal between.
    bounds = np.concatenate([[FIRST_MS], edges, [LAST_MS]])
    asked = np.concatenate([[edges[0] - 1], edges, [edges[-1] + 1]])
    same = _said(before, asked) == _said(after, asked)
    equal = same.all(axis=0)
    middles = (bounds[:-1] + bounds[1:]) // 2
    equal_inside = before.holds(middles) == after.holds(middles)
    equal_slope = _same_pieces(before, after, bounds)
    found = []
    for i in range(len(bounds) - 1):
        if not (equal[i] and equal[min(i + 1, len(equal) - 1)] and equal_inside[i] and equal_slope[i]):
            found.append((int(bounds[i]), int(bounds[i + 1]) + 1))
    return merged(found)


def _said(placement: Placement, asked: Ints) -> npt.NDArray[np.float64]:
    if not len(placement.knots_ms):
        return np.zeros((2, len(asked)))
    return np.vstack(
        [np.interp(asked, placement.knots_ms, values) for values in (placement.shift_ms, placement.sigma_ms)]
    )


def _same_pieces(before: Placement, after: Placement, bounds: Ints) -> npt.NDArray[np.bool_]:
    """Whether the piece between two bounds has the same knots at its ends: else rounding may differ by one."""
    found = np.ones(len(bounds) - 1, dtype=np.bool_)
    for i in range(len(found)):
        found[i] = _ends(before, int(bounds[i])) == _ends(after, int(bounds[i]))
    return found


def _ends(placement: Placement, after_ms: int) -> tuple[object, ...]:
    at = int(np.searchsorted(placement.knots_ms, after_ms, side="right"))
    near = [k for k in (at - 1, at) if 0 <= k < len(placement.knots_ms)]
    return tuple((int(placement.knots_ms[k]), float(placement.shift_ms[k]), float(placement.sigma_ms[k])) for k in near)
