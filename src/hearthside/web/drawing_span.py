"""A week as seven rows and a month as a calendar: episodes, and how much of each layer was covered."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from hearthside.alignment.views import EpisodeItem, LayerSum, OffsetRun, SpanDay, SpanView
from hearthside.events import HOUR_MS, MINUTE_MS, local_datetime
from hearthside.web.drawing import (
    Life,
    Span,
    coverage_shapes,
    coverage_words,
    drawing,
    episode_band,
    episode_class,
    episode_words,
    hatch_definition,
    tick_line,
)
from hearthside.web.markup import LAYER_WORDS, day_words, join, local_words, offset_words, tag
from hearthside.web.zoom import Moment, Zoom, address, as_date

STRIP_PX = 6  # one layer's coverage in a row of the week
STRIPS_PX = 6 * STRIP_PX + 4
BAND_ROWS = 3  # episodes that overlap more often share the third row
SHORT_KINDS = ("home_activity", "watching", "listening", "conversation", "meal")  # too short to be seen in a month
CELL_STRIP_PX = 12  # the episodes of a day in a cell of the month
CELL_BARS_PX = 22  # the six layers of a day in a cell of the month
DAY_MIN = 1440
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def local_hours(day: SpanDay, offsets: Sequence[OffsetRun], every_h: int = 6) -> list[tuple[int, str]]:
    """(UTC ms, label) of the clock hours of a day that are multiples of `every_h`, without midnight."""
    found = []
    for run in offsets or [OffsetRun(day.start_ms, day.end_ms, day.offset_min)]:
        shift = run.offset_min * MINUTE_MS
        begin, end = max(run.start_ms, day.start_ms), min(run.end_ms, day.end_ms)
        ms = -(-(begin + shift) // HOUR_MS) * HOUR_MS - shift
        while ms < end:
            hour = (ms + shift) // HOUR_MS % 24
            if hour and hour % every_h == 0:
                found.append((ms, f"{hour:02d}:00"))
            ms += HOUR_MS
    return found


def of_day(day: SpanDay, episodes: Sequence[EpisodeItem]) -> list[EpisodeItem]:
    """The episodes that overlap a day."""
    return [one for one in episodes if one.start_ms < day.end_ms and one.end_ms > day.start_ms]


def day_summary(day: SpanDay, view: SpanView) -> str:
    """One day in words: its episodes, and what was heard of each layer."""
    parts = [episode_words(one, view.offsets, day.offset_min) for one in of_day(day, view.episodes)]
    layers = [f"{LAYER_WORDS[one.layer]} {one.events}" for one in day.layers if one.events]
    said = "; ".join(parts) or "no episodes"
    return f"{day_words(day.day)}: {said}. Events: {', '.join(layers) or 'none'}"


def known(day: SpanDay) -> bool:
    """Whether anything was heard on the day."""
    return any(one.events or one.covered_min for one in day.layers)


# -- the week ----------------------------------------------------------------------------------------------------------


def week_chart(view: SpanView, moment: Moment, life: Life) -> Markup:
    """Seven rows, each a local day from midnight to midnight; a row leads to its day, at the place pointed at."""
    rows = [_week_row(day, view, moment, life) for day in view.days]
    labels = [
        tag("text", f"{hour:02d}:00", x=f"{round(100 * hour / 24, 3)}%", dx=0 if hour == 0 else -16, y=13,
            cls="axis-words" + (" axis-minor" if hour % 12 else ""))
        for hour in (0, 6, 12, 18)
    ]  # fmt: skip
    axis = tag("svg", *labels, width="100%", height=18, cls="axis-svg", aria_hidden="true")
    head = tag("div", tag("div", cls="row-label"), tag("div", axis, cls="plot"), cls="row-of-day axis")
    return hatch_definition() + tag("div", head, *rows, cls="weekchart")


def _week_row(day: SpanDay, view: SpanView, moment: Moment, life: Life) -> Markup:
    when = as_date(day.day)
    name = f"{WEEKDAYS[when.weekday()]} {when.day}" if when else day.day
    events = sum(one.events for one in day.layers)
    label = tag(
        "span",
        tag("span", name, cls="row-name"),
        tag("span", f"{events:,}" if events else "—", cls="row-note"),
        cls="row-label",
    )
    at = moment.at_ms if moment.day == day.day else None
    link = address(Zoom.DAY, Moment(day.day, at))
    mine = " is-moment" if moment.day == day.day else ""
    beyond = not known(day) and not life.holds(day.day)
    plot = tag("span", Markup("") if beyond else week_row_svg(day, view, at), cls="plot")
    return tag(
        "a",
        label,
        plot,
        href=link,
        cls=f"row-of-day week-row{mine}",
        data_start=day.start_ms,
        data_end=day.end_ms,
        data_day=day.day,
    )


def week_row_svg(day: SpanDay, view: SpanView, at_ms: int | None) -> Markup:
    """One day of a week: its episodes above thin strips of the coverage of the six layers."""
    span = Span(day.start_ms, day.end_ms)
    shown = [one for one in view.episodes if one.kind != "home_activity"]
    band, band_px = episode_band(shown, span, view.offsets, day.offset_min, max_rows=BAND_ROWS, label_from=6)
    height = band_px + STRIPS_PX
    strips = [_strip(day, place, span, band_px) for place in range(len(day.coverage))]
    if not day.coverage and not known(day):
        strips = [tag("rect", x=0, y=0, width="100%", height=height, cls="cover-unknown")]
    ticks = [tick_line(span.percent(ms), height) for ms, _ in local_hours(day, view.offsets)]
    shapes = [*ticks, *strips, *band]
    if at_ms is not None:
        x = span.percent(at_ms)
        shapes.append(tag("line", x1=f"{x}%", x2=f"{x}%", y1=0, y2=height, cls="moment-line"))
    return drawing(shapes, height, "week-svg", day_summary(day, view))


def _strip(day: SpanDay, place: int, span: Span, top_px: int) -> Markup:
    layer = day.layers[place].layer
    shapes = coverage_shapes(day.coverage[place], span, STRIP_PX / 2, STRIP_PX - 1)
    words = tag("title", f"{LAYER_WORDS[layer]}: {coverage_words(day.coverage[place])}")
    strip = tag("svg", *shapes, x=0, y=top_px + 2 + place * STRIP_PX, width="100%", height=STRIP_PX, aria_hidden="true")
    return tag("g", words, strip, cls=f"layer-{layer.value} strip")


def layer_legend() -> Markup:
    """The colours of the six layers, in the order in which they are drawn."""
    items = [
        tag("li", tag("span", cls=f"layer-dot layer-{layer.value}"), words) for layer, words in LAYER_WORDS.items()
    ]
    return tag("ul", join(items), cls="legend")


# -- the month ---------------------------------------------------------------------------------------------------------


def month_chart(view: SpanView, moment: Moment, life: Life) -> Markup:
    """A calendar: a row a week, a cell a day; a cell leads to its day, the number of a week to that week."""
    head = [tag("span", cls="month-corner"), *[tag("span", name, cls="month-weekday") for name in WEEKDAYS]]
    cells: list[Markup] = []
    for place, day in enumerate(view.days):
        when = as_date(day.day)
        if when is None:
            continue
        if place == 0 or when.weekday() == 0:
            number = when.isocalendar().week
            cells.append(
                tag("a", tag("span", "week ", cls="week-word"), str(number), href=address(Zoom.WEEK, Moment(day.day)),
                    cls="month-week", aria_label=f"Week {number}, from {day_words(day.day)}")
            )  # fmt: skip
        if place == 0:
            cells += [tag("span", cls="month-blank", aria_hidden="true")] * when.weekday()
        cells.append(month_cell(day, view, moment, life))
    return hatch_definition() + tag("div", *head, *cells, cls="monthchart")


def month_cell(day: SpanDay, view: SpanView, moment: Moment, life: Life) -> Markup:
    """One day of a month: its number, its episodes on a strip of 24 hours, and six bars of coverage."""
    when = as_date(day.day)
    at = moment.at_ms if moment.day == day.day else None
    mine = " is-moment" if moment.day == day.day else ""
    look = "" if known(day) else " is-unknown" if life.holds(day.day) else " is-beyond"
    return tag(
        "a",
        tag("span", str(when.day) if when else "", cls="month-day"),
        _cell_strip(day, view),
        _cell_bars(day.layers),
        href=address(Zoom.DAY, Moment(day.day, at)),
        cls=f"month-cell{mine}{look}",
        aria_label=day_summary(day, view) if known(day) else f"{day_words(day.day)}: nothing is known",
    )


def _cell_strip(day: SpanDay, view: SpanView) -> Markup:
    """The day's episodes from midnight to midnight; places as a thin line below the others."""
    span = Span(day.start_ms, day.end_ms)
    shapes = []
    broad = [one for one in of_day(day, view.episodes) if one.kind not in SHORT_KINDS]
    for one in sorted(broad, key=lambda item: item.start_ms - item.end_ms):  # the shorter lie on the longer
        x, width = span.percent(one.start_ms), max(1.0, span.width(one.start_ms, one.end_ms))
        y, height = (CELL_STRIP_PX - 3, 3) if one.kind == "visit" else (0, CELL_STRIP_PX - 4)
        bar = tag("rect", x=f"{x}%", y=y, width=f"{width}%", height=height, cls="bar")
        shapes.append(tag("g", bar, cls=episode_class(one.kind)))
    return tag("svg", *shapes, width="100%", height=CELL_STRIP_PX, cls="cell-strip", aria_hidden="true")


def _cell_bars(layers: Sequence[LayerSum]) -> Markup:
    """Six bars: the higher, the more of the day the layer's best source covered."""
    bars = []
    for place, one in enumerate(layers):
        x = f"{round(100 * place / 6 + 2, 2)}%"
        heard = one.events or one.covered_min
        height = max(2.0, round(CELL_BARS_PX * min(1.0, one.covered_min / DAY_MIN), 1)) if heard else CELL_BARS_PX
        cls = "cover-bar" if heard else "cover-unknown"
        rect = tag("rect", x=x, y=CELL_BARS_PX - height, width="12.6%", height=height, cls=cls)
        bars.append(tag("g", rect, cls=f"layer-{one.layer.value}"))
    return tag("svg", *bars, width="100%", height=CELL_BARS_PX, cls="cell-bars", aria_hidden="true")


def offset_words_of(view: SpanView) -> list[str]:
    """The changes of the person's clock in a span, in words."""
    found = []
    for before, after in pairwise(view.offsets):
        local = local_datetime(after.start_ms, after.offset_min)
        found.append(
            f"{local_words(local.isoformat(timespec='minutes'))}: {offset_words(before.offset_min)} "
            f"→ {offset_words(after.offset_min)}"
        )
    return found
