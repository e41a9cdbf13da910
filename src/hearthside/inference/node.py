"""The compute node: a process that serves one model, on loopback or to a paired home on the network, and keeps nothing.

Started by the supervisor as ``python -m hearthside.inference.node`` with one JSON line on standard input; it prints one
JSON line when it is ready (``{"port": ...}`` or ``{"error": ...}``), another when it ends to forget what it was told
(``{"leaving": ...}``), and ends when its parent does. Requests on loopback carry a token that is new at each start,
those from the network come through `remote/lan_door.py`: the parent hands the open socket over and never sees what is
said. Prompts, answers and adapters live in memory only and are never logged.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import gc
import hmac
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, NoReturn

import anyio
import anyio.to_thread
import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as ASGIMessage

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json
from hearthside.inference.backend import Backend, Generation, Message, Sampling, Usage
from hearthside.inference.backends.llama_cpp import LlamaCpp
from hearthside.inference.child_process import (
    die_with_parent,
    exit_at_end_of,
    leave_no_core,
    not_readable_by_others,
    take_stdout,
)
from hearthside.inference.embedding import Embedder, embedder_is_here, load_embedder
from hearthside.inference.energy import machine_meter
from hearthside.inference.kept_heads import KeptHeads
from hearthside.inference.meter import Meter
from hearthside.inference.metered import Metered
from hearthside.inference.node_requests import json_of, messages_of, sampling_of
from hearthside.inference.remote import lan_door
from hearthside.inference.remote.node_identity import NodeIdentity
from hearthside.inference.side_models import TASKS, SideConfig, Task
from hearthside.inference.side_models.host import SideModels
from hearthside.inference.side_room import AskedRoom
from hearthside.inference.side_turns import SideTurns
from hearthside.inference.traces import Leaving, Traces
from hearthside.inference.wire import NodeConfig, error_body

_MOST_PROBED = 16  # tokens
_PERSONAL = ("/complete", "/embed", "/adapters", *(f"/{task}" for task in TASKS))
_UNCUT = (*_PERSONAL, "/probe", "/heads")  # the last two leave no traces, but are not to break off either
_LOOK_S = 5.0  # between two looks for side models that nobody asks any more
_BODY_S = 60.0  # without a byte of a request that has begun: who sent it is gone
_CLOSED = 499  # nobody is there to read it
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


class _Counted:
    """Counts requests that must not be cut, from their first byte to the last of their answer."""

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        if not path.startswith(_UNCUT):
            await self._app(scope, receive, send)
            return
        try:
            self._traces.begin()
        except RetryLater as error:
            await JSONResponse({"error": error_body(error)}, 503)(scope, receive, send)
            return
        try:
            await self._app(scope, _in_time(receive), send)
        finally:
            self._traces.end(used=path.startswith(_PERSONAL))


def _in_time(receive: Receive) -> Receive:
    """Gives up a body of which nothing comes any more: what came of it is in memory, which must be emptied one day."""
    whole = False

    async def received() -> ASGIMessage:
        nonlocal whole
        try:
            async with asyncio.timeout(None if whole else _BODY_S):  # while it is answered, nothing has to come
                message = await receive()
        except TimeoutError as error:
            raise Refused("request-wrong", "The request broke off in the middle.") from error
        whole = not message.get("more_body", False)
        return message

    return received


@dataclass(slots=True)
class Node:
    """The endpoints and what they share.

    Attributes:
        clock: UTC milliseconds.
        traces: what was said to this process, and when that must be gone.
        side: models for other tasks than language; None: there are none.
        start: names this start of the process, to those who ask over the network.
    """

    config: NodeConfig
    backend: Backend
    clock: Callable[[], int]
    traces: Traces
    embedder_of: Callable[[], Embedder] = load_embedder
    meter: Meter = field(default_factory=Meter)
    start: str = field(default_factory=partial(secrets.token_hex, 8))
    started_ms: int = 0
    running: int = 0
    progress: int = 0
    last_completion_ms: int | None = None
    embedder: Embedder | None = None
    side: SideModels | None = None
    turns: SideTurns = field(default_factory=SideTurns)
    shedding: anyio.CapacityLimiter = field(default_factory=partial(anyio.CapacityLimiter, 1))  # always has a thread
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
                "start": self.start,
                "bytes": self.config.model_bytes,
                "parameters": self.config.parameters,
                "context_tokens": self.config.context_tokens,
                "tally": self.meter.tally().body(),
                "tasks": self._tasks(),
            }
        )

    def _tasks(self) -> list[str]:
        return ["embed"] * embedder_is_here() + list(self.side.tasks if self.side is not None else ())

    async def complete(self, request: Request) -> Response:
        body = await json_of(request)
        messages, sampling = messages_of(body), sampling_of(body)
        with self.lock:  # counted before it can end
            generation = self.backend.generate(
                messages, adapter=body.get("adapter"), sampling=sampling, on_usage=self._completed
            )
            self.running += 1
        return StreamingResponse(self._lines(generation), media_type="application/x-ndjson")

    async def _lines(self, generation: Generation) -> AsyncIterator[bytes]:
        """What has come, in one piece; the worker's thread wakes this loop itself, so no thread stands between."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        generation.wake(partial(_set, loop, came))
        try:
            while True:
                await came.wait()
                came.clear()
                lines, ended = self._ready_lines(generation)
                if lines:
                    yield lines
                if ended:
                    return
        finally:
            generation.close()

    def _ready_lines(self, generation: Generation) -> tuple[bytes, bool]:
        """The lines that need no waiting, and whether they are the last."""
        lines = list[bytes]()
        try:
            while generation.ready:
                token = next(generation, None)
                if token is None:
                    return b"".join(lines), True
                self.progress += 1
                usage = {"usage": asdict(token.usage)} if token.usage else {}
                lines.append(orjson.dumps({"text": token.text, **usage}) + b"\n")
        except HearthsideError as error:
            return b"".join([*lines, orjson.dumps({"error": error_body(error)}) + b"\n"]), True
        return b"".join(lines), False

    def _completed(self, usage: Usage) -> None:  # from the backend's thread, before the last piece goes out
        with self.lock:
            self.running -= 1
        self.meter.completion(usage)
        if usage.completion_tokens:
            self.last_completion_ms = self.clock()

    async def probe(self, request: Request) -> Response:
        wanted = (await json_of(request)).get("tokens", 1) if await request.body() else 1
        if not isinstance(wanted, int) or not 1 <= wanted <= _MOST_PROBED:
            raise Refused("request-wrong", f"`tokens` must be a number from 1 to {_MOST_PROBED}.")
        generation = self.backend.generate(
            _PROBE, adapter=None, sampling=Sampling(max_tokens=wanted), on_usage=self.meter.probe
        )
        tokens = await anyio.to_thread.run_sync(list, generation)
        usage = tokens[-1].usage
        seconds, made = (usage.seconds, usage.completion_tokens) if usage else (0.0, 0)
        return JSONResponse({"seconds": seconds, "tokens": made, "usage": asdict(usage) if usage else None})

    async def forget(self, request: Request) -> Response:
        return Response(status_code=204, background=BackgroundTask(self.traces.forget))

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
        body = await json_of(request)
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

    async def perceive(self, request: Request) -> Response:
        """A recording or a picture to the side model of the task that the path names."""
        task = _task_of(request.url.path)
        if self.side is None:
            raise NeedsPerson("side-model-missing", "This compute node serves a language model and nothing else.")
        try:
            return JSONResponse(await self.turns.read(request, task, self.side))
        except ClientDisconnect:
            return Response(status_code=_CLOSED)

    async def shed(self, request: Request) -> Response:
        body = await json_of(request)
        await anyio.to_thread.run_sync(self._shed, bool(body.get("models")), limiter=self.shedding)
        return JSONResponse({})

    def _shed(self, models: bool) -> None:
        """Give back what can be made again: embedder, idle side models, and what the allocator keeps for later.

        The cache of keys and values is one buffer for as long as the model is loaded; emptying it gives nothing back.
        """
        if models:
            with self.embedder_lock:
                self.embedder = None
            if self.side is not None:
                self.side.shed()
        gc.collect()
        if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
            trim(0)


