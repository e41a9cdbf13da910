"""When a node must forget: never unused, never while it works, and then for sure."""

from __future__ import annotations

import asyncio

import pytest

from hearthside.errors import RetryLater
from hearthside.inference.traces import Leaving, Traces


class _Process:
    """Traces of a process whose clock is set by hand."""

    def __init__(self, after_s: float = 900.0) -> None:
        self.now_s = 0.0
        self.left: list[Leaving] = []
        self.traces = Traces(after_s, self.left.append, lambda: self.now_s)

    def use(self, seconds: float = 1.0) -> None:
        self.traces.begin()
        self.now_s += seconds
        self.traces.end()


def test_one_that_was_not_used_stays() -> None:
    process = _Process()
    process.now_s = 1e9
    assert not process.traces.over()


def test_idle_time_counts_from_the_end_of_the_last_use() -> None:
    process = _Process()
    process.use(2000.0)
    assert not process.traces.over()
    process.now_s += 899.0
    assert not process.traces.over()
    process.use()
    process.now_s += 899.9
    assert not process.traces.over()
    process.now_s += 0.1
    assert process.traces.over()


def test_nothing_begins_once_it_is_over() -> None:
    process = _Process()
    process.use()
    process.now_s += 900.0
    assert process.traces.over()
    with pytest.raises(RetryLater) as error:
        process.traces.begin()
    assert error.value.code == "compute-starting" and process.traces.over()


def test_what_is_under_way_is_waited_for() -> None:
    process = _Process()
    process.use()
    process.traces.begin()
    process.traces.begin()
    process.now_s += 1e6
    assert not process.traces.over()
    process.traces.end()
    process.now_s += 1e6
    assert not process.traces.over()
    process.traces.end()
    process.now_s += 900.0
    assert process.traces.over()


def test_a_probe_is_waited_for_and_what_it_announces_can_begin() -> None:
    process = _Process()
    process.use()
    process.now_s += 899.0
    process.traces.begin()
    process.now_s += 30.0
    assert not process.traces.over()
    process.traces.end(used=False)
    process.now_s += 0.5
    assert not process.traces.over()
    process.now_s += 2.0
    assert process.traces.over()  # it was no use of its own


def test_probes_alone_empty_nothing() -> None:
    process = _Process()
    process.traces.begin()
    process.traces.end(used=False)
    process.now_s += 1e9
    assert not process.traces.over()


def test_zero_means_never() -> None:
    process = _Process(after_s=0.0)
    process.use()
    process.now_s += 1e9
    assert not process.traces.over()


def test_it_leaves_by_itself_and_when_it_is_asked() -> None:
    idle = _Process(after_s=0.01)
    idle.use()
    idle.now_s += 1.0
    asyncio.run(asyncio.wait_for(idle.traces.watch(), 20))
    assert idle.left == ["idle"]
    asked = _Process(after_s=0.0)
    asked.traces.begin()  # breaks off
    asyncio.run(asked.traces.forget())
    assert asked.left == ["asked"]
    with pytest.raises(RetryLater):
        asked.traces.begin()
