"""The way by key file: a file with a secret that the station reads by itself, so that it starts unattended."""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hearthside.errors import Refused
from hearthside.events import Json
from hearthside.identity.durable import write_private
from hearthside.identity.ways.wrapped import KEY_BYTES, bytes_of, derive, text_of

KIND = "key_file"
SALT_BYTES = 16
_LEAST_SECRET_BYTES = 16
_VAULT_FILE = "vault.json"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The content of a key file, without the white space around it."""

    secret: bytes

    def __repr__(self) -> str:
        """Without the secret."""
        return "KeyFile()"

    @property
    def kind(self) -> str:
        """``key_file``."""
        return KIND

    def fresh(self) -> tuple[bytes, dict[str, Json]]:
        """A wrapping key under a new salt, and its parameters."""
        parameters = {"salt": text_of(secrets.token_bytes(SALT_BYTES))}
        return self.wrapping_key(parameters), parameters

    def wrapping_key(self, parameters: Mapping[str, Json]) -> bytes:
        """The wrapping key of this salt; the secret is random, so that no slow hash is needed."""
        return derive(self.secret, "hearthside/1/key-file", bytes_of(parameters["salt"]))


def check(parameters: Mapping[str, Json]) -> None:
    """Look whether the parameters can be used at all.

    Raises:
        ValueError, TypeError, KeyError: a part is missing or malformed.
    """
    if len(bytes_of(parameters["salt"])) != SALT_BYTES:
        raise ValueError("a part has the wrong size")


def read_key_file(path: Path) -> KeyFile:
    """The secret in a key file."""
    return KeyFile(path.read_bytes().strip())


def made_key_file(path: Path) -> KeyFile:
    """The secret in a key file, which is made (mode 600) when it does not exist.

    Raises:
        Refused: it holds no secret.
    """
    if not path.exists():
        write_private(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    if not path.is_file() or len(read_key_file(path).secret) < _LEAST_SECRET_BYTES:
        raise Refused("vault-key-short", f"{path} is no key file of at least 16 bytes; nothing was made.")
    return read_key_file(path)


def key_file_warning(path: Path) -> str:
    """What is wrong with where a key file lies or who may read it; empty when nothing is."""
    try:
        found = path.stat()
    except OSError:
        return f"The key file {path} is not there or cannot be looked at."
    if found.st_uid != os.geteuid():
        return f"The key file {path} belongs to another user, who can read and change it."
    if stat.S_IMODE(found.st_mode) & 0o077:
        return f"The key file {path} can be read by other users of this machine. Run: chmod 600 {path}"
    if any((folder / _VAULT_FILE).exists() for folder in path.resolve().parents):
        return f"The key file {path} lies inside the vault, so that a copy of the vault opens itself. Move it out."
    return ""
