"""One day drawn as SVG: six lanes with their coverage and the regular measures, all on one time axis.

Horizontal positions are percentages of the local day (which has 23, 24 or 25 hours), so a drawing fits any width;
vertical positions are CSS pixels. Colours come from theme.css by class. Nothing is told by colour alone: a covered
stretch is a thick line, a silent one a dotted line, an unknown one hatching.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hearthside.alignment.views import Coverage, DayView, Lane, LaneItem, SeriesLine
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from hearthside.web.markup import LAYER_WORDS, clock_words, join, source_words, tag

ROW_PX = 22  # height of one row of bars in a lane
MAX_ROWS = 3  # bars that overlap more often than this share the last row
STRIP_PX = 8  # the coverage strip under a lane
INSTANT_BIN_MS = 5 * MINUTE_MS  # instants closer than this are one mark: about 3 px on a desktop
LABEL_FROM_PERCENT = 4.8  # narrower bars carry no words: below about 38 px only a letter or two would show
SLIVER_PERCENT = 0.2  # about 3 minutes, 1.5 px on a desktop
SERIES_PX = 56
STEPPED = frozenset({"sleep_stage", "activity_class"})  # codes, not amounts: drawn as steps
MEASURE_WORDS = {
    "met": "Activity (MET)",
    "heart_rate": "Heart rate",
    "hrv": "Heart rate variability",
    "sleep_stage": "Sleep stage",
    "activity_class": "Activity class",
}
COVERAGE_WORDS = {
    Coverage.COVERED: "covered",
    Coverage.SILENT: "silent",
    Coverage.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Span:
    """The local day as the horizontal axis."""

    start_ms: int
    end_ms: int

    def percent(self, ms: int) -> float:
        """Position of a time, clamped to the day, in percent of its length."""
        share = (ms - self.start_ms) / (self.end_ms - self.start_ms)
        return round(100 * min(1.0, max(0.0, share)), 3)


def hour_ticks(day: DayView, every_h: int = 3) -> list[tuple[int, str]]:
    """(UTC ms, label) of the local hours that are multiples of `every_h`, at the day's noon offset.

    On a day whose clocks change, midnight is drawn where the day begins and the hours after it where they fall.
    """
    ticks = [(day.start_ms, "00:00")]
    shift = day.offset_min * MINUTE_MS
    midnight = (day.start_ms + shift + DAY_MS // 2) // DAY_MS * DAY_MS - shift
    for hour in range(every_h, 24, every_h):
        ms = midnight + hour * HOUR_MS
        if day.start_ms < ms < day.end_ms:
            ticks.append((ms, f"{hour:02d}:00"))
    return ticks


def stack(items: Sequence[LaneItem], max_rows: int = MAX_ROWS) -> list[tuple[LaneItem, int]]:
    """Each interval with the first row in which it overlaps nothing; beyond `max_rows` the last row is shared."""
    ends: list[int] = []
    placed: list[tuple[LaneItem, int]] = []
    for item in sorted(items, key=lambda one: (one.start_ms, -(one.end_ms or one.start_ms))):
        row = next((i for i, end in enumerate(ends) if end <= item.start_ms), len(ends))
        if row == len(ends) and row < max_rows:
            ends.append(0)
        row = min(row, max_rows - 1)
        ends[row] = max(ends[row], item.end_ms or item.start_ms)
        placed.append((item, row))
    return placed


def coverage_minutes(lane: Lane) -> dict[Coverage, int]:
    """Whole minutes of each coverage in a lane."""
    totals = dict.fromkeys(Coverage, 0)
    for run in lane.coverage:
        totals[run.coverage] += (run.end_ms - run.start_ms) // MINUTE_MS
    return totals


def lane_summary(lane: Lane) -> str:
    """A lane in one sentence, for people who do not see it."""
    parts = [
        f"{minutes // 60} h {minutes % 60} min {COVERAGE_WORDS[coverage]}"
        for coverage, minutes in coverage_minutes(lane).items()
        if minutes
    ]
    events = "1 event" if len(lane.items) == 1 else f"{len(lane.items)} events"
    return f"{LAYER_WORDS[lane.layer]}: {events}; {', '.join(parts) or 'nothing known'}"


def lane_svg(lane: Lane, day: DayView) -> Markup:
    """One lane: hatching where nothing is known, bars, marks of instants, and the coverage strip below."""
    span = Span(day.start_ms, day.end_ms)
    intervals = [item for item in lane.items if item.end_ms is not None and item.end_ms - item.start_ms >= MINUTE_MS]
    instants = [item for item in lane.items if item.end_ms is None or item.end_ms - item.start_ms < MINUTE_MS]
    placed = stack(intervals)
    first = 1 if instants else 0  # instants have the top row for themselves
    rows = max(1, first + 1 + max((row for _, row in placed), default=-1))
    body_px = rows * ROW_PX + 6
    marks = [
        *_coverage_shapes(lane, span, body_px),
        *[_tick_line(span.percent(ms), body_px) for ms, _ in hour_ticks(day)[1:]],
        *[_bar(item, span, 4 + (row + first) * ROW_PX) for item, row in visible(placed, span)],
        *[_mark(ms, count, span) for ms, count in bin_instants(instants)],
    ]
    return _svg(marks, body_px + STRIP_PX, f"lane-svg layer-{lane.layer.value}", lane_summary(lane))


def visible(placed: Sequence[tuple[LaneItem, int]], span: Span) -> list[tuple[LaneItem, int]]:
    """The bars without those that would lie unseen on another sliver: one sliver per row and SLIVER_PERCENT."""
    slivers: set[tuple[int, int]] = set()
    kept = []
    for item, row in placed:
        x1, x2 = span.percent(item.start_ms), span.percent(item.end_ms or item.start_ms)
        if x2 - x1 < SLIVER_PERCENT:
            place = (row, int(x1 / SLIVER_PERCENT))
            if place in slivers:
                continue
            slivers.add(place)
        kept.append((item, row))
    return kept


def bin_instants(items: Iterable[LaneItem], width_ms: int = INSTANT_BIN_MS) -> list[tuple[int, int]]:
    """(time of the first, how many) of the instants in each bin that has any."""
    bins: dict[int, tuple[int, int]] = {}
    for item in sorted(items, key=lambda one: one.start_ms):
        first, count = bins.get(item.start_ms // width_ms, (item.start_ms, 0))
        bins[item.start_ms // width_ms] = (first, count + 1)
    return list(bins.values())


def _svg(children: Sequence[Markup], height_px: int, cls: str, label: str) -> Markup:
    return tag("svg", *children, width="100%", height=height_px, cls=cls, role="img", aria_label=label)


def _tick_line(x: float, height_px: int) -> Markup:
    return tag("line", x1=f"{x}%", x2=f"{x}%", y1=0, y2=height_px, cls="tick")


def _coverage_shapes(lane: Lane, span: Span, body_px: int) -> list[Markup]:
    shapes = []
    y = body_px + STRIP_PX / 2
    for run in lane.coverage:
        x1, x2 = span.percent(run.start_ms), span.percent(run.end_ms)
        if run.coverage is Coverage.UNKNOWN:
            width = f"{round(x2 - x1, 3)}%"
            shapes.append(tag("rect", x=f"{x1}%", y=0, width=width, height=body_px + STRIP_PX, cls="cover-unknown"))
        else:
            shapes.append(tag("line", x1=f"{x1}%", x2=f"{x2}%", y1=y, y2=y, cls=f"cover-{run.coverage.value}"))
    return shapes


def _bar(item: LaneItem, span: Span, y: int) -> Markup:
    """An interval; its words sit in an svg of their own, which clips them at the bar's end."""
    x1 = span.percent(item.start_ms)
    width = max(0.15, round(span.percent(item.end_ms or item.start_ms) - x1, 3))
    bar = tag("rect", x=f"{x1}%", y=y, width=f"{width}%", height=ROW_PX - 4, rx=4, cls="bar")
    if width < LABEL_FROM_PERCENT:
        return bar
    words = tag("text", item.text or source_words(item.kind), x=7, y=13, cls="bar-words")
    return bar + tag("svg", words, x=f"{x1}%", y=y, width=f"{width}%", height=ROW_PX - 4, aria_hidden="true")


