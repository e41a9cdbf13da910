"""The frame of every page: navigation, the banner of an invented life, notices, work under way, problems."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from markupsafe import Markup
from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.exceptions import HTTPException
from starlette.requests import Request

from hearthside.web.calls import LiveAnswers, Problem, call
from hearthside.web.controls import button, html, native, text
from hearthside.web.house import House, Job, Overview
from hearthside.web.markup import join, problem_card, tag
from hearthside.web.residents import Household

TICK_S = 1.0
BANNER = "This life is invented. It is a sample that came with Hearthside: nobody in it exists."

ICONS = {
    "companion": "M4 5h16v11H9l-5 4z",
    "day": "M3 6h9M7 12h12M3 18h7M15 18h6",
    "memory": "M10.5 4a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM15.5 15.5L21 21",
    "known": "M12 20.5C6 16.5 3.5 13 3.5 9.5a4.3 4.3 0 0 1 8.5-1.600a4.3 4.3 0 0 1 8.5 1.600c0 3.5-2.5 7-8.5 11z",
    "training": "M4 20V4M4 20h17M7 15l4-5 4 3 5-7",
    "health": "M3 12h4l2.5-6 4 12L16 12h5",
}
PAGES = (
    ("companion", "Companion", "/"),
    ("day", "Day", "/day"),
    ("memory", "Memory", "/memory"),
    ("known", "Beliefs", "/known"),
    ("training", "Training", "/training"),
    ("health", "Health", "/health"),
)


@dataclass(frozen=True, slots=True)
class Shell:
    """What all pages of one resident share.

    Attributes:
        zone: the zone of times that carry no offset of their own; None is the zone of this machine.
        resident: the key of the resident whose pages these are.
        name: what this resident is called where several live here; "" where one lives alone.
        several: whether pages must say whose they are.
    """

    house: House
    answers: LiveAnswers
    zone: tzinfo | None = None
    resident: str = ""
    name: str = ""
    several: bool = False


class Shells:
    """The shell of each resident, found by the request and by nothing else."""

    def __init__(self, household: Household) -> None:
        self._shells = {
            one.key: Shell(one.house, LiveAnswers(one.house), one.zone, one.key, one.name, household.several)
            for one in household.residents
        }

    def of(self, request: Request) -> Shell:
        """The shell of the resident the guard let in.

        Raises:
            HTTPException: 401, for a request that came past no guard.
        """
        shell = self._shells.get(str(getattr(request.state, "resident", "")))
        if shell is None:
            raise HTTPException(401)
        return shell


@dataclass(slots=True)
class Frame:
    """One open page: what it knows of the house, and where its problems appear."""

    overview: Overview
    problems: ui.element

    def show(self, problem: Problem) -> None:
        """Show an error as a card at the top of the page, until it is put away."""
        with self.problems, native("div", "problem-holder") as holder:
            html(problem_card(problem))
            button("Close", holder.delete, "button-quiet", "Close this message")


def icon(name: str) -> Markup:
    """One of our own line drawings, 24 by 24."""
    return tag("svg", tag("path", d=ICONS[name]), viewBox="0 0 24 24", cls="icon", aria_hidden="true")


def hearth() -> Markup:
    """The mark: a flame under a roof."""
    roof = tag("path", d="M3 12L12 4l9 8", cls="mark-roof")
    flame = tag(
        "path",
        d="M12 10c3 3 4 4.6 4 6.6a4 4 0 0 1-8 0c0-1.600 .9-2.600 2-3.600c.3 1 .8 1.500 1.500 1.700",
        cls="mark-flame",
    )
    return tag("svg", roof, flame, viewBox="0 0 24 24", cls="brand-mark", aria_hidden="true")


def navigation(active: str) -> Markup:
    """Brand and the six pages; on a phone a bar at the bottom."""
    links = [
        tag(
            "a",
            icon(name),
            tag("span", words),
            href=address,
            cls="nav-link" + (" nav-active" if name == active else ""),
            aria_current="page" if name == active else None,
        )
        for name, words, address in PAGES
    ]
    brand = tag("a", hearth(), tag("span", "Hearthside"), href="/", cls="brand")
    return join([tag("a", "Skip to the page", href="#main", cls="skip"), brand, tag("nav", *links, aria_label="Pages")])


def banner(overview: Overview) -> Markup:
    """The sentence every page carries while the vault holds an invented life."""
    return tag("p", BANNER, cls="banner", role="note") if overview.invented else Markup("")


def alarm(overview: Overview) -> Markup:
    """What the person must know now, whatever page is open."""
    return tag("p", overview.notice, cls="alarm", role="alert") if overview.notice else Markup("")


def signed_in(shell: Shell, person: str) -> Markup:
    """Whose page this is and the way out, where several live here."""
    if not shell.several:
        return Markup("")
    name = shell.name or person or "somebody of this home"
    leave = tag("button", "Leave", type="button", cls="leave", data_leave=True, aria_label=f"Leave: {name}")
    return tag("p", tag("span", "Signed in as "), tag("b", name), leave, cls="signed-in", data_resident=shell.resident)


def node_notice(overview: Overview) -> Markup:
    """What is limited while the compute node is away."""
    if overview.node_state == "ready" and not overview.node_sentence:
        return Markup("")
    sentence = overview.node_sentence or {
        "starting": "The language model is starting. Questions that can be computed are answered already.",
        "down": "The language model is away. Your records are safe; answers are computed or quoted until it is back.",
    }.get(overview.node_state, "")
    if not sentence:
        return Markup("")
    link = tag("a", "Compute nodes", href="/nodes")
    return tag("p", sentence, " ", link, cls=f"notice node-{overview.node_state}", role="status")


class JobList:
    """Work under way, on every page: progress, what it is doing, a Stop button; how it ended until put away."""

    def __init__(self, shell: Shell, holder: ui.element) -> None:
        self.shell = shell
        self.holder = holder
        self.rows: dict[str, JobRow] = {}
        self.old: set[str] | None = None  # jobs that had ended before this page was opened

    def update(self, jobs: list[Job]) -> None:
        """Show the jobs as they are now; rows stay in place so that a finger on Stop does not miss."""
        if self.old is None:
            self.old = {job.id for job in jobs if not job.active}
        for job in jobs:
            if job.id in self.old:
                continue
            row = self.rows.get(job.id)
            if row is None:
                with self.holder:
                    row = self.rows[job.id] = JobRow(self.shell, job)
            row.update(job)


class JobRow:
    """One job."""

    def __init__(self, shell: Shell, job: Job) -> None:
        self.shell = shell
        self.id = job.id
        self.shown: Job | None = None
        with native("section", "job", aria_label=job.title) as self.card:
            with native("div", "job-head"):
                text(job.title, "strong")
                self.amount = text("", "span", "quiet")
                self.pause = button(
                    "Pause", partial(self.ask, shell.house.pause_job), "button-quiet", f"Pause: {job.title}"
                )
                self.go_on = button("Continue", partial(self.ask, shell.house.resume_job), "", f"Continue: {job.title}")
                self.stop = button(
                    "Stop", partial(self.ask, shell.house.stop_job), "button-quiet", f"Stop: {job.title}"
                )
                self.away = button("Close", self.put_away, "button-quiet", f"Close: {job.title}")
            self.bar = native("progress", "job-bar", aria_label=job.title)
            self.message: TextElement = text(job.message, "p", "job-message")
            self.message.props["aria-live"] = "polite"
            self.details = html(Markup(""), cls="job-details")

    async def ask(self, action: Callable[[str], None]) -> None:
        """Stop, pause or continue the job; what it has done so far is kept by the house."""
        outcome = await call(action, self.id)
        if isinstance(outcome, Problem):
            self.message.set_text(outcome.message)

    def put_away(self) -> None:
        """Hide a job that has ended."""
        self.card.set_visibility(False)

    def update(self, job: Job) -> None:
        """Show a job as it is now."""
        if job == self.shown:
            return
        self.shown = job
        self.pause.set_visibility(job.pausable and job.state == "running")
        self.go_on.set_visibility(job.state == "paused")
        self.stop.set_visibility(job.active)
        self.away.set_visibility(not job.active)
        self.bar.set_visibility(job.active)
        self.amount.set_text(amount_words(job))
        self.message.set_text(job.message)
        if job.total > 0:
            self.bar.props["max"], self.bar.props["value"] = job.total, min(job.done, job.total)
            self.bar.update()
        self.card.classes(replace=f"job job-{job.state}")
        self.details.set_content(job_details(job))


def amount_words(job: Job) -> str:
    """How far a job is, in its own units."""
    if not job.active:
        return job.state
    words = f"{job.done:,} {job.unit}" if job.done else "starting"
    if job.total > 0:
        words = f"{100 * min(job.done, job.total) // job.total} % · {job.done:,} of {job.total:,} {job.unit}"
    return f"paused · {words}" if job.state == "paused" else words


def job_details(job: Job) -> Markup:
    """The lines below a job, folded away."""
    if not job.details:
        return Markup("")
    lines = tag("ul", *[tag("li", line) for line in job.details])
    return tag("details", tag("summary", f"Details ({len(job.details)})"), lines)


@asynccontextmanager
async def frame(shell: Shell, active: str) -> AsyncIterator[Frame]:
    """The frame around a page; what is made inside `async with` becomes the page."""
    overview = await call(shell.house.overview)
    trouble = overview if isinstance(overview, Problem) else None
    known = Overview(False, False, "", "", "", "ready", "") if isinstance(overview, Problem) else overview
    with native("div", "shell"):
        html(join([navigation(active), signed_in(shell, known.person)]), "header", "side")
        with native("div", "page"):
            urgent = html(alarm(known))
            html(banner(known))
            notice = html(node_notice(known))
            jobs = JobList(shell, native("div", "jobs"))
            page = Frame(known, native("div", "problems"))
            if trouble is not None:
                page.show(trouble)
            with native("section", id="main", tabindex="-1"):  # NiceGUI's own page is the <main>
                yield page
    _watch(shell, known, (urgent, notice), jobs)


def _watch(shell: Shell, first: Overview, notices: tuple[ui.html, ui.html], jobs: JobList) -> None:
    """Keep notices and jobs up to date while the page is open; reload when the vault stops being empty."""

    async def tick() -> None:
        now = await call(lambda: (shell.house.overview(), shell.house.jobs()))
        if isinstance(now, Problem):
            return  # the next tick tries again; the page's own calls show what is wrong
        overview, running = now
        if overview.empty != first.empty or overview.invented != first.invented:
            ui.navigate.reload()
            return
        for notice, content in zip(notices, (alarm(overview), node_notice(overview)), strict=True):
            if notice.content != content:
                notice.set_content(content)
        jobs.update(running)

    ui.timer(TICK_S, tick)
