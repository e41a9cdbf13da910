"""What a house asks of its compute, be it one child process or a pool of machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hearthside.inference.client import ComputeNode
from hearthside.inference.guard.keeper import GuardView, Keeper
from hearthside.inference.side_models import Task
from hearthside.inference.supervisor import NodeState


class Compute(Protocol):
    """One model that answers. `Supervisor` and `NodePool` are such. Calls may come from several threads."""

    @property
    def node(self) -> ComputeNode:
        """Whoever answers now; while nobody does, its calls raise RetryLater. Ask for it anew for each request."""
        ...

    def side(self, task: Task) -> ComputeNode:
        """Who does a task beside language, ask for it anew each time; whoever cannot says so when it is asked."""
        ...

    @property
    def keeper(self) -> Keeper:
        """Whom everything asks that loads on this machine."""
        ...

    @property
    def base_sha256(self) -> str:
        """Hash of the model that is served; empty where it is not known."""
        ...

    @property
    def model_name(self) -> str:
        """Its name; empty where it is not known yet."""
        ...

    @property
    def model_bytes(self) -> int:
        """Size of its weights; 0 where that is not known."""
        ...

    @property
    def pid(self) -> int | None:
        """Process id of a node on this machine; None while there is none."""
        ...

    def start(self) -> None:
        """Begin in the background; returns at once."""
        ...

    def stop(self) -> None:
        """End for good; answers under way break off."""
        ...

    def state(self) -> NodeState:
        """Where it stands now."""
        ...

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until it is ready; False when it was not in time."""
        ...

    def tell(self, on_state: Callable[[NodeState], None]) -> None:
        """Tell this listener each change of phase, from another thread; it must be quick and must not raise."""
        ...

    def guard(self) -> GuardView:
        """What the memory guard of this machine does and did."""
        ...

    def sync_adapters(self) -> None:
        """Have the active adapter held, and no other; called after a promotion or a roll-back.

        Raises:
            Refused: the active adapter does not fit the base.
        """
        ...
