"""A day: six lanes on one time axis, and everything known about the minute under the cursor."""

from __future__ import annotations

from datetime import date, timedelta

from markupsafe import Markup
from nicegui import events, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse

from hearthside.alignment.views import Coverage, DayView, LaneItem, LayerSlice, SliceView
from hearthside.events import Precision
from hearthside.web.calls import Problem, call
from hearthside.web.controls import html, native, text
from hearthside.web.drawing import COVERAGE_WORDS, MEASURE_WORDS, coverage_legend, day_chart
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import (
    LAYER_WORDS,
    ORIGIN_WORDS,
    clock_words,
    day_words,
    local_words,
    offset_words,
    source_words,
    tag,
)

SHOWN_ITEMS = 8  # items of one layer at one minute; the rest is counted
HINT = "Point at a minute to read it; click to hold it. On a phone, tap. With the keyboard, use the arrow keys."


def register(shells: Shells) -> None:
    """The pages at ``/day``, ``/day/{date}`` and the jump ``/at/{ms}``."""

    @ui.page("/day", title="Day · Hearthside", response_timeout=30)
    async def last_day(request: Request) -> RedirectResponse | None:
        shell = shells.of(request)
        overview = await call(shell.house.overview)
        if not isinstance(overview, Problem) and overview.last_day:
            return RedirectResponse(f"/day/{overview.last_day}", status_code=303)
        async with frame(shell, "day"):
            text("Day", "h1")
            text("No day has been recorded yet.", "p", "quiet")
        return None

    @ui.page("/day/{day}", title="Day · Hearthside", response_timeout=30)
    async def one_day(day: str, request: Request) -> None:
        shell = shells.of(request)
        async with frame(shell, "day") as page:
            view = await call(shell.house.day, day)
            if isinstance(view, Problem):
                text("Day", "h1")
                page.show(view)
            else:
                DayPage(shell, page, view).show(whole_number(request.query_params.get("at", "")))

    @ui.page("/at/{moment}", title="Day · Hearthside", response_timeout=30)
    async def at_moment(moment: str, request: Request) -> RedirectResponse | None:
        shell = shells.of(request)
        ms = whole_number(moment)
        view = await call(shell.house.slice, ms) if ms is not None else Problem("bad-address", "This is not a time.")
        if isinstance(view, SliceView):
            return RedirectResponse(f"/day/{view.local_day}?at={ms}", status_code=303)
        async with frame(shell, "day") as page:
            text("Day", "h1")
            page.show(view)
        return None


def whole_number(words: str) -> int | None:
    """UTC milliseconds from an address, or None."""
    return int(words) if words.isascii() and words.lstrip("-").isdigit() and len(words) < 16 else None


class DayPage:
    """The live part: heading, chart, and the panel of the minute under the cursor."""

    def __init__(self, shell: Shell, page: Frame, day: DayView) -> None:
        self.shell = shell
        self.page = page
        self.day = day
        self.wanted: int | None = None
        self.asking = False

    def show(self, at_ms: int | None) -> None:
        """Build the page; `at_ms` is the minute to begin with."""
        self._head()
        with native("div", "day-columns"):
            with native("div", "day-drawing"):
                chart = native("div", "chart-holder")
                chart.on("minute", self._minute, js_handler="(e) => emit(e.detail)")
                with chart:
                    html(day_chart(self.day), cls="chart")
                html(coverage_legend())
                html(day_facts(self.day))
            with native("aside", "card slice-panel", aria_label="The minute under the cursor"):
                self.panel = html(tag("p", HINT, cls="quiet"), cls="slice")
        if at_ms is not None and self.day.start_ms <= at_ms < self.day.end_ms:
            chart.props["data-at"] = at_ms  # day.js moves the cursor there and asks for that minute

    def _head(self) -> None:
        first, last = self.page.overview.first_day, self.page.overview.last_day
        with native("div", "page-head day-head"):
            html(day_head(self.day, first, last))
            picker = native("input", "field day-pick", type="date", value=self.day.day, aria_label="Go to a day")
            picker.props["min"], picker.props["max"] = first, last
            picker.on("change", self._picked, js_handler="(e) => e.target.value && emit(e.target.value)")

    def _picked(self, event: events.GenericEventArguments) -> None:
        picked = str(event.args)
        if as_date(picked) is not None:
            ui.navigate.to(f"/day/{picked}")

    async def _minute(self, event: events.GenericEventArguments) -> None:
        """Show a minute; while one is being looked up only the latest wish is kept."""
        self.wanted = int(event.args)
        if self.asking:
            return
        self.asking = True
        try:
            while self.wanted is not None:
                ms, self.wanted = self.wanted, None
                view = await call(self.shell.house.slice, ms)
                content = tag("p", view.message) if isinstance(view, Problem) else slice_body(view)
                self.panel.set_content(content)
        finally:
            self.asking = False


