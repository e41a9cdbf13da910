"""The small model beside the data node, for small talk while the compute node is away; it costs nothing until then.

It runs in a node of its own, so that its end is never the station's, under a lease of the same guard as every model.
The first question starts it, or the end of a compute node that somebody has just talked with; it goes when the compute
node is back, or when nobody talks to it any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from hearthside.errors import RetryLater
from hearthside.inference.backend import Message
from hearthside.inference.compute import Compute
from hearthside.inference.meter import Spent
from hearthside.inference.shelf import ModelFile
from hearthside.inference.supervisor import NodeOptions, NodeState, Supervisor

_LOOK_S = 5.0  # between looks whether anybody still talks to it
_FAREWELL_S = 5.0  # for an answer under way when the compute node is back
_MOST_TOKENS = 48
_LEAST_S = 0.1  # of patience, when the model took nearly all of it to be loaded
_TALKING_MS = 5 * 60_000  # who had an answer so lately is likely to ask on


@dataclass(frozen=True, slots=True)
class Patience:
    """How long standby may take.

    Attributes:
        start_s: seconds a question waits for the model to be loaded; it goes on loading for the next one.
        answer_s: seconds after which an answer is cut; what it said whole until then counts.
        idle_s: seconds without a question after which the model is given up.
    """

    start_s: float = 2.0
    answer_s: float = 2.5
    idle_s: float = 120.0


class Standby:
    """Speaks with the base model alone, without any adapter; calls may come from several threads."""

    def __init__(
        self,
        compute: Compute,
        model: ModelFile,
        clock: Callable[[], int],
        patience: Patience | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        *,
        needed: Callable[[], bool] = lambda: True,
        on_usage: Callable[[Spent], None] = lambda spent: None,
    ) -> None:
        """Nothing is started yet.

        Args:
            compute: in whose absence it speaks, and whose guard admits it.
            model: a small one.
            clock: UTC milliseconds.
            monotonic_s: seconds that never go back.
            needed: whether the compute node serves another model than this one.
            on_usage: told what each answer and probe cost.
        """
        self._needed, self._on_usage = needed, on_usage
        self._compute, self._model, self._clock = compute, model, clock
        self._patience, self._monotonic_s = patience or Patience(), monotonic_s
        self._changed = threading.Condition()
        self._small: Supervisor | None = None
        self._running = 0
        self._turn = threading.Semaphore(1)  # it speaks with one at a time
        self._asked_s = 0.0
        self._stopped = False
        compute.tell(self._notice)

    @property
    def name(self) -> str:
        """For the label beside an answer."""
        return f"{self._model.name} (standby)"

    @property
    def awake(self) -> bool:
        """Whether it is there, or being started."""
        return self._small is not None

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """Pieces of text.

        Raises:
            RetryLater: it is not needed, not admitted by the guard, or not there in time.
        """
        until_s = self._monotonic_s() + self._patience.answer_s
        small = self._begin()
        try:
            if not small.wait_ready(self._patience.start_s):
                raise RetryLater("standby-starting", "The small model is not loaded yet; ask again in a moment.")
            # Who waits, waits here: a queue inside the small model would be waited for without a limit.
            if not self._turn.acquire(timeout=max(0.0, until_s - self._monotonic_s())):
                raise RetryLater("standby-starting", "The small model talks with somebody else; ask again in a moment.")
            try:
                yield from self._until(until_s, self._said_by(small, messages, max_tokens, until_s))
            finally:
                self._turn.release()
        finally:
            with self._changed:
                self._running -= 1
                self._asked_s = self._monotonic_s()
                self._changed.notify_all()

    def _said_by(
        self, small: Supervisor, messages: list[dict[str, str]], max_tokens: int, until_s: float
    ) -> Iterator[str]:
        turns: list[Message] = list(messages)
        left_s = max(_LEAST_S, until_s - self._monotonic_s())
        with small.node.complete(turns, max_tokens=min(max_tokens, _MOST_TOKENS), patience_s=left_s) as answer:
            yield from answer

    def _until(self, until_s: float, answer: Iterator[str]) -> Iterator[str]:
        """The pieces that come until then; the first must."""
        said = False
        try:
            for piece in answer:
                yield piece
                said = True
                if self._monotonic_s() > until_s:
                    return
        except RetryLater:
            if not said or self._monotonic_s() <= until_s:
                raise

    def stop(self) -> None:
        """End it for good."""
        with self._changed:
            self._stopped = True
            small, self._small = self._small, None
        if small is not None:
            small.stop()

    def _notice(self, state: NodeState) -> None:
        """Get ready in the moment in which the node goes, before it is loaded again: one model loads at a time."""
        answered_ms = self._compute.node.answered_ms
        if state.phase == "down" and answered_ms is not None and self._clock() - answered_ms < _TALKING_MS:
            with suppress(RetryLater), self._changed:
                self._woken()

    def _begin(self) -> Supervisor:
        with self._changed:
            small = self._woken()
            self._running += 1
            return small

    def _woken(self) -> Supervisor:
        if self._stopped or not self._needed() or self._compute.wait_ready(0):
            raise RetryLater("standby-not-needed", "The small model has nothing to stand in for; ask again.")
        self._asked_s = self._monotonic_s()
        if self._small is None:
            keeper = self._compute.keeper
            options = NodeOptions(parallel=1)
            small = Supervisor(self._model, options, self._clock, keeper=keeper, on_usage=self._on_usage)
            try:
                small.start()
                threading.Thread(target=self._mind, args=(small,), name="standby", daemon=True).start()
            except RuntimeError as error:  # no memory for a thread: tried again by the next that asks
                small.stop()
                raise RetryLater(
                    "standby-starting", "The small model is not loaded yet; ask again in a moment."
                ) from error
            self._small = small
        return self._small

    def _mind(self, small: Supervisor) -> None:
        """Give it up when the compute node is back, or when nobody talks to it."""
        while not self._compute.wait_ready(min(_LOOK_S, self._patience.idle_s)):
            with self._changed:
                idle = not self._running and self._monotonic_s() - self._asked_s >= self._patience.idle_s
                if self._stopped or idle:
                    break
        with self._changed:
            self._changed.wait_for(lambda: not self._running or self._stopped, _FAREWELL_S)
            if self._small is not small:  # stopped meanwhile
                return
            self._small = None
        small.stop()
