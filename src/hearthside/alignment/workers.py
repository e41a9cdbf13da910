"""Aligning runs of days in several processes: Python decodes a journal on one core only, and a home has more."""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hearthside.alignment.batch import Batch, align_batch
from hearthside.alignment.clocks.placing import KnownClocks
from hearthside.journal import Journal
from hearthside.logs import logger

_LENGTH_BYTES = 8
_log = logger("alignment")


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker needs to begin: secret, it holds the keys of the journal.

    Attributes:
        folder: of the vault.
        keys: of the journal, the one in force first.
        upto: see `align_batch`.
    """

    folder: Path
    keys: tuple[bytes, ...]
    clocks: KnownClocks
    upto: int


def align_runs(
    journal: Journal, clocks: KnownClocks, runs: Sequence[range], upto: int, workers: int, stop: Callable[[], bool]
) -> Iterator[Batch]:
    """Align runs of days, in any order; until stopped.

    Args:
        workers: processes to share the work; with fewer than two it is done here.
    """
    if workers < 2 or len(runs) < 2 * workers:
        for days in runs:
            if stop():
                return
            yield align_batch(journal, clocks, days, upto)
        return
    folder, keys = journal.opened_with()
    yield from _shared(journal, Work(folder, keys, clocks, upto), runs, workers, stop)


def _shared(
    journal: Journal, work: Work, runs: Sequence[range], workers: int, stop: Callable[[], bool]
) -> Iterator[Batch]:
    waiting: queue.SimpleQueue[range] = queue.SimpleQueue()
    ready: queue.Queue[Batch | range | None] = queue.Queue(2 * workers)  # what is ready waits in memory: not too much
    for days in runs:
        waiting.put(days)
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
            elif isinstance(found, range):  # its worker died: it is done here
                yield align_batch(journal, work.clocks, found, work.upto)
            else:
                yield found
            if stop():
                return
    finally:
        ended.set()
        while any(thread.is_alive() for thread in threads):
            _discard(ready)
            for thread in threads:
                thread.join(0.05)


def _discard(ready: queue.Queue[Batch | range | None]) -> None:
    """Make room, so that whoever waits to put something in sees that it is over."""
    try:
        while True:
            ready.get_nowait()
    except queue.Empty:
        pass


def _drive(
    work: Work, waiting: queue.SimpleQueue[range], ready: queue.Queue[Batch | range | None], ended: threading.Event
) -> None:
    """Keep one worker busy until nothing waits."""
    days: range | None = None
    try:
        with _worker(work) as (to_worker, from_worker):
            while not ended.is_set() and (days := _next(waiting)) is not None:
                send(to_worker, days)
                ready.put(receive(from_worker))
                days = None
    except Exception:  # noqa: BLE001 - no memory for it, killed, damaged: where its days are done shows what is wrong
        _log.warning("a process that lines up days ended early; its days are lined up here")
        while not ended.is_set() and (days := days or _next(waiting)) is not None:
            ready.put(days)
            days = None
    finally:
        ready.put(None)


@contextmanager
def _worker(work: Work) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A worker that knows its work: where to write to it, and where to read what it says."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "hearthside.alignment.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        send(process.stdin, work)
        yield process.stdin, process.stdout
    finally:
        process.kill()
        process.communicate()


def _next(waiting: queue.SimpleQueue[range]) -> range | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def send(pipe: IO[bytes], value: object) -> None:
    """Write one value with its length."""
    raw = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(len(raw).to_bytes(_LENGTH_BYTES, "little") + raw)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Batch:
    """Read one value of a worker that we started ourselves.

    Raises:
        EOFError: the worker ended.
    """
    found: Batch = pickle.loads(_exactly(pipe, int.from_bytes(_exactly(pipe, _LENGTH_BYTES), "little")))
    return found


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    raw = pipe.read(size)
    if len(raw) < size:
        raise EOFError
    return raw
