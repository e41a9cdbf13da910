"""The process of a side model: its lines, its limits, and its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthside.inference.side_models import SideConfig
from hearthside.inference.side_models import pocketsphinx_speech as speech
from hearthside.inference.side_models.sound_files import silence
from tests.inference.side_models.side_process import SideProcess

_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def served() -> Iterator[SideProcess]:
    process = SideProcess("pocketsphinx_speech")
    yield process
    assert process.close() == 0  # its standard input has ended


def test_one_line_for_each_file(served: SideProcess) -> None:
    assert served.ready == {"ready": True}
    for _ in range(2):
        assert served.result(silence(0.5, 16_000))["duration_ms"] == 500
        assert served.code(b"words") == "Refused recording-wrong"


def test_a_file_that_is_longer_than_allowed_is_not_kept(served: SideProcess) -> None:
    assert served.code(bytes(speech.LONGEST + 1)) == "Refused file-too-large"
    assert served.result(silence(1, 8000))["duration_ms"] == 1000


@_LINUX
def test_what_it_may_do_is_little(served: SideProcess) -> None:
    """It can write to no file, leave no core, and every call but a few is refused (`test_no_way_out`)."""
    rows = Path(f"/proc/{served.process.pid}/limits").read_text().splitlines()
    limits = {row[:26].strip(): row[26:].split()[:2] for row in rows}
    assert limits["Max file size"] == limits["Max core file size"] == ["0", "0"]
    numbers = sorted(int(number) for number in os.listdir(f"/proc/{served.process.pid}/fd"))  # noqa: PTH208
    assert limits["Max open files"] == [str(len(numbers))] * 2 and numbers == list(range(len(numbers)))
    assert speech.NEED < int(limits["Max data size"][1]) < speech.NEED + 512 * 2**20
    for thread in Path(f"/proc/{served.process.pid}/task").iterdir():
        told = dict(row.split(":\t") for row in (thread / "status").read_text().splitlines())
        assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")
    niceness = int(Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()[16])
    assert niceness >= 5


def test_a_model_that_cannot_be_loaded_says_why_and_ends() -> None:
    process = SideProcess("openai_speech", SideConfig("http://192.168.1.9"))
    error = process.ready["error"]
    status = process.process.wait(30)  # before its input ends, at which it would end too
    process.close()
    assert (error["kind"], error["code"], status) == ("NeedsPerson", "side-model-broken", 1)


def test_it_does_not_begin_when_what_started_it_is_gone() -> None:
    command = [sys.executable, "-P", "-m", "hearthside.inference.side_models.process"]
    told = b'{"model":"pocketsphinx_speech","parent_pid":1,"config":{}}\n'
    done = subprocess.run(command, input=told, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_it_ends_also_in_the_middle_of_a_file() -> None:
    process = SideProcess("openai_speech", SideConfig("http://127.0.0.1:1"))
    assert process.ready == {"ready": True} and process.process.stdin is not None
    process.process.stdin.write((1000).to_bytes(8, "big") + b"half")
    assert process.close() == 0


def test_nothing_said_nothing_done() -> None:
    command = [sys.executable, "-P", "-m", "hearthside.inference.side_models.process"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
