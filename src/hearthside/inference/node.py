"""The compute node: a process that serves one model on loopback and keeps nothing.

Started by the supervisor as ``python -m hearthside.inference.node`` with one JSON line on standard input; it prints one
JSON line when it is ready (``{"port": ...}`` or ``{"error": ...}``), and ends when its parent does. Requests carry a
token that is new at each start. Prompts, answers and adapters live in memory only and are never logged.
"""

from __future__ import annotations

import base64
import ctypes
import gc
import hmac
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, NoReturn

import anyio.to_thread
import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hearthside.errors import HearthsideError, Refused
from hearthside.events import Json
from hearthside.inference.backend import Backend, Generation, Message, Sampling, Usage
from hearthside.inference.backends.llama_cpp import LlamaCpp
from hearthside.inference.embedding import Embedder, load_embedder
from hearthside.inference.kept_heads import KeptHeads
from hearthside.inference.meter import Meter
from hearthside.inference.wire import NodeConfig, error_body

_ROLES = {"system", "user", "assistant"}
_LONGEST_GRAMMAR = 65_536  # characters; ours have a few thousand
_PROBE: list[Message] = [{"role": "user", "content": "."}]


class _Token:
    """Lets requests through that carry the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", [])).get(b"authorization", b"")
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
            return
        refused = Refused("node-token-wrong", "This request does not carry the token of the compute node.")
        await JSONResponse({"error": error_body(refused)}, 401)(scope, receive, send)


@dataclass(slots=True)
class _Node:
    """The endpoints and what they share. `clock` gives UTC milliseconds."""

    config: NodeConfig
    backend: Backend
    clock: Callable[[], int]
    embedder_of: Callable[[], Embedder]
    meter: Meter
    started_ms: int
    running: int = 0
    progress: int = 0
    last_completion_ms: int | None = None
    embedder: Embedder | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    embedder_lock: threading.Lock = field(default_factory=threading.Lock)

    async def health(self, request: Request) -> Response:
        return JSONResponse(
            {
                "model": self.config.model_name,
                "sha256": self.config.model_sha256,
                "adapters": list(self.backend.adapters),
                "running": self.running,
                "progress": self.progress,
                "last_completion_ms": self.last_completion_ms,
                "uptime_ms": self.clock() - self.started_ms,
                "tally": self.meter.tally().body(),
            }
        )

    async def complete(self, request: Request) -> Response:
        body = await _json(request)
        messages, sampling = _messages(body), _sampling(body)
        with self.lock:  # counted before it can end
            generation = self.backend.generate(
                messages, adapter=body.get("adapter"), sampling=sampling, on_usage=self._completed
            )
            self.running += 1
        return StreamingResponse(self._lines(generation), media_type="application/x-ndjson")

    async def _lines(self, generation: Generation) -> AsyncIterator[bytes]:
        try:
            # Left at once when the caller goes: the thread ends with the generation, which is closed below.
            while token := await anyio.to_thread.run_sync(partial(next, generation, None), abandon_on_cancel=True):
                self.progress += 1
                usage = {"usage": asdict(token.usage)} if token.usage else {}
                yield orjson.dumps({"text": token.text, **usage}) + b"\n"
        except HearthsideError as error:
            yield orjson.dumps({"error": error_body(error)}) + b"\n"
        finally:
            generation.close()

    def _completed(self, usage: Usage) -> None:  # from the backend's thread, before the last piece goes out
        with self.lock:
            self.running -= 1
        self.meter.completion(usage)
        if usage.completion_tokens:
            self.last_completion_ms = self.clock()

    async def probe(self, request: Request) -> Response:
        generation = self.backend.generate(
            _PROBE, adapter=None, sampling=Sampling(max_tokens=1), on_usage=self.meter.probe
        )
        tokens = await anyio.to_thread.run_sync(list, generation)
        usage = tokens[-1].usage
        return JSONResponse({"seconds": usage.seconds if usage else 0.0})

    async def put_adapter(self, request: Request) -> Response:
        gguf = await request.body()
        await anyio.to_thread.run_sync(self.backend.load_adapter, request.path_params["adapter"], gguf)
        return JSONResponse({"adapters": list(self.backend.adapters)})

    async def delete_adapter(self, request: Request) -> Response:
        await anyio.to_thread.run_sync(self.backend.unload_adapter, request.path_params["adapter"])
        return JSONResponse({"adapters": list(self.backend.adapters)})

    async def put_head(self, request: Request) -> Response:
        raw = await request.body()
        await anyio.to_thread.run_sync(self._heads().keep, request.path_params["vault"], raw)
        return Response(status_code=204)

    async def get_head(self, request: Request) -> Response:
        raw = await anyio.to_thread.run_sync(self._heads().held, request.path_params["vault"])
        return Response(raw, media_type="application/json") if raw is not None else Response(status_code=204)

    def _heads(self) -> KeptHeads:
        if not self.config.heads_folder:
            raise Refused("node-keeps-no-heads", "This compute node has no folder to remember heads in.")
        return KeptHeads(Path(self.config.heads_folder))

    async def embed(self, request: Request) -> Response:
        body = await _json(request)
        texts = body.get("texts")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise Refused("request-wrong", "`texts` must be a list of texts.")
        return JSONResponse(await anyio.to_thread.run_sync(self._embed, texts, bool(body.get("query"))))

    def _embed(self, texts: list[str], query: bool) -> dict[str, Json]:
        with self.embedder_lock:
            embedder = self.embedder = self.embedder or self.embedder_of()
        vectors = embedder.embed(texts, query=query).astype("<f2")  # (n, dim)
        self.meter.embedding(len(texts))
        return {
            "model": embedder.model,
            "dim": embedder.dim,
            "float16": base64.b64encode(np.ascontiguousarray(vectors).tobytes()).decode(),
        }

    async def shed(self, request: Request) -> Response:
        body = await _json(request)
        await anyio.to_thread.run_sync(self._shed, bool(body.get("models")))
        return JSONResponse({})

    def _shed(self, models: bool) -> None:
        """Give back what can be made again: the embedder, and what the allocator keeps for later.

        The cache of keys and values is one buffer for as long as the model is loaded; emptying it gives nothing back.
        """
        if models:
            with self.embedder_lock:
                self.embedder = None
        gc.collect()
        if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
            trim(0)


def build_app(
    config: NodeConfig,
    backend: Backend,
    clock: Callable[[], int],
    embedder_of: Callable[[], Embedder] = load_embedder,
) -> Starlette:
    """The node's web application around a started backend; `clock` gives UTC milliseconds."""
    node = _Node(config, backend, clock, embedder_of, Meter(), clock())
    return Starlette(
        routes=[
            Route("/health", node.health),
            Route("/complete", node.complete, methods=["POST"]),
            Route("/probe", node.probe, methods=["POST"]),
            Route("/adapters/{adapter}", node.put_adapter, methods=["PUT"]),
            Route("/adapters/{adapter}", node.delete_adapter, methods=["DELETE"]),
            Route("/heads/{vault}", node.put_head, methods=["PUT"]),
            Route("/heads/{vault}", node.get_head),
            Route("/embed", node.embed, methods=["POST"]),
            Route("/shed", node.shed, methods=["POST"]),
        ],
        middleware=[Middleware(_Token, token=config.token)],
        exception_handlers={HearthsideError: _error_response},
    )


