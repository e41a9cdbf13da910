"""Runs side models for a node: memory first, then a process for each task, which ends when nobody asks any more."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import IO

import orjson

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.events import Json
from hearthside.inference.side_models import TASKS, SideConfig, SideModel, Task, load_side_model, model_for, too_large
from hearthside.inference.side_room import Lease
from hearthside.inference.wire import error_of
from hearthside.logs import logger

IDLE_S = 120.0
"""Seconds after its last file when a side model's process ends, and its memory with what was in it is given back."""

_LOAD_S = 60.0
_RUN_S = 280.0  # less than a station waits without a byte
_LONGEST_LINE = 4 << 20  # bytes: a station reads no more of an answer; a process that was taken over may write for ever
_DEEDS = {"transcribe": "turn speech into text", "read_picture": "read the text in pictures"}
_log = logger("inference")


@dataclass(slots=True)
class _Side:
    """One side model of this node, and its process while there is one; all under its lock."""

    name: str
    model: SideModel
    lock: threading.Lock = field(default_factory=threading.Lock)
    process: subprocess.Popen[bytes] | None = None
    used_s: float = 0.0


class SideModels:
    """The side models of one node; calls may come from several threads, one file at a time goes to each model."""

    def __init__(
        self,
        lease: Lease,
        config: SideConfig | None = None,
        *,
        idle_s: float = IDLE_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is loaded.

        Args:
            lease: where memory is asked for before a process is started.
            config: what they are told.
            idle_s: see `IDLE_S`.
        """
        self._lease, self._config, self._idle_s, self._monotonic_s = lease, config or SideConfig(), idle_s, monotonic_s
        self._sides: dict[Task, _Side] = {}
        self._looking = threading.Lock()
        # Linux ends a child with the thread that started it, so one thread starts them all and lives as long as we do;
        # and so one loads at a time.
        self._starter = ThreadPoolExecutor(1, "side models")

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What can be done here; what is installed while the node runs is found too."""
        self._look()
        return tuple(task for task in TASKS if task in self._sides)

    @property
    def pids(self) -> dict[Task, int]:
        """Process ids of those that run."""
        running = ((task, side.process) for task, side in self._sides.items())
        return {task: process.pid for task, process in running if process is not None}

    def longest(self, task: Task) -> int:
        """Bytes of one file at most; raises NeedsPerson as `run` does."""
        return self._side(task).model.LONGEST

    def run(self, task: Task, file: bytes) -> dict[str, Json]:
        """What a file says; waits for its turn, for memory and for the model.

        Raises:
            NeedsPerson: `side-model-missing`, or it cannot be loaded.
            RetryLater: there is no memory now, or `side-model-failed`.
            Refused: the file is not one that the model takes.
        """
        side = self._side(task)
        if len(file) > side.model.LONGEST:
            raise too_large(side.model.LONGEST)
        with side.lock:
            try:
                if side.process is not None and side.process.poll() is not None:  # ended by somebody else meanwhile
                    self._bury(side)
                if side.process is None:
                    side.process = self._starter.submit(self._start, side).result()
                return self._ask(side, side.process, file)
            finally:
                side.used_s = self._monotonic_s()

    def end_idle(self) -> None:
        """End what nobody has asked for a while."""
        self._end(lambda side: self._monotonic_s() - side.used_s >= self._idle_s)

    def shed(self) -> None:
        """End what works on nothing now; it is started again when somebody asks."""
        self._end(lambda side: True)

    def close(self) -> None:
        """End all, also what works."""
        for side in self._sides.values():
            if (process := side.process) is not None:
                process.kill()
        self.shed()
        self._starter.shutdown()

    def _look(self) -> None:
        """See whether there is a model now for a task that had none."""
        with self._looking:
            missing = [task for task in TASKS if task not in self._sides]
            if missing:
                importlib.invalidate_caches()
            for task in missing:
                if (name := model_for(task, self._config)) is not None:
                    self._sides = {**self._sides, task: _Side(name, load_side_model(name))}

    def _side(self, task: Task) -> _Side:
        if task not in self._sides:
            self._look()
        side = self._sides.get(task)
        if side is None:
            raise NeedsPerson(
                "side-model-missing",
                f"No model that can {_DEEDS[task]} is installed on this compute node. All else works; `make install` "
                "there adds one.",
            )
        return side

    def _end(self, due: Callable[[_Side], bool]) -> None:
        for side in self._sides.values():
            if side.process is None or not side.lock.acquire(blocking=False):
                continue  # it works
            try:
                if side.process is not None and due(side):
                    self._bury(side)
            finally:
                side.lock.release()

    def _bury(self, side: _Side) -> None:
        """End a process, and tell that its memory is back."""
        process, side.process = side.process, None
        assert process is not None
        _bury(process)
        self._lease.shrink(side.model.NEED)

    def _start(self, side: _Side) -> subprocess.Popen[bytes]:
        """A process that has loaded; in the thread that starts them all."""
        need = side.model.NEED
        self._lease.grow(need)
        process = None
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hearthside.inference.side_models.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            told = {"model": side.name, "parent_pid": os.getpid(), "config": asdict(self._config)}
            answer = _exchange(process, orjson.dumps(told) + b"\n", _LOAD_S)
            if "error" in answer:
                raise error_of(answer["error"])
            if answer.get("ready") is not True:
                raise ValueError("not ready")
        except BaseException as error:
            if process is not None:
                _bury(process)
            self._lease.loaded()
            self._lease.shrink(need)
            if isinstance(error, HearthsideError):
                raise
            raise _failed() from error
        self._lease.loaded()
        _log.info("side model %s is loaded", side.name)
        return process

    def _ask(self, side: _Side, process: subprocess.Popen[bytes], file: bytes) -> dict[str, Json]:
        try:
            answer = _exchange(process, len(file).to_bytes(8, "big"), _RUN_S, file)
            if "error" in answer:
                raise error_of(answer["error"])
            result: dict[str, Json] = answer["result"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("side model %s failed: %s", side.name, type(error).__name__)
            self._bury(side)
            raise _failed() from error
        return result


def _exchange(process: subprocess.Popen[bytes], head: bytes, seconds: float, body: bytes = b"") -> dict[str, Json]:
    """Write to a process and read its answer, one line; one that takes longer is killed.

    Raises:
        OSError, ValueError: it ended, or what it wrote is no answer; whoever asked ends it then.
    """
    assert process.stdin is not None and process.stdout is not None
    watch = threading.Timer(seconds, process.kill)
    watch.daemon = True
    watch.start()
    try:
        _write(process.stdin, head, body)
        line = process.stdout.readline(_LONGEST_LINE)
    finally:
        watch.cancel()
    answer = orjson.loads(line) if line.endswith(b"\n") else None
    if not isinstance(answer, dict):
        raise ValueError("no answer")
    return answer


def _write(pipe: IO[bytes], head: bytes, body: bytes) -> None:
    pipe.write(head)
    if body:
        pipe.write(body)
    pipe.flush()


def _bury(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was still to be written goes nowhere
                pipe.close()


def _failed() -> RetryLater:
    return RetryLater(
        "side-model-failed",
        "The model that reads this did not manage and was ended; nothing else is touched. Try again, or with another "
        "file.",
    )
