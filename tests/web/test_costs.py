"""Costs in words and on the health page: facts, units, what is not measured, and nothing unescaped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearthside.web.costs_parts import MONTHS_SHOWN, costs_body
from hearthside.web.costs_views import CostsView, Spending
from hearthside.web.costs_words import (
    day_words,
    energy_words,
    facts,
    money_words,
    period_energy_words,
    share_words,
    time_words,
)
from tests.web.demo_costs import METER, WHY_NOT, demo_costs, period, spending
from tests.web.demo_house import HOSTILE, LAST_DAY

QUIET = period("2026-03-07", 0, 0, Spending())


def view(recent_answers: int, free: int, answered: Spending, **more: object) -> CostsView:
    """Costs of which only the last 31 days matter."""
    recent = period("", recent_answers, free, answered, price=0.32)
    return replace(CostsView(LAST_DAY, [], recent, [], METER, 0.32, "EUR"), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kwh", "words"),
    [
        (None, "not measured on this machine"), (0.0, "0.000 Wh"), (0.000_002_1, "0.002 Wh"), (0.0034, "3.4 Wh"),
        (0.0999, "99.9 Wh"), (0.1, "0.10 kWh"), (1234.567, "1,234.57 kWh"),
    ],
)  # fmt: skip
def test_energy(kwh: float | None, words: str) -> None:
    assert energy_words(kwh) == words


def test_money_and_time() -> None:
    assert [money_words(one, "EUR") for one in (None, 0.0, 0.004, 0.01, 1234.5)] == [
        "–", "0.00 EUR", "under 0.01 EUR", "0.01 EUR", "1,234.50 EUR",
    ]  # fmt: skip
    assert [time_words(one) for one in (0, 89.4, 90, 5399, 5400, 360_000)] == [
        "0 s", "89 s", "2 min", "90 min", "1.5 h", "100.0 h",
    ]  # fmt: skip


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert share_words(period("", 1000, 999, Spending())) == "999 (99 %)"
    assert share_words(period("", 4, 4, Spending())) == "4 (100 %)" and share_words(QUIET) == "–"


def test_the_facts_of_a_month() -> None:
    first, energy, idle = facts(view(40, 30, spending(10, 4_000, 36_000.0)))
    assert first == (
        "In the last 31 days 40 answers, 30 (75 %) of them without a single token: computed, quoted or said by plain"
        " code. A model took 3,000 tokens in (1,500 of them were known already) and 1,000 out for the others, in 2 min."
    )
    assert energy == f"Energy: 10.0 Wh; under 0.01 EUR at 0.32 EUR a kWh. {METER}"
    assert idle == "While nothing happens, no token is used. Without a question, tokens were used for: nothing."


def test_without_a_question_no_token() -> None:
    nothing = view(0, 0, Spending(), meter="Nothing has been asked of a model yet.")
    assert facts(nothing) == [
        "No question was answered in the last 31 days.",
        "Energy: Nothing has been asked of a model yet.",
        "While nothing happens, no token is used. Without a question, tokens were used for: nothing.",
    ]
    recent = replace(nothing.recent, probes=spending(1, 8), night=spending(2, 1_600), other=spending(1, 40))
    assert facts(replace(nothing, recent=recent))[2].endswith(
        "tokens were used for: 1 probe whether the model works (8), the work of the nights (1,600), other work (40)."
    )


def test_what_is_not_measured_is_said_and_never_zero() -> None:
    unmeasured = view(4, 2, spending(2, 800), meter=WHY_NOT)
    assert facts(unmeasured)[1] == f"Energy: not measured on this machine. {WHY_NOT}"
    assert period_energy_words(unmeasured.recent) == "not measured" and period_energy_words(QUIET) == "–"
    partly = view(4, 2, spending(2, 800, 3_600.0, measured=1), price=0.0)
    partly = replace(partly, recent=replace(partly.recent, money=None))
    assert facts(partly)[1] == (
        f"Energy: 1.0 Wh, of 1 of 2 pieces of work. {METER} Set electricity_price to see money."
    )
    assert period_energy_words(partly.recent) == "1.0 Wh (1 of 2)"


def test_a_day_in_one_line() -> None:
    assert day_words(QUIET) == "nothing asked, no token used"
    assert day_words(period("2026-03-07", 1, 1, Spending())) == "1 answer, 1 without a token; 0 tokens"
    busy = period("2026-03-07", 9, 7, spending(2, 2_000, 7_200.0))
    assert day_words(busy) == "9 answers, 7 without a token; 2,000 tokens, 50 s, 2.0 Wh"


def test_the_card_shows_days_months_and_what_is_earlier() -> None:
    body = costs_body(demo_costs(LAST_DAY))
    assert body.count("<svg") == 3 and body.count("cost-column") == 3 * 31
    assert body.count("<table") == 3 and "Earlier months" in body and "Day by day" in body and "under 0.01 EUR" in body
    shown, earlier = body.split("Earlier months")
    assert shown.count("<b>") == 3 + MONTHS_SHOWN and ">Mar 2026<" in shown and ">Mar 2025<" in earlier
    down = costs_body(demo_costs(LAST_DAY, "down"))
    assert down.count("<svg") == 2 and "not measured on this machine" in down and WHY_NOT in down
    assert "EUR" not in down and "Money" not in down and " kWh" not in down and " Wh" not in down
    empty = costs_body(demo_costs(LAST_DAY, "empty"))
    assert "<svg" not in empty and "<table" not in empty and "No question was answered" in empty


def test_nothing_in_it_is_markup() -> None:
    body = costs_body(demo_costs(LAST_DAY, "full", HOSTILE))
    assert "<img" not in body and "<script" not in body and "&lt;script" in body
