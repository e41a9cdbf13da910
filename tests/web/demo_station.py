"""Serves demonstration houses, by hand or as a process of a test.

By hand: ``python -m tests.web.demo_station [--scenario full|empty|down|hostile|alarm] [--token TOKEN]``, or
``--household`` for two persons in one process.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
import threading
from collections.abc import Callable, Collection, Sequence

from hearthside.events import Event, Record, Rejected
from hearthside.identity.tokens import ADMIN, ASK, CAPTURE, READ, WRITE, Lockout, Token, TokenBook, new_token
from hearthside.web.capture import Outcome, capture_app
from hearthside.web.house import Job
from hearthside.web.residents import Resident
from hearthside.web.server import monotonic_ms, serve_household
from tests.web.demo_day import at
from tests.web.demo_house import LAST_DAY, DemoHouse

HOUSEHOLD = ("Mira", "Tomas")
SCOPES = (CAPTURE, READ, WRITE, ASK, ADMIN)


def canary(person: str) -> str:
    """Words that stand in everything of one person, and of nobody else."""
    return f"canary-{person.lower()} "


def api_token(person: str, scope: str) -> tuple[str, Token]:
    """One person's API token with one scope: the text, and what is kept of it."""

    def bits(count: int) -> bytes:
        return hashlib.shake_128(f"{person} {scope} {count}".encode()).digest(count)

    return new_token(f"{person}'s script", [scope], 0, bits)


LIVE_EVENT = {
    "source": "phone",
    "kind": "app_use",
    "layer": "behavioural",
    "start_ms": at(LAST_DAY, "21:00"),
    "payload": {"app": "Maps"},
}


def bearer(person: str, scope: str) -> dict[str, str]:
    """The header that one person's script sends."""
    return {"Authorization": f"Bearer {api_token(person, scope)[0]}"}


class DemoCapture:
    """The vault behind the capture door: what comes in through it is seen as a job of its house that has ended."""

    def __init__(self, house: DemoHouse, book: TokenBook) -> None:
        self.house = house
        self.book = book

    def tokens(self) -> TokenBook:
        return self.book

    def now_ms(self) -> int:
        return at(LAST_DAY, "21:40")

    def paused(self) -> Collection[str]:
        return ()

    def submit(self, records: Sequence[Record], done: Callable[[Outcome], None]) -> None:
        job_id = f"capture-{len(self.house.work)}"
        title = f"{self.house.canary}{len(records)} captured"
        self.house.work[job_id] = Job(job_id, "import", title, "done", 1, 1, "records", "Kept.", self.now_ms())
        done([True] * len(records))

    def quarantine(self, rejected: Sequence[Rejected]) -> list[Event]:
        return []

    def release(self, events: Sequence[Event]) -> None:
        """Nothing was taken."""

    def clock_claims(self) -> list[Event]:
        return []


def resident(person: str, token: str | None, scenario: str = "full", canary: str = "") -> Resident:
    """One person of the demonstration, with an API token for each scope."""
    made = [api_token(person, scope)[1] for scope in SCOPES]
    book = TokenBook([one.body() for one in made], Lockout(monotonic_ms))
    house = DemoHouse(scenario, person, canary)
    capture = capture_app(DemoCapture(house, book), reserved_sources=())
    return Resident(house, token, None, person, lambda: book, capture)


def main() -> None:
    """Serve until standard input closes; prints the addresses to open, one a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="full")
    parser.add_argument("--token", default=None)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--household", action="store_true", help="two persons; their tokens are TOKEN-mira, TOKEN-tomas"
    )
    parser.add_argument("--debug", action="store_true", help="log everything that libraries have to say")
    options = parser.parse_args()
    if options.debug:
        logging.basicConfig(level=logging.DEBUG)
    residents = [resident("Mira", options.token, options.scenario)]
    if options.household:
        residents = [
            resident(person, f"{options.token}-{person.lower()}", options.scenario, canary(person))
            for person in HOUSEHOLD
        ]
    stop = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait_for_end, daemon=True).start()

    def ready(addresses: list[str]) -> None:
        sys.stdout.write("".join(address + "\n" for address in addresses))
        sys.stdout.flush()

    serve_household(residents, "127.0.0.1", options.port, ready, stop)


if __name__ == "__main__":
    main()
