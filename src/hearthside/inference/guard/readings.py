"""What the machine says about its memory: /proc/meminfo, the limit of our own cgroup, pressure, and single processes.

Everything here is read through files that stay open, so that a reading works when nothing else does any more; one takes
some 20 µs. All amounts are bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hearthside.errors import NeedsPerson
from hearthside.inference.guard.cgroups import Headroom

GIB = 2**30
_PAGE = os.sysconf("SC_PAGESIZE") if hasattr(os, "sysconf") else 4096
_ENOUGH = 4096  # bytes of a file that are read; what is wanted stands at its beginning


@dataclass(frozen=True, slots=True)
class Reading:
    """The memory at one instant.

    Attributes:
        at_s: monotonic seconds; never the time of day, which can jump.
        total: what there is, or what our cgroup may have where that is less.
        available: what programs can still take without swapping: MemAvailable, or the room left in our cgroup where
            that is less. Page cache counts as available, as it is given up when asked for.
        stalled_s: seconds for which everything stood still for want of memory, since the machine started; None where
            the kernel does not tell.
    """

    at_s: float
    total: int
    available: int
    stalled_s: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds.

    Attributes:
        own: memory that is gone until it gives it back.
        mapped: pages of files, such as weights that are mapped; they count as available all the same.
    """

    own: int
    mapped: int


def parse_meminfo(text: bytes) -> tuple[int, int]:
    """MemTotal and MemAvailable of /proc/meminfo.

    Raises:
        ValueError: one of them is missing.
    """
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(b":")
        if name in (b"MemTotal", b"MemAvailable"):
            found[name] = int(rest.split()[0]) * 1024  # the file says kB and means KiB
            if len(found) == 2:
                return found[b"MemTotal"], found[b"MemAvailable"]
    raise ValueError("there is no MemTotal or MemAvailable")


def parse_stalled(text: bytes) -> float:
    """Seconds of "full" pressure of /proc/pressure/memory, summed since the start.

    Raises:
        ValueError: the file has no such line.
    """
    for line in text.splitlines():
        if line.startswith(b"full"):
            return int(line.rpartition(b"total=")[2]) / 1e6
    raise ValueError("there is no line about full pressure")


class MemoryReader:
    """Reads memory again and again through files opened once."""

    def __init__(self, headroom: Headroom | None, proc: Path = Path("/proc")) -> None:
        """Opens what it needs.

        Args:
            headroom: of our own cgroup, None where it has no limit.

        Raises:
            NeedsPerson: `memory-not-readable`; this system does not say how much memory is left.
        """
        self._headroom = headroom
        try:
            self._meminfo = os.open(proc / "meminfo", os.O_RDONLY | os.O_CLOEXEC)
            parse_meminfo(os.pread(self._meminfo, _ENOUGH, 0))
        except (OSError, ValueError) as error:
            raise NeedsPerson(
                "memory-not-readable",
                "This system does not say how much memory is left, so the memory guard cannot watch it. Everything "
                "works, but a model that is too large for this machine can make it stand still.",
            ) from error
        self._pressure = _opened(proc / "pressure" / "memory")

    def read(self, at_s: float) -> Reading:
        """The memory now; `at_s` is the monotonic time in seconds.

        Raises:
            OSError, ValueError: the kernel did not give it.
        """
        total, available = parse_meminfo(os.pread(self._meminfo, _ENOUGH, 0))
        if self._headroom is not None and (room := self._headroom.read()) is not None:
            total, available = min(total, room.limit), min(available, room.left)
        return Reading(at_s, total, max(0, available), self._stalled())

    def _stalled(self) -> float | None:
        if self._pressure is None:
            return None
        try:
            return parse_stalled(os.pread(self._pressure, _ENOUGH, 0))
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Close the files."""
        for file in (self._meminfo, self._pressure):
            if file is not None:
                os.close(file)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def held_by(pid: int, proc: Path = Path("/proc")) -> Held | None:
    """What a process holds; None when there is no such process any more."""
    try:
        fields = (proc / str(pid) / "statm").read_bytes().split()
        resident, shared = int(fields[1]) * _PAGE, int(fields[2]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None
    return Held(max(0, resident - shared), shared)


def held_by_all(pid: int, proc: Path = Path("/proc")) -> Held | None:
    """What a process and all it started hold, as training runs in a child of its workshop; None when it is gone."""
    held = held_by(pid, proc)
    if held is None:
        return None
    seen, waiting = {pid}, _children(pid, proc)
    while waiting:
        child = waiting.pop()
        if child not in seen and (more := held_by(child, proc)) is not None:
            held = Held(held.own + more.own, held.mapped + more.mapped)
            waiting += _children(child, proc)
        seen.add(child)
    return held


def _children(pid: int, proc: Path) -> list[int]:
    """Started by any of its threads; none where the kernel does not tell."""
    found: list[int] = []
    for task in (proc / str(pid) / "task").glob("*/children"):
        with suppress(OSError, ValueError):  # a thread that has just ended
            found += [int(number) for number in task.read_text().split()]
    return found


def processes(proc: Path = Path("/proc")) -> Iterator[tuple[int, int]]:
    """Process id and own memory of every process that can be seen; some ms for some hundred processes."""
    for entry in proc.iterdir():
        if entry.name.isdigit() and (held := held_by(int(entry.name), proc)) is not None:
            yield int(entry.name), held.own


def name_of(pid: int, proc: Path = Path("/proc")) -> str:
    """The short name of a process, e.g. ``chromium``; empty when it is gone."""
    try:
        return (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


class Growth:
    """Which other program grew most since a while ago, so that the page can name it."""

    def __init__(self, listed: Callable[[], Iterator[tuple[int, int]]] = processes) -> None:
        """`listed` gives process id and own memory of every process."""
        self._listed = listed
        self._before: dict[int, int] = {}

    def remember(self) -> None:
        """Take what every process holds now as the state before."""
        self._before = dict(self._listed())

    def most(self, but: set[int]) -> tuple[int, int]:
        """Process id and growth in bytes of the one that grew most, (0, 0) when none did; `but` are not looked at."""
        best = (0, 0)
        for pid, own in self._listed():
            grown = own - self._before.get(pid, 0)
            if pid not in but and grown > best[1]:
                best = (pid, grown)
        return best
