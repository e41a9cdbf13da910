"""Two real compute nodes with a model each, over real TLS: one dies and the other takes over; one is let go."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hearthside.egress import Egress, LedgerRow
from hearthside.errors import RetryLater
from hearthside.identity.home_ca import HomeCa
from hearthside.inference.backend import Message
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.pool import NodePool
from hearthside.inference.remote.lan_door import LanDoor
from hearthside.inference.remote.link import HomeReach, LinkOptions, NodeLink
from hearthside.inference.remote.node_identity import NodeKey
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.shelf import ModelFile, embedded_model
from hearthside.inference.supervisor import NodeOptions, Supervisor
from tests.inference.remote.homes import clock, listener, made_home, paired, pin_of
from tests.inference.side_files import beep, picture_of
from tests.until import until

_LONG = "root ::= [a-z ]{1900}"  # no answer ends before it is cut
_TALK: list[Message] = [{"role": "user", "content": "Speak of the sea."}]
_QUICK = LinkOptions(heartbeat_s=0.3, again_s=0.3)


class Machine:
    """A compute node as on another machine; its model can be taken away, so that it does not come back by itself."""

    def __init__(self, folder: Path, name: str, ca: HomeCa, model: ModelFile) -> None:
        folder.mkdir()
        self.file = Path(shutil.copy(model.path, folder / "model.gguf"))
        identity = paired(ca, NodeKey())
        self.listener = listener()
        options = NodeOptions(
            context_tokens=512, parallel=1, door=LanDoor(self.listener, identity), guard=KeeperOptions(lock=folder)
        )
        served = ModelFile(self.file, model.name, model.sha256, model.bytes)
        self.supervisor = Supervisor(served, options, clock)
        pin = pin_of(identity)
        port = int(self.listener.getsockname()[1])
        self.paired = PairedNode(pin[:16], name, "127.0.0.1", port, pin, clock())

    def kill(self) -> None:
        self.file.rename(self.file.with_suffix(".away"))
        pid = self.supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def bring_back(self) -> None:
        self.file.with_suffix(".away").rename(self.file)

    def completions(self) -> int:
        """How many it was asked for since its start, by its own count."""
        assert self.supervisor.wait_ready(60)
        return self.supervisor.node.health().tally.completions

    def stop(self) -> None:
        self.supervisor.stop()
        self.listener.close()


@dataclass
class Home:
    """The station's side: a ledger, a door and a pool."""

    ca: HomeCa
    machines: list[Machine]
    lock: Path
    rows: list[LedgerRow] = field(default_factory=list)
    full: bool = False

    def __post_init__(self) -> None:
        self.egress = Egress(self._write, clock)
        reach = HomeReach(self.egress, lambda: self.ca)

        def link(node: PairedNode, on_change: Callable[[], None]) -> NodeLink:
            return NodeLink(node, reach, clock, on_change=on_change, options=_QUICK)

        self.pool = NodePool(self._local, link, clock, keeper_options=KeeperOptions(lock=self.lock))

    def _local(self, keeper: Keeper) -> Supervisor:
        return Supervisor(embedded_model(), NodeOptions(context_tokens=512), clock, keeper=keeper)

    def _write(self, row: LedgerRow) -> None:
        if self.full:
            raise RetryLater("journal-write-failed", "The disk is full.")
        self.rows.append(row)

    def by_id(self, node: str) -> Machine:
        return next(machine for machine in self.machines if machine.paired.id == node)

    def chosen(self) -> Machine:
        chosen = self.pool.chosen
        assert chosen is not None
        return self.by_id(chosen.paired.id)

    def other(self) -> Machine:
        return next(machine for machine in self.machines if machine is not self.chosen())

    def all_ready(self) -> bool:
        return all(link.state().phase == "ready" for link in self.pool.links())

    def text(self) -> str:
        return "".join(self.pool.node.complete(_TALK, max_tokens=4))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HomeCa, list[Machine]]]:
    folder, model = tmp_path_factory.mktemp("machines"), embedded_model()
    ca = made_home(folder)
    made = [Machine(folder / name, name, ca, model) for name in ("attic", "cellar")]
    for machine in made:
        machine.supervisor.start()
    assert all(machine.supervisor.wait_ready(120) for machine in made)
    yield ca, made
    for machine in made:
        machine.stop()


