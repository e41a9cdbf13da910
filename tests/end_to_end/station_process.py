"""A real station as a process of its own, for tests that live with it in a real browser."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.station_process import children_of, environment, running_station


@dataclass
class StationProcess:
    """A running `hearthside up`.

    Attributes:
        url: the link the terminal shows, token included.
        vault: its vault folder; the key file is beside it.
    """

    process: subprocess.Popen[str]
    url: str
    vault: Path

    @property
    def base(self) -> str:
        return self.url.partition("/?")[0]

    @property
    def compute_pid(self) -> int | None:
        """Process id of the compute node, by asking the system for the station's child; None while there is none."""
        return next((pid for pid, command in children_of(self.process.pid) if "inference.node" in command), None)


@contextmanager
def station_process(folder: Path, *arguments: str, settings: dict[str, str] | None = None) -> Iterator[StationProcess]:
    """Start `hearthside up` on a free port, and end it as Ctrl-C would."""
    with running_station(folder, arguments, environment(folder) | (settings or {})) as (process, link):
        yield StationProcess(process, link, folder / "vault")
