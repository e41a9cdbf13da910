"""Watching the space that is left: capture stops before the disk is full, answering and forgetting go on."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hearthside.errors import RetryLater

DISK_CODES = frozenset({"disk-nearly-full", "disk-full"})
"""Codes of the errors that say that there is no room; all that was acknowledged is safe then."""
HARD_BYTES = 256 * 1024**2
_LEAST_SOFT_BYTES = 1024**3
_MOST_SOFT_BYTES = 10 * 1024**3
_SOFT_SHARE = 50  # one fiftieth of the disk: 2 %
_FRESH_MS = 1000
_BACK = (9, 8)  # a level ends when an eighth more than its floor is free, so that it does not come and go


class DiskLevel(StrEnum):
    """What still may be written."""

    OK = "ok"
    LOW = "low"  # nothing new is captured
    FULL = "full"  # nothing is written but what forgets


@dataclass(frozen=True, slots=True)
class DiskState:
    """How the disk stands.

    Attributes:
        free: bytes that may still be written; -1 when the disk does not say.
        sentence: what happened, what is safe and what to do; "" while all is well.
    """

    free: int
    level: DiskLevel
    sentence: str = ""


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the disk that holds a folder."""
    return shutil.disk_usage(folder).free


def default_soft_bytes(total: int) -> int:
    """Where capture stops on a disk of `total` bytes: 2 % of it, at least 1 GiB and at most 10 GiB."""
    return min(max(_LEAST_SOFT_BYTES, total // _SOFT_SHARE), _MOST_SOFT_BYTES)


class DiskGuard:
    """Says whether a disk has room. Cheap to ask often: the disk is looked at once a second; safe from any thread.

    Args:
        folder: a folder on the disk; it must exist when it is asked.
        clock: UTC milliseconds.
        free: gives the free bytes of the disk that holds a folder.
        soft_bytes: below this much free space nothing is captured; None: `default_soft_bytes` of this disk.
        hard_bytes: below this much nothing is written but what forgets.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], int],
        free: Callable[[Path], int] = free_bytes,
        soft_bytes: int | None = None,
        hard_bytes: int = HARD_BYTES,
    ) -> None:
        self._folder, self._clock, self._free = folder, clock, free
        soft = default_soft_bytes(shutil.disk_usage(folder).total) if soft_bytes is None else soft_bytes
        self.hard_bytes = hard_bytes
        self.soft_bytes = max(soft, hard_bytes)
        self._lock = threading.Lock()
        self._state = DiskState(-1, DiskLevel.OK)
        self._asked_ms: int | None = None

    def state(self) -> DiskState:
        """How the disk stands, at most a second old."""
        with self._lock:
            now = self._clock()
            if self._asked_ms is None or not 0 <= now - self._asked_ms < _FRESH_MS:
                self._state, self._asked_ms = self._look(), now
            return self._state

    def check_capture(self) -> None:
        """To be asked before anything new is taken in.

        Raises:
            RetryLater: the disk is nearly full (``disk-nearly-full``) or full (``disk-full``).
        """
        self.check_any()
        state = self.state()
        if state.level is not DiskLevel.OK:
            raise RetryLater("disk-nearly-full", f"Nothing new is taken in. {state.sentence}")

    def check_any(self) -> None:
        """To be asked before any other writing but forgetting: the person's own decisions, answers, backups.

        Raises:
            RetryLater: the disk is full (``disk-full``).
        """
        state = self.state()
        if state.level is DiskLevel.FULL:
            raise RetryLater("disk-full", f"Nothing is written now. {state.sentence}")

    def _look(self) -> DiskState:
        try:
            free = self._free(self._folder)
        except OSError as error:
            problem = error.strerror or type(error).__name__
            return DiskState(
                -1,
                DiskLevel.FULL,
                f"The disk of the vault does not answer ({problem}); what was acknowledged before is on it. See that it"
                " is connected and mounted; then it can go on.",
            )
        if self._is_below(free, self.hard_bytes, {DiskLevel.FULL}):
            return DiskState(free, DiskLevel.FULL, self._full(free))
        if self._is_below(free, self.soft_bytes, {DiskLevel.LOW, DiskLevel.FULL}):
            return DiskState(free, DiskLevel.LOW, self._low(free))
        return DiskState(free, DiskLevel.OK)

    def _is_below(self, free: int, floor: int, entered: set[DiskLevel]) -> bool:
        """Whether free space is below a floor, or was and is not well above it yet."""
        more, than = _BACK
        return free < (floor * more // than if self._state.level in entered else floor)

    def _low(self, free: int) -> str:
        return (
            f"The disk is nearly full: {_size(free)} are free, and capture stops below {_size(self.soft_bytes)}. All"
            " that was acknowledged is safe, and questions are still answered. Free some space, or move the vault to a"
            " larger disk; then it can go on."
        )

    def _full(self, free: int) -> str:
        return (
            f"The disk is full: only {_size(free)} are free, and nothing may be done any more but forget. All that was"
            " acknowledged is safe. Free some space, or move the vault to a larger disk; then it can go on."
        )


def _size(count: int) -> str:
    """Bytes for people: `830 MB`, `1.2 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
