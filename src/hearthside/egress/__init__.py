"""The one door out of the house: every request has a named purpose and a ledger row before its first byte leaves.

Exempt are sockets to child processes of the station itself on loopback (compute node, workshop on the same machine).
"""

from __future__ import annotations

import hashlib
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit
from weakref import WeakSet

import httpx

from hearthside.egress.faults import check_status, mapped, unreachable
from hearthside.egress.ways import Way, answer, bounded
from hearthside.egress.websocket import PORTS, WebSocket
from hearthside.errors import ConfigError, Refused
from hearthside.logs import logger

__all__ = ["PURPOSES", "SIGN_ANSWER_BYTES", "Egress", "LedgerRow", "Link", "Purpose", "WebSocket", "bounded"]

SIGN_ANSWER_BYTES = 64 * 1024
"""An answer to a sign of life is no longer, nor one that `Egress.request` reads with certificates of our own."""
_SIGN_BYTES = 64  # of a sign of life; more could hold content
_SIGN_PATH = re.compile(r"/[a-z]{1,16}")
_log = logger("egress")


class Purpose(StrEnum):
    """What traffic may leave for; anything else is refused."""

    WORKSHOP_TRAINING = "workshop-training"
    HOME_ASSISTANT = "home-assistant"
    MODEL_DOWNLOAD = "model-download"
    BACKUP = "backup"
    COMPUTE_NODE = "compute-node"


PURPOSES: Mapping[Purpose, str] = {
    Purpose.WORKSHOP_TRAINING: "a sealed training job to the workshop, and the adapter back",
    Purpose.HOME_ASSISTANT: "states and confirmed actions, to the Home Assistant named in the settings",
    Purpose.MODEL_DOWNLOAD: "a model file the person chose from the shelf",
    Purpose.BACKUP: "sealed backups to the storage named in the settings, and back when they are checked",
    Purpose.COMPUTE_NODE: "questions with their evidence, texts to be read for meaning, your adapter and a signed"
    " number of your records, to a compute node that you paired, and its answers back",
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
            and 0 for its handshake; 0 for a link, which carries no content.
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
        self._lock = threading.Lock()
        self._ways: dict[ssl.SSLContext | None, Way] = {None: Way(None)}
        self._dropped: WeakSet[ssl.SSLContext] = WeakSet()

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
        connect_s: float | None = None,
        consent: str = "",
        attested: str = "no",
        tls: ssl.SSLContext | None = None,
    ) -> httpx.Response:
        """Send one request and read the whole answer.

        Args:
            timeout_s: seconds without a byte after which it is given up.
            connect_s: seconds to connect within; None: `timeout_s`.
            tls: certificates of our own to speak with and to believe, and an answer of at most `SIGN_ANSWER_BYTES`,
                not packed; None: those the system believes.

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
            connect_s=connect_s,
            consent=consent,
            attested=attested,
            tls=tls,
        ) as response:
            if tls is not None:
                return bounded(response, SIGN_ANSWER_BYTES)
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
        connect_s: float | None = None,
        consent: str = "",
        attested: str = "no",
        tls: ssl.SSLContext | None = None,
        redirects: bool = False,
    ) -> Iterator[httpx.Response]:
        """Like `request`, with the answer's body left to be read piece by piece inside the `with` block.

        `timeout_s` bounds each wait (next piece), not the whole transfer. With `redirects` an answer that points
        elsewhere is handed out like any other; it is never followed here. With `tls` a packed answer is refused; how
        much of it to read is the caller's to bound (`bounded`).
        """
        named = _purpose(purpose)
        destination = _destination(url, ("http", "https"))
        with mapped(destination), self._way(tls) as way:
            request = way.request(method, url, content, headers, timeout_s, connect_s)
            self._write(named, destination, data_class, _wire_bytes(request, content), content, consent, attested)
            with answer(way, request) as response:
                check_status(response.status_code, response.has_redirect_location and not redirects, destination)
                yield response

    def open_link(self, purpose: str, url: str, *, data_class: str, tls: ssl.SSLContext, consent: str = "") -> Link:
        """Begin to exchange signs of life with one receiver: one row stands for all of them; nothing is sent yet.

        Raises:
            Refused, ConfigError: as `request`.
        """
        named = _purpose(purpose)
        destination = _destination(url, ("https",))
        self._write(named, destination, data_class, 0, b"", consent, "no")
        return Link(destination, lambda: self._way(tls))

    def drop(self, tls: ssl.SSLContext) -> None:
        """Cut what is under way with these certificates; nothing goes out or comes in with them any more."""
        with self._lock:
            self._dropped.add(tls)
            way = self._ways.pop(tls, None)
        if way is not None:
            way.end()

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
        """Close the connections of requests; websockets are closed by who opened them."""
        with self._lock:
            ways = list(self._ways.values())
        for way in ways:
            way.end()

    @contextmanager
    def _way(self, tls: ssl.SSLContext | None) -> Iterator[Way]:
        """The way of these certificates."""
        with self._lock:
            if tls is not None and tls in self._dropped:
                raise unreachable("The receiver", ConnectionAbortedError())
            way = self._ways.get(tls) or self._ways.setdefault(tls, Way(tls))
        with way.used():
            yield way

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


class Link:
    """Signs of life to one receiver; made by `Egress.open_link`, whose row stands for all of them."""

    def __init__(self, destination: str, way: Callable[[], AbstractContextManager[Way]]) -> None:
        self._destination, self._way = destination, way

    def ask(
        self, method: str, path: str, content: bytes = b"", *, timeout_s: float, connect_s: float | None = None
    ) -> httpx.Response:
        """Send one sign of life and read the answer: a path of letters and at most 64 bytes, which hold no content.

        Raises:
            Refused: it is longer; nothing was sent.
            RetryLater: no connection, no answer in time, or one that is packed or longer than `SIGN_ANSWER_BYTES`.
        """
        if len(content) > _SIGN_BYTES or not _SIGN_PATH.fullmatch(path):
            raise Refused("egress-sign-too-long", "This is more than a sign of life, so nothing was sent.")
        with mapped(self._destination), self._way() as way:
            request = way.request(method, self._destination + path, content, None, timeout_s, connect_s)
            with answer(way, request) as response:
                return bounded(response, SIGN_ANSWER_BYTES)


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
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{PORTS[parts.scheme] if port is None else port}"


def _wire_bytes(request: httpx.Request, content: bytes) -> int:
    """Length of the request as HTTP/1.1 writes it, before TLS."""
    line = len(f"{request.method} ") + len(request.url.raw_path) + len(" HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + 4 for name, value in request.headers.raw) + 2 + len(content)
