"""From minute to year: the addresses of the time axis, and the control that moves between them.

Every address carries the moment it shows, so that each step of the zoom keeps it in view: the local day, and the minute
where one was pointed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from markupsafe import Markup
from nicegui import events, ui

from hearthside.events import DAY_MS
from hearthside.web.controls import native
from hearthside.web.markup import day_words, tag

HEAD = '<link rel="stylesheet" href="/static/time.css"><script src="/static/time.js" defer></script>'


def time_parts() -> None:
    """Load the look and the little script that pages of the time axis share."""
    ui.add_head_html(HEAD)


class Zoom(StrEnum):
    """How much of the time axis a page shows, from near to far."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Moment:
    """What stays in view: a local day, ISO, and a minute in it, UTC ms, where one was pointed at."""

    day: str
    at_ms: int | None = None

    @property
    def date(self) -> date:
        """The day."""
        return date.fromisoformat(self.day)


def as_date(words: str) -> date | None:
    """An ISO date, or None."""
    try:
        return date.fromisoformat(words)
    except ValueError:
        return None


def whole_number(words: str) -> int | None:
    """UTC milliseconds from an address, or None."""
    return int(words) if words.isascii() and words.lstrip("-").isdigit() and len(words) < 16 else None


def moment_of(day: date, query: Mapping[str, str]) -> Moment:
    """The moment that an address carries; `day` is what its path says."""
    return Moment(day.isoformat(), whole_number(query.get("at", "")))


def address(zoom: Zoom, moment: Moment, **further: str) -> str:
    """The page that shows a moment."""
    query: dict[str, str] = {}
    path = f"/{zoom.value}/{moment.day}"
    if zoom is Zoom.HOUR:
        path, query["zoom"] = f"/day/{moment.day}", "hour"
    elif zoom is Zoom.MONTH:
        path, query["day"] = f"/month/{moment.day[:7]}", moment.day
    elif zoom is Zoom.YEAR:
        path, query["day"] = f"/year/{moment.day[:4]}", moment.day
    if moment.at_ms is not None:
        query["at"] = str(moment.at_ms)
    query |= further
    return path + (f"?{urlencode(query)}" if query else "")


def moved(zoom: Zoom, moment: Moment, steps: int) -> Moment | None:
    """The same moment some weeks, months or years on (days, for the day); None beyond the calendar."""
    try:
        day = _moved_date(zoom, moment.date, steps)
    except (OverflowError, ValueError):
        return None
    at_ms = None if moment.at_ms is None else moment.at_ms + (day - moment.date).days * DAY_MS
    return Moment(day.isoformat(), at_ms)


