"""A disk that fails on demand, once or from one call on: SQLite's file layer and plain file operations alike."""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import apsw

_VFS_NAME = "crash-failing"


class Fault(StrEnum):
    """What is wrong with the disk."""

    FULL = "disk full"
    IO_ERROR = "input/output error"
    SHORT_WRITE = "short write"
    READ_ONLY = "mounted read-only"


class Call(StrEnum):
    """What was asked of the disk: SQLite's calls first, then those of `os`."""

    OPEN = "xOpen"
    READ = "xRead"
    WRITE = "xWrite"
    SYNC = "xSync"
    TRUNCATE = "xTruncate"
    DELETE = "xDelete"
    FSYNC = "fsync"
    REPLACE = "replace"
    UNLINK = "unlink"
    MKDIR = "mkdir"


_CHANGES = frozenset(Call) - {Call.READ, Call.SYNC, Call.FSYNC}
FAILS_AT = {
    Fault.FULL: frozenset({Call.OPEN, Call.WRITE, Call.FSYNC, Call.REPLACE, Call.MKDIR}),
    Fault.IO_ERROR: frozenset(Call),
    Fault.SHORT_WRITE: frozenset({Call.WRITE}),
    Fault.READ_ONLY: _CHANGES,
}
"""Where a fault can show at all."""

_SQLITE_ERRORS: dict[Fault, Callable[[str], Exception]] = {
    Fault.FULL: apsw.FullError,
    Fault.IO_ERROR: apsw.IOError,
    Fault.SHORT_WRITE: apsw.FullError,  # as SQLite's own layer answers when fewer bytes were taken (seekAndWrite)
    Fault.READ_ONLY: apsw.IOError,
}
_OS_ERRORS = {Fault.FULL: errno.ENOSPC, Fault.IO_ERROR: errno.EIO, Fault.READ_ONLY: errno.EROFS}


@dataclass
class Plan:
    """When the disk fails, and what it was asked so far.

    Attributes:
        fault: None to count only.
        call: which call fails.
        number: the how manieth of them, from 1.
        lasting: from there on whatever can show the fault fails; else this call alone.
        armed: while it is not, all is well and nothing is counted.
    """

    fault: Fault | None = None
    call: Call = Call.WRITE
    number: int = 1
    lasting: bool = False
    armed: bool = False
    calls: Counter[Call] = field(default_factory=Counter)
    struck: bool = False

    def fails(self, call: Call) -> bool:
        """Count a call; whether it fails."""
        if not self.armed:
            return False
        self.calls[call] += 1
        if self.fault is None:
            return False
        if call is self.call and self.calls[call] == self.number:
            self.struck = True
            return True
        return self.struck and self.lasting and call in FAILS_AT[self.fault]


class _Disk:
    """The one disk; `plan` says how it behaves now."""

    plan: Plan | None = None


def _fails(call: Call) -> Fault | None:
    plan = _Disk.plan
    return plan.fault if plan is not None and plan.fails(call) else None


def _sqlite(call: Call) -> None:
    fault = _fails(call)
    if fault is not None:
        raise _SQLITE_ERRORS[fault](f"{fault} at {call}, on purpose")


class _FailingVFS(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(_VFS_NAME, "unix")

    def xOpen(self, name: _FileName, flags: list[int]) -> apsw.VFSFile:
        if flags[0] & apsw.SQLITE_OPEN_CREATE and (fault := _fails(Call.OPEN)) is not None:
            raise apsw.CantOpenError(f"{fault} at xOpen, on purpose")
        return _FailingFile("unix", name, flags)

    def xDelete(self, filename: str, sync_folder: bool) -> None:
        _sqlite(Call.DELETE)
        super().xDelete(filename, sync_folder)


class _FailingFile(apsw.VFSFile):
    def xRead(self, amount: int, offset: int) -> bytes:
        _sqlite(Call.READ)
        return bytes(super().xRead(amount, offset))

    def xWrite(self, data: bytes, offset: int) -> None:
        fault = _fails(Call.WRITE)
        if fault is Fault.SHORT_WRITE:
            super().xWrite(data[: len(data) // 2], offset)
        if fault is not None:
            raise _SQLITE_ERRORS[fault](f"{fault} at xWrite, on purpose")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        _sqlite(Call.SYNC)
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:
        _sqlite(Call.TRUNCATE)
        super().xTruncate(size)


_FileName: TypeAlias = "str | apsw.URIFilename | None"


@functools.cache
def _registered() -> _FailingVFS:
    """Registered once and for good: the layers above keep pointing to it."""
    return _FailingVFS()


def failing_layer() -> str:
    """Name of the VFS that other layers are put upon."""
    _registered()
    return _VFS_NAME


@contextmanager
def disk_failing(plan: Plan) -> Iterator[Plan]:
    """While it lasts the disk behaves as planned, whenever the plan is armed."""
    wrapped = {name: getattr(os, name) for name in ("fsync", "replace", "unlink", "mkdir")}
    for name, original in wrapped.items():
        setattr(os, name, _failing(Call(name), original))
    _Disk.plan = plan
    heard, sys.unraisablehook = sys.unraisablehook, _only_what_is_not_ours(sys.unraisablehook)
    try:
        yield plan
    finally:
        _Disk.plan, sys.unraisablehook = None, heard
        for name, original in wrapped.items():
            setattr(os, name, original)


def _only_what_is_not_ours(hook: Callable[[Any], object]) -> Callable[[Any], None]:
    """A real disk's error while a connection is thrown away reaches nobody; ours would be printed by APSW."""

    def heard(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, apsw.Error):
            hook(unraisable)

    return heard


def _failing(call: Call, original: Callable[..., Any]) -> Callable[..., Any]:
    def function(*arguments: Any, **options: Any) -> Any:
        fault = _fails(call)
        if fault is not None:
            number = _OS_ERRORS.get(fault, errno.EIO)
            raise OSError(number, os.strerror(number))
        return original(*arguments, **options)

    return function
