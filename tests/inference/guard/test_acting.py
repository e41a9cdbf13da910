"""Ending by process id alone, where the system gives no group: and the limit it sets then."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from hearthside.inference.guard.acting import Engine, take_on
from hearthside.inference.guard.cgroups import Group
from tests.inference.guard.children import MIB, eater, go, own_group, own_place, sleeper
from tests.until import until


def test_without_a_group_the_process_itself_is_limited_and_ended() -> None:
    with sleeper() as process, sleeper() as neighbour:
        engine = take_on(process.pid, "a", 100 * MIB, None, 1, unified=False)
        assert engine is not None and engine.group is None and "data" in engine.limits
        limit = resource.prlimit(process.pid, resource.RLIMIT_DATA)[0]
        assert 2100 * MIB < limit < 2500 * MIB
        process.send_signal(signal.SIGSTOP)
        assert not engine.gone()
        engine.end(7.0)
        assert process.wait(30) == -9 and engine.gone() and engine.ending_since_s == 7.0
        engine.end(8.0)  # once more does no harm
        engine.close()
        assert neighbour.poll() is None


def test_on_unified_memory_no_limit_is_set_that_a_driver_would_trip_over() -> None:
    with sleeper() as process:
        engine = take_on(process.pid, "a", 100 * MIB, None, 1, unified=True)
        assert engine is not None and "data" not in engine.limits
        assert resource.prlimit(process.pid, resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY
        engine.close()


def test_a_process_that_is_gone_is_not_taken_on() -> None:
    with sleeper() as process:
        process.kill()
        process.wait()
    assert take_on(process.pid, "a", 1, None, 1, unified=False) is None


def test_the_kernel_ends_what_goes_far_beyond_its_word_even_without_the_guard() -> None:
    place = own_place()
    with eater(16 * MIB, 0.002, 900 * MIB) as hog:
        engine = take_on(hog.pid, "a", 50 * MIB, place, os.getpid(), unified=False)
        assert engine is not None
        try:
            if engine.group is None:
                return  # the limit of the process is 2 GiB more than it said, which is too much to eat in a test
            go(hog)
            assert hog.wait(60) == -9 and engine.group.killed_by_kernel() == 1
        finally:
            engine.end(0.0)
            hog.wait(30)
            until(lambda: engine.group is None or engine.group.remove(), "removing the group")
            engine.close()


_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}


@pytest.mark.parametrize("version", [1, 2])
def test_the_groups_limit_follows_the_promise_and_never_goes_below_what_is_held(version: int, tmp_path: Path) -> None:
    limit, usage = (tmp_path / name for name in _FILES[version])
    limit.write_text("max")
    usage.write_text("0\n")
    engine = Engine(1, "a", None, Group(tmp_path, version))
    set_to = []
    for promised, held in ((400, 0), (800, 1000), (400, 1013), (400, 1012), (400, 1500)):
        usage.write_text(f"{held * MIB}\n")
        engine.limit(promised * MIB)
        set_to.append(int(limit.read_text()) // MIB)
    assert set_to == [1012, 1512, 1512, 1012, 1012]  # a quarter and 512 MiB more than was promised


def test_a_limit_that_the_system_did_not_take_is_tried_again(tmp_path: Path) -> None:
    engine = Engine(1, "a", None, Group(tmp_path / "away", 2))
    engine.limit(400 * MIB)
    assert engine.limited is None
    (tmp_path / "away").mkdir()
    engine.limit(400 * MIB)
    assert engine.limited == 1012 * MIB and (tmp_path / "away" / "memory.max").read_text() == str(1012 * MIB)


def test_a_real_group_lives_when_less_is_promised_than_it_holds() -> None:
    with own_group("shrinks") as group, eater(32 * MIB, 0.001, 640 * MIB) as holder:
        engine = Engine(holder.pid, "a", None, group)
        engine.limit(800 * MIB)
        group.add(holder.pid)
        go(holder)
        until(lambda: group.usage() > 600 * MIB, "640 MiB")
        raised = engine.limited
        engine.limit(0)  # which would be 512 MiB
        assert (engine.limited, holder.poll(), group.killed_by_kernel()) == (raised, None, 0)
        holder.kill()
        holder.wait()
        until(lambda: group.usage() < 500 * MIB, "the memory's return")
        engine.limit(0)
        assert engine.limited == 512 * MIB
