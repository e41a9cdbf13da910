"""The demonstration house in a process of its own: NiceGUI keeps its pages once per process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class DemoProcess:
    """A running station.

    Attributes:
        links: what the terminal would show: the link of each resident, token included.
    """

    links: list[str]
    log: Path

    @property
    def address(self) -> str:
        """The link of the one who lives alone, or of the first resident."""
        return self.links[0]

    @property
    def base(self) -> str:
        """The address without the token."""
        return self.address.partition("?")[0].rstrip("/")


@contextmanager
def demo_process(
    folder: Path, scenario: str = "full", token: str | None = None, *options: str, residents: int = 1
) -> Iterator[DemoProcess]:
    """Start the station with warnings as errors; it ends when its standard input closes."""
    command = [sys.executable, "-W", "error", "-m", "tests.web.demo_station", "--scenario", scenario, *options]
    if token is not None:
        command += ["--token", token]
    log = folder / f"{scenario}.log"
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            links = [process.stdout.readline().strip() for _ in range(residents)]
            assert links[0].startswith("http://127.0.0.1:"), log.read_text()
            yield DemoProcess(links, log)
        finally:
            process.stdin.close()
            process.stdout.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
