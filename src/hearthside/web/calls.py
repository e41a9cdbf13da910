"""House calls from pages: in threads, with every error turned into a sentence, and answers that outlive their page."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from nicegui import run

from hearthside.companion.answers import Answer, Piece
from hearthside.errors import HearthsideError
from hearthside.logs import logger
from hearthside.web.house import House

P = ParamSpec("P")
R = TypeVar("R")

LOG = logger("web")
POLL_S = 0.04  # how often a page looks for new words of a streaming answer; 25 times a second reads as fluent


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the person sees it."""

    code: str
    message: str


STOPPING = Problem("stopping", "The station is stopping. Everything is saved; start it again with `hearthside up`.")


def as_problem(error: Exception) -> Problem:
    """The sentence for an error; an unexpected one is logged by type and place, since its own text may hold content."""
    if isinstance(error, HearthsideError):
        return Problem(error.code, error.message)
    place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    LOG.error("unexpected %s at %s:%s", type(error).__name__, place and place.filename, place and place.lineno)
    return Problem(
        "unexpected",
        "Something went wrong here; your data is safe. Try again; if it stays, the terminal shows where it was.",
    )


async def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | Problem:
    """The result of a blocking house call made in a thread, or the problem it ended in."""

    def attempt() -> tuple[R | Problem]:
        try:
            return (function(*args, **kwargs),)
        except Exception as error:  # noqa: BLE001 - the one seam where errors become sentences
            return (as_problem(error),)

    outcome = await run.io_bound(attempt)
    return STOPPING if outcome is None else outcome[0]  # None: NiceGUI is shutting down


@dataclass(slots=True)
class LiveAnswer:
    """An answer on its way: one thread writes it, any number of pages read it.

    Attributes:
        text: the words so far.
        end: the whole answer, or the problem it ended in; None while it streams.
    """

    question: str
    text: str = ""
    end: Answer | Problem | None = None


NO_ANSWER = Problem("no-answer", "The answer stopped before it was whole. Your question is kept; ask it again.")


@dataclass(slots=True)
class LiveAnswers:
    """The answers under way, by conversation: closing or reloading a page neither stops nor loses one."""

    house: House
    _under_way: dict[str, LiveAnswer] = field(default_factory=dict)

    def start(self, question: str, conversation: str) -> LiveAnswer:
        """Begin to answer; a conversation that is still being answered returns that answer instead."""
        live = self._under_way.get(conversation)
        if live is not None:
            return live
        live = self._under_way[conversation] = LiveAnswer(question)
        thread = threading.Thread(target=self._run, args=(live, conversation), name="answer", daemon=True)
        thread.start()
        return live

    def under_way(self, conversation: str) -> LiveAnswer | None:
        """The answer this conversation is waiting for, if any."""
        return self._under_way.get(conversation)

    def _run(self, live: LiveAnswer, conversation: str) -> None:
        end: Answer | Problem = NO_ANSWER
        try:
            for part in self.house.ask(live.question, conversation):
                if isinstance(part, Piece):
                    live.text += part.text
                else:
                    end = part
        except Exception as error:  # noqa: BLE001 - the one seam where errors become sentences
            end = as_problem(error)
        self._under_way.pop(conversation, None)
        live.end = end


async def follow(live: LiveAnswer) -> AsyncIterator[str]:
    """The text so far, each time it has grown, until the answer has ended."""
    shown = ""
    while live.end is None:
        if live.text != shown:
            shown = live.text
            yield shown
        await asyncio.sleep(POLL_S)
