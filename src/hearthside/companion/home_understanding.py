"""Understanding the home from the life: one action is proposed from the life stream and done only after a tap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import HomeProposal
from hearthside.companion.interventions import LifeContext, load_rule
from hearthside.errors import HearthsideError, NeedsPerson, Refused
from hearthside.events import HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Trust, local_datetime
from hearthside.home import ActionResult, EntityState, HomeAction, HomeAssistant
from hearthside.journal import Journal
from hearthside.memory.search import hits_of

_GONE_MS = 2 * HOUR_MS  # a proposal is about now; later it is gone
_HOME, _GONE = "home", (" not home", " not_home", " away")
_EVENING_HOUR = 20
_DIM_PCT = 30
_BRIGHT = 150  # of 255: a light above this is worth dimming


@dataclass(frozen=True, slots=True)
class ProposedAction:
    """An action that the present life suggests, with its reason and what it rests on."""

    action: HomeAction
    text: str
    reason: str
    evidence: list[Occurrence]


def propose(context: LifeContext, states: list[EntityState]) -> ProposedAction | None:
    """At most one action: off with a light while the person sleeps or is away, or dimmer after a short night."""
    lights = sorted((s for s in states if s.domain == "light" and s.state == "on"), key=lambda s: s.entity_id)
    if not lights:
        return None
    absent = _asleep(context) or _away(context)
    if absent is not None:
        reason, evidence = absent
        light = lights[0]
        text = f"{light.friendly_name} is on. Turn it off?"
        return ProposedAction(HomeAction(light.entity_id, "turn_off"), text, reason, evidence)
    return _dim_after_short_night(context, lights)


def _asleep(context: LifeContext) -> tuple[str, list[Occurrence]] | None:
    found = context.stream.occurrences(kinds=["sleep"], start_ms=context.now_ms, end_ms=context.now_ms + 1)
    return ("You are asleep.", found[:1]) if found else None


def _away(context: LifeContext) -> tuple[str, list[Occurrence]] | None:
    """The last word on whether the person is at home: the phone's, or the home's own where the phone says nothing.

    Leaving any region but home tells nothing; entering another one tells that home was left.
    """
    crossed = context.recent(24, "region_enter", "region_leave")
    telling = [o for o in crossed if o.kind == "region_enter" or o.text.casefold() == _HOME]
    if telling:
        last = telling[-1]
        gone = last.kind == "region_leave" or last.text.casefold() != _HOME
    else:
        said = [o for o in context.recent(24, "state") if o.text.casefold().endswith((*_GONE, f" {_HOME}"))]
        if not said:
            return None
        last = said[-1]
        gone = last.text.casefold().endswith(_GONE)
    return ("You are not at home.", [last]) if gone else None


def _dim_after_short_night(context: LifeContext, lights: list[EntityState]) -> ProposedAction | None:
    hour = local_datetime(context.now_ms, context.offset_min).hour
    if hour < _EVENING_HOUR:
        return None
    short = load_rule("short_night").find(context)
    bright = [
        s for s in lights if isinstance(s.attributes.get("brightness"), int) and s.attributes["brightness"] > _BRIGHT
    ]
    if short is None or not bright:
        return None
    light = bright[0]
    return ProposedAction(
        HomeAction(light.entity_id, "turn_on", {"brightness_pct": _DIM_PCT}),
        f"Dim {light.friendly_name} to {_DIM_PCT} %?",
        "Last night was short, and it is evening.",
        short.evidence[:1],
    )


class HomeDesk:
    """Proposals and what became of them, all in the journal.

    Args:
        home: gives the Home Assistant client, or None while none is set up.
        states: gives the states that were last heard, without asking again; None asks Home Assistant each time.
    """

    def __init__(
        self,
        journal: Journal,
        stream: LifeStream,
        home: Callable[[], HomeAssistant | None],
        clock: Callable[[], int],
        states: Callable[[], list[EntityState]] | None = None,
    ) -> None:
        self._journal, self._stream, self._home, self._clock = journal, stream, home, clock
        self._states = states
        self._results: dict[str, ActionResult] = {}

    def proposals(self) -> list[HomeProposal]:
        """The proposal of now, if there is one, and those acted on lately, newest first."""
        now = self._clock()
        shown = [p for p in self._all() if now - p.at_ms < _GONE_MS]
        if not any(p.state == "proposed" for p in shown):
            made = self._look(now, {p.entity for p in shown})
            if made is not None:
                shown.insert(0, made)
        return shown

    def confirm(self, proposal_id: str) -> HomeProposal:
        """Do the action: this is the person's tap.

        Raises:
            Refused: locks, garage and the like, always; or the proposal is gone.
            NeedsPerson: no Home Assistant is set up.
            RetryLater: Home Assistant cannot be reached; nothing was done.
        """
        payload = self._event(proposal_id).payload
        waiting = self._one(proposal_id)
        if waiting.state == "done":
            return waiting  # a second tap does nothing a second time
        if waiting.state != "proposed" or self._clock() - waiting.at_ms >= _GONE_MS:
            raise Refused("proposal-gone", "This proposal is no longer open; nothing was done.")
        action = HomeAction(payload["entity"], payload["service"], payload["data"])
        home = self._home()
        if home is None:
            raise NeedsPerson("home-missing", "No Home Assistant is set up, so nothing was done.")
        try:
            self._results[proposal_id] = home.act(action, confirmed=True)
        except Refused:
            self._record(proposal_id, "refused")
            raise
        self._record(proposal_id, "done", context=self._results[proposal_id].context_id)
        return self._one(proposal_id)

    def dismiss(self, proposal_id: str) -> None:
        """The person does not want it."""
        self._event(proposal_id)
        if self._one(proposal_id).state == "proposed":
            self._record(proposal_id, "dismissed")

    def undo(self, proposal_id: str) -> HomeProposal:
        """Bring back what was before. Raises as `confirm` does."""
        self._event(proposal_id)
        home, result = self._home(), self._results.get(proposal_id)
        if self._one(proposal_id).state != "done" or home is None or result is None or result.undo is None:
            raise Refused("home-undo-unknown", "The earlier state is no longer known, so it cannot be brought back.")
        home.undo(result, confirmed=True)
        self._record(proposal_id, "undone")
        return self._one(proposal_id)

    def _look(self, now: int, handled: set[str]) -> HomeProposal | None:
        home = self._home()
        if home is None:
            return None
        try:
            states = self._states() if self._states is not None else home.states()
        except HearthsideError:
            return None  # the health page says that Home Assistant is away; a proposal can wait
        offset = self._stream.offset_on(local_datetime(now, 0).date().isoformat())
        found = propose(LifeContext(self._stream, now, offset), [s for s in states if s.entity_id not in handled])
        if found is None:
            return None
        payload: dict[str, Json] = {
            "entity": found.action.entity_id,
            "service": found.action.service,
            "data": dict(found.action.data),
            "reason": found.reason,
            "evidence": [o.id.hex() for o in found.evidence],
        }
        event = Event(
            "companion", "proposal", Layer.RESIDENTIAL, now // MINUTE_MS * MINUTE_MS, Origin.AI, Trust.UNKNOWN, payload,
            clock="station", text=found.text,
        )  # fmt: skip
        self._journal.append([event])
        return self._one(event.id.hex())

    def _all(self) -> list[HomeProposal]:
        outcomes: dict[str, str] = {}
        events: list[tuple[str, Event]] = []
        for item in sorted(self._journal.read(kinds=["proposal", "home_action"]), key=lambda stored: stored.seq):
            if not isinstance(item.record, Event):
                continue
            if item.record.kind == "proposal":
                events.append((item.id.hex(), item.record))
            else:
                outcomes[str(item.record.payload["proposal"])] = str(item.record.payload["state"])
        return [self._view(name, event, outcomes.get(name, "proposed")) for name, event in reversed(events)]

    def _one(self, proposal_id: str) -> HomeProposal:
        return next(p for p in self._all() if p.id == proposal_id)

    def _view(self, proposal_id: str, event: Event, state: str) -> HomeProposal:
        result = self._results.get(proposal_id)
        ranked = [(bytes.fromhex(i), 1.0, "evidence") for i in event.payload["evidence"]]
        return HomeProposal(
            proposal_id, event.start_ms, event.text, event.payload["reason"], event.payload["entity"], state,
            state == "done" and result is not None and result.undo is not None,
            hits_of(self._journal, self._stream, ranked),
        )  # fmt: skip

    def _event(self, proposal_id: str) -> Event:
        try:
            raw = bytes.fromhex(proposal_id)
        except ValueError:
            raw = b""
        stored = self._journal.get([raw]).get(raw)
        if stored is None or not isinstance(stored.record, Event) or stored.record.kind != "proposal":
            raise Refused("proposal-unknown", "This proposal is no longer there; nothing was done.")
        return stored.record

    def _record(self, proposal_id: str, state: str, context: str = "") -> None:
        payload: dict[str, Json] = {"proposal": proposal_id, "state": state, "context": context}
        self._journal.append(
            [
                Event(
                    "companion", "home_action", Layer.RESIDENTIAL, self._clock(), Origin.SELF, Trust.OWN, payload,
                    clock="station",
                )
            ]
        )  # fmt: skip
