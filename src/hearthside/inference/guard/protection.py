"""Keeps the guard itself alive and quick when memory is short: locked in memory, last to be killed, first to run."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

Protection: TypeAlias = Literal["locked", "last", "first"]

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_LAST_TO_KILL, _LESS_LIKELY = "-1000", "-500"
_NICE = -10
_SPIN_US = 2_000_000


def protect() -> list[Protection]:
    """Take what this system gives; which of them it gave."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if hasattr(resource, "RLIMIT_RTTIME"):  # a guard that spins in real time is ended, and started again
        with suppress(ValueError, OSError):  # a lower limit is set already, and may not be raised
            resource.setrlimit(resource.RLIMIT_RTTIME, (_SPIN_US, _SPIN_US))
    taken: list[Protection] = []
    if _lock():
        taken.append("locked")
    if _spared():
        taken.append("last")
    if _quick():
        taken.append("first")
    gc.collect()
    gc.freeze()  # what was made at the start is never looked at again
    return taken


def _lock() -> bool:
    """Pages once touched stay in memory. Not with a limit on locked memory: a later allocation would fail for it."""
    unlimited = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
    if sys.platform != "linux" or not (unlimited or _may_lock()):
        return False
    return int(ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)) == 0


def _may_lock() -> bool:
    """Whether the limit on locked memory does not hold for us (capability IPC_LOCK, bit 14)."""
    try:
        status = Path("/proc/self/status").read_text(errors="replace")
    except OSError:
        return False
    line = next((line for line in status.splitlines() if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(line.split()[1], 16) >> 14 & 1)


def _spared() -> bool:
    for score in (_LAST_TO_KILL, _LESS_LIKELY):
        try:
            Path("/proc/self/oom_score_adj").write_text(score)
        except OSError:
            continue
        return True
    return False


def _quick() -> bool:
    """Round-robin real time at the lowest priority; else a better niceness."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, OSError):
        try:
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        except OSError:
            return False
    return True
