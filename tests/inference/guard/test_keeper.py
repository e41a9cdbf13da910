"""The keeper alone: guards that never begin, and one decision that ends several holders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.inference.guard import keeper as keeper_module
from hearthside.inference.guard import words
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.guard.messages import Lines
from hearthside.inference.guard.readings import GIB
from tests.inference.guard.children import sleeper
from tests.inference.guard.guarded_house import GuardedHouse
from tests.until import until


def _instead(folder: Path, ends: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Start a program that ends like this in place of the guard; the file has a line for each start."""
    program, starts = folder / "guard.sh", folder / "starts"
    starts.touch()
    program.write_text(f"#!/bin/sh\necho >> {starts}\n{ends}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(keeper_module, "_AGAIN_S", 0.005)
    monkeypatch.setattr(keeper_module, "_AGAIN_MOST_S", 0.01)
    return starts


def _count(starts: Path) -> int:
    return len(starts.read_text())


def test_a_guard_that_cannot_run_here_does_not_keep_the_model_away_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = _instead(tmp_path, "exit 1", monkeypatch)
    keeper = Keeper(lambda: 0, KeeperOptions(lock=tmp_path, answer_s=30.0))
    keeper.start()
    try:
        keeper.admit("a", GIB)
        view = keeper.view()
        assert (view.phase, view.sentence, [deed.sentence for deed in view.deeds]) == (
            "unwatched", words.BROKEN, [words.BROKEN],
        )  # fmt: skip
        assert _count(starts) == keeper_module._BROKEN
    finally:
        keeper.stop()


def test_without_a_guard_nothing_grows_and_what_is_given_back_is_remembered(tmp_path: Path) -> None:
    keeper = Keeper(lambda: 0, KeeperOptions(lock=tmp_path, answer_s=0.1))
    with pytest.raises(RetryLater) as caught:
        keeper.grow("a", GIB)  # it was never started
    assert caught.value.code == "guard-away"
    keeper.shrink("a", GIB)
    keeper.loaded("a")
    assert _leases(keeper) == []


def _leases(keeper: Keeper) -> object:
    [hello] = Lines().feed(keeper._hello())
    return hello["leases"]


def test_where_memory_is_not_watched_a_holder_grows_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _instead(tmp_path, "exit 1", monkeypatch)
    keeper = Keeper(lambda: 0, KeeperOptions(lock=tmp_path, lock_wait_s=0.0, answer_s=30.0))
    keeper.start()
    try:
        keeper.admit("a", 3 * GIB)
        keeper.loaded("a")
        keeper.grow("a", 2 * GIB)
        with pytest.raises(RetryLater) as busy:
            keeper.grow("a", GIB)  # one loads at a time, here too
        grown = {"lease": "a", "pid": 0, "need": 5 * GIB, "load": 2 * GIB, "loading": True}
        assert (busy.value.code, _leases(keeper)) == ("loader-busy", [grown])
        keeper.loaded("a")
        keeper.shrink("a", 9 * GIB)
        assert _leases(keeper) == [{**grown, "need": 3 * GIB, "loading": False}]
        for _ in range(2):  # and the lock is free again after a refusal
            with pytest.raises(RetryLater) as gone:
                keeper.grow("never", GIB)
            assert gone.value.code == "compute-gone"
    finally:
        keeper.stop()


def test_a_guard_that_the_system_kills_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = _instead(tmp_path, "kill -9 $$", monkeypatch)
    keeper = Keeper(lambda: 0, KeeperOptions(lock=tmp_path, answer_s=0.1))
    keeper.start()
    try:
        until(lambda: _count(starts) > keeper_module._BROKEN + 2, "starting it again")
        with pytest.raises(RetryLater) as caught:
            keeper.admit("a", GIB)
        assert caught.value.code == "guard-away" and keeper.view().phase == "away"
    finally:
        keeper.stop()


def test_one_decision_that_ends_two_is_one_end(tmp_path: Path) -> None:
    house = GuardedHouse(tmp_path)
    keeper = Keeper(lambda: 0, KeeperOptions(soft=20 * GIB, hard=12 * GIB, proc=tmp_path, lock=tmp_path))
    keeper.start()
    try:
        with sleeper() as node, sleeper() as training:
            for lease, process in (("node", node), ("training", training)):
                assert keeper.wait_watching(30)
                keeper.admit(lease, GIB)
                keeper.attach(lease, process.pid)
                keeper.loaded(lease)
            house.room(11)
            assert node.wait(30) == training.wait(30) == -9
            said = [keeper.why_ended(lease, 10) for lease in ("node", "training")]
        assert said[0] == said[1] and "would not freeze" in said[0]
        [hello] = Lines().feed(keeper._hello())
        assert len(hello["ended_s_ago"]) == 1  # what the breaker of the next guard counts
        assert sum("would not freeze" in deed.sentence for deed in keeper.view().deeds) == 1
    finally:
        keeper.stop()
