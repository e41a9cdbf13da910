"""Emptying the write-ahead log of the life stream beside the work, so that no commit has to wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import apsw

from hearthside.errors import HearthsideError

PAGES = 1000
"""Pages that wait before the log is emptied: SQLite's own default."""
MOST_PAGES = 16 * PAGES
"""With so many a commit empties the log itself: a reader kept it from being emptied, or the disk is slow."""


class Checkpoints:
    """Empties the write-ahead log in a thread of its own, one at a time. Safe to use from many threads.

    Args:
        make: opens another connection to the database.
    """

    def __init__(self, make: Callable[[], apsw.Connection]) -> None:
        self._make = make
        self._under_way = threading.Lock()
        self._ended = False

    def watch(self, connection: apsw.Connection) -> None:
        """From now on commits of this connection leave the log to the thread."""
        connection.wal_autocheckpoint(0)
        connection.set_wal_hook(self._committed)

    def end(self) -> None:
        """Begin none any more, and wait until the one under way is over."""
        self._ended = True
        with self._under_way:
            pass

    def _committed(self, connection: apsw.Connection, name: str, pages: int) -> int:
        if pages >= MOST_PAGES:
            with suppress(apsw.BusyError):  # the thread is at it
                connection.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
        elif pages >= PAGES and not self._ended and self._under_way.acquire(blocking=False):
            threading.Thread(target=self._empty, name="life-stream-checkpoint", daemon=True).start()
        return apsw.SQLITE_OK

    def _empty(self) -> None:
        try:
            connection = self._make()
            try:
                connection.wal_checkpoint(None, apsw.SQLITE_CHECKPOINT_PASSIVE)
            finally:
                connection.close()
        except (apsw.Error, HearthsideError):
            pass  # moved, under another key, or the disk refuses, of which whoever writes hears; a commit empties it
        finally:
            self._under_way.release()
