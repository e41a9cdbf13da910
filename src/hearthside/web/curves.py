"""Training figures drawn as SVG: bits per character as bars with their interval, and the loss of a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from hearthside.web.markup import tag

CURVE_W, CURVE_H = 520, 180  # CSS pixels of the drawing's own coordinates; it scales with its card
LEFT, BOTTOM, TOP, RIGHT = 46, 30, 12, 12
BAR_PX, BAR_GAP = 26, 14
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
    height = len(bars) * (BAR_PX + BAR_GAP)
    shapes: list[Markup] = []
    for number, (key, name, value) in enumerate(bars):
        y = number * (BAR_PX + BAR_GAP) + BAR_GAP / 2
        width = round(100 * value / top * 0.62, 2)  # names take 26 % on the left, the figure 12 % on the right
        middle = y + BAR_PX / 2 + 4.5
        shapes.append(tag("text", name, x=0, y=middle, cls="chart-words"))
        shapes.append(tag("rect", x="26%", y=y, width=f"{width}%", height=BAR_PX, rx=4, cls=f"bits bits-{key}"))
        shapes.append(tag("text", f"{value:.2f}", x="100%", y=middle, text_anchor="end", cls="chart-figure"))
        if key == "new" and {"base", "gain_low", "gain_high"} <= gate.keys():
            low, high = gate["base"] - gate["gain_high"], gate["base"] - gate["gain_low"]
            shapes += _whisker(26 + 62 * low / top, 26 + 62 * high / top, y)
    label = "Bits per character, lower is better: " + ", ".join(f"{name} {value:.2f}" for _, name, value in bars)
    return tag("svg", *shapes, width="100%", height=height, cls="bits-svg", role="img", aria_label=label)


def _whisker(x1: float, x2: float, y: float) -> list[Markup]:
    x1, x2 = round(min(88.0, max(26.0, x1)), 2), round(min(88.0, max(26.0, x2)), 2)
    middle = y + BAR_PX / 2
    ends = [tag("line", x1=f"{x}%", x2=f"{x}%", y1=y + 5, y2=y + BAR_PX - 5, cls="whisker") for x in (x1, x2)]
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

    def x_of(step: float) -> float:
        return round(LEFT + (CURVE_W - LEFT - RIGHT) * (step - steps[0]) / ((steps[-1] - steps[0]) or 1), 1)

    def y_of(loss: float) -> float:
        return round(TOP + (CURVE_H - TOP - BOTTOM) * (high - loss) / (high - low), 1)

    shapes: list[Markup] = []
    for value in nice_ticks(low, high):
        shapes.append(tag("line", x1=LEFT, x2=CURVE_W - RIGHT, y1=y_of(value), y2=y_of(value), cls="tick"))
        shapes.append(tag("text", f"{value:g}", x=LEFT - 8, y=y_of(value) + 4, text_anchor="end", cls="chart-tick"))
    for value in nice_ticks(steps[0], steps[-1], 5):
        shapes.append(tag("text", f"{value:g}", x=x_of(value), y=CURVE_H - 12, text_anchor="middle", cls="chart-tick"))
    points = " ".join(f"{x_of(step)},{y_of(loss)}" for step, loss in curve)
    shapes.append(tag("polyline", points=points, cls="loss-line"))
    label = f"Training loss from {losses[0]:.2f} at step {steps[0]} to {losses[-1]:.2f} at step {steps[-1]}"
    return tag("svg", *shapes, viewBox=f"0 0 {CURVE_W} {CURVE_H}", cls="loss-svg", role="img", aria_label=label)
