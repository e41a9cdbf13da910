"""Sharing work among several processes: Python decodes a journal on one core only, and a home has more."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any, Generic, Protocol, TypeVar

from hearthside.logs import logger

WORKERS = 4
"""No more processes than this share work, however many cores there are: one disk feeds them all."""
_LENGTH_BYTES = 8
_log = logger("alignment")
Task = TypeVar("Task")
Result = TypeVar("Result")
_Asked = TypeVar("_Asked", contravariant=True)
_Done = TypeVar("_Done", covariant=True)


class Work(Protocol[_Asked, _Done]):
    """What a worker needs to begin; it travels to another process of this house, and may hold keys."""

    def begin(self) -> AbstractContextManager[Callable[[_Asked], _Done]]:
        """Open what is needed; what does one task."""
        ...


@dataclass(frozen=True, slots=True)
class _Undone(Generic[Task]):
    """A task whose worker died."""

    task: Task


def cores() -> int:
    """How many processes are worth starting here."""
    return min(os.cpu_count() or 1, WORKERS)


@dataclass(frozen=True, slots=True)
class Begin(Generic[Task, Result]):
    """Tells a worker what the tasks after it are."""

    work: Work[Task, Result]


def share(
    work: Work[Task, Result],
    tasks: Sequence[Task],
    workers: int,
    stop: Callable[[], bool],
    here: Callable[[Task], Result],
) -> Iterator[Result]:
    """Do tasks with workers that end with them; see `Pool.share`."""
    with Pool(workers) as pool:
        yield from pool.share(work, tasks, stop, here)


class Pool:
    """Workers that go on from one work to the next, since starting one takes half a second; they end with it.

    Args:
        workers: processes to share the work; with fewer than two it is done here.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._idle: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        while self._idle:
            _end(self._idle.pop())

    def share(
        self,
        work: Work[Task, Result],
        tasks: Sequence[Task],
        stop: Callable[[], bool],
        here: Callable[[Task], Result],
    ) -> Iterator[Result]:
        """Do tasks, in any order; until stopped.

        Args:
            here: does one task in this process.
        """
        if self._workers < 2 or len(tasks) < 2 * self._workers:
            for task in tasks:
                if stop():
                    return
                yield here(task)
            return
        waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        # What is ready waits in memory: not too much.
        ready: queue.Queue[Result | _Undone[Task] | None] = queue.Queue(2 * self._workers)
        for task in tasks:
            waiting.put(task)
        ended = threading.Event()
        told = (work, waiting, ready, ended)
        threads = [threading.Thread(target=self._drive, args=told, daemon=True) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        alive = self._workers
        try:
            while alive:
                found = ready.get()
                if found is None:
                    alive -= 1
                else:
                    yield here(found.task) if isinstance(found, _Undone) else found
                if stop():
                    return
        finally:
            ended.set()
            while any(thread.is_alive() for thread in threads):
                _discard(ready)
                for thread in threads:
                    thread.join(0.05)

    def _drive(
        self,
        work: Work[Task, Result],
        waiting: queue.SimpleQueue[Task],
        ready: queue.Queue[Result | _Undone[Task] | None],
        ended: threading.Event,
    ) -> None:
        """Keep one worker busy until nothing waits."""
        task: Task | None = None
        process: subprocess.Popen[bytes] | None = None
        try:
            process = self._taken()
            assert process.stdin is not None and process.stdout is not None
            send(process.stdin, Begin(work))
            while not ended.is_set() and (task := _next(waiting)) is not None:
                send(process.stdin, task)
                ready.put(receive(process.stdout))
                task = None
            with self._lock:
                self._idle.append(process)
            process = None
        except Exception:  # noqa: BLE001 - no memory for it, killed, damaged: where its task is done shows what is wrong
            _log.warning("a process that shares the work of lining up days ended early; its days are done here")
            while not ended.is_set() and (task := task or _next(waiting)) is not None:
                ready.put(_Undone(task))
                task = None
        finally:
            if process is not None:
                _end(process)
            ready.put(None)

    def _taken(self) -> subprocess.Popen[bytes]:
        """A worker that has nothing to do, or a new one."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "hearthside.alignment.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # where its task is done again shows what went wrong; a traceback may quote
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _discard(ready: queue.Queue[Result | _Undone[Task] | None]) -> None:
    """Make room, so that whoever waits to put something in sees that it is over."""
    try:
        while True:
            ready.get_nowait()
    except queue.Empty:
        pass


def _next(waiting: queue.SimpleQueue[Task]) -> Task | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def send(pipe: IO[bytes], value: object) -> None:
    """Write one value with its length."""
    raw = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(len(raw).to_bytes(_LENGTH_BYTES, "little") + raw)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one value of a worker that we started ourselves.

    Raises:
        EOFError: the worker ended.
    """
    return pickle.loads(_exactly(pipe, int.from_bytes(_exactly(pipe, _LENGTH_BYTES), "little")))


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    raw = pipe.read(size)
    if len(raw) < size:
        raise EOFError
    return raw
