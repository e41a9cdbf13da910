"""The card about clocks: how well each is known, which events are kept out for a wrong one, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from functools import partial
from typing import TypeAlias

from markupsafe import Markup
from nicegui import events, ui

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS
from hearthside.web.calls import Problem, call
from hearthside.web.clock_views import ClockHouse, ClockRow, ClocksView, HeldGroup
from hearthside.web.controls import button, html, native, text
from hearthside.web.layout import Frame
from hearthside.web.markup import badge, join, moment_words, table, tag

ABOUT = (
    "Every device has a clock of its own, and none is quite right. Where a clock is off, its times are corrected; where"
    " it cannot be believed, what it recorded is kept but left out of your life until you say what to do."
)
NO_CLOCKS = "No device has sent anything yet. What was imported is taken at its word."
IMPORTS = "Imports that are not listed are taken at their word."
NOT_A_SHIFT = Problem("shift-unclear", "Write how far to move these times, such as 2 d 3 h, 45 min or −1 h 30 min.")
UNITS = {"d": DAY_MS, "h": HOUR_MS, "min": MINUTE_MS, "s": 1000}
Decide: TypeAlias = Callable[..., Awaitable[None]]
_PART = re.compile(r"(\d+(?:\.\d{1,3})?) ?(d|h|min|s)", re.ASCII)
_SHIFT = re.compile(r"([+−-]?) ?((?:\d+(?:\.\d{1,3})? ?(?:d|h|min|s) ?)+)", re.ASCII)


def clock_card(house: ClockHouse, page: Frame, view: ClocksView, zone: tzinfo | None) -> None:
    """The card; a decision reloads the page, so that it shows what has come of it."""

    async def decide(clock: str, first_ms: int, last_ms: int, action: str, shift_ms: int | None = None) -> None:
        outcome = await call(house.decide_clock, clock, first_ms, last_ms, action, shift_ms)
        if isinstance(outcome, Problem):
            page.show(outcome)
        else:
            ui.navigate.reload()

    with native("section", "card clocks-card", aria_label="Clocks"):
        text("Clocks", "h2")
        html(clocks_body(view.clocks, zone))
        waiting = [group for group in view.held if not group.own_word]
        kept_out = [group for group in view.held if group.own_word]
        if waiting:
            html(waiting_words(waiting))
        with native("div", "safety"):
            for group in [*waiting, *kept_out]:
                _held_part(group, page, zone, decide)
            for one in view.decided:
                with native("section", "all-across", aria_label=one.title):
                    text("You decided", "h3")
                    text(one.sentence)
                    with native("div", "buttons"):
                        undo = partial(decide, one.clock, one.first_ms, one.last_ms, "hold")
                        button("Keep it out", undo, label=f"Keep it out: {one.sentence}")


def _held_part(group: HeldGroup, page: Frame, zone: tzinfo | None, decide: Decide) -> None:
    """One group of held events with the three things that can be done."""
    with native("section", "all-across", aria_label=f"Kept out: {group.title}"):
        html(held_body(group, zone))

        async def shift(event: events.GenericEventArguments) -> None:
            amount = wished_shift(str(event.args.get("shift", "")), group.suggested_ms)
            if amount is None:
                page.show(NOT_A_SHIFT)
            else:
                await decide(group.clock, group.first_ms, group.last_ms, "shift", amount)

        with native("div", "buttons"):
            form = native("form", "path-form", aria_label=f"Move what {group.title} recorded")
            form.on("submit", shift, js_handler="(e) => window.hearthside.sendFields(e, emit)")
            with form:
                html(shift_field(group), "span")
                text("Move them", "button", "button button-primary").props["type"] = "submit"
            believe = partial(decide, group.clock, group.first_ms, group.last_ms, "accept")
            button("They are right", believe, label=f"Believe what {group.title} recorded then")
            if not group.own_word:
                hold = partial(decide, group.clock, group.first_ms, group.last_ms, "hold")
                button("Keep them out", hold, "button-quiet", f"Keep out what {group.title} recorded then")


def clocks_body(clocks: list[ClockRow], zone: tzinfo | None) -> Markup:
    """How well each clock is known."""
    if not clocks:
        return tag("p", NO_CLOCKS, cls="quiet")
    rows = [
        [
            tag("b", one.title),
            tag("span", one.sentence, cls="has-rejected" if one.trouble else None),
            one.compared or "—",
            moment_words(one.last_ms, zone) if one.last_ms is not None else "—",
        ]
        for one in clocks
    ]
    shown = table(["Clock", "How right it is", "Compared", "Last heard"], rows, "Clocks")
    return join([tag("p", ABOUT, cls="quiet"), shown, tag("p", IMPORTS, cls="quiet small")])


def waiting_words(waiting: list[HeldGroup]) -> Markup:
    """How much waits for the person's word."""
    count = sum(group.count for group in waiting)
    what = "1 event waits" if count == 1 else f"{count:,} events wait"
    return tag("p", tag("b", f"{what} for your word. "), "Nothing of it is lost.", cls="hint", role="note")


