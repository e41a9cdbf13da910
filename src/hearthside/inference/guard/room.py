"""Room in memory for other work than serving: training and the gate ask the guard before they load, as a model does."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from hearthside.errors import HearthsideError, RetryLater
from hearthside.inference.guard.keeper import Keeper
from hearthside.inference.guard.words import amount

NOT_GIVEN = "night-memory-short"
"""Code of the error when there is no room; nothing was loaded."""


@dataclass(frozen=True, slots=True)
class Room:
    """Memory that was given.

    Attributes:
        attach: told the process that will load, before it does; the guard may end it from then on.
        loaded: told that the load is over, so that another may begin; safe to call often.
    """

    attach: Callable[[int], None]
    loaded: Callable[[], None]


AskForRoom: TypeAlias = Callable[[int], AbstractContextManager[Room]]
"""Gives room for so many bytes, for the length of a `with` block; RetryLater `NOT_GIVEN` when there is none."""


@contextmanager
def unguarded(need: int) -> Iterator[Room]:
    """Room where no guard runs, and so nobody to ask."""
    yield Room(lambda pid: None, lambda: None)


def room_of(keeper: Keeper) -> AskForRoom:
    """Room that this keeper's guard gives."""

    @contextmanager
    def ask(need: int) -> Iterator[Room]:
        lease = secrets.token_hex(8)
        try:
            keeper.admit(lease, need)
        except HearthsideError as error:
            raise RetryLater(
                "night-memory-short",
                f"It needs {amount(need)} of memory, and the memory guard did not give them just now so that the "
                "machine cannot freeze. It waits for the next night; nothing is lost.",
            ) from error
        try:
            yield Room(lambda pid: keeper.attach(lease, pid), lambda: keeper.loaded(lease))
        finally:
            keeper.release(lease)

    return ask
