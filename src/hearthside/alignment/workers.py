"""Sharing work among several processes: Python decodes a journal on one core only, and a home has more."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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


def share(
    work: Work[Task, Result],
    tasks: Sequence[Task],
    workers: int,
    stop: Callable[[], bool],
    here: Callable[[Task], Result],
) -> Iterator[Result]:
    """Do tasks, in any order; until stopped.

    Args:
        workers: processes to share the work; with fewer than two it is done here.
        here: does one task in this process.
    """
    if workers < 2 or len(tasks) < 2 * workers:
        for task in tasks:
            if stop():
                return
            yield here(task)
        return
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    # What is ready waits in memory: not too much.
    ready: queue.Queue[Result | _Undone[Task] | None] = queue.Queue(2 * workers)
    for task in tasks:
        waiting.put(task)
    ended = threading.Event()
    threads = [threading.Thread(target=_drive, args=(work, waiting, ready, ended), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    alive = workers
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


def _discard(ready: queue.Queue[Result | _Undone[Task] | None]) -> None:
    """Make room, so that whoever waits to put something in sees that it is over."""
    try:
        while True:
            ready.get_nowait()
    except queue.Empty:
        pass


def _drive(
    work: Work[Task, Result],
    waiting: queue.SimpleQueue[Task],
    ready: queue.Queue[Result | _Undone[Task] | None],
    ended: threading.Event,
) -> None:
    """Keep one worker busy until nothing waits."""
    task: Task | None = None
    try:
        with _worker(work) as (to_worker, from_worker):
            while not ended.is_set() and (task := _next(waiting)) is not None:
                send(to_worker, task)
                ready.put(receive(from_worker))
                task = None
    except Exception:  # noqa: BLE001 - no memory for it, killed, damaged: where its task is done shows what is wrong
        _log.warning("a process that shares the work of lining up days ended early; its days are done here")
        while not ended.is_set() and (task := task or _next(waiting)) is not None:
            ready.put(_Undone(task))
            task = None
    finally:
        ready.put(None)


@contextmanager
def _worker(work: Work[Task, Result]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A worker that knows its work: where to write to it, and where to read what it says."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "hearthside.alignment.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what goes wrong there shows where its task is done again; a traceback may quote
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        send(process.stdin, work)
        yield process.stdin, process.stdout
    finally:
        process.kill()
        process.communicate()


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
