"""The choice of slots: what was read is found again, is not lost for a trifle, and nothing is shared by adapters."""

from __future__ import annotations

import threading
import time

from hearthside.inference.backend import Message
from hearthside.inference.backends.slots import Marks, Slots, marks_of

_PERSON = "You are a companion. " + "They live at home, work in town, and run on Sundays. " * 20
_READER = "Write a query. " + "Count the days on which something happened, by month. " * 40


def _said(system: str, question: str) -> list[Message]:
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


_ANN, _BEN = marks_of("night-3", _said(_PERSON, "a" * 200)), marks_of("night-3", _said(_PERSON, "b" * 200))
_QUERY = marks_of(None, _said(_READER, "c" * 200))
_TALK = marks_of("night-3", _said("You are a companion. Be warm.", "Hello!"))
_PROBE = marks_of(None, [{"role": "user", "content": "."}])


def _run(slots: Slots, *prompts: Marks) -> list[int | None]:
    """One after the other."""
    taken = list[int | None]()
    for marks in prompts:
        slot = slots.take(marks, lambda: False)
        assert slot is not None
        slots.leave(slot, marks)
        taken.append(slot)
    return taken


def test_marks_agree_as_far_as_prompts_do() -> None:
    same = sum(a == b for a, b in zip(_ANN, _BEN, strict=True))
    assert same == len(f"system\0{_PERSON}\0user\0") // 64 < len(_ANN)
    assert not set(_ANN) & set(marks_of(None, _said(_PERSON, "a" * 200)))  # another adapter
    assert "run on Sundays" not in repr(_ANN)


def test_another_question_about_the_same_person_finds_what_was_read() -> None:
    first, reader, second, again = _run(Slots(2), _ANN, _QUERY, _BEN, _QUERY)
    assert first == second != reader == again


def test_small_talk_and_probes_do_not_throw_out_the_dearer_prompt() -> None:
    slots = Slots(2)
    _, reader, talk, probe, again = _run(slots, _ANN, _QUERY, _TALK, _PROBE, _QUERY)
    assert talk == probe != reader == again


def test_a_dear_prompt_that_nobody_asks_for_any_more_goes_in_the_end() -> None:
    slots = Slots(2)
    (reader,) = _run(slots, _QUERY)
    others = [marks_of("night-3", _said(f"{n} {_PERSON}", "Who?")) for n in range(8)]
    assert reader in _run(slots, *others)
    assert len(set(_run(slots, _ANN, _BEN))) == 1


def test_a_prompt_without_cache_takes_the_slot_that_is_worth_least() -> None:
    slots = Slots(2)
    person, reader = _run(slots, _ANN, _QUERY)
    assert slots.take((), lambda: False) == person
    assert slots.take(_ANN, lambda: False) == reader  # the only one left


def test_who_comes_first_is_served_first_and_who_gives_up_takes_nothing() -> None:
    slots, order, waits = Slots(1), list[str](), threading.Barrier(2)
    held = slots.take(_ANN, lambda: False)
    assert held is not None

    def wait(name: str, given_up: bool) -> None:
        waits.wait()
        slot = slots.take(_BEN, lambda: given_up)
        if slot is not None:
            order.append(name)
            slots.leave(slot, _BEN)

    threads = list[threading.Thread]()
    for name, given_up in (("gone", True), ("one", False), ("two", False)):
        threads.append(threading.Thread(target=wait, args=(name, given_up)))
        threads[-1].start()
        waits.wait()
        while not given_up and len(slots._waiting) < len(threads) - 1:
            time.sleep(0.001)
        if given_up:
            threads[-1].join()
    slots.leave(held, _ANN)
    for thread in threads:
        thread.join()
    assert order == ["one", "two"] and slots.take(_ANN, lambda: False) == held
