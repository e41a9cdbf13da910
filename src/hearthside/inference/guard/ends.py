"""Ends of what is guarded, remembered by the station: for the breaker, which outlives a guard, and smaller starts."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from hearthside.inference.guard import words
from hearthside.inference.guard.messages import Message

_ONE_END_S = 1.0  # an end of several holders by one decision is told for each of them, at once
_REMEMBERED_S = 3600.0  # how long an end by the model's own growth makes the next start smaller
_MOST = 16


class Ends:
    """The last ends, each decision once, however many holders it took."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._at_s: deque[tuple[float, bool]] = deque(maxlen=_MOST)  # and whether the model was to blame
        self._last: tuple[str, int] | None = None  # cause and room of the newest of them

    def add(self, told: Message) -> bool:
        """A holder was ended; False when this decision is counted already."""
        now, what = self._clock(), (str(told["cause"]), int(told["available"]))
        if what == self._last and now - self._at_s[-1][0] < _ONE_END_S:
            return False
        self._last = what
        self._at_s.append((now, not words.by_outsider(told)))
        return True

    def all_told(self) -> None:
        """The last word of a decision was heard; the next end is another."""
        self._last = None

    def s_ago(self) -> list[float]:
        """How many seconds ago each was."""
        now = self._clock()
        return [now - at_s for at_s, _ in self._at_s]

    def own_lately(self) -> int:
        """How many there were within the last hour because the model itself grew."""
        since_s = self._clock() - _REMEMBERED_S
        return sum(own and at_s > since_s for at_s, own in self._at_s)
