"""Where records begin in a file, so that a later import can go on where an earlier one ended, and only then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

_DIGEST_BYTES = 32


class FileChanged(Exception):
    """What lies before the place to go on at is not what was read there before; read from the beginning."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file at which a record begins.

    Attributes:
        record: ordinal of that record.
        offset: unpacked bytes before it.
        section: for a document of lists: the name of the list it stands in; None: it has none.
        digest: BLAKE2b (32 bytes) over all unpacked bytes before it.
    """

    record: int
    offset: int
    section: str | None = None
    digest: bytes = b""


class Trail:
    """The marks of one reading: the first record that begins in each chunk, with a digest of all that lies before it.

    When a mark is noted, every item of the records before it has been yielded and none of those after it.

    Args:
        start: where to go on, or None to read from the beginning.
    """

    def __init__(self, start: Mark | None = None) -> None:
        self.start = start
        self.newest: Mark | None = None
        self._before = hashlib.blake2b(digest_size=_DIGEST_BYTES)  # over all chunks but the newest
        self._chunk = b""
        self._chunk_at = 0
        self._noted = True

    def along(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks from the start on, each remembered until the next one comes.

        Raises:
            FileChanged: what lies before the start is not what it was.
        """
        skip = 0 if self.start is None else self.start.offset
        for whole in chunks:
            head, chunk = whole[:skip], whole[skip:]
            if skip:
                self._advance(head)
                skip -= len(head)
                if not skip:
                    self._check_start()
            if chunk:
                self._advance(chunk)
                yield chunk
        if skip:
            raise FileChanged

    def note(self, record: int, offset: int, section: str | None = None) -> None:
        """A record begins here; kept when it is the first that begins in the newest chunk."""
        if not self._noted and offset >= self._chunk_at:
            self._noted = True
            self.newest = Mark(record, offset, section)

    def sealed(self) -> Mark | None:
        """The newest mark with its digest; to be asked before the next chunk comes, else None."""
        if self.newest is None or self.newest.offset < self._chunk_at:
            return None
        digest = self._before.copy()
        digest.update(memoryview(self._chunk)[: self.newest.offset - self._chunk_at])
        return replace(self.newest, digest=digest.digest())

    def _advance(self, chunk: bytes) -> None:
        self._before.update(self._chunk)
        self._chunk_at += len(self._chunk)
        self._chunk, self._noted = chunk, False

    def _check_start(self) -> None:
        self._advance(b"")
        if self.start is not None and self._before.digest() != self.start.digest:
            raise FileChanged
