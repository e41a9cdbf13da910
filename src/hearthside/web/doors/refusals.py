"""Which paths are doors for programs, which scopes open them, and the form in which each says no."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from hearthside.events import Json
from hearthside.identity.tokens import ASK, READ, WRITE
from hearthside.web.calls import Problem

OPENAI_PATH = "/v1"
MCP_PATH = "/mcp"

_SCOPES: dict[str, tuple[str, ...]] = {OPENAI_PATH: (ASK,), MCP_PATH: (READ, WRITE)}
_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}
_OPENAI_CODES = {"token-unknown": "invalid_api_key", "token-scope": "insufficient_permissions"}
_INVALID_REQUEST = -32600  # JSON-RPC 2.0 section 5.1


def door_of(path: str) -> str:
    """The door a path lies behind, `OPENAI_PATH` or `MCP_PATH`; "" for none."""
    return next((door for door in _SCOPES if path == door or path.startswith(f"{door}/")), "")


def door_scopes(door: str) -> tuple[str, ...]:
    """The scopes of which a token needs one to come to a door; what it may do there each call asks anew."""
    return _SCOPES[door]


def refuse(door: str, status: int, code: str, message: str, wait_s: int = 0) -> Response:
    """Why a token does not open a door, as the clients of that door read it.

    Args:
        status: 401, 403, 429 or 503.
        code: Hearthside's own.
        wait_s: after so many seconds the same request may be let in; 0 for never.
    """
    refused = openai_error(status, _OPENAI_CODES.get(code, code), message) if door == OPENAI_PATH else None
    answer = refused or rpc_error(status, code, message)
    if status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    if status == 403:  # RFC 6750 section 3.1, which MCP's authorisation rests on
        answer.headers["www-authenticate"] = f'Bearer error="insufficient_scope", scope="{" ".join(_SCOPES[door])}"'
    if wait_s:
        answer.headers["retry-after"] = str(wait_s)
    return answer


def openai_error(status: int, code: str, message: str, param: str | None = None) -> Response:
    """An error in OpenAI's form. The official clients are told not to try again by themselves: a question asked twice
    would be in the journal twice."""
    answer = as_json(openai_error_body(status, code, message, param), status)
    answer.headers["x-should-retry"] = "false"
    return answer


def openai_error_body(status: int, code: str, message: str, param: str | None = None) -> dict[str, Json]:
    """The body of `openai_error`, which is also how an error inside a stream reads."""
    kind = _OPENAI_TYPES.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def problem_answer(problem: Problem) -> Response:
    """A problem of the house in OpenAI's form."""
    status = 500 if problem.code == "unexpected" else 503
    return openai_error(status, problem.code, problem.message)


def rpc_error(status: int, code: str, message: str, request_id: Json = None) -> Response:
    """An error in JSON-RPC's form, for a request that is answered before MCP looks at it."""
    error = {"code": _INVALID_REQUEST, "message": message, "data": {"code": code}}
    return as_json({"jsonrpc": "2.0", "id": request_id, "error": error}, status)


def as_json(value: Json, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")
