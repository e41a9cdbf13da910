"""API tokens of one vault: made, listed and revoked as decisions of the person, and what capture needs of the house."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hearthside.app.clocks import clock_claims
from hearthside.app.rooms import Rooms
from hearthside.errors import HearthsideError, Refused
from hearthside.events import Event, Json, Record, Rejected
from hearthside.identity.tokens import Lockout, Token, TokenBook, new_token
from hearthside.intake.pauses import paused_sources
from hearthside.intake.quarantine import Quarantine
from hearthside.journal.decisions import decide, decided

TOKENS = "tokens"
_FRESH_MS = 500  # a revoked token opens nothing after this, also where another process revoked it
_FROM = Path("api/events")  # named in quarantine where a file would be


@dataclass(frozen=True, slots=True)
class _Seen:
    """Decisions as they stood when the journal had `seq` records; `at_ms` is when that was last checked."""

    at_ms: int
    seq: int
    book: TokenBook
    paused: frozenset[str]


class Access:
    """The tokens of one vault, and the door through which live sources bring records in.

    Args:
        monotonic_ms: a clock that never goes back, for the lock-out.
    """

    def __init__(self, rooms: Rooms, monotonic_ms: Callable[[], int]) -> None:
        self._rooms = rooms
        self._monotonic_ms = monotonic_ms
        self._lockout = Lockout(monotonic_ms)
        self._quarantine = Quarantine(rooms.journal)
        self._seen: _Seen | None = None

    def clock_claims(self) -> list[Event]:
        """Which token stamps which device's clocks."""
        return clock_claims(self._rooms.journal)

    # -- tokens ------------------------------------------------------------------------------------------------------

    def make(self, name: str, scopes: Sequence[str]) -> str:
        """A new token: its text, shown once."""
        text, token = new_token(name, scopes, self._rooms.clock(), secrets.token_bytes)
        self._write([*self._bodies(), token.body()])
        return text

    def revoke(self, token_id: str) -> None:
        """From now on this token opens nothing. Raises Refused when there is none of this id."""
        bodies = self._bodies()
        for body in bodies:
            if body["id"] == token_id and body["revoked_ms"] is None:
                body["revoked_ms"] = self._rooms.clock()
                self._write(bodies)
                return
        raise Refused("token-id-unknown", f"There is no token {token_id} in force; nothing was changed.")

    def all_tokens(self) -> list[Token]:
        """All tokens there ever were."""
        return [Token.from_body(body) for body in self._bodies()]

    def _bodies(self) -> list[dict[str, Json]]:
        return [dict(body) for body in decided(self._rooms.journal).get(TOKENS) or []]

    def _write(self, bodies: list[dict[str, Json]]) -> None:
        decide(self._rooms.journal, TOKENS, bodies, self._rooms.clock())
        self._seen = None

    # -- what capture asks -------------------------------------------------------------------------------------------

    def tokens(self) -> TokenBook:
        """The tokens in force now."""
        return self._now().book

    def paused(self) -> Collection[str]:
        """Sources from which nothing may be taken now."""
        return self._now().paused

    def now_ms(self) -> int:
        """The present of the life, UTC milliseconds."""
        return self._rooms.clock()

    def submit(self, records: Sequence[Record], done: Callable[[list[bool] | Exception], None]) -> None:
        """Hand records to the journal, unless the disk is nearly full."""
        self._rooms.disk.check_capture()
        self._rooms.journal.submit(records, done)

    def quarantine(self, rejected: Sequence[Rejected]) -> list[Event]:
        """The events to journal for what was rejected."""
        now = self._rooms.clock()
        events = [self._quarantine.event(item, _FROM, now) for item in rejected]
        return [event for event in events if event is not None]

    def release(self, events: Sequence[Event]) -> None:
        """Take back what could not be journalled."""
        self._quarantine.forget(events)

    def _now(self) -> _Seen:
        """Decisions as they were at most half a second ago: looking for each request would cost more than the rest."""
        now = self._monotonic_ms()
        if self._seen is None or now - self._seen.at_ms > _FRESH_MS:
            try:
                self._seen = self._look(now)
            except HearthsideError:
                if self._seen is None:  # else the journal cannot be read just now; what it cannot take it says itself
                    raise
        return self._seen

    def _look(self, now: int) -> _Seen:
        seq = self._rooms.journal.head().seq
        if self._seen is not None and self._seen.seq == seq:
            return replace(self._seen, at_ms=now)
        paused = frozenset(paused_sources(self._rooms.journal))
        return _Seen(now, seq, TokenBook(self._bodies(), self._lockout), paused)
