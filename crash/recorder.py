"""Records everything that reaches the disk below one folder: SQLite's file layer and plain file operations.

SQLite is watched through a VFS stacked under the cipher, so what is recorded is what lies on the disk, encrypted.
Plain files are watched at `os.fsync`, `os.replace` and their like: there their bytes are read and compared with what
is known, so that a rename before the fsync shows. `Recording.check_complete` proves that nothing went unseen.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeAlias

import apsw

from crash.failing_disk import failing_layer
from crash.images import ROOT, FailedSync, Link, Make, Remove, Rename, Sync, Truncate, Write
from crash.opening import databases_opened_through

_VFS_NAME = "crash-recorder"
_JOURNAL_FLAGS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
# The index of a write-ahead log is memory shared by processes; after a power cut SQLite makes it anew (unixShmMap).
_NOT_ON_DISK = "-shm"


class Recording:
    """What happened to the disk below a folder, in order, and between it whatever the programme wants to remember.

    Attributes:
        folder: the folder; everything outside it is not recorded.
        log: disk operations and remembered objects, in order.
        began: where in the log the recording begins; before it stands what was there already, all of it certain.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log: list[Any] = []
        self._lock = threading.RLock()
        self._tree: dict[int, dict[str, int]] = {ROOT: {}}
        self._content: dict[int, bytearray] = {}
        self._last = ROOT
        self._take_in_what_is_there()
        self.began = len(self.log)

    def _take_in_what_is_there(self) -> None:
        nodes = [ROOT]
        for path in sorted(self.folder.rglob("*")):
            node = self.found(path, is_folder=True) if path.is_dir() else self.read_again(path)
            nodes += [] if node is None else [node]
        for node in nodes:
            self.synced(node)

    def remember(self, note: object) -> None:
        """Put a remark between the operations, such as "this was acknowledged"."""
        with self._lock:
            self.log.append(note)

    def remember_from_the_start(self, notes: Sequence[object]) -> None:
        """Remarks on what was there before the recording began."""
        self.log[: self.began] += notes
        self.began += len(notes)

    # -- what a file layer tells -------------------------------------------------------------------------------------

    def node(self, path: str | Path) -> int | None:
        """Number of a file or folder by its path, or None when it is unknown or outside."""
        try:
            parts = Path(os.path.abspath(path)).relative_to(self.folder).parts  # noqa: PTH100 - links stay as they are
        except ValueError:
            return None
        node: int | None = ROOT
        for part in parts:
            node = None if node is None else self._tree.get(node, {}).get(part)
        return node

    def found(self, path: str | Path, is_folder: bool = False) -> int | None:
        """Number of a file or folder that is there now; made known, with the folders above it, when it is new."""
        with self._lock:
            place = Path(os.path.abspath(path))  # noqa: PTH100
            if place == self.folder:
                return ROOT
            if self.folder not in place.parents or place.name.endswith(_NOT_ON_DISK):
                return None
            folder = self.found(place.parent, is_folder=True)
            assert folder is not None
            known = self._tree[folder].get(place.name)
            if known is not None:
                return known
            self._last += 1
            self._tree[folder][place.name] = self._last
            if is_folder:
                self._tree[self._last] = {}
            else:
                self._content[self._last] = bytearray()
            self.log.append(Make(self._last, folder, place.name, is_folder))
            return self._last

    def wrote(self, node: int, offset: int, data: bytes) -> None:
        """Bytes were written."""
        self._happened(node, Write(node, offset, bytes(data)))

    def truncated(self, node: int, size: int) -> None:
        """A file has a new length."""
        self._happened(node, Truncate(node, size))

    def synced(self, node: int) -> None:
        """What was done to a file or folder until now is on the disk."""
        with self._lock:
            self.log.append(Sync(node))

    @contextmanager
    def syncing(self, node: int) -> Iterator[None]:
        """A sync, noted before it is done: what another thread writes meanwhile may miss it."""
        with self._lock:
            place = len(self.log)
            self.log.append(Sync(node))
        try:
            yield
        except Exception:
            self.log[place] = FailedSync(node)
            raise

    def removed(self, path: str | Path) -> None:
        """A name went."""
        with self._lock:
            folder = self.node(Path(path).parent)
            if folder is not None and self._tree[folder].pop(Path(path).name, None) is not None:
                self.log.append(Remove(folder, Path(path).name))

    def linked(self, path: str | Path, new: str | Path) -> None:
        """A file has one more name."""
        with self._lock:
            node, folder = self.node(path), self.node(Path(new).parent)
            if folder is not None:
                assert node is not None
                self._tree[folder][Path(new).name] = node
                self.log.append(Link(node, folder, Path(new).name))

    def renamed(self, path: str | Path, new: str | Path) -> None:
        """A name changed; its bytes may never have been synced."""
        old, to = Path(path), Path(new)
        with self._lock:
            folder, new_folder = self.node(old.parent), self.node(to.parent)
            if folder is None or new_folder is None:
                if folder is not new_folder:
                    raise AssertionError(f"{old.name} crosses the border of what is recorded")
                return
            self._tree[new_folder][to.name] = self._tree[folder].pop(old.name)
            self.log.append(Rename(folder, old.name, new_folder, to.name))

    def read_again(self, path: str | Path) -> int | None:
        """Look at a plain file: what differs from what is known was written, and not synced yet."""
        with self._lock:
            node = self.found(path)
            if node is None:
                return None
            content, known = Path(path).read_bytes(), self._content[node]
            if content != known:
                if not content.startswith(known):
                    self.truncated(node, 0)
                start = len(self._content[node])
                self.wrote(node, start, content[start:])
            return node

    def _happened(self, node: int, operation: Write | Truncate) -> None:
        with self._lock:
            self.log.append(operation)
            content = self._content[node]
            if isinstance(operation, Truncate):
                del content[operation.size :]
                content.extend(bytes(max(0, operation.size - len(content))))
            else:
                content.extend(bytes(max(0, operation.offset - len(content))))
                content[operation.offset : operation.offset + len(operation.data)] = operation.data

    # -- self-check --------------------------------------------------------------------------------------------------

    def check_complete(self) -> None:
        """Compare what was recorded with what is really there; every byte must be explained.

        Raises:
            AssertionError: something reached the disk unseen; the path is named.
        """
        real = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.endswith(_NOT_ON_DISK)
        }
        known = dict(self._known(ROOT, ""))
        # An empty file that nobody synced, such as a lock, promises nothing.
        unseen = sorted(name for name in {*real, *known} if real.get(name, b"") != known.get(name, b""))
        if unseen:
            raise AssertionError(f"changed behind the recorder's back: {', '.join(unseen)}")

    def _known(self, node: int, path: str) -> Iterator[tuple[str, bytes]]:
        for name, child in self._tree[node].items():
            below = f"{path}/{name}" if path else name
            if child in self._tree:
                yield from self._known(child, below)
            else:
                yield below, bytes(self._content[child])


