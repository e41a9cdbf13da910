"""What the page of compute nodes shows, and what it asks of the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

TASK_WORDS = {
    "embed": "finds texts by meaning",
    "transcribe": "hears speech (English at least)",
    "read_picture": "reads text in pictures",
}
"""What a node can do beside language, for people; a node that a speech server stands beside hears other languages."""


def task_words(tasks: Sequence[str]) -> list[str]:
    """What a node can do beside language, as far as this version has words for it: ``finds texts by meaning``."""
    return [words for task, words in TASK_WORDS.items() if task in tasks]


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One compute node: a machine that was paired, or the one beside the data node.

    Attributes:
        id: first 16 hex of the SHA-256 of its public key; "" for the local one.
        name: what the person called it.
        address: ``host:port``; "" for the local one.
        phase: ``ready``, ``starting``, ``down`` or ``revoked``.
        sentence: how it is, in one sentence.
        since_ms: since when it is in this phase, UTC milliseconds.
        since_local: the same by the person's clock, ISO without the offset.
        model: the name of what it serves; "" where that is not known yet.
        parameters: of the model, from the header of its weights; 0 where that is not known.
        pace: tokens a second, measured from here with a real completion; None before the first probe, and for the
            local one before its first answer.
        chosen: it answers now.
        paired_local: when it was paired, by the person's clock, ISO; "" for the local one.
        plug: the Home Assistant switch that powers it; "" where none was chosen.
        power: the last power cycle in words, or "".
        tasks: what it can do beside language: ``embed``, ``transcribe``, ``read_picture``.
    """

    id: str
    name: str
    address: str
    phase: str
    sentence: str
    since_ms: int
    since_local: str
    model: str
    parameters: int
    pace: float | None
    chosen: bool
    paired_local: str
    plug: str
    power: str
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundView:
    """A compute node that announces itself on the network; `pairing`: it shows a code now."""

    id: str
    host: str
    port: int
    pairing: bool


@dataclass(frozen=True, slots=True)
class NodesView:
    """All compute nodes.

    Attributes:
        nodes: those paired, in the order of pairing; one that was removed is no longer among them.
        local: the one that runs on this machine; None where it does not run.
        sentence: who answers now and why, in one sentence.
    """

    nodes: list[NodeRow]
    local: NodeRow | None
    sentence: str


class NodesHouse(Protocol):
    """The compute nodes, and what the person decides about them."""

    def view(self) -> NodesView:
        """All of them as they are now; asks nothing of the network."""
        ...

    def find(self) -> list[FoundView]:
        """Look for nodes on the network for a few seconds; those already paired are left out.

        Raises:
            HearthsideError: the network does not let us look.
        """
        ...

    def pair(self, address: str, code: str, name: str) -> NodeRow:
        """Pair with the node at ``host:port`` that shows this code.

        Args:
            address: host, with the port after a colon where it is another than the usual one.
            code: 12 characters; blanks, hyphens and lower case do not matter.
            name: what to call it; "" lets the house choose.

        Raises:
            RetryLater: it does not answer.
            Refused: the address cannot be read, the code is wrong, it is not pairing, or somebody stands in between.
        """
        ...

    def revoke(self, node_id: str) -> None:
        """Let a node go for good; it is out within a second, and forgets everything.

        Raises:
            Refused: there is no such node.
        """
        ...

    def set_plug(self, node_id: str, entity: str) -> None:
        """Choose the Home Assistant switch that powers it; "" takes the choice back.

        Raises:
            Refused: there is no such node, or the switch may not be switched.
        """
        ...

    def plugs(self) -> list[tuple[str, str]]:
        """Switches of Home Assistant: entity id and name; none where no Home Assistant is set.

        Raises:
            HearthsideError: Home Assistant does not answer.
        """
        ...
