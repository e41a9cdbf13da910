"""HTML that is safe by construction: text is escaped unless it was itself built here."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from markupsafe import Markup, escape

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.events import Layer, Origin
from hearthside.memory.hits import Hit
from hearthside.web.calls import Problem
from hearthside.web.names import source_words

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
MODE_WORDS = {
    AnswerMode.COMPUTED: ("Computed", "counted or looked up in your records"),
    AnswerMode.QUOTED: ("Quoted", "in the words of your own records"),
    AnswerMode.UNKNOWN: ("I don’t know", "nothing in your records supports an answer"),
    AnswerMode.CONVERSATION: ("Conversation", "nothing about you is claimed here"),
}
ORIGIN_WORDS = {
    Origin.SELF: "you",
    Origin.PERSON: "someone else",
    Origin.DEVICE: "measured",
    Origin.WEB: "from the web",
    Origin.AI: "written by AI",
    Origin.AI_ACCEPTED: "AI, accepted by you",
    Origin.AI_EDITED: "AI, edited by you",
}
LAYER_WORDS = {
    Layer.TEXT: "Text",
    Layer.VISUAL: "Visual",
    Layer.AUDITORY: "Auditory",
    Layer.BEHAVIOURAL: "Behavioural",
    Layer.ENVIRONMENTAL: "Environmental",
    Layer.RESIDENTIAL: "Residential",
}
WHY_WORDS = {
    "keyword": "same words", "meaning": "close in meaning", "keyword+meaning": "same words, close in meaning",
    "context": "said beside it",
}  # fmt: skip
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def tag(name: str, /, *children: str, **attributes: object) -> Markup:
    """An element. `cls` is class, underscores are hyphens; None and False attributes are left out, True has no value.

    Children and values are escaped, except children that are Markup already.
    """
    parts = [Markup("<"), Markup(name)]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        shown = "class" if key == "cls" else key.rstrip("_").replace("_", "-")
        parts.append(Markup(" ") + Markup(shown) if value is True else Markup(' {}="{}"').format(Markup(shown), value))
    parts.append(Markup(">"))
    if name not in VOID:
        parts += [escape(child) for child in children]
        parts.append(Markup("</{}>").format(Markup(name)))
    return join(parts)


def join(parts: list[Markup]) -> Markup:
    """Markup side by side."""
    return Markup("").join(parts)


def day_words(iso_day: str) -> str:
    """``2026-05-03`` as ``Sunday, 3 May 2026``; anything else as it is."""
    try:
        day = date.fromisoformat(iso_day)
    except ValueError:
        return iso_day
    return f"{day:%A}, {day.day} {day:%B %Y}"


def local_words(local: str) -> str:
    """A local ISO time as ``Sun 3 May 2026, 19:42``, a date without the clock; anything else as it is."""
    try:
        moment = datetime.fromisoformat(local)
    except ValueError:
        return local
    clock = "" if ISO_DAY.fullmatch(local) else f", {moment:%H:%M}"
    return f"{moment:%a} {moment.day} {moment:%b %Y}{clock}"


def moment_words(ms: int, zone: tzinfo | None) -> str:
    """UTC milliseconds as ``Sun 3 May 2026, 19:42`` in a zone; None is the zone of this machine."""
    moment = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    return f"{moment:%a} {moment.day} {moment:%b %Y}, {moment:%H:%M}"


def clock_words(ms: int, offset_min: int) -> str:
    """UTC milliseconds as ``19:42`` at a UTC offset in minutes."""
    return f"{datetime.fromtimestamp(ms / 1000, timezone(timedelta(minutes=offset_min))):%H:%M}"


def offset_words(offset_min: int) -> str:
    """A UTC offset in minutes as ``UTC+02:00``."""
    sign = "−" if offset_min < 0 else "+"
    return f"UTC{sign}{abs(offset_min) // 60:02d}:{abs(offset_min) % 60:02d}"


def minute_link(hit: Hit) -> str:
    """Address of the day page at the minute of a hit; without the minute where only the day is known."""
    if ISO_DAY.fullmatch(hit.local):
        return f"/day/{hit.local}"
    if ISO_DAY.match(hit.local):
        return f"/day/{hit.local[:10]}?at={hit.start_ms}"
    return f"/at/{hit.start_ms}"


def hit_item(hit: Hit, with_why: bool = False) -> Markup:
    """One piece of evidence or one search hit as a list item."""
    facts = [LAYER_WORDS[hit.layer], source_words(hit.source), ORIGIN_WORDS[hit.origin]]
    if with_why:
        facts.append("found by " + WHY_WORDS.get(hit.why, hit.why))
    return tag(
        "li",
        tag(
            "div",
            tag("a", local_words(hit.local), href=minute_link(hit), cls="hit-time"),
            tag("a", "record", href=f"/record/{hit.id}", cls="quiet-link", aria_label="Show the whole record"),
            cls="hit-head",
        ),
        tag("p", hit.text or "(no words)", cls="hit-text"),
        tag("p", hit.note, cls="hit-note") if hit.note else Markup(""),
        tag("p", " · ".join(facts), cls="hit-facts"),
        cls=f"hit layer-{hit.layer.value}",
    )


def hit_list(hits: list[Hit], with_why: bool = False) -> Markup:
    """Hits in their order."""
    return tag("ul", *[hit_item(hit, with_why) for hit in hits], cls="hits")


def evidence(hits: list[Hit], open_: bool = True) -> Markup:
    """Evidence that folds away; nothing where there is none."""
    if not hits:
        return Markup("")
    title = "1 piece of evidence" if len(hits) == 1 else f"{len(hits)} pieces of evidence"
    return tag("details", tag("summary", title), hit_list(hits), cls="evidence", open=open_)


def badge(text: str, kind: str = "", title: str = "") -> Markup:
    """A small label."""
    return tag("span", text, cls=f"badge {kind}".strip(), title=title or None)


def paragraphs(text: str) -> Markup:
    """Text with its line breaks; empty lines part paragraphs."""
    return join([tag("p", part.strip(), cls="words") for part in re.split(r"\n\s*\n", text.strip()) if part.strip()])


def answer_body(answer: Answer) -> Markup:
    """The words of an answer, how it came about, and what limits it."""
    name, meaning = MODE_WORDS[answer.mode]
    about = [badge(name, f"mode-{answer.mode.value}", meaning), tag("span", meaning, cls="mode-meaning")]
    rows = []
    if answer.later:
        rows.append(
            tag("p", tag("span", "Answered when the model was back, to: ", cls="quiet"), answer.asked, cls="query")
        )
    if answer.query:
        rows.append(tag("p", tag("span", "Asked of your records: ", cls="quiet"), answer.query, cls="query"))
    if answer.limited:
        rows.append(tag("p", answer.limited, cls="limited"))
    if answer.worded_by:
        rows.append(tag("p", f"Worded by {answer.worded_by}", cls="worded"))
    return tag("div", paragraphs(answer.text), tag("div", *about, cls="about"), *rows, cls="bubble")


def problem_card(problem: Problem) -> Markup:
    """An error as a card: one plain sentence and its stable code."""
    return tag(
        "div",
        tag("p", problem.message),
        tag("p", problem.code, cls="code"),
        cls="card problem",
        role="alert",
    )


def facts_table(rows: list[tuple[str, str]], caption: str) -> Markup:
    """Names and values; the caption is for screen readers."""
    body = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in rows]
    return tag("table", tag("caption", caption, cls="unseen"), tag("tbody", *body), cls="facts")


def table(head: list[str], rows: list[list[str]], caption: str) -> Markup:
    """A table; on a phone each cell names its column (see theme.css)."""
    header = tag("thead", tag("tr", *[tag("th", name, scope="col") for name in head]))
    body = [tag("tr", *[tag("td", cell, data_name=name) for name, cell in zip(head, row, strict=True)]) for row in rows]
    return tag("table", tag("caption", caption, cls="unseen"), header, tag("tbody", *body), cls="grid")
