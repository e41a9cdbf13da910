"""Reading every page of a database, the unused ones too, so that a flipped bit is found wherever it is."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from itertools import count

import apsw

_IN_MEMORY_BYTES = 256 * 1024**2  # of a file whose unused pages are looked at one by one
_PAGE_BYTES = 4096
_NUMBER = 4
_DATABASES = count()
_layer: list[_Nowhere] = []
_lock = threading.Lock()


def wrong_in_pages(connection: apsw.Connection) -> list[str]:
    """Open, authenticate and compare all pages of a file; what is wrong, in sentences.

    Args:
        connection: a fresh one: what it has in memory already is not read from the disk again.
    """
    try:
        # SQLite's own check reads every page in use, and finds an old one where a table and an index disagree.
        lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        if lines != ["ok"]:
            return [f"its pages do not fit together: {line}" for line in lines]
        if connection.pragma("freelist_count"):
            _read_all(connection)
            if _holds_something_unused(connection):
                return ["an unused page holds something: an old page was put back"]
    except apsw.Error as error:
        return [f"a page is not what was written ({type(error).__name__})"]
    return []


def _read_all(connection: apsw.Connection) -> None:
    """Copy all pages, the unused ones too, to nowhere: that opens and authenticates each."""
    with _lock:
        if not _layer:
            _layer.append(_Nowhere())
    with closing(apsw.Connection(f"copy-{next(_DATABASES)}", vfs=f"multipleciphers-{_Nowhere.name}")) as copy:
        copy.pragma("cipher", "aegis")  # a copy must be encrypted like what it is made from
        copy.pragma("key", f"raw:{os.urandom(32).hex()}")
        copy.pragma("journal_mode", "off")
        with copy.backup("main", connection, "main") as backup:
            backup.step(-1)  # all at once: while others write, one in steps would begin again and again


def _holds_something_unused(connection: apsw.Connection) -> bool:
    """Whether a page that nothing refers to is not empty; SQLite empties what it frees (SECURE_DELETE)."""
    if connection.pragma("page_count") * _PAGE_BYTES > _IN_MEMORY_BYTES:
        return False
    content = connection.serialize("main")
    used_by_rows = _PAGE_BYTES - content[20]  # the rest of a page is the cipher's
    at = _number(content, 32)  # first of a list of pages, each naming unused ones (sqlite.org/fileformat2.html, 1.5)
    while at:
        start = (at - 1) * _PAGE_BYTES
        following, listed = _number(content, start), _number(content, start + _NUMBER)
        for place in range(listed):
            unused = (_number(content, start + (2 + place) * _NUMBER) - 1) * _PAGE_BYTES
            if any(content[unused : unused + used_by_rows]):
                return True
        at = following
    return False


def _number(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + _NUMBER], "big")


class _Nowhere(apsw.VFS):
    """A file layer that takes everything and keeps nothing, so that checking needs no space on the disk."""

    name = "hearthside-nowhere"

    def __init__(self) -> None:
        super().__init__(self.name, base="")

    def xOpen(self, name: object, flags: list[int]) -> _NowhereFile:  # type: ignore[override]
        flags[1] = flags[0]
        return _NowhereFile()

    def xFullPathname(self, name: str) -> str:
        return f"/nowhere/{name.rpartition('/')[2]}"

    def xAccess(self, path: str, flags: int) -> bool:
        return False

    def xDelete(self, path: str, sync: bool) -> None:
        return None


class _NowhereFile:
    """A file of `_Nowhere`; it only knows how long it would be."""

    def __init__(self) -> None:
        self._size = 0

    def xRead(self, amount: int, offset: int) -> bytes:
        return b""

    def xWrite(self, data: bytes, offset: int) -> None:
        self._size = max(self._size, offset + len(data))

    def xTruncate(self, size: int) -> None:
        self._size = size

    def xFileSize(self) -> int:
        return self._size

    def xFileControl(self, operation: int, pointer: int) -> bool:
        return False

    def xCheckReservedLock(self) -> bool:
        return False

    def xSectorSize(self) -> int:
        return _PAGE_BYTES

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xSync(self, flags: int) -> None: ...

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xClose(self) -> None: ...
