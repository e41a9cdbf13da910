"""The station of the outage benchmark: a process of its own, its node, its guard, and what it says of itself."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

from benchmarks.station_process import children_of, environment, running_station
from hearthside.inference.shelf import embedded_model
from hearthside.inference.wire import NodeConfig

_WAIT_S = 180.0
_NODE, _GUARD = "hearthside.inference.node", "hearthside.inference.guard.process"
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Back:
    """When the model was away still, and when it answered again, as the pages said; `time.monotonic`."""

    away_s: float
    ready_s: float


@dataclass(frozen=True, slots=True)
class Station:
    """A running `hearthside up`; `token` is an API token that may ask and read."""

    process: subprocess.Popen[str]
    url: str
    token: str

    @property
    def node(self) -> int | None:
        """Process id of the model process; None while there is none."""
        return next((pid for pid, command in self._children() if _NODE in command), None)

    def kill(self, whole: bool) -> int:
        """Kill the model process, or with it the guard and whatever they started; returns the id of the former."""
        children = self._children()
        node = next(pid for pid, command in children if _NODE in command)
        wanted = [pid for pid, command in children if pid == node or (whole and _GUARD in command)]
        for pid in [*wanted, *(child for one in wanted for child, _ in children_of(one) if whole)]:
            os.kill(pid, signal.SIGKILL)
        return node

    def is_ready(self, http: httpx.Client) -> bool:
        """Whether the pages say that the model answers: the supervisor has had a first token from it."""
        answer = http.get(f"{self.url}/api/overview", headers=self.headers)
        return bool(answer.raise_for_status().json()["node_state"] == "ready")

    def wait_ready(self, http: httpx.Client, besides: int | None = None) -> Back:
        """Wait for a model process of the station's, other than `besides`, to answer, as the pages say.

        Raises:
            TimeoutError: it does not come back.
        """
        began = away_s = time.monotonic()
        while began + _WAIT_S > (now_s := time.monotonic()):
            if self.node not in {None, besides} and self.is_ready(http):
                return Back(away_s, time.monotonic())
            away_s = now_s
            time.sleep(LOOK_S)
        raise TimeoutError("the language model did not come back")

    def wait_away(self, http: httpx.Client) -> None:
        """Wait until the pages say that the model is away. Raises TimeoutError when they do not."""
        began = time.monotonic()
        while self.is_ready(http):
            if time.monotonic() - began > _WAIT_S:
                raise TimeoutError("the station did not notice that the model is away")
            time.sleep(LOOK_S)

    def wait_node(self, http: httpx.Client, gone: int | None = None) -> Back:
        """Wait until a paired node answers; `gone`: a model process of the station's that must have ended before."""
        began = away_s = time.monotonic()
        while began + _WAIT_S > (now_s := time.monotonic()):
            ended = gone is None or gone not in [pid for pid, _ in self._children()]  # what else runs stands by
            if ended and self.is_ready(http):
                return Back(away_s, time.monotonic())
            away_s = now_s
            time.sleep(LOOK_S)
        raise TimeoutError("the paired node did not come back")

    @property
    def headers(self) -> dict[str, str]:
        """What a program sends that may ask and read."""
        return {"Authorization": f"Bearer {self.token}"}

    def _children(self) -> list[tuple[int, str]]:
        return children_of(self.process.pid)


@contextmanager
def station(folder: Path, token: str) -> Iterator[Station]:
    """Start a station over the vault in a folder, and end it as Ctrl-C would."""
    settings = environment(folder) | {"HEARTHSIDE_MODEL_THREADS": "1"}
    with running_station(folder, (), settings) as (process, link):
        yield Station(process, link.partition("/?")[0], token)


def load_s(threads: int = 1) -> float:
    """Seconds from the start of a model process to its first token: what no station can do faster.

    The process is the station's own, started and asked as the supervisor does it, without guard and supervisor.
    """
    model, token = embedded_model(), secrets.token_urlsafe(16)
    config = NodeConfig(
        model_path=str(model.path), model_name=model.name, model_sha256=model.sha256, threads=threads,
        context_tokens=2048, parallel=2, token=token, parent_pid=os.getpid(),
    )  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-P", "-m", _NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(config.line())
        process.stdin.flush()
        port = orjson.loads(process.stdout.readline())["port"]
        headers = {"Authorization": f"Bearer {token}"}
        httpx.post(f"http://127.0.0.1:{port}/probe", headers=headers, trust_env=False, timeout=60).raise_for_status()
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
