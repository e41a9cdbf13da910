"""Compute nodes as the person decides about them: paired with a code, renamed by nobody, let go from anywhere."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.nodes import USUAL_PORT, NodeBook, NodesDesk, _place
from hearthside.app.rooms import Rooms
from hearthside.app.running import running
from hearthside.app.station import open_house
from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import Event
from hearthside.home import EntityState
from hearthside.identity.home_ca import FILE, HomeCa
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.pool import NodePool
from hearthside.inference.remote.lan_door import serving_context
from hearthside.inference.remote.link import HomeReach
from hearthside.inference.remote.pairing import PairedNode
from hearthside.inference.shelf import embedded_model
from hearthside.inference.supervisor import NodeOptions, Supervisor
from tests.app.helpers import NOW_MS, house_in, settings_in
from tests.app.waiting_node import waiting_node
from tests.inference.remote.homes import clock, listener, paired, pin_of
from tests.inference.test_pool import Scripted
from tests.test_egress_tls import Receiver
from tests.until import until

_PLUG = EntityState("switch.spark", "on", {"friendly_name": "Spark"}, NOW_MS, "")
_OVEN = EntityState("switch.oven", "on", {"friendly_name": "Oven"}, NOW_MS, "")


def _pair(house: House, name: str = "") -> str:
    with waiting_node() as (port, code):
        return house.nodes.pair(f"127.0.0.1:{port}", code.lower().replace("-", " "), name).id


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path) as made:
        yield made


def test_a_node_is_paired_by_its_code_and_another_process_knows_it(house: House, tmp_path: Path) -> None:
    with waiting_node() as (port, code):
        with pytest.raises(Refused) as wrong:
            house.nodes.pair(f"127.0.0.1:{port}", "0000-0000-0000", "Spark")
        assert wrong.value.code == "pairing-code-wrong" and house.nodes.view().nodes == []
        row = house.nodes.pair(f"127.0.0.1:{port}", code, "Spark")
    assert (row.name, row.address, row.plug, row.chosen) == ("Spark", f"127.0.0.1:{port}", "", False)
    assert row.paired_local.startswith("2026-11-18T")  # the life's time; certificates are of the machine's
    assert _pair(house) != row.id
    with house_in(tmp_path) as other:
        view = other.nodes.view()
        assert [node.id for node in view.nodes] == [row.id, view.nodes[1].id] and view.local is None
        assert view.nodes[1].name.startswith("node ") and "No station runs here" in view.sentence
    kinds = [item.record.payload["data_class"] for item in house.rooms.journal.read(kinds=["ledger"])
             if isinstance(item.record, Event)]  # fmt: skip
    assert kinds and set(kinds) == {"pairing"}


def test_nobody_there_is_said_and_nothing_kept(house: House) -> None:
    with listener() as gone:
        port = int(gone.getsockname()[1])
    with pytest.raises(RetryLater) as caught:
        house.nodes.pair(f"127.0.0.1:{port}", "0000-0000-0000", "")
    assert caught.value.code == "pairing-unreachable" and house.nodes.view().nodes == []


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.168.1.7", ("192.168.1.7", USUAL_PORT)),
        (" spark.lan:99 ", ("spark.lan", 99)),
        ("[fe80::1]:99", ("fe80::1", 99)),
        ("fe80::1", ("fe80::1", USUAL_PORT)),
        ("192.168.1.7:0", ("192.168.1.7", 0)),
    ],
)
def test_addresses_are_read_as_people_write_them(address: str, place: tuple[str, int]) -> None:
    assert _place(address) == place


@pytest.mark.parametrize(
    "address", ["", " ", "host:port", "host:99999", "https://host", "host/path", "ann@host", "[::1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Refused) as caught:
        _place(address)
    assert caught.value.code == "node-address-wrong"


def test_let_go_it_is_gone_and_cannot_be_let_go_twice(house: House) -> None:
    node = _pair(house)
    house.nodes.revoke(node)
    assert house.nodes.view().nodes == []
    for deed in (house.nodes.revoke, lambda one: house.nodes.set_plug(one, "")):
        with pytest.raises(Refused) as caught:
            deed(node)
        assert caught.value.code == "node-unknown"


def test_a_plug_is_a_switch_that_may_be_switched(house: House) -> None:
    desk = NodesDesk(lambda: house.rooms, None, lambda: None, lambda: [_PLUG, _OVEN], house.local_now)
    node = _pair(house)
    assert desk.plugs() == [("switch.spark", "Spark")]
    desk.set_plug(node, "switch.spark")
    assert desk.view().nodes[0].plug == "switch.spark"
    for wrong in ("switch.oven", "switch.none"):
        with pytest.raises(Refused):
            desk.set_plug(node, wrong)
    assert desk.view().nodes[0].plug == "switch.spark"
    desk.set_plug(node, "")
    assert desk.view().nodes[0].plug == "" and house.nodes.plugs() == []


def test_a_node_that_moved_is_kept_where_it_is_and_one_let_go_stays_so(house: House) -> None:
    book, node = NodeBook(lambda: house.rooms), _pair(house)
    seq = house.rooms.journal.head().seq
    book.moved(node, "127.0.0.1", book.paired()[0].port)
    assert house.rooms.journal.head().seq == seq  # it is there already
    book.moved(node, "192.0.2.9", 77)
    assert house.nodes.view().nodes[0].address == "192.0.2.9:77"
    house.nodes.revoke(node)
    book.moved(node, "192.0.2.10", 78)
    assert book.paired() == []


class _Followed:
    """A desk of a running station, with links that are scripted."""

    def __init__(self, rooms: Callable[[], Rooms], folder: Path, house: House) -> None:
        self.links: dict[str, Scripted] = {}

        def link(paired: PairedNode, on_change: Callable[[], None]) -> Scripted:
            self.links[paired.id] = Scripted(paired, on_change)
            return self.links[paired.id]

        def local(keeper: Keeper) -> Supervisor:
            raise RetryLater("embedded-model-missing", "No model is needed here.")

        self.pool = NodePool(local, link, clock, keeper_options=KeeperOptions(lock=folder))
        self.pool.use(NodeBook(rooms).paired())
        self.pool.start()
        self.desk = NodesDesk(rooms, self.pool, lambda: None, None, house.local_now)
        self.desk.start()

    def close(self) -> None:
        self.desk.stop()
        self.pool.stop()


def test_the_model_on_this_machine_has_the_same_facts(house: House, tmp_path: Path) -> None:
    def local(keeper: Keeper) -> Supervisor:
        return Supervisor(embedded_model(), NodeOptions(context_tokens=512), clock, keeper=keeper)

    pool = NodePool(local, Scripted, clock, keeper_options=KeeperOptions(lock=tmp_path))
    desk = NodesDesk(lambda: house.rooms, pool, lambda: None, None, house.local_now)
    pool.start()
    try:
        assert pool.wait_ready(120)
        row = desk.view().local
        assert row is not None and row.chosen and row.model == embedded_model().name
        assert 100e6 < row.parameters < 200e6 and "embed" in row.tasks and row.pace is None
        with pool.node.complete([{"role": "user", "content": "Count to twenty."}], max_tokens=12) as answer:
            assert "".join(answer)
        row = desk.view().local
        assert row is not None and row.pace is not None and row.pace > 0.01
    finally:
        pool.stop()


def test_a_running_station_follows_what_another_process_decides(house: House, tmp_path: Path) -> None:
    first = _pair(house, "first")
    with house_in(tmp_path) as command, closing(_Followed(lambda: house.rooms, tmp_path, house)) as station:
        assert set(station.links) == {first}
        second = _pair(command, "second")
        until(lambda: set(station.links) == {first, second})
        station.links[first].be("ready", pace=40.0, parameters=10, model="one")
        station.links[second].be("ready", pace=40.0, parameters=20, model="two", tasks=("transcribe",))
        view = station.desk.view()
        assert [(row.name, row.model, row.chosen) for row in view.nodes] == [
            ("first", "one", False), ("second", "two", True),
        ]  # fmt: skip
        assert "second answers" in view.sentence and view.local is None
        assert [row.tasks for row in view.nodes] == [(), ("transcribe",)]
        begun = time.monotonic()
        command.nodes.revoke(second)
        until(lambda: station.links[second].ended)
        assert time.monotonic() - begun < 10  # a second, where nothing else runs
        until(lambda: station.links[second].forgot and station.pool.chosen is station.links[first])
        station.desk.revoke(first)  # and at once, where it is decided here
        assert station.links[first].ended and station.desk.view().nodes == []


def test_a_list_that_was_read_before_a_node_was_let_go_does_not_bring_it_back(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, has_read, may_go_on = _pair(house), threading.Event(), threading.Event()
    with closing(_Followed(lambda: house.rooms, tmp_path, house)) as station:
        read = NodeBook.paired

        def slowly(book: NodeBook) -> list[PairedNode]:
            nodes = read(book)
            if threading.current_thread().name == "follower":
                has_read.set()
                may_go_on.wait(30)
            return nodes

        monkeypatch.setattr(NodeBook, "paired", slowly)
        follower = threading.Thread(target=station.desk._apply, name="follower")
        follower.start()
        assert has_read.wait(30)
        revoking = threading.Thread(target=station.desk.revoke, args=(node,))
        revoking.start()
        until(lambda: read(NodeBook(lambda: house.rooms)) == [])  # decided
        may_go_on.set()
        for thread in (revoking, follower):
            thread.join(30)
        assert station.pool.links() == [] and station.links[node].ended and station.links[node].started == 1


def test_without_a_station_the_node_is_told_to_forget_and_whether_it_answered_is_said(
    house: House, tmp_path: Path
) -> None:
    silent = _pair(house, "Attic")
    assert "Attic is let go, and is asked nothing more. It did not answer" in house.nodes.let_go(silent)
    identity = paired(HomeCa.open(house.rooms.vault))
    receiver = Receiver(serving_context(identity))
    serving = threading.Thread(target=receiver.run)
    serving.start()
    port, pin = int(receiver.listening.getsockname()[1]), pin_of(identity)
    try:
        for _ in range(2):
            house.nodes._book.add(PairedNode(pin[:16], "Spark", "127.0.0.1", port, pin, NOW_MS))
            if not receiver.received:
                assert "Spark is let go; it answered" in house.nodes.let_go(pin[:16])
                continue
            with running(house.rooms.vault.folder):  # which does it
                assert "the running station asks it nothing more" in house.nodes.let_go(pin[:16])
    finally:
        receiver.listening.shutdown(socket.SHUT_RDWR)
        receiver.listening.close()
        serving.join(30)
    assert [request.split(b" HTTP")[0] for request in receiver.received] == [b"POST /forget"]
    rows = [item.record.payload["data_class"] for item in house.rooms.journal.read(kinds=["ledger"])
            if isinstance(item.record, Event)]  # fmt: skip
    assert rows.count("forget") == 2 and len(house.rooms.egress._ways) == 1


def test_after_the_theft_of_the_data_node_a_new_authority_shuts_its_thief_out(house: House) -> None:
    """The step of docs/compute.md: delete home_ca.sealed, pair anew."""
    node = _pair(house, "Spark")
    stolen = HomeCa.open(house.rooms.vault)
    (house.rooms.vault.folder / FILE).unlink()
    assert _pair(house, "Spark") != node
    new = HomeCa.open(house.rooms.vault)
    assert new.fingerprint != stolen.fingerprint
    identity = paired(new)
    receiver = Receiver(serving_context(identity))
    threading.Thread(target=receiver.run, daemon=True).start()
    there = PairedNode(
        pin_of(identity)[:16], "S", "127.0.0.1", receiver.listening.getsockname()[1], pin_of(identity), 1
    )
    answers = [HomeReach(house.rooms.egress, lambda ca=ca: ca).forget(there) for ca in (stolen, new)]  # type: ignore[misc]
    receiver.listening.shutdown(socket.SHUT_RDWR)
    receiver.listening.close()
    assert answers == [False, True]


def test_a_journal_that_cannot_be_read_for_a_moment_changes_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, failed = _pair(house), threading.Event()
    with closing(_Followed(lambda: house.rooms, tmp_path, house)) as station:
        read = NodeBook.paired

        def unreadable(book: NodeBook) -> list[PairedNode]:
            failed.set()
            raise RetryLater("journal-busy", "Try again.")

        monkeypatch.setattr(NodeBook, "paired", unreadable)
        with house_in(tmp_path) as command:
            monkeypatch.setattr(command.nodes._book, "paired", lambda: read(command.nodes._book), raising=False)
            command.nodes.revoke(node)
        assert failed.wait(30) and not station.links[node].ended
        monkeypatch.setattr(NodeBook, "paired", read)
        until(lambda: station.links[node].ended)


def test_nodes_are_followed_by_a_house_with_compute_and_its_pages(tmp_path: Path) -> None:
    """No model is loaded here while a node is paired, and the health page has its row."""
    with house_in(tmp_path, clock) as pairing:
        node = _pair(pairing, "Spark")
    house = open_house(settings_in(tmp_path))
    try:
        compute = house.outside.compute
        assert compute is not None and compute.local is None and compute.elsewhere
        until(lambda: house.nodes.view().nodes[0].phase == "down")
        overview, health = house.overview(), house.health()
        assert overview.node_state == "down" and overview.node_sentence
        card = next(one for one in health.nodes if one.name == "Compute node Spark")
        assert card.state == "down" and "does not answer" in card.sentence
        assert "Compute node" not in {one.name for one in health.nodes}
        rows = [row for row in health.egress if row[1] == "compute-node" and "heartbeat" in row[3]]
        assert len(rows) == 1
        with pytest.raises(HearthsideError):
            compute.node.complete([{"role": "user", "content": "x"}])
        house.nodes.revoke(node)
        assert compute.local is not None  # the model runs on this machine again
    finally:
        house.close()
