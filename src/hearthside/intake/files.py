"""Finding what to import: folders are walked, links are followed once, zip archives are looked into."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MAX_MEMBERS = 200_000  # of one archive; a large Takeout has about 50,000
MAX_MEMBER_BYTES = 64 * 1024**3  # unpacked; zip itself stops at the size its directory states


@dataclass(frozen=True, slots=True)
class Found:
    """A file to look at.

    Attributes:
        path: the file; for a member of a zip archive the archive's path followed by the member's name.
        size: bytes on the disk (of a member: unpacked).
        archive: the archive that holds it, or None.
        problem: why it cannot be looked at, or "".
    """

    path: Path
    size: int
    archive: Path | None = None
    problem: str = ""


@dataclass(slots=True)
class Search:
    """Everything found under the paths that were asked for, in order of name."""

    files: list[Found] = field(default_factory=list)
    missing: list[Path] = field(default_factory=list)
    hidden: int = 0


def search(paths: Sequence[Path]) -> Search:
    """All files under `paths`; each real file and each real folder once, however many links lead to it."""
    found = Search()
    seen: set[tuple[int, int]] = set()
    for path in paths:
        try:
            information = path.stat()
        except OSError:  # a link that leads nowhere or in a circle is missing too
            found.missing.append(path)
            continue
        if stat.S_ISDIR(information.st_mode):
            _walk(path, seen, found)
        else:
            _add(path, seen, found)
    return found


def _walk(root: Path, seen: set[tuple[int, int]], found: Search) -> None:
    """Add the files of a folder; a loop of links ends because no real folder is entered twice."""
    problems: list[OSError] = []
    for folder, folders, names in os.walk(root, followlinks=True, onerror=problems.append):
        try:
            known = not _first_time(Path(folder), seen)
        except OSError as error:  # it was removed meanwhile
            problems.append(error)
            known = True
        if known:
            folders.clear()
            continue
        found.hidden += sum(name.startswith(".") for name in folders + names)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            _add(Path(folder) / name, seen, found)
    for problem in problems:
        found.files.append(Found(Path(problem.filename), 0, None, f"the folder cannot be opened ({problem.strerror})"))


def _first_time(path: Path, seen: set[tuple[int, int]]) -> bool:
    information = path.stat()
    identity = (information.st_dev, information.st_ino)
    if identity in seen:
        return False
    seen.add(identity)
    return True


def _add(path: Path, seen: set[tuple[int, int]], found: Search) -> None:
    try:
        information = path.stat()
        if not stat.S_ISREG(information.st_mode):
            found.files.append(Found(path, 0, None, "this is not a regular file"))
            return
        if not _first_time(path, seen):
            return
        with path.open("rb") as file:
            archive = file.read(4) == b"PK\x03\x04"
    except OSError as error:
        found.files.append(Found(path, 0, None, f"it cannot be opened ({error.strerror or type(error).__name__})"))
        return
    if archive:
        found.files.extend(_members(path, information.st_size))
    else:
        found.files.append(Found(path, information.st_size))


def _members(path: Path, size: int) -> Iterator[Found]:
    """The files in a zip archive, in order of name. An archive in an archive is not opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            current = {id(archive.getinfo(member.filename)) for member in members}
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        yield Found(path, size, None, f"the zip archive cannot be opened ({error})")
        return
    if len(members) > MAX_MEMBERS:
        yield Found(path, size, None, f"the zip archive has {len(members)} files, more than {MAX_MEMBERS}")
        return
    for member in sorted(members, key=lambda member: member.filename):
        problem = _problem(member) if id(member) in current else "a later file in the archive has the same name"
        yield Found(_inside(path, member.filename), member.file_size, path, problem)


def _problem(member: zipfile.ZipInfo) -> str:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or name.as_posix() != member.filename:
        return "its name in the archive leads outside or is not plain"
    if member.flag_bits & 0x1:
        return "it is locked with a password; unpack the archive first"
    if member.file_size > MAX_MEMBER_BYTES:
        return f"it has {member.file_size} bytes unpacked, more than {MAX_MEMBER_BYTES}"
    return ""


def _inside(archive: Path, name: str) -> Path:
    """A path to show; an absolute name must not replace the archive's own path."""
    return archive / name.lstrip("/")
