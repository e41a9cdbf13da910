"""The media store: encrypted files named by a keyed hash of their content, each under a key of its own.

A file lies at ``media/ab/<64 hex>``; its name is the keyed BLAKE2b-256 of the plaintext, so that the name tells nobody
who lacks the key what the content is. Its random key lives in the keyring: destroying it forgets the file here and in
every backup. A file that is being written lies in ``media/incoming`` (sealed already) under a lock of its writer.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

from hearthside.errors import NeedsPerson, Refused
from hearthside.identity import sealed_stream
from hearthside.identity.durable import sync_file, sync_folder
from hearthside.identity.sealed_stream import Seekable, Source
from hearthside.journal import media_faults
from hearthside.journal.media_faults import Fault, FaultKind, fault

_INCOMING = "incoming"
_ADDRESS = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"[0-9a-f]{2}")
_COPY_BYTES = 1024 * 1024
# Every file has a key of its own, so the key alone says which file it is; a swapped file meets the wrong key.
_FILE_ID = b"media"


class MediaKeys(Protocol):
    """Where the keys of media files live. Every method raises RetryLater when the disk does not let it."""

    def media_key(self, address: bytes) -> bytes | None:
        """The key of a file, or None when there is none."""

    def add_media_key(self, address: bytes, key: bytes) -> bytes:
        """Keep a key, durable on return; a key that is there already wins and is returned."""

    def drop_media_keys(self, addresses: Iterable[bytes]) -> None:
        """Destroy keys for good."""


@dataclass(frozen=True, slots=True)
class Media:
    """A content the store has.

    Attributes:
        address: its name, 64 hex digits.
        size: bytes of the plaintext.
    """

    address: str
    size: int


class MediaStore:
    """The media of one vault. Safe to use from many threads and several processes.

    What `put` has returned is on disk, key and all, before any journal row can name it. A key may stay behind when a
    put was cut off; it opens nothing, and the next put of the same content uses it.

    Args:
        folder: ``media`` in the vault; made, for the owner only, when the first file comes.
        address_key: 32 bytes; makes the names. Another one would give the same content a second name.
        keys: the keyring. No transaction on it may be open in a thread that calls the store.
    """

    def __init__(self, folder: Path, address_key: bytes, keys: MediaKeys) -> None:
        self._folder, self._address_key, self._keys = folder, address_key, keys
        self._durable: set[Path] = set()  # folders whose own name is on disk for sure
        self._sweep()

    # -- in and out --------------------------------------------------------------------------------------------------

    def put(self, source: Source) -> Media:
        """Keep everything a source gives; returns when file, key and names are on the disk itself.

        The same content is kept once: a file that is there already is read to the end first, and mended when it is
        damaged. The memory taken does not depend on the size.

        Raises:
            RetryLater: the disk is full or failed, or the source broke off; nothing of it was kept.
            Refused: more than 16 TiB.
        """
        reader = _Hashing(source, self._address_key)
        key = secrets.token_bytes(32)
        with media_faults.keeping(), self._part() as part:
            sealed_stream.seal(reader, part, key, _FILE_ID)
            part.sync()
            self._settle(reader.digest(), key, part)
        return Media(reader.digest().hex(), reader.size)

    def open(self, address: str) -> Iterator[bytes]:
        """The content, chunk by chunk; every byte given is proved genuine.

        Raises:
            NeedsPerson: the file is missing or damaged; this may come after some chunks were given.
            Refused: there is no key: forgotten, or never kept.
            RetryLater: the disk could not be read.
        """
        key = self._key(address)
        return self._reading(address, lambda file: sealed_stream.open_sealed(file, key, _FILE_ID))

    def read_range(self, address: str, start: int, length: int) -> Iterator[bytes]:
        """The bytes [start, start + length) of the content, as far as it has them; errors as in `open`."""
        key = self._key(address)
        return self._reading(address, lambda file: sealed_stream.read_range(file, key, _FILE_ID, start, length))

    def size(self, address: str) -> int:
        """Bytes of the content, as the length of its file says; only `open` and `verify` prove it."""
        path = self.path(address)
        with media_faults.reading(address):
            return sealed_stream.plain_size(path.stat().st_size)

    def path(self, address: str) -> Path:
        """Where the sealed file of an address lies, or would.

        Raises:
            Refused: not an address.
        """
        if not _ADDRESS.fullmatch(address):
            raise Refused("media-address-wrong", "A media file is named by 64 hexadecimal digits; this name is not.")
        return self._folder / address[:2] / address

    def addresses(self) -> Iterator[str]:
        """Every address that has a file, in order."""
        return (path.name for path in self._found() if _is_media(path))

    # -- taking away and mending -------------------------------------------------------------------------------------

    def remove(self, addresses: Iterable[str]) -> None:
        """Forget: keys first, which alone makes every copy unreadable, then the files; on disk when it returns.

        An address that is not there is passed over. Content that is put again meanwhile stays.

        Raises:
            RetryLater: the disk failed; doing it again goes on where it was.
        """
        paths = sorted(self.path(address) for address in set(addresses))
        self._keys.drop_media_keys([bytes.fromhex(path.name) for path in paths])
        with media_faults.removing():
            for shard, here in groupby(paths, key=lambda path: path.parent):
                if shard.is_dir():
                    self._remove_files(shard, here)

    def adopt(self, address: str, sealed_path: Path) -> None:
        """Put a sealed file from a second copy in its place, after every byte of it was proved.

        Raises:
            NeedsPerson: the copy is damaged too, or another file; the store was left as it is.
            Refused: there is no key: forgotten, or never kept.
            RetryLater: the disk is full or failed; the store was left as it is.
        """
        path, key = self.path(address), self._key(address)
        with media_faults.keeping(), self._part() as part:
            for data in _copied(sealed_path):
                part.write_all(data)
            if self._prove(address, part.path, key) is not None:
                raise NeedsPerson(
                    "media-copy-damaged",
                    f"The copy of media file {address} is damaged, or is of another file; the store was left as it is."
                    " Try another copy.",
                )
            part.sync()
            with self._locked(self._ready(path.parent)) as descriptor:
                # Forgotten meanwhile: refused. Forgotten and put again: the file that is there now stays.
                if self._key(address) == key:
                    self._rename(part, path, descriptor)

    def verify(
        self,
        addresses: Iterable[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[Fault]:
        """Read every file to the end: every byte authenticated, the keyed hash of the whole computed again.

        Args:
            addresses: those that the journal names; files of other names are then extra. None: whatever is there.
            progress: called with (files done, files to do).
            stop: asked between files; what was found until then is returned.
        """
        found = list(self._found())  # before the addresses are read: what is put later is never extra
        media = {path.name for path in found if _is_media(path)}
        named = media if addresses is None else set(addresses)
        faults = [self._stray(path) for path in found if not _is_media(path)]
        faults += [fault(address, FaultKind.EXTRA) for address in sorted(media - named)]
        for done, address in enumerate(sorted(named), start=1):
            if stop():
                break
            if (found_fault := self.check(address)) is not None and not (addresses is None and self._gone(address)):
                faults.append(found_fault)
            if progress is not None:
                progress(done, len(named))
        return faults

    def check(self, address: str) -> Fault | None:
        """Read one file to the end; None when every byte is as it was put."""
        path = self.path(address)
        key = self._keys.media_key(bytes.fromhex(address))
        if key is None:
            return fault(address, FaultKind.MISSING_KEY, "" if path.exists() else "its file is gone too")
        return self._prove(address, path, key)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _settle(self, digest: bytes, key: bytes, part: _Part) -> None:
        """Give a sealed part its key and its name, unless the content is there already."""
        path = self.path(digest.hex())
        with self._locked(self._ready(path.parent)) as descriptor:
            kept = self._keys.add_media_key(digest, key)
            if path.exists() and self._prove(digest.hex(), path, kept) is None:
                sync_file(descriptor)  # whoever put it may have been cut off before doing this
                return
            if kept == key:
                self._rename(part, path, descriptor)
                return
            with self._part() as again:
                part.rewind()
                sealed_stream.seal(_Joined(sealed_stream.open_sealed(part, key, _FILE_ID)), again, kept, _FILE_ID)
                again.sync()
                self._rename(again, path, descriptor)

    def _remove_files(self, shard: Path, paths: Iterable[Path]) -> None:
        with self._locked(shard) as descriptor:
            for path in paths:
                # A key that is there again belongs to a put that came after; its file must stay.
                if self._keys.media_key(bytes.fromhex(path.name)) is None:
                    path.unlink(missing_ok=True)
            sync_file(descriptor)

    @staticmethod
    def _rename(part: _Part, path: Path, descriptor: int) -> None:
        """The last step; when the name cannot be made durable, a file that is new goes again."""
        replaced = path.exists()
        part.path.replace(path)
        try:
            sync_file(descriptor)
        except OSError:
            if not replaced:
                path.unlink(missing_ok=True)
            raise

    def _prove(self, address: str, path: Path, key: bytes) -> Fault | None:
        digest = _new_hash(self._address_key)
        try:
            with path.open("rb", buffering=0) as file:
                for chunk in sealed_stream.open_sealed(file, key, _FILE_ID):
                    digest.update(chunk)
        except FileNotFoundError:
            return fault(address, FaultKind.MISSING_FILE)
        except OSError as error:
            return fault(address, FaultKind.DAMAGED, f"the disk cannot read it ({media_faults.name_of(error)})")
        except Refused as error:
            return fault(address, FaultKind.DAMAGED, error.message)
        if digest.hexdigest() != address:
            return fault(address, FaultKind.DAMAGED, "its content is another one than its name says")
        return None

    def _gone(self, address: str) -> bool:
        """Whether a file was removed after it was listed."""
        return not self.path(address).exists() and self._keys.media_key(bytes.fromhex(address)) is None

    def _stray(self, path: Path) -> Fault:
        return Fault(
            str(path.relative_to(self._folder)),
            FaultKind.EXTRA,
            "This is no media file; Hearthside did not put it here and left it alone. It can be moved away.",
        )

    def _key(self, address: str) -> bytes:
        self.path(address)
        key = self._keys.media_key(bytes.fromhex(address))
        if key is None:
            raise Refused(
                "media-forgotten", f"Media file {address} has no key: it was forgotten, or never kept in this vault."
            )
        return key

    def _reading(self, address: str, pieces: Callable[[Seekable], Iterator[bytes]]) -> Iterator[bytes]:
        path = self.path(address)
        with media_faults.reading(address):
            path.stat()  # a missing file is said at once, not at the first chunk

        def read() -> Iterator[bytes]:
            with media_faults.reading(address), path.open("rb", buffering=0) as file:
                yield from pieces(file)

        return read()

    def _ready(self, folder: Path) -> Path:
        """Make a folder of the store, its name on disk for sure."""
        if folder not in self._durable or not folder.is_dir():
            if folder != self._folder:
                self._ready(self._folder)
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
            # Also when somebody else made it: they may not have come to this yet.
            sync_folder(folder.parent)
            self._durable.add(folder)
        return folder

    @contextmanager
    def _locked(self, shard: Path) -> Iterator[int]:
        """Alone in a shard, among threads and processes alike; gives the descriptor of the folder."""
        descriptor = os.open(shard, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _part(self) -> Iterator[_Part]:
        """A new file to write to, gone at the end unless it got another name."""
        folder = self._ready(self._folder / _INCOMING)
        while True:
            part = _Part(folder / f"{secrets.token_hex(16)}.part")
            try:
                if part.lock():
                    yield part
                    return
            finally:
                with suppress(OSError):  # what cannot be removed now goes at the next opening
                    part.path.unlink(missing_ok=True)
                part.close()

    def _found(self) -> Iterator[Path]:
        """Everything in the folder but what is being written, in order."""
        for shard in _listed(self._folder):
            if _SHARD.fullmatch(shard.name) and shard.is_dir():
                yield from _listed(shard)
            elif shard.name != _INCOMING:
                yield shard

    def _sweep(self) -> None:
        """Remove what a crash left in `incoming`; a part whose writer lives is locked and stays."""
        with suppress(OSError):  # a disk that lets nothing be removed can still be read from
            for path in _listed(self._folder / _INCOMING):
                with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()


class _Part:
    """A file that is being written, locked so that no sweep takes it for a leftover."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def lock(self) -> bool:
        """Whether it is ours; False when a sweep was quicker and has removed it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return os.fstat(self._descriptor).st_nlink > 0

    def write(self, data: bytes, /) -> int:
        """How many bytes were taken."""
        return os.write(self._descriptor, data)

    def write_all(self, data: bytes) -> None:
        """All of the bytes."""
        while data:
            data = data[self.write(data) :]

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes from where the last read or write ended."""
        return os.read(self._descriptor, size)

    def rewind(self) -> None:
        """Back to the beginning."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)

    def sync(self) -> None:
        """Return when the bytes are on the disk itself."""
        sync_file(self._descriptor)

    def close(self) -> None:
        """Give up the lock too."""
        os.close(self._descriptor)


class _Hashing:
    """A source that is measured and hashed while it is read."""

    def __init__(self, source: Source, address_key: bytes) -> None:
        self._source, self._hash = source, _new_hash(address_key)
        self.size = 0

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes.

        Raises:
            RetryLater: the source, not the store's disk, failed.
        """
        with media_faults.reading_source():
            data = self._source.read(size)
        self._hash.update(data)
        self.size += len(data)
        return data

    def digest(self) -> bytes:
        """32 bytes: the address of what was read so far."""
        return self._hash.digest()


class _Joined:
    """Pieces as a source."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _new_hash(address_key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(key=address_key, digest_size=32)


def _is_media(path: Path) -> bool:
    return _ADDRESS.fullmatch(path.name) is not None and path.parent.name == path.name[:2]


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, in order; nothing when there is no such folder yet."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _copied(path: Path) -> Iterator[bytes]:
    with media_faults.reading_source(), path.open("rb", buffering=0) as file:
        while data := file.read(_COPY_BYTES):
            yield data
