"""The card of the health page that says what the AI costs: facts, bars by day, and a table by month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from hearthside.web.costs_views import CostPeriod, CostsView
from hearthside.web.costs_words import facts, money_words, period_energy_words, share_words, time_words
from hearthside.web.drawing_costs import answer_bars, energy_bars, short_day, token_bars
from hearthside.web.markup import join, table, tag

HEAD = '<link rel="stylesheet" href="/static/costs.css">'
MONTHS_SHOWN = 12
NOTE = (
    "Tokens and model time are those of answers; energy and money are of everything, nights and probes too. “(3 of 4)”:"
    " of so many pieces of work the energy is known. Completions that broke off because a model died are not counted:"
    " nobody knows what they took."
)


def costs_body(view: CostsView) -> Markup:
    """The card's inside."""
    told = [tag("p", sentence, cls="lead" if place == 0 else None) for place, sentence in enumerate(facts(view))]
    recent = view.recent
    drawn = Markup("")
    if recent.answers or recent.pieces:
        figures = [_figure("Answers by day", "outlined: without a token", answer_bars(view.days))]
        figures.append(_figure("Tokens by day", "outlined: nights and other", token_bars(view.days)))
        if recent.kwh is not None:
            figures.append(_figure("Energy by day", "as far as it was measured", energy_bars(view.days)))
        drawn = tag("div", *figures, cls="cost-figures")
    return tag("section", tag("h2", "What it costs"), *told, drawn, months_body(view), days_body(view))


def _figure(title: str, about: str, drawn: Markup) -> Markup:
    return tag("figure", tag("figcaption", tag("b", title), tag("span", about)), drawn)


def months_body(view: CostsView) -> Markup:
    """The months of a year in a table, those before it folded away."""
    if not view.months:
        return Markup("")
    shown = _table(view, view.months[:MONTHS_SHOWN], "Costs by month")
    earlier = view.months[MONTHS_SHOWN:]
    folded = (
        tag("details", tag("summary", "Earlier months"), _table(view, earlier, "Costs by earlier month"))
        if earlier
        else Markup("")
    )
    return join([shown, folded, tag("p", NOTE, cls="quiet small")])


def days_body(view: CostsView) -> Markup:
    """The days with anything in them, newest first, folded away."""
    days = [day for day in reversed(view.days) if day.answers or day.pieces]
    if not days:
        return Markup("")
    return tag("details", tag("summary", "Day by day"), _table(view, days, "Costs by day"))


def _table(view: CostsView, periods: Sequence[CostPeriod], caption: str) -> Markup:
    head = ["When", "Answers", "Without a token", "Tokens", "Model time", "Energy"]
    head += ["Money"] if view.price else []
    head += ["Nights, other", "Probes"]
    shown = table(head, [_row(view, one) for one in periods], caption)
    # On a phone it is scrolled sideways, by keys too.
    return tag("div", shown, cls="cost-table", tabindex="0", role="region", aria_label=caption)


def _row(view: CostsView, one: CostPeriod) -> list[str]:
    answered = one.answered
    row = [
        tag("b", _when(one.name)), f"{one.answers:,}", share_words(one), f"{answered.tokens:,}",
        time_words(answered.seconds) if answered.pieces else "–", period_energy_words(one),
    ]  # fmt: skip
    row += [money_words(one.money, view.currency)] if view.price else []
    aside = one.night.tokens + one.other.tokens
    return [*row, f"{aside:,}" if aside else "–", f"{one.probes.tokens:,}" if one.probes.pieces else "–"]


def _when(name: str) -> str:
    return short_day(name) if len(name) == len("2026-05-03") else f"{date.fromisoformat(name + '-01'):%b %Y}"