def held_body(group: HeldGroup, zone: tzinfo | None) -> Markup:
    """What is kept out, why, and three of the events."""
    count = "1 event" if group.count == 1 else f"{group.count:,} events"
    sign = badge("kept out by you", "quiet-badge") if group.own_word else badge("kept out", "warn")
    head = tag("p", tag("b", f"{count} of {group.title}"), sign, cls="safety-line")
    first, last = moment_words(group.from_ms, zone), moment_words(group.to_ms, zone)
    when = first if first == last else f"{first} – {last}"
    samples = [
        tag("li", tag("span", moment_words(ms, zone), cls="quiet"), " ", words or "(no words)")
        for ms, words in group.samples
    ]
    parts = [head, tag("p", group.reason), tag("p", f"By its own clock: {when}.", cls="quiet small")]
    if samples:
        parts.append(tag("ul", *samples, cls="small"))
    if group.suggested_ms is not None:
        first, last = (moment_words(ms + group.suggested_ms, zone) for ms in (group.from_ms, group.to_ms))
        right = f"on {first}" if first == last else f"from {first} to {last}"
        parts.append(tag("p", f"Set right by its comparisons with this station, this was {right}.", cls="small"))
    return join(parts)


def shift_field(group: HeldGroup) -> Markup:
    """Where the person writes how far to move; what the exchanges say stands in it already."""
    return tag(
        "input", type="text", name="shift", cls="field", autocomplete="off", spellcheck="false",
        value=suggestion(group.suggested_ms) if group.suggested_ms is not None else None,
        placeholder="such as 2 d 3 h", aria_label=f"How far to move what {group.title} recorded",
    )  # fmt: skip


def suggestion(ms: int) -> str:
    """A suggested shift by its three largest units; as long as nobody changes it, all of it is meant."""
    sign, parts = ("−", shift_text(-ms)) if ms < 0 else ("", shift_text(ms))
    return sign + " ".join(parts.split(" ")[:6])


def wished_shift(words: str, suggested_ms: int | None) -> int | None:
    """What the person wants times to be moved by; None when that is not clear."""
    if suggested_ms is not None and words.strip() == suggestion(suggested_ms):
        return suggested_ms
    return parse_shift(words)


def shift_text(ms: int) -> str:
    """A shift as a person may write it, to the millisecond: ``20576 d 10 h 2.5 s``, ``−45 min``."""
    left = abs(ms)
    parts = []
    for unit, size in UNITS.items():
        whole, left = divmod(left, size) if unit != "s" else (left, 0)
        if whole:
            parts.append(f"{whole} {unit}" if unit != "s" else f"{whole / 1000:.3f}".rstrip("0").rstrip(".") + " s")
    return ("−" if ms < 0 else "") + (" ".join(parts) or "0 s")


def parse_shift(words: str) -> int | None:
    """The milliseconds that a person wrote, forward or with a minus back; None when they are none."""
    found = _SHIFT.fullmatch(words.strip().lower())
    if found is None or len(words) > 60:
        return None
    total = sum(float(number) * UNITS[unit] for number, unit in _PART.findall(found[2]))
    return round(-total if found[1] in ("−", "-") else total)
