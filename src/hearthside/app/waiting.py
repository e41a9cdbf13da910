"""What waits for the language model, and that it is done once the model is back; the sentence that every page carries.

Two things wait: questions that the person put off (`companion/waiting.py`), and what the last night could not do
without the model. Texts without a vector wait by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hearthside.app.jobs import Handle, JobRunner
from hearthside.app.local_times import since_words, to_the_minute
from hearthside.app.rooms import Rooms
from hearthside.app.training import TrainingDesk
from hearthside.companion.answers import Answer, AnswerPart
from hearthside.companion.dialogue import Dialogue, Later
from hearthside.companion.waiting import Waiting, WaitingQuestion
from hearthside.errors import HearthsideError, RetryLater
from hearthside.events import DAY_MS
from hearthside.logs import logger
from hearthside.memory.search import Embedder
from hearthside.web.waiting_views import WaitingView

QUESTIONS, NIGHT = "waiting", "night"
"""Kinds of the jobs: what the night could not do is night's work, so neither begins beside the other."""

_QUIET_S = 5.0  # after the last turn of a conversation, before a later answer is put into it
_NIGHT_QUIET_S = 120.0  # after the last turn of any conversation, before the night's reading takes up the model
_TOLD_FOR_DAYS = 7  # a later answer in another conversation than the one that is open
_LOG = logger("waiting")


class NodeState(Protocol):
    """Where the compute node stands, as far as it is used here (`hearthside.inference.supervisor.NodeState`)."""

    @property
    def phase(self) -> str: ...

    @property
    def since_ms(self) -> int: ...


class Compute(Protocol):
    """Owner of the compute node."""

    def state(self) -> NodeState: ...


class Counting(Protocol):
    """Counts what models take for a piece of work of this thread (`hearthside.app.costs.Costs`)."""

    def asking(self, conversation: str, parts: Iterator[AnswerPart]) -> Iterator[AnswerPart]: ...

    def at_night(self, run: Callable[[Handle], str]) -> Callable[[Handle], str]: ...


class WatchedEmbedder:
    """An embedder whose failures are told; else itself."""

    def __init__(self, embedder: Embedder, on_away: Callable[[], None]) -> None:
        self._embedder, self._on_away = embedder, on_away

    @property
    def model(self) -> str:
        """See `Embedder`."""
        return self._embedder.model

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """See `Embedder`."""
        try:
            return self._embedder.embed(list(texts), query=query)
        except RetryLater:  # a machine without an embedder is no smaller than usual
            self._on_away()
            raise