# -- SQLite ------------------------------------------------------------------------------------------------------------

_FileName: TypeAlias = "str | apsw.URIFilename | None"


class _RecordingVFS(apsw.VFS):
    """Writes into whichever recording is running; there is one at a time."""

    def __init__(self) -> None:
        super().__init__(_VFS_NAME, failing_layer())
        self.recording: Recording | None = None

    def xOpen(self, name: _FileName, flags: list[int]) -> apsw.VFSFile:
        if self.recording is None:
            raise apsw.CantOpenError("nothing is being recorded")
        return _RecordingFile(self.recording, name, flags)

    def xDelete(self, filename: str, sync_folder: bool) -> None:
        super().xDelete(filename, sync_folder)
        if self.recording is not None:
            self.recording.removed(filename)
            folder = self.recording.node(Path(filename).parent)
            if sync_folder and folder is not None:
                self.recording.synced(folder)


@functools.cache
def _vfs() -> _RecordingVFS:
    """Registered once and for good: the cipher layer above it keeps pointing to it."""
    return _RecordingVFS()


class _RecordingFile(apsw.VFSFile):
    def __init__(self, recording: Recording, name: _FileName, flags: list[int]) -> None:
        super().__init__(failing_layer(), name, flags)
        self._recording = recording
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._path = path
        self._node = recording.found(path) if path else None
        # SQLite syncs the folder with the first sync of a new journal (unixSync, UNIXFILE_DIRSYNC).
        self._folder_too = bool(flags[0] & _JOURNAL_FLAGS and flags[0] & apsw.SQLITE_OPEN_CREATE)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        if self._node is not None:
            self._recording.wrote(self._node, offset, data)

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        if self._node is not None:
            self._recording.truncated(self._node, size)

    def xSync(self, flags: int) -> None:
        if self._node is None:
            super().xSync(flags)
            return
        with self._recording.syncing(self._node):
            super().xSync(flags)
        folder = self._recording.node(Path(str(self._path)).parent)
        if self._folder_too and folder is not None:
            self._recording.synced(folder)
            self._folder_too = False


