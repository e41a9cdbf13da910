"""A real station as a process of its own, for tests that live with it in a real browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_READY_LIMIT_S = 120
_STOP_LIMIT_S = 30
_URL = re.compile(r"http://127\.0\.0\.1:\d+/\?token=\S+")


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
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
                command = (status.parent / "cmdline").read_bytes().decode()
            except OSError:
                continue
            if fields.get("PPid", "").strip() == str(self.process.pid) and "inference.node" in command:
                return int(status.parent.name)
        return None


def environment(folder: Path) -> dict[str, str]:
    """Settings of a vault in a folder of the test, and nothing of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHSIDE_")}
    paths = {"VAULT": "vault", "KEY_FILE": "key", "HEADS_FOLDER": "heads"}
    return kept | {f"HEARTHSIDE_{name}": str(folder / path) for name, path in paths.items()}


@contextmanager
def station_process(folder: Path, *arguments: str, settings: dict[str, str] | None = None) -> Iterator[StationProcess]:
    """Start `hearthside up` on a free port, and end it as Ctrl-C would."""
    with (folder / "station.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hearthside.cli", "up", "--port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(folder) | (settings or {}),
        )
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda stdout: lines.extend(stdout), args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield StationProcess(process, _wait_for_url(process, lines, folder), folder / "vault")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        process.stdout.close()


def _wait_for_url(process: subprocess.Popen[str], lines: list[str], folder: Path) -> str:
    began = time.monotonic()
    while time.monotonic() - began < _READY_LIMIT_S:
        for line in list(lines):
            if (match := _URL.search(line)) is not None:
                return match.group()
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the station did not start: {lines} {(folder / 'station.log').read_text()[-2000:]}")
