"""Nodes say themselves in the network: id, port and whether they wait, and no more."""

from __future__ import annotations

import gc

import pytest
import zeroconf

from hearthside.errors import RetryLater
from hearthside.inference.remote.announce import SERVICE, Announcement, FoundNode, find_nodes, own_addresses
from tests.inference.remote.homes import ledger

_NODE = "0123456789abcdef"
_HERE = ["127.0.0.1"]


def _multicast() -> bool:
    """Whether loopback carries multicast here."""
    try:
        zeroconf.Zeroconf(interfaces=_HERE).close()
    except OSError:
        return False
    return True


def test_a_node_that_says_itself_is_found_with_nothing_more_than_that() -> None:
    if not _multicast():
        pytest.skip("this machine's loopback carries no multicast")
    announcement = Announcement(_NODE, 8421, pairing=True, addresses=[])  # the network is not up yet
    egress, rows = ledger()
    asker = zeroconf.Zeroconf(interfaces=_HERE)
    try:
        assert not announcement.start()
        assert announcement.follow(_HERE) and announcement.follow(_HERE)
        assert FoundNode(_NODE, "127.0.0.1", 8421, True) in find_nodes(1.0, egress, interfaces=_HERE)
        assert [(row.purpose, row.data_class) for row in rows] == [("compute-node", "node-search")]
        info = asker.get_service_info(SERVICE, f"{_NODE}.{SERVICE}", 3000)
        assert info is not None and info.server == f"{_NODE}.local."
        assert info.properties == {b"id": _NODE.encode(), b"pairing": b"1"}
        announcement.stop()
        assert [node.id for node in find_nodes(0.5, egress, interfaces=_HERE) if node.id == _NODE] == []
    finally:
        announcement.stop()
        asker.close()
        egress.close()


def test_nothing_is_asked_that_the_ledger_does_not_have() -> None:
    from hearthside.egress import Egress, LedgerRow

    def full(row: LedgerRow) -> None:
        raise RetryLater("disk-full", "full")

    egress = Egress(full, lambda: 0)
    with pytest.raises(RetryLater):
        find_nodes(0.0, egress, interfaces=_HERE)
    egress.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library's own socket, left open
def test_without_multicast_nothing_is_found_and_nothing_breaks() -> None:
    """192.0.2.0/24 is for documentation (RFC 5737), so it is no address of this machine, and cannot be spoken from."""
    egress, _ = ledger()
    announcement = Announcement(_NODE, 8421, pairing=False, addresses=["192.0.2.77"])
    assert not announcement.start()
    announcement.stop()
    assert find_nodes(0.0, egress, interfaces=["192.0.2.77"]) == []
    egress.close()
    gc.collect()


def test_an_address_is_its_own_and_all_addresses_leave_loopback_out() -> None:
    assert own_addresses("127.0.0.1") == _HERE
    assert own_addresses("::1") == ["::1"]
    assert all(not address.startswith("127.") and ":" not in address for address in own_addresses("0.0.0.0"))
