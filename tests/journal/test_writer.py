"""Group commit: everybody is answered, also when a commit fails, a caller goes away or the answer is not wanted."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.journal.writer import MAX_BATCH, Job, Writer
from tests.journal.vaults import journal_in, note, starts


class _Disk:
    """Takes jobs and can be held."""

    def __init__(self) -> None:
        self.commits: list[list[Job]] = []
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def __call__(self, jobs: list[Job]) -> None:
        self.commits.append(list(jobs))
        self.reached.set()
        self.open.wait()
        for job in jobs:
            job.new.append(True)


def _waiting(writer: Writer) -> int:
    with writer._gate:
        return len(writer._waiting)


def _start(target: object, *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
    thread.start()
    return thread


def _wait_for(writer: Writer, count: int) -> None:
    pause = threading.Event()
    while _waiting(writer) < count:
        pause.wait(0.001)


def test_whoever_waits_shares_the_next_commit() -> None:
    disk = _Disk()
    writer = Writer(disk)
    disk.open.clear()
    jobs = [Job([]) for _ in range(6)]
    threads = [_start(writer.run, jobs[0])]
    disk.reached.wait()
    threads += [_start(writer.run, job) for job in jobs[1:]]
    _wait_for(writer, 5)
    disk.open.set()
    for thread in threads:
        thread.join()
    assert [len(commit) for commit in disk.commits] == [1, 5]
    assert all(job.finished and job.new == [True] for job in jobs)
    assert writer.close() and not writer.close()
    assert writer.run(Job([])) is False
    assert writer.submit(Job([], lambda answer: None)) is False


def test_a_commit_takes_no_more_than_it_should() -> None:
    disk = _Disk()
    writer = Writer(disk)
    disk.open.clear()
    first = _start(writer.run, Job([]))
    disk.reached.wait()
    big = [Job([None] * (MAX_BATCH - 1)) for _ in range(3)]  # type: ignore[list-item]
    told: list[object] = []
    for job in big:
        job.done = told.append
        assert writer.submit(job)
    disk.open.set()
    first.join()
    writer.close()
    assert [len(commit) for commit in disk.commits] == [1, 2, 1]
    assert told == [[True]] * 3


def test_one_bad_job_takes_no_other_down() -> None:
    def commit(jobs: list[Job]) -> None:
        for job in jobs:
            if job.records:
                raise ValueError("bad")
            job.new.append(True)

    writer = Writer(commit)
    bad, good = Job(["bad"]), Job([])  # type: ignore[list-item]
    told: list[object] = []
    for job in (bad, good):
        job.done = told.append
        writer.submit(job)
    writer.close()
    assert isinstance(told[0], ValueError) and told[1] == [True]


def test_a_caller_who_fails_on_the_answer_stops_nobody() -> None:
    def fails(answer: object) -> None:
        raise RuntimeError("mine")

    writer = Writer(_Disk())
    writer.submit(Job([], fails))
    after = Job([])
    assert writer.run(after)
    assert after.new == [True]
    writer.close()


def test_ctrl_c_in_the_one_who_writes_for_all_lets_the_others_go_on() -> None:
    disk = _Disk()
    interrupt = True

    def commit(jobs: list[Job]) -> None:
        nonlocal interrupt
        disk(jobs)
        if interrupt:
            interrupt = False
            raise KeyboardInterrupt

    writer = Writer(commit)
    disk.open.clear()
    interrupted: list[BaseException] = []

    def lead() -> None:
        try:
            writer.run(Job([]))
        except KeyboardInterrupt as error:
            interrupted.append(error)

    leader = _start(lead)
    disk.reached.wait()
    follower = Job([])
    thread = _start(writer.run, follower)
    _wait_for(writer, 1)
    disk.open.set()
    leader.join()
    thread.join()
    assert len(interrupted) == 1
    assert follower.error is None and follower.new == [True]
    writer.close()


def test_a_commit_for_many_that_is_interrupted_answers_all_of_them() -> None:
    disk, calls = _Disk(), 0

    def commit(jobs: list[Job]) -> None:
        nonlocal calls
        calls += 1
        disk(jobs)
        if calls == 2:
            raise KeyboardInterrupt

    writer = Writer(commit)
    disk.open.clear()
    first = _start(writer.run, Job([]))
    disk.reached.wait()
    jobs = [Job([]) for _ in range(3)]

    def follow(job: Job) -> None:
        with suppress(KeyboardInterrupt):
            writer.run(job)

    threads = [_start(follow, job) for job in jobs]
    _wait_for(writer, 3)
    disk.open.set()
    for thread in (first, *threads):
        thread.join()
    assert all(job.finished and isinstance(job.error, RetryLater) for job in jobs)
    writer.close()


class _Interrupted:
    """A turn whose waiter is interrupted."""

    def __init__(self, reached: threading.Event) -> None:
        self._taken, self._reached, self.release = False, reached, lambda: None

    def acquire(self) -> None:
        if self._taken:
            raise KeyboardInterrupt
        self._taken = True


@pytest.mark.parametrize("was_told_to_lead", [False, True])
def test_a_waiter_who_goes_away_leaves_nobody_waiting(was_told_to_lead: bool) -> None:
    disk = _Disk()
    writer = Writer(disk)
    disk.open.clear()
    first = _start(writer.run, Job([]))
    disk.reached.wait()
    if was_told_to_lead:
        gone = Job([])
        turn = gone.turn

        class Late:
            """Interrupted in the moment in which it was told to lead."""

            def __init__(self) -> None:
                self._calls = 0

            def acquire(self) -> None:
                turn.acquire()
                self._calls += 1
                if self._calls == 2:
                    raise KeyboardInterrupt

            def release(self) -> None:
                turn.release()

        gone.turn = Late()  # type: ignore[assignment]
    else:
        gone = Job([], turn=_Interrupted(disk.reached))  # type: ignore[arg-type]
    outcome: list[BaseException] = []

    def leave() -> None:
        try:
            writer.run(gone)
        except KeyboardInterrupt as error:
            outcome.append(error)

    leaver = _start(leave)
    if was_told_to_lead:
        _wait_for(writer, 1)
    else:
        leaver.join()
    last = Job([])
    thread = _start(writer.run, last)
    _wait_for(writer, 2 if was_told_to_lead else 1)
    disk.open.set()
    for one in (first, leaver, thread):
        one.join()
    assert len(outcome) == 1
    assert not gone.finished
    assert last.new == [True]
    writer.close()


def test_a_journal_answers_whoever_does_not_wait(tmp_path: Path) -> None:
    told: list[object] = []
    with journal_in(tmp_path) as journal:
        for n in range(50):
            journal.submit([note(n % 40)], told.append)
        journal.append([note(100)])
    assert told.count([True]) == 40 and told.count([False]) == 10
    with journal_in(tmp_path) as journal:
        assert len(starts(journal)) == 41
    with pytest.raises(RetryLater):
        journal.submit([note(1)], told.append)
