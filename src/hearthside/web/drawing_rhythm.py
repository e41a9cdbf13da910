"""A double-plotted actogram: each row shows a day and the day after it, so that nights are whole in the middle.

Classic in the study of body clocks (double plotting: Pittendrigh & Daan 1976): a stable rhythm draws a straight band, a
drifting one a slope, travel a step. What is unknown is the hatched ground that nothing was drawn on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from hearthside.alignment.views import OffsetChange, RhythmRow, RhythmRun, RhythmState, RhythmView, SleepFigures
from hearthside.web.markup import day_words, join, offset_words, tag

DAY_MIN = 1440
STATES = tuple(state for state in RhythmState if state is not RhythmState.UNKNOWN)
STATE_WORDS = {
    RhythmState.SLEEP: "asleep",
    RhythmState.WORK: "at work",
    RhythmState.COMPUTER: "at the computer",
    RhythmState.AWAY: "away from home",
    RhythmState.HOME: "at home",
    RhythmState.AWAKE: "awake, place not known",
    RhythmState.UNKNOWN: "unknown",
}
UNWATCHED_TOP = 50  # of 100: where nobody knows whether the person slept, a place fills the lower half of its row only
HEIGHTS = ((35, 15), (100, 9), (200, 5))  # (rows up to, pixels of a row)
LEAST_ROW_PX = 3


def row_px(rows: int) -> int:
    """The height of one row in pixels: the more days, the finer."""
    return next((px for most, px in HEIGHTS if rows <= most), LEAST_ROW_PX)


def state_path(rows: Sequence[RhythmRow], state: RhythmState) -> str:
    """SVG path of all stretches of a state, in minutes by rows of 100: each day right of the one before it, too."""
    parts = []
    for place, row in enumerate(rows):
        following = rows[place + 1].runs if place + 1 < len(rows) else []
        for shift, runs in ((0, row.runs), (DAY_MIN, following)):
            for run in runs:
                if run.state is state:
                    top = 0 if run.watched or state is RhythmState.SKIPPED else UNWATCHED_TOP
                    width = run.last - run.first
                    parts.append(f"M{run.first + shift} {place * 100 + top}h{width}v{100 - top}h-{width}z")
    return "".join(parts)


def actogram(view: RhythmView) -> Markup:
    """The plot with its axes. It is a slider over the days: time.js reads the words of a row from the table below."""
    height = row_px(len(view.rows)) * len(view.rows)
    paths = [tag("path", d=state_path(view.rows, state), cls=f"rhythm-{state.value}") for state in STATES]
    plot = tag(
        "svg",
        *paths,
        width="100%",
        height=height,
        viewBox=f"0 0 {2 * DAY_MIN} {100 * len(view.rows)}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    first, last = view.rows[0].day, view.rows[-1].day
    slider = tag(
        "div",
        plot,
        grid(height),
        change_lines(view, height),
        cls="actogram",
        role="slider",
        tabindex=0,
        aria_orientation="vertical",
        aria_label=f"Days from {day_words(first)} to {day_words(last)}; arrow keys move by a day, Enter opens it",
        aria_valuemin=0,
        aria_valuemax=len(view.rows) - 1,
        aria_valuenow=len(view.rows) - 1,
        aria_valuetext=day_words(last),
        style=f"--row: {row_px(len(view.rows))}px",
    )
    return tag("div", clock_axis(), date_axis(view.rows, height), slider, change_axis(view, height), cls="actogram-box")


def clock_axis() -> Markup:
    """48 hours of the person's clock."""
    labels = []
    for hour in range(0, 49, 6):
        x = round(100 * hour / 48, 3)
        anchor = "start" if hour == 0 else "end" if hour == 48 else "middle"
        cls = "axis-words" + (" axis-minor" if hour % 12 else "")
        labels.append(tag("text", f"{hour % 24:02d}", x=f"{x}%", y=12, text_anchor=anchor, cls=cls))
    return tag("svg", *labels, width="100%", height=16, cls="actogram-clock", aria_hidden="true")