@pytest.fixture
def home(machines: tuple[HomeCa, list[Machine]], tmp_path: Path) -> Iterator[Home]:
    made = Home(machines[0], machines[1], tmp_path)
    made.pool.use([machine.paired for machine in machines[1]])
    made.pool.start()
    until(made.all_ready)
    yield made
    made.pool.stop()
    made.egress.close()


def test_the_other_takes_over_when_the_chosen_one_is_killed_and_it_comes_back(home: Home) -> None:
    first = home.chosen()
    paces = {link.paired.id: link.seen.pace or 0.0 for link in home.pool.links()}
    assert paces[first.paired.id] == max(paces.values())  # equal models: the faster one
    with home.pool.node.complete(_TALK, max_tokens=400, grammar=_LONG) as running:
        assert next(running)
        first.kill()
        with pytest.raises(RetryLater) as caught:
            list(running)
    assert caught.value.code == "compute-gone"
    until(lambda: home.pool.state().phase == "ready")
    assert home.chosen() is not first and home.text()
    assert first.paired.name in {link.paired.name for link in home.pool.links() if link.state().phase == "down"}
    first.bring_back()
    until(home.all_ready)
    assert home.text()
    assert home.pool.local is None and home.pool.pid is None


def test_heartbeats_have_one_row_for_each_link_and_what_carries_content_its_own(home: Home) -> None:
    begun = len(home.rows)
    assert [(row.data_class, row.bytes_out) for row in home.rows] == [("heartbeat", 0)] * 2
    beats = [machine.supervisor.node.health().uptime_ms for machine in home.machines]
    until(lambda: min(machine.supervisor.node.health().uptime_ms for machine in home.machines) > max(beats) + 1500)
    assert len(home.rows) == begun
    assert home.text() and home.pool.node.embed(["tea"]).shape[0] == 1
    assert home.pool.side("read_picture").read_picture(picture_of("TEA")).text == "TEA"
    assert home.pool.side("transcribe").transcribe(beep()).text == ""
    node = home.chosen().paired
    assert [(row.purpose, row.data_class, row.destination, row.consent) for row in home.rows[begun:]] == [
        ("compute-node", "prompt", f"https://127.0.0.1:{node.port}", node.id),
        ("compute-node", "texts", f"https://127.0.0.1:{node.port}", node.id),
        ("compute-node", "picture", f"https://127.0.0.1:{node.port}", node.id),
        ("compute-node", "recording", f"https://127.0.0.1:{node.port}", node.id),
    ]


def test_without_a_row_no_word_leaves(home: Home) -> None:
    before = [machine.completions() for machine in home.machines]
    home.full = True
    with pytest.raises(RetryLater) as caught:
        home.text()
    assert caught.value.code == "journal-write-failed"
    with pytest.raises(RetryLater):
        home.pool.node.embed(["tea"])
    assert [machine.completions() for machine in home.machines] == before and home.all_ready()
    home.full = False
    assert home.text()


def _let_go_in_the_middle_of_an_answer(home: Home, stays: Machine) -> float:
    """Seconds from the decision until the answer of the other one was cut."""
    ended = list[tuple[str, float]]()
    answer = home.pool.node.complete(_TALK, max_tokens=400, grammar=_LONG)
    assert next(answer)

    def read() -> None:
        try:
            list(answer)
        except RetryLater as error:
            ended.append((error.code, time.monotonic()))

    reader = threading.Thread(target=read)
    reader.start()
    begun = time.monotonic()
    home.pool.use([stays.paired])
    reader.join(30)
    assert ended[0][0] == "compute-gone" and home.chosen() is stays
    return ended[0][1] - begun


def test_a_node_that_is_let_go_is_out_at_once_and_forgets(home: Home) -> None:
    gone, stays = home.chosen(), home.other()
    before_pid = gone.supervisor.pid
    _let_go_in_the_middle_of_an_answer(home, stays)
    until(lambda: gone.supervisor.pid not in (None, before_pid))  # it was told to forget, and began anew
    before = (gone.completions(), stays.completions())
    assert all(home.text() for _ in range(3))
    assert (gone.completions(), stays.completions()) == (before[0], before[1] + 3) == (0, before[1] + 3)
    assert "forget" in {row.data_class for row in home.rows}


@pytest.mark.soak
def test_it_is_out_within_a_second_each_time(home: Home) -> None:
    took_s = []
    for _ in range(10):
        until(home.all_ready)
        took_s.append(_let_go_in_the_middle_of_an_answer(home, home.other()))
        home.pool.use([machine.paired for machine in home.machines])
    assert max(took_s) < 1.0, took_s
