"""Group commit: whoever comes first writes for everybody who waits, in one transaction, and answers when it is on disk.

The caller that finds nobody writing leads: it takes all waiting jobs, commits them, tells their callers, and hands the
lead to the first of those who came meanwhile. A lone caller so pays for no second thread; many callers share one fsync.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hearthside.errors import RetryLater
from hearthside.journal.sealing import Prepared
from hearthside.logs import logger

MAX_BATCH = 2000  # records in one transaction; more only makes the wait of the first caller longer
Done: TypeAlias = Callable[["list[bool] | Exception"], None]


@dataclass(slots=True, eq=False)
class Job:
    """What one caller wants written.

    Attributes:
        done: called with which records were new, or why nothing was kept; None for a caller that waits in `run`.
            It must not write itself: it is called by whoever writes for all.
    """

    records: Sequence[Prepared]
    done: Done | None = None
    new: list[bool] = field(default_factory=list)
    error: Exception | None = None
    finished: bool = False
    leads: bool = False  # its caller was told to write
    turn: threading.Lock = field(default_factory=threading.Lock)


class Writer:
    """Lets one caller at a time run `commit`, for as many waiting jobs as there are.

    Args:
        commit: writes the jobs in one transaction and fills each `new`; raises when nothing of them was kept.
    """

    def __init__(self, commit: Callable[[list[Job]], None]) -> None:
        self._commit = commit
        self._gate = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._led = False  # somebody writes, or was asked to
        self._quiet = threading.Condition(self._gate)
        self._closed = self._ended = False
        self._call = threading.Semaphore(0)  # for the thread that leads when the first in line waits in no thread
        self._thread = threading.Thread(target=self._lead_for_others, name="journal-writer", daemon=True)
        self._thread.start()

    def run(self, job: Job) -> bool:
        """Write a job and return when it is done; False when the writer has been closed."""
        job.turn.acquire()
        with self._gate:
            if self._closed:
                return False
            self._waiting.append(job)
            lead, self._led = not self._led, True
        if not lead:
            try:
                job.turn.acquire()  # until it is done, or this caller is to lead
            except BaseException:  # Ctrl-C
                self._leave(job)
                raise
        if not job.finished:
            self._lead()
        return True

    def submit(self, job: Job) -> bool:
        """Hand a job in and return at once; False when the writer has been closed."""
        with self._gate:
            if self._closed:
                return False
            self._waiting.append(job)
            lead, self._led = not self._led, True
        if lead:
            self._call.release()
        return True

    def close(self) -> bool:
        """Wait until everything handed in is done; False when that was done before."""
        with self._gate:
            if self._closed:
                return False
            self._closed = True
            self._quiet.wait_for(lambda: not self._led)
            self._ended = True
        self._call.release()
        self._thread.join()
        return True

    def _lead_for_others(self) -> None:
        while True:
            self._call.acquire()
            if self._ended:
                return
            self._lead()

    def _lead(self) -> None:
        with self._gate:
            jobs, count = list[Job](), 0
            while self._waiting and count < MAX_BATCH:
                jobs.append(self._waiting.popleft())
                count += len(jobs[-1].records)
        try:
            self._write(jobs)
        finally:  # also on Ctrl-C, or all others would wait for ever
            with self._gate:
                self._hand_over()

    def _hand_over(self) -> None:
        """Give the lead to the first in line; under the gate."""
        first = self._waiting[0] if self._waiting else None
        self._led = first is not None
        if first is None:
            self._quiet.notify_all()
        elif first.done is None:
            first.leads = True
            first.turn.release()
        else:
            self._call.release()

    def _leave(self, job: Job) -> None:
        """A caller that waited goes away; what it wanted is written only if somebody has begun to."""
        with self._gate:
            if job in self._waiting:
                self._waiting.remove(job)
                if job.leads:
                    self._hand_over()

    def _write(self, jobs: list[Job]) -> None:
        try:
            self._write_together(jobs)
        except BaseException:  # Ctrl-C in the thread that writes for all
            for job in jobs:
                if not job.finished:
                    job.error = _cut_short()
                    _tell(job)
            raise

    def _write_together(self, jobs: list[Job]) -> None:
        try:
            self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, others are still served and the caller hears of it
            if len(jobs) > 1:
                for job in jobs:  # one bad job must not take the others down
                    job.new.clear()
                    self._write_together([job])
                return
            jobs[0].error = error
        for job in jobs:
            _tell(job)


def _tell(job: Job) -> None:
    job.finished = True
    if job.done is None:
        job.turn.release()
        return
    try:
        job.done(job.error if job.error is not None else job.new)
    except Exception as error:  # noqa: BLE001 - what a caller does with the answer must not stop the writing
        logger("journal").error("a caller failed on the journal's answer: %s", type(error).__name__)


def _cut_short() -> RetryLater:
    return RetryLater("journal-write-failed", "Writing to the journal was cut short; nothing of this was kept. Retry.")
