"""A smart plug as an energy meter: a sensor of power (W) or of energy (kWh) that somebody tells of.

A power holds from when it was heard until the next one; the joules are its integral. A counter of energy moves in
steps, often of 1 Wh (36 s at 100 W), so a stretch in which it moved by only a few of them is not told at all.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hearthside.inference.energy.meters import Absent, Reading, Said

WATTS = {"mW": 1e-3, "W": 1.0, "kW": 1e3}
JOULES = {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "Wh": 3600.0, "kWh": 3.6e6, "MWh": 3.6e9}
LEAST_STEPS = 10
"""A counter's difference is told from so many of its smallest steps on: one of them is unknown, so it errs by 10 %."""

_KEPT_MS = 3_600_000  # how far back a stretch may begin; nothing that is measured runs so long
_COVERS = "everything on that plug, idle included"


@dataclass(frozen=True, slots=True)
class _Point:
    """What is known from a time on: joules until then, and watts since; not `known`: nobody told."""

    ms: int
    joules: float
    watts: float
    known: bool

    def at(self, ms: int) -> float:
        return self.joules + self.watts * (ms - self.ms) / 1000


class SmartPlug:
    """One sensor of one plug.

    Args:
        entity: name of the sensor.
        clock: UTC milliseconds; what is heard counts from when it is heard.
    """

    def __init__(self, entity: str, clock: Callable[[], int]) -> None:
        self.entity = entity
        self._clock = clock
        self._lock = threading.Lock()
        self._points = deque([_Point(clock(), 0.0, 0.0, False)])
        self._counter_j: float | None = None  # of a sensor of energy: where its counter stood last
        self._step_j = math.inf  # of a sensor of energy: the smallest step seen
        self._counts = False
        self._wrong_unit = ""

    def heard(self, state: str, unit: str) -> None:
        """The sensor says this from now on; a state that is no number means that it says nothing."""
        value = _number(state)
        if value is None:
            self.lost()
            return
        with self._lock:
            self._wrong_unit = "" if unit in WATTS or unit in JOULES else unit or "no unit"
            self._counts = unit in JOULES
            if self._wrong_unit:
                self._add(0.0, 0.0, False)
            elif self._counts:
                self._count(value * JOULES[unit])
            else:
                self._add(0.0, max(value * WATTS[unit], 0.0), True)

    def lost(self) -> None:
        """Nobody tells of the sensor from now on."""
        with self._lock:
            self._counter_j = None
            self._add(0.0, 0.0, False)

    def read(self) -> Said:
        """See `EnergyMeter`."""
        with self._lock:
            newest = self._points[-1]
            if not newest.known:
                return Absent(self.entity, self._silent())
            return Reading(newest.at(max(self._clock(), newest.ms)), self.entity, _COVERS)

    def between(self, start_ms: int, end_ms: int) -> Said:
        """Joules of [start, end), UTC ms; Absent where any of it is not known, or the steps are too coarse."""
        with self._lock:
            before = [point for point in self._points if point.ms <= start_ms]
            within = [point for point in self._points if start_ms < point.ms < end_ms]
            if not before or not all(point.known for point in (before[-1], *within)):
                return Absent(self.entity, self._silent())
            last = within[-1] if within else before[-1]
            joules = last.at(end_ms) - before[-1].at(start_ms)
            if self._counts and joules < (LEAST_STEPS - 0.5) * self._step_j:  # half a step for rounding
                return Absent(
                    self.entity,
                    f"{self.entity} counts energy in steps too coarse for so short a work; name the plug’s sensor of"
                    " power in power_sensor.",
                )
            return Reading(joules, self.entity, _COVERS)

    def _silent(self) -> str:
        if self._wrong_unit:
            return f"{self.entity} (power_sensor) is no sensor of power or energy: it has {self._wrong_unit}."
        return f"{self.entity} (power_sensor) says nothing; is its plug on, and Home Assistant connected?"

    def _count(self, counter_j: float) -> None:
        passed = 0.0 if self._counter_j is None else counter_j - self._counter_j
        self._counter_j = counter_j
        if passed < 0:  # it began anew: what went by in between is not known
            self._add(0.0, 0.0, False)
            passed = 0.0
        elif passed > 0:
            self._step_j = min(self._step_j, passed)
        self._add(passed, 0.0, True)

    def _add(self, passed_j: float, watts: float, known: bool) -> None:
        now, newest = self._clock(), self._points[-1]
        if now < newest.ms:  # the clock was set back
            self._points = deque([_Point(now, newest.joules + passed_j, watts, known)])
            return
        self._points.append(_Point(now, newest.at(now) + passed_j, watts, known))
        while len(self._points) > 1 and self._points[1].ms < now - _KEPT_MS:
            self._points.popleft()


def _number(state: str) -> float | None:
    try:
        value = float(state)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
