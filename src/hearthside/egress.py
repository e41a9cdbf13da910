"""The one door out of the house: every request has a named purpose and a ledger row before its first byte leaves.

Exempt are sockets to child processes of the station itself on loopback (compute node, workshop on the same machine).
"""

from __future__ import annotations

import hashlib
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.logs import logger

_MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # one websocket message; a home of 2,000 entities is about 1 MiB
_PORT = {"https": 443, "http": 80, "wss": 443, "ws": 80}
_log = logger("egress")


class Purpose(StrEnum):
    """What traffic may leave for; anything else is refused."""

    WORKSHOP_TRAINING = "workshop-training"
    HOME_ASSISTANT = "home-assistant"
    MODEL_DOWNLOAD = "model-download"
    BACKUP = "backup"


PURPOSES: Mapping[Purpose, str] = {
    Purpose.WORKSHOP_TRAINING: "a sealed training job to the workshop, and the adapter back",
    Purpose.HOME_ASSISTANT: "states and confirmed actions, to the Home Assistant named in the settings",
    Purpose.MODEL_DOWNLOAD: "a model file the person chose from the shelf",
    Purpose.BACKUP: "sealed backups to the storage named in the settings, and back when they are checked",
}
"""Every purpose in plain words, for the privacy page."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One sending, written down before it happens.

    Attributes:
        at_ms: when, UTC milliseconds.
        purpose: value of a `Purpose`.
        destination: ``scheme://host:port``; never path or query, which can hold content.
        data_class: what kind of data it is: ``sealed-job``, ``home-state-query``, ``home-action`` ...
        bytes_out: bytes of request line, headers and body as HTTP/1.1 (before TLS); of a websocket the message's bytes,
            and 0 for its handshake.
        sha256: hex digest of the body or message.
        consent: id of the journalled consent it rests on; empty where none is needed.
        attested: what is known of the receiver: ``no``, ``simulated`` or the name of the evidence.
    """

    at_ms: int
    purpose: str
    destination: str
    data_class: str
    bytes_out: int
    sha256: str
    consent: str
    attested: str


class Egress:
    """The gateway. Safe to use from many threads.

    Args:
        ledger: takes each row and returns when it is safe on disk; when it raises, nothing is sent.
        clock: UTC milliseconds.
    """

    def __init__(self, ledger: Callable[[LedgerRow], None], clock: Callable[[], int]) -> None:
        self._ledger = ledger
        self._clock = clock
        # trust_env=False: no proxy, certificate bundle or .netrc from the environment changes where bytes go.
        self._client = httpx.Client(trust_env=False, follow_redirects=False)

    def request(
        self,
        purpose: str,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        data_class: str,
        timeout_s: float,
        consent: str = "",
        attested: str = "no",
    ) -> httpx.Response:
        """Send one request and read the whole answer.

        Returns:
            The response, whatever its status apart from those below.

        Raises:
            Refused: the purpose is not named here, or the receiver points to another address.
            ConfigError: the address is no http(s) address.
            RetryLater: no connection, or no answer in `timeout_s` seconds.
            NeedsPerson: the receiver answered 401 or 403.
        """
        with self.stream(
            purpose,
            method,
            url,
            content=content,
            headers=headers,
            data_class=data_class,
            timeout_s=timeout_s,
            consent=consent,
            attested=attested,
        ) as response:
            response.read()
            return response

    @contextmanager
    def stream(
        self,
        purpose: str,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        data_class: str,
        timeout_s: float,
        consent: str = "",
        attested: str = "no",
    ) -> Iterator[httpx.Response]:
        """Like `request`, with the answer's body left to be read piece by piece inside the `with` block.

        `timeout_s` bounds each wait (connect, next piece), not the whole transfer.
        """
        named = _purpose(purpose)
        destination = _destination(url, ("http", "https"))
        with _mapped(destination):
            request = self._client.build_request(method, url, content=content, headers=headers, timeout=timeout_s)
            self._write(named, destination, data_class, _wire_bytes(request, content), content, consent, attested)
            response = self._client.send(request, stream=True)
            try:
                _check_status(response.status_code, response.has_redirect_location, destination)
                yield response
            finally:
                response.close()

    def open_websocket(
        self,
        purpose: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data_class: str,
        timeout_s: float,
        consent: str = "",
        attested: str = "no",
    ) -> WebSocket:
        """Open a websocket; the handshake and every message sent on it get a ledger row first.

        `timeout_s` bounds the handshake. Raises the same errors as `request`.
        """
        named = _purpose(purpose)
        destination = _destination(url, ("ws", "wss"))

        def note(kind: str, content: bytes, sent: int) -> None:
            self._write(named, destination, kind, sent, content, consent, attested)

        note(data_class, b"", 0)
        return WebSocket(url, headers, timeout_s, destination, note)

    def permit(self, purpose: str, destination: str, data_class: str, bytes_out: int, sha256: str) -> None:
        """Write the row for a request that a library sends itself; when this raises, it must not be sent.

        Args:
            destination: ``scheme://host:port``.
            sha256: hex digest of the body.

        Raises:
            Refused: the purpose is not named here.
        """
        named = _purpose(purpose)
        self._ledger(LedgerRow(self._clock(), named.value, destination, data_class, bytes_out, sha256, "", "no"))
        _log.info("%s: %d bytes of %s to %s", named.value, bytes_out, data_class, destination)

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def _write(
        self,
        purpose: Purpose,
        destination: str,
        data_class: str,
        bytes_out: int,
        content: bytes,
        consent: str,
        attested: str,
    ) -> None:
        digest = hashlib.sha256(content).hexdigest()
        row = LedgerRow(self._clock(), purpose.value, destination, data_class, bytes_out, digest, consent, attested)
        self._ledger(row)
        _log.info("%s: %d bytes of %s to %s", row.purpose, row.bytes_out, row.data_class, row.destination)


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
        with _mapped(destination):
            # With a socket of our own the library can neither take a proxy from the environment nor follow a redirect.
            raw = socket.create_connection((parts.hostname or "", _port(parts.scheme, parts.port)), timeout=timeout_s)
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
        with _mapped(self._destination):
            self._connection.send(message)

    def receive(self, timeout_s: float | None = None) -> str | None:
        """The next message, or None when none came within `timeout_s` seconds (None: wait for ever).

        Raises:
            RetryLater: the connection is gone.
        """
        with _mapped(self._destination):
            try:
                message = self._connection.recv(timeout=timeout_s)
            except TimeoutError:
                return None
        return message if isinstance(message, str) else message.decode("utf-8", "replace")

    def close(self) -> None:
        """Close it; a thread waiting in `receive` gets RetryLater."""
        self._closing.close()


