"""Killing a process at any step of what it does to the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import apsw

_CUT, _FAILED = 77, 78


def cut_off(work: Callable[[], object], step: int) -> bool:
    """Do work in a child process that dies at a step: a rename, a sync, a removal, or a commit of any database.

    Returns:
        Whether it died before it was done.
    """
    child = os.fork()
    if child == 0:
        try:
            _die_at(step)
            work()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the child must not run on as if it were the test
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(_FAILED)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, _CUT), f"the child ended with {status}"
    return status == _CUT


def _die_at(step: int) -> None:
    left = step

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os._exit(_CUT)

    def counted(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            count()
            return real(*args, **kwargs)

        return call

    for name in ("rename", "replace", "fsync", "unlink"):
        setattr(os, name, counted(getattr(os, name)))

    def watch(connection: apsw.Connection) -> None:
        def commit() -> bool:
            count()
            return False

        connection.set_commit_hook(commit)

    apsw.connection_hooks.append(watch)
