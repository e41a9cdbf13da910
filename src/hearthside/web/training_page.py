"""Training: the personal adapters, how each was judged, its receipt, and the last night."""

from __future__ import annotations

from datetime import tzinfo

from markupsafe import Markup
from nicegui import ui
from starlette.requests import Request

from hearthside.web.calls import Problem, call
from hearthside.web.controls import button, html, native, text
from hearthside.web.curves import bits_bars, loss_curve
from hearthside.web.house import AdapterView, NightView, TrainingView
from hearthside.web.layout import Frame, Shell, Shells, frame
from hearthside.web.markup import badge, local_words, moment_words, tag

STATE_WORDS = {
    "active": "in use",
    "previous": "previous",
    "staged": "waiting for the gate",
    "rejected": "rejected",
    "retired": "retired",
    "tainted": "tainted: rests on forgotten data",
}
STEP_SIGNS = {"done": "✓", "running": "…", "failed": "✗", "waiting": "○", "skipped": "–"}
SIMULATED = "simulated attestation: not protected by hardware"


def register(shells: Shells) -> None:
    """The page at ``/training``."""

    @ui.page("/training", title="Training · Hearthside", response_timeout=30)
    async def training(request: Request) -> None:
        shell = shells.of(request)
        async with frame(shell, "training") as page:
            text("Training", "h1")
            text(
                "A small adapter learns your manner from your own words. What you know stays in your records.",
                "p",
                "lead",
            )
            view = await call(shell.house.training)
            if isinstance(view, Problem):
                page.show(view)
            else:
                TrainingPage(shell, page, view).show()


class TrainingPage:
    """The live part: two buttons with consequences, each asked twice."""

    def __init__(self, shell: Shell, page: Frame, view: TrainingView) -> None:
        self.shell = shell
        self.page = page
        self.view = view

    def show(self) -> None:
        """Build the page."""
        with native("section", "card", aria_label="Next training"):
            html(due_body(self.view))
            with native("div", "buttons"):
                button("Run the night now", self._night, "button-primary")
                if any(one.state == "previous" for one in self.view.adapters):
                    self.back = button("Go back to the previous adapter", self._ask_back, "button-quiet")
        if self.view.night is not None:
            html(night_body(self.view.night, self.shell.zone), cls="card")
        if not self.view.adapters:
            text("No adapter yet: the first is trained when enough of your own words are there.", "p", "card quiet")
        for adapter in self.view.adapters:
            html(adapter_body(adapter, self.shell.zone))

    async def _night(self) -> None:
        outcome = await call(self.shell.house.start_night)
        if isinstance(outcome, Problem):
            self.page.show(outcome)

    def _ask_back(self) -> None:
        parent = self.back.parent_slot
        self.back.set_visibility(False)
        if parent is None:
            return
        with parent:
            self.confirm = native("span", "confirm")
            with self.confirm:
                text("The adapter in use is set aside and the previous one answers again.", "span")
                button("Go back", self._roll_back)
                button("Keep it", self._keep, "button-quiet")

    def _keep(self) -> None:
        self.confirm.delete()
        self.back.set_visibility(True)

    async def _roll_back(self) -> None:
        outcome = await call(self.shell.house.roll_back_adapter)
        if isinstance(outcome, Problem):
            self.page.show(outcome)
        else:
            ui.navigate.reload()


def due_body(view: TrainingView) -> Markup:
    """Whether training is due and where it would happen."""
    attested = badge(SIMULATED, "warn") if "simulated" in view.workshop.lower() else Markup("")
    waiting = Markup("") if view.workshop_ready else tag("p", "The workshop is still being installed.", cls="limited")
    return tag("div", tag("h2", "Next training"), tag("p", view.due), tag("p", view.workshop, " ", attested), waiting)


def night_body(night: NightView, zone: tzinfo | None) -> Markup:
    """The last night, step by step."""
    steps = [
        tag(
            "li",
            tag("span", STEP_SIGNS.get(state, "·"), cls=f"step-sign step-{state}", aria_hidden="true"),
            tag(
                "div", tag("b", name.replace("_", " ").capitalize()), badge(state, f"step-{state}"), tag("p", sentence)
            ),
        )
        for name, state, sentence in night.steps
    ]
    return tag(
        "section",
        tag("h2", "The last night"),
        tag("p", f"Started {moment_words(night.started_ms, zone)}", cls="quiet"),
        tag("ol", *steps, cls="night"),
    )


def adapter_body(adapter: AdapterView, zone: tzinfo | None) -> Markup:
    """One adapter: state and reason, the gate's figures drawn, the training curve, the receipt."""
    attested = SIMULATED if adapter.attestation == "simulated" else f"attestation: {adapter.attestation}"
    head = tag(
        "div",
        tag("h2", f"Adapter of {moment_words(adapter.created_ms, zone)}"),
        badge(STATE_WORDS.get(adapter.state, adapter.state), f"adapter-{adapter.state}"),
        badge(attested, "warn" if adapter.attestation == "simulated" else ""),
        cls="adapter-head",
    )
    learnt = (
        f"Learnt from {adapter.own_words:,} of your own words, "
        f"{local_words(adapter.data_from)} to {local_words(adapter.data_to)}."
    )
    body = [head, tag("p", adapter.reason, cls="reason"), tag("p", learnt, cls="quiet")]
    figures = [gate_figure(adapter.gate), curve_figure(adapter)]
    body.append(tag("div", *[figure for figure in figures if figure], cls="figures"))
    body.append(receipt_body(adapter))
    return tag("article", *body, cls=f"card adapter adapter-is-{adapter.state}", data_adapter=adapter.id)


def gate_figure(gate: dict[str, float]) -> Markup:
    """The evaluation at home: how surprising the person's own later words are under each model."""
    if not gate:
        return Markup("")
    notes = []
    if {"gain_low", "gain_high"} <= gate.keys():
        notes.append(
            f"Gain over the base: {signed(gate['gain_low'])} to {signed(gate['gain_high'])} bits (90 % interval)."
        )
    if "general_change" in gate:
        notes.append(f"General text: {signed(100 * gate['general_change'])} % (at most +1 % is allowed).")
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("b", "Surprise in your own later words"),
            tag("span", "bits per character, lower is better"),
        ),
        bits_bars(gate),
        tag("p", " ".join(notes), cls="quiet small"),
    )


def signed(value: float) -> str:
    """A change with its sign, in two decimals."""
    return f"{value:+.2f}".replace("-", "−")


def curve_figure(adapter: AdapterView) -> Markup:
    """The loss of the training round."""
    drawing = loss_curve(adapter.curve)
    if not drawing:
        return Markup("")
    return tag("figure", tag("figcaption", tag("b", "Training loss"), tag("span", "by step")), drawing)


def receipt_body(adapter: AdapterView) -> Markup:
    """What the workshop signed after it deleted the job."""
    if not adapter.receipt:
        return tag("p", "No deletion receipt yet.", cls="quiet")
    verified = badge("signature verified", "good") if adapter.receipt_verified else badge("not verified", "warn")
    lines = tag("ul", *[tag("li", line) for line in adapter.receipt], cls="receipt")
    return tag("details", tag("summary", "Deletion receipt ", verified), lines, cls="evidence")
