"""Long work in threads, one at a time of each kind: with progress, stoppable, and its end told in one sentence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from traceback import extract_tb

from hearthside.errors import HearthsideError, Refused
from hearthside.logs import logger
from hearthside.web.house import Job

_KEPT = 20  # finished jobs remembered
_LOG = logger("jobs")


class Handle:
    """What a running job uses to tell how far it is."""

    def __init__(self, runner: JobRunner, job_id: str) -> None:
        self._runner, self._id = runner, job_id

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Tell how far it is, and in words what it is doing."""
        self._runner.change(self._id, done=done, total=total, **({"message": message} if message else {}))

    def detail(self, line: str) -> None:
        """Add a line that stays with the job."""
        self._runner.add_detail(self._id, line)

    def stopped(self) -> bool:
        """Whether the person asked to stop; waits here while they paused it."""
        self._runner.wait_while_paused(self._id)
        return self._runner.asked_to_stop(self._id)

    def paused(self, seconds: float) -> bool:
        """Wait up to so many seconds for a pause to end; whether it still holds."""
        return not self._runner.going_on(self._id, seconds)


@dataclass(slots=True)
class _Running:
    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
    going_on: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class JobRunner:
    """Starts jobs and remembers how they ended.

    Args:
        clock: UTC milliseconds.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, _Running] = {}
        self._count = 0

    def start(self, kind: str, title: str, unit: str, work: Callable[[Handle], str], *, pausable: bool = False) -> str:
        """Run `work` in a thread; it returns the closing sentence.

        Args:
            pausable: the work asks its handle often enough to be paused.

        Raises:
            Refused: a job of this kind is already running.
        """
        with self._lock:
            if any(r.job.kind == kind and r.job.active for r in self._jobs.values()):
                raise Refused("job-running", f"“{title}” is already running; it was not started twice.")
            self._count += 1
            job_id = f"{kind}-{self._count}"
            job = Job(job_id, kind, title, "running", 0, 0, unit, "Starting…", self._clock(), pausable=pausable)
            running = _Running(job)
            running.going_on.set()
            self._jobs[job_id] = running
            for old in [i for i, r in self._jobs.items() if not r.job.active][:-_KEPT]:
                del self._jobs[old]
        threading.Thread(target=self._run, args=(running, work), name=job_id, daemon=True).start()
        return job_id

    def jobs(self) -> list[Job]:
        """All jobs, newest first."""
        with self._lock:
            return [running.job for running in reversed(self._jobs.values())]

    def get(self, job_id: str) -> Job:
        """One job. Raises Refused when there is none of this id."""
        with self._lock:
            if job_id not in self._jobs:
                raise Refused("job-unknown", "This job is no longer known; nothing was changed.")
            return self._jobs[job_id].job

    def stop(self, job_id: str) -> None:
        """Ask a job to stop; what it has done stays done."""
        self.get(job_id)
        self._jobs[job_id].stop.set()
        self._jobs[job_id].going_on.set()

    def pause(self, job_id: str) -> None:
        """Let a job wait where it is. Raises Refused when it cannot be paused."""
        job = self.get(job_id)
        if not job.pausable:
            raise Refused("job-not-pausable", f"“{job.title}” cannot be paused; it can be stopped and begun again.")
        if job.state == "running":
            self._jobs[job_id].going_on.clear()
            self.change(job_id, state="paused")

    def resume(self, job_id: str) -> None:
        """Let a paused job go on."""
        if self.get(job_id).state == "paused":
            self.change(job_id, state="running")
        self._jobs[job_id].going_on.set()

    def wait_while_paused(self, job_id: str) -> None:
        """Return when the job may go on or was stopped."""
        self._jobs[job_id].going_on.wait()

    def going_on(self, job_id: str, timeout_s: float) -> bool:
        """Whether the job may go on, waiting up to `timeout_s` for it."""
        return self._jobs[job_id].going_on.wait(timeout_s)

    def wait(self, job_id: str, timeout_s: float | None = None) -> Job:
        """Wait for the end of a job."""
        self.get(job_id)
        self._jobs[job_id].ended.wait(timeout_s)
        return self.get(job_id)

    def stop_all(self, timeout_s: float) -> None:
        """Ask every running job to stop and wait for each a little."""
        with self._lock:
            running = [r for r in self._jobs.values() if r.job.active]
        for one in running:
            one.stop.set()
            one.going_on.set()
        for one in running:
            one.ended.wait(timeout_s)

    def change(self, job_id: str, **changes: object) -> None:
        """Replace fields of a job."""
        with self._lock:
            running = self._jobs[job_id]
            running.job = replace(running.job, **changes)  # type: ignore[arg-type]

    def add_detail(self, job_id: str, line: str) -> None:
        """Add a line to a job's details."""
        with self._lock:
            running = self._jobs[job_id]
            running.job = replace(running.job, details=[*running.job.details, line])

    def asked_to_stop(self, job_id: str) -> bool:
        """Whether `stop` was called."""
        return self._jobs[job_id].stop.is_set()

    def _run(self, running: _Running, work: Callable[[Handle], str]) -> None:
        job_id = running.job.id
        try:
            sentence = work(Handle(self, job_id))
            state = "stopped" if running.stop.is_set() else "done"
        except HearthsideError as error:
            state, sentence = ("stopped" if running.stop.is_set() else "failed"), error.message
        except Exception as error:  # noqa: BLE001 - the thread's last resort: the person must hear of it
            # Where, but not the fault's own words: they may quote what was being read.
            places = " < ".join(
                f"{Path(f.filename).name}:{f.lineno}" for f in reversed(extract_tb(error.__traceback__))
            )
            _LOG.error("job %s failed: %s at %s", running.job.kind, type(error).__name__, places)
            state = "failed"
            sentence = f"This stopped with an unexpected fault ({type(error).__name__}); what was done before is kept."
        self.change(job_id, state=state, message=sentence, ended_ms=self._clock())
        running.ended.set()
