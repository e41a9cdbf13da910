"""Rhythms: sleep, work and home over months, as a double-plotted actogram with two figures of sleep."""

from __future__ import annotations

from datetime import date, timedelta

from markupsafe import Markup
from nicegui import ui
from starlette.requests import Request

from hearthside.alignment.views import RhythmView
from hearthside.web.calls import Problem, call
from hearthside.web.controls import html, native, text
from hearthside.web.drawing_rhythm import actogram, change_list, figures_body, gaps, rhythm_legend, rhythm_table
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import tag
from hearthside.web.span_page import refuse
from hearthside.web.zoom import Moment, Zoom, address, as_date, step_link, time_head, time_parts, whole_number

SPANS = ((30, "30 days"), (90, "90 days"), (182, "Half a year"), (365, "A year"))
DEFAULT_DAYS = 90
SHORT_DAYS, YOUNG_DAYS = 30, 45  # a life younger than this begins with the short span
LEAST_DAYS, MOST_DAYS = 7, 731
HINT = "Point at a row, tap it, or use the arrow keys to read its day; click it or press Enter to open it."


def register(shells: Shells) -> None:
    """The page at ``/rhythm``."""

    @ui.page("/rhythm", title="Rhythms · Hearthside", response_timeout=30)
    async def rhythm(request: Request) -> None:
        shell = shells.of(request)
        query = request.query_params
        time_parts()
        async with frame(shell, "day") as page:
            wanted = whole_number(query.get("days", ""))
            first = as_date(page.overview.first_day)
            last = as_date(page.overview.last_day)
            young = first is not None and last is not None and (last - first).days < YOUNG_DAYS
            usual = SHORT_DAYS if young else DEFAULT_DAYS
            days = min(max(LEAST_DAYS, wanted), MOST_DAYS) if wanted is not None else usual
            to = as_date(query.get("to", "")) or as_date(page.overview.last_day)
            if to is None:
                text("Rhythms", "h1")
                text("No day has been recorded yet.", "p", "quiet")
            else:
                await show_rhythm(shell, page, to, days)


async def show_rhythm(shell: Shell, page: Frame, to: date, days: int) -> None:
    """Build the page of the days up to and with `to`."""
    since = to - timedelta(days=days - 1)
    view = await call(shell.house.rhythm, since.isoformat(), to.isoformat())
    if isinstance(view, Problem):
        refuse(page, "Rhythms", view)
        return
    with native("div", "page-head day-head"):
        html(rhythm_head(since, to, days, page.overview.first_day, page.overview.last_day))
    html(span_links(to, days))
    with native("div", "reading"):
        html(tag("p", HINT, cls="quiet small"), cls="heat-read").props["aria-live"] = "polite"
        html(actogram(view), cls="card actogram-card")
    html(below_actogram(view))


def rhythm_link(to: date, days: int) -> str:
    """Address of a span."""
    return f"/rhythm?to={to.isoformat()}" + (f"&days={days}" if days != DEFAULT_DAYS else "")


def rhythm_head(since: date, to: date, days: int, first: str, last: str) -> Markup:
    """Which days, with the ways to the spans before and after."""
    earlier, later = to - timedelta(days=days), to + timedelta(days=days)
    before = rhythm_link(earlier, days) if not first or earlier.isoformat() >= first else None
    after = rhythm_link(later, days) if not last or (to + timedelta(days=1)).isoformat() <= last else None
    words = f"{since.day} {since:%B %Y} to {to.day} {to:%B %Y}, by your own clock"
    return time_head(
        "Rhythms", words, step_link(before, "‹", "The days before"), step_link(after, "›", "The days after")
    )


def span_links(to: date, days: int) -> Markup:
    """How many days are shown, and the ways back to the calendar."""
    links = [
        tag(
            "a",
            words,
            href=rhythm_link(to, count),
            cls="zoom-level" + (" zoom-now" if count == days else ""),
            aria_current="true" if count == days else None,
        )
        for count, words in SPANS
    ]
    choice = tag("div", *links, cls="zoom", role="group", aria_label="How many days")
    year = tag("a", f"Year {to.year}", href=address(Zoom.YEAR, Moment(to.isoformat())), cls="zoom-rhythms")
    return tag("div", choice, year, cls="zoom-bar")


def below_actogram(view: RhythmView) -> Markup:
    """What the drawing means, the figures, and the rows in words."""
    unknown = gaps(view.rows)
    missing = f" Of {unknown} of these days nothing is known." if unknown else ""
    hint = (
        "Each row is one day, and to its right the day after it, so that every night is whole in the middle. The "
        f"newest day is at the bottom. Hatched: unknown.{missing}"
    )
    summary = tag("summary", "Day by day in words")
    return tag(
        "div",
        rhythm_legend(),
        tag("p", hint, cls="quiet small"),
        change_list(view),
        figures_body(view.figures),
        tag("details", summary, rhythm_table(view)),
        cls="below-chart",
    )
