"""Training and the gate ask for memory as a model does, and give it back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.guard.readings import GIB
from hearthside.inference.guard.room import NOT_GIVEN, room_of, unguarded
from tests.inference.guard.guarded_house import GuardedHouse
from tests.until import until


def _keeper(house: GuardedHouse) -> Keeper:
    guard = KeeperOptions(soft=20 * GIB, hard=12 * GIB, proc=house.path.parent, lock=house.path.parent, lock_wait_s=0.2)
    return Keeper(lambda: 0, guard)


def test_room_is_given_once_and_comes_back(tmp_path: Path) -> None:
    keeper = _keeper(GuardedHouse(tmp_path))
    keeper.start()
    ask = room_of(keeper)
    try:
        for _ in range(2):
            with ask(30 * GIB) as room:
                with pytest.raises(RetryLater) as loading, ask(GIB):
                    raise AssertionError("two load at a time")
                room.loaded()
                with pytest.raises(RetryLater) as short, ask(15 * GIB):
                    raise AssertionError("promised twice")
                assert loading.value.code == short.value.code == NOT_GIVEN and "15.0 GiB" in short.value.message
                with ask(5 * GIB):
                    pass
    finally:
        keeper.stop()


def test_the_guard_ends_who_has_taken_the_room(tmp_path: Path) -> None:
    house = GuardedHouse(tmp_path)
    keeper = _keeper(house)
    keeper.start()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with room_of(keeper)(GIB) as room:
            room.attach(child.pid)
            room.loaded()
            house.room(5)
            until(lambda: child.poll() is not None, "the end of the child")
    finally:
        child.kill()
        child.communicate()
        keeper.stop()


def test_without_a_guard_there_is_nobody_to_ask() -> None:
    with unguarded(1 << 60) as room:
        room.attach(0)
        room.loaded()
