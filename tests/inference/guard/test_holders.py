"""The station's copy of what was admitted: as the guard's ledger after whatever was said, and all a next one needs."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hearthside.inference.guard.admission import Ledger
from hearthside.inference.guard.holders import Holders
from hearthside.inference.guard.readings import GIB

_EVENTS = ["ask", "grow", "grow", "loaded", "shrink", "release", "next guard"]


def test_what_it_was_admitted_with_is_never_undercut() -> None:
    holders = Holders()
    holders.admit("a", 10 * GIB)
    assert (holders.grow("a", 3 * GIB), holders.grow("b", GIB)) == (True, False)
    assert [holders.shrink("a", less * GIB) for less in (1, 5, 5)] == [GIB, 2 * GIB, 0]
    assert (holders.shrink("b", GIB), holders.by_lease["a"].need) == (0, 10 * GIB)
    assert (holders.release("b"), holders.release("a"), holders.told()) == (False, True, [])


@given(st.lists(st.tuples(st.sampled_from(_EVENTS), st.integers(0, 3), st.integers(0, 9 * GIB)), max_size=60))
def test_it_is_as_the_ledger_whatever_was_said_and_whenever_a_guard_is_replaced(
    events: list[tuple[str, int, int]],
) -> None:
    holders, ledger = Holders(), Ledger()
    room = (10**6 * GIB, 10**6 * GIB, GIB)
    for event, number, size in events:
        lease = str(number)
        match event:
            case "ask" if lease not in holders:
                if ledger.ask(lease, size, *room).why is None:
                    holders.admit(lease, size)
            case "grow":
                if ledger.grow(lease, size, *room).why is None:
                    assert holders.grow(lease, size)
            case "loaded":
                holders.loaded(lease)
                ledger.loaded(lease)
            case "shrink":
                ledger.shrink(lease, holders.shrink(lease, size))
            case "release":
                holders.release(lease)
                ledger.release(lease)
            case "next guard":
                ledger = Ledger()
                for told in json.loads(json.dumps(holders.told())):
                    ledger.take_over(told["lease"], told["need"], told["load"], room[0], told["loading"])
        assert {name: (one.promised, one.loading) for name, one in ledger.leases.items()} == {
            name: (one.need, one.loading) for name, one in holders.by_lease.items()
        }
        assert all(one.need >= one.first for one in holders.by_lease.values())