def _mark(ms: int, count: int, span: Span) -> Markup:
    """An instant, larger where several fall together."""
    radius = min(7.0, 3.5 + 0.7 * (count - 1))
    return tag("circle", cx=f"{span.percent(ms)}%", cy=4 + (ROW_PX - 4) / 2, r=round(radius, 1), cls="mark")


def series_path(values: Sequence[float | None], low: float, high: float, stepped: bool = False) -> str:
    """SVG path of one value a minute in a box of len(values) by 100; a missing value breaks the line."""
    scale = 100 / (high - low) if high > low else 0.0
    parts: list[str] = []
    pen_down = False
    for minute, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        y = f"{100 - (value - low) * scale:.1f}" if scale else "50"
        if not pen_down:
            parts.append(f"M{minute} {y}")
        elif stepped:
            parts.append(f"H{minute}V{y}")
        else:
            parts.append(f"L{minute} {y}")
        pen_down = True
        if minute + 1 == len(values) or values[minute + 1] is None:
            parts.append(f"H{minute + 1}")  # the last value holds for its whole minute; a lone one stays visible
    return "".join(parts)


def series_svg(line: SeriesLine, day: DayView) -> Markup:
    """A regular measure over the day, scaled from its lowest to its highest value."""
    known = [value for value in line.values if value is not None]
    span = Span(day.start_ms, day.end_ms)
    ticks = [_tick_line(span.percent(ms), SERIES_PX) for ms, _ in hour_ticks(day)[1:]]
    name = series_name(line)
    if not known:
        return _svg(ticks, SERIES_PX, "series-svg", f"{name}: no values on this day")
    low, high = min(known), max(known)
    path = tag("path", d=series_path(line.values, low, high, line.measure in STEPPED), cls="series-line")
    plot = tag(
        "svg",
        path,
        x=0,
        y=5,
        width="100%",
        height=SERIES_PX - 10,
        viewBox=f"0 0 {len(line.values)} 100",
        preserveAspectRatio="none",
        cls="series-plot",
    )
    label = f"{name}: {len(known)} minutes known, from {low:g} to {high:g} {line.unit}"
    return _svg([*ticks, plot], SERIES_PX, f"series-svg layer-{line.layer.value}", label)


