"""A smart plug: exact integrals of power, counters with their steps, silence in between, and wrong sensors."""

from __future__ import annotations

import pytest

from hearthside.inference.energy import Absent, Reading, SmartPlug
from hearthside.inference.energy.plug import LEAST_STEPS


class _Plug:
    """A plug with a clock to move, milliseconds."""

    def __init__(self) -> None:
        self.now = 10_000
        self.plug = SmartPlug("sensor.plug", lambda: self.now)

    def heard(self, after_ms: int, state: str, unit: str = "W") -> None:
        self.now += after_ms
        self.plug.heard(state, unit)

    def joules(self, start_ms: int, end_ms: int) -> float:
        said = self.plug.between(start_ms, end_ms)
        assert isinstance(said, Reading), said
        return said.joules

    def why(self, start_ms: int, end_ms: int) -> str:
        said = self.plug.between(start_ms, end_ms)
        assert isinstance(said, Absent), said
        return said.why


def test_power_is_summed_over_time() -> None:
    home = _Plug()
    home.heard(0, "60")
    home.heard(2_000, "0.1", "kW")
    home.heard(500, "20500", "mW")
    home.now += 1_000
    assert home.joules(10_000, 13_500) == pytest.approx(120 + 50 + 20.5)
    assert home.joules(11_500, 12_250) == pytest.approx(30 + 25)
    assert home.joules(12_500, 12_500) == 0
    said = home.plug.read()
    assert isinstance(said, Reading) and said.joules == pytest.approx(190.5)
    assert (said.meter, said.covers) == ("sensor.plug", "everything on that plug, idle included")


def test_what_nobody_told_is_not_known() -> None:
    home = _Plug()
    assert "says nothing" in home.why(9_000, 10_000)
    home.heard(1_000, "50")
    assert "says nothing" in home.why(10_500, 11_500)
    home.now = 20_000
    home.plug.lost()
    home.heard(5_000, "50")
    home.now = 30_000
    assert home.joules(12_000, 20_000) == pytest.approx(400)
    assert "says nothing" in home.why(19_000, 26_000) and home.joules(25_000, 30_000) == pytest.approx(250)


@pytest.mark.parametrize("state", ["unavailable", "unknown", "on", "nan", "inf", ""])
def test_a_state_that_is_no_number_is_silence(state: str) -> None:
    home = _Plug()
    home.heard(0, "50")
    home.heard(1_000, state)
    home.now += 1_000
    assert isinstance(home.plug.read(), Absent) and "says nothing" in home.why(10_500, 11_500)


def test_a_sensor_of_something_else() -> None:
    home = _Plug()
    home.heard(0, "21.5", "°C")
    assert home.why(10_000, 10_000) == "sensor.plug (power_sensor) is no sensor of power or energy: it has °C."
    home.heard(0, "7", "")
    assert "it has no unit" in home.why(10_000, 10_000)


def test_a_counter_is_told_only_over_enough_of_its_steps() -> None:
    home = _Plug()
    for step in range(40):
        home.heard(36_000, f"{812 + step / 1000:.3f}", "kWh")  # 1 Wh in 36 s: 100 W
    home.now += 1
    first = 10_000 + 36_000
    assert home.joules(first, first + 20 * 36_000 + 1) == pytest.approx(20 * 3600)
    assert home.joules(first, first + LEAST_STEPS * 36_000 + 1) == pytest.approx(LEAST_STEPS * 3600)
    assert "too coarse" in home.why(first, first + (LEAST_STEPS - 1) * 36_000)
    assert "too coarse" in home.why(first, first)


def test_a_counter_that_begins_anew_is_not_known_there() -> None:
    home = _Plug()
    for place, state in enumerate([5.0, 5.5, 6.0, 0.0, 0.5, 1.0]):
        home.heard(1_000 if place else 0, str(state), "kJ")
    home.now += 1_000
    assert "says nothing" in home.why(10_000, 14_000)
    said = home.plug.read()
    assert isinstance(said, Reading) and said.joules == pytest.approx(2_000)


def test_what_is_long_ago_and_a_clock_set_back_are_not_known() -> None:
    home = _Plug()
    home.heard(0, "10")
    for _ in range(100):
        home.heard(60_000, "10")
    assert isinstance(home.plug.between(10_000, 70_000), Absent)
    assert home.joules(home.now - 600_000, home.now) == pytest.approx(6_000)
    home.heard(-300_000, "10")
    assert isinstance(home.plug.between(home.now - 60_000, home.now), Absent)
    assert isinstance(home.plug.read(), Reading)
