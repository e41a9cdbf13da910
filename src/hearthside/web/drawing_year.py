"""A year as a calendar map: a cell a day, its colour the figure of the day, hatched where nothing is known.

The cells are links in a CSS grid that theme rules lay out by week: weeks side by side on a desktop, below each other on
a phone. time.js moves between them by the arrow keys and says the figure of the one pointed at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from hearthside.alignment.views import DayValue, LayerWeeks, Measure, YearMap, YearView
from hearthside.alignment.year_view import week_of_year
from hearthside.web.drawing import hatch_definition
from hearthside.web.markup import LAYER_WORDS, join, tag
from hearthside.web.names import EPISODE_WORDS
from hearthside.web.zoom import Moment, Zoom, address

WEEK_STRIP_PX = 9  # one layer's coverage, week by week
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHADES = 5


def value_words(value: float | None, unit: str) -> str:
    """A figure with its unit: ``7 h 12 min``, ``8,204 steps``; what is unknown says so."""
    if value is None:
        return "nothing known"
    if unit == "hours":
        minutes = round(value * 60)
        return f"{minutes // 60} h {minutes % 60:02d} min"
    if unit == "layers":
        return f"{value:.0f} of 6 layers"
    if unit == "events":
        return "1 record" if value == 1 else f"{value:,.0f} records"
    if unit == "steps":
        return f"{value:,.0f} steps"
    return f"{value:,.1f} {unit}" if unit == "kg" else f"{value:,.0f} {unit}"


def short_words(value: float, unit: str) -> str:
    """A bound of the legend: ``6 h``, ``7:30 h``, ``8,200``."""
    if unit == "hours":
        minutes = round(value * 60)
        return f"{minutes // 60}:{minutes % 60:02d}" if minutes % 60 else f"{minutes // 60}"
    return f"{value:,.1f}" if unit == "kg" and value % 1 else f"{value:,.0f}"


def shade(value: float | None, edges: Sequence[float]) -> str:
    """The class of a cell: ``unknown``, ``none`` for zero, or ``shade-1`` to ``shade-5``."""
    if value is None:
        return "unknown"
    if value == 0:
        return "none"
    return f"shade-{first_shade(edges) + bisect_right(edges, value)}"


def first_shade(edges: Sequence[float]) -> int:
    """Fewer steps than there are shades begin in the middle, so that they are told apart from an empty cell."""
    return max(1, SHADES - len(edges)) if len(edges) < SHADES - 1 else 1


def colour_of(measure: Measure) -> str:
    """The class that gives a measure its colour."""
    if measure.name in EPISODE_WORDS:
        return f"episode-{measure.name}"
    return f"layer-{measure.layer.value}" if measure.layer else "layer-all"


def year_chart(view: YearView, year: YearMap, moment: Moment) -> Markup:
    """One year: the map, and below it the coverage of the six layers week by week."""
    weeks = week_of_year(date(year.year, 12, 31)) + 1
    known = [one.value for one in year.days if one.value is not None]
    words = f"{view.measure.title} in {year.year}: {len(known)} of {len(year.days)} days known"
    grid = tag(
        "div",
        *_month_links(year.year, moment),
        *[tag("span", name, cls=f"heat-weekday weekday-{place}", aria_hidden="true") for place, name in _WEEKDAYS],
        *[_cell(one, view, moment) for one in year.days],
        cls=f"heat {colour_of(view.measure)}",
        role="group",
        aria_label=words,
        style=f"--weeks: {weeks}",
    )
    return tag("div", grid, week_strips(year, weeks), cls="heat-holder")


_WEEKDAYS = ((0, "Mon"), (2, "Wed"), (4, "Fri"), (6, "Sun"))


def _month_links(year: int, moment: Moment) -> list[Markup]:
    """The names of the months, at the week in which each begins; each leads to its month."""
    links = []
    for number, name in enumerate(MONTHS, start=1):
        first = date(year, number, 1)
        week = week_of_year(first) + (1 if first.weekday() else 0)  # the first whole week carries the name
        inside = moment.day if moment.day.startswith(f"{year:04d}-{number:02d}") else first.isoformat()
        links.append(
            tag("a", name, href=address(Zoom.MONTH, Moment(inside)), cls="heat-month", style=f"--week: {week}",
                aria_label=f"{first:%B %Y}")
        )  # fmt: skip
    return links


def _cell(one: DayValue, view: YearView, moment: Moment) -> Markup:
    day = date.fromisoformat(one.day)
    mine = moment.day == one.day
    at = moment.at_ms if mine else None
    words = f"{day:%a} {day.day} {day:%b %Y}: {value_words(one.value, view.measure.unit)}"
    return tag(
        "a",
        href=address(Zoom.DAY, Moment(one.day, at)),
        cls=f"heat-day {shade(one.value, view.edges)}{' is-moment' if mine else ''}",
        aria_label=words,
        tabindex=0 if mine else -1,
        style=f"--week: {week_of_year(day)}; --weekday: {day.weekday()}",
    )


def week_strips(year: YearMap, weeks: int) -> Markup:
    """How much of each week the best source of each layer covered; a week in which none was heard is hatched."""
    rows = [
        tag(
            "div",
            tag("span", LAYER_WORDS[one.layer], cls="strip-name"),
            _week_strip(one, weeks),
            cls=f"strip-row layer-{one.layer.value}",
        )
        for one in year.weeks
    ]
    return tag("div", *rows, cls="heat-strips")


def _week_strip(one: LayerWeeks, weeks: int) -> Markup:
    width = round(100 / weeks, 4)
    shapes = []
    for week, share in enumerate(one.shares):
        place = {"x": f"{round(week * width, 3)}%", "width": f"{width}%", "y": 0, "height": WEEK_STRIP_PX}
        if share is not None:
            shapes.append(tag("rect", **place, cls="week-cover", fill_opacity=round(0.15 + 0.85 * min(1.0, share), 2)))
        else:
            shapes.append(tag("rect", **place, cls="cover-unknown"))
    heard = [share for share in one.shares if share is not None]
    words = f"{LAYER_WORDS[one.layer]}: heard in {len(heard)} of {len(one.shares)} weeks"
    if heard:
        words += f", covered for {sum(heard) / len(heard):.0%} of them on average"
    return tag("svg", *shapes, width="100%", height=WEEK_STRIP_PX, role="img", aria_label=words)


def year_legend(view: YearView) -> Markup:
    """What the shades mean."""
    unit = {"hours": "h", "events": "records", "of 100": "of 100"}.get(view.measure.unit, view.measure.unit)
    edges, start = view.edges, first_shade(view.edges)
    steps = [("unknown", "nothing known"), ("none", "none")] if view.measure.unit != "layers" else [
        ("unknown", "nothing known")
    ]  # fmt: skip
    if not edges:
        steps.append((f"shade-{start}", f"any {unit}"))
    most = "{}".format if view.measure.unit == "layers" else "{} and more".format  # there are no more than six
    for place in range(len(edges) + 1 if edges else 0):
        low = short_words(edges[place - 1], view.measure.unit) if place else ""
        high = short_words(edges[place], view.measure.unit) if place < len(edges) else ""
        words = f"under {high}" if not low else most(low) if not high else f"from {low}"
        steps.append((f"shade-{start + place}", f"{words} {unit}" if not low or not high else words))
    items = [tag("li", tag("span", cls=f"heat-day swatch {cls}", aria_hidden="true"), words) for cls, words in steps]
    return tag("ul", join(items), cls=f"legend heat-legend {colour_of(view.measure)}")


def measure_choice(measures: Sequence[Measure], chosen: Measure) -> Markup:
    """What the cells show, to choose from."""
    groups: dict[str, list[Markup]] = {}
    for one in measures:
        option = tag("option", one.title, value=one.name, selected=one.name == chosen.name)
        groups.setdefault(one.group, []).append(option)
    options = [tag("optgroup", *found, label=name) for name, found in groups.items()]
    return tag("label", tag("span", "Show"), tag("select", *options, cls="field", name="measure"), cls="heat-choice")


def month_table(view: YearView, year: YearMap) -> Markup:
    """A year in figures, month by month: for reading without seeing, and for copying."""
    rows = []
    for number, name in enumerate(MONTHS, start=1):
        values = [one.value for one in year.days if one.day[5:7] == f"{number:02d}"]
        known = [value for value in values if value is not None]
        mean = value_words(sum(known) / len(known), view.measure.unit) if known else "—"
        highest = value_words(max(known), view.measure.unit) if known else "—"
        cells = (f"{len(known)} of {len(values)}", mean, highest)
        rows.append(tag("tr", tag("th", f"{name} {year.year}", scope="row"), *[tag("td", cell) for cell in cells]))
    heads = ("Month", "Days known", "Mean of known days", "Highest")
    return tag(
        "table",
        tag("caption", f"{view.measure.title} in {year.year} by month", cls="unseen"),
        tag("thead", tag("tr", *[tag("th", head, scope="col") for head in heads])),
        tag("tbody", *rows),
    )


def maps(view: YearView, moment: Moment) -> Markup:
    """The years below each other."""
    parts = [hatch_definition()]
    for year in view.years:
        title = tag("h2", tag("a", str(year.year), href=address(Zoom.YEAR, Moment(f"{year.year:04d}-07-01"))))
        parts.append(tag("section", title if len(view.years) > 1 else Markup(""), year_chart(view, year, moment)))
    return join(parts)
