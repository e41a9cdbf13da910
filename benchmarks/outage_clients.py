"""Clients of the outage benchmark: they ask without end, note what they were answered, and hold the journal to it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson

from benchmarks.outage_life import MadeLife, Question
from benchmarks.outage_station import Station
from hearthside.app.station import open_house
from hearthside.config import Settings
from hearthside.events import Event, Json

_PAUSE_S = (0.05, 0.4)  # a client thinks that long between two questions
_LONGEST_S = 120.0
MIDST_S = 0.2  # an answer on its way for so long is being worded by the model: plain code is faster


@dataclass(slots=True)
class Asked:
    """A question that was put, and what came of it; times on the clock of `time.monotonic`.

    Attributes:
        answer: as the station sent it; {} while it is on its way.
        error: why none came.
    """

    question: Question
    conversation: str
    at_s: float
    end_s: float | None = None
    answer: dict[str, Json] = field(default_factory=dict)
    error: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether a computed value came, and is the key."""
        return self.answer.get("mode") == "computed" and self.answer.get("value") == self.question.key

    @property
    def is_marked(self) -> bool:
        """Whether it is an answer that says what is missing, or one that nothing is missing from."""
        whole = self.answer.get("mode") == "computed" or bool(self.answer.get("worded_by"))
        return bool(self.answer.get("text")) and (whole or bool(self.answer.get("limited")))


@dataclass(slots=True)
class Client(threading.Thread):
    """One person or program; asks in a conversation of its own until `stop` is set."""

    station: Station
    life: MadeLife
    conversation: str
    seed: int
    stop: threading.Event
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        threading.Thread.__init__(self, name=self.conversation, daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Ask, wait for the whole answer, think, ask again."""
        random_ = random.Random(self.seed)
        with httpx.Client(trust_env=False, timeout=_LONGEST_S) as http:
            while not self.stop.is_set():
                one = Asked(self.life.draw(random_), self.conversation, time.monotonic())
                self.asked.append(one)
                self._ask(http, one)
                one.end_s = time.monotonic()
                self.stop.wait(random_.uniform(*_PAUSE_S))

    def _ask(self, http: httpx.Client, one: Asked) -> None:
        body = {"words": one.question.text, "conversation": self.conversation}
        try:
            response = http.post(f"{self.station.url}/api/ask", json=body, headers=self.station.headers)
            last = orjson.loads(response.raise_for_status().content.splitlines()[-1])
            one.answer, one.error = last.get("answer", {}), str(last.get("error", ""))
        except (httpx.HTTPError, orjson.JSONDecodeError, IndexError) as error:
            one.error = type(error).__name__


def in_the_midst(clients: Sequence[Client]) -> bool:
    """Whether the model is in the middle of an answer to one of the clients."""
    now = time.monotonic()
    last = [client.asked[-1] for client in clients if client.asked]
    return any(one.end_s is None and now - one.at_s >= MIDST_S for one in last)


def lost(folder: Path, asked: Sequence[Asked]) -> int:
    """Interactions that the journal does not hold whole: the question, and the very answer that the client got."""
    settings = Settings(vault=folder / "vault", key_file=folder / "key", heads_folder=folder / "heads")
    house = open_house(settings, with_compute=False)
    try:
        records = [item.record for item in house.rooms.journal.read(kinds=["question", "answer"])]
    finally:
        house.close()
    events = [record for record in records if isinstance(record, Event)]
    questions = {event.id.hex(): event for event in events if event.kind == "question"}
    told = {str(event.payload["question"]): event for event in events if event.kind == "answer"}
    return sum(not _is_kept(one, questions, told) for one in asked)


def _is_kept(one: Asked, questions: dict[str, Event], told: dict[str, Event]) -> bool:
    identity = str(one.answer.get("question", ""))
    question, answer = questions.get(identity), told.get(identity)
    if question is None or answer is None:
        return False
    same_words = question.text == one.question.text and answer.text == one.answer["text"]
    return same_words and question.payload["conversation_id"] == one.conversation