def as_date(words: str) -> date | None:
    """An ISO date, or None."""
    try:
        return date.fromisoformat(words)
    except ValueError:
        return None


def day_head(day: DayView, first: str, last: str) -> Markup:
    """Which day, on which clock, with the ways to the day before and after."""
    known = "" if day.offset_known else " (the home’s zone; no source said)"
    today = as_date(day.day)

    def step(days: int, words: str, arrow: str) -> Markup:
        if today is None:
            return Markup("")
        target = (today + timedelta(days=days)).isoformat()
        if (days < 0 and first and target < first) or (days > 0 and last and target > last):
            return tag("span", arrow, cls="step step-off", aria_hidden="true")
        return tag("a", arrow, href=f"/day/{target}", cls="step", aria_label=f"{words}: {day_words(target)}")

    return tag(
        "div",
        step(-1, "Day before", "‹"),
        tag(
            "div",
            tag("h1", day_words(day.day)),
            tag("p", f"Local time, {offset_words(day.offset_min)}{known}", cls="quiet"),
            cls="day-title",
        ),
        step(1, "Day after", "›"),
        cls="day-steps",
    )


def day_facts(day: DayView) -> Markup:
    """What sources say of the whole day."""
    if not day.day_items:
        return Markup("")
    rows = [
        tag(
            "li",
            tag("a", item.text or source_words(item.kind), href=f"/record/{item.id}"),
            tag("span", " · ".join(part for part in (item.note, source_words(item.source)) if part), cls="quiet"),
        )
        for item in day.day_items
    ]
    return tag(
        "section",
        tag("h2", "Of the whole day"),
        tag("p", "These sources know the day only, not the time.", cls="quiet"),
        tag("ul", *rows, cls="day-facts"),
        cls="card",
    )


def slice_body(view: SliceView) -> Markup:
    """Everything known about one minute, layer by layer, each line a link to its record."""
    clock = clock_words(view.minute_ms, view.offset_min)
    samples = [
        tag("li", tag("span", measure_words(name), cls="quiet"), tag("b", f"{value:g}"))
        for name, value in sorted(view.samples.items())
    ]
    return tag(
        "div",
        tag("h2", clock, cls="slice-clock"),
        tag("p", f"{local_words(view.local_day)} · {offset_words(view.offset_min)}", cls="quiet"),
        tag("ul", *samples, cls="samples") if samples else Markup(""),
        *[layer_body(layer) for layer in view.layers],
    )


def measure_words(name: str) -> str:
    """``oura.met`` as ``Activity (MET)``."""
    measure = name.rpartition(".")[2]
    return MEASURE_WORDS.get(measure, source_words(measure))


def layer_body(layer: LayerSlice) -> Markup:
    """One layer at one minute: what it says now, what it last said, or that it is silent or unknown."""
    lines = [slice_item(item, "") for item in layer.now[:SHOWN_ITEMS]]
    if len(layer.now) > SHOWN_ITEMS:
        lines.append(tag("li", f"and {len(layer.now) - SHOWN_ITEMS} more", cls="quiet"))
    lines += [slice_item(item, age_words(age_s)) for item, age_s in layer.last[:SHOWN_ITEMS]]
    empty = {
        Coverage.COVERED: "covered, nothing in this minute",
        Coverage.SILENT: "silent: its sources say nothing now",
        Coverage.UNKNOWN: "unknown: nothing was listening",
    }[layer.coverage]
    body = tag("ul", *lines) if lines else tag("p", empty, cls="quiet")
    return tag(
        "section",
        tag("h3", LAYER_WORDS[layer.layer], tag("span", COVERAGE_WORDS[layer.coverage], cls="cover-word")),
        body,
        cls=f"slice-layer layer-{layer.layer.value} cover-is-{layer.coverage.value}",
    )


def slice_item(item: LaneItem, age: str) -> Markup:
    """One event of a minute."""
    facts = [item.note, source_words(item.source), ORIGIN_WORDS[item.origin], age]
    if item.precision is Precision.DAY:
        facts.append("day only")
    elif item.uncertainty_ms >= 60_000:
        facts.append(f"± {age_words(item.uncertainty_ms // 1000).removesuffix(' ago')}")
    return tag(
        "li",
        tag("a", item.text or source_words(item.kind), href=f"/record/{item.id}"),
        tag("span", " · ".join(part for part in facts if part), cls="hit-facts"),
    )


def age_words(seconds: int) -> str:
    """How long ago, in the largest fitting unit."""
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min ago"
    return f"{seconds // 86_400} d ago"
