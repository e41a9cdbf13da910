"""A wire between client and server on loopback that counts, can be cut, and can stand for an older server."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

_WHY = b"<Error><Code>NotImplemented</Code><Message>If-None-Match is not offered here.</Message></Error>"
_HEAD = f"HTTP/1.1 501 Not Implemented\r\nContent-Length: {len(_WHY)}\r\nConnection: close\r\n\r\n"
_NOT_OFFERED = _HEAD.encode() + _WHY


class Relay:
    """Use it as a context; `url` stands for the server.

    Attributes:
        sent: bytes that clients sent through.
        cut_after: when so many bytes have been sent, every connection is closed.
        without_conditions: answers 501 to a request with If-None-Match.
    """

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._server = (str(parts.hostname), int(parts.port or 80))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.sent = 0
        self.cut_after: int | None = None
        self.without_conditions = False
        self.not_offered = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Relay:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the waiting accept
        self._listening.close()
        self._cut()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                with self._lock:
                    self._open += [client, server]
                self._run(self._up, client, server)
                self._run(self._down, server, client)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while content := client.recv(65536):
                with self._lock:
                    self.sent += len(content)
                if self.cut_after is not None and self.sent > self.cut_after:
                    self._cut()
                    return
                if self.without_conditions and b"if-none-match" in content.lower():
                    self.not_offered += 1
                    client.sendall(_NOT_OFFERED)
                    break
                server.sendall(content)
        _close(client, server)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while content := server.recv(65536):
                client.sendall(content)
        _close(client, server)

    def _cut(self) -> None:
        with self._lock:
            _close(*self._open)

    def _run(self, target: object, *arguments: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
