"""Control groups, version 1 and 2: how much room our own group has left, and a group of its own for the engine.

A group is made below our own (version 1), or beside it where version 2 forbids groups inside one that has processes.
Where the system does not let us make one, the guard watches and kills all the same; it only loses the kernel's limit.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "hearthside-"
_NO_LIMIT = 1 << 60  # version 1 says "no limit" with a number near 2**63
_PROC = Path("/proc")
# File pages, and on version 2 what the kernel remembers of folders and files; version 1 does not tell the latter.
_GIVEN_UP_1 = frozenset((b"total_inactive_file", b"total_active_file"))
_GIVEN_UP_2 = frozenset((b"inactive_file", b"active_file", b"slab_reclaimable"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the memory controller has our own process: the mounted hierarchy, our group in it, and its version."""

    mount: Path
    group: Path
    version: int


@dataclass(frozen=True, slots=True)
class Room:
    """Limit of a group and what is left of it, bytes."""

    limit: int
    left: int


def find_place(proc: Path = _PROC) -> Place | None:
    """Our own group in the hierarchy that controls memory; None where there is none."""
    try:
        mounts = _lines(proc / "self" / "mountinfo")
        groups = [line.split(":", 2) for line in _lines(proc / "self" / "cgroup")]
    except OSError:
        return None
    paths = {name: path for _, names, path in groups for name in names.split(",")}
    for line in mounts:
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        mount = Path(left.split(" ")[4])
        if kind == "cgroup" and "memory" in options.rpartition(" ")[2].split(",") and "memory" in paths:
            return Place(mount, _below(mount, left.split(" ")[3], paths["memory"]), 1)
    for line in mounts:
        left, _, right = line.partition(" - ")
        mount = Path(left.split(" ")[4])
        if right.startswith("cgroup2 ") and "memory" in _text(mount / "cgroup.controllers").split():
            return Place(mount, _below(mount, left.split(" ")[3], paths.get("", "/")), 2)
    return None


def _lines(path: Path) -> list[str]:
    """Names in these files are whatever bytes somebody gave them; only a newline ends a line. Raises OSError."""
    return [line for line in os.fsdecode(path.read_bytes()).split("\n") if line]


def _below(mount: Path, root: str, path: str) -> Path:
    """The folder of a group; a container may see only a part of the hierarchy, from `root` on."""
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    folder = mount / path.lstrip("/")
    return folder if folder.is_dir() else mount


class Headroom:
    """How much our own group, and every group above it, may still take."""

    def __init__(self, place: Place) -> None:
        """Remembers the groups from our own up to the top of what is mounted."""
        above = [place.group, *place.group.parents]
        inside = above[: above.index(place.mount) + 1] if place.mount in above else [place.group]
        self._groups = [_Limited(folder, place.version) for folder in inside]

    def read(self) -> Room | None:
        """The tightest of them; None when none has a limit."""
        rooms = [room for group in self._groups if (room := group.read()) is not None]
        return min(rooms, key=lambda room: room.left, default=None)


class _Limited:
    """One group; the limit can be changed while we run, so it is read each time."""

    def __init__(self, folder: Path, version: int) -> None:
        first = version == 1
        self._limit = _open(folder / ("memory.limit_in_bytes" if first else "memory.max"))
        self._usage = _open(folder / ("memory.usage_in_bytes" if first else "memory.current"))
        self._stat = _open(folder / "memory.stat")
        self._given_up = _GIVEN_UP_1 if first else _GIVEN_UP_2

    def read(self) -> Room | None:
        """None without a limit. What the kernel gives up before it kills counts as room, as in MemAvailable."""
        if self._limit is None or self._usage is None:
            return None
        try:
            limit = int(os.pread(self._limit, 64, 0))
            if limit >= _NO_LIMIT:
                return None
            return Room(limit, limit - int(os.pread(self._usage, 64, 0)) + self._reclaimable())
        except (OSError, ValueError):  # "max", or the group is gone
            return None

    def _reclaimable(self) -> int:
        text = os.pread(self._stat, 16384, 0) if self._stat is not None else b""
        fields = (line.split() for line in text.splitlines())
        return sum(int(field[1]) for field in fields if len(field) == 2 and field[0] in self._given_up)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group for the engine alone."""

    folder: Path
    version: int

    def add(self, pid: int) -> None:
        """Put a process into it, with the children it starts from then on; raises OSError where that is not allowed."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def limit(self, amount: int) -> None:
        """Let it have so many bytes of host memory, and no swap: an adapter must not reach a disk.

        Raises:
            OSError: the kernel does not take the limit.
        """
        if self.version == 1:
            (self.folder / "memory.limit_in_bytes").write_text(str(amount))
            _try(self.folder / "memory.swappiness", "0")
        else:
            (self.folder / "memory.max").write_text(str(amount))  # memory.high without swap can stall for ever
            _try(self.folder / "memory.swap.max", "0")
            _try(self.folder / "memory.oom.group", "1")

    def usage(self) -> int:
        """Bytes that it holds, with its file pages; 0 when it is gone."""
        return int(_text(self.folder / ("memory.usage_in_bytes" if self.version == 1 else "memory.current")) or 0)

    def processes(self) -> list[int]:
        """Ids of the processes in it."""
        return [int(pid) for pid in _text(self.folder / "cgroup.procs").split()]

    def kill(self) -> int:
        """End all processes in it; how many there were."""
        pids = self.processes()
        if not _try(self.folder / "cgroup.kill", "1"):
            for pid in pids:
                _signal(pid)
        return len(pids)

    def killed_by_kernel(self) -> int:
        """How often the kernel ended a process in it because of the limit."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        for line in _text(self.folder / name).splitlines():
            if line.startswith("oom_kill "):
                return int(line.rpartition(" ")[2])
        return 0

    def remove(self) -> bool:
        """Take the empty group away; False while a process is in it still."""
        try:
            self.folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


def make_group(place: Place | None, name: str) -> Group | None:
    """A group of this name, made anew or found; None where the system does not let us."""
    if place is None:
        return None
    parents = [place.group] if place.version == 1 else [place.group, place.group.parent]
    for parent in parents:
        if place.version == 2 and "memory" not in _text(parent / "cgroup.subtree_control").split():
            continue
        folder = parent / f"{PREFIX}{name}"
        try:
            folder.mkdir(exist_ok=True)
        except OSError:
            continue
        if (folder / "cgroup.procs").exists():
            return Group(folder, place.version)
    return None


def sweep(place: Place | None) -> int:
    """Remove empty groups whose owner, named by its process id, is gone; how many."""
    removed = 0
    for parent in {place.group, place.group.parent} if place is not None else set():
        for folder in parent.glob(f"{PREFIX}*"):
            owner = folder.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdigit() and not (_PROC / owner).exists() and Group(folder, 1).remove():
                removed += 1
    return removed


def _try(path: Path, text: str) -> bool:
    """Write into a control file that may be missing here; whether it took it."""
    try:
        with path.open("r+") as file:
            file.write(text)
    except OSError:
        return False
    return True


def _signal(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
