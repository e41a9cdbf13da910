"""Who speaks in which conversation now, so that a later answer never falls into the middle of a turn."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable


class TurnTaking:
    """Turns as they begin and end; nothing is kept over a restart, as no turn lasts over one.

    Args:
        monotonic_s: seconds that never go back.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self.lock = threading.RLock()
        self._answering = Counter[str]()
        self._asked = Counter[str]()
        self._last_s: dict[str, float] = {}

    def asked(self, conversation: str) -> None:
        """The person has said something."""
        with self.lock:
            self._asked[conversation] += 1
            self._last_s[conversation] = self._monotonic_s()

    def begin(self, conversation: str) -> None:
        """An answer is on its way."""
        with self.lock:
            self._answering[conversation] += 1

    def end(self, conversation: str) -> None:
        """It has ended, however."""
        with self.lock:
            self._answering[conversation] -= 1
            self._last_s[conversation] = self._monotonic_s()

    def count(self, conversation: str) -> int:
        """How often the person has said something: equal before and after, they said nothing between."""
        with self.lock:
            return self._asked[conversation]

    def quiet_s(self, conversation: str | None = None) -> float:
        """Seconds since the last word of a conversation, or of all; 0 while an answer is on its way."""
        with self.lock:
            names = list(self._last_s) if conversation is None else [conversation]
            if any(self._answering[name] > 0 for name in names):
                return 0.0
            last_s = max((self._last_s.get(name, -math.inf) for name in names), default=-math.inf)
            return self._monotonic_s() - last_s
