"""The model on this machine: asked once for each of its starts, its pace taken from real answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from hearthside.app.local_node import LocalNode, LocalSeen
from hearthside.errors import RetryLater
from hearthside.inference.backend import Usage
from hearthside.inference.client import NodeHealth
from hearthside.inference.meter import Tally
from hearthside.inference.supervisor import NodeState, Phase

TASKS = ("embed", "transcribe", "read_picture")


@dataclass
class Node:
    """A node's client and owner in one, as a test wants it to be."""

    phase: str = "ready"
    since_ms: int = 5
    away: bool = False
    last_usage: Usage | None = None
    tasks: tuple[str, ...] = TASKS
    asked: list[float] = field(default_factory=list)

    @property
    def node(self) -> Node:
        return self

    def state(self) -> NodeState:
        return NodeState(cast(Phase, self.phase), self.since_ms, "So it is.")

    def health(self, timeout_s: float) -> NodeHealth:
        self.asked.append(timeout_s)
        if self.away:
            raise RetryLater("compute-gone", "It does not answer.")
        return NodeHealth("m", "", (), 0, 0, None, 1, Tally(), parameters=135, tasks=self.tasks)


def answer(tokens: int, seconds: float) -> Usage:
    return Usage(40, 0, tokens, seconds, "stop")


def test_it_is_asked_once_for_each_of_its_starts() -> None:
    node, local = Node(phase="starting"), LocalNode()
    assert local.look(node) == LocalSeen() and node.asked == []
    node.phase = "ready"
    assert [local.look(node) for _ in range(3)] == [LocalSeen(135, TASKS)] * 3 and node.asked == [2.0]
    node.phase = "starting"
    assert local.look(node) == LocalSeen(135, TASKS), "what was known is not forgotten while it starts anew"
    node.phase, node.since_ms = "ready", 6
    local.look(node)
    assert len(node.asked) == 2


def test_what_is_installed_while_it_runs_is_seen() -> None:
    node, local = Node(tasks=("embed",)), LocalNode()
    assert local.look(node).tasks == ("embed",)
    node.tasks = TASKS
    assert local.look(node).tasks == TASKS


def test_one_that_does_not_answer_is_asked_again() -> None:
    node, local = Node(away=True), LocalNode()
    assert local.look(node) == LocalSeen()
    node.away = False
    assert local.look(node).parameters == 135


@pytest.mark.parametrize(("tokens", "seconds", "pace"), [(20, 4.0, 5.0), (7, 1.0, None), (20, 0.0, None)])
def test_its_pace_is_that_of_a_real_answer(tokens: int, seconds: float, pace: float | None) -> None:
    node = Node(last_usage=answer(tokens, seconds))
    assert LocalNode().look(node).pace == pace


def test_a_short_answer_leaves_the_pace_as_it_is() -> None:
    node, local = Node(last_usage=answer(30, 2.0)), LocalNode()
    local.look(node)
    node.last_usage = answer(2, 9.0)
    assert local.look(node).pace == 15.0
