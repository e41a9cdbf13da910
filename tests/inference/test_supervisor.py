"""What the supervisor asks of the guard, and that a process which cannot be started costs nothing but time."""

from __future__ import annotations

import errno
import subprocess
import time
from pathlib import Path
from typing import Any

import gguf
import pytest

from hearthside.inference.fitting import memory_needed
from hearthside.inference.gguf_header import model_header
from hearthside.inference.guard.keeper import KeeperOptions
from hearthside.inference.guard.loader_lock import LoaderLock
from hearthside.inference.shelf import embedded_model, model_file
from hearthside.inference.supervisor import NodeOptions, NodeState, Supervisor
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
