"""Long work: one of a kind at a time, with progress, stoppable, and its end told in one sentence."""

from __future__ import annotations

import logging
import threading

import pytest

from hearthside.app.jobs import Handle, JobRunner
from hearthside.errors import NeedsPerson, Refused
from tests.night.helpers import Clock


@pytest.fixture
def runner() -> JobRunner:
    return JobRunner(Clock())


def test_a_job_tells_how_far_it_is_and_how_it_ended(runner: JobRunner) -> None:
    half, go_on = threading.Event(), threading.Event()

    def work(handle: Handle) -> str:
        handle.progress(3, 6, "reading")
        handle.progress(4, 6)  # the words stay
        handle.detail("a.txt: fine")
        half.set()
        go_on.wait()
        handle.detail("b.txt: fine too")
        return "All is read."

    job_id = runner.start("import", "Import", "bytes", work)
    half.wait()
    (job,) = runner.jobs()
    assert (job.state, job.done, job.total, job.unit, job.message) == ("running", 4, 6, "bytes", "reading")
    assert (job.details, job.ended_ms) == (["a.txt: fine"], None)
    assert runner.wait(job_id, 0.0).state == "running"
    go_on.set()
    job = runner.wait(job_id)
    assert (job.state, job.message, job.details) == ("done", "All is read.", ["a.txt: fine", "b.txt: fine too"])
    assert job.ended_ms is not None
    assert job.ended_ms > job.started_ms


def test_one_of_a_kind_at_a_time(runner: JobRunner) -> None:
    go_on = threading.Event()

    def work(handle: Handle) -> str:
        go_on.wait()
        return "Done."

    first = runner.start("night", "Night", "steps", work)
    with pytest.raises(Refused) as error:
        runner.start("night", "Night", "steps", work)
    assert error.value.code == "job-running"
    other = runner.start("import", "Import", "bytes", work)
    go_on.set()
    runner.wait(first)
    runner.wait(other)
    again = runner.start("night", "Night", "steps", work)
    assert runner.wait(again).state == "done"
    assert [job.kind for job in runner.jobs()] == ["night", "import", "night"]  # newest first


def test_a_stopped_job_says_so(runner: JobRunner) -> None:
    def work(handle: Handle) -> str:
        while not handle.stopped():
            threading.Event().wait(0.001)
        return "Stopped after two."

    job_id = runner.start("import", "Import", "bytes", work)
    runner.stop(job_id)
    assert (runner.wait(job_id).state, runner.wait(job_id).message) == ("stopped", "Stopped after two.")
    runner.stop_all(1.0)  # nothing is left to stop


def test_an_error_is_told_in_its_own_sentence(runner: JobRunner) -> None:
    def work(handle: Handle) -> str:
        raise NeedsPerson("some-code", "Put the key back.")

    job = runner.wait(runner.start("import", "Import", "bytes", work))
    assert (job.state, job.message) == ("failed", "Put the key back.")


def test_an_unexpected_fault_is_told_without_its_words(runner: JobRunner, caplog: pytest.LogCaptureFixture) -> None:
    def work(handle: Handle) -> str:
        raise ValueError("dear diary")

    caplog.set_level(logging.DEBUG)
    logging.getLogger("hearthside").propagate = True
    job = runner.wait(runner.start("import", "Import", "bytes", work))
    assert job.state == "failed"
    assert "ValueError" in job.message
    assert "what was done before is kept" in job.message
    assert "diary" not in job.message + caplog.text  # it may be what was being read
    assert "test_jobs.py" in caplog.text  # but the place is there
    assert runner.wait(runner.start("import", "Import", "bytes", lambda handle: "Fine.")).state == "done"


def test_only_so_many_ended_jobs_are_remembered(runner: JobRunner) -> None:
    ids: list[str] = []
    for _ in range(40):
        ids.append(runner.start("import", "Import", "bytes", lambda handle: "Fine."))
        runner.wait(ids[-1])
    assert len(runner.jobs()) <= 22
    for gone in (ids[0], "import-999"):
        with pytest.raises(Refused) as error:
            runner.stop(gone)
        assert error.value.code == "job-unknown"