# -- plain files -------------------------------------------------------------------------------------------------------


@contextmanager
def recorded(folder: Path, *, synchronous: str | None = None) -> Iterator[Recording]:
    """Record everything below a folder that exists; databases and plain files alike.

    Args:
        synchronous: a weaker setting for every database, to see whether the crash programme notices.
    """
    recording, vfs = Recording(folder), _vfs()
    vfs.recording = recording
    try:
        with (
            databases_opened_through(f"multipleciphers-{_VFS_NAME}", synchronous=synchronous),
            _plain_files_watched(recording),
        ):
            yield recording
    finally:
        vfs.recording = None


@contextmanager
def _plain_files_watched(recording: Recording) -> Iterator[None]:
    watched = _watchers(recording)
    originals = {name: getattr(os, name) for name in watched}
    for name, function in watched.items():
        setattr(os, name, function)
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def _watchers(recording: Recording) -> dict[str, Callable[..., Any]]:
    fsync, unlink, rmdir, mkdir = os.fsync, os.unlink, os.rmdir, os.mkdir
    replace, link = os.replace, os.link

    def watched_fsync(descriptor: int) -> None:
        path = _path_of(descriptor)
        node = recording.found(path, is_folder=True) if path.is_dir() else recording.read_again(path)
        with nullcontext() if node is None else recording.syncing(node):
            fsync(descriptor)

    def watched_replace(src: str | Path, dst: str | Path, **folders: int | None) -> None:
        if recording.node(Path(dst).parent) is not None and not Path(src).is_dir():
            recording.read_again(src)
        replace(src, dst, **folders)
        recording.renamed(src, dst)

    def watched_link(src: str | Path, dst: str | Path, **options: Any) -> None:
        recording.read_again(src)
        link(src, dst, **options)
        recording.linked(src, dst)

    def watched_remove(remove: Callable[..., None]) -> Callable[..., None]:
        def watched(path: str | Path, *, dir_fd: int | None = None) -> None:
            remove(path, dir_fd=dir_fd)
            recording.removed(path if dir_fd is None else _path_of(dir_fd) / path)

        return watched

    def watched_mkdir(path: str | Path, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        mkdir(path, mode, dir_fd=dir_fd)
        recording.found(path, is_folder=True)

    functions: Sequence[tuple[Sequence[str], Callable[..., Any]]] = (
        (("fsync", "fdatasync"), watched_fsync),
        (("replace", "rename"), watched_replace),
        (("link",), watched_link),
        (("unlink", "remove"), watched_remove(unlink)),
        (("rmdir",), watched_remove(rmdir)),
        (("mkdir",), watched_mkdir),
    )
    return {name: function for names, function in functions for name in names}