def loopback_app(node: Node) -> Starlette:
    """What the supervisor asks, with the token of this start."""
    routes = [*_routes(node), Route("/shed", node.shed, methods=["POST"])]
    counted = Middleware(_Counted, traces=node.traces)
    return _app(routes, [Middleware(_Token, token=node.config.token), counted])


def lan_app(node: Node) -> Starlette:
    """What the home asks over the network, once TLS has told that it is the home."""
    routes = [*_routes(node), Route("/forget", node.forget, methods=["POST"])]
    return _app(routes, [Middleware(_Counted, traces=node.traces)])


def _routes(node: Node) -> list[Route]:
    return [
        Route("/health", node.health),
        Route("/complete", node.complete, methods=["POST"]),
        Route("/probe", node.probe, methods=["POST"]),
        Route("/adapters/{adapter}", node.put_adapter, methods=["PUT"]),
        Route("/adapters/{adapter}", node.delete_adapter, methods=["DELETE"]),
        Route("/heads/{vault}", node.put_head, methods=["PUT"]),
        Route("/heads/{vault}", node.get_head),
        Route("/embed", node.embed, methods=["POST"]),
        *(Route(f"/{task}", node.perceive, methods=["POST"]) for task in TASKS),
    ]


def _task_of(path: str) -> Task:
    return next(task for task in TASKS if path == f"/{task}")


