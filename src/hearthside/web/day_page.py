"""A day or an hour of it: episodes and six lanes on one time axis, and everything known at the minute pointed at."""

from __future__ import annotations

from markupsafe import Markup
from nicegui import events, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse

from hearthside.alignment.views import Coverage, DayView, EpisodeItem, LaneItem, LayerSlice, SliceView
from hearthside.events import HOUR_MS, Precision, local_datetime
from hearthside.web.calls import Problem, call
from hearthside.web.controls import html, native, text
from hearthside.web.doors.house import KeptNote
from hearthside.web.drawing import (
    COVERAGE_WORDS,
    coverage_legend,
    episode_class,
    episode_legend,
    offset_at,
)
from hearthside.web.drawing_day import MEASURE_WORDS, clip, day_chart, hour_of, offset_changes, source_rows
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import (
    LAYER_WORDS,
    ORIGIN_WORDS,
    clock_words,
    day_words,
    join,
    local_words,
    offset_words,
    tag,
)
from hearthside.web.names import episode_title, length_words, name_words, source_words, span_words
from hearthside.web.span_page import BAD_DATE
from hearthside.web.zoom import (
    Moment,
    Zoom,
    address,
    as_date,
    outside_note,
    picker,
    step_link,
    steps_of,
    time_head,
    time_parts,
    whole_number,
    zoom_bar,
)

SHOWN_ITEMS = 8  # items of one layer at one minute; the rest is counted
SHOWN_EVIDENCE = 6  # links to the evidence of one episode; the rest is counted
CLOCK_OFF_MS = 60_000  # a clock that was corrected by more than this is said
MOST_NOTES = 50
HINT = "Point at a minute to read it; click to hold it. With the keyboard, use the arrow keys; plus and minus zoom."
SHORT_HINT = "Tap a minute to read it."  # on a phone, where the sheet must leave the chart in view
BRIEF_ITEMS = 3  # so many things say what was, in one line


def register(shells: Shells) -> None:
    """The pages at ``/day``, ``/day/{date}`` and the jump ``/at/{ms}``."""

    @ui.page("/day", title="Day · Hearthside", response_timeout=30)
    async def last_day(request: Request) -> RedirectResponse | None:
        shell = shells.of(request)
        overview = await call(shell.house.overview)
        if not isinstance(overview, Problem) and overview.last_day:
            return RedirectResponse(f"/day/{overview.last_day}", status_code=303)
        time_parts()
        async with frame(shell, "day"):
            text("Day", "h1")
            text("No day has been recorded yet.", "p", "quiet")
        return None

    @ui.page("/day/{day}", title="Day · Hearthside", response_timeout=30)
    async def one_day(day: str, request: Request) -> None:
        shell = shells.of(request)
        query = request.query_params
        time_parts()
        async with frame(shell, "day") as page:
            known = as_date(day) is not None
            wrong = Problem("bad-date", BAD_DATE % (day, "date", "2026-03-31"))
            view = await call(shell.house.day, day) if known else wrong
            if isinstance(view, Problem):
                text("Day", "h1")
                page.show(view)
            else:
                notes = await call(shell.house.doors.kept_notes, "", view.start_ms, view.end_ms, MOST_NOTES)
                kept = [] if isinstance(notes, Problem) else notes
                DayPage(shell, page, view, kept, query.get("zoom") == "hour").show(whole_number(query.get("at", "")))

    @ui.page("/at/{moment}", title="Day · Hearthside", response_timeout=30)
    async def at_moment(moment: str, request: Request) -> RedirectResponse | None:
        shell = shells.of(request)
        ms = whole_number(moment)
        view = await call(shell.house.slice, ms) if ms is not None else Problem("bad-address", "This is not a time.")
        if isinstance(view, SliceView):
            return RedirectResponse(f"/day/{view.local_day}?at={ms}", status_code=303)
        time_parts()
        async with frame(shell, "day") as page:
            text("Day", "h1")
            page.show(view)
        return None


