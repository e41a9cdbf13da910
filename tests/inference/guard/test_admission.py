"""Admission: a ledger that never promises what is not there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hearthside.inference.guard.admission import Ledger
from hearthside.inference.guard.readings import GIB


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


@given(
    st.integers(2 * GIB, 128 * GIB),
    st.lists(
        st.tuples(st.sampled_from(["ask", "ask", "loaded", "grow", "gone"]), st.integers(0, 9), st.floats(0.0, 1.0)),
        max_size=60,
    ),
)
def test_no_order_of_asking_growing_and_ending_promises_too_much(
    total: int, events: list[tuple[str, int, float]]
) -> None:
    floor, ledger = total // 6, Ledger()
    truth: dict[str, list[int]] = {}  # promised and held
    for event, number, share in events:
        name = str(number)
        available = total - sum(held for _, held in truth.values())
        match event:
            case "ask" if name not in truth:
                need = int(share * total)
                if ledger.ask(name, need, available, total, floor).why is None:
                    truth[name] = [need, 0]
            case "loaded":
                ledger.loaded(name)
            case "grow" if name in truth:
                truth[name][1] = int(share * truth[name][0])
                ledger.seen(name, truth[name][1])
            case "gone":
                truth.pop(name, None)
                ledger.release(name)
        assert sum(promised for promised, _ in truth.values()) <= total - floor
        assert sum(lease.loading for lease in ledger.leases.values()) <= 1
