"""vault.json: its two formats, the checks that it is whole and genuine, and the lock under which it is changed.

Format 1 holds one way and no more. Format 2 holds an id, the number of the root (its *generation*), any number of ways,
the former roots sealed under the newest, a tag under the newest root (so that nobody slips in a way or a paper key of
their own) and a checksum (so that rot is told from a wrong key).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearthside.errors import NeedsPerson, Refused
from hearthside.events import Json
from hearthside.identity.durable import write_private
from hearthside.identity.ways import key_file, paper, passphrase, tpm
from hearthside.identity.ways.wrapped import (
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    Place,
    Wrapped,
    bytes_of,
    derive,
    text_of,
)

FILE = "vault.json"
_LOCK = "vault.lock"
_FORMAT = 2
_CHECKS = {
    passphrase.KIND: passphrase.check,
    key_file.KIND: key_file.check,
    tpm.KIND: tpm.check,
    paper.KIND: paper.check,
}
_PARTS = {"format", "id", "generation", "ways", "former", "tag", "checksum"}


@dataclass(frozen=True, slots=True)
class VaultFile:
    """What vault.json holds.

    Attributes:
        vault_id: 16 hex digits; empty in format 1.
        generation: 1 for the first root, one more for each new root.
        former: the former roots, newest first, sealed under the newest root; empty when there are none.
        tag: HMAC of everything else under the newest root, hex; empty in format 1.
    """

    vault_id: str
    generation: int
    ways: tuple[Wrapped, ...]
    former: bytes = b""
    tag: str = ""

    @property
    def place(self) -> Place:
        """Which root the ways wrap."""
        return Place(self.vault_id, self.generation)

    def way(self, kind: str) -> Wrapped | None:
        """The first way of a kind."""
        return next((way for way in self.ways if way.kind == kind), None)

    def free_name(self, kind: str) -> str:
        """A name for another way of a kind."""
        taken = {way.name for way in self.ways}
        return next(name for name in (kind, *(f"{kind}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)

    def with_way(self, new: Wrapped) -> VaultFile:
        """With this way, in the place of one of the same name."""
        if any(way.name == new.name for way in self.ways):
            return replace(self, ways=tuple(new if way.name == new.name else way for way in self.ways))
        return replace(self, ways=(*self.ways, new))

    def without(self, names: Collection[str]) -> VaultFile:
        """Without the ways of these names.

        Raises:
            Refused: a name is unknown, or nothing but paper would be left.
        """
        if not names:
            return self
        unknown = set(names) - {way.name for way in self.ways}
        if unknown:
            raise Refused("vault-way-unknown", f"The vault has no way named {min(unknown)!r}; nothing was changed.")
        left = tuple(way for way in self.ways if way.name not in names)
        if all(way.kind == paper.KIND for way in left):
            raise Refused(
                "vault-last-way",
                "Without it nothing but the paper would open the vault, so it stays. Add another way first.",
            )
        return replace(self, ways=left)

    def genuine(self, root: bytes) -> bool:
        """Whether the holder of this root wrote the file as it is; format 1 cannot tell."""
        return not self.vault_id or hmac.compare_digest(self.tag, _tag(self, root))


def read_vault_file(folder: Path) -> VaultFile:
    """What a vault's file holds, looked over part by part.

    Raises:
        NeedsPerson: there is none, it is damaged, or a newer Hearthside wrote it.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NeedsPerson("vault-missing", f"There is no vault in {folder}. `hearthside up` makes one.") from error
    try:
        body = orjson.loads(content)
        if body["format"] == 1:
            return _first_format(body)
        if body["checksum"] != _checksum(body):
            raise ValueError("the checksum is wrong")
        if type(body["format"]) is int and body["format"] > _FORMAT:
            raise NeedsPerson(
                "vault-newer", f"{path} was written by a newer Hearthside; nothing was touched. Install that version."
            )
        return _second_format(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path) from error


def write_vault_file(folder: Path, file: VaultFile, root: bytes) -> None:
    """Replace vault.json in one step that survives a power cut; the caller holds the lock."""
    body = _body(replace(file, tag=_tag(file, root)))
    body["checksum"] = _checksum(body)
    write_private(folder / FILE, orjson.dumps(body, option=orjson.OPT_INDENT_2))