@contextmanager
def _mapped(destination: str) -> Iterator[None]:
    """The one seam where foreign network errors become ours."""
    try:
        yield
    except HearthsideError:
        raise
    except InvalidStatus as error:
        code = error.response.status_code
        _check_status(code, 300 <= code < 400, destination)
        raise _unreachable(destination, error) from error
    except (httpx.TransportError, httpx.StreamError, ConnectionClosed, WebSocketException, OSError) as error:
        raise _unreachable(destination, error) from error


def _unreachable(destination: str, error: Exception) -> RetryLater:
    return RetryLater(
        "egress-unreachable",
        f"{destination} cannot be reached ({type(error).__name__}). Nothing was lost; it can be tried again later.",
    )


def _check_status(status: int, redirected: bool, destination: str) -> None:
    if status in (401, 403):
        raise NeedsPerson(
            "egress-not-allowed",
            f"{destination} did not accept the credentials (HTTP {status}). Check the token or key, then try again.",
        )
    if redirected:
        raise Refused(
            "egress-redirected",
            f"{destination} points to another address (HTTP {status}); Hearthside never follows. "
            "Enter the final address in the settings.",
        )


def _purpose(name: str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError:
        raise Refused(
            "egress-purpose-unknown",
            f"“{name}” is not a named purpose, so nothing was sent. Named are: {', '.join(Purpose)}.",
        ) from None


def _destination(url: str, schemes: tuple[str, ...]) -> str:
    """``scheme://host:port`` of an address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in schemes:
        raise ConfigError(
            "egress-address-wrong",
            f"An address must look like {schemes[0]}://host:port, and the one in the settings does not. "
            "Nothing was sent; correct it in the settings.",
        )
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{_port(parts.scheme, port)}"


def _port(scheme: str, port: int | None) -> int:
    return port if port is not None else _PORT[scheme]


def _wire_bytes(request: httpx.Request, content: bytes) -> int:
    """Length of the request as HTTP/1.1 writes it, before TLS."""
    line = len(f"{request.method} ") + len(request.url.raw_path) + len(" HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + 4 for name, value in request.headers.raw) + 2 + len(content)


def _silent_logger() -> logging.Logger:
    """The websocket library would log messages at DEBUG; content never enters a log."""
    silent = logger("egress.websocket")
    silent.setLevel(logging.WARNING)
    return silent
