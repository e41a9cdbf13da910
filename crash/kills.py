"""kill -9 of the whole data node under writing clients, who send again until they are answered: exactly once."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import orjson

from crash.node import NOW_MS, TOKEN, event_of
from crash.promises import Promises, open_journal
from hearthside.events import Event
from hearthside.journal import Journal
from hearthside.journal.verification import Fault

CLIENTS = 8
_AT_LEAST = 24  # events acknowledged between two kills, so that every kill meets work under way
_PATIENCE_S = 60
_LONGEST_WAIT_S = 0.05


@dataclass
class KillReport:
    """What the clients were told and what the journal holds in the end.

    Attributes:
        kills: how often the node was killed.
        acknowledged: events that a client was told are on the disk.
        known_already: of these, how many the journal had when they were sent again: the kill fell between the commit
            and the answer.
        lost: acknowledged and not there.
        duplicated: there more than once.
        strange: there and never sent.
        unsound: what verification found wrong.
    """

    kills: int = 0
    acknowledged: int = 0
    known_already: int = 0
    lost: int = 0
    duplicated: int = 0
    strange: int = 0
    unsound: list[Fault] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.duplicated or self.strange or self.unsound)


@dataclass(frozen=True, slots=True)
class Door:
    """Where a node listens on 127.0.0.1, and the token that lets events in."""

    port: int
    token: str


class _Clients:
    """Eight clients, each with its own numbers; they share where the node listens now."""

    def __init__(self) -> None:
        self.answered: set[tuple[int, int]] = set()
        self.sent: set[tuple[int, int]] = set()
        self.known_already = 0
        self.door = Door(0, "")
        self.stop = threading.Event()
        self.progress = threading.Condition()
        self._threads = [threading.Thread(target=self._work, args=(client,)) for client in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        self.stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def wait_for(self, more: int) -> None:
        """Return when so many more events were acknowledged.

        Raises:
            TimeoutError: the node answers nobody.
        """
        with self.progress:
            wanted = len(self.answered) + more
            if not self.progress.wait_for(lambda: len(self.answered) >= wanted, _PATIENCE_S):
                raise TimeoutError("the node does not answer")

    def _work(self, client: int) -> None:
        number = 0
        while not self.stop.is_set():
            door = self.door
            with suppress(OSError, HTTPException), closing(HTTPConnection("127.0.0.1", door.port, timeout=5)) as line:
                while not self.stop.is_set():
                    self.sent.add((client, number))
                    self._acknowledged(client, number, _send(line, door.token, event_of(client, number)))
                    number += 1
            self.stop.wait(0.01)

    def _acknowledged(self, client: int, number: int, new: bool) -> None:
        with self.progress:
            self.answered.add((client, number))
            self.known_already += not new
            self.progress.notify()


def _send(line: HTTPConnection, token: str, event: Event) -> bool:
    """Whether the event was new, once it is on the disk.

    Raises:
        OSError, HTTPException: there was no such answer.
    """
    line.request("POST", "/api/events", orjson.dumps(event.body()), {"Authorization": f"Bearer {token}"})
    answer = line.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise HTTPException(f"{answer.status}: {content[:200]!r}")
    record = orjson.loads(content)["records"][0]
    if record.get("id") != event.id.hex():
        raise AssertionError(f"the node answered for another event: {record}")
    return bool(record["new"])


@contextmanager
def small_node(folder: Path) -> Iterator[Door]:
    """A running `crash.node`; at the end it is killed, with no chance to tidy up."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crash.node", str(folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the node ended with {process.wait()} instead of starting")
        yield Door(int(line), TOKEN)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def small_journal(folder: Path) -> Journal:
    """The journal that `small_node` leaves."""
    return open_journal(folder, Promises().keys, lambda: NOW_MS)


def run(
    folder: Path,
    kills: int,
    seed: int,
    progress: Callable[[], None] = lambda: None,
    *,
    start: Callable[[Path], AbstractContextManager[Door]] = small_node,
    opened: Callable[[Path], Journal] = small_journal,
) -> KillReport:
    """Kill the node so many times while the clients write, then hold the journal against what they were told.

    Args:
        folder: an empty folder for the vault.
        seed: decides when the kills come.
        start: starts a node on the folder, and kills it at the end.
        opened: the journal it leaves.
    """
    rnd = random.Random(seed)
    clients = _Clients()
    report = KillReport()
    try:
        for _ in range(kills):
            with start(folder) as door:
                clients.door = door
                if report.kills == 0:
                    clients.start()
                clients.wait_for(_AT_LEAST)
                clients.stop.wait(rnd.random() * _LONGEST_WAIT_S)
            report.kills += 1
            progress()
        with start(folder) as door:  # whatever was under way at the last kill gets its answer
            clients.door = door
            clients.wait_for(_AT_LEAST)
            clients.join()
    finally:
        clients.join()
    report.known_already = clients.known_already
    _hold_to_account(opened(folder), clients, report)
    return report


def _hold_to_account(journal: Journal, clients: _Clients, report: KillReport) -> None:
    with closing(journal):
        found = Counter(item.id for item in journal.since(0) if item.record.kind == "message")
        report.unsound = journal.verify().faults
    answered = {event_of(*numbers).id for numbers in clients.answered}
    sent = {event_of(*numbers).id for numbers in clients.sent}
    report.acknowledged = len(answered)
    report.lost = len(answered - set(found))
    report.duplicated = sum(count > 1 for count in found.values())
    report.strange = len(set(found) - sent)