def series_name(line: SeriesLine) -> str:
    """A measure for people."""
    return MEASURE_WORDS.get(line.measure, source_words(line.measure))


def series_range(line: SeriesLine) -> str:
    """Lowest and highest value with the unit, or that there are none."""
    known = [value for value in line.values if value is not None]
    if not known:
        return "no values"
    unit = "" if line.measure in STEPPED or line.unit.lower() == line.measure else f" {line.unit}"
    return f"{min(known):.3g} to {max(known):.3g}{unit}"


def axis_svg(day: DayView) -> Markup:
    """The hours of the local day; every second label is left out on a phone by theme.css."""
    span = Span(day.start_ms, day.end_ms)
    labels = []
    for number, (ms, label) in enumerate(hour_ticks(day)):
        x = span.percent(ms)
        cls = "axis-words" + (" axis-minor" if number % 2 else "")
        labels.append(tag("text", label, x=f"{x}%", dx=0 if number == 0 else -16, y=13, cls=cls))
        labels.append(tag("line", x1=f"{x}%", x2=f"{x}%", y1=18, y2=24, cls="tick"))
    return tag("svg", *labels, width="100%", height=24, cls="axis-svg", aria_hidden="true")


def hatch_definition() -> Markup:
    """The hatching of unknown stretches, defined once on a page."""
    line = tag("line", x1=0, y1=0, x2=0, y2=7, cls="hatch-line")
    pattern = tag(
        "pattern", line, id="hatch", width=7, height=7, patternUnits="userSpaceOnUse", patternTransform="rotate(45)"
    )
    return tag("svg", tag("defs", pattern), width=0, height=0, aria_hidden="true", cls="definitions")


def day_chart(day: DayView) -> Markup:
    """The whole day: axis, six lanes, measures. It is a slider: day.js moves its cursor by pointer, tap and keys."""
    rows = [_row("", "", axis_svg(day), "axis")]
    for lane in day.lanes:
        count = f"{len(lane.items)}" if lane.items else "—"
        rows.append(_row(LAYER_WORDS[lane.layer], count, lane_svg(lane, day), f"lane layer-{lane.layer.value}"))
    for line in day.series:
        rows.append(
            _row(series_name(line), series_range(line), series_svg(line, day), f"series layer-{line.layer.value}")
        )
    return hatch_definition() + tag(
        "div",
        tag("div", *rows, cls="daychart-rows"),
        cls="daychart",
        id="daychart",
        tabindex=0,
        role="slider",
        aria_label="Minute of the day; arrow keys move by a minute, with Shift by an hour",
        aria_valuemin=0,
        aria_valuemax=(day.end_ms - day.start_ms) // MINUTE_MS - 1,
        aria_valuenow=0,
        aria_valuetext=clock_words(day.start_ms, day.offset_min),
        data_start=day.start_ms,
        data_end=day.end_ms,
        data_offset=day.offset_min,
    )


def _row(name: str, note: str, drawing: Markup, cls: str) -> Markup:
    label = tag("div", tag("span", name, cls="row-name"), tag("span", note, cls="row-note"), cls="row-label")
    return tag("div", label, tag("div", drawing, cls="plot"), cls=f"row-of-day {cls}")


def coverage_legend() -> Markup:
    """What the three coverages look like."""
    items = []
    for coverage, meaning in (
        (Coverage.COVERED, "covered: a source said something that holds"),
        (Coverage.SILENT, "silent: its sources were there and said nothing"),
        (Coverage.UNKNOWN, "unknown: nothing was listening"),
    ):
        if coverage is Coverage.UNKNOWN:
            shape = tag("rect", x=0, y=0, width=34, height=14, cls="cover-unknown")
        else:
            shape = tag("line", x1=0, x2=34, y1=7, y2=7, cls=f"cover-{coverage.value}")
        items.append(tag("li", tag("svg", shape, width=34, height=14, aria_hidden="true"), meaning))
    return tag("ul", join(items), cls="legend")
