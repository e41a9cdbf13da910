"""What the supervisor asks of the guard, and that a process which cannot be started costs nothing but time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gguf
import pytest

from hearthside.errors import RetryLater
from hearthside.events import Json
from hearthside.inference.client import NodeHealth
from hearthside.inference.fitting import memory_needed
from hearthside.inference.gguf_header import model_header
from hearthside.inference.guard.keeper import KeeperOptions
from hearthside.inference.guard.loader_lock import LoaderLock
from hearthside.inference.lines import LoopbackLine, loopback_client
from hearthside.inference.meter import Tally
from hearthside.inference.node_end import NodeLines
from hearthside.inference.shelf import embedded_model, model_file
from hearthside.inference.side_room import KeptLease
from hearthside.inference.supervisor import NodeOptions, NodeState, Supervisor, _Running
from tests.inference.model_files import write_model
from tests.until import until


def test_no_memory_for_a_process_is_said_and_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    states: list[NodeState] = []
    options = NodeOptions(context_tokens=512, guard=KeeperOptions(lock=tmp_path), erase_after_s=0.5)
    supervisor = Supervisor(embedded_model(), options, lambda: time.time_ns() // 1_000_000, on_state=states.append)
    real, refused = subprocess.Popen, list[str]()

    def start(arguments: list[str], **more: Any) -> Any:
        if "hearthside.inference.node" in arguments and len(refused) < 1:
            refused.append(arguments[-1])
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return real(arguments, **more)

    monkeypatch.setattr("hearthside.inference.supervisor.subprocess.Popen", start)
    supervisor.start()
    try:
        until(lambda: any("could not be started" in state.sentence for state in states), "the sentence")
        assert supervisor.wait_ready(60) and refused
        _left_alone(supervisor, states)
    finally:
        supervisor.stop()
    lock = LoaderLock(tmp_path)
    assert lock.acquire("another station", 5.0)
    lock.release("another station")


def _left_alone(supervisor: Supervisor, states: list[NodeState]) -> None:
    """One that was probed only stays; one that was used is started anew after its idle time, and that is no outage."""
    time.sleep(1.0)
    first, before = supervisor.node.health(), len(states)
    assert first.tally.probes and first.start
    list(supervisor.node.complete([{"role": "user", "content": "Hello"}], max_tokens=1))
    until(lambda: len(states) == before + 2, "it starts anew")
    assert [state.phase for state in states[before:]] == ["starting", "ready"]
    assert "keeps nothing of what was said" in states[before].sentence
    assert supervisor.node.health().start != first.start


def test_a_model_in_several_files_is_asked_for_whole(tmp_path: Path) -> None:
    of = gguf.GGMLQuantizationType.F32
    for number in (1, 2, 3):
        path = tmp_path / f"big-{number:05d}-of-00003.gguf"
        write_model(path, tensors={f"blk.{number}.ffn_up.weight": ((1024, 1024), of)})
    first = tmp_path / "big-00001-of-00003.gguf"
    supervisor = Supervisor(model_file(first), NodeOptions(), lambda: 0)
    others = sum((tmp_path / f"big-{number:05d}-of-00003.gguf").stat().st_size for number in (2, 3))
    alone = memory_needed(model_header(first), NodeOptions().context_tokens, parallel=NodeOptions().parallel).total
    assert supervisor._need(NodeOptions()) >= alone + others


_TALKS = "import time\nwhile True:\n    print('{\"shrink\": 0}', flush=True); time.sleep(0.02)"
_STOPS_SHORT = "import sys, time\nsys.stdout.write('{'); sys.stdout.flush(); time.sleep(99)"


@pytest.mark.parametrize("code", [_TALKS, _STOPS_SHORT], ids=["talks all the time", "stops in the middle of a line"])
def test_whatever_a_node_says_its_heartbeats_go_on(code: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    supervisor = Supervisor(
        embedded_model(), NodeOptions(heartbeat_s=0.1, guard=KeeperOptions(lock=tmp_path)), lambda: 0
    )
    asked, enough = [0], 5

    def health(timeout_s: float = 0.0) -> NodeHealth:
        asked[0] += 1
        if asked[0] > enough:
            raise RetryLater("compute-gone", "It is gone.")
        return NodeHealth("m", "", (), 0, 0, None, 1, Tally())

    monkeypatch.setattr(supervisor.node, "health", health)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, bufsize=0) as process:
        try:
            line = LoopbackLine("http://127.0.0.1:1", "token", loopback_client())
            end = supervisor._watch(_Running(process, line, KeptLease(supervisor.keeper, "lease")))
        finally:
            process.kill()
    assert asked[0] == enough + 3 and "did not answer any more" in end.sentence


def test_what_no_node_says_costs_one_life_and_not_the_model_for_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guard = KeeperOptions(lock=tmp_path)
    supervisor = Supervisor(embedded_model(), NodeOptions(context_tokens=512, guard=guard), lambda: 0)
    lines = NodeLines.come
    nonsense: list[dict[str, Json]] = [{"shrink": "x"}, {"grow": None, "number": 1}]

    def come(self: NodeLines) -> list[dict[str, Json]]:
        lines(self)
        return [nonsense.pop()] if nonsense else [{}]

    monkeypatch.setattr(NodeLines, "come", come)
    supervisor.start()
    try:
        for _ in range(3):  # each time it is killed there is something to hear
            assert supervisor.wait_ready(120)
            pid = supervisor.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            until(lambda before=pid: supervisor.pid not in (None, before))  # type: ignore[misc]
        assert supervisor.wait_ready(120) and not nonsense
    finally:
        supervisor.stop()
