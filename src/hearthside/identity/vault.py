"""The vault: a folder whose root key is wrapped by a passphrase or a key file; every other key derives from it."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import orjson
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hearthside.errors import NeedsPerson, Refused

_FILE = "vault.json"
_FORMAT = 1
_KEY_BYTES = 32
_ROOT_CONTEXT = b"hearthside/1/root"
# 256 MiB and 3 passes take about a second: what a guesser must pay for each passphrase tried.
ARGON_MEMORY_KIB = 256 * 1024
ARGON_PASSES = 3
_MAX_MEMORY_KIB = 8 * 1024 * 1024  # a damaged or forged file must not take all of the memory, or forever
_MAX_PASSES = 100
_LEAST_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class Vault:
    """An opened vault.

    Attributes:
        folder: where everything of this person lies.
    """

    folder: Path
    _root: bytes

    def __repr__(self) -> str:
        """Without the key."""
        return f"Vault({str(self.folder)!r})"

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose (``journal``, ``stream``, ``index`` ...); purposes never share a key."""
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"hearthside/1/{purpose}".encode()).derive(
            self._root
        )


def vault_exists(folder: Path) -> bool:
    """Whether a vault was made in this folder."""
    return (folder / _FILE).exists()


def create_vault(folder: Path, *, passphrase: str | None = None, key_file: Path | None = None) -> Vault:
    """Make a vault wrapped by a passphrase or by a key file (made, mode 600, when it does not exist).

    Raises:
        Refused: the folder already holds a vault, neither or both ways were given, or the key file holds no secret.
    """
    if vault_exists(folder):
        raise Refused("vault-exists", f"{folder} already holds a vault; it was left as it is.")
    if (passphrase is None) == (key_file is None):
        raise Refused("vault-one-way", "Give either a passphrase or a key file for the new vault; nothing was made.")
    if key_file is not None and not key_file.exists():
        _write_private(key_file, base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
    if key_file is not None and (not key_file.is_file() or len(key_file.read_bytes().strip()) < _LEAST_SECRET_BYTES):
        raise Refused("vault-key-short", f"{key_file} is no key file of at least 16 bytes; nothing was made.")
    way = "passphrase" if passphrase is not None else "key_file"
    empty = _Wrapped(way, secrets.token_bytes(16), ARGON_MEMORY_KIB, ARGON_PASSES, secrets.token_bytes(12), b"")
    root = secrets.token_bytes(_KEY_BYTES)
    sealed = AESGCM(_wrapping_key(empty, passphrase, key_file)).encrypt(empty.nonce, root, _ROOT_CONTEXT)
    document = {
        "format": _FORMAT,
        "way": way,
        "salt": base64.b64encode(empty.salt).decode(),
        "argon2id": {"memory_kib": ARGON_MEMORY_KIB, "passes": ARGON_PASSES} if way == "passphrase" else None,
        "nonce": base64.b64encode(empty.nonce).decode(),
        "root": base64.b64encode(sealed).decode(),
    }
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_private(folder / _FILE, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return Vault(folder, root)


def open_vault(folder: Path, *, passphrase: str | None = None, key_file: Path | None = None) -> Vault:
    """Open a vault; a wrong key says so at once and touches nothing.

    Raises:
        NeedsPerson: no vault there, it is damaged, or the key is missing or wrong.
    """
    if not vault_exists(folder):
        raise NeedsPerson("vault-missing", f"There is no vault in {folder}. `hearthside up` makes one.")
    wrapped = _read_wrapped(folder / _FILE)
    way = wrapped.way
    if way == "passphrase" and passphrase is None:
        raise NeedsPerson("vault-passphrase-needed", "This vault opens with its passphrase; nothing was touched.")
    if way == "key_file" and (key_file is None or not key_file.is_file()):
        raise NeedsPerson(
            "vault-key-missing", f"The key file of this vault is not at {key_file}; nothing was touched. Put it back."
        )
    wrapping = _wrapping_key(wrapped, passphrase, key_file)
    try:
        root = AESGCM(wrapping).decrypt(wrapped.nonce, wrapped.root, _ROOT_CONTEXT)
    except InvalidTag as error:
        name = "passphrase" if way == "passphrase" else "key file"
        raise NeedsPerson("vault-key-wrong", f"This {name} does not open the vault; nothing was touched.") from error
    return Vault(folder, root)


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """What vault.json holds: the sealed root key and how its wrapping key is made (memory in KiB)."""

    way: str
    salt: bytes
    memory_kib: int
    passes: int
    nonce: bytes
    root: bytes


def _read_wrapped(path: Path) -> _Wrapped:
    try:
        document = orjson.loads(path.read_bytes())
        way, costs = document["way"], document["argon2id"] or {}
        if document["format"] != _FORMAT or way not in ("passphrase", "key_file"):
            raise ValueError("unknown format")
        salt, nonce, root = (base64.b64decode(document[name], validate=True) for name in ("salt", "nonce", "root"))
        # The costs the vault was made with: raising the constants must not lock older vaults.
        memory_kib, passes = int(costs.get("memory_kib", 0)), int(costs.get("passes", 0))
        bounded = way == "key_file" or (8 <= memory_kib <= _MAX_MEMORY_KIB and 1 <= passes <= _MAX_PASSES)
        if (len(salt), len(nonce), len(root)) != (16, 12, _KEY_BYTES + 16) or not bounded:
            raise ValueError("a part has the wrong size")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NeedsPerson(
            "vault-damaged", f"{path} is damaged and cannot be read; nothing was touched. Put back a copy of this file."
        ) from error
    return _Wrapped(way, salt, memory_kib, passes, nonce, root)


def _wrapping_key(wrapped: _Wrapped, passphrase: str | None, key_file: Path | None) -> bytes:
    if wrapped.way == "passphrase":
        secret = (passphrase or "").encode()
        return hash_secret_raw(secret, wrapped.salt, wrapped.passes, wrapped.memory_kib, 1, _KEY_BYTES, Type.ID)
    secret = (key_file or Path()).read_bytes().strip()
    info = b"hearthside/1/key-file"
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=wrapped.salt, info=info).derive(secret)


def _write_private(path: Path, content: bytes) -> None:
    """Write whole or not at all: temporary file, fsync, rename, fsync of the folder; readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


write_private = _write_private
