"""Invented costs for the demonstration house: a month of questions, half of it measured, and two years by month."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hearthside.web.costs_views import JOULES_PER_KWH, CostPeriod, CostsView, Spending

_PRICE = 0.32
METER = "RAPL: the whole processor package, idle included."
WHY_NOT = "This machine shows no energy counter of its processor (RAPL). There is no NVIDIA card with a driver."


def spending(pieces: int, tokens: int, joules: float | None = None, measured: int | None = None) -> Spending:
    """Work of so many tokens: three quarters in, of which half was read before."""
    known = (pieces if measured is None else measured) if joules is not None else 0
    out = tokens // 4
    return Spending(pieces, pieces, tokens - out, (tokens - out) // 2, out, tokens / 40, known, joules)


def period(
    name: str,
    answers: int,
    free: int,
    answered: Spending,
    night: Spending | None = None,
    probes: Spending | None = None,
    price: float = _PRICE,
) -> CostPeriod:
    """A day or a month with what it comes to."""
    works = [one or Spending() for one in (answered, night, None, probes)]
    known = [one.joules for one in works if one.joules is not None]
    kwh = sum(known) / JOULES_PER_KWH if known else None
    money = kwh * price if kwh is not None and price else None
    return CostPeriod(name, answers, free, works[0], works[1], works[2], works[3], kwh, money)


def demo_costs(last_day: str, scenario: str = "full", canary: str = "") -> CostsView:
    """Costs up to a day; nothing in an empty house, no energy in one whose node is down."""
    end = date.fromisoformat(last_day)
    days = [_day(end - timedelta(days=back), back, scenario) for back in reversed(range(31))]
    if scenario == "empty":
        return CostsView(last_day, days, days[0], [], "Nothing has been asked of a model yet.", 0.0, "EUR")
    measured = scenario != "down"
    price = _PRICE if measured else 0.0
    recent = _sum("", days, price)
    this_month = replace(recent, name=f"{end:%Y-%m}")  # the life ends with a month of 31 days
    months = [this_month, *(_month(end, back, measured, price) for back in range(1, 22))]
    meter = METER if measured else WHY_NOT
    return CostsView(last_day, days, recent, months, canary + meter, price, f"{canary}EUR")


def _day(day: date, back: int, scenario: str) -> CostPeriod:
    answers = 0 if scenario == "empty" or back % 9 == 4 else 3 + (back * 7) % 11
    asked = (answers * 3) // 10
    measured = scenario != "down"
    answered = spending(asked, 390 * asked, 214.0 * asked if measured and back < 20 else None) if asked else Spending()
    night = spending(1, 2_100, 1_900.0 if measured else None) if answers and back % 7 == 1 else None
    probes = spending(2, 24, 6.0 if measured else None) if answers else None
    price = _PRICE if measured else 0.0
    return period(day.isoformat(), answers, answers - asked, answered, night, probes, price)


def _month(end: date, back: int, measured: bool, price: float) -> CostPeriod:
    months = end.year * 12 + end.month - 1 - back
    asked = 40 + (back * 13) % 30
    joules = 214.0 * asked if measured and back < 6 else None
    probes = spending(50, 600, 140.0 if measured and back < 6 else None)
    name = f"{months // 12}-{months % 12 + 1:02d}"
    return period(name, 4 * asked, 3 * asked, spending(asked, 390 * asked, joules), None, probes, price)


def _sum(name: str, days: list[CostPeriod], price: float) -> CostPeriod:
    def added(works: list[Spending]) -> Spending:
        known = [one.joules for one in works if one.joules is not None]
        return Spending(
            sum(one.pieces for one in works), sum(one.completions for one in works),
            sum(one.tokens_in for one in works), sum(one.tokens_cached for one in works),
            sum(one.tokens_out for one in works), sum(one.seconds for one in works),
            sum(one.measured for one in works), sum(known) if known else None,
        )  # fmt: skip

    return period(
        name, sum(day.answers for day in days), sum(day.free for day in days), added([day.answered for day in days]),
        added([day.night for day in days]), added([day.probes for day in days]), price,
    )  # fmt: skip


class DemoCosts:
    """Plays `hearthside.app.costs.Costs` for the pages."""

    def __init__(self, last_day: str, scenario: str, canary: str) -> None:
        self._last_day, self._scenario, self._canary = last_day, scenario, canary

    def view(self) -> CostsView:
        """The costs, invented."""
        return demo_costs(self._last_day, self._scenario, self._canary)
