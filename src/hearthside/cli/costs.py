"""The command `hearthside costs`: tokens, time, energy and money by month and day, in the terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from hearthside.cli.common import JSON, VAULT, opened_house, out

if TYPE_CHECKING:
    from hearthside.web.costs_views import CostPeriod, CostsView

app = typer.Typer()


@app.command()
def costs(
    vault: VAULT = None,
    days: Annotated[bool, typer.Option("--days", help="Also each of the last 31 days.")] = False,
    json_out: JSON = False,
) -> None:
    """Show what the AI costs: answers, those without a token, tokens, time, energy and money, by month."""
    from hearthside.web.costs_words import facts

    with opened_house(vault) as house:
        view = house.costs.view()
    if json_out:
        typer.echo(orjson.dumps(asdict(view), option=orjson.OPT_INDENT_2).decode())
        return
    for sentence in facts(view):
        out.print(sentence, markup=False)
    if days:
        _print_table("By day", view, [day for day in reversed(view.days) if day.answers or day.pieces])
    _print_table("By month", view, view.months)


def _print_table(title: str, view: CostsView, periods: list[CostPeriod]) -> None:
    from hearthside.web.costs_words import money_words, period_energy_words, share_words, time_words

    if not periods:
        return
    money = ["money"] if view.price else []
    rows = [[title, "answers", "without a token", "tokens", "model time", "energy", *money, "nights, other", "probes"]]
    for one in periods:
        cells = [one.name, f"{one.answers:,}", share_words(one), f"{one.answered.tokens:,}",
                 time_words(one.answered.seconds), period_energy_words(one)]  # fmt: skip
        cells += [money_words(one.money, view.currency)] if money else []
        rows.append([*cells, f"{one.night.tokens + one.other.tokens:,}", f"{one.probes.tokens:,}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *rest = (cell.ljust(width) if not place else cell.rjust(width)
                        for place, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        out.print("  ".join([first, *rest]), markup=False, style="dim" if row is rows[0] else None)
