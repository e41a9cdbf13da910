"""The side models' door of a node over a real connection: people who left are not waited for, nor in anybody's way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import uvicorn

from hearthside.events import Json
from hearthside.inference.node import Node, loopback_app
from hearthside.inference.side_models import TASKS, Task
from hearthside.inference.traces import Traces
from hearthside.inference.wire import NodeConfig
from tests.until import until


class _Side:
    """Reads each file until it is told that it may be done."""

    tasks = TASKS

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.done, self.shed_count = threading.Event(), 0

    def longest(self, task: Task) -> int:
        return 1 << 20

    def run(self, task: Task, file: bytes) -> dict[str, Json]:
        self.read.append(file)
        assert task == "read_picture" or self.done.wait(60)
        return {"heard": file.decode()}

    def shed(self) -> None:
        self.shed_count += 1


class _Server:
    """A node in this process, and a way to ask it."""

    def __init__(self) -> None:
        self.side, backend = _Side(), type("Nothing", (), {"adapters": ()})()
        config = NodeConfig("", "model", "", 1, 1, 1, token="token", parent_pid=1)
        self.node = Node(config, backend, lambda: 0, Traces(0, lambda why: None), side=self.side)  # type: ignore[arg-type]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uvicorn = uvicorn.Server(uvicorn.Config(loopback_app(self.node), log_config=None, lifespan="off"))
        self.thread = threading.Thread(target=self.uvicorn.run, args=([self.listener],))
        self.thread.start()

    def ask(self, path: str, file: bytes = b"{}", timeout_s: float = 30.0) -> httpx.Response:
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}{path}"
        headers = {"Authorization": "Bearer token"}
        return httpx.post(url, content=file, headers=headers, timeout=timeout_s, trust_env=False)

    def gives_up(self, file: bytes) -> bool:
        """Whether somebody who is soon gone had no answer."""
        try:
            self.ask("/transcribe", file, 1.0)
        except httpx.ReadTimeout:
            return True
        return False

    @property
    def running(self) -> int:
        return self.node.traces._running

    def close(self) -> None:
        self.side.done.set()
        self.uvicorn.should_exit = True
        self.thread.join(30)
        self.listener.close()


@pytest.fixture
def server() -> Iterator[_Server]:
    made = _Server()
    yield made
    made.close()


def test_who_left_before_their_turn_is_not_read_and_keeps_no_place(server: _Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(server.ask, "/transcribe", b"first")
        until(lambda: server.side.read)
        gone = list(pool.map(server.gives_up, [b"gone"] * 8))
        assert 1 <= sum(gone) <= 8  # the others were sent away at once
        until(lambda: server.running == 1, "who left is given up")
        second = pool.submit(server.ask, "/transcribe", b"second")
        until(lambda: server.running == 2)
        busy = server.ask("/transcribe", bytes(1 << 20))
        assert busy.json()["error"]["code"] == "side-model-busy"
        assert server.ask("/read_picture", b"picture").json() == {"heard": "picture"}
        assert server.ask("/shed", b'{"models": true}').status_code == 200 and server.side.shed_count == 1
        server.side.done.set()
        heard: list[dict[str, Any]] = [answer.result().json() for answer in (first, second)]
    assert heard == [{"heard": "first"}, {"heard": "second"}]
    assert server.side.read == [b"first", b"picture", b"second"]
