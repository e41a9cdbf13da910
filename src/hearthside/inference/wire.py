"""What station and compute node say to each other: the start-up line, and errors that keep their kind on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import orjson

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json

_KINDS = {"RetryLater": RetryLater, "NeedsPerson": NeedsPerson, "Refused": Refused}


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What the supervisor tells a node at its start.

    Attributes:
        context_tokens: context of each completion.
        parallel: completions at the same time.
        token: bearer token every request must carry.
        parent_pid: process that the node must not outlive.
        adapters: GGUF files in base64, by adapter id.
        heads_folder: where it remembers the heads of journals; the only thing it keeps on a disk. Empty: nowhere.
        model_path: file to load; with a server the file that it is said to serve, empty when that is not known.
        server_url: a model server that answers in place of a model of the node's own; empty: none.
        server_model, server_key: what to ask of it, and its API key.
        model_bytes, parameters: size of the weights, and how many numbers they are; 0 where that is not known.
        erase_after_s: idle seconds after which a node that was used ends, so that nothing is left of it; 0: never.
        speech_url, speech_model, speech_key: a server that turns speech into text, see `SideConfig`; empty: none.
        lan_socket: number of the listening socket that a paired home reaches it by; -1: there is none.
        lan_key, lan_certificate, lan_home: who the node is, see `NodeIdentity`; PEM.
    """

    model_path: str
    model_name: str
    model_sha256: str
    threads: int
    context_tokens: int
    parallel: int
    token: str = field(repr=False)
    parent_pid: int
    adapters: dict[str, str] = field(default_factory=dict)
    heads_folder: str = ""
    server_url: str = ""
    server_model: str = ""
    server_key: str = field(default="", repr=False)
    model_bytes: int = 0
    parameters: int = 0
    erase_after_s: float = 0.0
    speech_url: str = ""
    speech_model: str = ""
    speech_key: str = field(default="", repr=False)
    lan_socket: int = -1
    lan_key: str = field(default="", repr=False)
    lan_certificate: str = ""
    lan_home: str = ""

    def line(self) -> bytes:
        """As one line for the node's standard input."""
        return orjson.dumps(asdict(self)) + b"\n"


def error_body(error: HearthsideError) -> dict[str, str]:
    """An error as JSON."""
    return {"kind": type(error).__name__, "code": error.code, "message": error.message}


def error_of(body: Json) -> HearthsideError:
    """The error that `error_body` was made from; ValueError for what is none."""
    named = ("kind", "code", "message")
    if not isinstance(body, Mapping) or not all(isinstance(body.get(name), str) for name in named):
        raise ValueError("no error")
    return _KINDS.get(body["kind"], RetryLater)(body["code"], body["message"])
