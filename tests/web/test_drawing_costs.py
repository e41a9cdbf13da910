"""Drawings of costs: heights that agree with the figures, every day in words, and nothing where there is nothing."""

from __future__ import annotations

import re

import pytest

from hearthside.web.costs_views import CostPeriod, Spending
from hearthside.web.drawing_costs import BARS_PX, answer_bars, bars, energy_bars, short_day, token_bars
from tests.web.demo_costs import demo_costs, period, spending
from tests.web.demo_house import LAST_DAY

DAYS = [
    period("2026-02-27", 8, 6, spending(2, 400, 3_600.0)),
    period("2026-02-28", 0, 0, Spending()),
    period("2026-03-01", 4, 0, spending(4, 800, 1_800.0), spending(1, 400)),
    period("2026-03-02", 1, 1, Spending(), None, spending(1, 9)),
]


def heights(drawn: str, cls: str) -> list[tuple[float, float, float]]:
    """Left edge in percent, top and height in pixels of each bar of a class."""
    shape = rf'<rect x="([\d.]+)%" y="([\d.]+)" width="[\d.]+%" height="([\d.]+)" rx="1" class="{cls}">'
    found = re.findall(shape, drawn)
    return [(float(x), float(y), float(height)) for x, y, height in found]


def test_bars_stand_on_one_another_in_the_place_of_their_day() -> None:
    drawn = str(answer_bars(DAYS))
    lower, upper = heights(drawn, "cost-lower"), heights(drawn, "cost-upper")
    assert [x for x, _, _ in lower] == [3.125, 53.125] and [x for x, _, _ in upper] == [3.125, 78.125]
    full = lower[0][2] + upper[0][2]
    assert full == pytest.approx(BARS_PX - 36) and lower[0][2] == pytest.approx(full / 4)
    assert lower[1][2] == pytest.approx(full / 2) and upper[1][2] == pytest.approx(full / 8)
    assert upper[0][1] + upper[0][2] == pytest.approx(lower[0][1])
    assert lower[0][1] + lower[0][2] == upper[1][1] + upper[1][2] == BARS_PX - 20
    assert ">8</text>" in drawn and ">27 Feb</text>" in drawn and ">2 Mar</text>" in drawn


def test_tokens_and_energy() -> None:
    drawn = str(token_bars(DAYS))
    assert len(heights(drawn, "cost-lower")) == 2 and len(heights(drawn, "cost-upper")) == 1
    assert ">1,200</text>" in drawn and "most on one day: 1,200" in drawn
    energy = str(energy_bars(DAYS))
    assert [height for _, _, height in heights(energy, "cost-lower")] == pytest.approx([48, 24])
    assert ">1.0 Wh</text>" in energy and "cost-upper" not in energy


def test_every_day_is_told_in_words() -> None:
    drawn = str(answer_bars(DAYS))
    assert re.findall(r"<title>([^<]*)</title>", drawn) == [
        "27 Feb: 8 answers, 6 without a token; 400 tokens, 10 s, 1.0 Wh",
        "28 Feb: nothing asked, no token used",
        "1 Mar: 4 answers, 0 without a token; 1,200 tokens, 30 s, 0.500 Wh",
        "2 Mar: 1 answer, 1 without a token; 0 tokens",
    ]
    assert 'role="img"' in drawn and 'aria-label="Answers on each of 4 days; most on one day: 8"' in drawn


def test_the_smallest_amount_is_seen() -> None:
    days = [period("2026-03-01", 100_000, 0, spending(1, 9)), period("2026-03-02", 1, 1, Spending())]
    assert heights(str(answer_bars(days)), "cost-upper")[0][2] == 2


def test_days_without_anything_have_no_bars() -> None:
    days = demo_costs(LAST_DAY, "empty").days
    for draw in (answer_bars, token_bars, energy_bars):
        drawn = str(draw(days))
        assert "cost-lower" not in drawn and "cost-upper" not in drawn and drawn.count("<title>") == 31

    def one(day: CostPeriod) -> tuple[float, float]:
        return 1.0, 0.0

    assert bars([], one, "", "") == "" and short_day("2026-03-09") == "9 Mar"
