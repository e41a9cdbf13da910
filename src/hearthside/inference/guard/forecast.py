"""How fast memory goes, and in how many seconds nothing would be left.

The rate must be right within half a second for a model that takes 5 GiB/s, and must not jump when the page cache
breathes or one program takes a gigabyte once. So a fall counts only if it goes on through both halves of a window, and
then as fast as its slower half; and two windows are looked at, a short one for fast falls and a long one for falls that
come in steps.
"""

from __future__ import annotations

from collections import deque

from hearthside.inference.guard.readings import Reading

HALVES_S = (0.3, 1.5)
"""Half the length of each window, seconds."""

_KEPT_S = 2 * HALVES_S[-1] + 0.5


class Trend:
    """The last seconds of readings."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()  # monotonic seconds, bytes available

    def add(self, reading: Reading) -> None:
        """Take the next reading; one that is not later than the last changes nothing."""
        if self._points and reading.at_s <= self._points[-1][0]:
            return
        self._points.append((reading.at_s, reading.available))
        while self._points[0][0] < reading.at_s - _KEPT_S:
            self._points.popleft()

    def forget(self) -> None:
        """Begin anew: the fall so far is accounted for."""
        self._points.clear()

    def fall(self) -> float:
        """Bytes a second by which memory falls, 0 when it does not or when too little was seen yet."""
        return max((self._steady_fall(half_s) for half_s in HALVES_S), default=0.0)

    def _steady_fall(self, half_s: float) -> float:
        if len(self._points) < 3:
            return 0.0
        end = self._points[-1]
        middle, begin = self._before(end[0] - half_s), self._before(end[0] - 2 * half_s)
        if begin is None or middle is None or begin[0] == middle[0] or middle[0] == end[0]:
            return 0.0
        older = (begin[1] - middle[1]) / (middle[0] - begin[0])
        newer = (middle[1] - end[1]) / (end[0] - middle[0])
        return max(0.0, min(older, newer))

    def _before(self, at_s: float) -> tuple[float, int] | None:
        """The last reading not later than this."""
        for point in reversed(self._points):
            if point[0] <= at_s:
                return point
        return None


def seconds_left(available: int, fall: float) -> float:
    """Seconds until nothing is left at this rate (bytes a second); infinite when memory does not fall."""
    return available / fall if fall > 0 else float("inf")
