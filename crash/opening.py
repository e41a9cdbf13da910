"""Has every database of Hearthside opened through a file layer of the crash programme."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from hearthside.identity import database

_NAME = "open_database"


@contextmanager
def databases_opened_through(vfs: str, *, synchronous: str | None = None) -> Iterator[None]:
    """While it lasts, `open_database` goes through a file layer, whichever room calls it.

    Args:
        vfs: ``multipleciphers-<name>``.
        synchronous: ``normal`` or ``off`` instead of what the caller sets.
    """
    original = database.open_database

    def through(path: Path, key: bytes, **options: Any) -> apsw.Connection:
        connection = original(path, key, **(options | {"vfs": vfs}))
        if synchronous is not None:
            connection.pragma("synchronous", synchronous)
        return connection

    changed = list(_replace(original, through))
    try:
        yield
    finally:
        for module in changed:
            setattr(sys.modules[module], _NAME, original)


def _replace(original: Callable[..., object], new: Callable[..., object]) -> Iterator[str]:
    for module in [name for name in sys.modules if name.startswith("hearthside")]:
        if getattr(sys.modules[module], _NAME, None) is original:
            setattr(sys.modules[module], _NAME, new)
            yield module