def _moved_date(zoom: Zoom, day: date, steps: int) -> date:
    if zoom in (Zoom.HOUR, Zoom.DAY, Zoom.WEEK):
        return day + timedelta(days=steps * (7 if zoom is Zoom.WEEK else 1))
    months = day.year * 12 + day.month - 1 + steps * (12 if zoom is Zoom.YEAR else 1)
    first = date(months // 12, months % 12 + 1, 1)
    return first.replace(day=min(day.day, days_in_month(first)))


def days_in_month(day: date) -> int:
    """How many days the month of a day has."""
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (following - timedelta(days=1)).day


def week_days(day: date) -> tuple[date, date]:
    """Monday and Sunday of the week of a day."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


def zoom_bar(zoom: Zoom, moment: Moment) -> Markup:
    """The control: a link to each level, and one step nearer or farther. time.js also moves it by + and -."""
    levels = list(Zoom)
    place = levels.index(zoom)

    def step(to: int, sign: str, words: str, name: str) -> Markup:
        if not 0 <= to < len(levels):
            return tag("span", sign, cls="zoom-step zoom-off", aria_hidden="true")
        label = f"{words}: {levels[to].value} (key {sign})"
        return tag("a", sign, href=address(levels[to], moment), cls="zoom-step", data_zoom=name, aria_label=label)

    links = [
        tag(
            "a",
            one.value.capitalize(),
            href=address(one, moment),
            cls="zoom-level" + (" zoom-now" if one is zoom else ""),
            aria_current="true" if one is zoom else None,
        )
        for one in levels
    ]
    control = tag(
        "div",
        step(place + 1, "−", "Farther", "out"),
        *links,
        step(place - 1, "+", "Nearer", "in"),
        cls="zoom",
        role="group",
        aria_label="Zoom",
    )
    return tag("div", control, tag("a", "Rhythms", href=f"/rhythm?to={moment.day}", cls="zoom-rhythms"), cls="zoom-bar")


def time_head(title: str, about: str, before: Markup, after: Markup) -> Markup:
    """Which stretch of time, with the ways to the one before and after."""
    words = tag("div", tag("h1", title), tag("p", about, cls="quiet") if about else Markup(""), cls="day-title")
    return tag("div", before, words, after, cls="day-steps")


def step_link(href: str | None, arrow: str, words: str) -> Markup:
    """One way on, or a faint arrow where there is nothing any more."""
    if href is None:
        return tag("span", arrow, cls="step step-off", aria_hidden="true")
    return tag("a", arrow, href=href, cls="step", aria_label=words)


def steps_of(zoom: Zoom, moment: Moment, first: str, last: str, **further: str) -> tuple[Markup, Markup]:
    """Links to the stretch before and after, as long as they reach into the life."""
    found = []
    for steps, arrow, words in ((-1, "‹", "before"), (1, "›", "after")):
        to = moved(zoom, moment, steps)
        href = address(zoom, to, **further) if to is not None and _reaches(zoom, to, first, last) else None
        name = day_words(to.day) if to is not None and zoom is Zoom.DAY else zoom.value
        found.append(
            step_link(href, arrow, f"{zoom.value.capitalize()} {words}" + (f": {name}" if zoom is Zoom.DAY else ""))
        )
    return found[0], found[1]


def _reaches(zoom: Zoom, moment: Moment, first: str, last: str) -> bool:
    """Whether the stretch around a moment holds any day of the life; yes where its bounds are not known."""
    low, high = bounds(zoom, moment)
    return not (first and high < first) and not (last and low > last)


def outside_note(zoom: Zoom, moment: Moment, first: str, last: str) -> Markup:
    """That a day, week, month or year lies before or after everything known, and the way to the nearest day that is.

    Args:
        zoom: what the page shows.
        moment: where it stands.
        first, last: the first and the last day of the life, ISO; "" where that is not known.
    """
    low, high = bounds(zoom, moment)
    if first and high < first:
        where, day, edge = "before anything", first, "first"
    elif last and low > last:
        where, day, edge = "after everything", last, "last"
    else:
        return Markup("")
    link = tag("a", day_words(day), href=address(zoom, Moment(day)))
    words = f"This {zoom.value} lies {where} that is known. The {edge} day with records is "
    return tag("p", words, link, ".", cls="outside", role="note")


def bounds(zoom: Zoom, moment: Moment) -> tuple[str, str]:
    """First and last day of the stretch that a page shows, ISO."""
    day = moment.date
    if zoom is Zoom.WEEK:
        monday, sunday = week_days(day)
        return monday.isoformat(), sunday.isoformat()
    if zoom is Zoom.MONTH:
        return day.replace(day=1).isoformat(), day.replace(day=days_in_month(day)).isoformat()
    if zoom is Zoom.YEAR:
        return f"{day.year:04d}-01-01", f"{day.year:04d}-12-31"
    return moment.day, moment.day


def picker(zoom: Zoom, day: str, first: str, last: str) -> None:
    """A calendar to jump to a day, at the same zoom."""
    field = native("input", "field day-pick", type="date", value=day, aria_label="Go to a day")
    field.props["min"], field.props["max"] = first, last

    def picked(event: events.GenericEventArguments) -> None:
        wanted = as_date(str(event.args))
        if wanted is not None:
            ui.navigate.to(address(zoom, Moment(wanted.isoformat())))

    field.on("change", picked, js_handler="(e) => e.target.value && emit(e.target.value)")
