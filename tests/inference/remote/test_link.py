"""One link to a node that answers as the test says: reached, measured, watched, lost, found elsewhere, let go."""

from __future__ import annotations

import errno
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.identity.vault import create_vault
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry
from hearthside.inference.backend import Message
from hearthside.inference.meter import Spent
from hearthside.inference.remote.announce import FoundNode
from hearthside.inference.remote.link import HomeReach, LinkOptions, NodeLink, OpenLine
from hearthside.inference.remote.pairing import PairedNode
from tests.inference.remote.homes import clock, ledger, listener, made_home
from tests.until import until

_QUICK = LinkOptions(heartbeat_s=0.02, again_s=0.02, again_late_s=0.02, search_after_s=0.05, search_s=0.0, grace_s=0.0)
_TALK: list[Message] = [{"role": "user", "content": "Hello."}]
_USAGE = {"prompt_tokens": 5, "cached_tokens": 0, "completion_tokens": 1, "seconds": 0.1, "finish": "stop"}
_BASE = "ab" * 32


@dataclass
class Node:
    """A node, and the network to it, as the test says.

    Attributes:
        away: requests do not reach it.
        late: heartbeats that are not answered in time, used up one by one.
        cut: the next answers break off.
        asked: method and path of everything that reached it.
    """

    host: str = "192.0.2.1"
    start: str = "first"
    away: bool = False
    cause: Exception | None = None
    late: int = 0
    cut: bool = False
    tokens: int = 8
    error: HearthsideError | None = None
    adapters: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    opened: list[ScriptedLine] = field(default_factory=list)
    found: list[FoundNode] = field(default_factory=list)
    searched: int = 0
    forgot: int = 0

    # -- what a link uses of the network (`Reach`) --

    def line(self, paired: PairedNode, on_broken: Callable[[OpenLine], None]) -> OpenLine:
        if self.error is not None:
            raise self.error
        self.opened.append(ScriptedLine(self, paired.host, on_broken))
        return self.opened[-1]

    def forget(self, paired: PairedNode) -> bool:
        self.forgot += 1
        return not self.away

    def find(self, seconds: float) -> list[FoundNode]:
        self.searched += 1
        return self.found

    # -- what it answers --

    def answer(self, method: str, path: str, body: bytes) -> httpx.Response:
        self.asked.append(f"{method} {path}")
        if path == "/health":
            tally = {"completions": 3, "of_a_later_version": 1}
            said = {
                "model": "large", "sha256": _BASE, "adapters": self.adapters, "running": 0, "progress": 1,
                "last_completion_ms": None, "uptime_ms": 5, "tally": tally, "start": self.start, "bytes": 70,
                "parameters": 9_000, "context_tokens": 512, "of_a_later_version": True,
            }  # fmt: skip
            return httpx.Response(200, content=orjson.dumps(said))
        if path == "/probe":
            wanted = orjson.loads(body)["tokens"]
            return httpx.Response(200, json={"seconds": 0.1, "tokens": min(wanted, self.tokens), "usage": _USAGE})
        if path == "/complete":
            return self._complete(orjson.loads(body)["adapter"])
        if path.startswith("/adapters/"):
            name = path.removeprefix("/adapters/")
            self.adapters = [*self.adapters, name] if method == "PUT" else [a for a in self.adapters if a != name]
        return httpx.Response(200, json={})

    def _complete(self, adapter: str | None) -> httpx.Response:
        if adapter is not None and adapter not in self.adapters:
            error = {"kind": "Refused", "code": "adapter-not-loaded", "message": "it is not here"}
            return httpx.Response(422, json={"error": error})
        last = b"" if self.cut else orjson.dumps({"text": "", "usage": _USAGE}) + b"\n"
        return httpx.Response(200, content=orjson.dumps({"text": "Hello"}) + b"\n" + last)


