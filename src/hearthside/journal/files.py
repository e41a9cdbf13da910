"""The database files of a journal: their names, which revision is in force, and replacing one in a single step.

A file is ``<stem>-<revision>.db``: ``2026-00.db``, ``keyring-03.db``. A new revision is written as ``….db.new``, closed
(so that nothing of it waits in a write-ahead log), renamed, and only then is the old one removed. The highest revision
is in force; whatever a crash leaves of the others is swept at the next opening.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from hearthside.errors import NeedsPerson, RetryLater
from hearthside.identity.database import open_database
from hearthside.identity.durable import replace_durably, sync_file, sync_folder

KEYRING = "keyring"
RESTORING = "restoring"
"""A file of this name says that a restore was cut off; the journal is not to be opened before it was done again."""
_NAME = re.compile(r"(keyring|\d{4})-(\d{2,})\.db")
_HEADER = b"\x10\x00\x02\x02"  # bytes 16 to 19 of a file: pages of 4096 bytes, write-ahead log; in the clear
_SALT_BYTES = 16
_held: dict[tuple[int, Path], list[int]] = {}  # by thread and folder: descriptor of the lock, and how often it is held
_held_lock = threading.RLock()  # a lock left behind may be collected, and let go, while this one is held


class Gone(Exception):
    """The file was replaced by a newer revision meanwhile; look again which one is in force."""


def revisions(folder: Path) -> dict[str, list[tuple[int, Path]]]:
    """By stem the revisions that lie in a folder, oldest first."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in folder.iterdir() if folder.exists() else ():
        if match := _NAME.fullmatch(path.name):
            found.setdefault(match[1], []).append((int(match[2]), path))
    return {stem: sorted(paths) for stem, paths in sorted(found.items())}


def current(folder: Path, stem: str) -> Path | None:
    """The revision in force, or None when there is no such file."""
    paths = revisions(folder).get(stem)
    return paths[-1][1] if paths else None


def year_files(folder: Path) -> list[Path]:
    """The year files in force, oldest first."""
    return [paths[-1][1] for stem, paths in revisions(folder).items() if stem != KEYRING]


def newest_year_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The file that records are written to, of these names."""
    found = [(match[1], int(match[2]), match[0]) for name in names if (match := _NAME.fullmatch(name))]
    years = [entry for entry in found if entry[0] != KEYRING]
    return folder / max(years)[2] if years else None


def stem_of(path: Path) -> str:
    """``2026`` of ``2026-00.db``."""
    return path.name.rpartition("-")[0]


def next_revision(folder: Path, stem: str) -> Path:
    """Where the next revision goes."""
    paths = revisions(folder).get(stem)
    return folder / f"{stem}-{paths[-1][0] + 1 if paths else 0:02d}.db"


def unfinished(path: Path) -> Path:
    """The name under which a revision is written."""
    return path.with_name(path.name + ".new")


def close_finished(connection: apsw.Connection) -> None:
    """Close a revision that is written to its end, so that nothing of it waits in a write-ahead log.

    Raises:
        apsw.Error: the disk refused; closing alone would keep quiet about it.
    """
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()


def put_in_force(path: Path) -> None:
    """Give a finished revision, whose connection is closed, its name.

    Raises:
        RetryLater: part of it still waits in a write-ahead log, because the disk was full when it was closed.
    """
    new = unfinished(path)
    log = new.with_name(new.name + "-wal")
    if log.exists() and log.stat().st_size:
        remove_database(new)
        raise RetryLater(
            "journal-write-failed", f"{path.name} could not be finished; nothing was changed. Free some space."
        )
    replace_durably(new, path)


@contextmanager
def removed_on_failure(path: Path) -> Iterator[None]:
    """Remove an unfinished revision when writing it fails: the disk may be full."""
    try:
        yield
    except BaseException:
        remove_database(unfinished(path))
        raise


def remove_database(path: Path) -> None:
    """Remove a file with its write-ahead log."""
    for name in (path.name, path.name + "-wal", path.name + "-shm"):
        path.with_name(name).unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_log(path: Path) -> None:
    """Put the write-ahead log of a database on the disk.

    What a killed process wrote and did not sync is seen by everybody who opens the file, as if it were durable. Before
    anybody relies on such a row without writing one of their own, it is made so.
    """
    try:
        descriptor = os.open(path.with_name(path.name + "-wal"), os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove older revisions and unfinished ones; only while no other process rewrites (see `Journal`)."""
    for paths in revisions(folder).values():
        for _, path in paths[:-1]:
            remove_database(path)
    for path in [*folder.glob("*.db.new")] if folder.exists() else ():
        remove_database(path)


@contextmanager
def rewriting(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Only one thread of one process at a time makes, replaces or removes files; True inside when this one may.

    A thread that has the right already may ask for it again.

    Args:
        wait: until the others are done; else False is given when one is at it.
    """
    place = (threading.get_ident(), folder.absolute())
    with _held_lock:
        held = _held.get(place)
        if held is not None:
            held[1] += 1
    if held is None:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BaseException as error:
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise
            descriptor = -1
        if descriptor < 0:
            yield False
            return
        held = [descriptor, 1]
        with _held_lock:
            _held[place] = held
    try:
        yield True
    finally:
        with _held_lock:
            held[1] -= 1
            if held[1] == 0:
                _held.pop(place, None)
                os.close(held[0])


def open_with_any(path: Path, keys: Sequence[bytes], vfs: str | None, create: bool = False) -> apsw.Connection:
    """A connection with the first key that opens the file: after a rotation some files still have a former key.

    Raises:
        NeedsPerson: no key opens it; nothing was touched.
        Gone: it is not there any more.
    """
    problem: NeedsPerson | None = None
    for key in keys:
        try:
            return open_database(path, key, vfs=vfs, create=create)
        except (apsw.CantOpenError, apsw.IOError, FileNotFoundError) as error:
            if path.exists():  # else it was removed, perhaps between its opening and its first page
                raise
            raise Gone(path.name) from error
        except NeedsPerson as error:
            problem = problem or error
    assert problem is not None  # there is always at least one key
    raise problem


def wrong_in_header(path: Path, salt: str = "") -> str:
    """What is wrong with the first bytes of a file, which the cipher leaves in the clear: "" or one sentence.

    Args:
        salt: the first 16 bytes, hex, as they were when the file was made; "" when that is not known.
    """
    with path.open("rb") as file:
        start = file.read(_SALT_BYTES + len(_HEADER))
    if start[_SALT_BYTES:] != _HEADER or (salt and start[:_SALT_BYTES].hex() != salt):
        return "its first bytes are not what was written"
    return ""


def salt_of(connection: apsw.Connection) -> str:
    """The bytes that a file begins with, hex."""
    return str(connection.pragma("cipher_salt")).lower()
