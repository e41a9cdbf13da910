"""The manifest of one model's vectors: which files count, their keys, and which of their vectors were removed.

Every other file lies under a random key of its own that only the manifest holds, so that a file that is taken out of
it is closed for good. The manifest is replaced whole. Layout: ``vectors`` and the version (8 bytes), what shows which
key it is under (16), nonce (12), AES-256-GCM of a JSON document.
"""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from hearthside.errors import NeedsPerson
from hearthside.identity.durable import write_private
from hearthside.logs import logger
from hearthside.memory.vectors.coding import Floats, Rows

_MAGIC = b"vectors" + bytes([1])  # another version is not read: the vectors are taken from the journal again
_CHECK_BYTES, _NONCE_BYTES = 16, 12
_HEAD_BYTES = len(_MAGIC) + _CHECK_BYTES + _NONCE_BYTES
_log = logger("memory")


def _no_rows() -> Rows:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One file.

    Attributes:
        name: its name in the folder.
        key: 32 bytes, drawn for this file.
        count: vectors in it; of the tail, which grows without the manifest, 0.
        dead: which of them were removed, by their place in the file, ascending.
    """

    name: str
    key: bytes
    count: int = 0
    dead: Rows = field(default_factory=_no_rows)

    @property
    def alive(self) -> int:
        """Vectors that were not removed."""
        return self.count - len(self.dead)

    def without(self, places: Rows) -> Entry:
        """The same with more removed."""
        return replace(self, dead=np.union1d(self.dead, places)) if len(places) else self


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """What counts.

    Attributes:
        dim: dimensions of the vectors.
        tail: the file that is appended to.
        segments: files that never change.
        centre: what the codes of the segments are centred on, (dim,); None before the first segment.
        centred_at: how many vectors the centre is the mean of.
    """

    dim: int
    tail: Entry
    segments: tuple[Entry, ...] = ()
    centre: Floats | None = None
    centred_at: int = 0

    def names(self) -> set[str]:
        """Names of all files."""
        return {self.tail.name, *(entry.name for entry in self.segments)}


def new_entry(suffix: str, count: int = 0) -> Entry:
    """A file that is not there yet."""
    return Entry(f"{secrets.token_hex(8)}.{suffix}", secrets.token_bytes(32), count)


def stamp_of(path: Path) -> bytes:
    """What tells this manifest from every other one, without opening it; empty when there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except FileNotFoundError:
        return b""


def check_key(path: Path, key: bytes) -> None:
    """See that no manifest lies there under another key.

    Raises:
        NeedsPerson: one does; nothing was touched.
    """
    _check_key(stamp_of(path), key)


def read_manifest(path: Path, key: bytes, model: str) -> tuple[bytes, Manifest | None]:
    """The stamp of what lies there, and the manifest; None when there is none, or one that is of no use.

    Raises:
        NeedsPerson: it lies under another key; nothing was touched.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b"", None
    stamp = content[:_HEAD_BYTES]
    if not _is_one(stamp):
        _log.warning("the vectors' manifest is of another version or damaged; the vectors are made again")
        return stamp, None
    _check_key(stamp, key)
    try:
        inside = _cipher(key, model).decrypt(stamp[-_NONCE_BYTES:], content[_HEAD_BYTES:], _about(model))
    except InvalidTag:
        _log.warning("the vectors' manifest is damaged; the vectors are made again")
        return stamp, None
    return stamp, _from_json(orjson.loads(inside))


def _is_one(stamp: bytes) -> bool:
    return stamp.startswith(_MAGIC) and len(stamp) == _HEAD_BYTES


def _check_key(stamp: bytes, key: bytes) -> None:
    if _is_one(stamp) and stamp[len(_MAGIC) : -_NONCE_BYTES] != _key_mark(key):
        raise NeedsPerson("vectors-key-wrong", "The vectors do not open with this vault's key; nothing was touched.")


def write_manifest(path: Path, key: bytes, model: str, manifest: Manifest) -> None:
    """Put a manifest in the place of the one before, on the disk."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(key, model).encrypt(nonce, orjson.dumps(_to_json(manifest)), _about(model))
    write_private(path, _MAGIC + _key_mark(key) + nonce + sealed)


def _key_mark(key: bytes) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=_CHECK_BYTES, info=b"hearthside/1 vectors, which key").derive(key)


def _cipher(key: bytes, model: str) -> AESGCM:
    info = b"hearthside/1 vectors " + model.encode()
    return AESGCM(HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(key))


def _about(model: str) -> bytes:
    return _MAGIC + model.encode()


def _to_json(manifest: Manifest) -> dict[str, Any]:
    return {
        "dim": manifest.dim,
        "tail": _entry_json(manifest.tail),
        "segments": [_entry_json(entry) for entry in manifest.segments],
        "centre": None if manifest.centre is None else _text(manifest.centre.astype("<f4").tobytes()),
        "centred_at": manifest.centred_at,
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    dead = _text(entry.dead.astype("<i8").tobytes())
    return {"name": entry.name, "key": _text(entry.key), "count": entry.count, "dead": dead}


def _from_json(body: dict[str, Any]) -> Manifest:
    centre = body["centre"]
    return Manifest(
        int(body["dim"]),
        _entry(body["tail"]),
        tuple(_entry(one) for one in body["segments"]),
        None if centre is None else np.frombuffer(base64.b64decode(centre), dtype="<f4").astype(np.float32),
        int(body["centred_at"]),
    )


def _entry(body: dict[str, Any]) -> Entry:
    dead = np.frombuffer(base64.b64decode(body["dead"]), dtype="<i8").astype(np.int64)
    return Entry(str(body["name"]), base64.b64decode(body["key"]), int(body["count"]), dead)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
