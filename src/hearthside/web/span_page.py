"""A week and a month: rows and cells of days, each leading one level down."""

from __future__ import annotations

from datetime import date

from markupsafe import Markup
from nicegui import ui
from starlette.requests import Request

from hearthside.alignment.views import SpanView
from hearthside.web.calls import Problem, call
from hearthside.web.controls import html, native, text
from hearthside.web.drawing import Life, coverage_legend, episode_legend
from hearthside.web.drawing_span import SHORT_KINDS, layer_legend, month_chart, offset_words_of, week_chart
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import tag
from hearthside.web.zoom import (
    Moment,
    Zoom,
    as_date,
    bounds,
    moment_of,
    outside_note,
    picker,
    steps_of,
    time_head,
    time_parts,
    week_days,
    whole_number,
    zoom_bar,
)

BAD_DATE = "%s is not a %s. Write it as %s."


def register(shells: Shells) -> None:
    """The pages at ``/week/{day}`` and ``/month/{month}``."""

    @ui.page("/week/{day}", title="Week · Hearthside", response_timeout=30)
    async def week(day: str, request: Request) -> None:
        shell = shells.of(request)
        time_parts()
        async with frame(shell, "day") as page:
            when = as_date(day)
            if when is None:
                refuse(page, "Week", Problem("bad-date", BAD_DATE % (day, "date", "2026-03-31")))
            else:
                await show_span(shell, page, Zoom.WEEK, moment_of(when, request.query_params))

    @ui.page("/month/{month}", title="Month · Hearthside", response_timeout=30)
    async def one_month(month: str, request: Request) -> None:
        shell = shells.of(request)
        time_parts()
        async with frame(shell, "day") as page:
            first = as_date(f"{month}-01")
            if first is None or len(month) != 7:
                refuse(page, "Month", Problem("bad-date", BAD_DATE % (month, "month", "2026-03")))
                return
            wanted = as_date(request.query_params.get("day", "")) or first
            day = wanted if wanted.isoformat()[:7] == month else first
            at_ms = whole_number(request.query_params.get("at", "")) if day == wanted else None
            await show_span(shell, page, Zoom.MONTH, Moment(day.isoformat(), at_ms))


def refuse(page: Frame, title: str, problem: Problem) -> None:
    """A page that cannot be shown says why."""
    text(title, "h1")
    page.show(problem)


async def show_span(shell: Shell, page: Frame, zoom: Zoom, moment: Moment) -> None:
    """Build the page of the week or month around a moment."""
    view = await call(shell.house.span, *bounds(zoom, moment))
    if isinstance(view, Problem):
        refuse(page, zoom.value.capitalize(), view)
        return
    first, last = page.overview.first_day, page.overview.last_day
    title = week_title(moment.date) if zoom is Zoom.WEEK else f"{moment.date:%B %Y}"
    with native("div", "page-head day-head"):
        html(time_head(title, "", *steps_of(zoom, moment, first, last)))
        picker(zoom, moment.day, first, last)
    html(zoom_bar(zoom, moment))
    if note := outside_note(zoom, moment, first, last):
        html(note)
    life = Life(first, last)
    chart = week_chart(view, moment, life) if zoom is Zoom.WEEK else month_chart(view, moment, life)
    html(chart, cls="card span-holder")
    html(below_span(view, zoom))


def week_title(day: date) -> str:
    """``30 March to 5 April 2026``."""
    monday, sunday = week_days(day)
    begin = f"{monday.day}" + (f" {monday:%B}" if monday.month != sunday.month else "")
    begin += f" {monday.year}" if monday.year != sunday.year else ""
    return f"{begin} to {sunday.day} {sunday:%B %Y}"


def below_span(view: SpanView, zoom: Zoom) -> Markup:
    """What the drawing means, and where the clock changed."""
    hidden = ("home_activity",) if zoom is Zoom.WEEK else SHORT_KINDS
    kinds = [kind for kind in dict.fromkeys(one.kind for one in view.episodes) if kind not in hidden]
    hint = {
        Zoom.WEEK: "Each row is one day from midnight to midnight: episodes above, below them the coverage of the six "
        "layers. Open a row to see the day.",
        Zoom.MONTH: "Each cell is one day: its episodes from midnight to midnight, and six bars that say how much of "
        "the day the best source of each layer covered.",
    }[zoom]
    changes = offset_words_of(view)
    clock = tag("p", "Clock changes: " + "; ".join(changes), cls="quiet small") if changes else Markup("")
    return tag(
        "div",
        tag("p", hint, cls="quiet small"),
        layer_legend(),
        episode_legend(kinds, strong=zoom is Zoom.MONTH),
        coverage_legend() if zoom is Zoom.WEEK else Markup(""),
        clock,
        cls="below-chart",
    )
