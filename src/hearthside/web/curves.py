"""Training figures drawn as SVG: bits per character as bars with their interval, and the loss of a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from hearthside.web.markup import tag

CURVE_PX = 190  # height of the loss curve
LEFT_PERCENT = 9  # room for the figures of the loss axis
TOP, BOTTOM = 10, 28
BAR_PX, NAME_PX, GROUP_PX = 20, 20, 54
BAR_NAMES = (("base", "Base model"), ("previous", "Previous adapter"), ("new", "This adapter"))


def bits_bars(gate: Mapping[str, float]) -> Markup:
    """Bits per character of the person's own later words under each model; lower is better.

    `gain_low` and `gain_high` bound the gain of the new adapter over the base (paired bootstrap, 90 %), so the interval
    is drawn around the new bar: base - gain_high to base - gain_low.
    """
    bars = [(key, name, gate[key]) for key, name in BAR_NAMES if key in gate]
    if not bars:
        return Markup("")
    top = max(value for _, _, value in bars) * 1.08 or 1.0
    shapes: list[Markup] = []
    for number, (key, name, value) in enumerate(bars):
        y = number * GROUP_PX
        shapes.append(tag("text", name, x=0, y=y + 14, cls="chart-words"))
        shapes.append(tag("text", f"{value:.2f}", x="100%", y=y + 14, text_anchor="end", cls="chart-figure"))
        width = f"{round(100 * value / top, 2)}%"
        shapes.append(tag("rect", x=0, y=y + NAME_PX, width=width, height=BAR_PX, rx=4, cls=f"bits bits-{key}"))
        if key == "new" and {"base", "gain_low", "gain_high"} <= gate.keys():
            low, high = gate["base"] - gate["gain_high"], gate["base"] - gate["gain_low"]
            shapes += _whisker(100 * low / top, 100 * high / top, y + NAME_PX)
    label = "Bits per character, lower is better: " + ", ".join(f"{name} {value:.2f}" for _, name, value in bars)
    return tag("svg", *shapes, width="100%", height=len(bars) * GROUP_PX, cls="bits-svg", role="img", aria_label=label)


def _whisker(x1: float, x2: float, y: float) -> list[Markup]:
    x1, x2 = round(min(100.0, max(0.0, x1)), 2), round(min(100.0, max(0.0, x2)), 2)
    middle = y + BAR_PX / 2
    ends = [tag("line", x1=f"{x}%", x2=f"{x}%", y1=y + 4, y2=y + BAR_PX - 4, cls="whisker") for x in (x1, x2)]
    return [tag("line", x1=f"{x1}%", x2=f"{x2}%", y1=middle, y2=middle, cls="whisker"), *ends]


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round values (1, 2 or 5 times a power of ten) within [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0
    while power > raw:
        power /= 10
    while power * 10 <= raw:
        power *= 10
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = int(-(-low // step))
    last = int(high // step)
    return [round(n * step, 10) for n in range(first, last + 1)]


def loss_curve(curve: Sequence[tuple[int, float]]) -> Markup:
    """Training loss over the steps of a round."""
    if len(curve) < 2:
        return Markup("")
    steps = [step for step, _ in curve]
    losses = [loss for _, loss in curve]
    low, high = min(losses), max(losses)
    pad = (high - low) * 0.08 or 0.5
    low, high = low - pad, high + pad

    plot_px = CURVE_PX - TOP - BOTTOM
    span = (steps[-1] - steps[0]) or 1
    shapes: list[Markup] = []
    for value in nice_ticks(low, high):
        y = round(TOP + plot_px * (high - value) / (high - low), 1)
        shapes.append(tag("line", x1=f"{LEFT_PERCENT}%", x2="100%", y1=y, y2=y, cls="tick"))
        shapes.append(tag("text", f"{value:g}", x=0, y=y + 4, cls="chart-tick"))
    for value in nice_ticks(steps[0], steps[-1]):
        x = round(LEFT_PERCENT + (100 - LEFT_PERCENT) * (value - steps[0]) / span, 2)
        anchor = "end" if x > 97 else "middle"
        shapes.append(tag("text", f"{value:g}", x=f"{x}%", y=CURVE_PX - 8, text_anchor=anchor, cls="chart-tick"))
    points = " ".join(f"{step - steps[0]},{100 * (high - loss) / (high - low):.1f}" for step, loss in curve)
    line = tag("polyline", points=points, cls="loss-line")
    shapes.append(
        tag(
            "svg",
            line,
            x=f"{LEFT_PERCENT}%",
            y=TOP,
            width=f"{100 - LEFT_PERCENT}%",
            height=plot_px,
            viewBox=f"0 0 {span} 100",
            preserveAspectRatio="none",
        )
    )
    label = f"Training loss from {losses[0]:.2f} at step {steps[0]} to {losses[-1]:.2f} at step {steps[-1]}"
    return tag("svg", *shapes, width="100%", height=CURVE_PX, cls="loss-svg", role="img", aria_label=label)
