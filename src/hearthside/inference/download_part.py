"""The part of a file that is there so far: its bytes, their running checksum, and by which mark its source knows it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import orjson

from hearthside.errors import RetryLater
from hearthside.identity.durable import replace_durably, sync_file

_READ = 1 << 22


class Part:
    """An open ``.part`` file; made by `only_one`.

    Attributes:
        sha256: of the whole file it is to become; empty when that is not known.
        mark: the server's ETag of the file it came from; empty for none.
        done: bytes that are there.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        """`file` is open for reading and writing, unbuffered."""
        self._path, self._file = path, file
        self._notes = path.with_name(f"{path.name}.json")
        self._hash = hashlib.sha256()
        self.done = os.fstat(file.fileno()).st_size
        self.sha256, self.mark = self._read_notes()

    def begin_anew(self, sha256: str) -> None:
        """Throw away what is there."""
        self._file.seek(0)
        self._file.truncate()
        self.sha256, self.mark, self.done, self._hash = sha256, "", 0, hashlib.sha256()
        self._write_notes()

    def read_again(self) -> None:
        """Take length and checksum from what is really in the file."""
        self._hash, self.done = hashlib.sha256(), 0
        self._file.seek(0)
        while piece := self._file.read(_READ):
            self._hash.update(piece)
            self.done += len(piece)

    def remember(self, mark: str) -> None:
        """The source's mark, for the next time."""
        if mark != self.mark:
            self.mark = mark
            self._write_notes()

    def add(self, piece: bytes) -> None:
        """Append bytes; raises OSError when the disk does not take them."""
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) :]
        self._hash.update(piece)
        self.done += len(piece)

    def checksum(self) -> str:
        """SHA-256 of what is there, hex."""
        return self._hash.hexdigest()

    def remove(self) -> None:
        """Take it away."""
        self._path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def put_in_place(self, place: Path) -> None:
        """It is whole: onto the disk, and under its own name in one step."""
        sync_file(self._file.fileno())
        replace_durably(self._path, place)
        self._notes.unlink(missing_ok=True)

    def _read_notes(self) -> tuple[str, str]:
        try:
            notes = orjson.loads(self._notes.read_bytes())
            return str(notes["sha256"]), str(notes["mark"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", ""

    def _write_notes(self) -> None:
        self._notes.write_bytes(orjson.dumps({"sha256": self.sha256, "mark": self.mark}))


@contextmanager
def only_one(path: Path) -> Iterator[Part]:
    """The part at this path, which nobody else may fill meanwhile.

    Raises:
        RetryLater: `download-running`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RetryLater("download-running", f"{path.stem} is being fetched already; wait for that.") from error
        part = Part(path, file)
        try:
            yield part
        finally:
            if not part.done:
                part.remove()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
