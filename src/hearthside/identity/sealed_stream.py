"""Sealed streams: files of any size as chunks of AES-256-GCM in the STREAM shape, in constant memory.

STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015) numbers the chunks in their nonces and marks the last one, so that a flipped, swapped,
dropped, repeated, cut or appended byte does not open. Layout: 8 bytes header (``sealed``, version u16 big-endian), then
every chunk of 1 MiB plaintext with its 16-byte tag; only the last chunk may be shorter, an empty file is one empty
chunk. Key = HKDF-Expand-SHA-256(data key, label || file id), nonce = 7 zero bytes || index u32 big-endian || last u8,
AAD = file id || header.

A data key and file id together may seal one content only, ever: nonces are counted, not drawn.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from hearthside.errors import Refused

CHUNK_BYTES = 1024 * 1024  # of plaintext
TAG_BYTES = 16
# 16 TiB. Under one key that is 2^40 blocks, where the birthday bound of a 128-bit block still leaves 2^-48.
MAX_CHUNKS = 2**24
HEADER = b"sealed" + (1).to_bytes(2, "big")

_LABEL = b"hearthside/1 sealed stream"


class Source(Protocol):
    """What is read from: a file, or anything that gives bytes; fewer than asked are fine, none is the end."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""


class Seekable(Source, Protocol):
    """A source that can be read from any place."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place and say which it is."""


class Target(Protocol):
    """What is written to; it may take fewer bytes than given and says how many."""

    def write(self, data: bytes, /) -> int:
        """How many bytes were taken."""


def seal(source: Source, target: Target, key: bytes, file_id: bytes) -> int:
    """Seal everything a source gives; returns the number of plaintext bytes.

    Args:
        key: 32 random bytes.
        file_id: which file this is, of a length that is the same for all files under this key.

    Raises:
        Refused: more than 16 TiB; what was written until then does not open.
    """
    cipher, extra = chunk_cipher(key, _LABEL + file_id), file_id + HEADER
    _write(target, HEADER)
    size, index, chunk = 0, 0, _read(source, CHUNK_BYTES)
    while True:
        following = _read(source, CHUNK_BYTES) if len(chunk) == CHUNK_BYTES else b""
        if index == MAX_CHUNKS:
            raise Refused("seal-too-long", "This file is longer than the 16 TiB a sealed file can have.")
        _write(target, cipher.encrypt(chunk_nonce(index, not following), chunk, extra))
        size += len(chunk)
        if not following:
            return size
        index, chunk = index + 1, following


def open_sealed(source: Source, key: bytes, file_id: bytes) -> Iterator[bytes]:
    """The plaintext, chunk by chunk; a chunk is given only when every byte of it is proved.

    What was given before the error is genuine, but only the end of the iteration says that it is the whole file.

    Raises:
        Refused: damaged or altered, cut short, or sealed under another key or for another file.
    """
    cipher, extra = chunk_cipher(key, _LABEL + file_id), file_id + HEADER
    _check_header(_read(source, len(HEADER)))
    index, chunk = 0, _read(source, CHUNK_BYTES + TAG_BYTES)
    while True:
        following = _read(source, CHUNK_BYTES + TAG_BYTES)
        yield _open_chunk(cipher, extra, index, not following, chunk)
        if not following:
            return
        index, chunk = index + 1, following


