"""Parts of the page of compute nodes: cards, the drawing of pace, what was found on the network, codes as typed."""

from __future__ import annotations

import math

from markupsafe import Markup

from hearthside.errors import Refused
from hearthside.web.markup import badge, facts_table, local_words, tag
from hearthside.web.nodes_views import FoundView, NodeRow, task_words

COMMAND = "hearthside compute"
LEAST_READABLE = 5.0
"""Tokens a second at which people read: 238 words a minute (Brysbaert 2019) at about 1.3 tokens a word."""

ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")  # Crockford's base32
GROUPS, GROUP = 3, 4
_LOOKS_LIKE = str.maketrans("OIL", "011")
_SLOWEST, _FASTEST = 0.5, 200.0  # tokens a second at the ends of the drawing
_PACES = (
    (2.0, "very slow: a sentence takes half a minute"),
    (LEAST_READABLE, "slower than you read"),
    (15.0, "about as fast as you read"),
    (50.0, "faster than you read"),
    (math.inf, "a page in a moment"),
)
_STATES = {"ready": ("stands by", ""), "starting": ("starting", "warn"), "down": ("away", "warn")}
_BAR_PX, _DRAWING_PX, _WORDS_PX = 12, 34, 31


def parameters_words(count: int) -> str:
    """The size of a model: ``1.5 billion parameters``; "" where it is not known."""
    if count <= 0:
        return ""
    unit, name = next(
        ((u, n) for u, n in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")) if count >= 0.9995 * u),
        (1, ""),
    )
    amount = count / unit
    shown = f"{amount:.0f}" if amount >= 100 or unit == 1 else f"{amount:.2g}" if amount < 10 else f"{amount:.3g}"
    return " ".join(part for part in (shown, name, "parameters") if part)


def pace_words(pace: float | None) -> str:
    """A pace in tokens a second, with a plain word for it."""
    if pace is None:
        return "not measured yet"
    shown = f"{pace:.1f}" if pace < 9.95 else f"{pace:.0f}"
    word = next(word for limit, word in _PACES if pace < limit)
    return f"{shown} tokens a second, {word}"


def pace_share(pace: float) -> float:
    """Where a pace lies in the drawing, percent of its width: a logarithmic scale from 0.5 to 200 tokens a second."""
    share = math.log(max(pace, _SLOWEST) / _SLOWEST) / math.log(_FASTEST / _SLOWEST)
    return round(100 * min(1.0, share), 2)


def pace_figure(pace: float | None, local: bool = False) -> Markup:
    """The pace in words, and as a bar with a mark where people read; that of the `local` node is of real answers."""
    if local and pace is None:
        return tag("div", tag("p", tag("b", "Pace "), "is known after an answer", cls="node-pace-words"))
    of = "Pace of its last answer " if local else "Pace "
    head = tag("p", tag("b", of), pace_words(pace), cls="node-pace-words")
    if pace is None:
        return tag("div", head, cls="node-pace")
    mark = f"{pace_share(LEAST_READABLE)}%"
    drawing = tag(
        "svg",
        tag("rect", x=0, y=0, width="100%", height=_BAR_PX, rx=6, cls="pace-ground"),
        tag("rect", x=0, y=0, width=f"{max(2.0, pace_share(pace))}%", height=_BAR_PX, rx=6, cls=_pace_class(pace)),
        tag("line", x1=mark, x2=mark, y1=-3, y2=_BAR_PX + 4, cls="pace-mark"),
        tag("text", "reading", x=mark, y=_WORDS_PX, text_anchor="middle", cls="axis-words"),
        tag("text", "slow", x=0, y=_WORDS_PX, cls="axis-words"),
        tag("text", "fast", x="100%", y=_WORDS_PX, text_anchor="end", cls="axis-words"),
        width="100%", height=_DRAWING_PX, cls="pace-drawing", role="img", aria_label=f"Pace: {pace_words(pace)}",
    )  # fmt: skip
    return tag("div", head, drawing, cls="node-pace")


def _pace_class(pace: float) -> str:
    return "pace-bar" if pace >= LEAST_READABLE else "pace-bar pace-slow"


def state_badge(row: NodeRow) -> Markup:
    """How it is, in a word or two."""
    if row.chosen and row.phase == "ready":
        return badge("answers now", "good")
    words, kind = _STATES.get(row.phase, (row.phase, ""))
    return badge(words, kind)


def title(row: NodeRow) -> str:
    """What a node is called on its card."""
    return row.name if row.id else "This machine"


def node_body(row: NodeRow) -> Markup:
    """One node."""
    model = [tag("b", row.model)] if row.model else []
    size = parameters_words(row.parameters)
    if size:
        model.append(tag("span", size, cls="quiet"))
    facts = [
        ("since", local_words(row.since_local)),
        ("address", row.address),
        ("paired", local_words(row.paired_local)),
    ]
    return tag(
        "div",
        tag("div", tag("h2", title(row)), state_badge(row), cls="node-head"),
        tag("p", row.sentence),
        tag("p", *model, cls="node-model") if model else "",
        pace_figure(row.pace, local=not row.id) if row.phase == "ready" else "",
        task_list(row),
        facts_table([(name, value) for name, value in facts if value], f"Facts of {title(row)}"),
        tag("p", row.power, cls="node-power") if row.power else "",
    )


def task_list(row: NodeRow) -> Markup:
    """What it can do beside language."""
    words = [tag("li", one) for one in task_words(row.tasks)]
    return tag("ul", *words, cls="node-tasks", aria_label=f"What {title(row)} can do besides") if words else Markup()


def plug_words(entity: str, switches: dict[str, str]) -> str:
    """A switch by its name, with its entity where that tells more."""
    name = switches.get(entity, "")
    return f"{name} ({entity})" if name and name != entity else entity


def empty_body() -> Markup:
    """What a second machine brings, and the one command to type there."""
    return tag(
        "section",
        tag("h2", "Let a second machine do the thinking"),
        tag(
            "p",
            "A machine with a graphics chip can answer with a larger model, and faster, while this one keeps everything"
            " that is yours. The other one has nothing of yours on its disk, so it may freeze, be switched off, stolen"
            " or replaced, and nothing is lost. Install Hearthside there and type one command:",
            cls="lead",
        ),
        tag("p", tag("code", COMMAND, cls="node-command")),
    )


def found_body(found: list[FoundView]) -> Markup:
    """Nodes that announce themselves; choosing one fills its address in (nodes.js)."""
    if not found:
        return tag(
            "p",
            "No other node was found. Both machines must be in the same network, and some routers keep devices apart"
            " (a guest network does). The address that the other machine shows can be typed below instead.",
            role="status",
        )
    words = "1 node was found." if len(found) == 1 else f"{len(found)} nodes were found."
    return tag("div", tag("p", words, role="status"), tag("ul", *map(_found_row, found), cls="node-found"))


def _found_row(one: FoundView) -> Markup:
    address = found_address(one)
    facts = tag("span", tag("b", address), tag("span", f"node {one.id[:8]}", cls="quiet"), cls="node-found-words")
    if one.pairing:
        choose = tag(
            "button", "Choose", type="button", cls="button", data_node_address=address, aria_label=f"Choose {address}"
        )
        return tag("li", facts, choose)
    return tag("li", facts, tag("span", "shows no code now: start ", tag("code", COMMAND), " there again", cls="quiet"))


def found_address(one: FoundView) -> str:
    """``host:port``, with the brackets of an IPv6 address."""
    host = f"[{one.host}]" if ":" in one.host else one.host
    return f"{host}:{one.port}"


def code_fields() -> Markup:
    """Three fields of four characters; nodes.js goes on to the next, and spreads a code that is pasted whole."""
    fields = [
        tag(
            "input", type="text", name=f"code{number}", cls="field code-part", maxlength=GROUP, required=True,
            autocomplete="off", autocapitalize="characters", spellcheck="false", data_code_part=True,
            aria_label=f"Code, group {number} of {GROUPS}",
        )
        for number in range(1, GROUPS + 1)
    ]  # fmt: skip
    return tag("span", *fields, cls="code-parts")


def read_code(parts: list[str]) -> str:
    """The code of three typed groups, as ``ABCD-EFGH-JKMN``; O is read as 0, I and L as 1.

    Raises:
        Refused: it cannot be a code; nothing was sent.
    """
    typed = "".join(parts).upper()
    code = "".join(char for char in typed if not char.isspace() and char not in "-–—").translate(_LOOKS_LIKE)
    if len(code) != GROUPS * GROUP:
        raise Refused(
            "pairing-code-short",
            f"The code has {GROUPS * GROUP} characters in three groups; {len(code)} were typed. Nothing was sent.",
        )
    if strange := sorted(set(code) - ALPHABET):
        raise Refused(
            "pairing-code-strange",
            f"No code holds “{strange[0]}”. Nothing was sent; look at the other machine again.",
        )
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def removal_words(row: NodeRow, answers: bool) -> str:
    """What happens when a node is removed.

    Args:
        answers: it can be told at once.
    """
    told = (
        "It is told at once, ends what it is doing and forgets everything."
        if answers
        else "It is away and cannot be told now; it gets nothing any more, and has nothing of you on its disk."
    )
    return f"Remove {row.name}? {told} To use it again, it must be paired again."
