"""``/mcp``: the door for MCP clients over streamable HTTP; a raw ASGI application, since the library is one too.

Only POST is answered: this server begins no conversation of its own, so there is no stream to open (GET) and no session
to end (DELETE); the protocol lets a server say 405 to both. A call that the token does not open is answered with 403
and the missing scope, before the protocol's library sees it.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from hearthside.events import Json
from hearthside.identity.tokens import Token
from hearthside.logs import logger
from hearthside.web.doors.mcp_tools import TOOLS
from hearthside.web.doors.refusals import rpc_error
from hearthside.web.layout import Shells

MAX_BODY = 256 * 1024  # bytes of a request
_log = logger("mcp")


class McpDoor:
    """See the module; the guard has checked that the token opens one of the door's scopes, and says whose it is."""

    def __init__(self, shells: Shells) -> None:
        self._shells = shells

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await self._answer_before(request)
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        # 0.7 s of work, once, in a thread: neither the station's start nor an open page waits for it
        protocol: Any = await asyncio.to_thread(importlib.import_module, "hearthside.web.doors.mcp_protocol")
        house = self._shells.of(request).house
        await protocol.serve(house, request.state.token, scope, _once_more(answer, receive), send)

    async def _answer_before(self, request: Request) -> Response | bytes:
        """The answer to what the protocol need not look at, or the body of the request."""
        if request.method != "POST":
            return Response(status_code=405, headers={"allow": "POST"})
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return rpc_error(413, "request-too-large", "The request is larger than 256 KiB; nothing was done.")
        return refused_call(body, request.state.token) or body


def refused_call(body: bytes, token: Token) -> Response | None:
    """403 to a call of a tool that a token does not open; None for everything else."""
    try:
        message: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    tool = TOOLS.get(str(params.get("name"))) if isinstance(params, dict) else None
    if tool is None:
        return None
    _log.info("token %s calls %s", token.id, tool.name)
    if tool.scope in token.scopes:
        return None
    words = f"The token {token.id} does not open {tool.scope}, which {tool.name} needs; nothing was done."
    answer = rpc_error(403, "token-scope", words, message.get("id"))
    answer.headers["www-authenticate"] = f'Bearer error="insufficient_scope", scope="{tool.scope}"'
    return answer


def _once_more(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read again; after it whatever else the client's connection says."""
    waiting = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": waiting.pop(), "more_body": False} if waiting else await receive()

    return again
