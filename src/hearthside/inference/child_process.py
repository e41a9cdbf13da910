"""What every child process of the compute node does first: end with its parent, keep its pipe clean, leave no core."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO, NoReturn


def die_with_parent(parent_pid: int) -> None:
    """Linux: the kernel ends this process when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
    if os.getppid() != parent_pid:  # it was gone before the line above took hold
        os._exit(0)


def exit_at_end_of(stream: IO[bytes], hear: Callable[[bytes], None] = lambda line: None) -> None:
    """Everywhere: standard input ends when the parent closes it or dies; until then each line is handed on."""
    threading.Thread(target=_listen, args=(stream, hear), name="parent", daemon=True).start()


def _listen(stream: IO[bytes], hear: Callable[[bytes], None]) -> NoReturn:
    for line in stream:
        hear(line)
    os._exit(0)


def take_stdout() -> IO[bytes]:
    """Keep standard output for the protocol alone: whatever a library prints must not fill the pipe."""
    own = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return own


def leave_no_core() -> None:
    """A crash must not write what this process was told to a disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def not_readable_by_others() -> None:
    """Linux: other processes of the same user may neither trace this one nor read its memory (`man 2 prctl`).

    Its entries in /proc then belong to root: ``fd``, ``maps``, ``smaps`` and the like are closed to the same user,
    ``stat``, ``statm`` and ``status`` are not. No core is written either. Root reads all the same.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # 4 is PR_SET_DUMPABLE
