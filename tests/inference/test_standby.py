"""The small model speaks while the compute node is away, asks the guard first, and goes when it is not needed."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.inference.guard.keeper import KeeperOptions
from hearthside.inference.shelf import embedded_model, model_file
from hearthside.inference.standby import Patience, Standby
from hearthside.inference.supervisor import NodeOptions, Supervisor
from tests.until import until

_HELLO = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Hello there."}]
_LONG = Patience(start_s=60, answer_s=60)


def _clock() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class _Node:
    """A compute node whose model's file can be taken away, so that it does not come back by itself."""

    file: Path
    supervisor: Supervisor

    def kill(self) -> None:
        self.file.rename(self.file.with_suffix(".away"))
        pid = self.supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.supervisor.state().phase == "down")

    def bring_back(self) -> None:
        self.file.with_suffix(".away").rename(self.file)
        assert self.supervisor.wait_ready(60)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[_Node]:
    file = Path(shutil.copy(embedded_model().path, tmp_path / "another.gguf"))
    options = NodeOptions(context_tokens=512, heartbeat_s=0.2, guard=KeeperOptions(lock=tmp_path))
    supervisor = Supervisor(model_file(file), options, _clock)
    supervisor.start()
    assert supervisor.wait_ready(60)
    yield _Node(file, supervisor)
    supervisor.stop()


def test_it_speaks_while_the_node_is_away_and_goes_when_it_is_back(node: _Node) -> None:
    standby = Standby(node.supervisor, embedded_model(), _clock, _LONG)
    with pytest.raises(RetryLater) as early:
        list(standby.complete(_HELLO, 8))
    assert early.value.code == "standby-not-needed" and not standby.awake
    node.kill()
    assert "".join(standby.complete(_HELLO, 8)).strip() and standby.awake
    node.bring_back()
    until(lambda: not standby.awake)
    assert "".join(node.supervisor.node.complete(_HELLO, max_tokens=4)).strip()


def test_it_gets_ready_by_itself_when_somebody_has_just_talked(node: _Node) -> None:
    standby = Standby(node.supervisor, embedded_model(), _clock, _LONG)
    assert "".join(node.supervisor.node.complete(_HELLO, max_tokens=2))
    node.kill()
    until(lambda: standby.awake)
    assert "".join(standby.complete(_HELLO, 4))
    node.bring_back()
    until(lambda: not standby.awake)
    standby.stop()


def test_it_goes_when_nobody_talks_to_it_and_ends_with_the_house(node: _Node) -> None:
    node.kill()
    standby = Standby(node.supervisor, embedded_model(), _clock, Patience(start_s=60, answer_s=60, idle_s=0.1))
    assert "".join(standby.complete(_HELLO, 4))
    until(lambda: not standby.awake)
    assert "".join(standby.complete(_HELLO, 4))
    standby.stop()
    assert not standby.awake
    with pytest.raises(RetryLater):
        list(standby.complete(_HELLO, 4))


def test_an_answer_is_cut_when_it_takes_too_long(node: _Node) -> None:
    node.kill()
    now, before = [0.0], list[float]()
    patience = Patience(60, answer_s=60, idle_s=1e9)
    standby = Standby(node.supervisor, embedded_model(), _clock, patience, lambda: before.pop() if before else now[0])
    answer = standby.complete(_HELLO, 40)
    assert next(answer)
    now[0] = 61.0
    before += [0.0, 0.0]  # another one asked then, and has waited a minute by now
    with pytest.raises(RetryLater) as waited:
        list(standby.complete(_HELLO, 4))
    assert waited.value.code == "standby-starting"
    assert list(answer) == []
    standby.stop()


def test_a_small_model_that_stands_still_is_waited_for_no_longer_than_an_answer_may_take(node: _Node) -> None:
    node.kill()
    standby = Standby(node.supervisor, embedded_model(), _clock, Patience(60, answer_s=60))
    assert "".join(standby.complete(_HELLO, 2))
    standby._patience = Patience(60, answer_s=4)
    small = standby._small
    assert small is not None and small.pid is not None
    answer = standby.complete(_HELLO, 48)
    said = next(answer)
    os.kill(small.pid, signal.SIGSTOP)
    assert "".join([said, *answer]).startswith(said)  # what it said until then, and no error
    with pytest.raises(RetryLater):  # nor is a question held up that it says nothing to
        list(standby.complete(_HELLO, 4))
    standby.stop()


def test_it_is_not_loaded_without_room(tmp_path: Path) -> None:
    other = KeeperOptions(soft=1 << 60, hard=1 << 59, lock=tmp_path)
    crowded = Supervisor(embedded_model(), NodeOptions(guard=other), _clock)
    crowded.start()
    standby = Standby(crowded, embedded_model(), _clock, Patience(start_s=0.5, answer_s=5))
    with pytest.raises(RetryLater) as caught:
        list(standby.complete(_HELLO, 4))
    assert caught.value.code == "standby-starting"
    standby.stop()
    crowded.stop()
