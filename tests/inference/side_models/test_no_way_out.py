"""A side model's process, taken over, reaches nothing: ways out are tried from inside, and the filter is computed."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from hearthside.inference.side_models import no_way_out

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="a filter of Linux's"
)
_KILL, _ALLOW, _EPERM, _ENOSYS = 0x80000000, 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS


def _tried(folder: Path, how: str) -> dict[str, str]:
    """What came of each attempt, beside a file, a listener and a secret of ours that they are aimed at."""
    (folder / "victim").write_text("precious")
    secret = ctypes.create_string_buffer(b"SECRET!")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        aims = [os.getpid(), ctypes.addressof(secret), folder, listener.getsockname()[1], how]
        command = [sys.executable, "-m", "tests.inference.side_models.way_out", *map(str, aims)]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True)
    assert [path.name for path in folder.iterdir()] == ["victim"]
    assert (folder / "victim").read_text() == "precious" and (folder / "victim").stat().st_mode & 0o7 != 0o7
    said: dict[str, str] = json.loads(done.stdout)
    return said


def test_nothing_is_left_to_try(tmp_path: Path) -> None:
    said = _tried(tmp_path, "alone")
    assert said.pop("filter") == "True"
    assert {said.pop(name) for name in ("clone3", "openat2", "32-bit calls")} == {"unknown call"}
    assert len(said) > 30 and {name for name, outcome in said.items() if outcome != "PermissionError"} == set()


def test_what_asks_a_server_can_connect_and_nothing_else(tmp_path: Path) -> None:
    said = _tried(tmp_path, "connects")
    assert (said.pop("filter"), said.pop("connect")) == ("True", "done")
    assert {said.pop(name) for name in ("clone3", "openat2", "32-bit calls")} == {"unknown call"}
    assert {name for name, outcome in said.items() if outcome != "PermissionError"} == set()


def _answer(machine: str, number: int, *arguments: int, connects: bool = False, audit: int = 0) -> int:
    """What the filter says to a call, computed as `man 2 seccomp` defines it."""
    told = no_way_out._MACHINES[machine]
    data = struct.pack("<iIQ6Q", number, audit or told.audit, 0, *(arguments + (0,) * 6)[:6])
    steps, at, value = list(no_way_out.program(told, connects=connects)), 0, 0
    while True:
        code, skip, otherwise, constant = steps[at]
        at += 1
        if code == 0x06:
            return constant
        if code == 0x20:
            value = int.from_bytes(data[constant : constant + 4], "little")
        elif code == 0x54:
            value &= constant
        else:
            assert code in (0x15, 0x35)
            at += skip if (value == constant if code == 0x15 else value >= constant) else otherwise


@pytest.mark.parametrize(
    ("machine", "clone", "socket_", "ioctl", "openat", "kill"),
    [("x86_64", 56, 41, 16, 257, 62), ("aarch64", 220, 198, 29, 56, 129)],
)
def test_the_filter_of_each_architecture(
    machine: str, clone: int, socket_: int, ioctl: int, openat: int, kill: int
) -> None:
    read = no_way_out._CALLS["read"][machine == "aarch64"]
    assert read is not None
    assert _answer(machine, read) == _ALLOW and _answer(machine, read, audit=0x40000003) == _KILL  # i386
    assert {_answer(machine, number, connects=True) for number in (openat, kill)} == {_EPERM}
    assert {_answer(machine, number) for number in (435, 600, 0x40000000)} == {_ENOSYS}
    assert _answer(machine, clone, 0x3D0F00) == _ALLOW  # what glibc starts a thread with
    assert {_answer(machine, clone, flags) for flags in (17, 0x4111, 0x3D0F00 | 0x10000000)} == {_EPERM}
    assert {_answer(machine, socket_, family) for family in (1, 2, 10, 16)} == {_EPERM}
    found = [_answer(machine, socket_, family, connects=True) for family in (1, 2, 10, 16, 17)]
    assert found == [_EPERM, _ALLOW, _ALLOW, _EPERM, _EPERM]
    assert [_answer(machine, ioctl, 0, word, connects=True) for word in (0x5421, 0x5412)] == [_ALLOW, _EPERM]


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
)
def test_numbers_are_those_of_the_kernels_headers(column: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("no kernel headers here")
    told = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())
    numbers = {name: int(number) for name, number in told}
    ours = {name: pair[column] for name, pair in (no_way_out._CALLS | no_way_out._CONNECTING).items()}
    machine = list(no_way_out._MACHINES.values())[column]
    ours |= {name: getattr(machine, name) for name in ("clone", "socket", "ioctl", "seccomp")}
    assert {name: number for name, number in ours.items() if numbers.get(name) != number} == {}


def test_elsewhere_it_says_that_it_did_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not no_way_out.leave_no_way_out(connects=False)
