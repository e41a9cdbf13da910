"""One paired compute node as the station sees it: reached, measured by a completion, watched, looked for when it goes.

A thread for each. It costs a heartbeat every few seconds and eight tokens at each start of the node; the ledger has one
row each time the link is opened, and one for each request that carries content.
"""

from __future__ import annotations

import errno
import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import httpx

from hearthside.egress import Egress, Purpose
from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.identity.home_ca import HomeCa
from hearthside.inference.adapters import AdapterEntry, AdapterRegistry
from hearthside.inference.client import ComputeNode, NodeHealth
from hearthside.inference.lines import Line, RemoteLine
from hearthside.inference.meter import Spent
from hearthside.inference.remote.announce import FoundNode, find_nodes
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.supervisor import NodeState, Phase
from hearthside.logs import logger

_FORGET_S = 2.0
_STOP_S = 5.0
_HOUR_S = 3600.0
_TRY_S = 3.0  # at an address that somebody announced
_MOST_TRIED = 4  # such addresses in one search
_SILENT = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EHOSTDOWN})
_MOST_DOUBLINGS = 7  # of the wait between two searches: from half a minute to an hour
_log = logger("inference")


class OpenLine(Line, Protocol):
    """A line that its link opens, names by the start of the node, and closes."""

    key: str  # set once the node has said which start it is

    def close(self) -> None:
        """Cut what is under way; nothing goes out or comes in any more."""
        ...


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How a link is kept; all in seconds but the last two.

    A node that was used empties its memory by starting anew when nobody has talked to it for a while: that is no
    outage, and `grace_s` of silence are not called one.

    Attributes:
        heartbeat_s: between heartbeats.
        timeout_s: a heartbeat may take.
        probe_timeout_s: a probe may take without a sign.
        again_s, again_late_s: between attempts to reach it, in the first minute (and after a missed heartbeat) and
            later.
        search_s: how long one search of the network takes.
        search_after_s: of silence before the first search; the next waits twice as long, and so on up to an hour.
        grace_s: of silence in which a node that was ready, and broke off no answer, counts as starting.
        missed: late heartbeats in a row that mean it is gone.
        probe_tokens: of the completion that measures its pace.
    """

    heartbeat_s: float = 5.0
    timeout_s: float = 10.0
    probe_timeout_s: float = 120.0
    again_s: float = 1.0
    again_late_s: float = 5.0
    search_s: float = 2.0
    search_after_s: float = 30.0
    grace_s: float = 10.0
    missed: int = 3
    probe_tokens: int = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a node.

    Attributes:
        parameters: of its model, 0 where that is not known.
        pace: tokens a second, measured from here; None before the first probe.
        tasks: what it can do beside language, see `NodeHealth`.
    """

    model: str = ""
    sha256: str = ""
    bytes: int = 0
    parameters: int = 0
    context_tokens: int = 0
    pace: float | None = None
    tasks: tuple[str, ...] = ()


class Reach(Protocol):
    """How the network is used; `HomeReach` is the real one."""

    def line(self, paired: PairedNode, on_broken: Callable[[OpenLine], None]) -> OpenLine:
        """A new way to the node; nothing is sent yet."""
        ...

    def forget(self, paired: PairedNode) -> bool:
        """Have it forget everything; whether it answered. Never raises."""
        ...

    def find(self, seconds: float) -> list[FoundNode]:
        """Nodes that announce themselves."""
        ...


class HomeReach:
    """Over the local network, through the house's one door, with certificates of the home."""

    def __init__(self, egress: Egress, ca: Callable[[], HomeCa]) -> None:
        """`ca` opens the vault's authority."""
        self._egress, self._ca = egress, ca

    def line(self, paired: PairedNode, on_broken: Callable[[OpenLine], None]) -> OpenLine:
        """See `Reach`."""
        tls = self._ca().client_context(paired.pin)
        return RemoteLine(self._egress, place_of(paired), tls, paired.id, on_broken)

    def forget(self, paired: PairedNode) -> bool:
        """See `Reach`."""
        try:
            tls = self._ca().client_context(paired.pin)
        except HearthsideError as error:
            _log.info("node %s was not told to forget: %s", paired.id, error.code)
            return False
        try:
            answer = self._egress.request(
                Purpose.COMPUTE_NODE, "POST", f"https://{place_of(paired)}/forget", data_class="forget",
                timeout_s=_FORGET_S, consent=paired.id, tls=tls,
            )  # fmt: skip
            return answer.is_success
        except HearthsideError as error:
            _log.info("node %s was not told to forget: %s", paired.id, error.code)
            return False
        finally:
            self._egress.drop(tls)

    def find(self, seconds: float) -> list[FoundNode]:
        """See `Reach`."""
        return find_nodes(seconds, self._egress)


