"""A root key wrapped by one way, as vault.json holds it; and the seal that all ways but paper share."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hearthside.events import Json

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_FIRST_CONTEXT = b"hearthside/1/root"  # of wraps made by format 1, which stay as they are until the root changes


class WrongKey(Exception):
    """This secret does not open this wrap."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which root a wrap belongs to: bound into every seal, so that a wrap never passes for another's.

    Attributes:
        vault_id: 16 hex digits; empty for a vault of format 1, which has none of its own.
        generation: 1 for the first root, one more for each new root.
    """

    vault_id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Wrapped:
    """One way as vault.json holds it.

    Attributes:
        name: unique within the vault: ``passphrase``, ``passphrase-2``, ``tpm`` ...
        kind: ``passphrase``, ``key_file``, ``tpm`` or ``paper``.
        made_ms: when the way was added, UTC milliseconds; None when nobody said.
        renewed_ms: when it last wrapped a root, UTC milliseconds.
        parameters: how its wrapping key is made; public.
        seal: 1 for a wrap made by format 1, else 2.
        nonce: 12 bytes; empty for paper, whose seal carries its own.
        root: the sealed root key.
    """

    name: str
    kind: str
    made_ms: int | None
    renewed_ms: int | None
    parameters: Mapping[str, Json]
    seal: int = 2
    nonce: bytes = b""
    root: bytes = b""


class Secret(Protocol):
    """What the person or the machine has: it makes the key that wraps a root."""

    @property
    def kind(self) -> str:
        """Which ways it can open."""

    def fresh(self) -> tuple[bytes, dict[str, Json]]:
        """A wrapping key (32 bytes) never used before, and the public parameters to make it again."""

    def wrapping_key(self, parameters: Mapping[str, Json]) -> bytes:
        """The wrapping key of these parameters; of a wrong secret, some other 32 bytes."""


def wrap(root: bytes, secret: Secret, way: Wrapped, place: Place) -> Wrapped:
    """The way with this root wrapped in it, under a wrapping key never used before."""
    key, parameters = secret.fresh()
    bare = replace(way, parameters=parameters, seal=2, nonce=secrets.token_bytes(NONCE_BYTES))
    return replace(bare, root=AESGCM(key).encrypt(bare.nonce, root, _context(bare, place)))


def unwrap(way: Wrapped, secret: Secret, place: Place) -> bytes:
    """The root key that a way wraps.

    Raises:
        WrongKey: the secret is another one, or the wrap was altered.
        NeedsPerson: the secret cannot be asked now (a TPM whose machine has changed).
    """
    try:
        root = AESGCM(secret.wrapping_key(way.parameters)).decrypt(way.nonce, way.root, _context(way, place))
    except InvalidTag as error:
        raise WrongKey(way.name) from error
    if len(root) != KEY_BYTES:
        raise WrongKey(way.name)
    return root


def _context(way: Wrapped, place: Place) -> bytes:
    if way.seal == 1:
        return _FIRST_CONTEXT
    bound = ["hearthside/2/root", place.vault_id, place.generation, way.kind, way.name, way.parameters]
    return orjson.dumps(bound, option=orjson.OPT_SORT_KEYS)


def derive(secret: bytes, info: str, salt: bytes | None = None) -> bytes:
    """32 bytes for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info.encode()).derive(secret)


def text_of(content: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(content).decode()


def bytes_of(text: Json) -> bytes:
    """Bytes from base64.

    Raises:
        ValueError, TypeError: it is none.
    """
    return base64.b64decode(text, validate=True)
