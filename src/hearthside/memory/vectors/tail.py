"""The tail: the file new vectors are appended to; all of it is held in memory and compared exactly.

A frame is what one call added: length of what is sealed (u32 little-endian), nonce (12, random), AES-256-GCM of rows
(int64) and vectors (float16), with the frame's number as associated data. A frame that does not open takes its vectors
with it and no others; nothing is appended after an end that is torn.
"""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearthside.identity.durable import sync_file
from hearthside.memory.vectors.coding import Floats, Halves, Rows
from hearthside.memory.vectors.manifest import Entry

MAX_ROWS = 4096  # compared in half a millisecond
_LENGTH_BYTES, _NONCE_BYTES, _TAG_BYTES = 4, 12, 16
_HEAD_BYTES = _LENGTH_BYTES + _NONCE_BYTES


@dataclass(frozen=True, slots=True)
class TailView:
    """The tail as it was at one moment: rows (n,), vectors (n, dim), and which of them were not removed, (n,)."""

    rows: Rows
    vectors: Floats
    alive: npt.NDArray[np.bool_]

    def find(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Places of those of some rows that it has."""
        return np.flatnonzero(np.isin(self.rows, rows) & self.alive)


def empty_view(dim: int) -> TailView:
    """A tail without anything."""
    return TailView(np.zeros(0, np.int64), np.zeros((0, dim), np.float32), np.zeros(0, np.bool_))


class Tail:
    """The tail's file as far as it was read. Not safe for many threads; views are.

    Raises:
        FileNotFoundError: it is not there.
    """

    def __init__(self, path: Path, entry: Entry, dim: int) -> None:
        self._path, self._cipher, self._row_bytes = path, AESGCM(entry.key), 8 + 2 * dim
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._rows = np.zeros(MAX_ROWS, dtype=np.int64)
        self._vectors = np.zeros((MAX_ROWS, dim), dtype=np.float32)
        self._opened = np.ones(MAX_ROWS, dtype=np.bool_)
        self._offset = self._frames = 0
        self.count = 0  # vectors in it, those removed or damaged too

    def take(self) -> None:
        """Read what was appended since."""
        if os.fstat(self._file).st_size <= self._offset:
            return
        content, at = os.pread(self._file, os.fstat(self._file).st_size - self._offset, self._offset), 0
        while (size := self._whole_frame(content, at)) > 0:
            self._take_frame(content[at + _LENGTH_BYTES : at + _LENGTH_BYTES + _NONCE_BYTES + size])
            at += _HEAD_BYTES + size
        self._offset += at

    def torn(self) -> bool:
        """Whether something follows the last whole frame; of use only while nobody writes."""
        return os.fstat(self._file).st_size > self._offset

    def append(self, rows: Rows, vectors: Halves) -> None:
        """Append a frame, which must fit into `MAX_ROWS`; `take` then reads it."""
        frame = _frame(self._cipher, self._frames, rows, vectors)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            _write(descriptor, frame)
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """Return when all of it is on the disk."""
        sync_file(self._file)

    def view(self, dead: Rows) -> TailView:
        """What there is now, of which these places were removed."""
        alive = self._opened[: self.count].copy()
        alive[dead[dead < self.count]] = False
        return TailView(self._rows[: self.count], self._vectors[: self.count], alive)

    def _whole_frame(self, content: bytes, at: int) -> int:
        """Bytes that are sealed in the frame at a place; 0 when no whole frame is there."""
        size = int.from_bytes(content[at : at + _LENGTH_BYTES], "little")
        count, rest = divmod(size - _TAG_BYTES, self._row_bytes)
        fits = size > _TAG_BYTES and not rest and self.count + count <= MAX_ROWS
        return size if fits and at + _HEAD_BYTES + size <= len(content) else 0

    def _take_frame(self, frame: bytes) -> None:
        nonce, sealed = frame[:_NONCE_BYTES], frame[_NONCE_BYTES:]
        count = (len(sealed) - _TAG_BYTES) // self._row_bytes
        here = slice(self.count, self.count + count)
        try:
            inside = self._cipher.decrypt(nonce, sealed, self._frames.to_bytes(8, "little"))
            self._rows[here] = np.frombuffer(inside, dtype="<i8", count=count)
            self._vectors[here] = np.frombuffer(inside, dtype="<f2", offset=8 * count).reshape(count, -1)
        except InvalidTag:
            self._opened[here] = False
        self._frames += 1
        self.count += count


def write_tail(path: Path, entry: Entry, rows: Rows, vectors: Halves) -> None:
    """Write a tail with these vectors, or none, on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if len(rows):
            _write(descriptor, _frame(AESGCM(entry.key), 0, rows, vectors))
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def _frame(cipher: AESGCM, number: int, rows: Rows, vectors: Halves) -> bytes:
    nonce, inside = os.urandom(_NONCE_BYTES), rows.astype("<i8").tobytes() + vectors.astype("<f2").tobytes()
    sealed = cipher.encrypt(nonce, inside, number.to_bytes(8, "little"))
    return len(sealed).to_bytes(_LENGTH_BYTES, "little") + nonce + sealed


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
