"""A load generator in a process of its own: N connections, each sending its next request when the last is answered.

It speaks just enough HTTP/1.1 to count answers (status line, Content-Length, Connection), so that of two cores it
leaves as much as it can to the server under test. The same code measures every server. A closed loop like this one
measures throughput; its latencies are those at that throughput, not those of a server with time to spare.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeAlias, cast

import uvloop

GRACE_S = 10.0  # how long answers still under way at the end are waited for
START_S = 60.0  # a Python process on a busy machine

Requests: TypeAlias = Callable[[int], bytes] | Sequence[bytes]
"""The i-th request (from 0) as the bytes on the wire. A callable goes to another process, so it must be picklable."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one load run saw.

    Attributes:
        events_per_s: answers 200 per second of the measured span; events, when each request carries one.
        p50_ms, p99_ms: from sending a request to its whole answer, connecting included where each needs a connection.
        errors: answers other than 200, broken connections, and answers that never came.
        answered: all answers 200, those of the warm-up and after the end of the span included.
        kept_alive: whether the server left its connections open after an answer.
    """

    events_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    answered: int
    kept_alive: bool


def measure(
    host: str, port: int, requests: Requests, connections: int, seconds: float, *, warm_up_s: float = 0.5
) -> LoadResult:
    """Send requests over `connections` connections for `seconds`, or until a list of them is used up.

    Args:
        requests: each is sent once; of a list nothing is sent twice.
        seconds: length of the measured span, after the warm-up.
        warm_up_s: seconds of the same load before it.

    Raises:
        RuntimeError: the generator's process ended without a result.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(
        target=_child, args=(theirs, host, port, requests, connections, seconds, warm_up_s), daemon=True
    )
    child.start()
    theirs.close()
    try:
        if not ours.poll(START_S + warm_up_s + seconds + GRACE_S):
            raise RuntimeError("the load generator did not end in time")
        result = ours.recv()
    except EOFError:
        raise RuntimeError("the load generator ended without a result") from None
    finally:
        child.kill()
        child.join()
        ours.close()
    assert isinstance(result, LoadResult)
    return result


def median(results: Sequence[LoadResult]) -> LoadResult:
    """The run with the median throughput of several (the lower of the two in the middle)."""
    rate = statistics.median_low(result.events_per_s for result in results)
    return next(result for result in results if result.events_per_s == rate)


def _child(
    pipe: Connection, host: str, port: int, requests: Requests, connections: int, seconds: float, warm_up_s: float
) -> None:
    run = _Run(requests, warm_up_s, seconds)
    uvloop.run(run.go(host, port, connections))
    pipe.send(run.result())


class _Run:
    """What all connections of one run share."""

    def __init__(self, requests: Requests, warm_up_s: float, seconds: float) -> None:
        self._next = requests if callable(requests) else requests.__getitem__
        self._count = None if callable(requests) else len(requests)
        self._sent = 0
        self._warm_up_s, self._seconds = warm_up_s, seconds
        self._began = self._ended = 0.0  # of the measured span, perf_counter seconds
        self._stopped = False
        self._latencies: deque[float] = deque()  # seconds, of the measured span
        self._idle = asyncio.Event()
        self._open = 0  # clients that have not finished
        self.answered = self.errors = 0
        self.kept_alive = True

    async def go(self, host: str, port: int, connections: int) -> None:
        self._open = connections
        self._began = time.perf_counter() + self._warm_up_s
        for _ in range(connections):
            _Client(self, host, port).connect()
        try:
            await asyncio.wait_for(self._idle.wait(), self._warm_up_s + self._seconds)
        except TimeoutError:
            self._stopped, self._ended = True, time.perf_counter()
            try:
                await asyncio.wait_for(self._idle.wait(), GRACE_S)
            except TimeoutError:
                self.errors += self._open  # each waits for an answer that did not come
        else:
            self._ended = time.perf_counter()

    def take(self) -> bytes | None:
        """The next request, or None when there is no more to send."""
        number = self._sent
        if self._stopped or number == self._count:
            return None
        self._sent += 1
        return self._next(number)

    def finished(self) -> None:
        """A client has nothing left to do."""
        self._open -= 1
        if not self._open:
            self._idle.set()

    def count(self, ok: bool, began: float) -> None:
        """One answer; `began` is when its request set out."""
        if not ok:
            self.errors += 1
            return
        self.answered += 1
        now = time.perf_counter()
        if self._began <= now and not self._stopped:
            self._latencies.append(now - began)

    def result(self) -> LoadResult:
        """The figures, when the run is over."""
        ordered = sorted(self._latencies)
        span = max(self._ended - self._began, 1e-9)

        def at(share: float) -> float:
            return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000 if ordered else float("nan")

        return LoadResult(len(ordered) / span, at(0.5), at(0.99), self.errors, self.answered, self.kept_alive)


class _Client(asyncio.Protocol):
    """One connection after another to the server; one request under way at a time."""

    def __init__(self, run: _Run, host: str, port: int) -> None:
        self._run, self._host, self._port = run, host, port
        self._transport: asyncio.Transport | None = None
        self._request: bytes | None = None
        self._began = 0.0
        self._received = b""
        self._connecting: asyncio.Task[None] | None = None

    def connect(self) -> None:
        """Take the next request and open a connection for it."""
        self._request = self._run.take()
        if self._request is None:
            self._run.finished()
            return
        self._began = time.perf_counter()
        self._connecting = asyncio.create_task(self._open())

    async def _open(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, self._host, self._port)
        except OSError:
            self._run.count(False, self._began)
            await asyncio.sleep(0.01)  # a server that is down must not be asked in a tight loop
            self.connect()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert self._request is not None
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which is no subclass of it
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        if len(self._received) < end + 4 + _content_length(head):
            return
        self._received = b""
        self._request = None
        self._run.count(head[9:12] == b"200", self._began)
        assert self._transport is not None
        if head.startswith(b"http/1.0") or b"\r\nconnection: close" in head:
            self._run.kept_alive = False
            self._transport.close()
            return
        self._request = self._run.take()
        if self._request is None:
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        if self._request is not None:  # closed on us before the answer
            self._run.count(False, self._began)
        self._received = b""
        self.connect()


def _content_length(head: bytes) -> int:
    """Bytes of the body, from the lower-case head of an answer.

    Raises:
        ValueError: the answer does not say, which this generator does not read.
    """
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        raise ValueError("an answer without Content-Length")
    return int(head[at + 17 : (head + b"\r\n").find(b"\r\n", at + 2)])
