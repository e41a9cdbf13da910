"""What all drawings of time share: the axis, coverage, episodes, and bars that find their place.

Horizontal positions are percentages of a stretch of time, so a drawing fits any width; vertical positions are CSS
pixels. Colours come from time.css by class. Coverage is not told by colour alone: a covered stretch is a thick line, a
silent one a dotted line, an unknown one hatching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from markupsafe import Markup

from hearthside.alignment.views import Coverage, CoverageRun, EpisodeItem, OffsetRun
from hearthside.events import MINUTE_MS
from hearthside.web.markup import clock_words, join, tag
from hearthside.web.names import EPISODE_WORDS, episode_title

MAX_ROWS = 3  # bars that overlap more often than this share the last row
COVERAGE_WORDS = {
    Coverage.COVERED: "covered",
    Coverage.SILENT: "silent",
    Coverage.UNKNOWN: "unknown",
}
EPISODE_PX = 20  # height of one row of episodes


class Interval(Protocol):
    """Anything with a start and perhaps an end."""

    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int | None: ...


T = TypeVar("T", bound=Interval)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time as the horizontal axis."""

    start_ms: int
    end_ms: int

    def percent(self, ms: int) -> float:
        """Position of a time, clamped to the stretch, in percent of its length."""
        share = (ms - self.start_ms) / (self.end_ms - self.start_ms)
        return round(100 * min(1.0, max(0.0, share)), 3)

    def width(self, start_ms: int, end_ms: int) -> float:
        """Length of the part of [start, end) that lies in the stretch, in percent."""
        return round(self.percent(end_ms) - self.percent(start_ms), 3)


@dataclass(frozen=True, slots=True)
class Life:
    """First and last day of the life, ISO, or "" where that is not known: before and after it nothing can be known."""

    first: str
    last: str

    def holds(self, day: str) -> bool:
        """Whether a day lies in it."""
        return (not self.first or day >= self.first) and (not self.last or day <= self.last)


def offset_at(offsets: Sequence[OffsetRun], fallback_min: int, ms: int) -> int:
    """The UTC offset in minutes at a time; `fallback_min` outside of the runs."""
    return next((run.offset_min for run in offsets if run.start_ms <= ms < run.end_ms), fallback_min)


def stack(items: Sequence[T], max_rows: int = MAX_ROWS) -> list[tuple[T, int]]:
    """Each interval with the first row in which it overlaps nothing; beyond `max_rows` the last row is shared."""
    ends: list[int] = []
    placed: list[tuple[T, int]] = []
    for item in sorted(items, key=lambda one: (one.start_ms, -(one.end_ms or one.start_ms))):
        row = next((i for i, end in enumerate(ends) if end <= item.start_ms), len(ends))
        if row == len(ends) and row < max_rows:
            ends.append(0)
        row = min(row, max_rows - 1)
        ends[row] = max(ends[row], item.end_ms or item.start_ms)
        placed.append((item, row))
    return placed


def drawing(children: Sequence[Markup], height_px: float, cls: str, label: str) -> Markup:
    """A drawing as wide as its place; `label` says it in words."""
    return tag("svg", *children, width="100%", height=height_px, cls=cls, role="img", aria_label=label)


def tick_line(x: float, height_px: float) -> Markup:
    """A fine line from top to bottom."""
    return tag("line", x1=f"{x}%", x2=f"{x}%", y1=0, y2=height_px, cls="tick")


def coverage_shapes(runs: Sequence[CoverageRun], span: Span, y: float, hatch_px: float) -> list[Markup]:
    """Coverage as lines at height `y`; what is unknown is hatched from the top down to `hatch_px`."""
    shapes = []
    for run in runs:
        x1, x2 = span.percent(run.start_ms), span.percent(run.end_ms)
        if run.coverage is Coverage.UNKNOWN:
            width = f"{round(x2 - x1, 3)}%"
            shapes.append(tag("rect", x=f"{x1}%", y=0, width=width, height=hatch_px, cls="cover-unknown"))
        else:
            shapes.append(tag("line", x1=f"{x1}%", x2=f"{x2}%", y1=y, y2=y, cls=f"cover-{run.coverage.value}"))
    return shapes


def coverage_minutes(runs: Sequence[CoverageRun]) -> dict[Coverage, int]:
    """Whole minutes of each coverage."""
    totals = dict.fromkeys(Coverage, 0)
    for run in runs:
        totals[run.coverage] += (run.end_ms - run.start_ms) // MINUTE_MS
    return totals


