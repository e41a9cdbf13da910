"""The compute nodes of a vault: paired, listed and let go as decisions of the person, which the pool follows."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from urllib.parse import urlsplit

from hearthside.app.local_node import LocalNode
from hearthside.app.local_times import iso_minute
from hearthside.app.power import PowerDesk, check_plug, plugs_of
from hearthside.app.rooms import Rooms, system_clock
from hearthside.app.running import not_running
from hearthside.errors import HearthsideError, NeedsPerson, Refused
from hearthside.events import Json
from hearthside.home import EntityState, HomeAssistant
from hearthside.identity.home_ca import HomeCa
from hearthside.identity.vault_file import locked
from hearthside.inference.client import ComputeNode
from hearthside.inference.pool import Linked, NodePool
from hearthside.inference.remote.announce import find_nodes
from hearthside.inference.remote.link import HomeReach, NodeLink, Seen, place_of
from hearthside.inference.remote.pairing import PairedNode, pair_with
from hearthside.inference.supervisor import NodeState
from hearthside.journal.decisions import decide, decided
from hearthside.logs import logger
from hearthside.web.nodes_views import FoundView, NodeRow, NodesView

NODES = "compute_nodes"
USUAL_PORT = 8421
"""Where a node listens when nobody says otherwise."""

_LOOK_S = 0.4  # between looks for decisions of another process: a revoked node is out within a second
_FIND_S = 3.0
_ASK_S = 20.0  # the probe of a slow machine included
_LOG = logger("nodes")


class NodeBook:
    """What the person decided about compute nodes; `rooms` gives the rooms as they are now."""

    def __init__(self, rooms: Callable[[], Rooms]) -> None:
        self._rooms = rooms

    def paired(self) -> list[PairedNode]:
        """The nodes in force, in the order of pairing."""
        return [node for node in self._all() if node.revoked_ms is None]

    def add(self, node: PairedNode) -> None:
        """A node was paired; an earlier pairing with the same one is over."""
        with self._changing():
            self._write([*(one for one in self._all() if one.id != node.id), node])

    def change(self, node: str, **changed: Json) -> PairedNode:
        """Change what is kept of a node in force.

        Raises:
            Refused: there is no such node.
        """
        with self._changing():
            nodes = self._all()
            for at, one in enumerate(nodes):
                if one.id == node and one.revoked_ms is None:
                    nodes[at] = replace(one, **changed)
                    if nodes[at] != one:
                        self._write(nodes)
                    return nodes[at]
        raise Refused("node-unknown", f"There is no compute node {node} that is paired; nothing was changed.")

    def moved(self, node: str, host: str, port: int) -> None:
        """A node was found at another address; one that was let go meanwhile is left so."""
        try:
            self.change(node, host=host, port=port)
        except HearthsideError as error:
            _LOG.warning("the new address of node %s was not kept: %s", node, error.code)

    def _changing(self) -> AbstractContextManager[None]:
        return locked(self._rooms().vault.folder)  # other processes change the list too

    def _all(self) -> list[PairedNode]:
        return [PairedNode.from_body(body) for body in decided(self._rooms().journal).get(NODES) or []]

    def _write(self, nodes: Sequence[PairedNode]) -> None:
        rooms = self._rooms()
        decide(rooms.journal, NODES, [node.body() for node in nodes], rooms.clock())


class NodesDesk:
    """See `hearthside.web.nodes_views.NodesHouse` for what the pages are promised.

    Args:
        rooms: gives the rooms as they are now; new keys put others in their place.
        pool: the links to the nodes; None in a command that needs no model.
        home: gives the Home Assistant client, or None while none is set up.
        home_states: the states last heard over its standing connection; None asks it each time.
        local_now: the present in UTC milliseconds, and the person's offset in minutes.
        clock: UTC milliseconds of this machine, for certificates: the life's clock may be elsewhere.
    """

    def __init__(
        self,
        rooms: Callable[[], Rooms],
        pool: NodePool | None,
        home: Callable[[], HomeAssistant | None],
        home_states: Callable[[], list[EntityState]] | None,
        local_now: Callable[[], tuple[int, int]],
        clock: Callable[[], int] = system_clock,
    ) -> None:
        self._rooms, self._pool, self._home, self._home_states = rooms, pool, home, home_states
        self._clock = clock
        self._book, self._local_node = NodeBook(rooms), LocalNode()
        self._applying = threading.Lock()  # so that no list that was read before is followed after a newer one
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.power = PowerDesk(rooms().journal, home, self._paired_rows, local_now, awake=self._awake)

    # -- following what is decided -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow decisions that other processes take, too."""
        if self._pool is not None and self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="nodes", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        known = -1
        while not self._stop.wait(_LOOK_S):
            try:
                seq = self._rooms().journal.head().seq
                if seq != known:
                    self._apply()
                    known = seq
            except HearthsideError as error:  # looked at again in a moment
                _LOG.warning("decisions about nodes cannot be read: %s", error.code)

    def _apply(self) -> None:
        if self._pool is not None:
            with self._applying:
                self._pool.use(self._book.paired())

    # -- what is shown -----------------------------------------------------------------------------------------------

    def view(self) -> NodesView:
        """All of them as they are now."""
        pool, rows = self._pool, self._paired_rows()
        if pool is None:
            return NodesView(rows, None, "No station runs here, so nobody answers.")
        return NodesView(rows, self._local(pool), pool.why())

    def _paired_rows(self) -> list[NodeRow]:
        return [row for row, _ in self.rows()]

    def rows(self) -> list[tuple[NodeRow, ComputeNode | None]]:
        """The nodes that are paired, each with who asks it; None where no station runs."""
        links = {link.paired.id: link for link in self._pool.links()} if self._pool is not None else {}
        linked = [(node, links.get(node.id)) for node in self._book.paired()]
        return [(self._row(node, link), link.node if link is not None else None) for node, link in linked]

    def _row(self, node: PairedNode, link: Linked | None) -> NodeRow:
        state, seen = (link.state(), link.seen) if link is not None else (_unasked(node), Seen())
        return NodeRow(
            id=node.id,
            name=node.name,
            address=place_of(link.paired if link is not None else node),
            phase=state.phase,
            sentence=state.sentence,
            since_ms=state.since_ms,
            since_local=self._by_clock(state.since_ms),
            model=seen.model,
            parameters=seen.parameters,
            pace=seen.pace,
            chosen=link is not None and self._pool is not None and link is self._pool.chosen,
            paired_local=self._by_clock(node.paired_ms),
            plug=node.plug,
            power=self.power.words(node.id),
            tasks=seen.tasks,
        )

    def _local(self, pool: NodePool) -> NodeRow | None:
        local = pool.local
        if local is None:
            return None
        state, seen = local.state(), self._local_node.look(local)
        return NodeRow(
            id="", name="this machine", address="", phase=state.phase, sentence=state.sentence,
            since_ms=state.since_ms, since_local=self._by_clock(state.since_ms), model=local.model_name,
            parameters=seen.parameters, pace=seen.pace, chosen=state.phase == "ready", paired_local="", plug="",
            power="", tasks=seen.tasks,
        )  # fmt: skip

    def _by_clock(self, ms: int) -> str:
        return iso_minute(self._rooms().stream, ms)

    def look(self) -> list[NodeRow]:
        """The nodes, each asked now over a link of its own: for a command, beside whatever station runs."""
        reach = self._reach()
        links = [NodeLink(node, reach, self._rooms().clock) for node in self._book.paired()]
        for link in links:
            link.start()
        until = time.monotonic() + _ASK_S
        while time.monotonic() < until and any(link.state().phase == "starting" for link in links):
            time.sleep(0.05)
        rows = [self._row(link.paired, link) for link in links]
        for link in links:
            link.end()
            link.join()
        return rows

    def _awake(self, node: str) -> bool:
        """Whether the machine of a silent node answers all the same; its plug is then left alone."""
        link = self._pool.link(node) if self._pool is not None else None
        return link is not None and link.awake

    # -- what is decided ---------------------------------------------------------------------------------------------

    def find(self) -> list[FoundView]:
        """Nodes that announce themselves, without those already paired."""
        known = {node.id for node in self._book.paired()}
        found = find_nodes(_FIND_S, self._rooms().egress)
        return [FoundView(one.id, one.host, one.port, one.pairing) for one in found if one.id not in known]

    def pair(self, address: str, code: str, name: str) -> NodeRow:
        """Pair with the node at this address that shows this code."""
        host, port = _place(address)
        rooms = self._rooms()
        paired = pair_with(
            host, port, code, name, HomeCa.open(rooms.vault), rooms.egress, self._clock, secrets.token_bytes
        )
        node = replace(paired, paired_ms=rooms.clock())
        self._book.add(node)
        self._apply()
        return self._row(node, self._pool.link(node.id) if self._pool is not None else None)

    def revoke(self, node_id: str) -> None:
        """Let a node go for good."""
        self.let_go(node_id)

    def let_go(self, node_id: str) -> str:
        """The same; what became of it, in words. Where no pool runs, the node is told to forget from here."""
        node = self._book.change(node_id, revoked_ms=self._rooms().clock())
        if self._pool is not None:
            self._apply()
            return f"{node.name} is let go; it is told to forget what it was told."
        if _has_station(self._rooms()):
            return f"{node.name} is let go; the running station asks it nothing more, and has it forget."
        if self._reach().forget(node):
            return f"{node.name} is let go; it answered, and forgets what it was told."
        return (
            f"{node.name} is let go, and is asked nothing more. It did not answer, so it was not told to forget; it"
            " does so by itself when it is idle (after a quarter of an hour, unless it was started otherwise)."
        )

    def _reach(self) -> HomeReach:
        return HomeReach(self._rooms().egress, lambda: HomeCa.open(self._rooms().vault))

    def set_plug(self, node_id: str, entity: str) -> None:
        """Choose the Home Assistant switch that powers it."""
        if entity:
            check_plug(self._states(), entity)
        self._book.change(node_id, plug=entity)
        self._apply()

    def plugs(self) -> list[tuple[str, str]]:
        """Switches of Home Assistant."""
        return plugs_of(self._states())

    def _states(self) -> list[EntityState]:
        if self._home_states is not None:
            return self._home_states()
        home = self._home()
        return home.states() if home is not None else []


def _has_station(rooms: Rooms) -> bool:
    try:
        with not_running(rooms.vault.folder):
            return False
    except NeedsPerson:
        return True


def _unasked(node: PairedNode) -> NodeState:
    return NodeState("down", node.paired_ms, "It is asked by the station only, which does not run in this process.")


def _place(address: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        Refused: it is no address.
    """
    bare = f"[{address}]" if address.count(":") > 1 and not address.startswith("[") else address.strip()
    try:
        parts = urlsplit(f"//{bare}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.netloc != bare or "@" in bare:
        raise Refused(
            "node-address-wrong",
            "An address looks like 192.168.1.7 or 192.168.1.7:8421, as the compute node shows it. Nothing was sent.",
        )
    return host, USUAL_PORT if port is None else port
