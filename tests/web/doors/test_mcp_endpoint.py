"""The station starts without the protocol's library, and no call gets past the scopes of its token."""

from __future__ import annotations

import secrets
import subprocess
import sys

import orjson
import pytest

from hearthside.events import Json
from hearthside.identity.tokens import READ, WRITE, new_token
from hearthside.web.doors.mcp_endpoint import refused_call

_PROGRAM = """
import sys
import hearthside.web.server, hearthside.app.station, hearthside.cli
print(" ".join(sorted(name for name in sys.modules if name.partition(".")[0] in ("mcp", "mcp_types", "openai"))))
"""


def test_the_stations_start_does_not_wait_for_the_library() -> None:
    command = [sys.executable, "-P", "-W", "ignore", "-c", _PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("message", "scopes", "refused"),
    [
        ({"method": "tools/call", "params": {"name": "remember"}, "id": 3}, [READ], True),
        ({"method": "tools/call", "params": {"name": "search"}, "id": 3}, [WRITE], True),
        ({"method": "tools/call", "params": {"name": "search"}}, [READ], False),
        ({"method": "tools/call", "params": {"name": "nothing"}}, [READ], False),
        ({"method": "tools/call", "params": None}, [READ], False),
        ({"method": "tools/list"}, [WRITE], False),
        ([1], [READ], False),
    ],
)
def test_a_call_that_a_token_does_not_open(message: Json, scopes: list[str], refused: bool) -> None:
    token = new_token("assistant", scopes, 0, secrets.token_bytes)[1]
    answer = refused_call(orjson.dumps(message), token)
    assert (answer is not None) is refused
    assert refused_call(b"{", token) is None
    if answer is not None:
        assert answer.status_code == 403 and orjson.loads(answer.body)["id"] == 3
