"""Turns at the side models of a node: few files are in memory at once, and those of people who left are not read."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Protocol

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request

from hearthside.errors import RetryLater
from hearthside.events import Json
from hearthside.inference.node_requests import file_of
from hearthside.inference.side_models import TASKS, Task

_INSIDE = 2  # files for each task: one is read, and one comes in or waits
_LOOK_S = 1.0  # between two looks whether who waits is still there


class Reader(Protocol):
    """What reads the files; `SideModels` is such."""

    def longest(self, task: Task) -> int:
        """Bytes of one file at most."""
        ...

    def run(self, task: Task, file: bytes) -> dict[str, Json]:
        """What a file says; blocks."""
        ...


class SideTurns:
    """Who is next, for each task; in one event loop."""

    def __init__(self) -> None:
        """Nobody is here."""
        self._inside: Counter[Task] = Counter()
        self._turns = {task: asyncio.Lock() for task in TASKS}
        self._threads = anyio.CapacityLimiter(len(TASKS))  # of their own, so that all else goes on beside them

    async def read(self, request: Request, task: Task, side: Reader) -> dict[str, Json]:
        """What the file in a request says.

        Raises:
            RetryLater: `side-model-busy`; as many files as fit are inside.
            ClientDisconnect: who asked left before its turn.
            HearthsideError: what the model says; see `SideModels.run`.
        """
        if self._inside[task] >= _INSIDE:
            async for _ in request.stream():  # dropped as it comes: who is still sending would not read the answer
                pass
            raise RetryLater(
                "side-model-busy",
                "The compute node reads other files of this kind just now; nothing was kept of this one. Send it again "
                "in a moment.",
            )
        self._inside[task] += 1
        try:
            file = await file_of(request, side.longest(task))
            turn = self._turns[task]
            await _acquire(turn, request)
            try:
                return await anyio.to_thread.run_sync(side.run, task, file, limiter=self._threads)
            finally:
                turn.release()
        finally:
            self._inside[task] -= 1


async def _acquire(turn: asyncio.Lock, request: Request) -> None:
    """Wait for a turn for as long as who asked is there; raises ClientDisconnect."""
    ours = False
    while not ours:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                ours = await turn.acquire()
        if await request.is_disconnected():
            if ours:
                turn.release()
            raise ClientDisconnect
