"""Connections for reading one file: lent for one query each, so that their number follows the queries under way.

A connection for each thread and file would keep hundreds of files open after ten years, and more than the system
allows with many threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import apsw

UNSETTLING = (apsw.CorruptError, apsw.NotADBError, apsw.IOError)
"""After one of these a connection is not used again: SQLite may go on calling sound pages damaged until opened anew."""

_KEPT = 4  # idle connections of one file; opening one takes about half a millisecond

# Openings before an error of the disk is believed. While files are replaced on a busy machine SQLite now and then
# cannot tell the size of a file that it has just opened (SQLITE_IOERR_FSTAT; in 3 of 48 runs of the test that rotates
# while four threads read). Why is not known; nothing was read by then.
_TRIES = 3


class Readers:
    """The reading connections of one file. Safe to use from many threads.

    Args:
        make: opens another connection.
    """

    def __init__(self, make: Callable[[], apsw.Connection]) -> None:
        self._make = make
        self._idle: list[apsw.Connection] = []
        self._lock = threading.Lock()
        self._kept = _KEPT

    @contextmanager
    def lent(self) -> Iterator[apsw.Connection]:
        """A connection that nobody else uses meanwhile; after an error that unsettles it it is closed, else kept.

        Raises:
            apsw.Error: another one was needed and could not be opened, not even at the third time.
        """
        connection = self._take()
        try:
            yield connection
        except UNSETTLING:
            close_quietly(connection)
            raise
        except BaseException:
            self._give_back(connection)
            raise
        else:
            self._give_back(connection)

    def _take(self) -> apsw.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        for _ in range(_TRIES - 1):
            with suppress(apsw.IOError):
                return self._make()
        return self._make()

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._lock:
            if len(self._idle) < self._kept:
                self._idle.append(connection)
                return
        close_quietly(connection)

    def close(self, for_good: bool = False) -> None:
        """Close what nobody uses; what is in use closes as ever.

        Args:
            for_good: keep none from now on, because the file was replaced.
        """
        with self._lock:
            idle, self._idle = self._idle, []
            if for_good:
                self._kept = 0
        for connection in idle:
            close_quietly(connection)


def close_quietly(connection: apsw.Connection) -> None:
    """Close; the last one to close empties the write-ahead log, which may fail and is then done at the next opening."""
    with suppress(apsw.Error):
        connection.close()
