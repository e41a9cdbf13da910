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
    """A running station; `address` is what the terminal would show, `base` is it without the token."""

    address: str
    log: Path

    @property
    def base(self) -> str:
        return self.address.partition("?")[0].rstrip("/")


@contextmanager
def demo_process(folder: Path, scenario: str = "full", token: str | None = None) -> Iterator[DemoProcess]:
    """Start the station with warnings as errors; it ends when its standard input closes."""
    command = [sys.executable, "-W", "error", "-m", "tests.web.demo_house", "--scenario", scenario]
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
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), log.read_text()
            yield DemoProcess(address, log)
        finally:
            process.stdin.close()
            process.stdout.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
