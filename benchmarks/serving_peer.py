"""xllamacpp's own server in a process of its own, and its HTTP API asked as a programme would ask it.

Run as a file it is the server: ``serving_peer.py MODEL THREADS CONTEXT PARALLEL`` prints its address and serves until
standard input ends. Everything that is not given stands as xllamacpp sets it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Timed:
    """One answer, as the one who asked saw it.

    Attributes:
        first_s: seconds from asking to the first piece of text.
        rate: tokens a second after the first; 0 for an answer of one token.
        text: all of it.
        tokens, prompt, cached: tokens of the answer, of the prompt, and those of the prompt from the prefix cache.
    """

    first_s: float
    rate: float
    text: str
    tokens: int
    prompt: int
    cached: int


def timed(began: float, at: Sequence[float], text: str, tokens: int, prompt: int, cached: int) -> Timed:
    """See Timed; `at` are the times of the pieces, and `began` that of asking, on one clock in seconds."""
    spent = at[-1] - at[0] if at else 0.0
    return Timed(
        (at[0] if at else began) - began, (tokens - 1) / spent if spent > 0 else 0.0, text, tokens, prompt, cached
    )


class Peer:
    """The server as a client sees it."""

    def __init__(self, address: str, pid: int) -> None:
        self._address, self.pid = address, pid
        # It closes a connection that was idle for some seconds, so each request has its own.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(trust_env=False, timeout=_TIMEOUT_S, limits=limits)

    def ask(self, messages: Sequence[dict[str, str]], max_tokens: int) -> Timed:
        """One streamed chat completion, the likeliest token each time."""
        body = {
            "messages": messages, "max_tokens": max_tokens, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True},
        }  # fmt: skip
        at, pieces, usage = list[float](), list[str](), dict[str, Any]()
        began = time.perf_counter()
        with self._http.stream("POST", f"{self._address}/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if not line.startswith("data: {"):
                    continue
                chunk = json.loads(line[6:])
                usage = chunk.get("usage") or usage
                if text := "".join(choice["delta"].get("content") or "" for choice in chunk["choices"]):
                    at.append(time.perf_counter())
                    pieces.append(text)
        cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        return timed(began, at, "".join(pieces), usage["completion_tokens"], usage["prompt_tokens"], cached)


@contextmanager
def peer(model: Path, threads: int, context_tokens: int, parallel: int) -> Iterator[Peer]:
    """The server while it runs; `context_tokens` of each completion, as Hearthside counts them."""
    given = [str(model), str(threads), str(context_tokens), str(parallel)]
    process = subprocess.Popen(
        [sys.executable, __file__, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("xllamacpp's server did not start")
        yield Peer(address, process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _serve(model: str, threads: int, context_tokens: int, parallel: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx, params.n_parallel = context_tokens * parallel, parallel  # llama.cpp divides it among the slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.hostnames, params.port, params.verbosity, params.ui = ["127.0.0.1"], 0, -1, False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1], *(int(number) for number in sys.argv[2:5]))
