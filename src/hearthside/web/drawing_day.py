"""One day, or one hour of it, drawn as SVG: episodes, six lanes with their coverage and the regular measures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson
from markupsafe import Markup

from hearthside.alignment.views import CoverageRun, DayView, Lane, LaneItem, OffsetRun, SeriesLine
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Layer
from hearthside.web.drawing import (
    Span,
    coverage_shapes,
    coverage_words,
    drawing,
    episode_band,
    episode_words,
    hatch_definition,
    offset_at,
    stack,
    tick_line,
    worded_bar,
)
from hearthside.web.markup import LAYER_WORDS, clock_words, join, offset_words, tag
from hearthside.web.names import name_words, source_words

ROW_PX = 22  # height of one row of bars in a lane
STRIP_PX = 8  # the coverage strip under a lane
SOURCE_PX = 16  # one row of the coverage of sources
INSTANT_BINS = 288  # instants in the same one of so many parts of the axis are one mark: about 3 px on a desktop
GRAINS = 1440  # what is shorter than one of so many parts of the axis is drawn as an instant
LABEL_FROM_PERCENT = 4.8  # narrower bars carry no words: below about 38 px only a letter or two would show
SLIVER_PERCENT = 0.2  # about 3 minutes of a day, 1.5 px on a desktop
SERIES_PX = 56
CLOSE_MS = 3 * HOUR_MS  # a shorter axis shows minutes, and words beside its instants
STEPPED = frozenset({"sleep_stage", "activity_class"})  # codes, not amounts: drawn as steps
MEASURE_WORDS = {
    "met": "Activity (MET)",
    "heart_rate": "Heart rate",
    "hrv": "Heart rate variability",
    "sleep_stage": "Sleep stage",
    "activity_class": "Activity class",
}


def close_up(day: DayView) -> bool:
    """Whether the axis shows minutes rather than hours."""
    return day.end_ms - day.start_ms <= CLOSE_MS


def clip(day: DayView, start_ms: int, end_ms: int) -> DayView:
    """The part [start, end) of a day, whole minutes, as a shorter day."""

    def runs(whole: Sequence[CoverageRun]) -> list[CoverageRun]:
        return [
            replace(run, start_ms=max(run.start_ms, start_ms), end_ms=min(run.end_ms, end_ms))
            for run in whole
            if run.start_ms < end_ms and run.end_ms > start_ms
        ]

    def inside(item: LaneItem) -> bool:
        return item.start_ms < end_ms and max(item.end_ms or 0, item.start_ms + 1) > start_ms

    first, last = (start_ms - day.start_ms) // MINUTE_MS, (end_ms - day.start_ms) // MINUTE_MS
    return replace(
        day,
        start_ms=start_ms,
        end_ms=end_ms,
        offset_min=offset_at(day.offsets, day.offset_min, start_ms),
        lanes=[replace(lane, items=[*filter(inside, lane.items)], coverage=runs(lane.coverage)) for lane in day.lanes],
        series=[replace(line, values=line.values[first:last]) for line in day.series],
        episodes=[one for one in day.episodes if one.start_ms < end_ms and one.end_ms > start_ms],
        sources=[replace(one, coverage=runs(one.coverage)) for one in day.sources],
    )


def hour_of(day: DayView, at_ms: int) -> tuple[int, int]:
    """UTC bounds of the local clock hour of a day that holds a time."""
    shift = offset_at(day.offsets, day.offset_min, at_ms) * MINUTE_MS
    begin = (at_ms + shift) // HOUR_MS * HOUR_MS - shift
    return max(begin, day.start_ms), min(begin + HOUR_MS, day.end_ms)


def ticks(day: DayView, every_min: int) -> list[tuple[int, str]]:
    """(UTC ms, label) of the local clock times that are multiples of `every_min`, and of the beginning.

    The hours fall where they fall: on a day whose clocks change one stretch between ticks is longer or shorter.
    """
    close = close_up(day)
    begins = clock_words(day.start_ms, offset_at(day.offsets, day.offset_min, day.start_ms)) if close else "00:00"
    found = [(day.start_ms, begins)]
    for run in day.offsets or [OffsetRun(day.start_ms, day.end_ms, day.offset_min)]:
        shift, step = run.offset_min * MINUTE_MS, every_min * MINUTE_MS
        ms = -(-(max(run.start_ms, day.start_ms) + shift) // step) * step - shift
        while ms < min(run.end_ms, day.end_ms):
            again = not close and (ms + shift) % DAY_MS == 0  # a day has one midnight, where it begins
            if ms > day.start_ms and not again:
                found.append((ms, clock_words(ms, run.offset_min)))
            ms += step
    return found


def day_ticks(day: DayView) -> list[tuple[int, str]]:
    """Every three hours of a day, every five minutes of an hour."""
    return ticks(day, 5 if close_up(day) else 180)


def lane_summary(lane: Lane) -> str:
    """A lane in one sentence, for people who do not see it."""
    events = "1 event" if len(lane.items) == 1 else f"{len(lane.items)} events"
    return f"{LAYER_WORDS[lane.layer]}: {events}; {coverage_words(lane.coverage)}"


def provisional_from(day: DayView, layer: Layer) -> int | None:
    """From when on a lane may still change, or None."""
    return min(
        (one.from_ms for one in day.provisional if one.layer is layer and one.from_ms < day.end_ms), default=None
    )


def lane_svg(lane: Lane, day: DayView) -> Markup:
    """One lane: hatching where nothing is known, bars, marks of instants, and the coverage strip below."""
    span = Span(day.start_ms, day.end_ms)
    grain = (day.end_ms - day.start_ms) // GRAINS
    intervals = [item for item in lane.items if item.end_ms is not None and item.end_ms - item.start_ms >= grain]
    instants = [item for item in lane.items if item.end_ms is None or item.end_ms - item.start_ms < grain]
    placed = stack(intervals)
    first = 1 if instants else 0  # instants have the top row for themselves
    rows = max(1, first + 1 + max((row for _, row in placed), default=-1))
    body_px = rows * ROW_PX + 6
    marks = [
        *coverage_shapes(lane.coverage, span, body_px + STRIP_PX / 2, body_px + STRIP_PX),
        *_provisional(day, lane.layer, span, body_px + STRIP_PX),
        *[tick_line(span.percent(ms), body_px) for ms, _ in day_ticks(day)[1:]],
        *[_bar(item, span, 4 + (row + first) * ROW_PX) for item, row in visible(placed, span)],
        *(_worded_marks(instants, span) if close_up(day) else _marks(instants, span)),
    ]
    return drawing(marks, body_px + STRIP_PX, f"lane-svg layer-{lane.layer.value}", lane_summary(lane))


def _provisional(day: DayView, layer: Layer, span: Span, height_px: int) -> list[Markup]:
    """A veil over what may still change, with a broken line where it begins."""
    since = provisional_from(day, layer)
    if since is None:
        return []
    x = span.percent(since)
    veil = tag("rect", x=f"{x}%", y=0, width=f"{round(100 - x, 3)}%", height=height_px, cls="provisional")
    return [veil, tag("line", x1=f"{x}%", x2=f"{x}%", y1=0, y2=height_px, cls="provisional-line")]


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


def bin_instants(items: Iterable[LaneItem], width_ms: int) -> list[tuple[LaneItem, int]]:
    """(the first, how many) of the instants in each bin that has any."""
    bins: dict[int, tuple[LaneItem, int]] = {}
    for item in sorted(items, key=lambda one: one.start_ms):
        first, count = bins.get(item.start_ms // width_ms, (item, 0))
        bins[item.start_ms // width_ms] = (first, count + 1)
    return list(bins.values())


def _bins(items: Iterable[LaneItem], span: Span) -> list[tuple[LaneItem, int]]:
    return bin_instants(items, max(1, (span.end_ms - span.start_ms) // INSTANT_BINS))


def _bar(item: LaneItem, span: Span, y: int) -> Markup:
    x1 = span.percent(item.start_ms)
    width = max(0.15, round(span.percent(item.end_ms or item.start_ms) - x1, 3))
    return worded_bar(x1, y, width, ROW_PX - 4, item.text or name_words(item.kind), "bar", LABEL_FROM_PERCENT)


def _marks(items: Iterable[LaneItem], span: Span) -> list[Markup]:
    """Instants, larger where several fall together."""
    return [_mark(span.percent(item.start_ms), count) for item, count in _bins(items, span)]


def _mark(x: float, count: int) -> Markup:
    radius = min(7.0, 3.5 + 0.7 * (count - 1))
    return tag("circle", cx=f"{x}%", cy=4 + (ROW_PX - 4) / 2, r=round(radius, 1), cls="mark")


def _worded_marks(items: Iterable[LaneItem], span: Span) -> list[Markup]:
    """Instants with their words, as far as the next one leaves room."""
    bins = _bins(items, span)
    edges = [span.percent(item.start_ms) for item, _ in bins] + [100.0]
    marks = []
    for (item, count), x, after in zip(bins, edges[:-1], edges[1:], strict=True):
        marks.append(_mark(x, count))
        if after - x >= LABEL_FROM_PERCENT:
            words = tag("text", item.text or name_words(item.kind), x=10, y=13, cls="bar-words")
            marks.append(tag("svg", words, x=f"{x}%", y=4, width=f"{round(after - x - 1, 3)}%", height=ROW_PX - 4,
                             aria_hidden="true"))  # fmt: skip
    return marks


# -- measures ----------------------------------------------------------------------------------------------------------


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
    """A regular measure, scaled from its lowest to its highest value."""
    known = [value for value in line.values if value is not None]
    span = Span(day.start_ms, day.end_ms)
    lines = [tick_line(span.percent(ms), SERIES_PX) for ms, _ in day_ticks(day)[1:]]
    name = series_name(line)
    if not known:
        return drawing(lines, SERIES_PX, "series-svg", f"{name}: no values here")
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
    return drawing([*lines, plot], SERIES_PX, f"series-svg layer-{line.layer.value}", label)


def series_name(line: SeriesLine) -> str:
    """A measure for people."""
    return MEASURE_WORDS.get(line.measure, name_words(line.measure))


def series_range(line: SeriesLine) -> str:
    """Lowest and highest value with the unit, or that there are none."""
    known = [value for value in line.values if value is not None]
    if not known:
        return "no values"
    unit = "" if line.measure in STEPPED or line.unit.lower() == line.measure else f" {line.unit}"
    return f"{min(known):.3g} to {max(known):.3g}{unit}"


# -- the whole chart ---------------------------------------------------------------------------------------------------


def axis_svg(day: DayView) -> Markup:
    """The local clock; every second label is left out on a phone by time.css. A change of the clock is marked."""
    span = Span(day.start_ms, day.end_ms)
    labels = []
    every = 2 if close_up(day) else 1  # minutes stand too close for each to be named
    for number, (ms, label) in enumerate(day_ticks(day)):
        x = span.percent(ms)
        if number % every:
            labels.append(tag("line", x1=f"{x}%", x2=f"{x}%", y1=20, y2=24, cls="tick"))
            continue
        cls = "axis-words" + (" axis-minor" if number // every % 2 and every == 1 else "")
        labels.append(tag("text", label, x=f"{x}%", dx=0 if number == 0 else -16, y=13, cls=cls))
        labels.append(tag("line", x1=f"{x}%", x2=f"{x}%", y1=18, y2=24, cls="tick"))
    for run in day.offsets[1:]:
        if day.start_ms < run.start_ms < day.end_ms:
            x = span.percent(run.start_ms)
            mark = tag("path", d="M0 0l5 8h-10z", cls="offset-mark")
            labels.append(tag("svg", mark, x=f"{x}%", y=16, width=10, height=8, cls="overflowing"))
    return tag("svg", *labels, width="100%", height=24, cls="axis-svg", aria_hidden="true")


def episodes_svg(day: DayView) -> Markup:
    """The band of episodes above the lanes."""
    span = Span(day.start_ms, day.end_ms)
    shapes, height = episode_band(day.episodes, span, day.offsets, day.offset_min)
    lines = [tick_line(span.percent(ms), height + 4) for ms, _ in day_ticks(day)[1:]]
    words = "; ".join(episode_words(one, day.offsets, day.offset_min) for one in day.episodes)
    return drawing([*lines, *shapes], height + 4, "episodes-svg", f"Episodes: {words}")


def day_chart(day: DayView) -> Markup:
    """The whole day or hour: axis, episodes, lanes, measures. It is a slider: time.js moves its cursor."""
    rows = [_row("", "", axis_svg(day), "axis")]
    if day.episodes:
        rows.append(_row("Episodes", _count(len(day.episodes)), episodes_svg(day), "episodes"))
    for lane in day.lanes:
        drawn = lane_svg(lane, day)
        rows.append(_row(LAYER_WORDS[lane.layer], _lane_note(lane, day), drawn, f"lane layer-{lane.layer.value}"))
    for line in day.series:
        rows.append(
            _row(series_name(line), series_range(line), series_svg(line, day), f"series layer-{line.layer.value}")
        )
    return hatch_definition() + tag(
        "div",
        tag("div", *rows, cls="daychart-rows"),
        cls="daychart" + (" close-up" if close_up(day) else ""),
        id="daychart",
        tabindex=0,
        role="slider",
        aria_label="Minute of the day; arrow keys move by a minute, with Shift by an hour, plus and minus zoom",
        aria_valuemin=0,
        aria_valuemax=(day.end_ms - day.start_ms) // MINUTE_MS - 1,
        aria_valuenow=0,
        aria_valuetext=clock_words(day.start_ms, offset_at(day.offsets, day.offset_min, day.start_ms)),
        data_start=day.start_ms,
        data_end=day.end_ms,
        data_offset=day.offset_min,
        data_offsets=orjson.dumps([[run.start_ms, run.offset_min] for run in day.offsets]).decode(),
    )


def _count(number: int) -> str:
    return f"{number}" if number else "—"


def _lane_note(lane: Lane, day: DayView) -> str:
    since = provisional_from(day, lane.layer)
    if since is None:
        return _count(len(lane.items))
    from_when = f" from {clock_words(since, offset_at(day.offsets, day.offset_min, since))}"
    return f"{_count(len(lane.items))} · may change{from_when if since > day.start_ms else ''}"


def _row(name: str, note: str, plot: Markup, cls: str) -> Markup:
    label = tag("div", tag("span", name, cls="row-name"), tag("span", note, cls="row-note"), cls="row-label")
    return tag("div", label, tag("div", plot, cls="plot"), cls=f"row-of-day {cls}")


def source_rows(day: DayView) -> Markup:
    """The coverage of each source, one thin row each."""
    span = Span(day.start_ms, day.end_ms)
    rows = []
    for one in day.sources:
        label = f"{source_words(one.source)}: {coverage_words(one.coverage)}"
        shapes = coverage_shapes(one.coverage, span, SOURCE_PX / 2, SOURCE_PX)
        plot = drawing(shapes, SOURCE_PX, f"layer-{one.layer.value}", label)
        rows.append(_row(source_words(one.source), _count(one.events), plot, f"source-row layer-{one.layer.value}"))
    return tag("div", join(rows), cls="source-rows")


def offset_changes(day: DayView) -> list[str]:
    """Changes of the person's clock during the day, in words."""
    return [
        f"At {clock_words(after.start_ms, before.offset_min)} the clock went from {offset_words(before.offset_min)} "
        f"to {offset_words(after.offset_min)}"
        for before, after in zip(day.offsets, day.offsets[1:], strict=False)
        if day.start_ms < after.start_ms < day.end_ms
    ]