class DayPage:
    """The live part: heading, chart, and the panel of the minute under the cursor."""

    def __init__(self, shell: Shell, page: Frame, day: DayView, notes: list[KeptNote], close: bool) -> None:
        self.shell = shell
        self.page = page
        self.day = day
        self.notes = notes
        self.zoom = Zoom.HOUR if close and as_date(day.day) else Zoom.DAY
        self.wanted: int | None = None
        self.asking = False

    def show(self, at_ms: int | None) -> None:
        """Build the page; `at_ms` is the minute to begin with, where it lies in the day."""
        at_ms = at_ms if at_ms is not None and self.day.start_ms <= at_ms < self.day.end_ms else None
        shown = self.day
        if self.zoom is Zoom.HOUR:
            at_ms = (self.day.start_ms + self.day.end_ms) // 2 if at_ms is None else at_ms
            shown = clip(self.day, *hour_of(self.day, at_ms))
        self._head(shown, at_ms)
        with native("div", "day-columns"):
            with native("div", "day-drawing"):
                chart = native("div", "chart-holder")
                chart.on("minute", self._minute, js_handler="(e) => emit(e.detail)")
                with chart:
                    html(day_chart(shown), cls="chart")
                html(below_chart(shown))
                html(hour_list(shown) if self.zoom is Zoom.HOUR else day_facts(self.day) + kept_notes(self.notes))
            with native("aside", "card slice-panel", aria_label="The minute under the cursor"):
                self.panel = html(hint(), cls="slice")
                more = text("", "button", "sheet-more")  # on a phone the sheet is one line; time.js opens and closes it
                more.props["type"], more.props["aria-expanded"] = "button", "false"
                more.props["aria-label"] = "Everything known of this minute"
        if at_ms is not None:
            chart.props["data-at"] = at_ms  # time.js moves the cursor there and asks for that minute

    def _head(self, shown: DayView, at_ms: int | None) -> None:
        first, last = self.page.overview.first_day, self.page.overview.last_day
        moment = Moment(self.day.day, at_ms)
        with native("div", "page-head day-head"):
            html(hour_head(self.day, shown, first, last) if self.zoom is Zoom.HOUR else day_head(self.day, first, last))
            picker(Zoom.DAY, self.day.day, first, last)
        if as_date(self.day.day) is not None:
            html(zoom_bar(self.zoom, moment))
            if note := outside_note(Zoom.DAY, moment, first, last):
                html(note)

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


def hint() -> Markup:
    """What to do with the chart, before a minute was pointed at."""
    return tag("p", HINT, cls="quiet hint-wide") + tag("p", SHORT_HINT, cls="quiet hint-phone")


def clock_about(day: DayView) -> str:
    """On which clock a day is shown, and whether it changed."""
    known = "" if day.offset_known else " (the home’s zone; no source said)"
    changes = offset_changes(day)
    return f"Local time, {offset_words(day.offset_min)}{known}" + "".join(f". {change}" for change in changes)


def day_head(day: DayView, first: str, last: str) -> Markup:
    """Which day, on which clock, with the ways to the day before and after."""
    steps = (Markup(""), Markup(""))
    if as_date(day.day) is not None:
        steps = steps_of(Zoom.DAY, Moment(day.day), first, last)
    return time_head(day_words(day.day), clock_about(day), *steps)


def hour_head(day: DayView, shown: DayView, first: str, last: str) -> Markup:
    """Which hour, with the ways to the hour before and after, which may lie in another day."""
    moment = Moment(day.day)
    before, after = steps_of(Zoom.DAY, moment, first, last)
    if shown.start_ms > day.start_ms:
        before = step_link(address(Zoom.HOUR, Moment(day.day, shown.start_ms - HOUR_MS)), "‹", "Hour before")
    if shown.end_ms < day.end_ms:
        after = step_link(address(Zoom.HOUR, Moment(day.day, shown.end_ms)), "›", "Hour after")
    begin = clock_words(shown.start_ms, shown.offset_min)
    end = clock_words(shown.end_ms, offset_at(shown.offsets, shown.offset_min, shown.end_ms - 1))
    return time_head(f"{begin} to {end}", f"{day_words(day.day)} · {offset_words(shown.offset_min)}", before, after)


