"""A hub of models on loopback: ranges, marks, handing over, and every way of going wrong that was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """What is served, and what was asked.

    Attributes:
        cut_after: bytes after which each of the next answers breaks off; used up one by one.
        statuses: sent instead of the file by the next answers; used up one by one.
        ranges: whether it knows ranges.
    """

    content: bytes
    mark: str = '"first"'
    ranges: bool = True
    length: bool = True
    cut_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    hand_over: str = ""
    wrong_range: bool = False
    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: int = 0


@contextmanager
def hub_server(content: bytes) -> Iterator[Hub]:
    """Serve `content` under every path."""
    hub = Hub(content)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            hub.asked.append((self.path, dict(self.headers.items())))
            self.close_connection = True
            if hub.hand_over and self.path != "/store":
                self._head(302, 0, {"Location": hub.hand_over})
            elif hub.statuses:
                self._head(hub.statuses.pop(0), 0, {})
            else:
                self._file()

        def _file(self) -> None:
            start = self._start()
            if start > len(hub.content):
                self._head(416, 0, {"Content-Range": f"bytes */{len(hub.content)}"})
                return
            body = hub.content[start:]
            total = len(hub.content)
            extra = {"Content-Range": f"bytes {start + hub.wrong_range}-{total - 1}/{total}"} if start else {}
            self._head(206 if start else 200, len(body) if hub.length else None, extra)
            if hub.cut_after:
                body = body[: hub.cut_after.pop(0)]
            try:
                self.wfile.write(body)
                self.wfile.flush()
            except OSError:
                return
            hub.sent += len(body)

        def _start(self) -> int:
            asked = self.headers.get("Range", "")
            fresh = self.headers.get("If-Range", hub.mark) == hub.mark
            return int(asked.removeprefix("bytes=").partition("-")[0]) if asked and hub.ranges and fresh else 0

        def _head(self, status: int, length: int | None, extra: dict[str, str]) -> None:
            self.send_response(status)
            if hub.mark:
                self.send_header("ETag", hub.mark)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.send_header("Connection", "close")
            for name, value in {**hub.headers, **extra}.items():
                self.send_header(name, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
