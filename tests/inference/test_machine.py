"""What this machine says of itself is believed only as far as it can be; other systems as they were recorded."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

import pytest

from hearthside.inference import machine
from hearthside.inference.guard.device import Device
from hearthside.inference.guard.policy import limits_for
from hearthside.inference.machine import Machine, parse_vm_stat, read_bandwidth, this_machine, windows_memory

GIB = 2**30

# Apple's manual of vm_stat(1) and outputs shown in public trackers; a machine of 16 GiB. Recorded, not run.
_VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               61005.
Pages active:                            318251.
Pages inactive:                          315208.
Pages speculative:                         1533.
Pages throttled:                              0.
Pages wired down:                        136459.
Pages purgeable:                           5110.
"Translation faults":                 415331297.
Pages copy-on-write:                   16226316.
File-backed pages:                       147552.
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine_has_room_and_keeps_a_floor() -> None:
    found = this_machine()
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 0 < found.available <= found.total <= total
    assert 0 < found.floor < found.total and found.room == max(0, found.available - found.floor)
    assert found.kind == "main" and not found.on_device


def test_no_room_is_no_room() -> None:
    assert Machine("main", 8 * GIB, GIB, 2 * GIB).room == 0


def test_macos_counts_what_it_would_give_up() -> None:
    assert parse_vm_stat("17179869184\n", _VM_STAT) == (17179869184, (61005 + 315208 + 1533 + 5110) * 16384)
    with pytest.raises(ValueError):
        parse_vm_stat("17179869184", "Mach Virtual Memory Statistics")


class _Kernel32:
    """Windows' library as its documentation describes MEMORYSTATUSEX."""

    def __init__(self, works: bool) -> None:
        self._works = works

    def GlobalMemoryStatusEx(self, status: Any) -> int:
        found = status._obj
        assert found.length == ctypes.sizeof(found) == 64  # what Windows demands of the caller
        found.total, found.available = 16 * GIB, 5 * GIB
        return int(self._works)


def test_windows_tells_total_and_available() -> None:
    assert windows_memory(_Kernel32(True)) == (16 * GIB, 5 * GIB)
    with pytest.raises(OSError):
        windows_memory(_Kernel32(False))


@pytest.mark.parametrize(
    ("device", "kind", "total", "floor"),
    [
        (Device(unified=False, total=24 * GIB, free=20 * GIB), "device", 24 * GIB, 24 * GIB // 20),
        (Device(unified=True, total=0, free=0), "unified", 128 * GIB, limits_for(128 * GIB, True).soft),
        (None, "main", 128 * GIB, limits_for(128 * GIB, False).soft),
    ],
)
def test_memory_of_a_graphics_chip(
    monkeypatch: pytest.MonkeyPatch, device: Device | None, kind: str, total: int, floor: int
) -> None:
    """Hardware nobody has here: what NVML answers is given, as tests/inference/guard checks its reading."""
    monkeypatch.setattr(machine, "nvidia", lambda: device)
    monkeypatch.setattr(machine, "system_memory", lambda: (128 * GIB, 100 * GIB))
    found = this_machine(use_device=True)
    assert found.kind == kind and found.on_device == (kind != "main")
    assert (found.total, found.floor) == (total, floor)


def test_bandwidth_is_bytes_by_time() -> None:
    ticks = iter(float(second) for second in range(100))
    assert read_bandwidth(lambda: next(ticks)) == 256 * 2**20  # each run takes "one second"
    assert read_bandwidth() > 10**8
