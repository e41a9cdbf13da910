"""Joules where the machine tells: the processor's counter, the graphics card's, a smart plug; one file for each."""

from __future__ import annotations

from hearthside.inference.energy.meters import Absent, EnergyMeter, Meters, Reading
from hearthside.inference.energy.nvml import NvmlEnergy
from hearthside.inference.energy.plug import SmartPlug
from hearthside.inference.energy.rapl import Rapl

__all__ = ["Absent", "EnergyMeter", "Meters", "NvmlEnergy", "Rapl", "Reading", "SmartPlug", "machine_meter"]


def machine_meter() -> Meters:
    """Every counter that this machine itself has, as one."""
    return Meters([Rapl(), NvmlEnergy()])
