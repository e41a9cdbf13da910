"""The contract that every energy meter keeps: joules from 0 that never go back, by what and of what; or why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hearthside.inference.energy import Absent, EnergyMeter, Meters, NvmlEnergy, Rapl, Reading, SmartPlug, machine_meter
from tests.inference.energy.machines import Driver, PowerCap, no_driver


@dataclass
class _Machine:
    """A meter, how to let 10 joules go by, and how to silence it."""

    meter: EnergyMeter
    ten_joules: Callable[[], None]
    silence: Callable[[], object]
    steps: list[float] = field(default_factory=list)


def _rapl(folder: Path) -> _Machine:
    cap = PowerCap(folder, 2)
    return _Machine(Rapl(folder), lambda: cap.pass_uj(10_000_000, 1), (folder / "intel-rapl:0/energy_uj").unlink)


def _nvml(folder: Path) -> _Machine:
    driver = Driver(5_000_000, 77)

    def ten() -> None:
        driver.counters[0] += 10_000

    return _Machine(NvmlEnergy(driver.load), ten, lambda: setattr(driver, "status", 15))


def _plug(state: str, unit: str) -> Callable[[Path], _Machine]:
    def made(folder: Path) -> _Machine:
        now = [1_000]
        plug = SmartPlug("sensor.plug", lambda: now[0])
        plug.heard(state, unit)
        said = [float(state)]

        def ten() -> None:
            now[0] += 1_000
            if unit == "Wh":
                said[0] += 10 / 3600
                plug.heard(repr(said[0]), unit)

        return _Machine(plug, ten, plug.lost)

    return made


def _all(folder: Path) -> _Machine:
    rapl, nvml = _rapl(folder), _nvml(folder)

    def silence() -> None:
        rapl.silence()
        nvml.silence()

    return _Machine(Meters([rapl.meter, nvml.meter]), rapl.ten_joules, silence)


_METERS = {"rapl": _rapl, "nvml": _nvml, "watts": _plug("10", "W"), "counter": _plug("812.5", "Wh"), "together": _all}


@pytest.fixture(params=_METERS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> _Machine:
    return _METERS[request.param](tmp_path)


def _joules(meter: EnergyMeter) -> float:
    said = meter.read()
    assert isinstance(said, Reading)
    assert said.meter and "idle included" in said.covers and said.sentence == f"{said.meter}: {said.covers}."
    return said.joules


def test_it_counts_from_nothing_and_never_back(machine: _Machine) -> None:
    found = [_joules(machine.meter)]
    for _ in range(3):
        machine.ten_joules()
        found += [_joules(machine.meter), _joules(machine.meter)]
    assert found == pytest.approx([0, 10, 10, 20, 20, 30, 30])


def test_it_says_why_it_cannot(machine: _Machine) -> None:
    machine.ten_joules()
    machine.silence()
    said = machine.meter.read()
    assert isinstance(said, Absent) and said.meter and said.why == said.sentence and said.why.endswith((".", "?"))


def test_parts_of_a_machine_add_up_and_are_named(tmp_path: Path) -> None:
    cap, driver = PowerCap(tmp_path), Driver(0)
    both = Meters([Rapl(tmp_path), NvmlEnergy(driver.load)])
    cap.pass_uj(2_500_000)
    driver.counters[0] = 1_500
    told = "the whole processor package, idle included and the whole graphics card, idle included"
    assert both.read() == Reading(4.0, "RAPL and NVML", told)
    one = Meters([Rapl(tmp_path / "none"), NvmlEnergy(driver.load)])
    driver.counters[0] += 500
    assert one.read() == Reading(0.5, "NVML", "the whole graphics card, idle included")


def test_a_machine_that_counts_nothing_says_each_reason(tmp_path: Path) -> None:
    said = Meters([Rapl(tmp_path), NvmlEnergy(no_driver)]).read()
    why = "This machine shows no energy counter of its processor (RAPL). There is no NVIDIA card with a driver."
    assert said == Absent("RAPL and NVML", why)


def test_this_machine_says_what_it_can() -> None:
    said = machine_meter().read()
    assert said.sentence.endswith(".") and (isinstance(said, Absent) or said.joules >= 0)
