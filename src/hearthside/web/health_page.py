"""Health: machines, sources, storage, what was refused, and everything that left the house."""

from __future__ import annotations

from datetime import tzinfo

from markupsafe import Markup
from nicegui import ui
from starlette.requests import Request

from hearthside.web.calls import Problem, call
from hearthside.web.clock_page import clock_card
from hearthside.web.controls import button, html, native, text
from hearthside.web.costs_parts import HEAD, costs_body
from hearthside.web.house import HealthView, Job, MemoryAuditView, NodeHealth
from hearthside.web.layout import Frame, Shell, Shells, amount_words, frame
from hearthside.web.markup import badge, facts_table, local_words, moment_words, table, tag
from hearthside.web.names import source_words
from hearthside.web.safety import safety_card
from hearthside.web.welcome import import_form

NODE_GOOD = frozenset({"ready", "running", "up"})
NODES_LINK = tag("a", "Compute nodes: who answers, pair another machine, choose a plug", href="/nodes")


def register(shells: Shells) -> None:
    """The page at ``/health``."""

    @ui.page("/health", title="Health · Hearthside", response_timeout=30)
    async def health(request: Request) -> None:
        shell = shells.of(request)
        ui.add_head_html(HEAD)
        async with frame(shell, "health") as page:
            text("Health", "h1")
            view = await call(shell.house.health)
            if isinstance(view, Problem):
                page.show(view)
                return
            html(nodes_body(view.nodes, shell.zone))
            html(NODES_LINK, "p")
            safety = await call(shell.house.safety)
            if isinstance(safety, Problem):
                page.show(safety)
            else:
                safety_card(shell, page, safety)
            costs = await call(lambda: shell.house.costs.view())
            if isinstance(costs, Problem):
                page.show(costs)
            else:
                html(costs_body(costs), cls="card")
            with native("div", "two-cards"):
                html(storage_body(view), cls="card")
                _journal_card(shell, page, view)
            html(memory_body(view.memory), cls="card")
            html(sources_body(view), cls="card")
            clocks = await call(lambda: shell.house.clocks())
            if isinstance(clocks, Problem):
                page.show(clocks)
            else:
                clock_card(shell.house, page, clocks, shell.zone)
            with native("section", "card", aria_label="Add data"):
                text("Add data", "h2")
                import_form(shell, page)
            html(rejected_body(view), cls="card")
            html(egress_body(view), cls="card")
            jobs = await call(shell.house.jobs)
            if not isinstance(jobs, Problem) and jobs:
                html(work_body(jobs, shell.zone), cls="card")


def _journal_card(shell: Shell, page: Frame, view: HealthView) -> None:
    with native("section", "card", aria_label="Journal"):
        text("Journal", "h2")
        text(
            "Every record is chained to the one before it; a changed or missing record breaks the chain.", "p", "quiet"
        )
        verified = text(view.journal_verified or "Not verified yet.", "p")
        verified.props["aria-live"] = "polite"

        async def verify() -> None:
            verified.set_text("Verifying…")
            outcome = await call(shell.house.verify_journal)
            if isinstance(outcome, Problem):
                verified.set_text(view.journal_verified or "Not verified yet.")
                page.show(outcome)
            else:
                verified.set_text(outcome)

        async def rebuild() -> None:
            outcome = await call(shell.house.start_rebuild)
            if isinstance(outcome, Problem):
                page.show(outcome)

        with native("div", "buttons"):
            button("Verify the journal", verify)
            button("Rebuild life stream and index", rebuild, "button-quiet")


def nodes_body(nodes: list[NodeHealth], zone: tzinfo | None) -> Markup:
    """One card per machine or process."""
    cards = [
        tag(
            "section",
            tag("h2", node.name, badge(node.state, "good" if node.state in NODE_GOOD else "warn")),
            tag("p", node.sentence),
            tag("p", f"since {moment_words(node.since_ms, zone)}", cls="quiet"),
            facts_table(node.facts, f"Facts of {node.name}") if node.facts else "",
            cls="card node",
        )
        for node in nodes
    ]
    return tag("div", *cards, cls="nodes")


def storage_body(view: HealthView) -> Markup:
    """What lies on the disk."""
    return tag("section", tag("h2", "Storage"), facts_table(view.storage, "Storage"))


def memory_body(audit: MemoryAuditView | None) -> Markup:
    """How sound the memory is, as the last night found it."""
    link = tag("p", tag("a", "See what is believed about you", href="/known"))
    if audit is None:
        words = "No night has looked over the memory yet; it is done every night."
        return tag("section", tag("h2", "Memory"), tag("p", words, cls="quiet"), link)
    sign = badge("sound", "good") if audit.sound else badge("look here", "warn")
    return tag(
        "section",
        tag("h2", "Memory", sign),
        tag("p", audit.sentence),
        tag("p", f"Looked over {local_words(audit.when)}.", cls="quiet"),
        facts_table(audit.figures, "Audit of the memory"),
        link,
    )


def sources_body(view: HealthView) -> Markup:
    """Each source: how much, how fresh, what was refused."""
    rows = [
        [
            tag("b", one.title),
            f"{one.records:,}",
            local_words(one.last_event_local) or "—",
            tag("span", f"{one.rejected:,}", cls="has-rejected" if one.rejected else "quiet"),
            badge("paused", "warn") if one.paused else "",
        ]
        for one in view.sources
    ]
    body = (
        table(["Source", "Records", "Last event", "Rejected", ""], rows, "Sources") if rows else tag("p", "None yet.")
    )
    return tag("section", tag("h2", "Sources"), body)


def rejected_body(view: HealthView) -> Markup:
    """Rows that could not be taken, with the reason; none is dropped silently."""
    if not view.rejected:
        return tag("section", tag("h2", "Rejected rows"), tag("p", "None.", cls="quiet"))
    rows = [[source_words(source), place, reason] for source, place, reason in view.rejected]
    body = table(["Source", "Where", "Why"], rows, "Rejected rows, newest first")
    return tag(
        "section", tag("h2", "Rejected rows"), tag("p", "Kept with the reason, newest first.", cls="quiet"), body
    )


def egress_body(view: HealthView) -> Markup:
    """The ledger of the one door out."""
    if not view.egress:
        return tag("section", tag("h2", "What left the house"), tag("p", "Nothing has left this machine.", cls="quiet"))
    rows = [[local_words(when), purpose, where, what] for when, purpose, where, what in view.egress]
    return tag(
        "section", tag("h2", "What left the house"), table(["When", "Why", "Where to", "What"], rows, "Egress ledger")
    )


def work_body(jobs: list[Job], zone: tzinfo | None) -> Markup:
    """Recent long work and how it ended."""
    rows = [[moment_words(job.started_ms, zone), job.title, amount_words(job), job.message] for job in jobs]
    return tag("section", tag("h2", "Recent work"), table(["Started", "What", "State", "How"], rows, "Recent work"))
