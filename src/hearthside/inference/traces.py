"""What a node still holds of what was said to it, and when it must be gone: after idle time, or when it is asked to.

Prompts, answers, vectors, adapters and the cache of keys and values lie all over the process's memory, in Python's, the
allocator's and llama.cpp's. So nothing is searched and overwritten: the process ends, the system takes all its pages
back and gives out none before it has emptied it, and the supervisor starts a process that never knew them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Literal, TypeAlias

from hearthside.errors import RetryLater

Leaving: TypeAlias = Literal["idle", "asked"]

_LOOK_S = 1.0
_BREATH_S = 2.0  # after a request that was no use of its own: a question may follow the probe that went before it
_LAST_WORDS_S = 0.1  # for an answer that is still in the buffer of its connection


class Traces:
    """Counts what is under way and remembers whether anything was; safe to use from many threads."""

    def __init__(
        self, after_s: float, leave: Callable[[Leaving], None], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing was said yet.

        Args:
            after_s: idle seconds after which a process that was used ends; 0: never.
            leave: ends the process, and says why to who started it.
            monotonic_s: seconds that never go back.
        """
        self._after_s, self._leave, self._monotonic_s = after_s, leave, monotonic_s
        self._gate = threading.Lock()
        self._running = 0
        self._used_s: float | None = None  # when the last use ended; None: never used
        self._ended_s = 0.0  # when the last request ended, use or not
        self._leaving = False

    def begin(self) -> None:
        """Something comes in that must not be cut; `end` must follow.

        Raises:
            RetryLater: `compute-starting`; the process is about to end.
        """
        with self._gate:
            if self._leaving:
                raise RetryLater("compute-starting", "The language model is starting anew; ask again in a moment.")
            self._running += 1

    def end(self, *, used: bool = True) -> None:
        """It is done with; `used`: and its traces are here."""
        with self._gate:
            self._running -= 1
            self._ended_s = self._monotonic_s()
            if used:
                self._used_s = self._ended_s

    def over(self) -> bool:
        """Whether the process was used and is idle for long enough; then nothing more may begin."""
        with self._gate:
            if not self._after_s or self._running or self._used_s is None:
                return False
            now_s = self._monotonic_s()
            idle = now_s - self._used_s >= self._after_s and now_s - self._ended_s >= min(_BREATH_S, self._after_s)
            self._leaving = self._leaving or idle
            return self._leaving

    async def watch(self) -> None:
        """Leave when it is over; for as long as the process lives."""
        while not self.over():
            await asyncio.sleep(min(_LOOK_S, self._after_s / 4) if self._after_s else _LOOK_S)
        self._leave("idle")

    async def forget(self) -> None:
        """Leave now; what is under way breaks off."""
        with self._gate:
            self._leaving = True
        await asyncio.sleep(_LAST_WORDS_S)
        self._leave("asked")
