"""Media keys for tests, in memory and in files, and the process that puts media until it is killed."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hearthside.identity.sealed_stream import CHUNK_BYTES
from hearthside.journal.media import MediaStore

ADDRESS_KEY = bytes(range(32))
CANARY = b"the canary in the coal mine, line "


class Keys:
    """Media keys in memory."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def media_key(self, address: bytes) -> bytes | None:
        with self._lock:
            return self.kept.get(address)

    def add_media_key(self, address: bytes, key: bytes) -> bytes:
        with self._lock:
            return self.kept.setdefault(address, key)

    def drop_media_keys(self, addresses: Iterable[bytes]) -> None:
        with self._lock:
            for address in addresses:
                self.kept.pop(address, None)


class FileKeys:
    """Media keys as files, for several processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder

    def media_key(self, address: bytes) -> bytes | None:
        path = self._folder / address.hex()
        return path.read_bytes() if path.exists() else None

    def add_media_key(self, address: bytes, key: bytes) -> bytes:
        new = self._folder / f"{os.getpid()}-{key.hex()}.new"
        new.write_bytes(key)
        with suppress(FileExistsError):
            (self._folder / address.hex()).hardlink_to(new)  # whole or not at all
        new.unlink()
        return (self._folder / address.hex()).read_bytes()

    def drop_media_keys(self, addresses: Iterable[bytes]) -> None:
        for address in addresses:
            (self._folder / address.hex()).unlink(missing_ok=True)


class Zeros:
    """A long source that takes no memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int, /) -> bytes:
        given = min(size, self._left)
        self._left -= given
        return bytes(given)


def put(store: MediaStore, content: bytes) -> str:
    return store.put(io.BytesIO(content)).address


def get(store: MediaStore, address: str) -> bytes:
    return b"".join(store.open(address))


def content_of(size: int) -> bytes:
    line = CANARY + b"%06d\n"
    return b"".join(line % number for number in range(size // len(line % 0) + 1))[:size]


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def parts_in(folder: Path) -> list[Path]:
    return sorted((folder / "incoming").iterdir())


def put_for_ever(folder: Path, seed: int) -> None:
    """What the process that gets killed does: keep contents, and say so after each."""
    store = MediaStore(folder / "media", ADDRESS_KEY, FileKeys(folder / "keys"))
    for number in range(seed, seed + 1_000_000):
        media = store.put(io.BytesIO(killed_content(number)))
        sys.stdout.write(f"{number} {media.address}\n")
        sys.stdout.flush()


def killed_content(number: int) -> bytes:
    return content_of((number * 7919) % (2 * CHUNK_BYTES)) + b"%d" % number


if __name__ == "__main__":
    put_for_ever(Path(sys.argv[1]), int(sys.argv[2]))
