"""Offers: at each decision point the rules find candidates, the gate decides, and at most one thing is said."""

from __future__ import annotations

from collections.abc import Callable

from hearthside.alignment.stream import LifeStream
from hearthside.companion.answers import Offer, Reaction
from hearthside.companion.interventions import Candidate, LifeContext, load_rule, rule_names
from hearthside.companion.receptivity import Moment, Verdict, gate_state, judge
from hearthside.errors import Refused
from hearthside.events import MINUTE_MS, Event, Json, Layer, Origin, Trust, local_datetime
from hearthside.journal import Journal
from hearthside.memory.search import hits_of

_TALKING_MS = 5 * MINUTE_MS


class OfferDesk:
    """Finds, shows and learns from offers; all of it is in the journal, none of it costs a token."""

    def __init__(self, journal: Journal, stream: LifeStream, clock: Callable[[], int]) -> None:
        self._journal, self._stream, self._clock = journal, stream, clock
        self._judged: tuple[int, int] | None = None  # journal position and five minutes of the last decision point

    def current(self) -> Offer | None:
        """The offer that waits for the person's word, or a new one when this is a moment to speak."""
        now = self._clock()
        state = gate_state(self._journal, now)
        if state.open_offer is not None:
            return self._offer(state.open_offer)
        point = (self._journal.head().seq, now // (5 * MINUTE_MS))
        if point == self._judged:
            return None
        self._judged = point
        for rule, candidate, verdict in self.decide(now):
            if verdict.speak:
                return self._make(rule, candidate, now)
        return None

    def decide(self, now: int) -> list[tuple[str, Candidate, Verdict]]:
        """Every candidate of this decision point with the gate's verdict, most valuable first."""
        offset = self._stream.offset_on(local_datetime(now, 0).date().isoformat())
        context = LifeContext(self._stream, now, offset)
        found = [(name, load_rule(name).find(context)) for name in rule_names()]
        candidates = sorted(((n, c) for n, c in found if c is not None), key=lambda pair: (-pair[1].value, pair[0]))
        state, moment = gate_state(self._journal, now), self._moment(now, offset)
        return [(name, c, judge(state, moment, name, c.value)) for name, c in candidates]

    def react(self, offer_id: str, reaction: Reaction) -> None:
        """Record what the person said to an offer; the gate learns from it at once.

        Raises:
            Refused: there is no such offer.
        """
        stored = self._journal.get([_raw(offer_id)]).get(_raw(offer_id))
        if stored is None or stored.record.kind != "offer":
            raise Refused("offer-unknown", "This offer is no longer there; nothing was changed.")
        payload: dict[str, Json] = {"offer": offer_id, "reaction": reaction.value}
        self._journal.append(
            [
                Event(
                    "companion", "reaction", Layer.BEHAVIOURAL, self._clock(), Origin.SELF, Trust.OWN, payload,
                    clock="station",
                )
            ]
        )  # fmt: skip

    def _moment(self, now: int, offset: int) -> Moment:
        asleep = bool(self._stream.occurrences(kinds=["sleep"], start_ms=now, end_ms=now + 1))
        talking = self._stream.occurrences(kinds=["utterance"], start_ms=now - _TALKING_MS, end_ms=now + 1)
        return Moment(now, local_datetime(now, offset).hour, asleep, bool(talking))

    def _make(self, rule: str, candidate: Candidate, now: int) -> Offer:
        payload: dict[str, Json] = {
            "rule": rule,
            "reason": candidate.reason,
            "value": candidate.value,
            "evidence": [o.id.hex() for o in candidate.evidence],
        }
        event = Event(
            "companion", "offer", Layer.TEXT, now, Origin.AI, Trust.UNKNOWN, payload, clock="station",
            text=candidate.text,
        )  # fmt: skip
        self._journal.append([event])
        return self._offer(event.id)

    def _offer(self, identity: bytes) -> Offer:
        event = self._journal.get([identity])[identity].record
        assert isinstance(event, Event)
        ranked = [(bytes.fromhex(i), 1.0, "evidence") for i in event.payload["evidence"]]
        return Offer(
            identity.hex(), event.payload["rule"], event.start_ms, event.text, event.payload["reason"],
            hits_of(self._journal, self._stream, ranked),
        )  # fmt: skip


def _raw(offer_id: str) -> bytes:
    try:
        return bytes.fromhex(offer_id)
    except ValueError:
        return b""