def place_of(paired: PairedNode) -> str:
    """``host:port``, as it stands in an address."""
    return f"{f'[{paired.host}]' if ':' in paired.host else paired.host}:{paired.port}"


class NodeLink:
    """The link to one node; `node` is what the other rooms use of it."""

    def __init__(
        self,
        paired: PairedNode,
        reach: Reach,
        clock: Callable[[], int],
        *,
        adapters: AdapterRegistry | None = None,
        on_change: Callable[[], None] = lambda: None,
        on_moved: Callable[[str, str, int], None] = lambda node, host, port: None,
        on_usage: Callable[[Spent], None] = lambda spent: None,
        options: LinkOptions | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            clock: UTC milliseconds, for what is shown.
            adapters: where an adapter comes from that a request names and the node lacks.
            on_change: told each change of phase, from any thread; must be quick and must not raise.
            on_moved: told the id, host and port of a node that was found at another address.
            on_usage: told what each answer and probe cost.
        """
        self.paired, self._reach, self._clock = paired, reach, clock
        self._adapters, self._on_change, self._on_moved = adapters, on_change, on_moved
        self._options = options or LinkOptions()
        self._lock = threading.Lock()  # guards all below
        self._line: OpenLine | None = None  # kept between attempts, so that an attempt costs no row
        self._usable = self._used = False  # now, and ever since it was opened
        self._ended = False
        self._seen = Seen()
        self._measured = ""  # which start of it the pace is of
        self._state = NodeState("starting", clock(), f"{paired.name} is being looked for.")
        self._wake = threading.Event()
        self._silent_s = time.monotonic()
        self._searched = 0
        self._thread: threading.Thread | None = None
        self._forgetting: threading.Thread | None = None
        self.awake = False
        """Whether silence proves nothing: the machine answered when it was last asked, only not as a node, or the fault
        was on this side; False while it answers, and while it is silent."""
        self.node = ComputeNode(
            self._line_now, clock, fetch_adapter=self._adapter_bytes, elsewhere=True,
            on_usage=lambda spent: on_usage(replace(spent, node=paired.id, model=self.seen.model)),
        )  # fmt: skip

    @property
    def seen(self) -> Seen:
        """What is known of it."""
        with self._lock:
            return self._seen

    def state(self) -> NodeState:
        """Where it stands now."""
        with self._lock:
            return self._state

    def start(self) -> None:
        """Begin in the background; returns at once."""
        self._thread = threading.Thread(target=self._run, name=f"link to {self.paired.id}", daemon=True)
        self._thread.start()

    def end(self, *, forget: bool = False) -> None:
        """Cut everything at once, for good; `forget`: and have the node forget everything, in the background."""
        with self._lock:
            self._ended, self._usable = True, False
            line, self._line = self._line, None
            self._state = NodeState("down", self._clock(), f"{self.paired.name} is not asked any more.")
        if line is not None:
            line.close()
        self._wake.set()
        if forget:
            told = (self.paired,)
            self._forgetting = threading.Thread(target=self._reach.forget, args=told, name="forgetting", daemon=True)
            self._forgetting.start()

    def join(self) -> None:
        """Wait for the end of its threads."""
        for thread in (self._thread, self._forgetting):
            if thread is not None:
                thread.join(_STOP_S)

    def sync_adapters(self, wanted: AdapterEntry | None) -> None:
        """Have the node hold this adapter, if it fits its model, and no other.

        Raises:
            RetryLater: it went away meanwhile.
        """
        fits = wanted is not None and wanted.base_sha256 == self.seen.sha256
        loaded = self.node.health().adapters
        if wanted is not None and fits and wanted.id not in loaded:
            self.node.load_adapter(wanted.id, self._adapter_bytes(wanted.id))
        for adapter in loaded:
            if wanted is None or adapter != wanted.id:
                self.node.unload_adapter(adapter)

    # -- its thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended:
            try:
                line = self._opened()
                self._learn(line)
                why = self._watch(line)
            except HearthsideError as error:
                why = self._why(error)
            except Exception as error:  # noqa: BLE001 - whatever a node answers must not end the link for good
                _log.error("link to %s: %s", self.paired.id, type(error).__name__)
                self.awake = True
                why = f"{self.paired.name} does not answer as a compute node does."
            if why:
                self._lose(why)
                self._wake.wait(self._pause_s())
                self._wake.clear()
                self._look_elsewhere()

    def _opened(self) -> OpenLine:
        """The line there is, or a new one."""
        with self._lock:
            if self._line is not None:
                return self._line
            if self._ended:
                raise RetryLater("compute-gone", self._state.sentence)
        line = self._reach.line(self.paired, self._broke)
        with self._lock:
            if not self._ended:
                self._line, self._used = line, False
                return line
        line.close()
        raise RetryLater("compute-gone", self.state().sentence)

    def _learn(self, line: OpenLine) -> None:
        """Ask it what it is, and how fast it is from here unless that start of it is known."""
        health = self.node.health_over(line, self._options.timeout_s)
        line.key = health.start
        if health.start != self._measured or not health.start:
            self._note("starting", f"{self.paired.name} answers and is being measured.")
            self._remember(health, None)
            begun = time.monotonic()
            tokens = self.node.probe(line, self._options.probe_tokens, self._options.probe_timeout_s)
            self._remember(health, max(tokens, 1) / max(time.monotonic() - begun, 1e-6))
            self._measured = health.start
        with self._lock:
            if self._ended or self._line is not line:
                return
            self._usable = self._used = True
        self._silent_s, self._searched, self.awake = time.monotonic(), 0, False
        seen = self.seen
        pace = f"{seen.pace or 0:.0f} tokens a second here"
        self._note("ready", f"{self.paired.name} is ready with {seen.model}: {pace}.")

    def _remember(self, health: NodeHealth, pace: float | None) -> None:
        with self._lock:
            self._seen = Seen(
                health.model, health.sha256, health.bytes, health.parameters, health.context_tokens, pace, health.tasks
            )

    def _watch(self, line: OpenLine) -> str:
        """Heartbeats until it goes; why it is lost, or "" when it should be learnt of anew at once."""
        missed = 0
        while not self._ended:
            if self._wake.wait(self._options.again_s if missed else self._options.heartbeat_s):
                self._wake.clear()
                return ""  # a request broke off: whether it is still there shows at once
            try:
                health = self.node.health_over(line, self._options.timeout_s)
            except RetryLater as error:
                missed += 1
                if missed >= self._options.missed:
                    return self._why(error)
                continue
            missed, self._silent_s = 0, time.monotonic()
            if health.start != line.key:
                self._unusable()
                return ""
        return ""

    def _broke(self, line: OpenLine) -> None:
        """A request was not answered, told from its thread: nobody is sent there until it has shown itself again."""
        with self._lock:
            if line is not self._line or not self._usable:
                return
            self._usable = False
        self._note("down", f"{self.paired.name} stopped in the middle of its work; it is looked for again by itself.")
        self._wake.set()

    def _unusable(self) -> None:
        with self._lock:
            self._usable = False

    def _lose(self, why: str) -> None:
        """Cut what hangs on it. A line that was never of use stays: attempts to reach a node cost no rows."""
        with self._lock:
            if self._ended:
                return
            line = self._line if self._used else None
            if line is not None:
                self._line = None
            self._usable = False
            silent_s = time.monotonic() - self._silent_s
            grace = self._state.phase != "down" and bool(self._seen.pace) and silent_s < self._options.grace_s
        if line is not None:
            line.close()
        again = "Perhaps it starts anew, to forget what was said." if grace else "It is looked for again by itself."
        self._note("starting" if grace else "down", f"{why} {again}")

    def _why(self, error: HearthsideError) -> str:
        self.awake = _answered(error)
        if error.code in ("compute-gone", "egress-unreachable"):
            return f"{self.paired.name} does not answer at {place_of(self.paired)}."
        return f"{self.paired.name}: {error.message}"

    def _pause_s(self) -> float:
        options = self._options
        return options.again_s if time.monotonic() - self._silent_s < 60 else options.again_late_s

    def _look_elsewhere(self) -> None:
        """After some silence: see whether it has another address now."""
        waited = time.monotonic() - self._silent_s
        doublings = min(self._searched, _MOST_DOUBLINGS)
        due = self._options.search_after_s * 2**doublings + _HOUR_S * (self._searched - doublings)
        if self._ended or waited < due:
            return
        self._searched += 1
        try:
            found = self._reach.find(self._options.search_s)
        except HearthsideError as error:  # no row, no search
            _log.info("node %s was not looked for: %s", self.paired.id, error.code)
            return
        known = (self.paired.host, self.paired.port)
        places = {(one.host, one.port) for one in found if one.id == self.paired.id and _is_near(one.host)} - {known}
        for host, port in sorted(places)[:_MOST_TRIED]:
            if self._moves(replace(self.paired, host=host, port=port)):
                return

    def _moves(self, there: PairedNode) -> bool:
        """Whether it is there; anybody can announce it, so its key must prove it before its address is believed."""
        try:
            line = self._reach.line(there, self._broke)
        except HearthsideError as error:
            _log.info("node %s was not tried elsewhere: %s", there.id, error.code)
            return False
        try:
            self.node.health_over(line, min(_TRY_S, self._options.timeout_s))
        except Exception as error:  # noqa: BLE001 - whatever a stranger answers must not end the link
            _log.info("node %s is not where it was announced: %s", there.id, type(error).__name__)
            line.close()
            return False
        with self._lock:
            ended, former = self._ended, self._line
            if not ended:
                self._line, self._used = line, False
                self.paired = replace(self.paired, host=there.host, port=there.port)
        stale = line if ended else former
        if stale is not None:
            stale.close()
        if not ended:
            self._on_moved(there.id, there.host, there.port)
        return not ended

    def _note(self, phase: Phase, sentence: str) -> None:
        with self._lock:
            if self._ended:
                return
            before = self._state
            since = before.since_ms if before.phase == phase else self._clock()
            self._state = NodeState(phase, since, sentence)
        if before.phase != phase:
            _log.info("compute node %s is %s", self.paired.id, phase)
        self._on_change()

    # -- what its node asks ----------------------------------------------------------------------------------------

    def _line_now(self) -> Line:
        with self._lock:
            if self._usable and self._line is not None:
                return self._line
            code = "compute-starting" if self._state.phase == "starting" else "compute-gone"
            raise RetryLater(code, self._state.sentence)

    def _adapter_bytes(self, adapter: str) -> bytes:
        if self._adapters is None:
            raise Refused("adapter-unknown", f"There is no adapter {adapter}.")
        if self._adapters.entry(adapter).base_sha256 != self.seen.sha256:
            raise Refused("adapter-base-differs", f"The adapter {adapter} was trained for another base model.")
        return self._adapters.bytes_of(adapter)


def _answered(error: HearthsideError) -> bool:
    """Whether no node answered, and yet its machine may be awake.

    Only a wait in vain counts as silence (and that its address is not found in the network, which is what becomes of a
    machine that has frozen). A connection refused or reset, an answer that is not understood, a network or a name that
    is gone on this side: all these say nothing of that kind.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError | httpx.TimeoutException):
            return False
        if isinstance(cause, OSError) and cause.errno in _SILENT:
            return False
        cause = cause.__cause__ or cause.__context__
    return True


def _is_near(host: str) -> bool:
    """Whether an address can be one of the home's own network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_link_local or address.is_loopback
