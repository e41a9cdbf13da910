"""Sealing: a random data key under HPKE with X-Wing, and files as chunks of AES-256-GCM in the STREAM shape.

X-Wing (ML-KEM-768 + X25519, draft-connolly-cfrg-xwing-kem) keeps the key safe from a future quantum computer too.
STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) makes swapped, dropped, repeated or cut chunks fail to open. Chunks
are idempotent by index, so an upload can be resumed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from hearthside.errors import Refused
from hearthside.identity.sealed_stream import CHUNK_BYTES as CHUNK_BYTES  # the same here, and part of the protocol
from hearthside.identity.sealed_stream import TAG_BYTES as TAG_BYTES
from hearthside.identity.sealed_stream import chunk_cipher, chunk_nonce

SUITE_IDS = bytes.fromhex("647a00010002")  # HPKE ids: X-Wing, HKDF-SHA256, AES-256-GCM
MAX_CHUNKS = 2**20
PUBLIC_KEY_BYTES = 1184 + 32  # ML-KEM-768, X25519
DATA_KEY_BYTES = 32
RESULT_INFO = b"workshop/1 result"  # goes before the job hash, so a result's key never passes for an upload's

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_CHUNK_LABEL = b"workshop/1 chunk key"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An X-Wing key pair.

    Attributes:
        public: 1216 bytes: ML-KEM-768 public key, then X25519 public key.
    """

    public: bytes
    _private: MLKEM768X25519PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file as sealed chunks.

    Attributes:
        path: name of the file inside the job; public.
        file_id: SHA-256(job hash || path || SHA-256 of the content), 32 bytes.
        chunks: each at most CHUNK_BYTES + TAG_BYTES long; an empty file is one chunk.
    """

    path: str
    file_id: bytes
    chunks: tuple[bytes, ...] = field(repr=False)


def new_key_pair() -> KeyPair:
    """A fresh X-Wing key pair."""
    kem, exchange = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    public = kem.public_key().public_bytes_raw() + exchange.public_key().public_bytes_raw()
    return KeyPair(public, MLKEM768X25519PrivateKey(kem, exchange))


def new_data_key() -> bytes:
    """32 random bytes; one key for one job and direction, never used again."""
    return secrets.token_bytes(DATA_KEY_BYTES)


def seal_key(data_key: bytes, public_key: bytes, info: bytes) -> bytes:
    """HPKE (RFC 9180, base mode) of a data key to an X-Wing public key; `info` must be the same to open it.

    Raises:
        Refused: the public key is none.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise Refused("seal-key-wrong", "The receiver's public key has the wrong length; nothing was sealed.")
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public_key[:1184]), X25519PublicKey.from_public_bytes(public_key[1184:])
        )
    except ValueError as error:
        raise Refused(
            "seal-key-wrong", "The receiver's public key is not an X-Wing key; nothing was sealed."
        ) from error
    return bytes(_SUITE.encrypt(data_key, key, info=info))


def open_key(sealed: bytes, pair: KeyPair, info: bytes) -> bytes:
    """The data key that was sealed to this pair.

    Raises:
        Refused: another key, another `info`, or an altered seal.
    """
    try:
        data_key = bytes(_SUITE.decrypt(sealed, pair._private, info=info))
    except (InvalidTag, ValueError) as error:
        raise _broken() from error
    if len(data_key) != DATA_KEY_BYTES:
        raise _broken()
    return data_key


def seal_file(data_key: bytes, job_hash: bytes, path: str, content: bytes) -> SealedFile:
    """Seal one file as chunks."""
    file_id = _file_id(job_hash, path, content)
    count = max(1, -(-len(content) // CHUNK_BYTES))
    cipher, extra = chunk_cipher(data_key, _CHUNK_LABEL + file_id), _additional_data(file_id, count)
    chunks = tuple(
        cipher.encrypt(chunk_nonce(i, i == count - 1), content[i * CHUNK_BYTES : (i + 1) * CHUNK_BYTES], extra)
        for i in range(count)
    )
    return SealedFile(path, file_id, chunks)


def open_file(data_key: bytes, job_hash: bytes, sealed: SealedFile) -> bytes:
    """The content of a sealed file.

    Raises:
        Refused: any chunk altered, swapped, missing or repeated, or a file of another job or name.
    """
    count = len(sealed.chunks)
    if not 1 <= count <= MAX_CHUNKS:
        raise _broken()
    cipher, extra = chunk_cipher(data_key, _CHUNK_LABEL + sealed.file_id), _additional_data(sealed.file_id, count)
    try:
        content = b"".join(
            cipher.decrypt(chunk_nonce(i, i == count - 1), chunk, extra) for i, chunk in enumerate(sealed.chunks)
        )
    except (InvalidTag, ValueError) as error:
        raise _broken() from error
    if _file_id(job_hash, sealed.path, content) != sealed.file_id:
        raise _broken()
    return content


def cut(blob: bytes, sizes: Sequence[int]) -> tuple[bytes, ...]:
    """Cut chunks that were sent in a row into pieces of the sizes given."""
    ends = list(accumulate(sizes))
    return tuple(blob[end - size : end] for end, size in zip(ends, sizes, strict=True))


def _broken() -> Refused:
    return Refused("seal-broken", "The sealed data do not open: they were altered, or sealed for another key or job.")


def _file_id(job_hash: bytes, path: str, content: bytes) -> bytes:
    return hashlib.sha256(job_hash + path.encode() + hashlib.sha256(content).digest()).digest()


def _additional_data(file_id: bytes, count: int) -> bytes:
    return file_id + count.to_bytes(8, "big")
