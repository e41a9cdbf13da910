"""Compute nodes: who answers now and why, each node with its pace and plug; pairing one, and removing one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import events, ui
from starlette.requests import Request

from hearthside.errors import Refused
from hearthside.web.calls import Problem, as_problem, call
from hearthside.web.controls import button, html, native, set_disabled, text
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import problem_card, tag
from hearthside.web.nodes_parts import (
    COMMAND,
    code_fields,
    empty_body,
    found_body,
    node_body,
    plug_words,
    read_code,
    removal_words,
    title,
)
from hearthside.web.nodes_views import NodeRow, NodesView

HEAD = '<link rel="stylesheet" href="/static/nodes.css"><script src="/static/nodes.js" defer></script>'
TICK_S = 2.0
SETTLE_MS = 60  # until the browser has what was just made
LOOKING = "Looking for nodes on this network …"
PAIRING = "Pairing …"
LONGEST_NAME = 40
ABOUT_PLUG = (
    "When this machine gives no sign for two minutes, Hearthside switches its plug off and on again, at most three"
    " times a day. Choose a switch that powers this machine and nothing else; take it back before you shut the machine"
    " down."
)
NO_SWITCH = (
    "No switch is known. Connect Home Assistant (home_assistant_url in the settings) and a plug there can be chosen."
)


def register(shells: Shells) -> None:
    """The page at ``/nodes``."""

    @ui.page("/nodes", title="Compute nodes · Hearthside", response_timeout=30)
    async def nodes(request: Request) -> None:
        shell = shells.of(request)
        ui.add_head_html(HEAD)
        async with frame(shell, "health") as page:
            html(tag("a", "Health", href="/health"), "p", "eyebrow")
            text("Compute nodes", "h1")
            view = await call(lambda: shell.house.nodes.view())
            if isinstance(view, Problem):
                page.show(view)
            else:
                await NodesPage(shell, page, view).show()


class NodesPage:
    """The page: cards that follow what happens, and the form that pairs."""

    def __init__(self, shell: Shell, page: Frame, view: NodesView) -> None:
        self.shell, self.page, self.view = shell, page, view
        self.switches: dict[str, str] = {}
        self.no_switches = NO_SWITCH
        self.cards: dict[str, NodeCard] = {}

    async def show(self) -> None:
        """Build the page."""
        self.sentence = text(self.view.sentence, "p", "node-sentence")
        self.sentence.props["aria-live"] = "polite"
        self.empty = html(empty_body(), cls="card")
        self.holder = native("div", "node-cards")
        Pairing(self)
        self._fill()
        switches = await call(lambda: self.shell.house.nodes.plugs())
        if isinstance(switches, Problem):
            self.no_switches = switches.message
        else:
            self.switches = dict(switches)
        self._fill()
        ui.timer(TICK_S, self.look)  # not before: a page with a timer is sent as it is when it waits for something

    async def look(self) -> None:
        """See how the nodes are now."""
        view = await call(lambda: self.shell.house.nodes.view())
        if isinstance(view, Problem) or view == self.view:
            return  # the next look tries again; what the person does here says itself what is wrong
        self.view = view
        self.sentence.set_text(view.sentence)
        rows = self.rows()
        if list(self.cards) != [row.id for row in rows]:
            self._fill()
        for row in rows:
            self.cards[row.id].update(row)

    def rows(self) -> list[NodeRow]:
        """Those paired, then the one of this machine."""
        return [*self.view.nodes, *([self.view.local] if self.view.local is not None else [])]

    def _fill(self) -> None:
        self.empty.set_visibility(not self.view.nodes)
        self.holder.clear()
        with self.holder:
            self.cards = {row.id: NodeCard(self, row) for row in self.rows()}


class NodeCard:
    """One node: what is known of it, and what can be done about it; the local one only shows itself."""

    def __init__(self, nodes: NodesPage, row: NodeRow) -> None:
        self.nodes, self.row = nodes, row
        self.card = native("section", _card_class(row), aria_label=title(row))
        with self.card:
            self.body = html(node_body(row))
            if row.id:
                self.controls = native("div", "node-controls")
                self._fill()

    def update(self, row: NodeRow) -> None:
        """Show it as it is now; controls stay in place, so that a finger on them does not miss."""
        if row == self.row:
            return
        plug, self.row = self.row.plug, row
        self.card.classes(replace=_card_class(row))
        self.body.set_content(node_body(row))
        if row.plug != plug:  # chosen here, or on the command line
            self._fill()

    def _fill(self) -> None:
        self.controls.clear()
        with self.controls:
            self._plug()
            button("Remove", self._ask, "button-quiet", f"Remove {self.row.name}")

    # -- the plug ----------------------------------------------------------------------------------------------------

    def _plug(self) -> None:
        chosen = self.row.plug
        with native("details"):
            text(f"Plug: {self.nodes.switches.get(chosen, chosen)}" if chosen else "Plug: none chosen", "summary")
            text(ABOUT_PLUG, "p", "small quiet")
            if not self.nodes.switches and not chosen:
                text(self.nodes.no_switches, "p", "small")
                return
            form = native("form", "node-plug", aria_label=f"Plug of {self.row.name}")
            form.on("submit", self._set_plug, js_handler="(e) => window.hearthside.sendFields(e, emit)")
            with form:
                known = {chosen: plug_words(chosen, {})} if chosen else {}
                switches = {**known, **self.nodes.switches}
                options = [tag("option", "None", value="", selected=not chosen)]
                options += [
                    tag("option", plug_words(entity, switches), value=entity, selected=entity == chosen)
                    for entity in sorted(switches, key=lambda one: switches[one].casefold())
                ]
                html(tag("select", *options, name="plug", cls="field", aria_label="Switch that powers it"), "span")
                text("Save", "button", "button").props["type"] = "submit"

    async def _set_plug(self, event: events.GenericEventArguments) -> None:
        entity = str(event.args.get("plug", ""))
        outcome = await call(lambda: self.nodes.shell.house.nodes.set_plug(self.row.id, entity))
        if isinstance(outcome, Problem):
            self.nodes.page.show(outcome)
            return
        self._fill()  # closes the fold, also where nothing changed
        self._focus()
        await self.nodes.look()

    # -- letting it go -----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self.controls.clear()
        with self.controls, native("div", "confirm", role="group", aria_label=f"Remove {self.row.name}?"):
            text(removal_words(self.row, self.row.phase != "down"), "p")
            button("Remove it", self._remove, "button-primary", f"Remove {self.row.name} for good")
            button("Keep it", self._keep, "button-quiet")
        self._focus()

    def _keep(self) -> None:
        self._fill()
        self._focus()

    def _focus(self) -> None:
        """Keep the keyboard here: on the last button, which does the least harm; the one pressed is gone."""
        what = f"[...(getHtmlElement({self.controls.id})?.querySelectorAll('button') ?? [])].at(-1)?.focus()"
        self.card.client.run_javascript(f"setTimeout(() => {what}, {SETTLE_MS})")

    async def _remove(self) -> None:
        outcome = await call(lambda: self.nodes.shell.house.nodes.revoke(self.row.id))
        if isinstance(outcome, Problem):
            self.nodes.page.show(outcome)
            self._fill()
        else:
            await self.nodes.look()


def _card_class(row: NodeRow) -> str:
    return "card node-chosen" if row.chosen and row.phase == "ready" else "card"


class Pairing:
    """The card that pairs: found on the network or typed, then the code that the other machine shows."""

    def __init__(self, nodes: NodesPage) -> None:
        self.nodes, self.shell = nodes, nodes.shell
        with native("section", "card", aria_label="Pair a node", id="pair"):
            text("Pair a node", "h2")
            self._steps()
            with native("div", "buttons"):
                self.search = button("Look for nodes", self._find)
            self.found = native("div", aria_live="polite")
            self.holder = native("div")
            self.said = native("div", "node-said", aria_live="polite")
        self._form()

    def _steps(self) -> None:
        command = tag("code", COMMAND)
        steps = [
            tag("span", "On the other machine, type ", command, ". It shows a code of three groups."),
            tag("span", "Look for it here and choose it, or type the address it shows."),
            tag("span", "Type the code. It holds for ten minutes, and for one pairing."),
        ]
        html(tag("ol", *[tag("li", step) for step in steps], cls="node-steps"))

    def _form(self) -> None:
        self.holder.clear()
        with self.holder:
            form = native("form", "node-form", aria_label="Pair a node")
            form.on("submit", self._pair, js_handler="(e) => window.hearthside.sendFields(e, emit)")
            with form:
                address = tag("input", type="text", name="address", cls="field", required=True, autocomplete="off",
                              spellcheck="false", autocapitalize="none", placeholder="192.168.1.20")  # fmt: skip
                html(tag("label", "Address", address))
                html(tag("div", tag("span", "Code", cls="small"), code_fields()))
                # not `name`: a field of that name would hide the form's own property, so DOMPurify takes it away
                name = tag("input", type="text", name="called", cls="field", maxlength=LONGEST_NAME, autocomplete="off",
                           placeholder="Study")  # fmt: skip
                html(tag("label", "What you call it", name))
                self.send = text("Pair", "button", "button button-primary")
                self.send.props["type"] = "submit"

    async def _find(self) -> None:
        set_disabled(self.search, True)
        self._tell(self.found, lambda: text(LOOKING, "p", "quiet"))
        found = await call(lambda: self.shell.house.nodes.find())
        set_disabled(self.search, False)
        if isinstance(found, Problem):
            self._tell(self.found, partial(_problem, found))
        else:
            self._tell(self.found, lambda: html(found_body(found)))

    async def _pair(self, event: events.GenericEventArguments) -> None:
        typed = {
            name: str(event.args.get(name, "")).strip() for name in ("address", "code1", "code2", "code3", "called")
        }
        try:
            code = read_code([typed["code1"], typed["code2"], typed["code3"]])
        except Refused as error:
            self._tell(self.said, partial(_problem, as_problem(error)))
            return
        set_disabled(self.send, True)
        self._tell(self.said, lambda: text(PAIRING, "p", "quiet"))
        name = typed["called"][:LONGEST_NAME]
        outcome = await call(lambda: self.shell.house.nodes.pair(typed["address"], code, name))
        set_disabled(self.send, False)
        if isinstance(outcome, Problem):
            self._tell(self.said, partial(_problem, outcome))
            return
        self.found.clear()
        self._form()
        self._tell(
            self.said, lambda: text(f"{outcome.name} is paired. It is asked how fast it is, then it may answer.")
        )
        await self.nodes.look()

    def _tell(self, holder: ui.element, fill: Callable[[], object]) -> None:
        holder.clear()
        with holder:
            fill()


def _problem(problem: Problem) -> None:
    html(problem_card(problem))