def grid(height: int) -> Markup:
    """Fine lines every six hours; midnight between the two days is stronger."""
    lines = []
    for hour in range(6, 48, 6):
        x = f"{round(100 * hour / 48, 3)}%"
        lines.append(tag("line", x1=x, x2=x, y1=0, y2=height, cls="midnight" if hour == 24 else "tick"))
    return tag("svg", *lines, width="100%", height=height, cls="actogram-grid", aria_hidden="true")


def date_axis(rows: Sequence[RhythmRow], height: int) -> Markup:
    """The first of each month; in a short span the Mondays too."""
    px = row_px(len(rows))
    labels: list[Markup] = []
    free_from = 0.0
    for place, row in enumerate(rows):
        day = date.fromisoformat(row.day)
        new_month = day.day == 1 or place == 0
        if not new_month and not (len(rows) <= 35 and day.weekday() == 0):
            continue
        y = place * px + px / 2 + 4
        if y < free_from:
            continue
        free_from = y + 13
        words = f"{day:%b %Y}" if day.day == 1 and (day.month == 1 or len(rows) > 100) else f"{day.day} {day:%b}"
        labels.append(tag("text", words, x="100%", dx=-6, y=max(10, round(y, 1)), text_anchor="end", cls="axis-words"))
    return tag("svg", *labels, width="100%", height=height, cls="actogram-dates", aria_hidden="true")


def change_lines(view: RhythmView, height: int) -> Markup:
    """A broken line above each day on which the person's clock changed."""
    px = row_px(len(view.rows))
    lines = [
        tag("line", x1=0, x2="100%", y1=place * px, y2=place * px, cls="change-line") for place in changed_rows(view)
    ]
    return tag("svg", *lines, width="100%", height=height, cls="actogram-grid", aria_hidden="true")


def changed_rows(view: RhythmView) -> dict[int, list[OffsetChange]]:
    """The changes of the clock by the place of their row."""
    places = {row.day: place for place, row in enumerate(view.rows)}
    found: dict[int, list[OffsetChange]] = {}
    for change in view.changes:
        found.setdefault(places[change.day], []).append(change)
    return found


def change_axis(view: RhythmView, height: int) -> Markup:
    """By how much the clock changed, beside its row."""
    px = row_px(len(view.rows))
    labels: list[Markup] = []
    free_from = 0.0
    for place, changes in changed_rows(view).items():
        y = max(10.0, place * px + 4)
        if y < free_from:
            continue
        free_from = y + 13
        shift = changes[-1].after_min - changes[0].before_min
        labels.append(tag("text", shift_words(shift), x=6, y=round(y, 1), cls="change-words"))
    return tag("svg", *labels, width="100%", height=height, cls="actogram-changes", aria_hidden="true")


def shift_words(minutes: int) -> str:
    """``+1 h``, ``−5:30 h``."""
    sign = "−" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours}:{rest:02d} h" if rest else f"{sign}{hours} h"


# -- words -------------------------------------------------------------------------------------------------------------


def minute_words(minute: float) -> str:
    """Minutes after midnight as a clock time."""
    whole = round(minute) % DAY_MIN
    return f"{whole // 60:02d}:{whole % 60:02d}"


def hours_words(minutes: int) -> str:
    """``7 h 05 min``; nothing as a dash."""
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes else "—"


def sleep_words(row: RhythmRow) -> str:
    """When the person slept on a local day, midnight to midnight."""
    runs = [run for run in row.runs if run.state is RhythmState.SLEEP]
    return ", ".join(f"{minute_words(run.first)} to {_end_words(run)}" for run in runs) or "—"


def _end_words(run: RhythmRun) -> str:
    return "24:00" if run.last == DAY_MIN else minute_words(run.last)


def rhythm_table(view: RhythmView) -> Markup:
    """The rows in words and figures: for reading without seeing, and where time.js reads them from."""
    heads = (
        "Day",
        "Asleep from",
        *[f"{STATE_WORDS[state].capitalize()}, in all" for state in _COUNTED],
        "Sleep not known",
    )
    rows = []
    for row in reversed(view.rows):
        figures = [*[hours_words(row.minutes.get(state, 0)) for state in _COUNTED], hours_words(row.unwatched_min)]
        cells = [
            tag("td", cell, data_name=name) for name, cell in zip(heads[1:], (sleep_words(row), *figures), strict=True)
        ]
        day = tag("th", tag("a", day_words(row.day), href=f"/day/{row.day}"), scope="row")
        rows.append(tag("tr", day, *cells, data_day=row.day, data_words=row_words(row)))
    head = tag("thead", tag("tr", *[tag("th", name, scope="col") for name in heads]))
    caption = tag("caption", "Sleep, work and home, day by day, newest first", cls="unseen")
    return tag("table", caption, head, tag("tbody", *rows), cls="rhythm-table")


