"""Where a model server may be: on this machine, or on a compute node the person configured, and nowhere else."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hearthside.errors import ConfigError, Refused, RetryLater

_CONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A model server and how to reach it.

    Attributes:
        url: ``http://127.0.0.1:8080``, with or without ``/v1`` at its end.
        model: the model to ask for; empty takes the first one the server lists.
        key: API key, empty for none.
        nodes: hosts of compute nodes that were paired; a server elsewhere than on loopback must be one of them.
        tls: certificates of the home for a server on a compute node; None for one on loopback.
        silence_s: seconds without a byte after which an answer counts as broken off. A long prompt on a slow machine
            is read for minutes before the first token.
        memory_prompt_cache_off: the person says that llama-server runs with ``--cache-ram 0``, so prefixes may be
            reused beside adapters (see `server_adapters`).
    """

    url: str
    model: str = ""
    key: str = field(default="", repr=False)
    nodes: frozenset[str] = field(default_factory=frozenset)
    tls: ssl.SSLContext | None = None
    silence_s: float = 600.0
    memory_prompt_cache_off: bool = False

    def root(self) -> str:
        """The address without ``/v1``, after it was checked.

        Raises:
            ConfigError: it is no http(s) address.
            Refused: it is neither on this machine nor a paired compute node, or would carry words in the open.
        """
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or "@" in parts.netloc:
            raise ConfigError(
                "backend-address-wrong",
                "The address of a model server must look like http://127.0.0.1:8080; nothing was sent there.",
            )
        if not on_this_machine(host):
            if host not in self.nodes:
                raise Refused(
                    "backend-host-unknown",
                    f"{host} is neither this machine nor a paired compute node, so no question is sent there. "
                    "Pair it first, or run the model server on this machine.",
                )
            if parts.scheme != "https":
                raise Refused(
                    "backend-not-private",
                    f"Questions to {host} would cross the network in the open; nothing was sent. Use https.",
                )
        return self.url.rstrip("/").removesuffix("/v1")

    def away(self) -> str:
        """Why nobody answers there, as a sentence; empty when somebody listens, or is too busy to be asked.

        A connection is opened and closed; nothing is sent.
        """
        parts = urlsplit(self.root())
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), _CONNECT_S).close()
        except ConnectionRefusedError:
            return self.absent().message
        except OSError:
            return ""
        return ""

    def absent(self) -> RetryLater:
        """The error that nobody listens there."""
        return RetryLater(
            "backend-away",
            f"No model server answers at {self.place}. Start it there, or take its address out of the settings; "
            "everything else works meanwhile.",
        )

    @property
    def place(self) -> str:
        """``host:port`` for messages."""
        return urlsplit(self.url).netloc


def on_this_machine(host: str) -> bool:
    """Whether a host is loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
