"""Drawings of costs: small bars, one for each day.

Horizontal positions are percentages, so a drawing fits any width; colours come from costs.css by class. Nothing is told
by colour alone: the two parts of a bar are named in its words, and one of them has an outline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from markupsafe import Markup

from hearthside.web.costs_views import CostPeriod
from hearthside.web.costs_words import day_words, energy_words
from hearthside.web.markup import join, tag

BARS_PX = 84
_AXIS_PX, _TOP_PX = 20, 16
_LEAST_PX = 2.0  # of a bar that is not zero
_GAP = 0.25  # of a day's width


def short_day(day: str) -> str:
    """``2026-05-03`` as ``3 May``."""
    moment = date.fromisoformat(day)
    return f"{moment.day} {moment:%b}"


def bars(
    days: Sequence[CostPeriod], parts: Callable[[CostPeriod], tuple[float, float]], most: str, label: str
) -> Markup:
    """Days side by side.

    Args:
        parts: of a day the lower part of its bar and the upper one, in the same unit.
        most: the largest day's amount in words, shown at the top.
        label: the whole drawing in words.
    """
    if not days:
        return Markup("")
    highest = max((sum(parts(day)) for day in days), default=0.0)
    ground = BARS_PX - _AXIS_PX
    shapes = [tag("line", x1="0%", x2="100%", y1=ground, y2=ground, cls="tick")]
    width = 100 / len(days)
    for place, day in enumerate(days):
        drawn = _bar(parts(day), highest, place * width, width, ground)
        # The whole column answers to the pointer, also where the bar is low or missing.
        column = tag("rect", x=f"{place * width:.3f}%", y=0, width=f"{width:.3f}%", height=ground, cls="cost-column")
        shapes.append(tag("g", tag("title", f"{short_day(day.name)}: {day_words(day)}"), column, drawn))
    shapes += [
        tag("text", short_day(days[0].name), x="0%", y=BARS_PX - 4, cls="chart-tick"),
        tag("text", short_day(days[-1].name), x="100%", y=BARS_PX - 4, text_anchor="end", cls="chart-tick"),
        tag("text", most, x="100%", y=11, text_anchor="end", cls="chart-tick") if highest else Markup(""),
    ]
    return tag("svg", join(shapes), width="100%", height=BARS_PX, cls="cost-bars", role="img", aria_label=label)


def _bar(parts: tuple[float, float], highest: float, x: float, width: float, ground: float) -> Markup:
    shapes, foot = [], ground
    for amount, cls in zip(parts, ("cost-lower", "cost-upper"), strict=True):
        if amount > 0:
            height = max((ground - _TOP_PX) * amount / highest, _LEAST_PX)
            foot -= height
            shapes.append(
                tag("rect", x=f"{x + width * _GAP / 2:.3f}%", y=round(foot, 1), width=f"{width * (1 - _GAP):.3f}%",
                    height=round(height, 1), rx=1, cls=cls)
            )  # fmt: skip
    return join(shapes)


def answer_bars(days: Sequence[CostPeriod]) -> Markup:
    """Answers by day: below those that a model was asked for, above those without a token."""
    most = max((day.answers for day in days), default=0)
    label = f"Answers on each of {len(days)} days; most on one day: {most:,}"
    return bars(days, lambda day: (day.answers - day.free, day.free), f"{most:,}", label)


def token_bars(days: Sequence[CostPeriod]) -> Markup:
    """Tokens by day: below those of answers, above those of nights and other work."""
    most = max((day.tokens for day in days), default=0)
    label = f"Tokens on each of {len(days)} days, without probes; most on one day: {most:,}"
    return bars(days, lambda day: (day.answered.tokens, day.tokens - day.answered.tokens), f"{most:,}", label)


def energy_bars(days: Sequence[CostPeriod]) -> Markup:
    """Measured energy by day."""
    most = max((day.kwh or 0.0 for day in days), default=0.0)
    label = f"Measured energy on each of {len(days)} days; most on one day: {energy_words(most)}"
    return bars(days, lambda day: (day.kwh or 0.0, 0.0), energy_words(most), label)
