"""The two ways in: import one's own data, or meet a sample life."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup
from nicegui import events

from hearthside.web.calls import Problem, call
from hearthside.web.controls import button, html, native, text
from hearthside.web.layout import Frame, Shell
from hearthside.web.markup import join, tag

FORMATS = (
    "WhatsApp chats",
    "Google Takeout activity",
    "Oura",
    "ActivityWatch",
    "OwnTracks",
    "Home Assistant history",
    "Omi transcripts",
    "Last.fm, RescueTime, WakaTime, tweets, podcasts",
)
PRIVATE = "They go to this machine only, into a private folder that is emptied after the import."


def picker(resident: str) -> Markup:
    """The place to drop files. It says whose page it is on: by the time of the drop, another may be signed in."""
    files = tag("input", type="file", multiple=True, cls="unseen", data_upload=resident, aria_label="Files to import")
    return join(
        [
            tag("label", tag("span", "Choose files or drop them here", cls="drop-words"), files, cls="drop"),
            tag("p", PRIVATE, cls="quiet"),
            tag("p", "", cls="upload-state", role="status"),
        ]
    )


def two_ways_in(shell: Shell, page: Frame) -> None:
    """What an empty vault shows."""
    with native("div", "welcome"):
        text("Welcome home", "h1")
        text(
            "Hearthside keeps your life on this machine and answers from it. Begin with one of two ways in.",
            "p",
            "lead",
        )
        with native("div", "ways"):
            with native("section", "card way", aria_label="Import my data"):
                text("Import my data", "h2")
                import_form(shell, page)
                html(tag("p", "Recognised by content: " + ", ".join(FORMATS) + ".", cls="quiet small"))
            with native("section", "card way", aria_label="Meet a sample life"):
                text("Meet a sample life", "h2")
                text(
                    "Thirty days of one invented person, in all six layers: messages, what glasses saw, voices, sleep "
                    "and screens, places, and a home. It goes in through the same door as real data.",
                    "p",
                )
                text("Nobody in it exists, and every page says so.", "p", "quiet")
                sample_button(shell, page)


def sample_button(shell: Shell, page: Frame) -> None:
    """Start the sample life; the job row shows its progress."""

    async def start() -> None:
        show_problem(page, await call(shell.house.start_sample))

    button("Meet the sample life", start, "button-primary")


def import_form(shell: Shell, page: Frame) -> None:
    """A path on this machine, or files from the browser."""

    async def submitted(event: events.GenericEventArguments) -> None:
        path = str(event.args).strip()
        if path:
            show_problem(page, await call(shell.house.start_import, [Path(path).expanduser()]))

    form = native("form", "path-form", aria_label="Import from a folder")
    form.on("submit", submitted, js_handler="(e) => window.hearthside.sendWords(e, emit)")
    with form:
        native(
            "input",
            "field",
            type="text",
            name="words",
            placeholder="/home/me/exports",
            aria_label="File or folder on this machine",
            autocomplete="off",
            spellcheck="false",
        )
        text("Import", "button", "button button-primary").props["type"] = "submit"
    html(picker(shell.resident), cls="upload")


def show_problem(page: Frame, outcome: object) -> None:
    """Show the outcome of a call if it is a problem."""
    if isinstance(outcome, Problem):
        page.show(outcome)
