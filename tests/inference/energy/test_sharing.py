"""Completions that run at the same time share what the machine takes; idle time is nobody's."""

from __future__ import annotations

import random

import pytest

from hearthside.inference.energy import Absent, Reading
from hearthside.inference.energy.meters import Said
from hearthside.inference.energy.sharing import Share, Sharing


class _Machine:
    """Takes `watts` at every moment; its meter can be silenced or another."""

    def __init__(self) -> None:
        self.now, self.joules, self.looks = 0.0, 0.0, 0
        self.silent, self.name = "", "RAPL"
        self.sharing = Sharing(self, lambda: self.now)

    def read(self) -> Said:
        self.looks += 1
        return Absent(self.name, self.silent) if self.silent else Reading(self.joules, self.name, "all of it")

    def go(self, seconds: float, watts: float = 10.0) -> None:
        self.now += seconds
        self.joules += seconds * watts


def test_one_alone_has_all_of_its_time_and_nothing_of_the_idle_time() -> None:
    machine = _Machine()
    machine.go(100)
    share = machine.sharing.begin()
    machine.go(3)
    assert machine.sharing.end(share) == "RAPL: all of it."
    machine.go(50)
    assert (share.seconds, share.joules) == (3, 30)
    again = machine.sharing.begin()
    machine.go(1, watts=40)
    machine.sharing.end(again)
    assert (again.seconds, again.joules, share.joules) == (1, 40, 30)


def test_each_moment_is_shared_in_equal_parts() -> None:
    machine = _Machine()
    first = machine.sharing.begin()
    machine.go(2)  # alone: 20 J
    second = machine.sharing.begin()
    machine.go(4, watts=30)  # two: 120 J
    machine.sharing.end(first)
    machine.go(1)  # alone: 10 J
    machine.sharing.end(second)
    assert (first.seconds, first.joules) == (4, 80) and (second.seconds, second.joules) == (3, 70)


def test_nothing_is_lost_and_nothing_counted_twice() -> None:
    chance, machine = random.Random(6), _Machine()
    running, done, busy = list[Share](), list[Share](), 0.0
    for _ in range(400):
        watts, seconds = chance.randrange(5, 200), chance.random()
        machine.go(seconds, watts)
        busy += seconds * watts if running else 0
        if running and chance.random() < 0.5:
            done.append(running.pop(chance.randrange(len(running))))
            machine.sharing.end(done[-1])
        else:
            running.append(machine.sharing.begin())
    for share in running:
        machine.sharing.end(share)
    assert sum(share.joules or 0 for share in [*done, *running]) == pytest.approx(busy)


@pytest.mark.parametrize("silenced", ["at the beginning", "between", "at the end", "by another meter"])
def test_what_was_not_measured_throughout_has_no_figure(silenced: str) -> None:
    machine = _Machine()
    machine.silent = "It sleeps." if silenced == "at the beginning" else ""
    share = machine.sharing.begin()
    machine.go(1)
    if silenced == "by another meter":
        machine.name = "NVML"
    else:
        machine.silent = "It sleeps." if silenced == "between" else ""
    other = machine.sharing.begin()
    machine.go(1)
    machine.silent = "It sleeps." if silenced == "at the end" else ""
    said = machine.sharing.end(share)
    assert share.joules is None and share.seconds == 1.5
    assert said == ("It sleeps." if silenced == "at the end" else f"{machine.name}: all of it.")
    machine.go(1)
    machine.sharing.end(other)
    assert (other.joules is None) == (silenced in ("between", "at the end"))


def test_a_long_completion_is_looked_at_now_and_then() -> None:
    machine = _Machine()
    share = machine.sharing.begin()
    before = machine.looks
    for _ in range(100):
        machine.go(1)
        machine.sharing.look()
    assert machine.looks - before == 3
    machine.sharing.end(share)
    machine.sharing.end(share)
    assert share.joules == pytest.approx(1000)
