"""Ending by process id alone, where the system gives no group: and the limit it sets then."""

from __future__ import annotations

import os
import resource
import signal

from hearthside.inference.guard.acting import take_on
from tests.inference.guard.children import MIB, eater, go, own_place, sleeper
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
