"""Admission: a ledger that never promises what is not there."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from hearthside.inference.guard.admission import Ledger
from hearthside.inference.guard.readings import GIB


@dataclass(slots=True)
class _Truth:
    """What a holder was promised, load for load, and what it holds."""

    loads: list[int]
    loading: bool
    held: int = 0


def test_one_loads_at_a_time() -> None:
    ledger = Ledger()
    assert ledger.ask("a", GIB, 20 * GIB, 24 * GIB, 4 * GIB).why is None
    assert ledger.ask("b", GIB, 20 * GIB, 24 * GIB, 4 * GIB).why == "loading"
    ledger.loaded("a")
    assert ledger.ask("b", GIB, 20 * GIB, 24 * GIB, 4 * GIB).why is None
    ledger.release("b")
    assert ledger.ask("c", GIB, 20 * GIB, 24 * GIB, 4 * GIB).why is None


def test_what_was_promised_and_not_taken_yet_is_not_promised_again() -> None:
    ledger = Ledger()
    assert ledger.ask("a", 10 * GIB, 20 * GIB, 24 * GIB, 4 * GIB).why is None
    ledger.loaded("a")
    answer = ledger.ask("b", 7 * GIB, 20 * GIB, 24 * GIB, 4 * GIB)
    assert (answer.why, answer.largest) == ("short", 6 * GIB)
    ledger.seen("a", 3 * GIB)  # and the kernel sees those three as well
    assert ledger.ask("b", 6 * GIB, 17 * GIB, 24 * GIB, 4 * GIB).why is None
    assert ledger.ask("never", 21 * GIB, 24 * GIB, 24 * GIB, 4 * GIB).why == "loading"
    ledger.loaded("b")
    assert ledger.ask("never", 21 * GIB, 24 * GIB, 24 * GIB, 4 * GIB).why == "too-large"


def test_a_load_that_takes_more_than_it_said_has_lost_its_word() -> None:
    ledger = Ledger()
    ledger.ask("a", 10 * GIB, 50 * GIB, 64 * GIB, 4 * GIB)
    assert ledger.declared(44 * GIB) == 4 * GIB
    assert ledger.declared(40 * GIB) == 0
    assert ledger.declared(39 * GIB) is None
    assert ledger.declared(55 * GIB) == 10 * GIB  # another program gave something back
    ledger.loaded("a")
    assert ledger.declared(44 * GIB) is None


def test_a_holder_that_has_loaded_may_ask_for_more_and_gives_it_back() -> None:
    ledger = Ledger()
    ledger.ask("a", 10 * GIB, 50 * GIB, 64 * GIB, 4 * GIB)
    assert ledger.grow("a", GIB, 50 * GIB, 64 * GIB, 4 * GIB).why == "loading"  # its own load is not over
    ledger.loaded("a")
    ledger.seen("a", 8 * GIB)  # the 2 that are still to come are not there for others
    answer = ledger.grow("a", 37 * GIB, 42 * GIB, 64 * GIB, 4 * GIB)
    assert (answer.why, answer.largest) == ("short", 36 * GIB)
    assert (ledger.owed(), ledger.leases["a"].loading) == (2 * GIB, False)  # a refusal changes nothing
    assert ledger.grow("a", 51 * GIB, 42 * GIB, 64 * GIB, 4 * GIB).why == "too-large"  # with the 10 that it has
    assert ledger.grow("a", 6 * GIB, 42 * GIB, 64 * GIB, 4 * GIB).why is None
    assert (ledger.owed(), ledger.ask("b", GIB, 42 * GIB, 64 * GIB, 4 * GIB).why) == (8 * GIB, "loading")
    ledger.loaded("a")
    ledger.shrink("a", 6 * GIB)
    assert ledger.owed() == 2 * GIB
    assert ledger.ask("b", 36 * GIB, 42 * GIB, 64 * GIB, 4 * GIB).why is None


def test_a_lease_that_is_gone_does_not_grow_and_nothing_is_left_of_it() -> None:
    ledger = Ledger()
    assert ledger.grow("a", GIB, 50 * GIB, 64 * GIB, 4 * GIB).why == "gone"
    for leave in (ledger.withdraw, ledger.loaded, lambda lease: ledger.shrink(lease, GIB)):
        leave("a")
    assert ledger == Ledger()


def test_a_load_beside_declares_what_it_takes_itself_and_no_more() -> None:
    ledger = Ledger()
    ledger.ask("a", 10 * GIB, 50 * GIB, 64 * GIB, 4 * GIB)
    ledger.loaded("a")
    ledger.grow("a", 2 * GIB, 40 * GIB, 64 * GIB, 4 * GIB)
    assert (ledger.declared(39 * GIB), ledger.declared(37 * GIB)) == (GIB, None)
    ledger.loaded("a")
    ledger.grow("a", 3 * GIB, 38 * GIB, 64 * GIB, 4 * GIB)
    ledger.shrink("a", 2 * GIB)  # another one ended meanwhile; this load goes on
    assert (ledger.declared(37 * GIB), ledger.leases["a"].loading) == (2 * GIB, True)
    successor = Ledger()
    successor.take_over("a", 13 * GIB, 3 * GIB, 37 * GIB, loading=True)
    assert (successor.declared(37 * GIB), successor.owed()) == (3 * GIB, 13 * GIB)


def test_a_yes_that_nobody_waited_for_is_taken_back() -> None:
    ledger = Ledger()
    ledger.ask("a", 10 * GIB, 50 * GIB, 64 * GIB, 4 * GIB)
    ledger.loaded("a")
    ledger.withdraw("a")  # nothing is under way: what it has it keeps
    assert ledger.owed() == 10 * GIB
    ledger.grow("a", 5 * GIB, 50 * GIB, 64 * GIB, 4 * GIB)
    ledger.withdraw("a")
    assert (ledger.owed(), ledger.leases["a"].loading) == (10 * GIB, False)


_EVENTS = ["ask", "ask", "grow", "grow", "loaded", "fill", "shrink", "withdraw", "gone", "next guard"]


@given(
    st.integers(2 * GIB, 128 * GIB),
    st.lists(st.tuples(st.sampled_from(_EVENTS), st.integers(0, 4), st.floats(0.0, 1.0)), max_size=80),
)
def test_no_order_of_asking_growing_and_ending_promises_too_much(
    total: int, events: list[tuple[str, int, float]]
) -> None:
    floor, ledger = total // 6, Ledger()
    truth: dict[str, _Truth] = {}
    for event, number, share in events:
        name, available = str(number), total - sum(one.held for one in truth.values())
        one = truth.get(name)
        match event:
            case "ask" if one is None:
                if ledger.ask(name, int(share * total), available, total, floor).why is None:
                    truth[name] = _Truth([int(share * total)], loading=True)
            case "grow":
                answer = ledger.grow(name, int(share * total), available, total, floor)
                assert (answer.why == "gone") == (one is None)
                if one is not None and answer.why is None:
                    one.loads.append(int(share * total))
                    one.loading = True
            case "loaded":
                ledger.loaded(name)
                if one is not None:
                    one.loading = False
            case "fill" if one is not None:
                one.held = int(share * sum(one.loads))
                ledger.seen(name, one.held)
            case "shrink" if one is not None and len(one.loads) > 1 + one.loading:
                ledger.shrink(name, one.loads.pop(1))  # a side model that had loaded ends
                one.held = min(one.held, sum(one.loads))
                ledger.seen(name, one.held)
            case "withdraw" if one is not None and one.loading and len(one.loads) > 1:
                ledger.withdraw(name)
                one.loads.pop()
                one.loading, one.held = False, min(one.held, sum(one.loads))
                ledger.seen(name, one.held)
            case "gone":
                truth.pop(name, None)
                ledger.release(name)
            case "next guard":
                ledger = Ledger()
                for lease, other in truth.items():
                    ledger.take_over(lease, sum(other.loads), other.loads[-1], available, other.loading)
                    ledger.seen(lease, other.held)
        assert sum(sum(one.loads) for one in truth.values()) <= total - floor
        assert {lease: (one.promised, one.loading) for lease, one in ledger.leases.items()} == {
            lease: (sum(one.loads), one.loading) for lease, one in truth.items()
        }
        assert sum(one.loading for one in truth.values()) <= 1
