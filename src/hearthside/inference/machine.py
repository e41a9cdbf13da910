"""What this machine offers a model: memory that is left, which kind of it, a floor to keep, and how fast it is read.

Linux is read as the memory guard reads it; macOS and Windows by their own means, which were written from their
documentation and checked against recorded outputs only (see docs/platforms.md).
"""

from __future__ import annotations

import ctypes
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from hearthside.errors import NeedsPerson
from hearthside.inference.guard.cgroups import Headroom, find_place
from hearthside.inference.guard.device import Device, find_nvml
from hearthside.inference.guard.policy import limits_for
from hearthside.inference.guard.readings import MemoryReader

Kind: TypeAlias = Literal["main", "unified", "device"]

KIND_WORDS = {"main": "main memory", "unified": "unified memory", "device": "memory of the graphics chip"}

_MIB = 2**20
_READ_BYTES = 256 * _MIB  # far more than any processor's cache
_LEAST_DEVICE_FLOOR = 512 * _MIB


@dataclass(frozen=True, slots=True)
class Machine:
    """The memory a model would be served from, bytes.

    Attributes:
        kind: memory of the processor, one that it shares with the graphics chip, or the chip's own.
        total: what there is.
        available: what is left now, page cache counted as left.
        floor: what must stay free.
        processor: words for the page, e.g. ``x86_64, 2 cores``.
    """

    kind: Kind
    total: int
    available: int
    floor: int
    processor: str = ""

    @property
    def room(self) -> int:
        """What a model may take."""
        return max(0, self.available - self.floor)

    @property
    def on_device(self) -> bool:
        """Whether a graphics chip serves the model."""
        return self.kind != "main"


def this_machine(*, use_device: bool = False) -> Machine:
    """The machine as it is now.

    Args:
        use_device: a graphics chip is to serve the model. The llama.cpp that comes with Hearthside computes on the
            processor; a model server of the person's own may not.

    Raises:
        NeedsPerson: `memory-not-readable`.
    """
    total, available = system_memory()
    words = f"{platform.machine() or sys.platform}, {platform.system()}"
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    device = nvidia() if use_device else None
    if device is not None and not device.unified:
        floor = max(_LEAST_DEVICE_FLOOR, device.total // 20)
        return Machine("device", device.total, device.free, floor, words)
    unified = apple or (device is not None and device.unified)
    return Machine("unified" if unified else "main", total, available, limits_for(total, unified).soft, words)


def nvidia() -> Device | None:
    """The NVIDIA chips of this machine, None where there is none or its driver fails."""
    nvml = find_nvml()
    try:
        return nvml.read() if nvml is not None else None
    except OSError:
        return None


def system_memory() -> tuple[int, int]:
    """Total and available memory, bytes.

    Raises:
        NeedsPerson: `memory-not-readable`.
    """
    try:
        if sys.platform == "darwin":
            return parse_vm_stat(_said(["sysctl", "-n", "hw.memsize"]), _said(["vm_stat"]))
        if sys.platform == "win32":
            return windows_memory(ctypes.windll.kernel32)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NeedsPerson(
            "memory-not-readable", "This system does not say how much memory is left, so no model can be advised."
        ) from error
    place = find_place()
    reader = MemoryReader(Headroom(place) if place else None)
    try:
        reading = reader.read(0.0)
    finally:
        reader.close()
    return reading.total, reading.available


def parse_vm_stat(memsize: str, vm_stat: str) -> tuple[int, int]:
    """Total and available memory of macOS: free, inactive, speculative and purgeable pages count as available.

    Raises:
        ValueError: the outputs are not as expected.
    """
    page = re.search(r"page size of (\d+) bytes", vm_stat)
    pages = dict(re.findall(r"^Pages ([a-z ]+):\s+(\d+)\.", vm_stat, re.MULTILINE))
    if page is None or "free" not in pages:
        raise ValueError("vm_stat has another form")
    left = sum(int(pages.get(kind, 0)) for kind in ("free", "inactive", "speculative", "purgeable"))
    return int(memsize), left * int(page[1])


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *(
            (name, ctypes.c_uint64)
            for name in ("total", "available", "t_page", "a_page", "t_virtual", "a_virtual", "x")
        ),
    ]


def windows_memory(kernel32: Any) -> tuple[int, int]:
    """Total and available memory of Windows; `kernel32` is its library.

    Raises:
        OSError: the system refused.
    """
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    if not kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        raise OSError("GlobalMemoryStatusEx failed")
    return int(status.total), int(status.available)


def read_bandwidth(clock: Callable[[], float] = time.perf_counter) -> float:
    """Bytes a second that one thread reads from memory: the best of five runs over 256 MiB, about 0.2 s in all.

    Args:
        clock: seconds, monotonic.
    """
    values = np.ones(_READ_BYTES // 8, dtype=np.int64)
    best = float("inf")
    for _ in range(5):
        begin = clock()
        values.sum()
        best = min(best, clock() - begin)
    return _READ_BYTES / best if best > 0 else 0.0


def _said(command: Sequence[str]) -> str:
    return subprocess.run(list(command), capture_output=True, text=True, check=True, timeout=10).stdout
