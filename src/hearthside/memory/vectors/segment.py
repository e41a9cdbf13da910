"""A sealed segment: up to 131,072 vectors in order of row; its codes are opened at once, its vectors one by one.

Layout: every vector sealed alone (float16, AES-256-GCM, nonce = its place in the file), so that a query opens a few
hundred of a million and removing one concerns one; then, sealed as one, the table that is held in memory: rows, factors
and codes. The file lies under a key of its own and is written once, so that no nonce comes twice.
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
from hearthside.memory.vectors.coding import Codes, Halves, Rows, code_bytes
from hearthside.memory.vectors.manifest import Entry

MAX_ROWS = 131_072
TAG_BYTES = 16
_TABLE_NONCE = b"\xff" * 12  # no vector has this place
_AT_ONCE = 4096  # vectors sealed between two writes

Places = npt.NDArray[np.int64]


class Damaged(Exception):
    """A file is cut short, altered, or not what the manifest says; what it held is made again from the journal."""


class SealedVectors:
    """The vectors of a segment's file, opened one by one. The file is closed with the last one who uses it.

    Read, not mapped: when the disk fails or the file is cut short, a read gives an error and a map ends the process.
    """

    def __init__(self, path: Path, key: bytes, dim: int) -> None:
        self._cipher, self._vector_bytes = AESGCM(key), 2 * dim
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        if hasattr(os, "posix_fadvise"):  # a query wants a few pages here and there, nothing of what lies beside them
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_RANDOM)

    def read(self, places: Places) -> tuple[Halves, npt.NDArray[np.bool_]]:
        """Vectors (n, dim) at these places, and which of them opened; those that did not are zeros."""
        size, blank = self._vector_bytes + TAG_BYTES, bytes(self._vector_bytes)
        opened, found = np.ones(len(places), dtype=np.bool_), list[bytes]()
        decrypt, file, read = self._cipher.decrypt, self._file, os.pread
        self._fetch(places)
        for n, place in enumerate(places.tolist()):
            try:
                found.append(decrypt(place.to_bytes(12, "big"), read(file, size, place * size), None))
            except (InvalidTag, ValueError, OSError):  # ValueError: shorter than a tag
                found.append(blank)
                opened[n] = False
        matrix = np.frombuffer(b"".join(found), dtype="<f2").reshape(len(places), self._vector_bytes // 2)
        return matrix.astype(np.float16, copy=False), opened

    def _fetch(self, places: Places) -> None:
        """Have the system read all of them from the disk at once, where they are not in memory: six times as fast."""
        if hasattr(os, "posix_fadvise"):
            size = self._vector_bytes + TAG_BYTES
            for place in places.tolist():
                os.posix_fadvise(self._file, place * size, size, os.POSIX_FADV_WILLNEED)

    def table(self, count: int) -> bytes:
        """The table after so many vectors.

        Raises:
            Damaged: it does not open.
        """
        start = count * (self._vector_bytes + TAG_BYTES)
        try:
            sealed = _read_to_end(self._file, start)
            return self._cipher.decrypt(_TABLE_NONCE, sealed, None)
        except (InvalidTag, ValueError, OSError) as error:
            raise Damaged("the table of a segment does not open") from error


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """What of a segment is held in memory: of every vector that was not removed, in order of row.

    Attributes:
        entry: the file, and which of its vectors are left out here.
        rows: (n,) ascending.
        places: (n,) where in the file each vector lies.
    """

    entry: Entry
    rows: Rows
    codes: Codes
    places: Places
    sealed: SealedVectors

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, entry: Entry) -> Segment:
        """The same with more removed, as this entry says."""
        if np.array_equal(entry.dead, self.entry.dead):
            return self
        keep = np.flatnonzero(~np.isin(self.places, entry.dead))
        return Segment(entry, self.rows[keep], self.codes.at(keep), self.places[keep], self.sealed)

    def find(self, rows: Rows) -> Places:
        """Where in memory those of some rows are that it has."""
        at = np.searchsorted(self.rows, rows).clip(max=max(0, len(self) - 1))
        return at[self.rows[at] == rows] if len(self) else at[:0]


def open_segment(path: Path, entry: Entry, dim: int) -> Segment:
    """A segment, without those of its vectors that were removed.

    Raises:
        Damaged: its length is wrong, or its table does not open.
        FileNotFoundError: it is not there.
    """
    sealed = SealedVectors(path, entry.key, dim)
    table, count = sealed.table(entry.count), entry.count
    if len(table) != count * (16 + code_bytes(dim)):
        raise Damaged("a segment is of another length than the manifest says")
    rows = np.frombuffer(table, dtype="<i8", count=count)
    scale, offset = np.frombuffer(table, dtype="<f4", count=2 * count, offset=8 * count).reshape(2, count)
    bits = np.frombuffer(table, dtype=np.uint8, offset=16 * count).reshape(count, -1)
    places = np.arange(count, dtype=np.int64)
    whole = Segment(Entry(entry.name, entry.key, count), rows, Codes(bits, scale, offset), places, sealed)
    return whole.without(entry)


def write_segment(path: Path, entry: Entry, rows: Rows, vectors: Halves, codes: Codes) -> None:
    """Write a segment, on the disk when this returns.

    Args:
        rows: (n,) ascending.
        vectors: (n, dim), and their codes.
    """
    cipher = AESGCM(entry.key)
    plain, size = memoryview(vectors.astype("<f2", copy=False).tobytes()), 2 * vectors.shape[1]
    table = rows.astype("<i8").tobytes() + codes.scale.astype("<f4").tobytes() + codes.offset.astype("<f4").tobytes()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for first in range(0, len(rows), _AT_ONCE):
            places = range(first, min(first + _AT_ONCE, len(rows)))
            one_by_one = (
                cipher.encrypt(place.to_bytes(12, "big"), plain[place * size : (place + 1) * size], None)
                for place in places
            )
            file.write(b"".join(one_by_one))
        file.write(cipher.encrypt(_TABLE_NONCE, table + codes.bits.tobytes(), None))
        file.flush()
        sync_file(file.fileno())


def _read_to_end(file: int, start: int) -> bytes:
    parts = []
    while part := os.pread(file, 1 << 24, start):
        parts.append(part)
        start += len(part)
    return b"".join(parts)