def _app(routes: list[Route], middleware: list[Middleware]) -> Starlette:
    return Starlette(routes=routes, middleware=middleware, exception_handlers={HearthsideError: _error_response})


def _set(loop: asyncio.AbstractEventLoop, came: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(came.set)


async def _error_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, HearthsideError)
    return JSONResponse({"error": error_body(error)}, 422)


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
    leave_no_core()
    parent = _Parent(take_stdout())
    line = sys.stdin.buffer.readline()
    if not line:  # the parent went before it said what to do
        sys.exit(0)
    config = NodeConfig(**orjson.loads(line))
    die_with_parent(config.parent_pid)
    not_readable_by_others()  # the guard has set its limits by now, before it let the configuration come
    room = AskedRoom(parent.say)
    exit_at_end_of(sys.stdin.buffer, room.hear)
    try:
        backend, served = _backend(config)
        refused = backend.start({name: base64.b64decode(gguf) for name, gguf in config.adapters.items()})
    except HearthsideError as error:
        parent.say({"error": error_body(error)})
        sys.exit(1)
    metered = Metered(backend, machine_meter(), time.monotonic)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ready = {
            "port": listener.getsockname()[1],
            "refused": {name: error_body(error) for name, error in refused.items()},
            "server": served(),
        }
        traces = Traces(config.erase_after_s, parent.leave)
        side = SideModels(room, SideConfig(config.speech_url, config.speech_model, config.speech_key))
        node = Node(config, metered, _clock, traces, started_ms=_clock(), side=side)
        _serve(node, listener, parent, ready)


class _Parent:
    """What the process says to the one that started it."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._lock = out, threading.Lock()

    def say(self, line: dict[str, Json]) -> None:
        """One line; raises OSError when nobody listens any more."""
        with self._lock:
            self._out.write(orjson.dumps(line) + b"\n")
            self._out.flush()

    def door_lost(self, door: asyncio.Task[None]) -> None:
        """End, to be started anew, when the network is not served any more: nobody would notice otherwise."""
        if not door.cancelled():
            why = type(door.exception()).__name__
            with suppress(OSError):
                self.say({"ended": f"The compute node's door to the network is lost ({why})."})
            os._exit(1)

    def leave(self, why: Leaving) -> NoReturn:
        """End at once, so that nothing is left to write what it remembers anywhere."""
        with suppress(OSError):
            self.say({"leaving": why})
        os._exit(0)


def _serve(node: Node, listener: socket.socket, parent: _Parent, ready: dict[str, Json]) -> None:
    """Serve loopback and, for a paired node, the network, in one event loop."""
    config = node.config
    settings = _settings(loopback_app(node))
    server = uvicorn.Server(settings)

    async def run() -> None:
        watching = [asyncio.create_task(node.traces.watch()), asyncio.create_task(_end_idle(node))]
        if config.lan_socket >= 0:
            door = asyncio.create_task(_serve_lan(config, lan_app(node), server))
            door.add_done_callback(parent.door_lost)
            watching.append(door)
        parent.say(ready)
        await server.serve(sockets=[listener])
        for task in watching:
            task.cancel()

    with asyncio.Runner(loop_factory=settings.get_loop_factory()) as runner:
        runner.run(run())


async def _end_idle(node: Node) -> None:
    """End side models that nobody asks any more, for as long as the process lives."""
    while node.side is not None:
        await asyncio.sleep(_LOOK_S)
        await anyio.to_thread.run_sync(node.side.end_idle)


async def _serve_lan(config: NodeConfig, app: Starlette, server: uvicorn.Server) -> None:
    settings = _settings(app)
    settings.load()
    identity = NodeIdentity(config.lan_key.encode(), config.lan_certificate.encode(), config.lan_home.encode())

    def protocol() -> asyncio.Protocol:
        made: asyncio.Protocol = settings.http_protocol_class(settings, server.server_state, {})  # type: ignore[call-arg]
        return made

    with socket.socket(fileno=config.lan_socket) as listener:
        await lan_door.serve(listener, lan_door.serving_context(identity), protocol)


def _settings(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")


if __name__ == "__main__":
    main()