class ScriptedLine:
    """A line to it."""

    def __init__(self, node: Node, host: str, on_broken: Callable[[OpenLine], None]) -> None:
        self._node, self.host, self._on_broken = node, host, on_broken
        self.key, self.closed = "", False

    @contextmanager
    def open(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> Iterator[httpx.Response]:
        node = self._node
        if self.closed or node.away or self.host != node.host:
            raise RetryLater("egress-unreachable", "nobody there") from node.cause
        if path == "/health" and node.late:
            node.late -= 1
            raise httpx.ReadTimeout("late")
        yield node.answer(method, path, body)

    def broken(self) -> None:
        self._on_broken(self)

    def close(self) -> None:
        self.closed = True


@dataclass
class Watched:
    """A link to it, and what it told."""

    node: Node
    registry: AdapterRegistry
    options: LinkOptions = _QUICK
    phases: list[str] = field(default_factory=list)
    moved: list[tuple[str, str, int]] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)

    def __post_init__(self) -> None:
        paired = PairedNode("0123456789abcdef", "Spark", "192.0.2.1", 8421, "0123456789abcdef" * 4, 1)
        self.link = NodeLink(
            paired, self.node, clock, adapters=self.registry, on_change=self._changed,
            on_moved=lambda *where: self.moved.append(where), on_usage=self.spent.append, options=self.options,
        )  # fmt: skip

    def _changed(self) -> None:
        phase = self.link.state().phase
        if self.phases[-1:] != [phase]:
            self.phases.append(phase)

    def be(self, phase: str) -> None:
        until(lambda: self.link.state().phase == phase)

    def text(self, adapter: str | None = None) -> str:
        return "".join(self.link.node.complete(_TALK, adapter=adapter))


@pytest.fixture
def registry(tmp_path: Path) -> AdapterRegistry:
    return AdapterRegistry(create_vault(tmp_path / "vault", key_file=tmp_path / "key"), clock)


@pytest.fixture
def watched(registry: AdapterRegistry) -> Iterator[Watched]:
    made = Watched(Node(), registry)
    yield made
    made.link.end()
    made.link.join()


def test_it_is_measured_with_a_completion_once_for_each_start(watched: Watched) -> None:
    with pytest.raises(RetryLater) as early:
        watched.text()
    assert early.value.code == "compute-starting" and watched.node.opened == []
    watched.link.start()
    watched.be("ready")
    seen = watched.link.seen
    assert (seen.model, seen.sha256, seen.parameters, seen.bytes, seen.context_tokens) == (
        "large",
        _BASE,
        9_000,
        70,
        512,
    )
    assert seen.pace is not None and seen.pace > 0 and "Spark is ready with large" in watched.link.state().sentence
    assert watched.node.asked[:2] == ["GET /health", "POST /probe"]
    until(lambda: watched.node.asked.count("GET /health") > 5)
    assert watched.node.asked.count("POST /probe") == 1  # silence costs no token
    assert watched.text() == "Hello" and watched.link.node.elsewhere
    assert watched.node.asked.count("POST /probe") == 1  # nor does the first question after it
    assert [(one.node, one.model, one.probe) for one in watched.spent] == [
        ("0123456789abcdef", "large", True), ("0123456789abcdef", "large", False),
    ]  # fmt: skip
    watched.node.start = "second"
    until(lambda: watched.node.asked.count("POST /probe") == 2)
    watched.be("ready")
    assert len(watched.node.opened) == 1 and watched.phases == ["starting", "ready", "starting", "ready"]


def test_two_late_heartbeats_are_forgiven_and_three_are_not(watched: Watched) -> None:
    watched.link.start()
    watched.be("ready")
    watched.node.late = 2
    until(lambda: watched.node.late == 0)
    until(lambda: watched.node.asked[-3:] == ["GET /health"] * 3)
    assert watched.phases == ["starting", "ready"]
    watched.node.late = 3
    until(lambda: "down" in watched.phases)
    watched.be("ready")
    assert len(watched.node.opened) == 2 and watched.node.opened[0].closed
    assert watched.node.asked.count("POST /probe") == 1  # the same start of the node


def test_a_node_that_starts_anew_to_forget_is_no_outage(registry: AdapterRegistry) -> None:
    watched = Watched(Node(), registry, LinkOptions(heartbeat_s=0.02, again_s=0.02, grace_s=60))
    watched.link.start()
    watched.be("ready")
    watched.node.away = True
    watched.be("starting")
    assert "starts anew, to forget" in watched.link.state().sentence
    watched.node.away, watched.node.start = False, "second"
    watched.be("ready")
    assert watched.phases == ["starting", "ready", "starting", "ready"]
    watched.link.end()
    watched.link.join()


