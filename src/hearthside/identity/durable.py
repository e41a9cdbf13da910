"""Writing files so that a power cut leaves the old content or the new one, never a mixture."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write whole or not at all: temporary file, fsync, rename, fsync of the folder; readable by the owner only."""
    make_folder(path.parent)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        sync_file(file.fileno())
    replace_durably(temporary, path)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, that only the owner can open; their names are on the disk when this returns.

    A file is durable only when every folder that leads to it is: POSIX promises nothing of a new folder whose parent
    was not synced.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True, mode=0o700)
        sync_folder(one.parent)


def replace_durably(new: Path, path: Path) -> None:
    """Give a file that is already on disk its final name, in one step that survives a power cut."""
    new.replace(path)
    sync_folder(path.parent)


def sync_file(descriptor: int) -> None:
    """Return when the file's bytes are on the disk itself."""
    if sys.platform == "darwin":
        # There fsync only hands the bytes to the drive, which may keep them in its cache (man 2 fcntl, F_FULLFSYNC).
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)
