"""A disk in memory that knows what is on it for certain, and what a power cut may leave of the rest.

A file's bytes are certain once the file was synced, a name once its folder was synced (POSIX, fsync(2)). What came
after is in doubt: of a file any 512-byte sectors of it, in any combination, may be there; of a folder any number of
its changes, in their order, as every journaling file system keeps them. Model: Zheng et al., "Torturing databases for
fun and profit" (OSDI 2014), and SQLite's own crash tests (test6.c).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

SECTOR = 512  # bytes; what a disk writes whole or not at all
ROOT = 0  # number of the folder that is recorded


@dataclass(frozen=True, slots=True)
class Make:
    """A file or folder gets its first name."""

    node: int
    folder: int
    name: str
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A file gets one more name."""

    node: int
    folder: int
    name: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A name goes; what it stood for stays while it has another."""

    folder: int
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A name changes, replacing what had the new one; one step when it stays in its folder."""

    folder: int
    name: str
    new_folder: int
    new_name: str


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes of a file, from `offset`."""

    node: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file becomes `size` bytes long."""

    node: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """What was done to a file, or to the names in a folder, is on the disk from here on."""

    node: int


@dataclass(frozen=True, slots=True)
class FailedSync:
    """The disk refused a sync: what was not synced may be lost although the system believes it is there."""

    node: int


Operation: TypeAlias = Make | Link | Remove | Rename | Write | Truncate | Sync | FailedSync


Image: TypeAlias = dict[str, bytes | None]
"""What lies on a disk: by path, relative to the recorded folder, the bytes of each file, or None for a folder."""


class Pattern(StrEnum):
    """What a power cut leaves of the writes to one file that were not synced."""

    NONE = "none"
    ALL = "all"
    PREFIX = "prefix"  # the first few, the last of them torn between two sectors
    SUBSET = "subset"  # any sectors of any of them
    TORN = "torn"  # all but part of the last


@dataclass(slots=True)
class _File:
    certain: bytearray = field(default_factory=bytearray)
    doubtful: list[Write | Truncate] = field(default_factory=list)


@dataclass(slots=True)
class _Folder:
    """Names of a folder: as they are now, as they are for certain, and the changes between the two."""

    now: dict[str, int] = field(default_factory=dict)
    certain: dict[str, int] = field(default_factory=dict)
    doubtful: list[dict[str, int | None]] = field(default_factory=list)

    def change(self, names: dict[str, int | None]) -> None:
        self.doubtful.append(names)
        _change(self.now, names)


class Disk:
    """The disk after the operations applied so far."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._folders: dict[int, _Folder] = {ROOT: _Folder()}

    def apply(self, operation: Operation) -> None:
        """Carry out one operation."""
        match operation:
            case Write(node) | Truncate(node):
                self._files[node].doubtful.append(operation)
            case Sync(node):
                self._sync(node)
            case FailedSync(node):
                # Linux marks the pages clean all the same (Rebello et al., "Can applications recover from fsync
                # failures?", USENIX ATC 2020): no later sync writes them. A folder's changes stay in doubt.
                if node in self._files:
                    self._files[node].doubtful.clear()
            case Make(node, folder, name, is_folder):
                if is_folder:
                    self._folders[node] = _Folder()
                else:
                    self._files[node] = _File()
                self._folders[folder].change({name: node})
            case Link(node, folder, name):
                self._folders[folder].change({name: node})
            case Remove(folder, name):
                self._folders[folder].change({name: None})
            case Rename(folder, name, new_folder, new_name):
                node = self._folders[folder].now[name]
                if folder == new_folder:
                    self._folders[folder].change({name: None, new_name: node})
                else:
                    self._folders[new_folder].change({new_name: node})
                    self._folders[folder].change({name: None})

    def _sync(self, node: int) -> None:
        if node in self._folders:
            folder = self._folders[node]
            folder.certain = dict(folder.now)
            folder.doubtful.clear()
            return
        file = self._files[node]
        for change in file.doubtful:
            _carry_out(file.certain, change)
        file.doubtful.clear()

    def is_folder(self, node: int) -> bool:
        """Whether a number stands for a folder."""
        return node in self._folders

    def after_a_cut(self, rnd: random.Random) -> Image:
        """One thing that a power cut at this moment may leave."""
        return dict(self._walk(ROOT, "", rnd))

    def _walk(self, node: int, path: str, rnd: random.Random) -> Iterator[tuple[str, bytes | None]]:
        for name, child in sorted(_names_left(self._folders[node], rnd).items()):
            below = f"{path}/{name}" if path else name
            if child in self._folders:
                yield below, None
                yield from self._walk(child, below, rnd)
            else:
                yield below, _content_left(self._files[child], rnd)


def write_image(image: Image, folder: Path) -> None:
    """Lay what a power cut left into a new folder."""
    folder.mkdir(parents=True)
    for name, content in image.items():
        if content is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content)


def _names_left(folder: _Folder, rnd: random.Random) -> dict[str, int]:
    if not folder.doubtful:
        return folder.certain
    left = dict(folder.certain)
    for change in folder.doubtful[: _how_many(len(folder.doubtful), rnd)]:
        _change(left, change)
    return left


def _how_many(count: int, rnd: random.Random) -> int:
    """None, all, or any number between; the two ends more often."""
    return rnd.choice((0, count, rnd.randint(0, count)))


def _content_left(file: _File, rnd: random.Random) -> bytes:
    if not file.doubtful:
        return bytes(file.certain)
    content = bytearray(file.certain)
    pattern = rnd.choice(tuple(Pattern))
    for change in _changes_left(file.doubtful, pattern, rnd):
        _carry_out(content, change)
    return bytes(content)


def _changes_left(changes: list[Write | Truncate], pattern: Pattern, rnd: random.Random) -> Iterator[Write | Truncate]:
    if pattern is Pattern.ALL:
        yield from changes
    elif pattern is Pattern.SUBSET:
        for change in changes:
            yield from _sectors_left(change, rnd)
    elif pattern in (Pattern.PREFIX, Pattern.TORN):
        whole = len(changes) - 1 if pattern is Pattern.TORN else rnd.randrange(len(changes))
        yield from changes[:whole]
        last = changes[whole]
        if isinstance(last, Write):
            yield Write(last.node, last.offset, last.data[: SECTOR * rnd.randint(0, len(last.data) // SECTOR)])


def _sectors_left(change: Write | Truncate, rnd: random.Random) -> Iterator[Write | Truncate]:
    if isinstance(change, Truncate):
        if rnd.random() < 0.5:
            yield change
        return
    for start in range(0, len(change.data), SECTOR):
        if rnd.random() < 0.5:
            yield Write(change.node, change.offset + start, change.data[start : start + SECTOR])


def _carry_out(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        content.extend(bytes(max(0, change.size - len(content))))
    elif change.data:
        content.extend(bytes(max(0, change.offset - len(content))))
        content[change.offset : change.offset + len(change.data)] = change.data


def _change(names: dict[str, int], changes: Mapping[str, int | None]) -> None:
    for name, node in changes.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
