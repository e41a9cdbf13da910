"""A supervisor with its node and its guard over a /proc/meminfo that a test writes."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.guard_traces import meminfo
from hearthside.inference.guard.keeper import KeeperOptions
from hearthside.inference.guard.readings import GIB
from hearthside.inference.shelf import embedded_model
from hearthside.inference.supervisor import NodeOptions, Supervisor


class GuardedHouse:
    """A supervisor over a /proc/meminfo that the test writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "meminfo"
        self.path.touch()
        self.room(60)
        guard = KeeperOptions(soft=20 * GIB, hard=12 * GIB, proc=folder, lock=folder, calm_s=0.5)
        options = NodeOptions(context_tokens=512, heartbeat_s=0.2, guard=guard)
        self.supervisor = Supervisor(embedded_model(), options, lambda: time.time_ns() // 1_000_000)

    def room(self, gib: float) -> None:
        """Say how much memory is left."""
        with self.path.open("r+b", buffering=0) as file:
            file.write(meminfo(gib, gib / 2).ljust(200))

    def told(self, words: str) -> bool:
        """Whether the page says this among what the guard did."""
        return any(words in deed.sentence for deed in self.supervisor.guard().deeds)
