"""A real station as a process of its own, for benchmarks and for tests that live with one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_READY_LIMIT_S, _STOP_LIMIT_S = 180.0, 30.0
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/\?token=\S+")
_LOOK_S = 0.05


def environment(folder: Path) -> dict[str, str]:
    """Settings of a vault in a folder of its own, and nothing of the person who runs this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHSIDE_")}
    paths = {"VAULT": "vault", "KEY_FILE": "key", "HEADS_FOLDER": "heads"}
    return kept | {f"HEARTHSIDE_{name}": str(folder / path) for name, path in paths.items()}


def children_of(parent: int) -> list[tuple[int, str]]:
    """Process ids and command lines of the children of a process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append((int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:  # it has just ended
            continue
    return found


@contextmanager
def running_station(
    folder: Path, arguments: tuple[str, ...], settings: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `hearthside up` on a free port, and end it as Ctrl-C would.

    Args:
        folder: of its vault and its log.
        settings: its whole environment.

    Returns:
        The process, and the link that the terminal shows, token included.

    Raises:
        AssertionError: it did not start; the end of its log is said.
    """
    with (folder / "station.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hearthside.cli", "up", "--port", "0", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(settings),
        )  # fmt: skip
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda stdout: lines.extend(stdout), args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield process, _link(process, lines, folder)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        process.stdout.close()


def _link(process: subprocess.Popen[str], lines: list[str], folder: Path) -> str:
    began = time.monotonic()
    while time.monotonic() - began < _READY_LIMIT_S:
        for line in list(lines):
            if (match := _LINK.search(line)) is not None:
                return match.group()
        if process.poll() is not None:
            break
        time.sleep(_LOOK_S)
    raise AssertionError(f"the station did not start: {lines} {(folder / 'station.log').read_text()[-2000:]}")
