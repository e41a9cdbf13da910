"""A year as a map of days, for a measure that one chooses; several years below each other when asked."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from markupsafe import Markup
from nicegui import events, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse

from hearthside.alignment.views import YearView
from hearthside.web.calls import Problem, call
from hearthside.web.controls import html, native
from hearthside.web.drawing_year import maps, measure_choice, month_table, year_legend
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import tag
from hearthside.web.span_page import BAD_DATE, refuse
from hearthside.web.zoom import (
    Moment,
    Zoom,
    address,
    as_date,
    outside_note,
    picker,
    steps_of,
    time_head,
    time_parts,
    whole_number,
    zoom_bar,
)

MOST_YEARS = 30
HINT = "Point at a day, tap it, or use the arrow keys to read it; click it or press Enter to open it."


def register(shells: Shells) -> None:
    """The pages at ``/year`` and ``/year/{year}``."""

    @ui.page("/year", title="Year · Hearthside", response_timeout=30)
    async def last_year(request: Request) -> RedirectResponse:
        overview = await call(shells.of(request).house.overview)
        last = "" if isinstance(overview, Problem) else overview.last_day
        return RedirectResponse(address(Zoom.YEAR, Moment(last)) if as_date(last) else "/day", status_code=303)

    @ui.page("/year/{year}", title="Year · Hearthside", response_timeout=30)
    async def one_year(year: str, request: Request) -> None:
        shell = shells.of(request)
        query = request.query_params
        time_parts()
        async with frame(shell, "day") as page:
            first = as_date(f"{year}-01-01") if len(year) == 4 else None
            if first is None:
                refuse(page, "Year", Problem("bad-date", BAD_DATE % (year, "year", "2026")))
                return
            day = as_date(query.get("day", ""))
            inside = day is not None and day.year == first.year
            at_ms = whole_number(query.get("at", "")) if inside else None
            standing = middle(first, page.overview.first_day, page.overview.last_day)
            moment = Moment(day.isoformat() if inside and day else standing, at_ms)
            years = min(max(1, whole_number(query.get("years", "")) or 1), MOST_YEARS, first.year)
            await YearPage(shell, page, moment, query.get("measure", ""), years).show()


def middle(first: date, life_first: str, life_last: str) -> str:
    """The day that stands for a year when none was named: its middle, or what of the life lies nearest to that."""
    day = first.replace(month=7).isoformat()
    year = day[:4]
    if life_first[:4] == year:
        day = max(day, life_first)
    return min(day, life_last) if life_last[:4] == year else day


class YearPage:
    """The map, the choice of what it shows, and the years."""

    def __init__(self, shell: Shell, page: Frame, moment: Moment, measure: str, years: int) -> None:
        self.shell = shell
        self.page = page
        self.moment = moment
        self.measure = measure
        self.years = years

    async def show(self) -> None:
        """Build the page."""
        view = await call(self.shell.house.year, self.moment.date.year, self.measure, self.years)
        if isinstance(view, Problem):
            refuse(self.page, "Year", view)
            return
        self._head(view)
        self._choices(view)
        with native("div", "reading"):
            html(tag("p", HINT, cls="quiet small"), cls="heat-read").props["aria-live"] = "polite"
            html(maps(view, self.moment), cls="card heat-maps")
        html(below_maps(view))

    def _head(self, view: YearView) -> None:
        first, last = self.page.overview.first_day, self.page.overview.last_day
        further = self._further(view)
        title = str(view.years[0].year)
        if len(view.years) > 1:
            title = f"{view.years[-1].year} to {title}"
        with native("div", "page-head day-head"):
            html(time_head(title, view.measure.title, *steps_of(Zoom.YEAR, self.moment, first, last, **further)))
            picker(Zoom.YEAR, self.moment.day, first, last)
        html(zoom_bar(Zoom.YEAR, self.moment))
        note = outside_note(Zoom.YEAR, self.moment, first, last)
        if note and len(view.years) == 1:
            html(note)

    def _further(self, view: YearView) -> dict[str, str]:
        further = {} if view.measure is view.measures[0] else {"measure": view.measure.name}
        return further | ({"years": str(self.years)} if self.years > 1 else {})

    def _choices(self, view: YearView) -> None:
        with native("div", "heat-choices"):
            choice = html(measure_choice(view.measures, view.measure), "div", "heat-choice")
            choice.on("change", self._chosen, js_handler="(e) => emit(e.target.value)")
            html(self.year_links())

    def _chosen(self, event: events.GenericEventArguments) -> None:
        further = {"measure": str(event.args)} | ({"years": str(self.years)} if self.years > 1 else {})
        ui.navigate.to(address(Zoom.YEAR, self.moment, **further))

    def year_links(self) -> Markup:
        """How many years are below each other: one, three, or all of the life."""
        first = as_date(self.page.overview.first_day)
        whole = min(MOST_YEARS, self.moment.date.year - first.year + 1) if first else 1
        counts = sorted({1, min(3, whole), whole} | {self.years}) if whole > 1 else []
        links = []
        for count in counts:
            query = {"day": self.moment.day} | ({"measure": self.measure} if self.measure else {})
            query |= {"years": str(count)} if count > 1 else {}
            words = "One year" if count == 1 else f"{count} years"
            links.append(
                tag(
                    "a",
                    words,
                    href=f"/year/{self.moment.day[:4]}?{urlencode(query)}",
                    cls="zoom-level" + (" zoom-now" if count == self.years else ""),
                    aria_current="true" if count == self.years else None,
                )
            )
        return tag("div", *links, cls="zoom", role="group", aria_label="How many years") if links else Markup("")


def below_maps(view: YearView) -> Markup:
    """What the colours mean, how days are counted, and the figures of the months."""
    tables = [month_table(view, year) for year in view.years]
    note = Markup("")
    if view.measure.by_utc_day:
        note = tag(
            "p",
            "Records and coverage are summed by UTC days; each is shown on the day of yours that most of it lies in. "
            "Coverage is that of the best source of a layer.",
            cls="quiet small",
        )
    strips = tag(
        "p",
        "The six lines below a map are the weeks of the six layers: the stronger, the more of the week was covered.",
        cls="quiet small",
    )
    summary = tag("summary", "Month by month in figures")
    return tag("div", year_legend(view), strips, note, tag("details", summary, *tables), cls="below-chart")
