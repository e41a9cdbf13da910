"""Readings: the files of the kernel, real and damaged, and who grew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.errors import NeedsPerson
from hearthside.inference.guard.cgroups import Headroom, Place
from hearthside.inference.guard.readings import (
    Growth,
    Held,
    MemoryReader,
    held_by,
    held_by_all,
    name_of,
    parse_meminfo,
    parse_stalled,
    processes,
)
from tests.until import until

_MEMINFO = b"MemTotal:  1000 kB\nMemFree:   10 kB\nMemAvailable:   600 kB\nCached:  590 kB\n"
_PRESSURE = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=7\nfull avg10=1.00 avg60=0.10 avg300=0.02 total=2500000\n"


def test_available_is_not_free() -> None:
    assert parse_meminfo(_MEMINFO) == (1000 * 1024, 600 * 1024)


@given(st.binary(max_size=200))
def test_damaged_text_gives_a_reading_or_a_value_error(text: bytes) -> None:
    for parse in (parse_meminfo, parse_stalled):
        try:
            parse(text)
        except (ValueError, IndexError):
            continue


@pytest.mark.parametrize("text", [b"", b"MemTotal: 5 kB\n", b"MemTotal: x kB\nMemAvailable: 1 kB\n"])
def test_without_the_two_figures_there_is_no_reading(text: bytes) -> None:
    with pytest.raises(ValueError):
        parse_meminfo(text)


def test_stalled_seconds_are_those_in_which_everything_stood_still() -> None:
    assert parse_stalled(_PRESSURE) == 2.5
    with pytest.raises(ValueError):
        parse_stalled(b"some total=1\n")


def test_the_real_machine_can_be_read() -> None:
    reader = MemoryReader(None)
    reading = reader.read(5.0)
    assert reading.at_s == 5.0 and 0 < reading.available <= reading.total
    assert reading.total == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    reader.close()


def test_readings_follow_the_file_and_the_tighter_limit(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_bytes(_MEMINFO)
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure" / "memory").write_bytes(_PRESSURE)
    group = tmp_path / "group"
    group.mkdir()
    for name, value in (("memory.max", "500000"), ("memory.current", "300000"), ("memory.stat", "inactive_file 1000")):
        (group / name).write_text(value)
    reader = MemoryReader(Headroom(Place(group, group, 2)), tmp_path)
    assert (reader.read(0).total, reader.read(0).available, reader.read(0).stalled_s) == (500_000, 201_000, 2.5)
    (group / "memory.max").write_text("max\n")
    assert (reader.read(0).total, reader.read(0).available) == (1000 * 1024, 600 * 1024)
    (group / "memory.max").write_text("500000")
    (group / "memory.current").write_text("900000")
    assert reader.read(0).available == 0
    reader.close()


def test_a_system_that_does_not_tell_is_said_plainly(tmp_path: Path) -> None:
    for text in (None, b"nothing"):
        if text is not None:
            (tmp_path / "meminfo").write_bytes(text)
        with pytest.raises(NeedsPerson) as caught:
            MemoryReader(None, tmp_path)
        assert caught.value.code == "memory-not-readable"


def test_own_memory_grows_when_it_is_touched_and_mapped_files_do_not_count() -> None:
    # In a process of its own: one that gave much back before would take it from there.
    code = "import sys; sys.stdin.readline(); x = b'x' * (64 << 20); print(len(x), flush=True); sys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        until(lambda: (held_by(child.pid) or Held(0, 0)).own > 1 << 20, "the interpreter")
        before = held_by(child.pid)
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()
        after = held_by(child.pid)
        child.stdin.write(b"\n")
    assert before is not None and after is not None
    assert after.own - before.own > 50 << 20 and after.mapped > 0
    assert held_by(2**22 + 1) is None
    assert os.getpid() in dict(processes())
    assert name_of(os.getpid()) and name_of(2**22 + 1) == ""


def test_what_a_process_started_counts_as_its_own() -> None:
    grandchild = "import sys; x = b'x' * (64 << 20); print(len(x), flush=True); sys.stdin.readline()"
    start = f"subprocess.run([sys.executable, '-c', {grandchild!r}])"  # in a thread, under whose number it stands
    child = f"import subprocess, sys, threading\nthreading.Thread(target=lambda: {start}).start()"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None and started.stdout is not None
        started.stdout.readline()
        alone, whole = held_by(started.pid), held_by_all(started.pid)
        started.stdin.write(b"\n")
        started.stdin.flush()
    assert alone is not None and whole is not None
    assert alone.own < 50 << 20 < 60 << 20 < whole.own
    assert held_by_all(2**22 + 1) is None


def test_the_one_that_grew_most_is_found() -> None:
    now = {1: 100, 2: 100}
    growth = Growth(lambda: iter(now.items()))
    growth.remember()
    now.update({1: 150, 2: 400, 3: 250})
    assert growth.most(set()) == (2, 300)
    assert growth.most({2}) == (3, 250)
    assert growth.most({1, 2, 3}) == (0, 0)
