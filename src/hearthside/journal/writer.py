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

from hearthside.journal.sealing import Prepared

MAX_BATCH = 2000  # records in one transaction; more only makes the wait of the first caller longer
Done: TypeAlias = Callable[["list[bool] | Exception"], None]


@dataclass(slots=True)
class Job:
    """What one caller wants written.

    Attributes:
        done: called with which records were new, or why nothing was kept; None for a caller that waits in `run`.
    """

    records: Sequence[Prepared]
    done: Done | None = None
    new: list[bool] = field(default_factory=list)
    error: Exception | None = None
    finished: bool = False
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
            job.turn.acquire()  # until it is done, or this caller is to lead
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
        self._write(jobs)
        with self._gate:
            first = self._waiting[0] if self._waiting else None
            self._led = first is not None
            if first is None:
                self._quiet.notify_all()
                return
        if first.done is None:
            first.turn.release()
        else:
            self._call.release()

    def _write(self, jobs: list[Job]) -> None:
        try:
            self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, others are still served and the caller hears of it
            if len(jobs) > 1:
                for job in jobs:  # one bad job must not take the others down
                    job.new.clear()
                    self._write([job])
                return
            jobs[0].error = error
        for job in jobs:
            job.finished = True
            if job.done is None:
                job.turn.release()
            else:
                job.done(job.error if job.error is not None else job.new)
