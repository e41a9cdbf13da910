"""One loader at a time on this machine: a lock that dies with its holder and needs no free space.

It is taken on a folder that is there anyway (flock), so nothing is written, a full disk does not matter, and the kernel
gives it back when the holder ends in whatever way. Several stations on one machine, of several users, share it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_LOOK_AGAIN_S = 0.05
_MACHINE = (Path("/tmp"), Path("/"))  # the same for every user; opened for reading only


class LoaderLock:
    """The lock; each load takes it under a name of its own. Two loads of one process exclude each other as well."""

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """On a folder, that of the whole machine if none is given; `clock` gives monotonic seconds."""
        self._folders, self._clock = (folder,) if folder else _MACHINE, clock
        self._held: dict[str, int] = {}

    def acquire(self, load: str, wait_s: float, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Take it; False when another holds it for longer than `wait_s` or when the wait is given up.

        True where the system has no such locks, or has no folder or no open file to give for one.
        """
        if sys.platform == "win32":
            return True
        import fcntl

        file = self._open()
        if file is None:
            return True
        until_s = self._clock() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._clock() >= until_s or given_up():
                    os.close(file)
                    return False
                time.sleep(_LOOK_AGAIN_S)
            except OSError:  # a file system without locks: the ledger of each guard still holds
                os.close(file)
                return True
            else:
                self._held[load] = file
                return True

    def _open(self) -> int | None:
        for folder in self._folders:
            with suppress(OSError):
                return os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        return None

    def release(self, load: str) -> None:
        """Give it back; safe to call for a load that does not have it."""
        if (file := self._held.pop(load, None)) is not None:
            os.close(file)
