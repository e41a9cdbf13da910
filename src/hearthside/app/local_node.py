"""What is known of the model on this machine: its size and tasks as it says itself, its pace from real answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hearthside.errors import HearthsideError
from hearthside.inference.backend import Usage
from hearthside.inference.client import NodeHealth
from hearthside.inference.side_models import TASKS
from hearthside.inference.supervisor import NodeState

_LEAST_TOKENS = 8  # of an answer that tells a pace; as many as the probe of a paired node has
_HEARTBEAT_S = 2.0


class Asked(Protocol):
    """The node's client, as far as it is used here (`hearthside.inference.client.ComputeNode`)."""

    last_usage: Usage | None

    def health(self, timeout_s: float) -> NodeHealth: ...


class Local(Protocol):
    """Owner of the node on this machine (`hearthside.inference.supervisor.Supervisor`)."""

    @property
    def node(self) -> Asked: ...

    def state(self) -> NodeState: ...


@dataclass(frozen=True, slots=True)
class LocalSeen:
    """What is known of it.

    Attributes:
        parameters: of its model, 0 where that is not known.
        tasks: what it can do beside language, see `NodeHealth`.
        pace: tokens a second of the last answer long enough to tell, from the question to its last word; None before.
    """

    parameters: int = 0
    tasks: tuple[str, ...] = ()
    pace: float | None = None


class LocalNode:
    """Looks at the node on this machine, which is asked once for each of its starts; a heartbeat costs no token.

    While it lacks what hears and reads it is asked at each look, for that may be installed beside it.
    """

    def __init__(self) -> None:
        self._asked: tuple[int, LocalSeen] = (-1, LocalSeen())
        self._pace: float | None = None

    def look(self, local: Local) -> LocalSeen:
        """What is known of it now; while it is away, what was known last."""
        state, usage = local.state(), local.node.last_usage
        if usage is not None and usage.completion_tokens >= _LEAST_TOKENS and usage.seconds > 0:
            self._pace = usage.completion_tokens / usage.seconds
        since_ms, seen = self._asked
        if state.phase == "ready" and (state.since_ms != since_ms or not set(TASKS) <= set(seen.tasks)):
            try:
                health = local.node.health(timeout_s=_HEARTBEAT_S)
            except HearthsideError:  # asked again at the next look
                pass
            else:
                seen = LocalSeen(health.parameters, health.tasks)
                self._asked = (state.since_ms, seen)
        return LocalSeen(seen.parameters, seen.tasks, self._pace)
