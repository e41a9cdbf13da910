"""Memory for what a node loads after its start: the node asks over its standard output, the station's guard answers.

The node's parent owns the guard, and the node's lease with it; what the node starts belongs to that lease. So a side
model is admitted like any model: the lease grows before it loads, and shrinks when it has ended.

node → parent     ``{"grow": bytes, "number": n}``, ``{"loaded": true}``, ``{"shrink": bytes}``
parent → node     ``{"number": n, "error": null}`` or with the error as `wire.error_body` writes it
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import IO, Protocol

import orjson

from hearthside.errors import HearthsideError, RetryLater
from hearthside.events import Json
from hearthside.inference.guard.keeper import Keeper
from hearthside.inference.wire import error_body, error_of

_ANSWER_S = 60.0  # longer than the parent's guard and the lock on loading take together


class Lease(Protocol):
    """What the parent's guard holds for the node."""

    def grow(self, more: int) -> None:
        """Have a load of so many bytes admitted; raises RetryLater or NeedsPerson."""
        ...

    def loaded(self) -> None:
        """That load is over."""
        ...

    def shrink(self, less: int) -> None:
        """So many bytes were given back."""
        ...


@dataclass(frozen=True, slots=True)
class KeptLease:
    """The parent's side; a `Lease`: one holder's, of the keeper of the guard."""

    keeper: Keeper
    name: str

    def grow(self, more: int) -> None:
        """See `Lease`."""
        self.keeper.grow(self.name, more)

    def loaded(self) -> None:
        """See `Lease`."""
        self.keeper.loaded(self.name)

    def shrink(self, less: int) -> None:
        """See `Lease`."""
        self.keeper.shrink(self.name, less)


class AskedRoom:
    """The node's side; a `Lease` that the parent is asked for. Calls may come from several threads."""

    def __init__(self, say: Callable[[dict[str, Json]], None], answer_s: float = _ANSWER_S) -> None:
        """`say` writes a line to the parent, who may take so many seconds to answer."""
        self._say, self._answer_s = say, answer_s
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[None]] = {}
        self._deciding = threading.Lock()  # whether an answer came in time
        self._given_up: dict[int, int] = {}  # bytes of loads whose answer did not come in time

    def grow(self, more: int) -> None:
        """See `Lease`."""
        number, answer = next(self._numbers), Future[None]()
        self._waiting[number] = answer
        try:
            self._say({"grow": more, "number": number})
            answer.exception(self._answer_s)  # waits for it, whatever it is
        except (NotInTime, OSError) as error:
            with self._deciding:
                if not answer.done():
                    self._given_up[number] = more
                    raise RetryLater(
                        "guard-away",
                        "The memory guard does not answer, so nothing more is loaded just now; ask again soon.",
                    ) from error
        finally:
            del self._waiting[number]
        answer.result()

    def loaded(self) -> None:
        """See `Lease`."""
        self._say({"loaded": True})

    def shrink(self, less: int) -> None:
        """See `Lease`."""
        self._say({"shrink": less})

    def hear(self, line: bytes) -> None:
        """A line from the parent."""
        told = orjson.loads(line)
        with self._deciding:
            more = self._given_up.pop(told["number"], None)
            if more is None:
                _settle(self._waiting[told["number"]], told["error"])
                return
        if told["error"] is None:  # admitted too late
            self.loaded()
            self.shrink(more)


def _settle(asked: Future[None], error: Json) -> None:
    if error is not None:
        asked.set_exception(error_of(error))
    else:
        asked.set_result(None)


def answer(asked: dict[str, Json], lease: Lease, reply: IO[bytes]) -> bool:
    """The parent's side: do what a line of the node's asks for; False when it asks for nothing.

    Args:
        reply: to the node, unbuffered; what needs time is done in a thread of its own.

    Raises:
        TypeError, ValueError, KeyError: it asks as no node does.
    """
    if "grow" in asked:
        more, number = int(asked["grow"]), int(asked["number"])
        try:
            threading.Thread(target=_grow, args=(more, number, lease, reply), name="side model", daemon=True).start()
        except RuntimeError:  # there is no memory left for a thread
            _reply(number, reply, RetryLater("memory-short", "There is not enough memory left now; ask again soon."))
    elif "loaded" in asked:
        lease.loaded()
    elif "shrink" in asked:
        lease.shrink(int(asked["shrink"]))
    else:
        return False
    return True


def _grow(more: int, number: int, lease: Lease, reply: IO[bytes]) -> None:
    try:
        lease.grow(more)
    except HearthsideError as refused:
        _reply(number, reply, refused)
    else:
        _reply(number, reply, None)


def _reply(number: int, reply: IO[bytes], error: HearthsideError | None) -> None:
    body = error_body(error) if error is not None else None
    try:
        reply.write(orjson.dumps({"number": number, "error": body}) + b"\n")
    except (OSError, ValueError):  # the node is gone, and its lease with it
        return
