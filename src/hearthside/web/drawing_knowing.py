"""Drawings of beliefs: how often by month, from when to when a fact held, and how the days sounded.

Horizontal positions are percentages or months, so a drawing fits any width; colours come from known.css by class.
Nothing is told by colour alone: where nobody was listening the line is dotted, and low weeks carry a mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from hearthside.events import day_number, iso_day
from hearthside.web.known_views import KnownItem, MoodPoint
from hearthside.web.markup import join, tag

SPARK_PX, CHART_PX, SPAN_PX, MOOD_PX = 30, 96, 14, 92
_AXIS_PX = 20
_WEEK_DAYS = 7
_MOST_TICKS = 8
_BY_DAY = 70  # days of moods that are drawn one by one
_LEAST_MOOD = 0.3  # of -1 to 1: smaller moods fill no drawing
LEAST_MONTHS = 4
"""Over fewer months, or weeks, nothing can be seen: the first and the present one are not whole."""


def month_words(month: str) -> str:
    """``2019-03`` as ``March 2019``, and ``2019-03-04`` as ``4 March 2019``."""
    day = date.fromisoformat(month if len(month) == 10 else f"{month}-01")
    return f"{day.day} {day:%B %Y}" if len(month) == 10 else f"{day:%B %Y}"


def amount(value: float, unit: str) -> str:
    """An amount of a month with its unit."""
    if unit == "seconds":
        return f"{value / 3600:,.1f} hours"
    return "once" if (value, unit) == (1, "times") else f"{value:,.0f} {unit}"


def heard(item: KnownItem) -> int:
    """How many of the months were listened to; in those after them nobody knows."""
    return sum(not item.heard_to or month <= item.heard_to for month, _ in item.months)


def trend_words(item: KnownItem) -> str:
    """The drawing of an item in words."""
    if not item.months:
        return ""
    most = max(item.months, key=lambda one: one[1])
    step, which = ("week", "the week of ") if len(most[0]) == 10 else ("month", "")
    words = f"By {step} from {month_words(item.months[0][0])}: most in {which}{month_words(most[0])}, "
    words += amount(most[1], item.unit)
    known = heard(item)
    if known < len(item.months):
        return f"{words}; nothing of this kind was heard after {month_words(item.heard_to)}"
    return f"{words}; this {step} so far {amount(item.months[-1][1], item.unit)}"


def spark(item: KnownItem) -> Markup:
    """How often by month, small; nothing for what has no months, or too few of them."""
    return _curve(item, SPARK_PX, "spark") if len(item.months) >= LEAST_MONTHS else Markup("")


def trend_chart(item: KnownItem) -> Markup:
    """The same with its years."""
    if len(item.months) < LEAST_MONTHS:
        return Markup("")
    months = [month for month, _ in item.months[:-1]]
    marks = _month_marks(months) if len(months[0]) == 10 else _years(months)
    ticks = [_tick(place, label, len(months)) for place, label in marks]
    most = max(value for _, value in item.months)
    top = tag("text", amount(most, item.unit), x="100%", y=12, text_anchor="end", cls="chart-tick")
    inner = _curve(item, CHART_PX - _AXIS_PX, "spark-inner")
    return tag(
        "svg", *ticks, inner, top, width="100%", height=CHART_PX, cls="trend-chart", role="img",
        aria_label=trend_words(item),
    )  # fmt: skip


def _tick(place: int, label: str, months: int) -> Markup:
    x = f"{round(100 * place / max(months - 1, 1), 2)}%"
    line = tag("line", x1=x, x2=x, y1=0, y2=CHART_PX - _AXIS_PX, cls="tick")
    return line + tag("text", label, x=x, y=CHART_PX - 5, cls="chart-tick")


def _years(months: Sequence[str]) -> list[tuple[int, str]]:
    """Places of Januaries, at most a few of them and none at the edge; the first month where there is none."""
    found = [(n, month[:4]) for n, month in enumerate(months) if month.endswith("-01") and n < len(months) * 0.94]
    found = found or [(0, months[0][:4])]
    step = -(-len(found) // _MOST_TICKS)
    return found[::step]


def _month_marks(weeks: Sequence[str]) -> list[tuple[int, str]]:
    """Places of the weeks in which a month begins, and of the first one, none at the edge."""
    months = [week[:7] for week in weeks]
    return [
        (n, f"{date.fromisoformat(week):%b}") for n, week in enumerate(weeks)
        if (not n or months[n - 1] != months[n]) and n < max(len(weeks) * 0.94, 1)
    ]  # fmt: skip


def _curve(item: KnownItem, height_px: float, cls: str) -> Markup:
    """Months as a line over a filled ground; what nobody heard is dotted. The present month, not over, is left out."""
    values = [value for _, value in item.months[:-1]]
    most, known, last = max(max(values), 1e-9), min(heard(item), len(values)), max(len(values) - 1, 1)
    points = [f"{n},{round(96 - 90 * value / most, 1)}" for n, value in enumerate(values[:known])]
    if len(points) == 1:
        points.append(f"{min(0.6, last)},{points[0].partition(',')[2]}")
    shapes = []
    if points:
        right = points[-1].partition(",")[0]
        shapes += [
            tag("polygon", points=" ".join([*points, f"{right},98", "0,98"]), cls="spark-ground"),
            tag("polyline", points=" ".join(points), cls="spark-line"),
        ]
    if known < len(values):
        shapes.append(tag("line", x1=max(known - 1, 0), x2=last, y1=97, y2=97, cls="spark-unheard"))
    return tag(
        "svg", *shapes, viewBox=f"0 0 {last} 100", preserveAspectRatio="none", width="100%", height=height_px, cls=cls,
        role="img", aria_label=trend_words(item),
    )  # fmt: skip


def span_line(item: KnownItem, first: str, last: str) -> Markup:
    """From when to when a fact held, on the life from `first` to `last`, ISO days; an open end reaches the edge."""
    if not first or not last or not (item.since or item.until):
        return Markup("")
    begin, length = day_number(first), max(day_number(last) - day_number(first), 1)

    def percent(day: str, default: float) -> float:
        return round(min(100.0, max(0.0, 100 * (day_number(day) - begin) / length)), 2) if day else default

    x1, x2 = percent(item.since, 0.0), percent(item.until, 100.0)
    y = SPAN_PX / 2
    shapes = [
        tag("line", x1="0%", x2="100%", y1=y, y2=y, cls="tick"),
        tag("rect", x=f"{x1}%", y=y - 3, width=f"{max(x2 - x1, 1.5):.2f}%", height=6, rx=3, cls="span-held"),
    ]
    if not item.until:
        shapes.append(tag("circle", cx="99%", cy=y, r=4, cls="span-open"))
    words = " ".join(part for part in (f"from {item.since}" if item.since else "", f"to {item.until}" if item.until
                                       else "until today") if part)  # fmt: skip
    return tag("svg", *shapes, width="100%", height=SPAN_PX, cls="span-line", role="img", aria_label=f"Held {words}")


def strength_bar(item: KnownItem) -> Markup:
    """How strong a belief is."""
    width = f"{round(100 * min(max(item.strength, 0.02), 1.0), 1)}%"
    ground = tag("rect", x=0, y=0, width="100%", height=8, rx=4, cls="strength-ground")
    bar = tag("rect", x=0, y=0, width=width, height=8, rx=4, cls="strength-bar")
    return tag("svg", ground, bar, width="100%", height=8, cls="strength", role="img", aria_label=item.strength_words)


def mood_chart(days: Sequence[MoodPoint]) -> Markup:
    """How the weeks sounded, above and under the middle; weeks with a low day carry a mark at the foot."""
    if not days:
        return Markup("")
    span = day_number(days[-1].day) - day_number(days[0].day) + 1
    step = 1 if span <= _BY_DAY else _WEEK_DAYS
    weeks: dict[int, list[MoodPoint]] = {}
    for day in days:
        weeks.setdefault(day_number(day.day) // step, []).append(day)
    first, count = min(weeks), max(weeks) - min(weeks) + 1
    means = {week: sum(one.score for one in found) / len(found) for week, found in weeks.items()}
    most = max(_LEAST_MOOD, *(abs(mean) for mean in means.values()))
    width, middle = 100 / count, (MOOD_PX - _AXIS_PX) / 2
    shapes = [tag("line", x1="0%", x2="100%", y1=middle, y2=middle, cls="tick")]
    for week, found in sorted(weeks.items()):
        mean = means[week]
        high = round(max(abs(mean) / most * (middle - 8), 1.5), 1)
        y, x = (middle - high if mean > 0 else middle), (week - first) * width
        bar = tag("rect", x=f"{x:.2f}%", y=round(y, 1), width=f"{max(width * 0.8, 0.25):.2f}%", height=high, rx=1,
                  cls="mood-low" if mean < 0 else "mood-high")  # fmt: skip
        words = f"Week of {month_words(iso_day(week * step))}: {mean:+.2f}, {len(found)} days heard"
        if step == 1:
            words = f"{month_words(found[0].day)}: {mean:+.2f}"
        if any(one.low for one in found):
            foot = MOOD_PX - _AXIS_PX - 1
            bar += tag("circle", cx=f"{x + width * 0.4:.2f}%", cy=foot - 2, r=3, cls="mood-mark")
            words += ", low" if step == 1 else ", low days in it"
        shapes.append(tag("g", tag("title", words), bar))
    edges = (("0%", "start", days[0].day), ("100%", "end", days[-1].day))
    shapes += [
        tag("text", month_words(day), x=x, y=MOOD_PX - 4, text_anchor=anchor, cls="chart-tick")
        for x, anchor, day in edges
    ]
    low = sum(one.low for one in days)
    by = "day" if step == 1 else "week"
    label = f"How {len(days)} days from {days[0].day} to {days[-1].day} sounded, by {by}; {low} of them low"
    return tag("svg", join(shapes), width="100%", height=MOOD_PX, cls="mood-chart", role="img", aria_label=label)
