"""Requests to the node's own endpoints, without a model: what must not be cut, and what is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from starlette.types import Message, Receive

from hearthside.events import Json
from hearthside.inference import node as module
from hearthside.inference.backend import Backend
from hearthside.inference.node import Node, lan_app
from hearthside.inference.traces import Leaving, Traces
from hearthside.inference.wire import NodeConfig


class _Asked:
    """A node that was used long ago and may end at any moment."""

    def __init__(self, heads: Path | None = None) -> None:
        self.now_s, self.over_meanwhile = 0.0, list[bool]()
        left: list[Leaving] = []
        self.traces = Traces(900.0, left.append, lambda: self.now_s)
        self.traces.begin()
        self.traces.end()
        self.now_s = 1000.0
        config = NodeConfig("", "m", "", 1, 512, 1, "token", 0, heads_folder=str(heads or ""))
        backend = SimpleNamespace(adapters=(), generate=self._generate, load_adapter=self._look)
        self._node = Node(config, cast(Backend, backend), lambda: 0, self.traces)

    def _look(self, *_: object) -> None:
        self.over_meanwhile.append(self.traces.over())

    def _generate(self, *_: object, **__: object) -> list[SimpleNamespace]:
        self._look()
        return [SimpleNamespace(text=".", usage=None)]

    def ask(self, method: str, path: str, receive: Receive) -> int:
        """The status of the answer."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope: dict[str, Json] = {
            "type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "http_version": "1.1",
            "raw_path": path.encode(), "root_path": "", "scheme": "http", "server": None, "client": None,
        }  # fmt: skip

        async def asked() -> None:
            await asyncio.wait_for(lan_app(self._node)(scope, receive, send), 20)

        asyncio.run(asked())
        return int(sent[0]["status"])


def _with(body: bytes, first: Callable[[], None] = lambda: None) -> Receive:
    async def receive() -> Message:
        first()
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def test_a_probe_is_not_cut_and_is_no_use() -> None:
    asked = _Asked()
    assert asked.ask("POST", "/probe", _with(b"")) == 200
    assert asked.over_meanwhile == [False] and not asked.traces.over()
    asked.now_s += 5.0
    assert asked.traces.over()


def test_a_head_is_written_before_the_process_ends(tmp_path: Path) -> None:
    asked = _Asked(tmp_path)
    assert asked.ask("PUT", "/heads/0011", _with(b"no head", asked._look)) == 422
    assert asked.over_meanwhile == [False]


def test_a_body_of_which_nothing_comes_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sent it vanished, and its first half is in memory."""
    monkeypatch.setattr(module, "_BODY_S", 0.05)
    pieces = [b"x" * 1000]

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    asked = _Asked()
    assert asked.ask("PUT", "/adapters/0011", receive) == 422
    asked.now_s += 899.0
    assert not asked.traces.over()
    asked.now_s += 1.0
    assert asked.traces.over()


def test_who_waits_for_a_slow_answer_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BODY_S", 0.05)
    later = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not later:
            await asyncio.sleep(0.3)
            return {"type": "http.disconnect"}
        return later.pop()

    async def both() -> list[str]:
        in_time = module._in_time(receive)
        return [str((await in_time())["type"]) for _ in range(2)]

    assert asyncio.run(both()) == ["http.request", "http.disconnect"]
