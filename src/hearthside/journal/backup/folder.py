"""A backup in a mounted folder: another disk, a NAS, a stick; no hard links or file modes needed."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.identity.durable import sync_file, sync_folder
from hearthside.journal.backup.target import (
    MARKER,
    PIECE_BYTES,
    StoredObject,
    check_empty,
    check_same,
    check_vault,
    check_writable,
    checked_name,
    checked_prefix,
    file_pieces,
    is_name,
    marker,
    missing,
    vault_of,
)

_PARTIAL = ".partial"  # holds objects that are being written; no name begins with a dot
_STALE_NS = 24 * 3600 * 1_000_000_000  # a partial file so much older than a new one is left from a run that was cut off
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
# What file systems say that cannot sync a folder, or not in Apple's way; their servers sync by themselves.
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY)

_Pieces = Callable[[], Iterator[bytes]]


class FolderTarget:
    """A `Target` in a folder.

    An object is written to a partial file, synced, and only then given its name. A folder without the marker is never
    written to, so that an unplugged disk does not fill its mount point.

    Args:
        folder: made or mounted by the person.
        vault_id: whose backup it must hold; None takes any and reads only (to restore on a clean machine).
    """

    def __init__(self, folder: Path, vault_id: str | None = None) -> None:
        self._folder = folder
        self._vault_id = vault_id
        self._numbers = itertools.count()
        self._cleaned = False
        self._durable: set[Path] = set()  # folders whose own names are known to be on the disk

    @property
    def title(self) -> str:
        return f"folder {self._folder}"

    def same_disk_as(self, path: Path) -> bool:
        """Whether this folder lies on the file system of `path`, so that one broken disk would take both.

        Two partitions or btrfs subvolumes of one disk look like two disks.
        """
        with self._plain_errors():
            return self._folder.stat().st_dev == path.stat().st_dev

    def prepare(self, vault_id: str) -> None:
        with self._plain_errors():
            if not (self._folder / MARKER).exists():
                check_empty(next(_walk(self._folder, "", ""), None), vault_id, self.title)
                self._store(MARKER, lambda: iter((marker(vault_id),)))
            check_vault(self._vault(), vault_id, self.title)
        self._vault_id = vault_id

    def vault(self) -> str:
        with self._plain_errors():
            return self._vault()

    def put(self, name: str, content: bytes) -> None:
        self._put(name, lambda: (content[at : at + PIECE_BYTES] for at in range(0, len(content), PIECE_BYTES)))

    def put_file(self, name: str, path: Path) -> None:
        self._put(name, lambda: file_pieces(path))

    def get(self, name: str) -> bytes:
        return b"".join(self.open(name))

    def open(self, name: str) -> Iterator[bytes]:
        with self._plain_errors():
            path = self._checked(name)
            if not path.is_file():
                raise missing(name, self.title)
            with path.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        checked_prefix(prefix)
        with self._plain_errors():
            self._check()
            yield from _walk(self._folder, "", prefix)

    def delete(self, name: str) -> bool:
        with self._plain_errors():
            check_writable(self._vault_id, self.title)
            path = self._checked(name)
            if not path.is_file():
                return True
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EPERM):
                    return False
                raise
            _sync_folder(path.parent)
        return True

    def renew(self, name: str) -> None:
        """A folder promises nothing, so there is nothing to renew."""
        self.kept_until_ms(name)

    def kept_until_ms(self, name: str) -> int | None:
        with self._plain_errors():
            if not self._checked(name).is_file():
                raise missing(name, self.title)
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def _put(self, name: str, pieces: _Pieces) -> None:
        with self._plain_errors():
            check_writable(self._vault_id, self.title)
            self._checked(name)
            try:
                self._store(name, pieces)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):  # a folder and an object of one name
                check_same(False, name, self.title)

    def _store(self, name: str, pieces: _Pieces) -> None:
        final = self._folder / name
        if not final.exists():
            partial = self._write_partial(pieces())
            try:
                for folder in reversed(self._folders_above(final)):
                    folder.mkdir(exist_ok=True, mode=0o700)  # never the root: its disk may just have gone
                published = _publish(partial, final)
            finally:
                partial.unlink(missing_ok=True)
        else:
            published = False
        if not published:
            check_same(_holds(final, pieces()), name, self.title)
        # Also when the object was there: the run that gave it its name may have ended before the name was on the disk.
        _sync_folder(final.parent)
        for folder in self._folders_above(final):
            if folder not in self._durable:
                _sync_folder(folder.parent)
                self._durable.add(folder)

    def _folders_above(self, final: Path) -> Sequence[Path]:
        """The folders between an object and the root, the nearest first."""
        return final.parents[: len(final.relative_to(self._folder).parts) - 1]

    def _write_partial(self, pieces: Iterator[bytes]) -> Path:
        folder = self._folder / _PARTIAL
        folder.mkdir(exist_ok=True, mode=0o700)
        path, descriptor = self._new_partial(folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                _sync_file(file.fileno())
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise
        return path

    def _new_partial(self, folder: Path) -> tuple[Path, int]:
        """A file that no other run writes to, on this machine or another one with the same folder mounted."""
        for number in self._numbers:
            path = folder / f"{os.getpid()}-{number}"
            with suppress(FileExistsError):
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                if not self._cleaned:
                    self._cleaned = True
                    _remove_stale(folder, path.stat().st_mtime_ns)
                return path, descriptor
        raise AssertionError("the numbers never end")

    def _check(self) -> None:
        try:
            check_vault(self._vault(), self._vault_id, self.title)
        except NeedsPerson:
            if self._vault_id is not None:
                raise

    def _vault(self) -> str:
        try:
            content = (self._folder / MARKER).read_bytes()
        except FileNotFoundError:
            raise self._without_marker() from None
        return vault_of(content, self.title)

    def _without_marker(self) -> HearthsideError:
        """An empty or missing folder is most likely the mount point of an unplugged disk."""
        if any(self._folder.iterdir()) and not self._only_partial():
            return NeedsPerson(
                "backup-not-prepared",
                f"The {self.title} was never made a place for this backup; nothing was written. "
                "Choose it as a backup place first, or correct the folder in the settings.",
            )
        return RetryLater(
            "backup-folder-away",
            f"The {self.title} is empty: its disk is not plugged in or not mounted, or it was never made a backup "
            "place. Nothing was written; the backup goes on when the disk is back.",
        )

    def _only_partial(self) -> bool:
        return [entry.name for entry in self._folder.iterdir()] == [_PARTIAL]

    def _checked(self, name: str) -> Path:
        """Where an object lies, in a folder that is ours to use; a link on the way could lead anywhere."""
        path = self._folder / checked_name(name)
        self._check()
        step = self._folder
        for part in name.split("/"):
            step = step / part
            if step.is_symlink():
                raise Refused(
                    "backup-folder-has-link",
                    f"In the {self.title}, {step.relative_to(self._folder)} is a link to another place, which "
                    "Hearthside never makes. Nothing was read or written; look who put it there and remove it.",
                )
        return path

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """The one seam where the system's errors become ours."""
        try:
            yield
        except OSError as error:
            raise self._plain(error) from error

    def _plain(self, error: OSError) -> HearthsideError:
        if error.errno in _FULL:
            return RetryLater(
                "backup-full",
                f"The {self.title} is full. What it holds is safe and nothing half-written counts; "
                "make room there or choose a larger disk.",
            )
        if error.errno == errno.EFBIG:
            return NeedsPerson(
                "backup-file-too-large",
                f"The {self.title} takes no file as large as this one (FAT stops at 4 GiB). What it holds is safe; "
                "format the disk as exFAT or ext4, or choose another place.",
            )
        if error.errno in _NOT_ALLOWED:
            return NeedsPerson(
                "backup-not-allowed",
                f"Hearthside may not use the {self.title} ({error.strerror}). What it holds is safe; "
                "give it the rights, or mount the disk for writing.",
            )
        return RetryLater(
            "backup-folder-away",
            f"The {self.title} cannot be reached ({error.strerror}). What it holds is safe and nothing half-written "
            "counts; plug in the disk or mount the folder, and the backup goes on.",
        )