_COUNTED = (RhythmState.SLEEP, RhythmState.WORK, RhythmState.COMPUTER, RhythmState.HOME, RhythmState.AWAY)


def row_words(row: RhythmRow) -> str:
    """One row in one line."""
    parts = [f"{STATE_WORDS[state]} {hours_words(row.minutes[state])}" for state in _COUNTED if state in row.minutes]
    if row.unwatched_min:
        parts.append(f"sleep not known for {hours_words(row.unwatched_min)}")
    return f"{day_words(row.day)}: {', '.join(parts)}"


def rhythm_legend() -> Markup:
    """What the states look like."""
    items = []
    for state, words in STATE_WORDS.items():
        items.append(_swatch(words, 0, state.value, "" if state is not RhythmState.UNKNOWN else " is-unknown"))
    items.append(_swatch("place known, sleep not recorded", 7, RhythmState.HOME.value, " is-unknown"))
    items.append(tag("li", tag("span", cls="change-swatch"), "the clock changed: travel or daylight saving"))
    return tag("ul", join(items), cls="legend")


def _swatch(words: str, top: int, state: str, ground: str) -> Markup:
    known = state != RhythmState.UNKNOWN
    block = tag("rect", x=0, y=top, width=26, height=14 - top, cls=f"rhythm-{state}") if known else Markup("")
    return tag("li", tag("svg", block, width=26, height=14, cls=f"rhythm-swatch{ground}", aria_hidden="true"), words)


def change_list(view: RhythmView) -> Markup:
    """Where and how the person's clock changed, in words."""
    if not view.changes:
        return Markup("")
    items = [
        tag("li", tag("a", day_words(one.day), href=f"/day/{one.day}?at={one.at_ms}"),
            f": {offset_words(one.before_min)} → {offset_words(one.after_min)}")
        for one in view.changes
    ]  # fmt: skip
    count = "1 change" if len(items) == 1 else f"{len(items)} changes"
    return tag("details", tag("summary", f"{count} of the clock"), tag("ul", *items))


def figures_body(figures: SleepFigures) -> Markup:
    """The two figures with what they mean."""
    midpoint, spread = "—", ""
    if figures.midpoint_min is not None:
        midpoint = minute_words(figures.midpoint_min)
        spread = "" if figures.spread_min is None else f" ± {hours_words(max(1, round(figures.spread_min)))}"
    middle = tag(
        "div",
        tag("p", "Middle of sleep", cls="figure-name"),
        tag("p", tag("b", midpoint), spread, cls="figure-value"),
        tag("p", f"The middle of the longest sleep of each of {figures.nights} nights, averaged around the clock, and "
            "its circular standard deviation.", cls="quiet small"),
    )  # fmt: skip
    index = "—" if figures.regularity is None else f"{figures.regularity:.0f}"
    compared = f"{figures.compared_h / 24:.0f} days of minutes could be compared; only observed ones count."
    if figures.regularity is None:
        compared = f"{figures.compared_h / 24:.1f} days of minutes could be compared; it takes five."
    regular = tag(
        "div",
        tag("p", "Sleep regularity", cls="figure-name"),
        tag("p", tag("b", index), " of 100" if figures.regularity is not None else "", cls="figure-value"),
        tag("p", "How often you are in the same state, asleep or awake, as 24 hours before: 100 always, 0 as if by "
            f"chance (Sleep Regularity Index, Phillips and others 2017). {compared}", cls="quiet small"),
    )  # fmt: skip
    return tag("section", middle, regular, cls="card rhythm-figures")


def gaps(rows: Sequence[RhythmRow]) -> int:
    """Days of which nothing at all is known."""
    return sum(1 for row in rows if set(row.minutes) <= {RhythmState.UNKNOWN, RhythmState.SKIPPED})
