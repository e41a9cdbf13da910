"""What `hearthside mcp` says when the station is away, and when its answer is lost on the way."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import pytest
from mcp import MCPError

from hearthside.cli.mcp_relay import _asked

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}


class _CutOff(BaseHTTPRequestHandler):
    """A station that is cut off before it can answer a call."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked.get("method") == "tools/call":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": HELLO}).encode() if "id" in asked else b""
        self.send_response(200 if body else 202)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_error(405)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def cut_off() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _CutOff)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/mcp"
    server.shutdown()
    thread.join()
    server.server_close()


def told(url: str) -> str:
    """Why a note is not known to be kept."""

    async def ask() -> None:
        await _asked(url, "hs_x", lambda client: client.call_tool("remember", {"text": "a note"}))

    with pytest.raises(MCPError) as error:
        anyio.run(ask)
    return str(error.value)


def test_a_station_that_is_away_did_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert "nothing was done" in told(f"http://127.0.0.1:{free.getsockname()[1]}/mcp")


def test_of_an_answer_that_was_lost_nothing_is_claimed(cut_off: str) -> None:
    assert "not known" in told(cut_off)
