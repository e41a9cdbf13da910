"""What the guard does to the engine: its limits when it starts, and its end.

The end does not ask the engine for anything, so it works on one that is stopped, stuck in a driver or out of memory:
SIGKILL through a handle that can never mean another process (pidfd), then to everything in its group.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hearthside.inference.guard.cgroups import Group, Place, make_group
from hearthside.inference.guard.readings import held_by

_MIB = 2**20
_GROUP_SLACK, _GROUP_SHARE = 512 * _MIB, 1.25  # the kernel's limit is the last line, not the first
_DATA_SLACK = 2048 * _MIB  # addresses that are set aside and never touched: stacks of threads, arenas
_EASY_TO_KILL = 800  # oom_score_adj: if the kernel must choose, it chooses the engine


@dataclass(slots=True)
class Engine:
    """The process that is guarded.

    Attributes:
        lease: under which it was admitted.
        group: its own control group, None where the system gives none.
        limits: what was set, in words that `words.limits` puts into a sentence.
        ending_since_s: when it was told to end, monotonic; None while it may live.
        limited: bytes that its group may take; None where that was not set.
    """

    pid: int
    lease: str
    handle: int | None
    group: Group | None
    limits: list[str] = field(default_factory=list)
    ending_since_s: float | None = None
    limited: int | None = None

    def gone(self) -> bool:
        """Whether the process has ended; one that nobody has buried yet holds no memory any more."""
        if self.handle is not None:
            ended = select.poll()  # unlike select() it takes handles of any number
            ended.register(self.handle, select.POLLIN)
            return bool(ended.poll(0))  # a pidfd is readable once the process has ended
        try:
            os.kill(self.pid, 0)
        except OSError:
            return True
        return False

    def end(self, at_s: float) -> None:
        """Kill it, and all in its group; returns at once, before the memory is back."""
        self.ending_since_s = at_s
        with suppress(ProcessLookupError):
            if self.handle is not None:
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)
        if self.group is not None:
            self.group.kill()

    def limit(self, need: int) -> None:
        """Let its group take what it is promised now, bytes, and the usual slack; done again until it worked.

        A limit is not set below what the group holds: version 1 does not take it, and version 2 would end the engine.
        It is the last line, so it may come down a little later.
        """
        wanted = int(need * _GROUP_SHARE) + _GROUP_SLACK
        if self.group is not None and wanted != self.limited and self.group.usage() <= wanted:
            with suppress(OSError):  # it stays as it was: the guard watches all the same
                self.group.limit(wanted)
                self.limited = wanted

    def close(self) -> None:
        """Close the handle."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None


def take_on(pid: int, lease: str, need: int, place: Place | None, owner: int, *, unified: bool) -> Engine | None:
    """Put a process that has loaded nothing yet under limits; None when it is gone already.

    Args:
        need: what it was admitted for, bytes.
        place: where a group can be made.
        owner: process id of the station; groups are named by it.
        unified: memory of the graphics chip is not seen by any of these limits and comes from the same pool.
    """
    try:
        handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        return None
    except OSError:
        handle = None
    engine = Engine(pid, lease, handle, None)
    engine.group = _group(pid, place, owner)
    engine.limit(need)
    if engine.limited is not None:
        engine.limits.append("group")
    if engine.group is None and not unified and _limit_data(pid, need):
        engine.limits.append("data")
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(_EASY_TO_KILL))
        engine.limits.append("first")
    return engine


def _group(pid: int, place: Place | None, owner: int) -> Group | None:
    group = make_group(place, f"{owner}-{pid}")
    if group is None:
        return None
    try:
        group.add(pid)
    except OSError:
        group.remove()
        return None
    return group


def _limit_data(pid: int, need: int) -> bool:
    """RLIMIT_DATA, which unlike RLIMIT_AS leaves out mapped weights and addresses that are only set aside."""
    held = held_by(pid)
    if sys.platform != "linux" or held is None:
        return False
    amount = held.own + need + _DATA_SLACK
    try:
        resource.prlimit(pid, resource.RLIMIT_DATA, (amount, amount))
    except (OSError, ValueError):
        return False
    return True
