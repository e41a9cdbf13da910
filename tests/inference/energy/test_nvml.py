"""The graphics card's counter through a written driver, as nobody here has a card: recorded, not run."""

from __future__ import annotations

from hearthside.inference.energy import Absent, NvmlEnergy, Reading
from tests.inference.energy.machines import Driver, no_driver

_ROUND = 2**53  # millijoules that a driver could have counted in 285 years at 1 kW: still exact


def test_millijoules_of_all_cards_from_where_they_stood() -> None:
    driver = Driver(123_456_789, _ROUND)
    meter = NvmlEnergy(driver.load)
    driver.counters = [123_456_789 + 1_001, _ROUND + 2_000]
    assert meter.read() == Reading(3.001, "NVML", "all 2 graphics cards, idle included")


def test_a_driver_that_was_loaded_anew_gives_no_figure_once() -> None:
    driver = Driver(90_000)
    meter = NvmlEnergy(driver.load)
    driver.counters = [95_000]
    assert isinstance(meter.read(), Reading)
    driver.counters = [10]
    assert isinstance(meter.read(), Absent)
    driver.counters = [510]
    assert meter.read() == Reading(5.5, "NVML", "the whole graphics card, idle included")


def test_cards_and_machines_that_do_not_tell() -> None:
    def why(driver: Driver) -> str:
        said = NvmlEnergy(driver.load).read()
        assert isinstance(said, Absent)
        return said.why

    old, broken, asleep, none = Driver(1), Driver(1), Driver(1), Driver()
    old.status, broken.status, asleep.starts = 3, 999, 9
    assert why(old) == "The graphics card does not count its energy."
    assert why(broken) == "The driver of the graphics card does not tell its energy just now."
    assert why(asleep) == why(none) == "There is no NVIDIA card with a driver."
    assert isinstance(NvmlEnergy(no_driver).read(), Absent)


def test_a_library_that_knows_no_energy() -> None:
    class Old:
        """A driver from before energy was counted."""

        def nvmlInit_v2(self) -> int:
            return 0

    assert isinstance(NvmlEnergy(lambda name: Old()).read(), Absent)
