"""Reading a file whose first page is bad, in a copy with the first page of a fresh file of the same kind.

All files of a kind have their tables at the same places and every other page is authenticated by itself, so one bad
page need not cost the file. Takes twice the space of the file while it is read.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import apsw
import orjson

from hearthside.errors import HearthsideError, NeedsPerson
from hearthside.journal import files
from hearthside.journal.keyring import Keyring
from hearthside.journal.year_file import YearFile, genesis

_PAGE_BYTES = 4096
_SALT_BYTES = 16  # a file begins with them, in the clear; the keys of its pages are made with them
_FILL_BYTES = 64 * 1024 * 1024
_NO_KEYS = orjson.dumps({"format": 1, "keys": [], "media": [], "last": 0})


def open_year(path: Path, keys: Sequence[bytes], scratch: Path, vfs: str | None) -> apsw.Connection | None:
    """A connection to what can be read of a year file, or None when nothing can.

    Args:
        keys: of year files, any of which may be the file's.
        scratch: folder for the copy; the caller removes it when the connection is closed.
    """
    try:
        return files.open_with_any(path, keys, vfs)
    except (apsw.Error, NeedsPerson):
        pass
    for number, key in enumerate(keys):
        place = _fresh_folder(scratch / f"{path.name}-{number}")
        fresh, copy = place / "fresh.db", place / "copy.db"
        YearFile.create(fresh, key + _salt(path), genesis(), vfs)
        _exchange(path, copy, fresh, key, vfs)
        try:
            found = files.open_with_any(copy, [key], vfs)
            found.execute("SELECT count(*) FROM (SELECT seq FROM record LIMIT 1)").fetchall()
        except (apsw.Error, NeedsPerson):
            continue
        return found
    return None


def keyring_snapshot(path: Path, keys: Sequence[bytes], scratch: Path, vfs: str | None) -> tuple[bytes, bool] | None:
    """All keys that can be read of a keyring that does not open, and whether these are all; None when none can."""
    for number, key in enumerate(keys):
        place = _fresh_folder(scratch / f"{path.name}-{number}")
        copy = place / "copy.db"
        Keyring.restore(place, key + _salt(path), _NO_KEYS, vfs)
        fresh = place / "keyring-00.db"
        _exchange(path, copy, fresh, key, vfs)
        for ending in ("", "-wal"):
            if copy.with_name(copy.name + ending).exists():
                copy.with_name(copy.name + ending).replace(fresh.with_name(fresh.name + ending))
        found = _salvaged(place, key, vfs)
        if found is not None:
            return found
    return None


def _salvaged(place: Path, key: bytes, vfs: str | None) -> tuple[bytes, bool] | None:
    try:
        keyring = Keyring(place, [key], vfs)
    except (apsw.Error, HearthsideError):
        return None
    try:
        whole = keyring.repair_pages()
        snapshot = keyring.snapshot()
    except (apsw.Error, HearthsideError):
        return None
    finally:
        keyring.close()
    return (snapshot, whole) if whole or orjson.loads(snapshot)["keys"] else None


def _exchange(path: Path, copy: Path, fresh: Path, key: bytes, vfs: str | None) -> None:
    """Copy a file, its write-ahead log too, and give the copy the first page of a fresh file."""
    # SQLite believes what the first page says of the length, so the fresh file must be the longer one.
    _lengthen(fresh, key + _salt(path), path.stat().st_size, vfs)
    shutil.copyfile(path, copy)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
    with fresh.open("rb") as source, copy.open("r+b") as target:
        target.write(source.read(_PAGE_BYTES))
        target.truncate(max(fresh.stat().st_size, path.stat().st_size))
    files.remove_database(fresh)


def _lengthen(path: Path, key: bytes, size: int, vfs: str | None) -> None:
    connection = files.open_with_any(path, [key], vfs)
    try:
        connection.execute("CREATE TABLE filler (content BLOB)")
        for start in range(0, size, _FILL_BYTES):
            connection.execute("INSERT INTO filler VALUES (zeroblob(?))", (min(_FILL_BYTES, size - start),))
    finally:
        files.close_finished(connection)


def _fresh_folder(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    return place


def _salt(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SALT_BYTES)
