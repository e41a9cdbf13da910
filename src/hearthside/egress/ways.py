"""Ways out: a client for each set of certificates, with the sockets it opened, so that all can be cut at once."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import httpx

_OPENED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Way:
    """A client with the sockets that it opened, so that all of them can be cut at once.

    Who is reached with certificates of our own answers as it stands: what unpacks could fill the memory.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        # trust_env=False: no proxy, certificate bundle or .netrc from the environment changes where bytes go.
        self._client = httpx.Client(verify=True if tls is None else tls, trust_env=False, follow_redirects=False)
        self._plain = tls is not None
        if self._plain:
            self._client.headers["Accept-Encoding"] = "identity"
        self._lock = threading.Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._users = 0
        self._ended = False

    def request(
        self,
        method: str,
        url: str,
        content: bytes,
        headers: Mapping[str, str] | None,
        timeout_s: float,
        connect_s: float | None,
    ) -> httpx.Request:
        """A request that `send` takes."""
        timeout = httpx.Timeout(timeout_s, connect=timeout_s if connect_s is None else connect_s)
        return self._client.build_request(
            method, url, content=content, headers=headers, timeout=timeout, extensions={"trace": self._opened}
        )

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send it; the body of the answer is not read yet."""
        response = self._client.send(request, stream=True)
        if self._plain and response.headers.get("Content-Encoding", "identity") != "identity":
            response.close()
            raise httpx.RemoteProtocolError("packed, which was not asked for")
        return response

    @contextmanager
    def used(self) -> Iterator[None]:
        """Count a user: the last one closes the client, for a number freed under a reader may be another's socket."""
        with self._lock:
            if self._ended:  # dropped between being found and being used
                raise httpx.ConnectError("ended")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                last = self._ended and not self._users
            if last:
                self._client.close()

    def end(self) -> None:
        """End what is under way, and close the client."""
        with self._lock:
            self._ended = True
            sockets, unused = list(self._sockets), not self._users
        for one in sockets:
            _shut(one)
        if unused:
            self._client.close()

    def _opened(self, event: str, info: dict[str, Any]) -> None:
        """Told by the client what its connections do."""
        if event not in _OPENED:
            return
        stream = info["return_value"]
        with self._lock:
            self._sockets.add(stream.get_extra_info("socket"))
            ended = self._ended
        if ended:  # before the first byte of the request
            stream.close()
            raise httpx.ConnectError("ended")


@contextmanager
def answer(way: Way, request: httpx.Request) -> Iterator[httpx.Response]:
    """An open answer, closed at the end."""
    response = way.send(request)
    try:
        yield response
    finally:
        response.close()


def bounded(response: httpx.Response, most: int) -> httpx.Response:
    """The whole answer, its body read; httpx.RemoteProtocolError when that has more than so many bytes."""
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > most:
            raise httpx.RemoteProtocolError("longer than it may be")
    return httpx.Response(response.status_code, headers=response.headers, content=bytes(body))


def _shut(one: socket.socket) -> None:
    """Wake whoever reads from it: closing it would leave them waiting.

    Called on the plain socket: the method of a TLS socket takes the session away from under its reader.
    """
    with suppress(OSError):  # closed already
        socket.socket.shutdown(one, socket.SHUT_RDWR)
