"""The way by passphrase: argon2id (RFC 9106), so that each guess costs memory and time."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from argon2.low_level import Type, hash_secret_raw

from hearthside.events import Json
from hearthside.identity.ways.wrapped import KEY_BYTES, bytes_of, text_of

KIND = "passphrase"
SALT_BYTES = 16
_MAX_MEMORY_KIB = 8 * 1024 * 1024  # a damaged or forged file must not take all of the memory, or forever
_MAX_PASSES = 100


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase as the person typed it, and the costs for new wraps.

    Attributes:
        memory_kib: argon2id memory, KiB.
        passes: argon2id passes over it.
    """

    text: str = field(repr=False)
    memory_kib: int
    passes: int

    @property
    def kind(self) -> str:
        """``passphrase``."""
        return KIND

    def fresh(self) -> tuple[bytes, dict[str, Json]]:
        """A wrapping key under a new salt, and its parameters."""
        salt = text_of(secrets.token_bytes(SALT_BYTES))
        parameters = {"salt": salt, "memory_kib": self.memory_kib, "passes": self.passes, "text": "nfc"}
        return self.wrapping_key(parameters), parameters

    def wrapping_key(self, parameters: Mapping[str, Json]) -> bytes:
        """The wrapping key, with the costs the way was made with: raising the constants must not lock older vaults."""
        # Keyboards and systems compose accents differently; format 1 took the bytes as they came.
        text = unicodedata.normalize("NFC", self.text) if parameters["text"] == "nfc" else self.text
        passes, memory_kib = parameters["passes"], parameters["memory_kib"]
        salt = bytes_of(parameters["salt"])
        return hash_secret_raw(text.encode(), salt, passes, memory_kib, 1, KEY_BYTES, Type.ID)


def check(parameters: Mapping[str, Json]) -> None:
    """Look whether the parameters can be used at all.

    Raises:
        ValueError, TypeError, KeyError: a part is missing, malformed, or a cost nobody would choose.
    """
    memory_kib, passes = parameters["memory_kib"], parameters["passes"]
    if type(memory_kib) is not int or type(passes) is not int:
        raise ValueError("a cost is no whole number")
    if not (8 <= memory_kib <= _MAX_MEMORY_KIB and 1 <= passes <= _MAX_PASSES):
        raise ValueError("a cost is out of bounds")
    if len(bytes_of(parameters["salt"])) != SALT_BYTES or parameters["text"] not in ("nfc", "raw"):
        raise ValueError("a part has the wrong size")