def read_range(source: Seekable, key: bytes, file_id: bytes, start: int, length: int) -> Iterator[bytes]:
    """The plaintext bytes [start, start + length), as far as the file has them; only the chunks they lie in are read.

    Where the range meets the end of the file the last chunk is opened as well, so that a file cut short never passes
    for a shorter one. Damage elsewhere in the file is not seen.

    Raises:
        Refused: see `open_sealed`.
        ValueError: a negative start or length.
    """
    if start < 0 or length < 0:
        raise ValueError("a range of bytes begins and ends inside the file")
    cipher, extra = chunk_cipher(key, _LABEL + file_id), file_id + HEADER
    size = plain_size(source.seek(0, io.SEEK_END))
    source.seek(0)
    _check_header(_read(source, len(HEADER)))
    last = max(0, size - 1) // CHUNK_BYTES
    stop = min(start + length, size)
    first, final = min(start // CHUNK_BYTES, last), (stop - 1) // CHUNK_BYTES if start + length < size else last
    source.seek(len(HEADER) + first * (CHUNK_BYTES + TAG_BYTES))
    for index in range(first, final + 1):
        chunk = _open_chunk(cipher, extra, index, index == last, _read(source, CHUNK_BYTES + TAG_BYTES))
        here = chunk[max(0, start - index * CHUNK_BYTES) : max(0, stop - index * CHUNK_BYTES)]
        if here:
            yield here


def seal_bytes(content: bytes, key: bytes, file_id: bytes) -> bytes:
    """Seal a content that fits in memory; see `seal`."""
    target = io.BytesIO()
    seal(io.BytesIO(content), target, key, file_id)
    return target.getvalue()


def open_bytes(sealed: bytes, key: bytes, file_id: bytes) -> bytes:
    """The whole plaintext of a sealed file that fits in memory; see `open_sealed`."""
    return b"".join(open_sealed(io.BytesIO(sealed), key, file_id))


def sealed_size(size: int) -> int:
    """Bytes that a plaintext of this many bytes takes when sealed."""
    return len(HEADER) + size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


def plain_size(sealed: int) -> int:
    """Plaintext bytes in a sealed file of this many bytes; proved only by opening its last chunk.

    Raises:
        Refused: no sealed file has this length.
    """
    chunks, rest = divmod(sealed - len(HEADER), CHUNK_BYTES + TAG_BYTES)
    if sealed < len(HEADER) + TAG_BYTES or 0 < rest < TAG_BYTES or (chunks and rest == TAG_BYTES):
        raise _damaged("its length is one that no sealed file has")
    return chunks * CHUNK_BYTES + max(0, rest - TAG_BYTES)


def chunk_cipher(key: bytes, info: bytes) -> AESGCM:
    """The cipher of one file's chunks: its key is HKDF-Expand-SHA-256(key, info), 32 bytes."""
    return AESGCM(HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(key))


def chunk_nonce(index: int, last: bool) -> bytes:
    """12 bytes: 7 zeros, index u32 big-endian, 1 on the last chunk."""
    return bytes(7) + index.to_bytes(4, "big") + bytes([last])


def _open_chunk(cipher: AESGCM, extra: bytes, index: int, last: bool, chunk: bytes) -> bytes:
    if index >= MAX_CHUNKS or (last and index and len(chunk) == TAG_BYTES):
        raise _damaged(f"chunk {index + 1} is none that sealing makes")
    try:
        return cipher.decrypt(chunk_nonce(index, last), chunk, extra)
    except (InvalidTag, ValueError) as error:  # ValueError: shorter than a tag
        raise _damaged(f"chunk {index + 1} does not open") from error


def _check_header(header: bytes) -> None:
    if header == HEADER:
        return
    if len(header) == len(HEADER) and header[:6] == HEADER[:6]:
        raise Refused(
            "seal-version",
            f"This sealed file says it has version {int.from_bytes(header[6:], 'big')}, which this Hearthside does not"
            " know: it was made by a newer one, or its first bytes are damaged. Nothing of it was used.",
        )
    raise _damaged("its first bytes are not those of a sealed file")


def _damaged(what: str) -> Refused:
    return Refused(
        "seal-damaged",
        f"A sealed file does not open: {what}. It was damaged, altered or cut short, or sealed under another key or"
        " for another place. Nothing of the bad part was used.",
    )


def _read(source: Source, size: int) -> bytes:
    """Exactly `size` bytes, fewer only at the end."""
    first = source.read(size)
    if len(first) == size or not first:
        return first
    parts, got = [first], len(first)
    while got < size and (part := source.read(size - got)):
        parts.append(part)
        got += len(part)
    return b"".join(parts)


def _write(target: Target, data: bytes) -> None:
    """All of the bytes."""
    taken = target.write(data)
    while taken < len(data):
        more = target.write(data[taken:])
        if not more:
            raise OSError(errno.EIO, "the target takes no more bytes")
        taken += more