def below_chart(day: DayView) -> Markup:
    """What the drawing means: coverage, the colours of episodes, what may still change, and coverage by source."""
    kinds = list(dict.fromkeys(one.kind for one in day.episodes))
    parts = [coverage_legend(), episode_legend(kinds), provisional_words(day)]
    if day.sources:
        summary = tag("summary", f"Coverage of each source ({len(day.sources)})")
        parts.append(tag("details", summary, source_rows(day), cls="by-source"))
    return tag("div", *parts, cls="below-chart")


def provisional_words(day: DayView) -> Markup:
    """Which sources may still change the day."""
    late = [one for one in day.provisional if one.from_ms < day.end_ms]
    if not late:
        return Markup("")
    names = []
    for one in late:
        clock = clock_words(one.from_ms, offset_at(day.offsets, day.offset_min, one.from_ms))
        names.append(
            f"{source_words(one.source)} (from {clock})" if one.from_ms > day.start_ms else source_words(one.source)
        )
    words = f"May still change, since newer data has not come in yet: {', '.join(names)}."
    return tag("p", words, cls="provisional-words")


def hour_list(day: DayView) -> Markup:
    """Everything that begins in the hour, in words and in order."""
    items = sorted((item for lane in day.lanes for item in lane.items), key=lambda one: one.start_ms)
    rows = [
        tag(
            "li",
            tag("span", _list_clock(item, day), cls="hour-clock"),
            tag(
                "span",
                tag("a", item.text or name_words(item.kind), href=f"/record/{item.id}"),
                tag("span", " · ".join(item_facts(item, day.offset_min)), cls="hit-facts"),
            ),
            cls=f"layer-{item.layer.value}",
        )
        for item in items
    ]
    if not rows:
        return tag("p", "Nothing is recorded in this hour.", cls="quiet")
    return tag("section", tag("h2", "Minute by minute"), tag("ul", *rows, cls="hour-list"), cls="card")


def _list_clock(item: LaneItem, day: DayView) -> str:
    if item.start_ms < day.start_ms:
        return "before"
    return clock_words(item.start_ms, offset_at(day.offsets, day.offset_min, item.start_ms))


