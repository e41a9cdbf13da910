"""The workshop as a process of its own: `python -m hearthside.workshop.server --base FILE`, HTTP on loopback.

It runs without a home. When it listens it prints one JSON line with its port. Jobs live in memory only (see `jobs`).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hearthside.errors import ConfigError, HearthsideError, RetryLater
from hearthside.events import Json
from hearthside.workshop.child_process import guard_process
from hearthside.workshop.job import PROTOCOL, manifest_from_json
from hearthside.workshop.jobs import MAX_CHUNK_BYTES, Workshop

_MAX_JSON_BYTES = 64 * 1024
_SWEEP_S = 20.0


def create_app(workshop: Workshop) -> Starlette:
    """The HTTP skin over a workshop."""

    async def offer(request: Request) -> Response:
        document = await _json(request)
        job_id, evidence, key = workshop.offer(
            _bytes(document, "nonce"), manifest_from_json(document.get("manifest")), _bytes(document, "home_key")
        )
        answer = {
            "protocol": PROTOCOL,
            "job": job_id,
            "evidence": {name: getattr(evidence, name) for name in evidence.__slots__},
            "public_key": base64.b64encode(key.raw()).decode(),
        }
        return JSONResponse(answer, status_code=201)

    async def put_chunk(request: Request) -> Response:
        workshop.put_chunk(request.path_params["job"], request.path_params["n"], await _body(request, MAX_CHUNK_BYTES))
        return Response(status_code=204)

    async def start(request: Request) -> Response:
        document = await _json(request)
        path, file_id, count = document.get("path"), document.get("file_id"), document.get("chunks")
        if not isinstance(path, str) or not isinstance(file_id, str) or not isinstance(count, int):
            raise HTTPException(400, "path, file_id and chunks are needed")
        workshop.start(request.path_params["job"], _bytes(document, "sealed_key"), path, file_id, count)
        return Response(status_code=202)

    async def status(request: Request) -> Response:
        return JSONResponse(workshop.status(request.path_params["job"]))

    async def result(request: Request) -> Response:
        done = workshop.result(request.path_params["job"])
        return JSONResponse({**done.signed.body(), "sealed_key": done.sealed_key, "files": done.files})

    async def result_file(request: Request) -> Response:
        blobs = workshop.result(request.path_params["job"]).blobs
        if request.path_params["path"] not in blobs:
            raise HTTPException(404, "no such file in the result")
        return Response(blobs[request.path_params["path"]], media_type="application/octet-stream")

    async def delete(request: Request) -> Response:
        return JSONResponse((await workshop.delete(request.path_params["job"])).body())

    return Starlette(
        routes=[
            Route("/offers", offer, methods=["POST"]),
            Route("/jobs/{job}/chunks/{n:int}", put_chunk, methods=["PUT"]),
            Route("/jobs/{job}/start", start, methods=["POST"]),
            Route("/jobs/{job}", status, methods=["GET"]),
            Route("/jobs/{job}", delete, methods=["DELETE"]),
            Route("/jobs/{job}/result", result, methods=["GET"]),
            Route("/jobs/{job}/result/{path}", result_file, methods=["GET"]),
        ],
        # A web page that resolves its own name to 127.0.0.1 must not reach the workshop through a browser.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={HearthsideError: _error},
        lifespan=lambda app: _background(workshop),
    )


@asynccontextmanager
async def _background(workshop: Workshop) -> AsyncIterator[None]:
    """Training and deadlines beside the requests; at the end everything is deleted."""

    async def sweep() -> None:
        while True:
            await workshop.delete_overdue()
            await asyncio.sleep(_SWEEP_S)

    tasks = [asyncio.create_task(workshop.train_queued()), asyncio.create_task(sweep())]
    try:
        yield
    finally:
        await workshop.close()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _error(_: Request, error: Exception) -> Response:
    """Families of errors as HTTP: refused 409, unknown job 404, try later 503."""
    assert isinstance(error, HearthsideError)
    status = 404 if error.code == "job-unknown" else 503 if isinstance(error, RetryLater) else 409
    return JSONResponse({"code": error.code, "message": error.message}, status_code=status)


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413, "too large")
    return bytes(body)


async def _json(request: Request) -> dict[str, Json]:
    if request.headers.get("content-type") != "application/json":  # a plain web form cannot send this
        raise HTTPException(415, "application/json is needed")
    try:
        document = orjson.loads(await _body(request, _MAX_JSON_BYTES))
    except orjson.JSONDecodeError:
        raise HTTPException(400, "not JSON") from None
    if not isinstance(document, dict):
        raise HTTPException(400, "a JSON object is needed")
    return document


def _bytes(document: dict[str, Json], name: str) -> bytes:
    try:
        return base64.b64decode(document.get(name, ""), validate=True)
    except (TypeError, ValueError):
        raise HTTPException(400, f"{name} is not base64") from None


def bases_by_hash(paths: list[Path]) -> dict[str, Path]:
    """GGUF files by the hex SHA-256 of their content.

    Raises:
        ConfigError: files that cannot be read, all named at once.
    """
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise ConfigError("workshop-base-missing", "These base models cannot be read: " + ", ".join(missing))
    found = {}
    for path in paths:
        with path.open("rb") as file:
            found[hashlib.file_digest(file, "sha256").hexdigest()] = path.resolve()
    return found


def serve(bases: list[Path], *, threads: int, port: int = 0, child: bool = False, python: str = sys.executable) -> None:
    """Run a workshop on 127.0.0.1 until it is told to end.

    Args:
        port: 0 takes any free one; the ready line on standard output names it.
        child: end when standard input is closed or the parent process dies.
    """
    guard_process(with_parent=child)
    known = bases_by_hash(bases)
    workshop = Workshop(known, threads, lambda: time.time_ns() // 1_000_000, python)
    config = uvicorn.Config(create_app(workshop), log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listening:
        if child:
            threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
        ready = {"ready": True, "port": listening.getsockname()[1], "bases": sorted(known), "attestation": "simulated"}
        sys.stdout.write(orjson.dumps(ready).decode() + "\n")
        sys.stdout.flush()
        server.run(sockets=[listening])


def _end_with_input(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


def main() -> None:
    """Command line of the process."""
    parser = argparse.ArgumentParser(prog="hearthside workshop", description="Run a training workshop on this machine.")
    parser.add_argument("--base", type=Path, action="append", required=True, help="GGUF file it may train against")
    parser.add_argument("--threads", type=int, default=2, help="processor threads of a training")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--child", action="store_true", help="end when standard input closes or the parent dies")
    given = parser.parse_args()
    try:
        serve(given.base, threads=given.threads, port=given.port, child=given.child)
    except ConfigError as error:
        sys.stdout.write(orjson.dumps({"ready": False, "code": error.code, "message": error.message}).decode() + "\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