def coverage_words(runs: Sequence[CoverageRun]) -> str:
    """Coverage in words: ``3 h 5 min covered, 20 h 55 min unknown``."""
    parts = [
        f"{minutes // 60} h {minutes % 60} min {COVERAGE_WORDS[coverage]}"
        for coverage, minutes in coverage_minutes(runs).items()
        if minutes
    ]
    return ", ".join(parts) or "nothing known"


def worded_bar(x: float, y: float, width: float, height: float, words: str, cls: str, label_from: float) -> Markup:
    """A bar; its words sit in an svg of their own, which clips them at the bar's end. Narrow bars carry none.

    How many of the words fit only the browser knows: time.js ends them with an ellipsis, and leaves out what is shorter
    than a few letters.
    """
    bar = tag("rect", x=f"{x}%", y=y, width=f"{width}%", height=height, rx=4, cls=cls)
    if width < label_from or not words:
        return bar
    inner = tag("text", words, x=7, y=round(height / 2 + 4), cls="bar-words")
    return bar + tag("svg", inner, x=f"{x}%", y=y, width=f"{width}%", height=height, aria_hidden="true")


# -- episodes ----------------------------------------------------------------------------------------------------------


def episode_class(kind: str) -> str:
    """The class that gives a kind of episode its colour; kinds nobody knows share one."""
    return f"episode episode-{kind if kind in EPISODE_WORDS else 'other'}"


def episode_words(item: EpisodeItem, offsets: Sequence[OffsetRun], fallback_min: int) -> str:
    """An episode in words: ``Sleep: asleep, 23:40 to 07:05``."""
    begin = clock_words(item.start_ms, offset_at(offsets, fallback_min, item.start_ms))
    end = clock_words(item.end_ms, offset_at(offsets, fallback_min, item.end_ms - 1))
    return f"{episode_title(item.kind)}: {item.label}, {begin} to {end}"


def episode_rows(items: Sequence[EpisodeItem], max_rows: int) -> list[tuple[EpisodeItem, int]]:
    """Episodes with their rows from the top; visits have the row below all others to themselves."""
    placed = stack([item for item in items if item.kind != "visit"], max_rows)
    below = 1 + max((row for _, row in placed), default=-1)
    return placed + [(item, below) for item in items if item.kind == "visit"]


def episode_band(
    items: Sequence[EpisodeItem],
    span: Span,
    offsets: Sequence[OffsetRun],
    fallback_min: int,
    max_rows: int = MAX_ROWS,
    label_from: float = 4.8,
) -> tuple[list[Markup], int]:
    """The shapes of the episodes that overlap a stretch of time, and how high they are together, in pixels."""
    inside = [item for item in items if item.start_ms < span.end_ms and item.end_ms > span.start_ms]
    shapes: list[Markup] = []
    placed = episode_rows(inside, max_rows)
    for item, row in placed:
        x, width = span.percent(item.start_ms), max(0.2, span.width(item.start_ms, item.end_ms))
        bar = worded_bar(x, 2 + row * EPISODE_PX, width, EPISODE_PX - 4, item.label, "bar", label_from)
        words = tag("title", episode_words(item, offsets, fallback_min))
        shapes.append(tag("g", words, bar, cls=episode_class(item.kind)))
    return shapes, max(EPISODE_PX, (1 + max((row for _, row in placed), default=0)) * EPISODE_PX)


def episode_legend(kinds: Sequence[str], strong: bool = False) -> Markup:
    """The colours of the kinds of episodes that are shown; `strong` as in the cells of a month, which have no words."""
    items = [
        tag("li", tag("svg", tag("rect", width=22, height=14, rx=4, cls="bar"), width=22, height=14,
            aria_hidden="true", cls=episode_class(kind)), episode_title(kind))
        for kind in kinds
    ]  # fmt: skip
    return tag("ul", join(items), cls="legend legend-strong" if strong else "legend") if items else Markup("")


def hatch_definition() -> Markup:
    """The hatching of unknown stretches, defined once on a page."""
    line = tag("line", x1=0, y1=0, x2=0, y2=7, cls="hatch-line")
    pattern = tag(
        "pattern", line, id="hatch", width=7, height=7, patternUnits="userSpaceOnUse", patternTransform="rotate(45)"
    )
    return tag("svg", tag("defs", pattern), width=0, height=0, aria_hidden="true", cls="definitions")


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
