"""The database files of a journal: their names, which revision is in force, and replacing one in a single step.

A file is ``<stem>-<revision>.db``: ``2026-00.db``, ``keyring-03.db``. A new revision is written as ``….db.new``, closed
(so that nothing of it waits in a write-ahead log), renamed, and only then is the old one removed. The highest revision
is in force; whatever a crash leaves of the others is swept at the next opening.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from hearthside.errors import NeedsPerson
from hearthside.identity.database import open_database
from hearthside.identity.durable import replace_durably, sync_file, sync_folder

KEYRING = "keyring"
RESTORING = "restoring"
"""A file of this name says that a restore was cut off; the journal is not to be opened before it was done again."""
_NAME = re.compile(r"(keyring|\d{4})-(\d{2,})\.db")


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


def put_in_force(path: Path) -> None:
    """Give a finished revision, whose connection is closed, its name."""
    replace_durably(unfinished(path), path)


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
    """Only one process at a time makes, replaces or removes files; True inside when this one may.

    Args:
        wait: until the others are done; else False is given when one is at it.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def open_with_any(path: Path, keys: Sequence[bytes], vfs: str | None) -> apsw.Connection:
    """A connection with the first key that opens the file: after a rotation some files still have a former key.

    Raises:
        NeedsPerson: no key opens it; nothing was touched.
    """
    problem: NeedsPerson | None = None
    for key in keys:
        try:
            return open_database(path, key, vfs=vfs)
        except NeedsPerson as error:
            problem = problem or error
    assert problem is not None  # there is always at least one key
    raise problem
