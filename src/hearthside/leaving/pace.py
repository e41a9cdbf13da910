"""How far a long piece of work is, and the person's wish to pause or stop it, asked between small steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

ProgressTold: TypeAlias = Callable[[int, int], None]
_LOOK_S = 0.5  # how often paused work looks whether it was stopped


class Stopped(Exception):
    """The person stopped the work; not an error, but the way out of the middle of it."""


class Pace:
    """Where a piece of work is.

    Args:
        progress: called with (steps done, steps in all); the sum is an estimate and is met at the end.
        stop: True ends the work.
        pause: waits up to so many seconds for the person's pause to end and says whether it still holds, as in
            `Importer`.
    """

    def __init__(
        self,
        progress: ProgressTold | None = None,
        stop: Callable[[], bool] = lambda: False,
        pause: Callable[[float], bool] = lambda seconds: False,
    ) -> None:
        self._progress, self.stop, self._pause = progress, stop, pause
        self._done = 0
        self._total = 1

    def expect(self, steps: int) -> None:
        """So much there is to do."""
        self._total = max(steps, 1)
        self._tell()

    def step(self, steps: int = 1) -> None:
        """So much more is done.

        Raises:
            Stopped: the person stopped it.
        """
        self._done = min(self._done + steps, self._total)
        self._tell()
        while self._pause(0):
            if self.stop():
                raise Stopped
            self._pause(_LOOK_S)
        if self.stop():
            raise Stopped

    def end(self) -> None:
        """All is done."""
        self._done = self._total
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._total)
