"""Where a clock's times belong on the time axis: shifted by a known amount, or held back with a reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FIRST_MS, LAST_MS = -(2**62), 2**62
"""Before and after every time."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Held:
    """A range of a clock's own time that must not enter the life stream as it is.

    Attributes:
        first_ms, last_ms: raw times [first, last) by the clock itself.
        code: ``epoch``, ``jump``, ``two-devices``, ``backwards`` ...
        reason: one plain sentence for the person: what is wrong with the clock.
        suggested_ms: what would have to be added to set it right, when that is known.
    """

    first_ms: int
    last_ms: int
    code: str
    reason: str
    suggested_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What is known of one clock: a piecewise linear map of its time to true time, and what of it is held back.

    Attributes:
        knots_ms: (n,) raw times, int64, ascending; empty: the clock is taken at its word.
        shift_ms: (n,) float64, true minus raw at each knot; linear between knots, constant before and after.
        sigma_ms: (n,) float64, one standard deviation of that.
        held: ranges held back, in order, not overlapping.
    """

    knots_ms: Ints
    shift_ms: npt.NDArray[np.float64]
    sigma_ms: npt.NDArray[np.float64]
    held: tuple[Held, ...] = ()

    @property
    def trivial(self) -> bool:
        """The clock is taken at its word, everywhere."""
        return not len(self.knots_ms) and not self.held

    @property
    def reach_ms(self) -> int:
        """No corrected time lies farther from the raw time than this."""
        return int(np.ceil(np.abs(self.shift_ms).max())) if len(self.shift_ms) else 0

    def correct(self, raw_ms: Ints) -> tuple[Ints, Ints]:
        """Corrected times, and two standard deviations of the correction, whole ms; shapes as given."""
        if not len(self.knots_ms):
            return raw_ms, np.zeros_like(raw_ms)
        shift = np.interp(raw_ms, self.knots_ms, self.shift_ms)
        sigma = np.interp(raw_ms, self.knots_ms, self.sigma_ms)
        return raw_ms + np.rint(shift).astype(np.int64), np.ceil(2 * sigma).astype(np.int64)

    def holds(self, raw_ms: Ints) -> npt.NDArray[np.bool_]:
        """Which raw times are held back."""
        found = np.zeros(raw_ms.shape, dtype=np.bool_)
        for held in self.held:
            found |= (raw_ms >= held.first_ms) & (raw_ms < held.last_ms)
        return found

    def raw_ranges(self, first_ms: int, last_ms: int) -> list[tuple[int, int]]:
        """Ranges of raw time [a, b), in order, outside of which nothing is placed in [first, last)."""
        if not len(self.knots_ms):
            return [(first_ms, last_ms)]
        # Of each stretch between knots the raw times from which its extreme shifts lead into the range.
        edges = [FIRST_MS, *self.knots_ms.tolist(), LAST_MS]
        shifts = [self.shift_ms[0], *self.shift_ms.tolist(), self.shift_ms[-1]]
        found: list[tuple[int, int]] = []
        for k in range(len(edges) - 1):
            low = int(np.floor(min(shifts[k], shifts[k + 1]))) - 1
            high = int(np.ceil(max(shifts[k], shifts[k + 1]))) + 1
            begin, end = max(edges[k], first_ms - high), min(edges[k + 1], last_ms - low)
            if begin < end:
                if found and begin <= found[-1][1]:
                    found[-1] = (found[-1][0], max(found[-1][1], end))
                else:
                    found.append((begin, end))
        return found


def trusted() -> Placement:
    """A clock taken at its word."""
    return Placement(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
