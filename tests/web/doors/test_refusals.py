"""Which paths are doors, and the form in which each says no."""

from __future__ import annotations

import orjson
import pytest

from hearthside.identity.tokens import ASK, READ, WRITE
from hearthside.web.doors.refusals import MCP_PATH, OPENAI_PATH, door_of, door_scopes, refuse


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/v1/chat/completions", OPENAI_PATH), ("/v1", OPENAI_PATH), ("/v1/anything", OPENAI_PATH),
        ("/mcp", MCP_PATH), ("/mcp/", MCP_PATH), ("/v10/models", ""), ("/mcpx", ""), ("/api/ask", ""), ("/", ""),
    ],
)  # fmt: skip
def test_paths(path: str, door: str) -> None:
    assert door_of(path) == door


def test_scopes_are_the_least() -> None:
    assert door_scopes(OPENAI_PATH) == (ASK,) and door_scopes(MCP_PATH) == (READ, WRITE)


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (401, "token-unknown", "authentication_error", "invalid_api_key"),
        (403, "token-scope", "permission_error", "insufficient_permissions"),
        (429, "token-locked", "rate_limit_error", "token-locked"),
    ],
)
def test_the_openai_door(status: int, code: str, kind: str, said: str) -> None:
    answer = refuse(OPENAI_PATH, status, code, "No.", 30 if status == 429 else 0)
    assert answer.status_code == status
    assert orjson.loads(answer.body) == {"error": {"message": "No.", "type": kind, "param": None, "code": said}}
    assert answer.headers.get("retry-after") == ("30" if status == 429 else None)
    assert answer.headers["x-should-retry"] == "false"


def test_the_mcp_door() -> None:
    answer = refuse(MCP_PATH, 403, "token-scope", "No.")
    error = {"code": -32600, "message": "No.", "data": {"code": "token-scope"}}
    assert orjson.loads(answer.body) == {"jsonrpc": "2.0", "id": None, "error": error}
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="memory.read memory.write"'
    assert refuse(MCP_PATH, 401, "token-unknown", "No.").headers["www-authenticate"] == "Bearer"
