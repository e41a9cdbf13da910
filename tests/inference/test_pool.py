"""Which of several nodes answers: always one that is ready, never one that was revoked, the best of those there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.identity.vault import create_vault
from hearthside.inference.adapters import AdapterEntry, AdapterManifest, AdapterRegistry
from hearthside.inference.client import ComputeNode
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.lines import Line
from hearthside.inference.pool import LEAST_PACE, NodePool, choose
from hearthside.inference.remote.link import Seen
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.side_models import Task
from hearthside.inference.supervisor import NodeState, Phase, Supervisor
from tests.until import until

_PHASES: list[Phase] = ["starting", "ready", "down"]


@dataclass
class Scripted:
    """A link whose node is as the test says."""

    paired: PairedNode
    on_change: Callable[[], None] = lambda: None
    seen: Seen = field(default_factory=Seen)
    phase: Phase = "starting"
    ended: bool = False
    forgot: bool = False
    awake: bool = False
    started: int = 0
    synced: list[AdapterEntry | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.node = ComputeNode(self._line, lambda: 0)

    def _line(self) -> Line:
        raise RetryLater("compute-gone", f"{self.paired.id} is asked")

    def be(self, phase: Phase, **seen: object) -> None:
        self.phase, self.seen = phase, replace(self.seen, **seen)  # type: ignore[arg-type]
        self.on_change()

    def state(self) -> NodeState:
        return NodeState(self.phase, 0, f"{self.paired.name} is {self.phase}.")

    def start(self) -> None:
        self.started += 1

    def end(self, *, forget: bool = False) -> None:
        self.phase, self.ended, self.forgot = "down", True, forget

    def join(self) -> None:
        assert self.ended

    def sync_adapters(self, wanted: AdapterEntry | None) -> None:
        self.synced.append(wanted)


def _paired(node: str) -> PairedNode:
    return PairedNode(node, f"machine {node}", "192.0.2.1", 8421, node * 16, 1)


class _Pool:
    """A pool of scripted links; a model of its own is missing on this machine."""

    def __init__(self, folder: Path | None = None, adapters: AdapterRegistry | None = None) -> None:
        self.links: dict[str, Scripted] = {}
        self.now_ms = 0
        self.locals: list[Keeper] = []
        self.states: list[NodeState] = []
        options = KeeperOptions(lock=folder) if folder is not None else None
        self.pool = NodePool(self._local, self._link, lambda: self.now_ms, adapters, keeper_options=options)
        self.pool.tell(self.states.append)

    def _link(self, paired: PairedNode, on_change: Callable[[], None]) -> Scripted:
        self.links[paired.id] = Scripted(paired, on_change)
        return self.links[paired.id]

    def _local(self, keeper: Keeper) -> Supervisor:
        self.locals.append(keeper)
        raise NeedsPerson("embedded-model-missing", "There is no model here.")

    def asked(self) -> str:
        """Who is asked now, or why nobody is."""
        with pytest.raises(RetryLater) as caught:
            self.pool.node.complete([{"role": "user", "content": "x"}])
        return caught.value.message.removesuffix(" is asked")


@pytest.fixture
def three(tmp_path: Path) -> Iterator[_Pool]:
    made = _Pool(tmp_path)
    made.pool.use([_paired("a"), _paired("b"), _paired("c")])
    made.pool.start()
    yield made
    made.pool.stop()


def test_what_the_node_that_answers_cannot_do_another_does(three: _Pool) -> None:
    def asked(task: Task) -> str:
        with pytest.raises(RetryLater) as caught:
            three.pool.side(task).read_picture(b"x")
        return caught.value.message.removesuffix(" is asked")

    three.links["a"].be("ready", parameters=8, pace=20.0, tasks=("embed",))
    assert asked("transcribe") == "a"  # which says that it cannot
    three.links["c"].be("starting", parameters=1, pace=20.0, tasks=("embed", "transcribe"))
    assert asked("transcribe") == "a"
    three.links["c"].be("ready")
    assert (asked("transcribe"), asked("read_picture")) == ("c", "a")
    three.links["a"].be("ready", tasks=("embed", "transcribe"))
    assert asked("transcribe") == "a"
    for link in three.links.values():
        link.be("down")
    assert asked("transcribe") == "c"  # the last that answered; its sentence says since when it is away


_LINKS = st.lists(
    st.tuples(
        st.sampled_from(_PHASES),
        st.sampled_from([0, 135_000_000, 8_000_000_000, 70_000_000_000]),
        st.one_of(st.none(), st.floats(0.01, 500)),
    ),
    max_size=6,
)


@given(_LINKS)
def test_who_is_chosen_is_ready_and_none_better_is_passed_over(script: list[tuple[Phase, int, float | None]]) -> None:
    links = [
        Scripted(_paired(str(at)), seen=Seen(parameters=parameters, pace=pace), phase=phase)
        for at, (phase, parameters, pace) in enumerate(script)
    ]
    ready = [link for link in links if link.phase == "ready"]
    chosen = choose(links)
    assert (chosen is None) == (not ready)
    if chosen is None:
        return
    assert chosen.phase == "ready" and choose(list(reversed(links))) is chosen
    pace = chosen.seen.pace or 0.0
    for other in ready:
        readable = (other.seen.pace or 0.0) >= LEAST_PACE
        if pace >= LEAST_PACE:
            assert not readable or other.seen.parameters <= chosen.seen.parameters
        else:
            assert not readable and (other.seen.pace or 0.0) <= pace


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["ready", "down", "starting", "revoke", "pair"]))))
def test_nobody_revoked_is_ever_chosen_whatever_happens(steps: list[tuple[str, str]]) -> None:
    made = _Pool()
    made.pool._running = True  # without the guard's process; links are scripted
    paired = {"a"}
    made.pool.use([_paired("a")])
    for node, step in steps:
        if step == "revoke":
            paired.discard(node)
        elif step == "pair":
            paired.add(node)
        elif node in paired:
            made.links[node].be(step, pace=9.0)  # type: ignore[arg-type]
        nodes = [replace(_paired(one), revoked_ms=None if one in paired else 7) for one in "abc"]
        made.pool.use(nodes)
        chosen = made.pool.chosen
        assert {link.paired.id for link in made.pool.links()} == paired
        if chosen is None:
            assert all(made.links[one].phase != "ready" for one in paired)
        else:
            assert chosen.paired.id in paired and not made.links[chosen.paired.id].ended
            assert made.asked() == chosen.paired.id
        assert made.pool.wait_ready(0) == (chosen is not None)
    assert all(link.ended for name, link in made.links.items() if name not in paired)


def test_the_largest_that_is_fast_enough_answers_and_the_next_takes_over(three: _Pool) -> None:
    pool, links = three.pool, three.links
    assert pool.state().phase == "starting" and [links[one].started for one in "abc"] == [1, 1, 1]
    links["a"].be("ready", parameters=135_000_000, pace=60.0, model="small", bytes=9)
    assert three.asked() == "a" and pool.model_name == "small" and pool.model_bytes == 9
    links["b"].be("ready", parameters=8_000_000_000, pace=12.0, model="large")
    assert three.asked() == "b" and "largest" in pool.why()
    links["c"].be("ready", parameters=70_000_000_000, pace=2.0)
    assert three.asked() == "b"  # nobody can read along with the largest
    links["b"].be("down")
    assert three.asked() == "a" and pool.state().phase == "ready"
    links["a"].be("down")
    assert three.asked() == "c" and "fastest" in pool.why()
    links["c"].be("down")
    assert pool.state().phase == "down" and three.asked() == "c"
    links["b"].be("ready")
    assert three.asked() == "b"
    assert [state.phase for state in three.states] == ["ready", "down", "ready"]  # of changes of the whole, once each
    assert pool.elsewhere and pool.local is None and not three.locals


def test_since_when_it_stands_so_is_kept_while_nodes_take_over(three: _Pool) -> None:
    three.now_ms = 100
    three.links["a"].be("ready", pace=9.0)
    three.now_ms = 200
    three.links["b"].be("ready", pace=99.0)
    three.links["a"].be("down")
    assert three.pool.state().since_ms == 100
    three.now_ms = 300
    three.links["b"].be("down")
    three.links["c"].be("down")
    assert (three.pool.state().phase, three.pool.state().since_ms) == ("down", 300)
    assert "machine a is down" in three.pool.state().sentence


def test_a_node_that_is_let_go_is_cut_and_forgets_and_is_another_one_when_paired_anew(three: _Pool) -> None:
    three.links["a"].be("ready", pace=9.0)
    first = three.links["a"]
    three.pool.use([replace(_paired("a"), revoked_ms=5), _paired("b")])
    assert first.ended and first.forgot and three.links["c"].forgot
    assert three.pool.chosen is None and three.pool.node is not first.node
    three.pool.use([replace(_paired("a"), paired_ms=9), _paired("b")])
    assert three.links["a"] is not first and three.links["a"].started == 1 and not three.links["b"].ended


def test_another_name_changes_the_name_alone_and_another_address_the_link(three: _Pool) -> None:
    first = three.links["a"]
    others = [_paired("b"), _paired("c")]
    three.pool.use([replace(_paired("a"), name="attic", plug="switch.attic"), *others])
    assert three.links["a"] is first and first.paired.name == "attic" and not first.ended
    three.pool.use([replace(_paired("a"), host="192.0.2.9"), *others])
    assert three.links["a"] is not first and first.ended and not first.forgot


def test_every_node_that_is_ready_is_told_of_the_adapter(three: _Pool) -> None:
    three.links["a"].be("ready", pace=9.0)
    three.pool.sync_adapters()
    assert [len(three.links[one].synced) for one in "abc"] == [1, 0, 0]


class _Holding:
    """The memory of a node, as far as adapters are in it."""

    key = "start"

    def __init__(self, *adapters: str) -> None:
        self.adapters = list(adapters)

    @contextmanager
    def open(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> Iterator[httpx.Response]:
        if method == "DELETE":
            self.adapters.remove(path.removeprefix("/adapters/"))
        health = {"model": "m", "sha256": "", "adapters": self.adapters, "running": 0, "progress": 0,
                  "last_completion_ms": None, "uptime_ms": 1, "tally": {}}  # fmt: skip
        yield httpx.Response(200, json=health)

    def broken(self) -> None:
        raise AssertionError("it answers")


def _held_by(link: Scripted, *adapters: str) -> _Holding:
    held = _Holding(*adapters)
    link.node = ComputeNode(lambda: held, lambda: 0)
    return held


def test_an_adapter_that_is_withdrawn_while_a_link_flaps_is_taken_out_when_it_is_back(three: _Pool) -> None:
    link = three.links["a"]
    held = _held_by(link, "tainted")
    link.be("down")
    three.pool.sync_adapters()
    assert link.synced == [] and held.adapters == ["tainted"]
    link.be("ready", pace=9.0)
    until(lambda: held.adapters == [])


def test_what_another_process_withdrew_is_taken_out_when_the_node_is_back(three: _Pool) -> None:
    link = three.links["a"]
    held = _held_by(link, "old")
    link.be("ready", pace=9.0)
    until(lambda: held.adapters == [])
    held.adapters.append("tainted")
    link.be("down")
    link.be("ready")
    until(lambda: held.adapters == [])


def test_a_link_that_is_back_before_anybody_saw_it_go_is_looked_at_too(three: _Pool) -> None:
    link = three.links["a"]
    link.be("ready", pace=9.0)
    held = _held_by(link, "tainted")
    link.phase = "down"  # its word is on the way
    three.pool.sync_adapters()
    link.be("ready")
    until(lambda: held.adapters == [])


def test_a_node_that_refuses_an_adapter_drops_the_others_and_so_do_the_other_nodes(three: _Pool) -> None:
    def refuse(wanted: AdapterEntry | None) -> None:
        raise Refused("adapter-not-taken", "This model server takes no adapters.")

    for link in three.links.values():
        link.be("ready", pace=9.0)
    held = _held_by(three.links["a"], "tainted")
    three.links["a"].sync_adapters = refuse  # type: ignore[method-assign]
    three.pool.sync_adapters()
    assert held.adapters == [] and [len(three.links[one].synced) for one in "bc"] == [1, 1]


def test_the_active_adapter_stays_and_is_not_sent_to_a_node_that_is_only_back(tmp_path: Path) -> None:
    """Idle, a node empties its memory; what is sent to it unasked would be there all the time."""
    registry = AdapterRegistry(create_vault(tmp_path / "vault", key_file=tmp_path / "key"), lambda: 0)
    active = registry.stage(
        b"weights", AdapterManifest("ab" * 32, "lora_sft", "2026-01-01", "2026-01-31", 9, "receipt")
    )
    registry.promote(active)
    made = _Pool(tmp_path, registry)
    made.pool.use([_paired("a"), _paired("b")])
    held, empty = _held_by(made.links["a"], "old", active), _held_by(made.links["b"], "old")
    made.pool.start()
    try:
        for link in made.links.values():
            link.be("ready", pace=9.0)
        until(lambda: held.adapters == [active] and empty.adapters == [])
        assert made.links["b"].synced == []
    finally:
        made.pool.stop()


def test_nodes_that_went_are_not_kept(three: _Pool) -> None:
    for turn in range(20):
        three.pool.use([replace(_paired("a"), paired_ms=turn + 9)])
        until(lambda: not any(thread.is_alive() for thread in three.pool._beside))
    assert len(three.pool._beside) < 3 and set(three.pool._holding) == {"a"}


def test_who_answers_is_read_at_once_and_known_to_serve_another_model_when_it_does(three: _Pool) -> None:
    assert (three.pool.snapshot().model, three.pool.snapshot().id) == ("", "")
    three.links["a"].be("ready", pace=9.0, model="small", sha256="aa", bytes=7)
    serving = three.pool.snapshot()
    assert (serving.id, serving.model, serving.sha256, serving.bytes) == ("a", "small", "aa", 7)
    assert serving.asked() is three.links["a"].node
    three.links["b"].be("ready", pace=9.0, parameters=5, model="large", sha256="bb")
    assert three.pool.snapshot().id == "b" and serving.asked() is three.links["a"].node
    three.links["a"].be("ready", sha256="cc")
    with pytest.raises(RetryLater, match="another model"):
        serving.asked()


def test_without_a_paired_node_the_model_runs_here_and_why_it_cannot_is_said(tmp_path: Path) -> None:
    made = _Pool(tmp_path)
    made.pool.start()
    try:
        assert len(made.locals) == 1 and made.locals[0] is made.pool.keeper
        assert made.pool.state().phase == "down" and made.asked() == "There is no model here."
        made.pool.use([_paired("a")])
        made.links["a"].be("ready", pace=9.0)
        assert made.asked() == "a" and len(made.locals) == 1
        made.pool.use([])
        assert len(made.locals) == 2 and made.pool.state().phase == "down" and not made.pool.elsewhere
    finally:
        made.pool.stop()


def test_waiting_ends_when_somebody_is_ready(three: _Pool) -> None:
    begun = time.monotonic()
    assert not three.pool.wait_ready(0.01)
    three.links["b"].be("ready", pace=9.0)
    assert three.pool.wait_ready(60) and time.monotonic() - begun < 50