def day_facts(day: DayView) -> Markup:
    """What sources say of the whole day."""
    if not day.day_items:
        return Markup("")
    rows = [
        tag(
            "li",
            tag("a", item.text or name_words(item.kind), href=f"/record/{item.id}"),
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


def kept_notes(notes: list[KeptNote]) -> Markup:
    """What programs were asked to keep on this day: words of an AI, and no part of the life."""
    if not notes:
        return Markup("")
    rows = [
        tag("li", tag("a", note.text, href=f"/record/{note.id}"), tag("span", note.kept_by, cls="quiet"))
        for note in notes
    ]
    return tag(
        "section",
        tag("h2", "Notes that programs kept"),
        tag("p", "Written by an AI. They are never taken for a fact about you.", cls="quiet"),
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
    late = ", ".join(sorted({source_words(one.source) for one in view.provisional}))
    return tag(
        "div",
        tag("h2", clock, cls="slice-clock"),
        tag("p", brief_words(view), cls="slice-brief"),
        tag("p", f"{local_words(view.local_day)} · {offset_words(view.offset_min)}", cls="quiet"),
        tag("p", f"May still change: {late}", cls="provisional-words") if late else Markup(""),
        episodes_body(view),
        tag("ul", *samples, cls="samples") if samples else Markup(""),
        *[layer_body(layer, view.offset_min) for layer in view.layers],
    )


def brief_words(view: SliceView) -> str:
    """A minute in one line: its episodes, or where there are none what is recorded in it."""
    said = [one.label for one in view.episodes]
    if not said:
        said = [item.text or name_words(item.kind) for layer in view.layers for item in layer.now]
    return " · ".join(dict.fromkeys(said[:BRIEF_ITEMS])) or "nothing recorded in this minute"


def episodes_body(view: SliceView) -> Markup:
    """The episodes and the visit that run at the minute, with their evidence."""
    if not view.episodes:
        return Markup("")
    return tag("ul", *[episode_line(one, view.offset_min) for one in view.episodes], cls="slice-episodes")


def episode_line(item: EpisodeItem, offset_min: int) -> Markup:
    """One episode: its name, from when to when, how sure it is, and links to the records it rests on."""
    times = f"{clock_words(item.start_ms, offset_min)} to {clock_words(item.end_ms, offset_min)}"
    facts = [times, length_words(item.end_ms - item.start_ms)] + (
        [] if item.sure >= 0.995 else [f"{item.sure:.0%} sure"]
    )
    links = [
        tag("a", str(number), href=f"/record/{identity}", aria_label=f"Evidence {number} of {item.label}")
        for number, identity in enumerate(item.evidence[:SHOWN_EVIDENCE], start=1)
    ]
    more = f" and {len(item.evidence) - SHOWN_EVIDENCE} more" if len(item.evidence) > SHOWN_EVIDENCE else ""
    return tag(
        "li",
        tag("span", episode_title(item.kind), cls="episode-name"),
        tag("b", item.label),
        tag("span", " · ".join(facts), cls="hit-facts"),
        tag("span", "Evidence: ", join([link + Markup(" ") for link in links]), more, cls="hit-facts") if links else "",
        cls=episode_class(item.kind),
    )


def measure_words(name: str) -> str:
    """``oura.met`` as ``Activity (MET)``."""
    measure = name.rpartition(".")[2]
    return MEASURE_WORDS.get(measure, name_words(measure))


def layer_body(layer: LayerSlice, offset_min: int) -> Markup:
    """One layer at one minute: what it says now, what it last said, or that it is silent or unknown."""
    lines = [slice_item(item, "", offset_min) for item in layer.now[:SHOWN_ITEMS]]
    if len(layer.now) > SHOWN_ITEMS:
        lines.append(tag("li", f"and {len(layer.now) - SHOWN_ITEMS} more", cls="quiet"))
    for item, age_s in layer.last[:SHOWN_ITEMS]:
        lines.append(slice_item(item, f"{span_words(1000 * age_s)} ago", offset_min))
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


def slice_item(item: LaneItem, age: str, offset_min: int) -> Markup:
    """One event of a minute."""
    facts = [*item_facts(item, offset_min), age]
    return tag(
        "li",
        tag("a", item.text or name_words(item.kind), href=f"/record/{item.id}"),
        tag("span", " · ".join(part for part in facts if part), cls="hit-facts"),
    )


def item_facts(item: LaneItem, offset_min: int) -> list[str]:
    """What is known about an event besides its words: note, source, origin, and how well its time is known."""
    facts = [item.note, source_words(item.source), ORIGIN_WORDS[item.origin]]
    corrected = correction_words(item, offset_min)
    if item.precision is Precision.DAY:
        facts.append("day only")
    elif corrected:
        facts.append(corrected)
    elif item.uncertainty_ms >= 60_000:
        facts.append(f"± {span_words(item.uncertainty_ms)}")
    return [part for part in facts if part]


def correction_words(item: LaneItem, offset_min: int) -> str:
    """What the device's clock said and by how much it was corrected; empty where it was right to a minute."""
    if item.raw_ms is None or abs(item.start_ms - item.raw_ms) <= CLOCK_OFF_MS:
        return ""
    shift = item.start_ms - item.raw_ms
    sign = "−" if shift < 0 else "+"
    said = clock_words(item.raw_ms, offset_min)
    if abs(shift) >= 20 * HOUR_MS:
        said = local_words(f"{local_datetime(item.raw_ms, offset_min):%Y-%m-%dT%H:%M}")
    doubt = f" ± {span_words(item.uncertainty_ms)}" if item.uncertainty_ms >= 1000 else ""
    return f"{source_words(item.source)} said {said}, corrected by {sign}{span_words(abs(shift))}{doubt}"
