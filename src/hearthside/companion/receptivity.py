"""The receptivity gate: whether this is a moment to speak, learnt from the person's reactions; no model is asked.

After the just-in-time adaptive intervention (Nahum-Shani et al., Annals of Behavioral Medicine 2018): decision point,
tailoring variables, decision rule, intervention option; receptivity decides whether the option may be shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.companion.answers import Reaction
from hearthside.events import DAY_MS, HOUR_MS, Event
from hearthside.journal import Journal

OFFERS_A_DAY = 2
QUIET_FROM_HOUR, QUIET_TO_HOUR = 22, 7  # local hours in which nothing is offered
REST_MS = 3 * HOUR_MS  # between any two offers
SAME_RULE_REST_MS = 20 * HOUR_MS
BASE_THRESHOLD = 0.5
_NOT_NOW_STEP, _USEFUL_STEP = 0.1, -0.05
_HIGHEST, _LOWEST = 0.95, 0.3
_UNANSWERED_MS = 12 * HOUR_MS  # an offer without a reaction is gone after this


@dataclass(frozen=True, slots=True)
class Moment:
    """The tailoring variables of a decision point.

    Attributes:
        now_ms: the present.
        local_hour: hour of the day on the person's clock.
        asleep: a sleep interval covers the present, as far as is known.
        in_conversation: the person is talking with somebody right now.
    """

    now_ms: int
    local_hour: int
    asleep: bool
    in_conversation: bool


@dataclass(frozen=True, slots=True)
class GateState:
    """What reactions have taught, read from the journal.

    Attributes:
        never: rules that may not speak again.
        threshold: value a candidate of a rule must reach, by rule.
        last_offer_ms: by rule.
        offers: times of all offers.
        open_offer: id of an offer that still waits for a reaction, or None.
    """

    never: frozenset[str]
    threshold: dict[str, float]
    last_offer_ms: dict[str, int]
    offers: list[int]
    open_offer: bytes | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to speak, and why or why not, in one sentence."""

    speak: bool
    reason: str


def gate_state(journal: Journal, now_ms: int) -> GateState:
    """The gate as the journal's offers and reactions have made it."""
    offers: dict[str, tuple[int, str, bytes]] = {}
    reactions: dict[str, Reaction] = {}
    for item in sorted(journal.read(kinds=["offer", "reaction"]), key=lambda stored: stored.seq):
        event = item.record
        if not isinstance(event, Event):
            continue
        if event.kind == "offer":
            offers[item.id.hex()] = (event.start_ms, str(event.payload["rule"]), item.id)
        else:
            reactions[str(event.payload["offer"])] = Reaction(event.payload["reaction"])
    threshold: dict[str, float] = {}
    last: dict[str, int] = {}
    never = set()
    open_offer = None
    for identity, (at_ms, rule, raw) in offers.items():
        last[rule] = max(last.get(rule, 0), at_ms)
        reaction = reactions.get(identity)
        step = {Reaction.NOT_NOW: _NOT_NOW_STEP, Reaction.USEFUL: _USEFUL_STEP}.get(reaction) if reaction else None
        if step is not None:
            threshold[rule] = min(_HIGHEST, max(_LOWEST, threshold.get(rule, BASE_THRESHOLD) + step))
        if reaction is Reaction.NEVER:
            never.add(rule)
        if reaction is None and now_ms - at_ms < _UNANSWERED_MS:
            open_offer = raw
    return GateState(frozenset(never), threshold, last, [at for at, _, _ in offers.values()], open_offer)


def judge(state: GateState, moment: Moment, rule: str, value: float) -> Verdict:
    """Whether a candidate may be offered now.

    Args:
        value: what the candidate is worth to the person now, 0 to 1, by its rule.
    """
    quiet = moment.local_hour >= QUIET_FROM_HOUR or moment.local_hour < QUIET_TO_HOUR
    today = [at for at in state.offers if moment.now_ms - at < DAY_MS]
    threshold = state.threshold.get(rule, BASE_THRESHOLD)
    checks = (
        (rule in state.never, "you asked never to hear this again"),
        (state.open_offer is not None, "an earlier offer still waits for your word"),
        (moment.asleep, "you are asleep"),
        (quiet, "these are the quiet hours"),
        (moment.in_conversation, "you are talking with somebody"),
        (len(today) >= OFFERS_A_DAY, f"there were {OFFERS_A_DAY} offers within a day already"),
        (bool(today) and moment.now_ms - max(today) < REST_MS, "the last offer was less than three hours ago"),
        (
            moment.now_ms - state.last_offer_ms.get(rule, -DAY_MS * 999) < SAME_RULE_REST_MS,
            "this was offered less than a day ago",
        ),
        (value < threshold, f"it is worth {value:.2f} and your reactions ask for {threshold:.2f}"),
    )
    for refused, reason in checks:
        if refused:
            return Verdict(False, f"Not now: {reason}.")
    return Verdict(True, "Nothing speaks against it.")
