"""Real child processes for the guard's tests: one that sleeps, one that eats memory step by step, one in a group."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hearthside.inference.guard.cgroups import Group, Place, find_place, make_group
from tests.until import until

MIB = 1 << 20

_EATS = """
import sys, time
begin, step, pause, most = map(float, sys.argv[1:])
sys.stdin.readline()
time.sleep(begin)
held = []
while len(held) * step < most:
    held.append(b"x" * int(step))
    time.sleep(pause)
time.sleep(600)
"""


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing for ten minutes."""
    with _process(["-c", "import time; time.sleep(600)"]) as process:
        yield process


@contextmanager
def eater(step: int, pause_s: float, most: int, begin_s: float = 0.0) -> Iterator[subprocess.Popen[bytes]]:
    """A process that takes `step` bytes each `pause_s`, up to `most`, from `begin_s` after a line on its input."""
    with _process(["-c", _EATS, *map(str, (begin_s, step, pause_s, most))]) as process:
        yield process


@contextmanager
def _process(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[bytes]) -> None:
    """Let an eater begin."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()


def own_place() -> Place:
    """Where groups can be made; skips the test where this system has no memory controller."""
    place = find_place()
    if place is None:
        pytest.skip("this system has no control groups for memory")
    return place


@contextmanager
def own_group(name: str) -> Iterator[Group]:
    """A real control group; skips the test where this system lets us make none."""
    group = make_group(own_place(), f"{os.getpid()}-{name}")
    if group is None:
        pytest.skip("this system lets us make no control group; ending by process id is tested all the same")
    try:
        yield group
    finally:
        group.kill()
        until(group.remove, "removing the group")
