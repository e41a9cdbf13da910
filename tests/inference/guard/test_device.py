"""NVML through a written driver, as nobody here has a chip: kinds of machine, long lists, a driver that fails."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import pytest

from hearthside.inference.guard.device import DeviceWatch, Nvml, find_nvml

_GB = 10**9
_UNKNOWN = 2**64 - 1


class _Driver:
    """Answers like libnvidia-ml."""

    def __init__(self, devices: int, unified: bool, processes: list[tuple[int, int]]) -> None:
        self.devices, self.unified, self.processes = devices, unified, processes
        self.status = 0
        self.asked = threading.Event()

    def nvmlInit_v2(self) -> int:
        return self.status

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = self.devices
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, number: ctypes.c_uint, device: Any) -> int:
        device._obj.value = 0xD00 + number.value
        return 0

    def nvmlDeviceGetMemoryInfo(self, device: ctypes.c_void_p, memory: Any) -> int:
        if self.status:
            self.asked.set()
            return self.status
        if self.unified:
            return 3
        memory._obj.total, memory._obj.free = 80 * _GB, 30 * _GB
        return 0

    def nvmlDeviceGetComputeRunningProcesses_v3(self, device: ctypes.c_void_p, count: Any, found: Any) -> int:
        if count._obj.value < len(self.processes):
            return 7
        count._obj.value = len(self.processes)
        for slot, (pid, used) in zip(found, self.processes, strict=False):
            slot.pid, slot.used = pid, used
        return 0


def test_a_machine_with_unified_memory_is_known_by_what_its_driver_does_not_say() -> None:
    device = Nvml(_Driver(1, True, [(7, 20 * _GB)])).read()
    assert device.unified and (device.total, device.free, device.by_pid) == (0, 0, {7: 20 * _GB})


def test_chips_of_their_own_are_added_up() -> None:
    device = Nvml(_Driver(2, False, [(7, 20 * _GB), (8, _UNKNOWN), (9, 1)])).read()
    assert not device.unified and (device.total, device.free) == (160 * _GB, 60 * _GB)
    assert device.by_pid == {7: 40 * _GB, 9: 2}


def test_a_long_list_of_processes_is_read_whole() -> None:
    device = Nvml(_Driver(1, True, [(pid, 1) for pid in range(300)])).read()
    assert len(device.by_pid) == 300


def test_without_a_driver_or_a_chip_there_is_nothing_to_watch() -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    assert find_nvml(missing) is None
    assert find_nvml(lambda name: _Driver(0, False, [])) is None
    assert find_nvml(lambda name: object()) is None
    assert find_nvml(lambda name: _Driver(1, False, [])) is not None
    broken = _Driver(1, False, [])
    broken.status = 9
    with pytest.raises(OSError):
        Nvml(broken)


def test_a_driver_that_fails_for_a_while_leaves_the_last_figures() -> None:
    driver = _Driver(1, True, [(7, 5)])
    watch = DeviceWatch(lambda: Nvml(driver))
    watch.wait(30)
    driver.status = 999
    assert driver.asked.wait(30)
    assert watch.latest is not None and watch.latest.by_pid == {7: 5}


def test_a_driver_that_hangs_holds_up_nobody() -> None:
    hangs = threading.Event()

    def find() -> Nvml:
        hangs.wait(60)
        return Nvml(_Driver(1, True, []))

    watch = DeviceWatch(find)
    watch.wait(0.05)
    assert watch.latest is None
    hangs.set()
    watch.wait(30)
    assert watch.latest is not None and watch.latest.unified


def test_without_a_chip_it_stops_asking() -> None:
    watch = DeviceWatch(lambda: None)
    watch.wait(30)
    assert watch.latest is None
