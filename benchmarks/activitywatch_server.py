"""A real ActivityWatch server in a temporary folder, to measure our API beside; nothing of it is left behind.

It lives in a virtual environment of its own, named by HEARTHSIDE_ACTIVITYWATCH (the Python in it) or made with:

    python3.11 -m venv .cache/activitywatch/venv
    .cache/activitywatch/venv/bin/python -m pip install aw-server==0.12.0 "peewee<4"

peewee is pinned because aw-core 0.5.18 cannot read its own buckets with a newer one (ActivityWatch/aw-core issue 157).
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
BUCKET = "benchmark"
_DEFAULT = Path(__file__).resolve().parents[1] / ".cache" / "activitywatch" / "venv" / "bin" / "python"
_START_S = 60.0
_STOP_S = 10.0
_SYNCS = "fsync,fdatasync,sync_file_range,msync,sync"
_EVENTS_PATH = f"/api/0/buckets/{BUCKET}/events"


def activitywatch_python(environment: Mapping[str, str]) -> Path | None:
    """The Python that has `aw_server`, or None where there is none."""
    named = environment.get("HEARTHSIDE_ACTIVITYWATCH")
    path = Path(named) if named else _DEFAULT
    return path if path.exists() else None


@dataclass(frozen=True, slots=True)
class ActivityWatch:
    """A running server with an empty bucket.

    Attributes:
        port: where it listens, on 127.0.0.1.
        pid: of its one process.
        folder: its home, with its database.
    """

    port: int
    pid: int
    folder: Path

    def requests(self) -> Callable[[int], bytes]:
        """The i-th request of a load: one event, as ActivityWatch's own client sends it."""
        return functools.partial(_request, self.port)

    def count(self) -> int:
        """How many events the bucket holds."""
        return int(_ask(self.port, "GET", f"{_EVENTS_PATH}/count"))

    def syncs_per_event(self, events: int = 20) -> float | None:
        """How often the server asks the disk to make an event durable, or None where nobody can watch (no strace).

        strace attaches to the server and counts its fsync family while single events are sent.
        """
        if shutil.which("strace") is None:
            return None
        trace = self.folder / "syncs.strace"
        command = ["strace", "-f", "-qq", "-e", f"trace={_SYNCS}", "-o", str(trace), "-p", str(self.pid)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as watcher:
            try:
                if not _traced(self.pid, watcher):
                    return None
                for number in range(events):
                    self._send(number)
            finally:
                watcher.send_signal(signal.SIGINT)
        calls = [line for line in trace.read_text().splitlines() if "(" in line and "resumed>" not in line]
        return len(calls) / events

    def _send(self, number: int) -> None:
        with socket.create_connection((HOST, self.port), timeout=_STOP_S) as door:
            door.sendall(_request(self.port, number))
            while door.recv(4096):
                pass


@contextmanager
def activitywatch(python: Path) -> Iterator[ActivityWatch]:
    """Start a server with its default storage and settings, and end it.

    Without ``--testing``, which turns on Flask's debugger: in a home of its own nothing can be touched, and it is
    measured as people run it.

    Raises:
        RuntimeError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="activitywatch-") as name:
        folder, port = Path(name), _free_port()
        homes = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
        environment = {**os.environ, **dict.fromkeys(homes, name)}
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [str(python), "-m", "aw_server", "--host", HOST, "--port", str(port)],
                env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            _wait_until_it_answers(process, port, folder)
            bucket = {"client": "hearthside-benchmark", "type": "currentwindow", "hostname": "benchmark"}
            _ask(port, "POST", f"/api/0/buckets/{BUCKET}", bucket)
            yield ActivityWatch(port, process.pid, folder)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _request(port: int, number: int) -> bytes:
    """All requests are equally long, and no two events are the same."""
    seconds, milliseconds = divmod(number, 1000)
    moment = b"2026-%02d-%02dT%02d:%02d:%02d.%03d000+00:00" % (
        1 + seconds // 2_419_200 % 12, 1 + seconds // 86_400 % 28, seconds // 3600 % 24, seconds // 60 % 60,
        seconds % 60, milliseconds,
    )  # fmt: skip
    body = b'{"timestamp":"%s","duration":30.0,"data":{"app":"firefox","title":"page %012d"}}' % (moment, number)
    head = b"POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (_EVENTS_PATH.encode(), HOST.encode(), port, len(body)) + body


def _ask(port: int, method: str, path: str, body: object = None) -> bytes:
    connection = http.client.HTTPConnection(HOST, port, timeout=_STOP_S)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content_back = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"ActivityWatch answered {method} {path} with HTTP {answer.status}")
        return content_back
    finally:
        connection.close()


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            _ask(port, "GET", "/api/0/info")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"ActivityWatch did not start: {(folder / 'output').read_text(errors='replace')[-1000:]}")


def _traced(pid: int, watcher: subprocess.Popen[bytes]) -> bool:
    """Wait until a tracer is attached to a process; False when it gave up."""
    end = time.monotonic() + _STOP_S
    while time.monotonic() < end and watcher.poll() is None:
        status = Path(f"/proc/{pid}/status").read_text()
        if "TracerPid:\t0\n" not in status:
            return True
        time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as door:
        door.bind((HOST, 0))
        return int(door.getsockname()[1])
