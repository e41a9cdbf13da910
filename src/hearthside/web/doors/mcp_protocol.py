"""The Model Context Protocol by its official library; imported when the first client comes, since that takes a while.

Every request is answered by a server of its own: nothing is kept between requests, so nothing can be mixed up between
tokens, and a client may come and go. The library speaks the handshake of 2025 and the protocol of 2026 alike.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.types import Receive, Scope, Send

from hearthside.events import Json
from hearthside.identity.tokens import Token
from hearthside.web.calls import Problem, call
from hearthside.web.doors.mcp_tools import TOOLS, DoorTool, call_tool, tools_of
from hearthside.web.doors.notice import INSTRUCTIONS
from hearthside.web.house import House

MAX_BODY = 256 * 1024  # bytes of a request

logging.getLogger("mcp").setLevel(logging.CRITICAL)  # its warnings and tracebacks may quote what was asked or found


async def serve(house: House, token: Token, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of streamable HTTP with JSON; `token` may do what its scopes say."""
    manager = StreamableHTTPSessionManager(
        build_server(house, token), json_response=True, stateless=True, max_request_body_size=MAX_BODY
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)


def build_server(house: House, token: Token) -> Server[Any]:
    """The MCP server that one token sees."""

    async def list_tools(context: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[described(tool) for tool in tools_of(token)])

    async def use_tool(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool “{params.name[:60]}”.")
        return result_of(await call(call_tool, tool, house, token, params.arguments or {}))

    return Server(
        "hearthside",
        title="Hearthside",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=use_tool,
    )


def described(tool: DoorTool) -> Tool:
    """A tool as clients list it."""
    hints = ToolAnnotations(
        title=tool.title,
        read_only_hint=tool.reads_only,
        destructive_hint=False,
        idempotent_hint=tool.reads_only,
        open_world_hint=False,
    )
    return Tool(
        name=tool.name, title=tool.title, description=tool.description, input_schema=tool.schema(), annotations=hints
    )


def result_of(outcome: Mapping[str, Json] | Problem) -> CallToolResult:
    """What a tool gave, as an object and as the same in JSON text; a problem as a tool error with its sentence."""
    if isinstance(outcome, Problem):
        text = TextContent(type="text", text=f"{outcome.message} ({outcome.code})")
        return CallToolResult(content=[text], is_error=True)
    text = TextContent(type="text", text=orjson.dumps(outcome).decode())
    return CallToolResult(content=[text], structured_content=dict(outcome))