def seal_former(roots: Sequence[bytes], root: bytes, place: Place) -> bytes:
    """The former roots, newest first, sealed under the newest root."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_former_key(root)).encrypt(nonce, b"".join(roots), _former_context(place))


def open_former(sealed: bytes, root: bytes, place: Place) -> tuple[bytes, ...] | None:
    """The former roots, newest first; None when the seal was altered or is another root's."""
    if not sealed:
        return ()
    try:
        roots = AESGCM(_former_key(root)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _former_context(place))
    except (InvalidTag, ValueError):
        return None
    return tuple(roots[start : start + KEY_BYTES] for start in range(0, len(roots), KEY_BYTES))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time changes vault.json: a second one writing an older root would lose the newest."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def damaged(path: Path) -> NeedsPerson:
    """The error for a file that cannot be what Hearthside wrote."""
    return NeedsPerson(
        "vault-damaged",
        f"{path} is damaged and cannot be read, or was altered; nothing was touched. Put back a copy of this file, or "
        "restore the vault from its backup with the paper key.",
    )


def _first_format(body: Mapping[str, Json]) -> VaultFile:
    kind, costs = body["way"], body["argon2id"] or {}
    if kind not in (passphrase.KIND, key_file.KIND):
        raise ValueError("unknown way")
    parameters = {"salt": body["salt"]}
    if kind == passphrase.KIND:
        parameters |= {"memory_kib": int(costs["memory_kib"]), "passes": int(costs["passes"]), "text": "raw"}
    nonce, root = bytes_of(body["nonce"]), bytes_of(body["root"])
    return VaultFile("", 1, (_checked(Wrapped(kind, kind, None, None, parameters, 1, nonce, root)),))


def _second_format(body: Mapping[str, Json]) -> VaultFile:
    if set(body) != _PARTS or body["format"] != _FORMAT or not re.fullmatch(r"[0-9a-f]{16}", body["id"]):
        raise ValueError("unknown parts")
    ways = tuple(
        _checked(Wrapped(**{**way, "nonce": bytes_of(way["nonce"]), "root": bytes_of(way["root"])}))
        for way in body["ways"]
    )
    generation = body["generation"]
    if type(generation) is not int or generation < 1 or not ways or len({way.name for way in ways}) != len(ways):
        raise ValueError("impossible values")
    return VaultFile(body["id"], generation, ways, bytes_of(body["former"]), str(body["tag"]))


def _checked(way: Wrapped) -> Wrapped:
    _CHECKS[way.kind](way.parameters)
    if way.kind != paper.KIND and (len(way.nonce), len(way.root)) != (NONCE_BYTES, KEY_BYTES + TAG_BYTES):
        raise ValueError("a part has the wrong size")
    return way


def _body(file: VaultFile) -> dict[str, Json]:
    ways = [
        {
            "name": way.name,
            "kind": way.kind,
            "made_ms": way.made_ms,
            "renewed_ms": way.renewed_ms,
            "parameters": way.parameters,
            "seal": way.seal,
            "nonce": text_of(way.nonce),
            "root": text_of(way.root),
        }
        for way in file.ways
    ]
    return {
        "format": _FORMAT,
        "id": file.vault_id,
        "generation": file.generation,
        "ways": ways,
        "former": text_of(file.former),
        "tag": file.tag,
    }


def _former_key(root: bytes) -> bytes:
    return derive(root, "hearthside/2/former roots")


def _former_context(place: Place) -> bytes:
    return f"hearthside/2/former/{place.vault_id}/{place.generation}".encode()


def _tag(file: VaultFile, root: bytes) -> str:
    content = orjson.dumps(_body(replace(file, tag="")), option=orjson.OPT_SORT_KEYS)
    return hmac.new(derive(root, "hearthside/2/vault.json"), content, hashlib.sha256).hexdigest()


def _checksum(body: Mapping[str, Json]) -> str:
    rest = {name: value for name, value in body.items() if name != "checksum"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()
