"""Costs in words: amounts of energy, money and time, and the facts that are told of a stretch of days."""

from __future__ import annotations

from hearthside.web.costs_views import CostPeriod, CostsView

NOT_MEASURED = "not measured on this machine"
_LEAST_KWH = 0.1  # below, energy is told in Wh
_DAYS = 31


def energy_words(kwh: float | None) -> str:
    """``1.25 kWh``, ``3.4 Wh``; that it is not measured where nothing tells."""
    if kwh is None:
        return NOT_MEASURED
    if kwh >= _LEAST_KWH:
        return f"{kwh:,.2f} kWh"
    watt_hours = 1000 * kwh
    return f"{watt_hours:.1f} Wh" if watt_hours >= 1 else f"{watt_hours:.3f} Wh"


def period_energy_words(period: CostPeriod) -> str:
    """The energy of a day or month, and of how much of its work, where that is not all of it; a dash for no work."""
    if not period.pieces:
        return "–"
    if period.kwh is None:
        return "not measured"
    part = f" ({period.measured:,} of {period.pieces:,})" if period.measured < period.pieces else ""
    return energy_words(period.kwh) + part


def money_words(money: float | None, currency: str) -> str:
    """``0.31 EUR``; a dash where it is not known."""
    if money is None:
        return "–"
    return f"under 0.01 {currency}" if 0 < money < 0.01 else f"{money:,.2f} {currency}"


def time_words(seconds: float) -> str:
    """``42 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"


def share_words(period: CostPeriod) -> str:
    """How many answers cost no token: ``34 (85 %)``; a dash where there were no answers."""
    if not period.answers:
        return "–"
    share = 100 * period.free // period.answers  # never rounded up to all of them
    return f"{period.free:,} ({share} %)"


def day_words(period: CostPeriod) -> str:
    """A day in one line, for whoever points at its bar."""
    if not period.answers and not period.pieces:
        return "nothing asked, no token used"
    words = f"{_count(period.answers, 'answer')}, {period.free:,} without a token; {period.tokens:,} tokens"
    if period.seconds:
        words += f", {time_words(period.seconds)}"
    return words + (f", {energy_words(period.kwh)}" if period.kwh is not None else "")


def facts(view: CostsView) -> list[str]:
    """What the last 31 days say, in sentences."""
    recent = view.recent
    return [_answers_fact(recent), _energy_fact(view), _idle_fact(recent)]


def _answers_fact(recent: CostPeriod) -> str:
    if not recent.answers:
        return f"No question was answered in the last {_DAYS} days."
    answered = recent.answered
    words = f"In the last {_DAYS} days {_count(recent.answers, 'answer')}, {share_words(recent)} of them"
    words += " without a single token: computed, quoted or said by plain code."
    if answered.pieces:
        cached = f" ({answered.tokens_cached:,} of them were known already)" if answered.tokens_cached else ""
        words += (
            f" A model took {answered.tokens_in:,} tokens in{cached} and {answered.tokens_out:,} out for the"
            f" others, in {time_words(answered.seconds)}."
        )
    return words


def _energy_fact(view: CostsView) -> str:
    recent = view.recent
    if recent.kwh is None:
        return f"Energy: {NOT_MEASURED}. {view.meter}" if recent.pieces else f"Energy: {view.meter}"
    words = f"Energy: {energy_words(recent.kwh)}"
    if recent.measured < recent.pieces:
        words += f", of {recent.measured:,} of {recent.pieces:,} pieces of work"
    if recent.money is not None:
        words += f"; {money_words(recent.money, view.currency)} at {view.price:g} {view.currency} a kWh"
    return f"{words}. {view.meter}" + ("" if view.price else " Set electricity_price to see money.")


def _idle_fact(recent: CostPeriod) -> str:
    probes, night, other = recent.probes, recent.night, recent.other
    words = "While nothing happens, no token is used. Without a question, tokens were used for: "
    said = [f"{_count(probes.pieces, 'probe')} whether the model works ({probes.tokens:,})"] if probes.pieces else []
    said += [f"the work of the nights ({night.tokens:,})"] if night.pieces else []
    said += [f"other work ({other.tokens:,})"] if other.pieces else []
    return f"{words}{', '.join(said) or 'nothing'}."


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"