def _publish(partial: Path, final: Path) -> bool:
    """Give a whole file its name; False when the name is taken.

    A hard link settles who is first when two programs write at once. File systems without links (FAT) take a rename,
    where the look before it leaves a gap of microseconds.
    """
    try:
        os.link(partial, final)
    except FileExistsError:
        return False
    except OSError:
        if final.exists():
            return False
        partial.rename(final)
    return True


def _holds(path: Path, pieces: Iterator[bytes]) -> bool:
    """Whether a file holds exactly these bytes."""
    with path.open("rb") as file:
        return all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)


def _walk(folder: Path, start: str, prefix: str) -> Iterator[StoredObject]:
    """Objects below a folder in order of whole names: a folder sorts as its name with the slash."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder or entry.is_file(follow_symlinks=False):
                found.append((start + entry.name + ("/" if is_folder else ""), entry))
    for name, entry in sorted(found, key=lambda pair: pair[0]):
        if name.endswith("/"):
            if (name.startswith(prefix) or prefix.startswith(name)) and is_name(name[:-1]):
                yield from _walk(folder / entry.name, name, prefix)
        elif name.startswith(prefix) and is_name(name):
            with suppress(FileNotFoundError):  # deleted meanwhile
                stat = entry.stat(follow_symlinks=False)
                yield StoredObject(name, stat.st_size, stat.st_mtime_ns // 1_000_000)


def _remove_stale(folder: Path, newest_ns: int) -> None:
    """Remove partial files of runs that were cut off, told by the folder's own clock."""
    for path in folder.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime_ns < newest_ns - _STALE_NS:
                path.unlink()


def _sync_file(descriptor: int) -> None:
    try:
        sync_file(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
        os.fsync(descriptor)  # F_FULLFSYNC is not for network folders on macOS


def _sync_folder(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