async def _error_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, HearthsideError)
    return JSONResponse({"error": error_body(error)}, 422)


async def _json(request: Request) -> dict[str, Json]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise Refused("request-wrong", "The body must be a JSON object.")
    return body


def _messages(body: dict[str, Json]) -> list[Message]:
    messages = body.get("messages")
    well_formed = (
        isinstance(messages, list)
        and messages
        and all(isinstance(m, dict) and m.get("role") in _ROLES and isinstance(m.get("content"), str) for m in messages)
    )
    if not well_formed:
        raise Refused("request-wrong", "`messages` must be a list of turns with a role and a text.")
    return list(messages or [])


def _sampling(body: dict[str, Json]) -> Sampling:
    try:
        seed = body.get("seed")
        return Sampling(
            max_tokens=max(1, int(body.get("max_tokens", 256))),
            temperature=max(0.0, float(body.get("temperature", 0.0))),
            seed=None if seed is None else int(seed) & 0xFFFF_FFFF,
            stop=tuple(str(text) for text in body.get("stop", ())),
            grammar=_grammar(body),
        )
    except (TypeError, ValueError) as error:
        raise Refused("request-wrong", "The sampling settings of this request are not numbers.") from error


def _grammar(body: dict[str, Json]) -> str:
    grammar = body.get("grammar", "")
    if not isinstance(grammar, str) or len(grammar) > _LONGEST_GRAMMAR:
        raise Refused("request-wrong", f"`grammar` must be a text of at most {_LONGEST_GRAMMAR:,} characters.")
    return grammar


def _die_with_parent(parent_pid: int) -> None:
    """Linux: the kernel ends this process when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
    if os.getppid() != parent_pid:  # it was gone before the line above took hold
        os._exit(0)


def _exit_at_end_of(stream: IO[bytes]) -> NoReturn:
    """Everywhere: standard input ends when the parent closes it or dies."""
    while stream.read(65536):
        pass
    os._exit(0)


def _take_stdout() -> IO[bytes]:
    """Keep standard output for the ready line alone: whatever a library prints must not fill the pipe."""
    own = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return own


def _backend(config: NodeConfig) -> tuple[Backend, Callable[[], str]]:
    """A model of the node's own, or the model server that was named; and what that one says of itself once started."""
    path = Path(config.model_path)
    if not config.server_url:
        threads, context, parallel = config.threads, config.context_tokens, config.parallel
        own = LlamaCpp(path, config.model_sha256, threads=threads, context_tokens=context, parallel=parallel)
        return own, lambda: ""
    # Here, for the client takes long to load, and a node with a model of its own must be back soon.
    from hearthside.inference.backends.openai_http import OpenAiHttp
    from hearthside.inference.backends.server_address import ServerAddress
    from hearthside.inference.gguf_header import model_header

    base = (model_header(path), config.model_sha256) if config.model_path else None
    server = OpenAiHttp(ServerAddress(config.server_url, config.server_model, config.server_key), base)
    return server, lambda: f"{server.flavour}, {server.model}"


def _clock() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Run the node until its parent ends it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write adapters or prompts to a disk
    out = _take_stdout()
    line = sys.stdin.buffer.readline()
    if not line:  # the parent went before it said what to do
        sys.exit(0)
    config = NodeConfig(**orjson.loads(line))
    _die_with_parent(config.parent_pid)
    threading.Thread(target=_exit_at_end_of, args=(sys.stdin.buffer,), daemon=True).start()
    try:
        backend, served = _backend(config)
        refused = backend.start({name: base64.b64decode(gguf) for name, gguf in config.adapters.items()})
    except HearthsideError as error:
        out.write(orjson.dumps({"error": error_body(error)}) + b"\n")
        out.flush()
        sys.exit(1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ready = {
            "port": listener.getsockname()[1],
            "refused": {name: error_body(error) for name, error in refused.items()},
            "server": served(),
        }
        out.write(orjson.dumps(ready) + b"\n")
        out.flush()
        app = build_app(config, backend, _clock)
        settings = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        uvicorn.Server(settings).run(sockets=[listener])


if __name__ == "__main__":
    main()
