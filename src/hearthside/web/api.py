"""A small JSON API beside the pages: the same house, the same guard, for the person's own scripts."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from hearthside.web.calls import POLL_S, LiveAnswer, Problem, call
from hearthside.web.guard import CONVERSATION_ID, Door, conversation_cookie
from hearthside.web.layout import Shells
from hearthside.web.memory_page import search

MAX_BODY = 64 * 1024  # bytes of a JSON request
MAX_NAME = 120  # characters of an uploaded file's name
UNSAFE_NAME = re.compile(r"[^\w.\- ()]")
PAGE_OF = "x-hearthside-page-of"  # whose page sends files: another person's link may have been opened since
ANOTHER_IS_HERE = Problem(
    "another-is-here",
    "Another person of this home is signed in in this browser now. Nothing was sent; load the page anew.",
)
STATUS = {"unexpected": 500, "bad-request": 400, "stopping": 503}


def as_json(value: object, status: int = 200) -> Response:
    """Dataclasses, enums and the like as JSON; a problem as an error with its code."""
    if isinstance(value, Problem):
        return as_json({"error": asdict(value)}, STATUS.get(value.code, 409))
    return Response(orjson.dumps(value, default=str), status_code=status, media_type="application/json")


def file_name(wished: str) -> str:
    """A harmless name for an uploaded file: no folders, no leading dots, no control characters."""
    base = wished.replace("\\", "/").rpartition("/")[2]
    return UNSAFE_NAME.sub("_", base).lstrip(".")[-MAX_NAME:] or "upload"


def new_file(folder: Path, name: str) -> BinaryIO:
    """A new file that only the owner can read; of two with the same name (from two folders, say) both are kept."""
    for number in itertools.count(1):
        wanted = Path(name)
        path = folder / (name if number == 1 else f"{wanted.stem} ({number}){wanted.suffix}")
        with suppress(FileExistsError):
            return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
    raise AssertionError("counting never ends")


async def read_object(request: Request) -> dict[str, Any] | Problem:
    """The JSON object of a request, at most MAX_BODY bytes."""
    bad = Problem("bad-request", "This request must be a JSON object of at most 64 KiB.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return bad
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return bad
    return value if isinstance(value, dict) else bad


def build_api(shells: Shells, door: Door) -> APIRouter:
    """The routes under ``/api``; ``/new`` and ``/continue``, which choose the conversation of this browser;
    ``/leave``."""
    router = APIRouter()
    _reading_routes(router, shells)
    _asking_routes(router, shells)
    _waiting_routes(router, shells)
    _browser_routes(router, shells, door)
    _upload_routes(router, shells, door.random_id)
    return router


def _reading_routes(router: APIRouter, shells: Shells) -> None:
    @router.get("/api/overview")
    async def overview(request: Request) -> Response:
        return as_json(await call(shells.of(request).house.overview))

    @router.get("/api/day/{day}")
    async def day(day: str, request: Request) -> Response:
        return as_json(await call(shells.of(request).house.day, day))

    @router.get("/api/slice/{ms}")
    async def one_slice(ms: int, request: Request) -> Response:
        return as_json(await call(shells.of(request).house.slice, ms))

    @router.get("/api/jobs")
    async def jobs(request: Request) -> Response:
        return as_json(await call(shells.of(request).house.jobs))

    @router.post("/api/search")
    async def find(request: Request) -> Response:
        """A POST, so that search words stay out of addresses: {words, from, to, layer: [], source}."""
        fields = await read_object(request)
        if isinstance(fields, Problem):
            return as_json(fields)
        words = str(fields.get("words", "")).strip()
        return as_json(await call(search, shells.of(request).house, words, fields) if words else [])


def _asking_routes(router: APIRouter, shells: Shells) -> None:
    @router.post("/api/ask")
    async def ask(request: Request) -> Response:
        """Lines of JSON: {"piece": …} while the answer streams, then {"answer": …} or {"error": …}."""
        fields = await read_object(request)
        if isinstance(fields, Problem):
            return as_json(fields)
        shell = shells.of(request)
        question = str(fields.get("words", "")).strip()
        conversation = str(fields.get("conversation") or request.state.conversation)
        if not question or CONVERSATION_ID.fullmatch(conversation) is None:
            return as_json(
                Problem("bad-request", "A question needs words, and a conversation an id of 8 to 64 letters.")
            )
        if shell.answers.under_way(conversation) is not None:
            return as_json(
                Problem("still-answering", "The last question of this conversation is still being answered.")
            )
        live = shell.answers.start(question, conversation)
        return StreamingResponse(answer_lines(live), media_type="application/x-ndjson")


def _waiting_routes(router: APIRouter, shells: Shells) -> None:
    @router.get("/api/later")
    async def waiting(request: Request) -> Response:
        """Questions that are answered again when the model is back."""
        return as_json(await call(shells.of(request).house.waiting.questions))

    @router.post("/api/later")
    async def later(request: Request) -> Response:
        """Put a question off until the model is back: {question: its id}; {question, withdraw: true} takes it back."""
        fields = await read_object(request)
        if isinstance(fields, Problem):
            return as_json(fields)
        house = shells.of(request).house.waiting
        what = house.withdraw if fields.get("withdraw") is True else house.put_off
        outcome = await call(what, str(fields.get("question", "")))
        return as_json({} if outcome is None else outcome)


def _browser_routes(router: APIRouter, shells: Shells, door: Door) -> None:
    @router.get("/new")
    async def new(request: Request) -> Response:
        response = RedirectResponse("/", status_code=303)
        cookie = conversation_cookie(door, shells.of(request).resident, door.random_id())
        response.headers.append("set-cookie", cookie)
        return response

    @router.get("/continue/{conversation}")
    async def go_on(conversation: str, request: Request) -> Response:
        """This browser goes on with an earlier conversation of its resident; any other id begins an empty one."""
        response = RedirectResponse("/", status_code=303)
        if CONVERSATION_ID.fullmatch(conversation) is not None:
            cookie = conversation_cookie(door, shells.of(request).resident, conversation)
            response.headers.append("set-cookie", cookie)
        return response

    @router.post("/leave")
    async def leave(request: Request) -> Response:
        """This browser forgets who it was; a POST, so that no link can sign anybody out."""
        response = as_json({})
        for name in (door.token_cookie, door.conversation_cookie(shells.of(request).resident)):
            response.delete_cookie(name, httponly=True, samesite="strict")
        return response


async def answer_lines(live: LiveAnswer) -> AsyncIterator[bytes]:
    """An answer as lines of JSON. A client that goes away ends this, not the answer."""
    sent = 0
    while True:
        ended = live.end is not None
        piece = live.text[sent:]
        if piece:
            sent += len(piece)
            yield orjson.dumps({"piece": piece}) + b"\n"
        if ended:
            break
        await asyncio.sleep(POLL_S)
    end = {"error": asdict(live.end)} if isinstance(live.end, Problem) else {"answer": live.end}
    yield orjson.dumps(end, default=str) + b"\n"


def _upload_routes(router: APIRouter, shells: Shells, random_id: Callable[[], str]) -> None:
    batches: dict[tuple[str, str], Path] = {}  # by resident and batch: an id alone opens nothing

    def key_of(request: Request, batch: str) -> tuple[str, str]:
        return shells.of(request).resident, batch

    @router.post("/api/uploads")
    async def begin(request: Request) -> Response:
        shell = shells.of(request)
        if request.headers.get(PAGE_OF, shell.resident) != shell.resident:
            return as_json(ANOTHER_IS_HERE)
        folder = await call(shell.house.new_upload_folder)
        if isinstance(folder, Problem):
            return as_json(folder)
        batch = random_id()
        batches[shell.resident, batch] = folder
        return as_json({"batch": batch})

    @router.put("/api/uploads/{batch}/{name}")
    async def receive(batch: str, name: str, request: Request) -> Response:
        """One file, written as it arrives into the private folder: never whole in memory, never in /tmp."""
        folder = batches.get(key_of(request, batch))
        if folder is None:
            return as_json(Problem("bad-request", "This upload has ended; choose the files again."))
        with new_file(folder, file_name(name)) as file:
            async for chunk in request.stream():
                await asyncio.to_thread(file.write, chunk)
            return as_json({"bytes": file.tell()})

    @router.post("/api/uploads/{batch}/import")
    async def take_in(batch: str, request: Request) -> Response:
        folder = batches.pop(key_of(request, batch), None)
        if folder is None:
            return as_json(Problem("bad-request", "This upload has ended; choose the files again."))
        job = await call(shells.of(request).house.start_import, [folder])
        return as_json(job if isinstance(job, Problem) else {"job": job})
