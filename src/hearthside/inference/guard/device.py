"""Memory of an NVIDIA graphics chip through NVML, where the driver brings it; watched apart from the guard's loop.

NVML is the driver, and a driver that hangs must not hang the guard: a thread of its own asks twice a second, and the
loop takes what was heard last. NVML does not make a CUDA context, so watching costs no device memory. On machines with
unified memory the driver answers "not supported" for the whole and tells the use of each process all the same
(shared/reference/security.md, section 9): that is how they are known.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

_LIBRARY = "libnvidia-ml.so.1"
_OK, _NOT_SUPPORTED, _TOO_SMALL = 0, 3, 7
_UNKNOWN = (1 << 64) - 1  # what NVML gives for the use of a process that it cannot tell
_PERIOD_S = 0.5


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class _Process(ctypes.Structure):
    _fields_ = [
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    ]


@dataclass(frozen=True, slots=True)
class Device:
    """The graphics chips of this machine together, bytes.

    Attributes:
        unified: they take their memory from that of the machine.
        total: their own memory, 0 when unified.
        free: what is free of it.
        by_pid: what each process uses, as far as the driver tells.
    """

    unified: bool
    total: int
    free: int
    by_pid: dict[int, int] = field(default_factory=dict)


class Nvml:
    """The driver's library, asked directly."""

    def __init__(self, library: Any) -> None:
        """Starts it; raises OSError when it does not start or there is no chip."""
        self._library = library
        if library.nvmlInit_v2() != _OK:
            raise OSError("NVML does not start")
        count = ctypes.c_uint()
        if library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != _OK or not count.value:
            raise OSError("NVML sees no device")
        self._devices = [self._device(number) for number in range(count.value)]

    def _device(self, number: int) -> ctypes.c_void_p:
        device = ctypes.c_void_p()
        if self._library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(device)) != _OK:
            raise OSError("NVML does not give a device")
        return device

    def read(self) -> Device:
        """All chips together; raises OSError when the driver fails."""
        unified, total, free = False, 0, 0
        by_pid: dict[int, int] = {}
        for device in self._devices:
            memory = _Memory()
            status = self._library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
            if status == _NOT_SUPPORTED:
                unified = True
            elif status != _OK:
                raise OSError(f"NVML: {status}")
            total, free = total + memory.total, free + memory.free
            for process in self._processes(device):
                if process.used != _UNKNOWN:
                    by_pid[process.pid] = by_pid.get(process.pid, 0) + process.used
        return Device(unified, 0 if unified else total, 0 if unified else free, by_pid)

    def _processes(self, device: ctypes.c_void_p) -> list[_Process]:
        ask = self._library.nvmlDeviceGetComputeRunningProcesses_v3
        count = ctypes.c_uint(64)
        while True:
            found = (_Process * count.value)()
            status = ask(device, ctypes.byref(count), found)
            if status == _TOO_SMALL and count.value < 1 << 16:
                count = ctypes.c_uint(count.value * 2)
                continue
            return list(found[: count.value]) if status == _OK else []


def find_nvml(load: Callable[[str], Any] = ctypes.CDLL) -> Nvml | None:
    """NVML of this machine; None when there is no driver or no chip."""
    try:
        return Nvml(load(_LIBRARY))
    except (OSError, AttributeError):
        return None


class DeviceWatch:
    """Asks in a thread of its own, from the first call into the driver on; `latest` never waits.

    Attributes:
        latest: what was heard last; None before the first answer, and where there is no chip.
    """

    def __init__(self, find: Callable[[], Nvml | None] = find_nvml) -> None:
        """Begins to ask; `find` starts the driver's library."""
        self.latest: Device | None = None
        self._find = find
        self._known = threading.Event()
        threading.Thread(target=self._run, name="device watch", daemon=True).start()

    def wait(self, timeout_s: float) -> None:
        """Wait until it is known whether there is a chip, but not longer than this."""
        self._known.wait(timeout_s)

    def _run(self) -> None:
        nvml, pause = self._find(), threading.Event()
        while nvml is not None:
            with suppress(OSError):  # a driver that fails for the moment; the room in memory is watched all the same
                self.latest = nvml.read()
            self._known.set()
            pause.wait(_PERIOD_S)
        self._known.set()
