"""Several processes line up what one would, whatever becomes of them, and none is left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hearthside.alignment import rebuilding
from hearthside.alignment.batch import Aligning, Batch, align_batch
from hearthside.alignment.clocks.placing import KnownClocks
from hearthside.alignment.rebuilding import DAYS_PER_BATCH, batches_of
from hearthside.alignment.workers import Pool, share
from hearthside.events import DAY_MS, HOUR_MS, Record
from tests.alignment.clocked_lives import BEGIN, PHONE, clocked_life, stamped, steady
from tests.alignment.lives import Vault, open_vault

RUNS = 12
"""More than can wait in memory together, so that no worker is done when a test looks."""
NEVER: Callable[[], bool] = lambda: False  # noqa: E731 - a name for what is passed often


def _life() -> list[Record]:
    """Twelve runs of days: a life with wrong clocks in the first two, and a little of a phone in each."""
    step = DAYS_PER_BATCH * DAY_MS
    phone = steady(PHONE, 90_000)
    notes = [phone.event("note", BEGIN + n * step + k * HOUR_MS) for n in range(RUNS) for k in range(10)]
    long = [phone.series(BEGIN + (n * DAYS_PER_BATCH + 5) * DAY_MS, 3 * 1440, f"long {n}") for n in range(RUNS)]
    return [*clocked_life(1), *notes, *long, stamped("export:x", "workout", BEGIN + 5 * DAY_MS, BEGIN + 8 * DAY_MS)]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """A vault to read only."""
    opened = open_vault(tmp_path_factory.mktemp("shared"))
    opened.take(*_life())
    yield opened
    opened.journal.close()


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """When a test is over, no worker runs and no thread waits for one."""
    threads = set(threading.enumerate())
    yield
    assert _workers() == [] and set(threading.enumerate()) <= threads


def _workers() -> list[int]:
    """Ids of the workers of this process that live, by asking the system."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if fields.get("PPid", "").strip() == str(os.getpid()) and b"hearthside.alignment.worker" in command:
            found.append(int(status.parent.name))
    return sorted(found)


def _known(vault: Vault) -> KnownClocks:
    placements = {one.clock: one.placement for one in vault.stream.clocks() if not one.placement.trivial}
    return KnownClocks(placements, vault.stream.track())


def _share(vault: Vault, workers: int, stop: Callable[[], bool] = NEVER) -> Iterator[Batch]:
    clocks = _known(vault)
    runs = batches_of(vault.journal, clocks)
    assert len(runs) >= RUNS
    journal, upto = vault.journal, vault.journal.head().seq
    work = Aligning(*journal.opened_with(), clocks, upto)
    return share(work, runs[::-1], workers, stop, lambda days: align_batch(journal, clocks, days, upto))


def _in_order(batches: Iterator[Batch]) -> list[Batch]:
    return sorted(batches, key=lambda batch: batch.first_day)


def test_two_workers_give_what_one_process_gives(vault: Vault) -> None:
    alone = _in_order(_share(vault, 1))
    assert _in_order(_share(vault, 2)) == alone
    assert sum(len(chunks) for batch in alone for chunks in batch.chunks.values()) > 20


def test_a_life_made_anew_by_workers_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_vault(tmp_path)
    opened.take(*_life())
    before = opened.stream.fingerprint()
    monkeypatch.setattr(rebuilding, "WORTH_SHARING", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    seen = set[int]()
    opened.stream.rebuild(lambda done, total: seen.update(_workers()))
    assert seen
    assert opened.stream.fingerprint() == before
    opened.journal.close()


@pytest.mark.parametrize("how_many", [1, 2])
def test_what_a_killed_worker_had_is_made_up_for(vault: Vault, how_many: int) -> None:
    alone = _in_order(_share(vault, 1))
    batches = _share(vault, 2)
    found = [next(batches)]
    killed = _workers()[:how_many]
    for process in killed:
        os.kill(process, signal.SIGKILL)
    found += batches
    assert killed and sorted(found, key=lambda batch: batch.first_day) == alone


def test_a_worker_that_stands_still_and_is_then_killed_is_made_up_for(vault: Vault) -> None:
    """As one does for which there is no memory: it is stopped in the middle of a batch, and then ended."""
    alone = _in_order(_share(vault, 1))
    batches = _share(vault, 2)
    found = [next(batches)]
    stopped = _workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    later = threading.Timer(0.5, os.kill, (stopped, signal.SIGKILL))
    later.start()
    found += batches
    later.join()
    assert sorted(found, key=lambda batch: batch.first_day) == alone


def test_workers_that_cannot_be_started_are_done_without(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = _in_order(_share(vault, 1))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert _in_order(_share(vault, 2)) == alone


def test_workers_that_end_at_once_are_done_without(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = _in_order(_share(vault, 1))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert _in_order(_share(vault, 2)) == alone


@pytest.mark.parametrize("workers", [1, 2])
def test_stopped_it_gives_nothing_more(vault: Vault, workers: int) -> None:
    asked = list[int]()

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 1

    assert 1 <= len(list(_share(vault, workers, stop))) < RUNS


def test_left_in_the_middle_it_ends_its_workers(vault: Vault) -> None:
    batches = _share(vault, 2)
    next(batches)
    assert _workers()
    batches.close()  # type: ignore[attr-defined]
    assert _workers() == []


def test_a_fault_of_who_reads_ends_the_workers(vault: Vault) -> None:
    with pytest.raises(RuntimeError):
        for _ in _share(vault, 2):
            raise RuntimeError


def _twice(vault: Vault) -> Iterator[list[int]]:
    """The same work done twice by one pool: each time it is what one process gives; ids of the workers after each."""
    alone, clocks = _in_order(_share(vault, 1)), _known(vault)
    journal, upto = vault.journal, vault.journal.head().seq
    work, runs = Aligning(*journal.opened_with(), clocks, upto), batches_of(journal, clocks)
    with Pool(2) as pool:
        for _ in range(2):
            found = pool.share(work, runs, NEVER, lambda days: align_batch(journal, clocks, days, upto))
            assert _in_order(found) == alone
            yield _workers()


def test_workers_go_on_from_one_work_to_the_next(vault: Vault) -> None:
    first, second = _twice(vault)
    assert len(first) == 2 and first == second
    assert _workers() == []


def test_a_worker_killed_between_two_works_is_made_up_for(vault: Vault) -> None:
    times = 0
    for workers in _twice(vault):
        times += 1
        for process in workers:
            os.kill(process, signal.SIGKILL)
    assert times == 2
