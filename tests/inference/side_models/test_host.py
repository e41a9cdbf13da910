"""The host of side models with a real model in a real process: memory first, one process, gone when idle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.inference.side_models import SideConfig, load_side_model, model_for
from hearthside.inference.side_models.answers import transcript_of
from hearthside.inference.side_models.host import SideModels, _exchange
from tests.inference.side_files import beep
from tests.until import until

_IDLE_S = 100.0


class _Lease:
    """Counts what it gave; refuses when told to."""

    def __init__(self) -> None:
        self.held, self.loading, self.refuses = 0, False, False

    def grow(self, more: int) -> None:
        if self.refuses:
            raise RetryLater("memory-short", "There is not enough memory now.")
        self.held += more
        self.loading = True

    def loaded(self) -> None:
        self.loading = False

    def shrink(self, less: int) -> None:
        self.held -= less


class _Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def lease() -> _Lease:
    return _Lease()


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def host(lease: _Lease, clock: _Clock) -> Iterator[SideModels]:
    made = SideModels(lease, idle_s=_IDLE_S, monotonic_s=clock)
    yield made
    made.close()
    assert lease.held == 0


def _pid(host: SideModels) -> int | None:
    return host.pids.get("transcribe")


def _has_ended(host: SideModels) -> bool:
    process = host._sides["transcribe"].process
    return process is not None and process.poll() is not None


def _need() -> int:
    name = model_for("transcribe", SideConfig())
    assert name is not None
    return load_side_model(name).NEED


def test_a_process_serves_many_files_and_gives_its_memory_back_when_idle(
    host: SideModels, lease: _Lease, clock: _Clock
) -> None:
    assert set(host.tasks) == {"transcribe", "read_picture"} and host.pids == {}
    heard = transcript_of(host.run("transcribe", beep()))
    assert heard.duration_ms == 500 and heard.model
    first = _pid(host)
    assert first is not None and (lease.held, lease.loading) == (_need(), False)
    with pytest.raises(Refused) as error:
        host.run("transcribe", b"no sound file at all")
    assert error.value.code == "recording-wrong"
    clock.now_s += _IDLE_S - 1
    host.end_idle()
    host.run("transcribe", beep())
    assert _pid(host) == first and lease.held == _need()
    clock.now_s += _IDLE_S
    host.end_idle()
    assert _pid(host) is None and lease.held == 0
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_one_that_was_killed_is_replaced_and_costs_its_memory_once(host: SideModels, lease: _Lease) -> None:
    host.run("transcribe", beep())
    first = _pid(host)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: _has_ended(host))
    host.run("transcribe", beep())
    assert _pid(host) not in {None, first} and lease.held == _need()


def test_one_that_dies_over_a_file_says_so_and_the_next_file_is_read(host: SideModels, lease: _Lease) -> None:
    host.run("transcribe", beep())
    pid = _pid(host)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # so that it certainly dies over the file
    failed: list[HearthsideError] = []

    def ask() -> None:
        try:
            host.run("transcribe", beep())
        except HearthsideError as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    until(host._sides["transcribe"].lock.locked)
    host.shed()  # leaves alone what works
    assert _pid(host) == pid
    os.kill(pid, signal.SIGKILL)
    asking.join(20)
    assert [(type(error), error.code) for error in failed] == [(RetryLater, "side-model-failed")]
    assert lease.held == 0
    assert host.run("transcribe", beep())["segments"] == []


def test_without_memory_nothing_is_started(host: SideModels, lease: _Lease) -> None:
    lease.refuses = True
    with pytest.raises(RetryLater) as error:
        host.run("transcribe", beep())
    assert error.value.code == "memory-short" and host.pids == {}
    lease.refuses = False
    host.run("transcribe", beep())
    host.shed()
    assert host.pids == {} and lease.held == 0


def test_a_file_that_is_too_large_is_not_even_sent(host: SideModels, lease: _Lease) -> None:
    with pytest.raises(Refused) as error:
        host.run("transcribe", bytes(host.longest("transcribe") + 1))
    assert error.value.code == "file-too-large" and host.pids == {}


def test_what_is_not_installed_is_said(lease: _Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    host = SideModels(lease)
    with monkeypatch.context() as nothing:
        nothing.setattr("hearthside.inference.side_models.host.model_for", lambda task, config: None)
        assert not host.tasks
        with pytest.raises(NeedsPerson) as error:
            host.run("read_picture", b"")
        assert error.value.code == "side-model-missing"
    assert host.tasks == ("transcribe", "read_picture")  # it has been installed meanwhile
    host.close()


def test_an_answer_without_an_end_is_read_no_further() -> None:
    pipe = subprocess.PIPE
    script = "head -c 9000000 /dev/zero; exec sleep 60"
    with subprocess.Popen(["sh", "-c", script], stdin=pipe, stdout=pipe) as process:
        try:
            with pytest.raises(ValueError, match="no answer"):
                _exchange(process, b"", 20)
            assert process.poll() is None  # nobody waited until it was killed
        finally:
            process.kill()


@pytest.mark.parametrize("line", ['{"result": {}}', '{"ready": false}', "[1]", "yes"])
def test_only_one_that_says_it_is_ready_is_given_a_file(
    lease: _Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho '{line}'\necho '{line}'\nexec sleep 60\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    host = SideModels(lease)
    with pytest.raises(RetryLater) as error:
        host.run("transcribe", b"sound")
    assert error.value.code == "side-model-failed" and host.pids == {} and lease.held == 0
    host.close()
