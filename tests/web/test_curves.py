"""Training figures as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from hearthside.web.curves import bits_bars, loss_curve, nice_ticks

GATE = {"base": 4.0, "previous": 3.0, "new": 2.0, "gain_low": 1.5, "gain_high": 2.5, "general_change": 0.0}


def widths(svg: str) -> dict[str, float]:
    """Width in percent by class."""
    rects = ElementTree.fromstring(svg).iter("rect")
    return {rect.get("class", "").split()[-1]: float(rect.get("width", "").rstrip("%")) for rect in rects}


def test_bars_are_in_proportion_from_zero() -> None:
    found = widths(bits_bars(GATE))
    assert found["bits-previous"] / found["bits-base"] == pytest.approx(0.75, abs=0.001)
    assert found["bits-new"] / found["bits-base"] == pytest.approx(0.5, abs=0.001)


def test_the_interval_of_the_gain_is_drawn_around_the_new_bar() -> None:
    svg = bits_bars(GATE)
    lines = [one for one in ElementTree.fromstring(svg).iter("line") if one.get("class") == "whisker"]
    ends = sorted({float(one.get("x1", "").rstrip("%")) for one in lines})
    bar = widths(svg)["bits-new"]
    assert ends[0] == pytest.approx(bar * 1.5 / 2.0, abs=0.02)  # base - gain_high = 1.5
    assert ends[1] == pytest.approx(bar * 2.5 / 2.0, abs=0.02)  # base - gain_low = 2.5


def test_without_a_previous_adapter_or_a_gate_nothing_is_made_up() -> None:
    assert set(widths(bits_bars({"base": 3.0, "new": 2.9}))) == {"bits-base", "bits-new"}
    assert bits_bars({}) == ""
    assert loss_curve([(1, 2.0)]) == ""


def test_the_loss_curve_goes_through_its_points() -> None:
    svg = ElementTree.fromstring(loss_curve([(0, 4.0), (10, 3.0), (30, 2.0)]))
    line = next(svg.iter("polyline"))
    points = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
    assert [x for x, _ in points] == [0, 10, 30]
    assert points[0][1] < points[1][1] < points[2][1]  # SVG counts downwards: loss falls
    assert "from 4.00 at step 0 to 2.00 at step 30" in svg.get("aria-label", "")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 100, [0, 50, 100]), (1.8, 5.2, [2, 3, 4, 5]), (0.012, 0.038, [0.02, 0.03]), (3, 3, [3])],
)
def test_ticks_are_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == ticks
