"""A client websocket whose every message is written in the ledger first."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from hearthside.egress.faults import OF_WEBSOCKETS, mapped
from hearthside.logs import logger

PORTS = {"https": 443, "http": 80, "wss": 443, "ws": 80}
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # one websocket message; a home of 2,000 entities is about 1 MiB


class WebSocket:
    """A client websocket whose every message is written in the ledger first; made by `Egress.open_websocket`."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None,
        timeout_s: float,
        destination: str,
        note: Callable[[str, bytes, int], None],
    ) -> None:
        self._destination = destination
        self._note = note
        self._closing = ExitStack()
        parts = urlsplit(url)
        with mapped(destination, OF_WEBSOCKETS):
            # With a socket of our own the library can neither take a proxy from the environment nor follow a redirect.
            raw = socket.create_connection((parts.hostname or "", parts.port or PORTS[parts.scheme]), timeout=timeout_s)
            try:
                connection = connect(
                    url,
                    sock=raw,
                    proxy=None,
                    additional_headers=dict(headers or {}),
                    open_timeout=timeout_s,
                    close_timeout=2.0,
                    max_size=_MAX_MESSAGE_BYTES,
                    logger=_silent_logger(),
                )
            except BaseException as error:
                raw.close()
                if isinstance(error.__cause__, InvalidStatus):  # the library's complaint about a redirect
                    raise error.__cause__ from None
                raise
        self._connection = self._closing.enter_context(connection)

    def send(self, message: str, data_class: str) -> None:
        """Send one text message.

        Raises:
            RetryLater: the connection is gone.
        """
        content = message.encode()
        self._note(data_class, content, len(content))
        with mapped(self._destination, OF_WEBSOCKETS):
            self._connection.send(message)

    def receive(self, timeout_s: float | None = None) -> str | None:
        """The next message, or None when none came within `timeout_s` seconds (None: wait for ever).

        Raises:
            RetryLater: the connection is gone.
        """
        with mapped(self._destination, OF_WEBSOCKETS):
            try:
                message = self._connection.recv(timeout=timeout_s)
            except TimeoutError:
                return None
        return message if isinstance(message, str) else message.decode("utf-8", "replace")

    def close(self) -> None:
        """Close it; a thread waiting in `receive` gets RetryLater."""
        self._closing.close()


def _silent_logger() -> logging.Logger:
    """The websocket library would log messages at DEBUG; content never enters a log."""
    silent = logger("egress.websocket")
    silent.setLevel(logging.WARNING)
    return silent
