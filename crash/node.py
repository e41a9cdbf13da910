"""The smallest data node there can be: the real door ``POST /api/events`` over a real journal; made to be killed.

Run as ``python -m crash.node FOLDER``. It prints its port and serves until it is killed.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import uvicorn

from crash.promises import Promises, open_journal
from hearthside.events import Event, Layer, Origin, Record, Rejected, Trust
from hearthside.identity.tokens import CAPTURE, Lockout, TokenBook, new_token
from hearthside.journal import Journal
from hearthside.web.capture import Outcome, capture_app

NOW_MS = 1_797_000_000_000
TOKEN, _KEPT = new_token("clients", [CAPTURE], NOW_MS, bytes)  # always the same: it opens nothing but this node
_SOURCES = 4  # so that commits of several sources and days meet


def event_of(client: int, number: int) -> Event:
    """The event that a client means by its number; sending it again gives the same one."""
    at_ms = NOW_MS - number * 3_600_000
    words = f"note {number} of client {client}"
    payload = {"client": client, "number": number}
    source = f"client_{client % _SOURCES}"
    return Event(source, "message", Layer.TEXT, at_ms, Origin.SELF, Trust.OWN, payload, "test", text=words)


class _House:
    """What capture needs of a vault."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._book = TokenBook([_KEPT.body()], Lockout(self.now_ms))

    def tokens(self) -> TokenBook:
        return self._book

    def clock_claims(self) -> list[Event]:
        return []

    def now_ms(self) -> int:
        return NOW_MS

    def paused(self) -> Collection[str]:
        return ()

    def submit(self, records: Sequence[Record], done: Callable[[Outcome], None]) -> None:
        self._journal.submit(records, done)

    def quarantine(self, rejected: Sequence[Rejected]) -> list[Event]:
        raise AssertionError(f"the clients send nothing wrong: {rejected[0].reason}")

    def release(self, events: Sequence[Event]) -> None:
        """Nothing was set aside."""


def main(folder: Path) -> None:
    """Serve until killed."""
    house = _House(open_journal(folder, Promises().keys, lambda: NOW_MS))
    door = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{door.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(capture_app(house, ()), log_level="error", lifespan="off")).run([door])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
