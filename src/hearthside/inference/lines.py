"""Ways to a compute node: over loopback to our own child process, or over the house's one door to a paired machine."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from hearthside.egress import Egress, Link, Purpose
from hearthside.errors import RetryLater

_CONNECT_S = 5.0
_REMOTE_CONNECT_S = 2.5  # TLS included: who asks has an answer without the node within three seconds
# What carries nothing of the person: it goes under the link's one row. All else has a row of its own.
_SIGNS = frozenset({"/health", "/probe", "/forget"})
_CARRIED = {
    "complete": "prompt", "embed": "texts", "adapters": "adapter", "heads": "journal-head", "transcribe": "recording",
    "read_picture": "picture",
}  # fmt: skip


class Line(Protocol):
    """A way to one start of one node. Calls may come from several threads."""

    @property
    def key(self) -> str:
        """Another one after each start of the node: what it held in memory is gone then."""
        ...

    def open(
        self, method: str, path: str, body: bytes = b"", *, timeout_s: float
    ) -> AbstractContextManager[httpx.Response]:
        """Send a request; the body of the answer is left to be read inside the `with` block.

        Args:
            timeout_s: seconds without a byte after which it is given up.

        Raises:
            httpx.HTTPError, RetryLater (`egress-unreachable`): the node is not reached.
            HearthsideError: the request may not leave.
        """
        ...

    def broken(self) -> None:
        """Told when a request was not answered, or its answer broke off."""
        ...


def loopback_client() -> httpx.Client:
    """What `LoopbackLine` speaks through; one serves all starts of a node."""
    return httpx.Client(trust_env=False)


@dataclass(frozen=True, slots=True)
class LoopbackLine:
    """To our own child process: where it listens, and the token of this start. It is no egress."""

    url: str
    token: str = field(repr=False)
    http: httpx.Client = field(repr=False)

    @property
    def key(self) -> str:
        """The token, which is new at each start."""
        return self.token

    def open(
        self, method: str, path: str, body: bytes = b"", *, timeout_s: float
    ) -> AbstractContextManager[httpx.Response]:
        """See `Line`."""
        headers = {"Authorization": f"Bearer {self.token}"}
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S))
        return self.http.stream(method, self.url + path, content=body, headers=headers, timeout=timeout)

    def broken(self) -> None:
        """The supervisor notices by itself."""


class RemoteLine:
    """To a paired node: through egress, with TLS of this link alone.

    One row is written when it is made, before anything is sent; it stands for heartbeats and probes, which carry
    nothing. Whatever carries content writes its own row first.
    """

    def __init__(
        self,
        egress: Egress,
        place: str,
        tls: ssl.SSLContext,
        node: str,
        on_broken: Callable[[RemoteLine], None] = lambda line: None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            place: ``host:port``, the host of an IPv6 address in brackets.
            tls: believes the one node and nobody else.
            node: its id, kept in each row.
            on_broken: told as `broken` is.

        Raises:
            HearthsideError: the ledger cannot be written.
        """
        self._egress, self._url, self._tls, self._node = egress, f"https://{place}", tls, node
        self._on_broken = on_broken
        self._link: Link = egress.open_link(
            Purpose.COMPUTE_NODE, self._url, data_class="heartbeat", tls=tls, consent=node
        )
        self.key = ""

    def open(
        self, method: str, path: str, body: bytes = b"", *, timeout_s: float
    ) -> AbstractContextManager[httpx.Response]:
        """See `Line`."""
        if path in _SIGNS:
            return self._sign(method, path, body, timeout_s)
        return self._egress.stream(
            Purpose.COMPUTE_NODE,
            method,
            self._url + path,
            content=body,
            data_class=_CARRIED[path.split("/")[1]],
            timeout_s=timeout_s,
            connect_s=min(timeout_s, _REMOTE_CONNECT_S),
            consent=self._node,
            tls=self._tls,
        )

    @contextmanager
    def _sign(self, method: str, path: str, body: bytes, timeout_s: float) -> Iterator[httpx.Response]:
        yield self._link.ask(method, path, body, timeout_s=timeout_s, connect_s=min(timeout_s, _CONNECT_S))

    def broken(self) -> None:
        """See `Line`."""
        self._on_broken(self)

    def close(self) -> None:
        """Cut what is under way; nothing goes out or comes in any more."""
        self._egress.drop(self._tls)


def unreached(error: Exception) -> bool:
    """Whether an error of `Line.open` says that the node was not reached."""
    return not isinstance(error, RetryLater) or error.code == "egress-unreachable"
