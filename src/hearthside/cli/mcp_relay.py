"""Hands MCP from standard input and output on to the running station, call by call.

Each call opens its own connection to the station, so the station may be started later or anew meanwhile. The address is
that of our own station on loopback: this is no egress, and a name that is not loopback is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)

from hearthside.errors import Refused
from hearthside.web.doors.notice import INSTRUCTIONS
from hearthside.web.doors.refusals import MCP_PATH

T = TypeVar("T")

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT_S = 60.0  # the longest a search or a query over a whole life may take
_AWAY = "The station does not answer. Start it with `hearthside up`; nothing was done."
_CUT_OFF = "The station's answer did not arrive. Whether it did what was asked is not known; look before asking again."


async def relay(address: str, token: str) -> None:
    """Serve until standard input ends.

    Args:
        address: of the station, e.g. ``http://127.0.0.1:8420``.

    Raises:
        Refused: ``not-loopback-station``: the token would leave this machine.
    """
    if urlsplit(address).hostname not in _LOOPBACK:
        raise Refused(
            "not-loopback-station", f"{address} is not this machine; a token is sent to a station on loopback only."
        )
    server = build_relay(address.rstrip("/") + MCP_PATH, token)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def build_relay(url: str, token: str) -> Server[Any]:
    """A server that answers with what the station says."""

    async def list_tools(context: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        return await _asked(url, token, lambda client: client.list_tools())

    async def use_tool(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        return await _asked(url, token, lambda client: client.call_tool(params.name, params.arguments))

    return Server(
        "hearthside",
        title="Hearthside",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=use_tool,
    )


async def _asked(url: str, token: str, ask: Callable[[Client], Awaitable[T]]) -> T:
    """What the station answers.

    Raises:
        MCPError: it refused, or it is away.
    """
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S, trust_env=False)
    try:
        async with http, Client(streamable_http_client(url, http_client=http)) as client:
            return await ask(client)
    except Exception as error:  # noqa: BLE001 - errors come in groups here, of the library's and of its transport's
        raise _first(error) from None


def _first(error: BaseException) -> MCPError:
    """What the station refused with; anything else means that it is away, or that its answer was lost on the way."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        return error
    return MCPError(INTERNAL_ERROR, _AWAY if isinstance(error, httpx2.ConnectError) else _CUT_OFF)
