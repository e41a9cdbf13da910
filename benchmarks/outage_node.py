"""A compute node of its own for the outage benchmark: `hearthside compute`, paired once, then killed whole."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.outage_station import LOOK_S
from benchmarks.station_process import children_of, environment
from hearthside.app.station import open_house
from hearthside.config import Settings

_LIMIT_S = 180.0
_CODE = re.compile(r"((?:[0-9A-Z] ){3}[0-9A-Z])   ((?:[0-9A-Z] ){3}[0-9A-Z])   ((?:[0-9A-Z] ){3}[0-9A-Z])")
_READY = re.compile(r"^\d\d:\d\d\s+The language model .* is ready", re.MULTILINE)


@dataclass
class NodeService:
    """`hearthside compute` on loopback, over one folder and port.

    Attributes:
        loads: seconds from each start of the paired service until its model had given a first token, as it said itself.
    """

    folder: Path
    port: int
    loads: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start it; what it says is kept with the time."""
        self._began, self._said = time.monotonic(), list[tuple[float, str]]()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hearthside.cli", "compute", "--folder", str(self.folder / "node"),
             "--listen", "127.0.0.1", "--port", str(self.port), "--no-announce"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment(self.folder),
        )  # fmt: skip
        assert self._process.stdout is not None
        threading.Thread(target=self._listen, args=(self._process, self._said), daemon=True).start()

    def kill(self) -> None:
        """Kill the whole of it: the service, its model process, its guard."""
        parts = [self._process.pid, *(pid for pid, _ in children_of(self._process.pid))]
        for pid in [*parts, *(child for one in parts[1:] for child, _ in children_of(one))]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def pair(self, folder: Path) -> None:
        """Pair it with the vault in a folder, whose station may run meanwhile."""
        code = "-".join(part.replace(" ", "") for part in self._wait_for(_CODE).groups())
        settings = Settings(vault=folder / "vault", key_file=folder / "key", heads_folder=folder / "heads")
        house = open_house(settings, with_compute=False)
        try:
            house.nodes.pair(f"127.0.0.1:{self.port}", code, "bench")
        finally:
            house.close()

    def note_load(self) -> None:
        """Wait until its model answers, and keep how long that took from the start."""
        self._wait_for(_READY)
        at_s = next(at for at, line in self._said if _READY.match(line))
        self.loads.append(at_s - self._began)

    def _listen(self, process: subprocess.Popen[str], said: list[tuple[float, str]]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                said.append((time.monotonic(), line))

    def _wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        began = time.monotonic()
        while time.monotonic() - began < _LIMIT_S:
            found = pattern.search("".join(line for _, line in list(self._said)))
            if found is not None:
                return found
            time.sleep(LOOK_S)
        raise TimeoutError(f"the compute node did not say so: {''.join(line for _, line in self._said)[-500:]}")


@contextmanager
def node_service(folder: Path) -> Iterator[NodeService]:
    """A service with its files in a folder, started, killed at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    service = NodeService(folder, port)
    service.start()
    try:
        yield service
    finally:
        service.kill()