class WaitingDesk:
    """See `hearthside.web.waiting_views.WaitingHouse` for what the pages are promised.

    Args:
        rooms, dialogue, trainer: give them as they are now; new keys put others in their place.
        compute: owner of the compute node, or None where there is none.
        jobs: runs what takes long.
        costs: gives who counts what models take.
    """

    def __init__(
        self,
        rooms: Callable[[], Rooms],
        dialogue: Callable[[], Dialogue],
        trainer: Callable[[], TrainingDesk],
        compute: Compute | None,
        jobs: JobRunner,
        costs: Callable[[], Counting],
    ) -> None:
        self._rooms, self._dialogue, self._trainer = rooms, dialogue, trainer
        self._compute, self._jobs, self._costs = compute, jobs, costs
        self._waiting = Waiting(rooms().journal)
        self._thread = threading.local()  # whether a search of this thread found the node gone
        self._tried: tuple[int, set[str]] = (-1, set())  # since when the node is there, and what it could not answer
        self._tried_night: tuple[int, str] = (-1, "")  # the same, and the night that was made up for

    # -- whether the model is there ----------------------------------------------------------------------------------

    def away(self) -> bool:
        """Whether the node is away, or was found gone by a search of this thread since this was asked last."""
        missed, self._thread.missed = getattr(self._thread, "missed", False), False
        return missed or not self._is_ready()

    def watched(self, embedder: Embedder) -> Embedder:
        """The embedder, such that `away` knows of its failures."""

        def missed() -> None:
            self._thread.missed = True

        return WatchedEmbedder(embedder, missed)

    def _is_ready(self) -> bool:
        return self._compute is not None and self._compute.state().phase == "ready"

    def sentence(self) -> str:
        """What is limited since when, what goes on, and what waits; "" when nothing is and nothing does."""
        state = self._compute.state() if self._compute is not None else None
        count = len(self._waiting.questions())
        waits = "" if not count else f"{count:,} questions wait" if count > 1 else "1 question waits"
        if state is None or state.phase == "ready":
            return f"{waits} for the language model." if waits else ""
        rooms = self._rooms()
        since = since_words(rooms.stream, state.since_ms, rooms.clock())
        parts = [limits_in_words(state.phase, since), f"{waits} for it." if waits else ""]
        return " ".join(part for part in parts if part)

    # -- what the person puts off ------------------------------------------------------------------------------------

    def questions(self) -> list[WaitingView]:
        """What waits."""
        return self._shown(self._waiting.questions())

    def answered(self) -> list[WaitingView]:
        """What was answered later in the last days."""
        return self._shown(self._waiting.answered(self._rooms().clock() - _TOLD_FOR_DAYS * DAY_MS))

    def _shown(self, questions: list[WaitingQuestion]) -> list[WaitingView]:
        stream = self._rooms().stream
        return [
            WaitingView(one.id, one.text, one.conversation, to_the_minute(stream, one.asked_ms)) for one in questions
        ]

    def put_off(self, question: str) -> None:
        """Let a question wait for the model."""
        self._waiting.put_off(question, self._rooms().clock())

    def withdraw(self, question: str) -> None:
        """Let it wait no longer."""
        self._waiting.withdraw(question, self._rooms().clock())

    def answer_to(self, question: str) -> Answer | None:
        """The later answer, once it is there."""
        found = self._waiting.answer_to(question)
        return None if found is None else self._dialogue().shown(found)

    # -- doing it ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Begin what can be done now; called every few seconds, and reads no more than what waits.

        Raises:
            HearthsideError: the journal cannot be read just now.
        """
        state = self._compute.state() if self._compute is not None else None
        if state is None or state.phase != "ready":
            return
        if self._tried[0] != state.since_ms:
            self._tried = (state.since_ms, set())
        running = {job.kind for job in self._jobs.jobs() if job.active}
        if QUESTIONS not in running and self._due():
            self._jobs.start(QUESTIONS, "Answering what waited", "questions", self._answer_all)
        elif not running and self._night_is_due(state.since_ms):
            self._jobs.start(NIGHT, "Making up for the night", "steps", self._costs().at_night(self._make_up))

    def _due(self) -> list[WaitingQuestion]:
        quiet = self._dialogue().quiet_s
        return [
            one
            for one in self._waiting.questions()
            if one.id not in self._tried[1] and quiet(one.conversation) >= _QUIET_S
        ]

    def _answer_all(self, handle: Handle) -> str:
        due, done = self._due(), 0
        if not due:
            return "You are talking; what waits is answered when it is quiet."
        for one in due:
            if handle.stopped() or not self._is_ready():
                break
            handle.progress(done, len(due), "in the conversations they were asked in")
            done += self._answer(one)
        return f"{done:,} of {len(due):,} questions that waited are answered, each in its conversation."

    def _answer(self, one: WaitingQuestion) -> bool:
        """Whether it was answered; one that cannot be is left alone until the node comes back the next time."""
        outcomes = list[Later]()

        def answering() -> Iterator[AnswerPart]:
            outcomes.append(self._dialogue().answer_later(one.id, self._waiting))
            yield from ()

        try:
            list(self._costs().asking(one.conversation, answering()))
        except HearthsideError as error:
            _LOG.warning("a question that waited was not answered: %s", error.code)
        outcome = outcomes[0] if outcomes else Later.NOT_ABLE
        if outcome is Later.NOT_ABLE:
            self._tried[1].add(one.id)
        return outcome is Later.KEPT

    def _night_is_due(self, life: int) -> bool:
        waits = self._trainer().waits()
        if not waits or self._tried_night == (life, waits) or self._dialogue().quiet_s() < _NIGHT_QUIET_S:
            return False
        self._tried_night = (life, waits)
        return True

    def _make_up(self, handle: Handle) -> str:
        return self._trainer().make_up(handle)


def limits_in_words(phase: str, since: str) -> str:
    """What is limited while the node is away, since when, and what goes on."""
    what = "is being loaded, since" if phase == "starting" else "has been away since"
    return (
        f"The language model {what} {since}: until it is there, records are found by their words alone and nothing is"
        " worded freely, while capture, the time axis, computed answers and quotations go on."
    )