def test_attempts_to_reach_it_share_one_line_and_so_one_row(watched: Watched) -> None:
    watched.node.away = True
    watched.link.start()
    watched.be("down")
    assert "does not answer at 192.0.2.1:8421" in watched.link.state().sentence
    until(lambda: watched.node.searched >= 2)
    assert len(watched.node.opened) == 1
    watched.node.away = False
    watched.be("ready")
    assert len(watched.node.opened) == 1 and not watched.moved
    watched.node.away = True
    watched.be("down")
    watched.node.away = False
    watched.be("ready")
    assert len(watched.node.opened) == 2


def test_an_answer_that_breaks_off_takes_it_out_at_once_until_it_has_shown_itself(registry: AdapterRegistry) -> None:
    watched = Watched(Node(), registry, LinkOptions(heartbeat_s=60, again_s=0.02, grace_s=0.0))
    watched.link.start()
    watched.be("ready")
    watched.node.cut = True
    with pytest.raises(RetryLater) as caught:
        watched.text()
    assert caught.value.code == "compute-gone" and "down" in watched.phases
    watched.be("ready")  # its heart goes on: the line is kept, and nothing is measured again
    assert len(watched.node.opened) == 1 and watched.node.asked.count("POST /probe") == 1
    watched.node.away = True
    with pytest.raises(RetryLater):
        watched.text()
    assert watched.link.state().phase == "down"
    until(lambda: watched.node.opened[0].closed)
    watched.node.away = watched.node.cut = False
    watched.be("ready")
    assert watched.text() == "Hello"
    watched.link.end()
    watched.link.join()


def test_an_answer_that_is_closed_by_the_person_takes_nothing_out(watched: Watched) -> None:
    watched.link.start()
    watched.be("ready")
    with watched.link.node.complete(_TALK) as answer:
        assert next(answer) == "Hello"
    assert watched.phases == ["starting", "ready"]


def test_it_is_found_at_another_address(watched: Watched) -> None:
    watched.node.host = "192.0.2.7"
    stranger, itself = (
        FoundNode("f" * 16, "192.0.2.9", 8421, False),
        FoundNode(watched.link.paired.id, "192.0.2.7", 9, False),
    )
    watched.node.found = [stranger, itself]
    watched.link.start()
    watched.be("ready")
    assert watched.moved == [(watched.link.paired.id, "192.0.2.7", 9)]
    assert (watched.link.paired.host, watched.link.paired.port) == ("192.0.2.7", 9)
    assert watched.node.opened[0].closed and len(watched.node.opened) == 2


def test_nobody_else_can_say_where_it_is(watched: Watched) -> None:
    watched.link.start()
    watched.be("ready")
    known = watched.link.paired
    watched.node.found = [FoundNode(known.id, "192.0.2.66", 443, False), FoundNode(known.id, "8.8.8.8", 443, False)]
    watched.node.away = True
    until(lambda: "192.0.2.66" in [line.host for line in watched.node.opened])
    assert watched.link.paired == known and watched.moved == []
    watched.node.away = False  # it is back where it always was, while a stranger goes on
    watched.be("ready")
    assert watched.link.paired == known and watched.moved == []
    tried = [line for line in watched.node.opened if line.host != known.host]
    assert all(line.closed for line in tried) and "8.8.8.8" not in [line.host for line in tried]


@pytest.mark.parametrize("code", ["journal-write-failed", "home-ca-damaged"])
def test_without_a_row_or_a_certificate_nothing_is_sent_and_it_is_said(watched: Watched, code: str) -> None:
    kind = RetryLater if code.startswith("journal") else NeedsPerson
    watched.node.error = kind(code, "It cannot be written down.")
    watched.link.start()
    watched.be("down")
    assert "It cannot be written down." in watched.link.state().sentence and watched.node.asked == []
    watched.node.error = None
    watched.be("ready")


