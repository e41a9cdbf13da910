"""One loader at a time on this machine: a lock that dies with its holder and needs no free space.

It is taken on a folder that is there anyway (flock), so nothing is written, a full disk does not matter, and the kernel
gives it back when the holder ends in whatever way. Several stations on one machine, of several users, share it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_LOOK_AGAIN_S = 0.05


class LoaderLock:
    """The lock; each load takes it under a name of its own. Two loads of one process exclude each other as well."""

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """On a folder, the system's one for temporary files if none is given; `clock` gives monotonic seconds."""
        self._folder, self._clock = folder or Path(tempfile.gettempdir()), clock
        self._held: dict[str, int] = {}

    def acquire(self, load: str, wait_s: float, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Take it; False when another holds it for longer than `wait_s` or when the wait is given up.

        True where the system has no such locks.
        """
        if sys.platform == "win32":
            return True
        import fcntl

        file = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
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

    def release(self, load: str) -> None:
        """Give it back; safe to call for a load that does not have it."""
        if (file := self._held.pop(load, None)) is not None:
            os.close(file)
