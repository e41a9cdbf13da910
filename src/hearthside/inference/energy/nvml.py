"""The energy counter of NVIDIA graphics cards, asked of the driver's library (NVML).

`nvmlDeviceGetTotalEnergyConsumption` gives millijoules since the driver was loaded, on cards of the Volta generation
and later. Source: NVML API Reference, Device Queries.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from hearthside.inference.energy.meters import Absent, Reading, Said

NAME = "NVML"
_LIBRARY = "libnvidia-ml.so.1"
_OK, _NOT_SUPPORTED = 0, 3
_MILLI = 1000  # millijoules in a joule
_NO_CARD = "There is no NVIDIA card with a driver."
_NOT_COUNTED = "The graphics card does not count its energy."
_FAILS = "The driver of the graphics card does not tell its energy just now."


class _Failed(Exception):
    """The driver did not answer; the text says why, for the person."""


class NvmlEnergy:
    """Joules of all NVIDIA cards of this machine together."""

    def __init__(self, load: Callable[[str], Any] = ctypes.CDLL) -> None:
        """Counts from now on.

        Args:
            load: opens the driver's library by its name; raises OSError where there is none.
        """
        self._lock = threading.Lock()
        self._mj = 0
        self._devices: list[ctypes.c_void_p] = []
        self._last: list[int] = []
        self._why = ""
        try:
            self._library = load(_LIBRARY)
            self._devices = self._found()
            self._last = self._counters()
        except (OSError, AttributeError):
            self._why = _NO_CARD
        except _Failed as error:
            self._why = str(error)

    def _found(self) -> list[ctypes.c_void_p]:
        if self._library.nvmlInit_v2() != _OK:
            raise _Failed(_NO_CARD)
        count = ctypes.c_uint()
        if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != _OK or not count.value:
            raise _Failed(_NO_CARD)
        devices = []
        for number in range(count.value):
            device = ctypes.c_void_p()
            if self._library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(device)) != _OK:
                raise _Failed(_FAILS)
            devices.append(device)
        return devices

    def _counters(self) -> list[int]:
        """Millijoules of each card since its driver was loaded."""
        found = []
        for device in self._devices:
            counted = ctypes.c_ulonglong()
            status = self._library.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(counted))
            if status != _OK:
                raise _Failed(_NOT_COUNTED if status == _NOT_SUPPORTED else _FAILS)
            found.append(counted.value)
        return found

    def read(self) -> Said:
        """See `EnergyMeter`."""
        if self._why:
            return Absent(NAME, self._why)
        with self._lock:
            try:
                now = self._counters()
            except _Failed as error:
                return Absent(NAME, str(error))
            passed = [counted - before for counted, before in zip(now, self._last, strict=True)]
            self._last = now
            if min(passed) < 0:  # the driver was loaded anew: what went by in between is not known
                return Absent(NAME, _FAILS)
            self._mj += sum(passed)
        count = len(self._devices)
        covers = "the whole graphics card" if count == 1 else f"all {count} graphics cards"
        return Reading(self._mj / _MILLI, NAME, f"{covers}, idle included")
