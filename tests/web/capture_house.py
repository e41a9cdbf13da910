"""A vault as live capture sees it, over a real journal; shared by tests and the load benchmark's test."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from hearthside.events import Event, Record, Rejected
from hearthside.identity.tokens import CAPTURE, Lockout, Token, TokenBook, new_token
from hearthside.intake.quarantine import Quarantine
from hearthside.journal import Journal
from hearthside.web.capture import Outcome
from hearthside.web.server import listen

NOW = 1_790_000_000_000


class VaultHouse:
    """Everything `CaptureHouse` asks for, of the vault in a folder."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder, bytes(32), lambda: NOW)
        self.monotonic_ms = 0
        self.now = NOW
        self.pauses: set[str] = set()
        self._lockout = Lockout(lambda: self.monotonic_ms)
        self._quarantine = Quarantine(self.journal)
        self._tokens: list[Token] = []
        self._book = TokenBook([], self._lockout)

    def make_token(self, name: str = "phone", scopes: Iterable[str] = (CAPTURE,), revoked_ms: int | None = None) -> str:
        text, token = new_token(name, scopes, NOW, secrets.token_bytes)
        self._tokens.append(Token(token.id, name, token.scopes, token.digest, NOW, revoked_ms))
        self._book = TokenBook([each.body() for each in self._tokens], self._lockout)
        return text

    def revoke_all(self) -> None:
        """From now on no token made so far is in force."""
        self._tokens = [replace(token, revoked_ms=NOW) for token in self._tokens]
        self._book = TokenBook([each.body() for each in self._tokens], self._lockout)

    def tokens(self) -> TokenBook:
        return self._book

    def now_ms(self) -> int:
        return self.now

    def paused(self) -> set[str]:
        return self.pauses

    def submit(self, records: Sequence[Record], done: Callable[[Outcome], None]) -> None:
        self.journal.submit(records, done)

    def quarantine(self, rejected: Sequence[Rejected]) -> list[Event]:
        events = [self._quarantine.event(each, Path("api/events"), NOW) for each in rejected]
        return [event for event in events if event is not None]

    def release(self, events: Sequence[Event]) -> None:
        self._quarantine.forget(events)

    def clock_claims(self) -> list[Event]:
        found = [item.record for item in self.journal.read(kinds=["clock_claim"])]
        return [record for record in found if isinstance(record, Event)]


class HeldHouse(VaultHouse):
    """A vault whose disk does nothing until `let_go`, or that answers with what a test says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.waiting: list[tuple[Sequence[Record], Callable[[Outcome], None]]] = []
        self.outcomes: list[Exception | None] = []  # of the next calls; None: as the journal does
        self._gate = threading.Lock()
        self.held = False

    def submit(self, records: Sequence[Record], done: Callable[[Outcome], None]) -> None:
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            done(outcome)
        elif self.held:
            with self._gate:
                self.waiting.append((records, done))
        else:
            super().submit(records, done)

    def let_go(self) -> None:
        """Write what waits, in the order in which it came."""
        self.held = False
        for records, done in self.waiting:
            self.journal.submit(records, done)
        self.waiting.clear()


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """An application behind a real server; gives the port."""
    door = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield door.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        door.close()
