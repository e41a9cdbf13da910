"""Several compute nodes as one: the best of those that are ready answers, and when it goes, the next.

Without a paired node the model runs on this machine, as a child process. With one it does not: the machines that were
paired for it do the work, and small talk has its standby. See `choose` for which is the best.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from hearthside.errors import HearthsideError, RetryLater
from hearthside.inference.adapters import AdapterEntry, AdapterRegistry
from hearthside.inference.client import ComputeNode, NodeEmbedder
from hearthside.inference.guard.keeper import GuardView, Keeper, KeeperOptions
from hearthside.inference.guard.policy import Rung
from hearthside.inference.lines import Line
from hearthside.inference.remote.link import Seen
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.side_models import Task
from hearthside.inference.supervisor import NodeState, Phase, Supervisor
from hearthside.logs import logger

_STOP_S = 5.0
_log = logger("inference")

LEAST_PACE = 5.0
"""Tokens a second that people can read along with; a larger model that is slower is not preferred."""


class Linked(Protocol):
    """A link to one paired node; `NodeLink` is one.

    Attributes:
        awake: its machine answered when it was last asked, only not as a node.
    """

    paired: PairedNode
    awake: bool

    @property
    def node(self) -> ComputeNode:
        """What the other rooms use of it."""
        ...

    @property
    def seen(self) -> Seen:
        """What is known of it."""
        ...

    def state(self) -> NodeState:
        """Where it stands now."""
        ...

    def start(self) -> None:
        """Begin in the background."""
        ...

    def end(self, *, forget: bool = False) -> None:
        """Cut everything at once, for good."""
        ...

    def join(self) -> None:
        """Wait for the end of its thread."""
        ...

    def sync_adapters(self, wanted: AdapterEntry | None) -> None:
        """Have it hold this adapter and no other."""
        ...


@dataclass(frozen=True, slots=True)
class Serving:
    """Who answers at one moment, all of it of one node.

    Attributes:
        id: of the paired node; "" for the model on this machine.
        node: asks it; `asked` gives it out.
        model, sha256, bytes: name of its model, hash of its file and size of its weights; empty where not known.
        now: gives name and hash of what that node serves now.
    """

    id: str
    node: ComputeNode
    model: str
    sha256: str
    bytes: int
    now: Callable[[], tuple[str, str]] = field(repr=False, compare=False)

    def asked(self) -> ComputeNode:
        """The node, as long as it serves this model; raises RetryLater when it serves another one."""
        if self.now() != (self.model, self.sha256):
            raise RetryLater("compute-gone", "The compute node serves another model now; ask again.")
        return self.node


_Link = TypeVar("_Link", bound=Linked)


def choose(links: Sequence[_Link]) -> _Link | None:
    """The link that answers: of those ready and at least `LEAST_PACE` fast the one with the largest model.

    Models are compared by their number of parameters, then by the pace measured from here with a real completion. If
    none is fast enough, the fastest answers.
    """
    ready = [(link, link.seen) for link in links if link.state().phase == "ready"]
    readable = [(link, seen) for link, seen in ready if (seen.pace or 0.0) >= LEAST_PACE]
    if readable:
        return max(readable, key=lambda one: (one[1].parameters, one[1].pace or 0.0, one[0].paired.id))[0]
    return max(ready, key=lambda one: (one[1].pace or 0.0, one[0].paired.id))[0] if ready else None


class NodePool:
    """See `hearthside.inference.compute.Compute` for what is not said here."""

    def __init__(
        self,
        local: Callable[[Keeper], Supervisor],
        link: Callable[[PairedNode, Callable[[], None]], Linked],
        clock: Callable[[], int],
        adapters: AdapterRegistry | None = None,
        keeper_options: KeeperOptions | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            local: makes the owner of the child process on this machine; its leases are those of the keeper.
            link: makes the link to a paired node, which tells each change to the callback.
            clock: UTC milliseconds, for what is shown.
            adapters: which adapter is active.
        """
        self._make_local, self._make_link, self._clock, self._adapters = local, link, clock, adapters
        self.keeper = Keeper(clock, keeper_options, self._shed)
        self._changing = threading.RLock()  # held by whoever starts or ends nodes
        self._telling = threading.Lock()  # so that changes are told in the order in which they came
        self._changed = threading.Condition()  # guards what follows
        self._links: dict[str, Linked] = {}
        self._local: Supervisor | None = None
        self._chosen: Linked | None = None
        self._last: Linked | None = None
        self._state = NodeState("starting", clock(), "The language model is not started yet.")
        self._problem = ""  # why the child process could not even be tried
        self._listeners: list[Callable[[NodeState], None]] = []
        self._beside: list[threading.Thread] = []  # waited for at the end: one may still tell its node to forget
        self._unsure: set[str] = set()  # nodes that may hold an adapter that was withdrawn
        self._holding: dict[str, threading.Lock] = {}  # one decision at a time on what a node holds
        self._running = self._over = False
        self._nobody = ComputeNode(self._no_line, clock)

    # -- what runs ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin with the nodes given to `use`; returns at once."""
        with self._changing:
            self._running = True
            self.keeper.start()
            for link in self.links():
                link.start()
            self._see_to_local()
        self._refresh()

    def stop(self) -> None:
        """End everything and wait for it."""
        with self._changing:
            self._running, self._over = False, True
            links = self.links()
            for link in links:
                link.end()
            with self._changed:
                local, self._local = self._local, None
            if local is not None:
                local.stop()
            self.keeper.stop()
        for link in links:
            link.join()
        for thread in self._beside:
            thread.join(_STOP_S)
        self._refresh()

    def _do_beside(self, deed: Callable[[], None]) -> None:
        """Do it in a thread of its own."""
        thread = threading.Thread(target=deed, name="beside the pool", daemon=True)
        with self._changed:
            self._beside = [one for one in self._beside if one.is_alive()]
            thread.start()
            self._beside.append(thread)

    def use(self, nodes: Sequence[PairedNode]) -> None:
        """From now on these nodes are paired; those revoked or missing are out before this returns."""
        wanted = {node.id: node for node in nodes if node.revoked_ms is None}
        with self._changing:
            for link in self.links():
                now = wanted.get(link.paired.id)
                if now is None or not _is_same(now, link.paired):
                    self._take_out(link, forget=now is None)
                elif now != link.paired:  # another name or plug
                    link.paired = now
            self._refresh()
            for node in wanted.values():
                if node.id not in self._links:
                    self._take_in(node)
            self._see_to_local()
        self._refresh()

    def _take_out(self, link: Linked, forget: bool) -> None:
        with self._changed:
            del self._links[link.paired.id]
            if self._last is link:
                self._last = None
            self._unsure.discard(link.paired.id)
            self._holding.pop(link.paired.id, None)
        link.end(forget=forget)
        self._do_beside(link.join)

    def _take_in(self, node: PairedNode) -> None:
        link = self._make_link(node, self._refresh)
        with self._changed:
            self._links[node.id] = link
            self._unsure.add(node.id)
            self._holding[node.id] = threading.Lock()
        if self._running:
            link.start()

    def _see_to_local(self) -> None:
        """The child process runs while no node is paired."""
        with self._changed:
            local, needed = self._local, self._running and not self._links
            if not needed:
                self._local = None
        if local is not None and not needed:
            local.stop()
        if local is None and needed:
            self._begin_local()

    def _begin_local(self) -> None:
        try:
            local = self._make_local(self.keeper)
        except HearthsideError as error:
            self._problem = error.message
            return
        self._problem = ""
        local.tell(lambda state: self._refresh())
        with self._changed:
            self._local = local
        local.start()

    def _shed(self, rung: Rung) -> None:
        """The guard wants memory back of what runs on this machine."""
        local = self._local
        if local is not None:
            local.shed(rung)

    # -- who answers -------------------------------------------------------------------------------------------------

    @property
    def node(self) -> ComputeNode:
        """Whoever answers now; while nobody does, the last one, whose calls raise RetryLater."""
        with self._changed:
            if self._local is not None:
                return self._local.node
            link = self._chosen or self._last
            return link.node if link is not None else self._nobody

    @property
    def embedder(self) -> NodeEmbedder:
        """Who reads for meaning: the node that answers, or another that is ready where that one cannot."""
        node = self.node
        if not node.embeds:
            others = (link.node for link in self.links() if link.state().phase == "ready" and link.node.embeds)
            node = next(others, node)
        return node.embedder

    def side(self, task: Task) -> ComputeNode:
        """The node that answers, or another that is ready where that one cannot; see `compute.Compute`."""
        with self._changed:
            chosen = self._chosen if self._local is None else None
        if chosen is None:
            return self.node
        ready = [chosen, *(link for link in self.links() if link.state().phase == "ready")]
        return next((link.node for link in ready if task in link.seen.tasks), chosen.node)

    @property
    def local(self) -> Supervisor | None:
        """The child process's owner, where one runs."""
        return self._local

    @property
    def chosen(self) -> Linked | None:
        """The link that answers now; None: the child process does, or nobody."""
        return self._chosen

    @property
    def elsewhere(self) -> bool:
        """Whether what is asked leaves this machine."""
        return bool(self._links)

    def links(self) -> list[Linked]:
        """The links to the paired nodes, in the order of pairing."""
        with self._changed:
            return list(self._links.values())

    def link(self, node: str) -> Linked | None:
        """The link to the node of this id."""
        with self._changed:
            return self._links.get(node)

    def state(self) -> NodeState:
        """Where it stands now."""
        with self._changed:
            return self._local.state() if self._local is not None else self._state

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until somebody is ready; False when nobody was in time."""
        with self._changed:
            return self._changed.wait_for(self._is_ready, timeout_s)

    def _is_ready(self) -> bool:
        local = self._local
        return local.wait_ready(0) if local is not None else self._state.phase == "ready"

    def tell(self, on_state: Callable[[NodeState], None]) -> None:
        """Tell this listener each change of phase too."""
        with self._changed:
            self._listeners.append(on_state)

    def why(self) -> str:
        """Who answers now and why, in one sentence."""
        with self._changed:
            chosen, others, local = self._chosen, len(self._links), self._local
        if local is not None:
            return "The model on this machine answers: no other machine is paired."
        if chosen is None:
            return self.state().sentence
        if others == 1:
            return f"{chosen.paired.name} answers: it is the only machine that is paired."
        if (chosen.seen.pace or 0.0) < LEAST_PACE:
            return f"{chosen.paired.name} answers, the fastest: none writes {LEAST_PACE:.0f} tokens a second."
        return (
            f"{chosen.paired.name} answers: of those ready that write at least {LEAST_PACE:.0f} tokens a second, it has"
            " the largest model, and is the fastest of equals."
        )

    def _refresh(self) -> None:
        """Choose anew, and tell what changed; called by links and the child's owner from their threads."""
        with self._telling:
            with self._changed:
                before = self._state
                self._chosen = choose(list(self._links.values())) if self._running else None
                self._last = self._chosen or self._last
                self._state = self._judge(before)
                state, listeners = self._state, list(self._listeners)
                due = self._come_back()
                self._changed.notify_all()
            for link in due:
                self._do_beside(partial(self._sync, link, [partial(_unload_others, link)]))
            if state.phase != before.phase:
                for listener in listeners:
                    listener(state)

    def _judge(self, before: NodeState) -> NodeState:
        if self._local is not None:
            return self._local.state()
        if not self._running and not self._over:
            return before
        phase, sentence = self._words()
        since = before.since_ms if phase == before.phase else self._clock()
        return NodeState(phase, since, sentence)

    def _words(self) -> tuple[Phase, str]:
        if self._over:
            return "down", "The language model is stopped."
        if self._chosen is not None:
            return "ready", self._chosen.state().sentence
        if not self._links:
            return "down", self._problem or "No compute node is paired."
        states = [link.state() for link in self._links.values()]
        phase: Phase = "starting" if any(state.phase == "starting" for state in states) else "down"
        return phase, " ".join(state.sentence for state in states)

    def _no_line(self) -> Line:
        state = self.state()
        raise RetryLater("compute-starting" if state.phase == "starting" else "compute-gone", state.sentence)

    # -- what it serves ----------------------------------------------------------------------------------------------

    @property
    def base_sha256(self) -> str:
        """Hash of the model that answers; empty where it is not known."""
        return self.snapshot().sha256

    @property
    def model_name(self) -> str:
        """Its name; empty where it is not known yet."""
        return self.snapshot().model

    @property
    def model_bytes(self) -> int:
        """Size of its weights; 0 where that is not known."""
        return self.snapshot().bytes

    @property
    def pid(self) -> int | None:
        """Process id of the child; None while there is none."""
        local = self._local
        return local.pid if local is not None else None

    def guard(self) -> GuardView:
        """What the memory guard of this machine does and did."""
        return self.keeper.view()

    def sync_adapters(self) -> None:
        """Have each node that is ready hold the active adapter, where it fits its model, and no other.

        Raises:
            Refused: the active adapter does not fit the base of the child process.
        """
        local = self._local
        if local is not None:
            local.sync_adapters()
            return
        with self._changed:
            self._unsure |= set(self._links)
            due = self._come_back()
        for link in due:
            self._sync(link, [link.sync_adapters, partial(_unload_others, link)])

    def _come_back(self) -> list[Linked]:
        """Nodes that are ready and were not: what was withdrawn meanwhile they may still hold. Called under the lock.

        A node may lose its link and keep its memory, so no other sign of a change is needed than that it was away.
        """
        ready = {node: link for node, link in self._links.items() if link.state().phase == "ready"}
        self._unsure |= self._links.keys() - ready.keys()
        due = ready.keys() & self._unsure if self._running else set()
        self._unsure -= due
        return [ready[node] for node in due]

    def _sync(self, link: Linked, deeds: Sequence[Callable[[AdapterEntry | None], None]]) -> None:
        """Have a node hold the active adapter or none, by the first of these deeds that it does not refuse."""
        with self._changed:
            holding = self._holding.get(link.paired.id)
        if holding is None:  # let go meanwhile
            return
        with holding:  # so that what is active is not read before, and carried out after, another's word
            for deed in deeds:
                try:
                    deed(self._adapters.active() if self._adapters is not None else None)
                    return
                except HearthsideError as error:
                    _log.info("adapters of node %s were not set right: %s", link.paired.id, error.code)
        with self._changed:  # tried again when it is back
            self._unsure.add(link.paired.id)

    def snapshot(self) -> Serving:
        """Who answers now, with the model that it serves, read at once."""
        with self._changed:
            local, link = self._local, self._chosen or self._last
            if local is not None:
                model, sha256 = local.model_name, local.base_sha256
                return Serving("", local.node, model, sha256, local.model_bytes, lambda: (model, sha256))
            if link is None:
                return Serving("", self._nobody, "", "", 0, lambda: ("", ""))
            seen = link.seen
            return Serving(link.paired.id, link.node, seen.model, seen.sha256, seen.bytes, lambda: _served(link.seen))


def _served(seen: Seen) -> tuple[str, str]:
    return seen.model, seen.sha256


def _unload_others(link: Linked, active: AdapterEntry | None) -> None:
    """Have a node drop every adapter but this one, which it is sent when a request names it: idle, it holds none."""
    for adapter in link.node.health().adapters:
        if active is None or adapter != active.id:
            link.node.unload_adapter(adapter)


def _is_same(one: PairedNode, other: PairedNode) -> bool:
    """Whether they are one pairing with one machine at one address."""
    return (one.pin, one.paired_ms, one.host, one.port) == (other.pin, other.paired_ms, other.host, other.port)
