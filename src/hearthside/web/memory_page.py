"""Memory: search with filters, each hit with its time, source and why it was found; and one record whole."""

from __future__ import annotations

from typing import Any

import orjson
from markupsafe import Markup
from nicegui import events, ui
from starlette.requests import Request

from hearthside.events import Layer
from hearthside.memory.hits import Filters, Hit
from hearthside.web.calls import Problem, call
from hearthside.web.controls import html, native, text
from hearthside.web.house import House
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import LAYER_WORDS, facts_table, hit_list, tag
from hearthside.web.names import source_words

LIMIT = 30
BELIEFS = "what I believe about you"
HINT = "Search by words or by meaning. What is found names its source and why it was found."


def register(shells: Shells) -> None:
    """The pages at ``/memory`` and ``/record/{id}``."""

    @ui.page("/memory", title="Memory · Hearthside", response_timeout=30)
    async def memory(request: Request) -> None:
        shell = shells.of(request)
        async with frame(shell, "memory") as page:
            text("Memory", "h1")
            html(tag("span", "Your records. What follows from them: ", tag("a", BELIEFS, href="/known")), "p", "quiet")
            health = await call(shell.house.health)
            sources = [] if isinstance(health, Problem) else [(one.name, one.title) for one in health.sources]
            Search(shell, page).show(sources)

    @ui.page("/record/{record_id}", title="Record · Hearthside", response_timeout=30)
    async def record(record_id: str, request: Request) -> None:
        shell = shells.of(request)
        async with frame(shell, "memory") as page:
            text("One record", "h1")
            found = await call(shell.house.record, record_id)
            if isinstance(found, Problem):
                page.show(found)
            else:
                text("As it stands in the journal: evidence exactly as its source gave it.", "p", "quiet")
                html(record_body(record_id, found), cls="card record")


class Search:
    """The search form and its hits. Search words go over the page's own socket, never into an address or a history."""

    def __init__(self, shell: Shell, page: Frame) -> None:
        self.shell = shell
        self.page = page

    def show(self, sources: list[tuple[str, str]]) -> None:
        """Build the form; it searches on Enter and whenever a filter changes."""
        form = native("form", "search", role="search", aria_label="Search your memory")
        handler = "(e) => window.hearthside.sendFields(e, emit)"
        form.on("submit", self._search, js_handler=handler)
        form.on("change", self._search, js_handler=handler)
        with form:
            html(search_fields(sources, self.page.overview.first_day, self.page.overview.last_day))
        self.result = html(tag("p", HINT, cls="quiet"), cls="results")
        self.result.props["aria-live"] = "polite"

    async def _search(self, event: events.GenericEventArguments) -> None:
        fields: dict[str, Any] = event.args
        words = str(fields.get("words", "")).strip()
        if not words:
            self.result.set_content(tag("p", HINT, cls="quiet"))
            return
        found = await call(search, self.shell.house, words, fields)
        if isinstance(found, Problem):
            self.page.show(found)
        else:
            self.result.set_content(results(found))


def search(house: House, words: str, fields: dict[str, Any]) -> list[Hit]:
    """Search with the filters of the form: days are local, so their bounds come from the life stream."""
    since, until = str(fields.get("from") or ""), str(fields.get("to") or "")
    layers = frozenset(Layer(name) for name in fields.get("layer") or [] if name in set(Layer))
    source = str(fields.get("source") or "")
    filters = Filters(
        start_ms=house.day(since).start_ms if since else None,
        end_ms=house.day(until).end_ms if until else None,
        layers=layers or None,
        sources=frozenset({source}) if source else None,
    )
    return house.search(words, filters, LIMIT)


def search_fields(sources: list[tuple[str, str]], first: str, last: str) -> Markup:
    """The words, and the filters below them."""
    chips = [
        tag(
            "label",
            tag("input", type="checkbox", name="layer", value=layer.value, cls="unseen"),
            tag("span", words),
            cls=f"chip layer-{layer.value}",
        )
        for layer, words in LAYER_WORDS.items()
    ]
    options = [tag("option", "All sources", value="")]
    options += [tag("option", title or source_words(name), value=name) for name, title in sources]

    def day_field(name: str, words: str) -> Markup:
        field = tag("input", type="date", name=name, min=first or None, max=last or None, cls="field")
        return tag("label", tag("span", words, cls="quiet"), field)

    return tag(
        "div",
        tag(
            "div",
            tag(
                "input",
                type="search",
                name="words",
                cls="field",
                placeholder="dinner with friends",
                aria_label="Search words",
            ),
            tag("button", "Search", type="submit", cls="button button-primary"),
            cls="search-words",
        ),
        tag(
            "fieldset",
            tag("legend", "Layers", cls="unseen"),
            *chips,
            cls="chips",
        ),
        tag(
            "div",
            day_field("from", "From"),
            day_field("to", "To"),
            tag("label", tag("span", "Source", cls="quiet"), tag("select", *options, name="source", cls="field")),
            cls="search-filters",
        ),
    )


def results(hits: list[Hit]) -> Markup:
    """The hits, or that there are none."""
    if not hits:
        return tag("p", "Nothing was found. Other words, or fewer filters, may help.", cls="card")
    count = "1 record found" if len(hits) == 1 else f"{len(hits)} records found"
    if len(hits) == LIMIT:
        count = f"The best {LIMIT} records"
    return tag("div", tag("p", count, cls="quiet"), hit_list(hits, with_why=True))


def record_body(record_id: str, record: dict[str, object]) -> Markup:
    """All fields of a record; nested ones as indented JSON."""
    rows = [("id", record_id)] if "id" not in record else []
    rows += [(name, field_words(value)) for name, value in record.items()]
    return facts_table(rows, "Fields of the record")


def field_words(value: object) -> str:
    """A field's value as text."""
    if isinstance(value, str):
        return value
    if value is None:
        return "—"
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
