"""A lease that grows and shrinks for models beside the language model, with the real guard process."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hearthside.errors import HearthsideError, NeedsPerson, RetryLater
from hearthside.inference.guard.acting import Engine
from hearthside.inference.guard.cgroups import Group
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.guard.loader_lock import LoaderLock
from hearthside.inference.guard.messages import Lines
from hearthside.inference.guard.process import Guard
from hearthside.inference.guard.readings import GIB
from tests.inference.guard.children import MIB, own_place, sleeper
from tests.inference.guard.guarded_house import GuardedHouse
from tests.until import until

_FIRST = 10 * GIB  # of the 40 that 60 of room and a floor of 20 leave


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    """Its guard watches, and a holder has loaded under the lease "a"."""
    GuardedHouse(tmp_path)
    options = KeeperOptions(soft=20 * GIB, hard=12 * GIB, proc=tmp_path, lock=tmp_path, lock_wait_s=0.2)
    made = Keeper(lambda: 0, options)
    made.start()
    try:
        assert made.wait_watching(30)
        with sleeper() as engine:
            made.admit("a", _FIRST)
            made.attach("a", engine.pid)
            made.loaded("a")
            yield made
    finally:
        made.stop()


def _refused(keeper: Keeper, lease: str, need: int, *, grows: bool = False) -> str:
    """Code and sentence of a refusal."""
    with pytest.raises(HearthsideError) as caught:
        (keeper.grow if grows else keeper.admit)(lease, need)
    return f"{caught.value.code}: {caught.value.message}"


def _largest(keeper: Keeper) -> str:
    """What the guard would admit now, from its refusal; a sleeper holds some MiB of its own, which may move it."""
    refusal = _refused(keeper, "too much", 60 * GIB)
    assert refusal.startswith("memory-short"), refusal
    return refusal.partition(", and ")[2].partition(" can be")[0]


def test_a_holder_grows_and_shrinks_and_no_promise_is_lost(keeper: Keeper) -> None:
    assert _largest(keeper) == "30.0 GiB"
    keeper.grow("a", 12 * GIB)
    assert _refused(keeper, "b", GIB).startswith("loader-busy")
    keeper.loaded("a")
    assert _largest(keeper) == "18.0 GiB"
    keeper.grow("a", 3 * GIB)
    keeper.shrink("a", 12 * GIB)  # the first ends while the second loads
    assert _refused(keeper, "b", GIB).startswith("loader-busy")
    keeper.loaded("a")
    assert _largest(keeper) == "27.0 GiB"
    for _ in range(2):  # a second time by mistake
        keeper.shrink("a", 3 * GIB)
        assert _largest(keeper) == "30.0 GiB"
    keeper.grow("a", GIB)
    keeper.release("a")  # the holder ends in the middle of the load
    assert _largest(keeper) == "40.0 GiB"


def test_a_refusal_leaves_all_as_it_was(keeper: Keeper) -> None:
    for need, code in ((31 * GIB, "memory-short"), (100 * GIB, "model-too-large")):
        refusal = _refused(keeper, "a", need, grows=True)
        assert refusal.startswith(f"{code}: A model beside the language model needs {need // GIB}.0 GiB")
    assert _refused(keeper, "nobody", GIB, grows=True).startswith("compute-gone")
    assert _largest(keeper) == "30.0 GiB"
    keeper.grow("a", 29 * GIB)


def test_what_can_never_fit_beside_it_needs_a_person(keeper: Keeper) -> None:
    with pytest.raises(NeedsPerson):
        keeper.grow("a", 92 * GIB)  # 121.7 in all, less the floor, would hold it if nothing ran
    keeper.grow("a", 29 * GIB)


def test_the_next_guard_knows_what_it_grew_by_and_that_it_loads(keeper: Keeper) -> None:
    keeper.grow("a", 12 * GIB)
    _kill_guard(keeper)
    keeper._lock.release("a")  # so that the guard itself is asked
    assert _refused(keeper, "b", GIB).startswith("loader-busy")
    keeper.loaded("a")
    assert _largest(keeper) == "18.0 GiB"
    keeper.shrink("a", 12 * GIB)
    _kill_guard(keeper)
    assert _largest(keeper) == "30.0 GiB"


def _kill_guard(keeper: Keeper) -> None:
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: keeper.pid not in (None, first) and keeper.wait_watching(30), "a new guard")


@contextmanager
def _held_up(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The guard does not run for a moment, too short for it to be given up, and nobody waits for its answer."""
    assert keeper.pid is not None
    with monkeypatch.context() as patch:
        patch.setattr(keeper, "_options", replace(keeper._options, answer_s=0.2))
        os.kill(keeper.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(keeper.pid, signal.SIGCONT)


@pytest.mark.parametrize("grows", [True, False])
def test_a_yes_that_comes_too_late_binds_nothing(keeper: Keeper, grows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = keeper.pid
    with _held_up(keeper, monkeypatch):
        assert _refused(keeper, "a" if grows else "b", GIB, grows=grows).startswith("guard-away")
    assert _refused(keeper, "a", 31 * GIB, grows=True).startswith("memory-short")  # not the yes to the one before
    assert (_largest(keeper), keeper.pid) == ("30.0 GiB", guard)
    keeper.grow("a", 29 * GIB)


def test_a_no_that_comes_too_late_takes_nothing_back(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.grow("a", 12 * GIB)
    keeper.loaded("a")
    with _held_up(keeper, monkeypatch):
        assert _refused(keeper, "a", 35 * GIB, grows=True).startswith("guard-away")
    assert _largest(keeper) == "18.0 GiB"


def test_nor_where_the_system_has_no_lock_and_another_load_of_the_same_lease_is_under_way(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_lock", LoaderLock(tmp_path / "missing"))
    keeper.grow("a", 12 * GIB)
    with _held_up(keeper, monkeypatch):
        assert _refused(keeper, "a", GIB, grows=True).startswith("guard-away")
    assert _refused(keeper, "b", GIB).startswith("loader-busy")
    keeper.loaded("a")
    assert _largest(keeper) == "18.0 GiB"


def test_a_lease_that_is_released_while_it_grows_is_gone(keeper: Keeper) -> None:
    said: list[str] = []

    def grow() -> None:
        try:
            keeper.grow("a", GIB)
        except RetryLater as error:
            said.append(error.code)

    assert keeper.pid is not None
    os.kill(keeper.pid, signal.SIGSTOP)
    asking = threading.Thread(target=grow)
    asking.start()
    until(lambda: "a" in keeper._lock._held, "the question")
    keeper.release("a")
    os.kill(keeper.pid, signal.SIGCONT)
    asking.join(60)
    assert said == ["compute-gone"] and _largest(keeper) == "40.0 GiB"


def test_a_lease_whose_holder_died_does_not_grow(keeper: Keeper) -> None:
    with sleeper() as other:
        keeper.admit("b", GIB)
        keeper.attach("b", other.pid)
        keeper.loaded("b")
        keeper.grow("b", 5 * GIB)
        other.kill()
        other.wait()
        keeper.loaded("b")
    until(lambda: _grows(keeper, "b") == "compute-gone", "the end of the lease")
    keeper.release("b")
    assert _largest(keeper) == "30.0 GiB"


def _grows(keeper: Keeper, lease: str) -> str:
    try:
        keeper.grow(lease, GIB)
    except RetryLater as error:
        return error.code
    keeper.loaded(lease)
    keeper.shrink(lease, GIB)
    return ""


def test_the_kernels_limit_goes_up_before_the_load_and_down_after_it(tmp_path: Path) -> None:
    own_place()
    GuardedHouse(tmp_path)
    keeper = Keeper(lambda: 0, KeeperOptions(soft=20 * GIB, hard=12 * GIB, proc=tmp_path, lock=tmp_path))
    keeper.start()
    try:
        assert keeper.wait_watching(30)
        with sleeper() as engine:
            keeper.admit("a", 400 * MIB)
            keeper.attach("a", engine.pid)
            keeper.loaded("a")
            folder = next(Path("/sys/fs/cgroup").glob(f"**/hearthside-{os.getpid()}-{engine.pid}"), None)
            if folder is None:
                pytest.skip("this system lets us make no control group")
            limit = next(folder / name for name in ("memory.limit_in_bytes", "memory.max") if (folder / name).exists())
            assert int(limit.read_text()) == 1012 * MIB
            keeper.grow("a", 400 * MIB)
            assert int(limit.read_text()) == 1512 * MIB
            keeper.shrink("a", 400 * MIB)
            until(lambda: int(limit.read_text()) == 1012 * MIB, "the lower limit")
    finally:
        keeper.stop()


def test_the_limit_comes_down_later_where_it_cannot_at_once(tmp_path: Path) -> None:
    GuardedHouse(tmp_path)
    keeper = Keeper(lambda: 0, KeeperOptions(soft=20 * GIB, hard=12 * GIB, proc=tmp_path, lock=tmp_path))
    keeper._holders.admit("a", 400 * MIB)  # an earlier guard admitted both
    keeper._holders.loaded("a")
    keeper._holders.grow("a", 300 * MIB)
    [hello] = Lines().feed(keeper._hello())
    now = [100.0]
    ours, theirs = socket.socketpair()
    group = tmp_path / "group"
    group.mkdir()
    with ours, theirs, sleeper() as process:
        guard = Guard(theirs, hello, lambda: now[0])
        assert guard._watch.ledger.declared(60 * GIB) == 300 * MIB  # the load under way, not all of it
        guard._engines["a"] = Engine(process.pid, "a", None, Group(group, 2))
        limits = []
        for held, message in ((600, "loaded"), (1200, "shrink"), (1200, "beat"), (900, "beat")):
            (group / "memory.current").write_text(str(held * MIB))
            guard._hear({"kind": message, "lease": "a", "less": 300 * MIB, "running": 0, "progress": 0})
            now[0] += 1.0
            guard._look()
            limits.append(int((group / "memory.max").read_text()) // MIB)
        assert limits == [1387, 1387, 1387, 1012]
