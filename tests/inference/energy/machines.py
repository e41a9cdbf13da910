"""Machines that count their energy, as nobody here has one: folders as Linux shows them, and a driver that answers."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any


class PowerCap:
    """``/sys/class/powercap`` with processors whose counters a test turns on."""

    def __init__(self, folder: Path, packages: int = 1, range_uj: int = 262_143_328_850) -> None:
        self.folder, self.range_uj = folder, range_uj
        self.at = [0] * packages
        for number in range(packages):
            self.domain(f"intel-rapl:{number}", f"package-{number}", 0)

    def domain(self, place: str, name: str, counted: int | str) -> Path:
        """One domain; its counter says `counted` microjoules."""
        folder = self.folder / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{self.range_uj}\n")
        (folder / "energy_uj").write_text(f"{counted}\n")
        return folder

    def pass_uj(self, amount: int, package: int = 0) -> None:
        """So much goes by in one processor; its counter begins anew at the end of its range."""
        self.at[package] = (self.at[package] + amount) % self.range_uj
        (self.folder / f"intel-rapl:{package}" / "energy_uj").write_text(f"{self.at[package]}\n")


class Driver:
    """Answers like libnvidia-ml.so.1 about energy: millijoules since the driver was loaded, or a status."""

    def __init__(self, *counters: int) -> None:
        self.counters = list(counters)
        self.starts, self.status = 0, 0

    def load(self, name: str) -> Driver:
        """In place of ``ctypes.CDLL``."""
        assert name == "libnvidia-ml.so.1"
        return self

    def nvmlInit_v2(self) -> int:
        return self.starts

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(self.counters)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, number: ctypes.c_uint, device: Any) -> int:
        device._obj.value = 0xD00 + number.value
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, device: ctypes.c_void_p, counted: Any) -> int:
        assert isinstance(counted._obj, ctypes.c_ulonglong)
        counted._obj.value = self.counters[(device.value or 0) - 0xD00]
        return self.status


def no_driver(name: str) -> Driver:
    """A machine without a card."""
    raise OSError(name)
