"""Divides what a machine takes among the completions that run on it at the same time, each moment in equal parts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from hearthside.inference.energy.meters import EnergyMeter, Reading, Said

_LOOK_S = 30.0  # between looks at the meter in a long completion: far less than the time in which a counter wraps


@dataclass(slots=True, eq=False)
class Share:
    """One completion's part.

    Attributes:
        seconds: its part of the time it ran.
        joules: its part of the energy; None when any of it is not known.
    """

    seconds: float = 0.0
    joules: float | None = 0.0


class Sharing:
    """Reads a meter whenever a completion begins or ends; in between each has the same part. Idle time is nobody's.

    Args:
        monotonic_s: seconds that never go back.
    """

    def __init__(self, meter: EnergyMeter, monotonic_s: Callable[[], float]) -> None:
        self._meter, self._monotonic_s = meter, monotonic_s
        self._lock = threading.Lock()
        self._running: list[Share] = []
        self._at_s = monotonic_s()
        self._said: Said = meter.read()

    def begin(self) -> Share:
        """A completion begins."""
        with self._lock:
            self._pass()
            share = Share()
            self._running.append(share)
            return share

    def look(self) -> None:
        """A completion goes on: read the meter if that is long ago."""
        if self._monotonic_s() - self._at_s > _LOOK_S:
            with self._lock:
                self._pass()

    def end(self, share: Share) -> str:
        """It has ended and its share is whole; returns by what it was measured, or why not. Twice does no harm."""
        with self._lock:
            if share in self._running:
                self._pass()
                self._running.remove(share)
            return self._said.sentence

    def _pass(self) -> None:
        """Give out what went by since the last look."""
        now_s, said, before = self._monotonic_s(), self._meter.read(), self._said
        passed_s = now_s - self._at_s
        joules: float | None = None
        if isinstance(said, Reading) and isinstance(before, Reading) and said.meter == before.meter:
            joules = said.joules - before.joules
        self._at_s, self._said = now_s, said
        for share in self._running:
            share.seconds += passed_s / len(self._running)
            if joules is None or share.joules is None:
                share.joules = None
            else:
                share.joules += joules / len(self._running)