def test_a_machine_that_answers_otherwise_is_awake_and_one_that_is_silent_is_not(watched: Watched) -> None:
    """Its plug must not be switched then: only the service was ended there."""
    watched.node.away, watched.node.cause = True, TimeoutError()
    watched.link.start()
    watched.be("down")
    assert not watched.link.awake
    silent = [TimeoutError(), httpx.ConnectTimeout("slow"), OSError(errno.EHOSTUNREACH, "no route to host")]
    own = [OSError(number, "this machine's network") for number in (errno.ENETUNREACH, errno.ENETDOWN)]
    others = [
        ConnectionRefusedError(), ConnectionResetError(), ssl.SSLError("another certificate"),
        httpx.RemoteProtocolError("the certificate of the station was refused"), *own,
        OSError(errno.EADDRNOTAVAIL, "no address"),
    ]  # fmt: skip
    for at, cause in enumerate(others):
        watched.node.cause = cause
        until(lambda: watched.link.awake)
        watched.node.cause = silent[at % len(silent)]
        until(lambda: not watched.link.awake)
    watched.node.cause, watched.node.away = ConnectionRefusedError(), False
    watched.be("ready")
    assert not watched.link.awake


def test_an_answer_that_is_none_of_a_node_is_survived(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = watched.node.answer
    monkeypatch.setattr(watched.node, "answer", lambda: "takes other arguments, so it is a TypeError")
    watched.link.start()
    watched.be("down")
    assert "as a compute node does" in watched.link.state().sentence
    assert watched.link.awake  # a node of another version, perhaps: its plug is left alone
    monkeypatch.setattr(watched.node, "answer", lambda *_: httpx.Response(200, content=b'{"model": 1}'))
    until(lambda: "as a compute node does" not in watched.link.state().sentence)
    assert watched.link.awake
    monkeypatch.setattr(watched.node, "answer", answer)
    watched.be("ready")


def test_a_machine_that_is_frozen_is_silent_and_one_without_a_service_is_awake(tmp_path: Path) -> None:
    """What the network really says: a frozen machine's kernel may take the connection, and nobody greets."""
    egress, _ = ledger()
    home = made_home(tmp_path)
    with listener() as frozen:
        port = int(frozen.getsockname()[1])
        paired = PairedNode("0123456789abcdef", "Spark", "127.0.0.1", port, "01" * 32, 1)
        options = LinkOptions(timeout_s=0.2, again_s=0.02, grace_s=0.0, search_after_s=9999)
        link = NodeLink(paired, HomeReach(egress, lambda: home), clock, options=options)
        link.start()
        until(lambda: link.state().phase == "down")
        assert not link.awake
    until(lambda: link.awake)
    link.end()
    link.join()
    ways = len(egress._ways)
    assert not HomeReach(egress, lambda: home).forget(paired)
    assert len(egress._ways) == ways  # the certificates of one that was not told are let go all the same
    egress.close()


def test_let_go_it_is_cut_and_told_to_forget_and_nothing_reaches_it_any_more(watched: Watched) -> None:
    watched.link.start()
    watched.be("ready")
    watched.link.end(forget=True)
    assert watched.node.opened[0].closed
    watched.link.join()
    reached = len(watched.node.asked)
    with pytest.raises(RetryLater) as caught:
        watched.text()
    assert caught.value.code == "compute-gone" and "not asked any more" in caught.value.message
    until(lambda: watched.node.forgot == 1)
    assert len(watched.node.asked) == reached
    assert all(f"link to {watched.link.paired.id}" != thread.name for thread in threading.enumerate())


def test_an_adapter_goes_to_a_node_with_its_own_base_only(watched: Watched, registry: AdapterRegistry) -> None:
    watched.link.start()
    watched.be("ready")
    fits, foreign = (
        registry.stage(content, AdapterManifest(base, "lora_sft", "2026-01-01", "2026-01-31", 900, "receipt"))
        for content, base in ((b"one", _BASE), (b"two", "cd" * 32))
    )
    assert watched.text(fits) == "Hello" and watched.node.adapters == [fits]
    with pytest.raises(Refused) as caught:
        watched.text(foreign)
    assert caught.value.code == "adapter-base-differs"
    registry.promote(foreign)
    watched.link.sync_adapters(registry.active())
    assert watched.node.adapters == []  # the active one does not fit, and no other is held
    registry.promote(fits)
    watched.link.sync_adapters(registry.active())
    assert watched.node.adapters == [fits]
