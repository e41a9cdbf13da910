"""The real guard process and real children: admission, the end, and what it survives."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hearthside
from benchmarks.guard_traces import meminfo
from hearthside.errors import NeedsPerson, RetryLater
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
from hearthside.inference.guard.policy import Rung
from hearthside.inference.guard.readings import GIB
from tests.inference.guard.children import MIB, own_group, sleeper
from tests.until import until


class Station:
    """A keeper over a /proc/meminfo that the test writes; its clock of the day jumps by years at every look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shed: list[Rung] = []
        self.looks = 0
        self.room(60)
        options = KeeperOptions(soft=20 * GIB, hard=12 * GIB, proc=folder, lock=folder, lock_wait_s=0.2, calm_s=0.5)
        self.keeper = Keeper(self.clock, options, self.shed.append)

    def clock(self) -> int:
        self.looks += 1
        return 1_800_000_000_000 + (1 if self.looks % 2 else -1) * 10**11

    def room(self, gib: float) -> None:
        """Say how much memory is left."""
        path = self.folder / "meminfo"
        text = meminfo(gib, gib / 2)
        file = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.pwrite(file, text.ljust(200), 0)  # in place and in one piece: the guard keeps the file open
        os.close(file)

    def guard(self, lease: str, process: subprocess.Popen[bytes], need: int = GIB) -> None:
        """Put a process under the guard."""
        self.keeper.admit(lease, need)
        self.keeper.attach(lease, process.pid)
        self.keeper.loaded(lease)

    def end_once(self, lease: str) -> None:
        """Let the guard end something, and let there be room again."""
        before = self.calms()
        with sleeper() as engine:
            self.guard(lease, engine)
            self.room(5)
            assert engine.wait(30) == -9
            self.keeper.release(lease)
            self.room(60)
        until(lambda: self.calms() > before, "calm")

    def calms(self) -> int:
        """How often shedding was over."""
        return sum("There is room again" in deed.sentence for deed in self.keeper.view().deeds)

    def told(self, words: str) -> bool:
        """Whether the page says this."""
        return any(words in deed.sentence for deed in self.keeper.view().deeds)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    made.keeper.start()
    assert made.keeper.wait_watching(30)
    yield made
    made.keeper.stop()


def test_it_is_small_and_says_what_it_does(station: Station) -> None:
    with sleeper() as engine:
        station.guard("a", engine)
        until(lambda: "20 times a second" in station.keeper.view().sentence)
        view = station.keeper.view()
        assert view.phase == "watching" and view.available == 60 * GIB and view.deeds == ()
        assert "60.0 GiB are left" in view.sentence and view.protections.endswith(".")
        status = Path(f"/proc/{station.keeper.pid}/status").read_text()
        resident = int(status.partition("VmHWM:")[2].split()[0])  # KiB
        assert resident < 30 * 1024
        assert not engine.poll()
    heavy = "import sys, hearthside.inference.guard.process as p; print([m for m in sys.modules if m in %r])"
    names = ("numpy", "httpx", "orjson", "asyncio", "xllamacpp", "pydantic")
    done = subprocess.run([sys.executable, "-c", heavy % (names,)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_engine_that_takes_too_much_is_ended_and_the_next_is_admitted_when_there_is_room(station: Station) -> None:
    with sleeper() as engine, sleeper() as neighbour:
        station.guard("a", engine)
        station.room(19)
        until(lambda: Rung.MODELS in station.shed, "shedding")
        assert station.shed == [Rung.REFUSE, Rung.CACHES, Rung.MODELS] and engine.poll() is None
        assert station.keeper.refuses
        station.room(11)
        assert engine.wait(30) == -9 and neighbour.poll() is None
        assert "would not freeze" in station.keeper.why_ended("a", 5) and not station.keeper.why_ended("a")
        with pytest.raises(RetryLater) as caught:
            station.keeper.admit("b", GIB)
        assert caught.value.code == "memory-short"
        station.keeper.release("a")
        station.room(60)
        until(lambda: station.told("There is room again"), "calm")
        station.keeper.admit("b", GIB)
        assert station.shed[-1] == Rung.END


def test_a_stopped_engine_is_ended_all_the_same(station: Station) -> None:
    with sleeper() as engine:
        station.guard("a", engine)
        engine.send_signal(signal.SIGSTOP)
        station.room(11)
        assert engine.wait(30) == -9


def test_refusals_say_what_to_do(station: Station) -> None:
    for need, kind, code in ((150 * GIB, NeedsPerson, "model-too-large"), (45 * GIB, RetryLater, "memory-short")):
        with pytest.raises(kind) as caught:
            station.keeper.admit("a", need)
        assert isinstance(caught.value, NeedsPerson | RetryLater) and caught.value.code == code
    station.keeper.admit("b", 30 * GIB)
    with pytest.raises(RetryLater) as busy:
        station.keeper.admit("c", GIB)
    assert busy.value.code == "loader-busy"
    station.keeper.loaded("b")
    with pytest.raises(RetryLater) as short:
        station.keeper.admit("c", 11 * GIB)  # the 30 promised to b are not there for others
    assert short.value.code == "memory-short" and "10.0 GiB" in short.value.message
    station.keeper.admit("c", 9 * GIB)


def test_the_breaker_opens_and_outlives_a_guard(station: Station) -> None:
    for number in range(3):
        station.end_once(str(number))
    for _ in range(2):
        with pytest.raises(RetryLater) as caught:
            station.keeper.admit("again", GIB)
        assert caught.value.code == "memory-rests" and "10 minutes" in caught.value.message
        _replaced(station, signal.SIGKILL)


def _replaced(station: Station, how: signal.Signals) -> None:
    first = station.keeper.pid
    assert first is not None
    os.kill(first, how)
    until(lambda: station.keeper.pid not in (None, first), "a new guard")
    assert station.keeper.wait_watching(30)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_guard_that_dies_or_freezes_is_replaced_and_the_engine_is_guarded_on(
    station: Station, how: signal.Signals
) -> None:
    with sleeper() as engine:
        station.guard("a", engine)
        _replaced(station, how)
        assert engine.poll() is None and station.told("started again")
        station.room(11)
        assert engine.wait(30) == -9
        assert "would not freeze" in station.keeper.why_ended("a", 5)


def test_without_a_guard_nothing_is_admitted(tmp_path: Path) -> None:
    keeper = Keeper(lambda: 0, KeeperOptions(proc=tmp_path, lock=tmp_path, answer_s=0.1))
    with pytest.raises(RetryLater) as caught:
        keeper.admit("a", GIB)  # it was never started
    assert caught.value.code == "guard-away"


def test_an_attached_process_that_is_gone_already_is_said(station: Station) -> None:
    with sleeper() as engine:
        station.keeper.admit("a", GIB)
        engine.kill()
        engine.wait()
        with pytest.raises(RetryLater) as caught:
            station.keeper.attach("a", engine.pid)
        assert caught.value.code == "compute-gone"


def test_a_lease_ends_with_its_holder(station: Station) -> None:
    with sleeper() as engine:
        station.keeper.admit("a", 30 * GIB)
        station.keeper.attach("a", engine.pid)
    station.keeper.release("a")
    until(lambda: _admitted(station, "b", 35 * GIB), "the lease's end")


def _admitted(station: Station, lease: str, need: int) -> bool:
    try:
        station.keeper.admit(lease, need)
    except RetryLater:
        return False
    return True


def test_a_system_that_does_not_tell_is_not_watched_and_says_so(tmp_path: Path) -> None:
    keeper = Keeper(lambda: 0, KeeperOptions(proc=tmp_path, lock=tmp_path))
    keeper.start()
    with sleeper() as engine:
        keeper.admit("a", GIB)
        keeper.attach("a", engine.pid)
        keeper.loaded("a")
        assert keeper.view().phase == "unwatched" and "not watched" in keeper.view().sentence
        keeper.stop()
        assert engine.poll() is None


_PARENT = """
import resource, subprocess, sys, time
from pathlib import Path
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
folder, soft, hard, proc = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
if sys.argv[5] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # as on a full disk: no byte can be written to any file
sys.stdin.readline()
keeper = Keeper(lambda: 0, KeeperOptions(soft=soft, hard=hard, proc=proc, lock=folder))
keeper.start()
assert keeper.wait_watching(30)
engine = subprocess.Popen([sys.executable, "-c", sys.argv[6]], stdin=subprocess.PIPE)
keeper.admit("a", 1 << 25)
keeper.attach("a", engine.pid)
keeper.loaded("a")
print(engine.pid, keeper.pid, flush=True)
engine.stdin.write(bytes([10]))
engine.stdin.flush()
engine.wait()
print(keeper.why_ended("a", 10), flush=True)
keeper.release("a")
sys.stdin.readline()
keeper.stop()
"""
_HOG = """
import sys, time
held = []
sys.stdin.readline()
for _ in range(50):
    held.append(b"x" * (8 << 20))
    time.sleep(0.02)
time.sleep(600)
"""


def _parent(*arguments: str | int | Path, engine: str = "import time; time.sleep(600)") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _PARENT, *map(str, arguments), engine]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def test_when_the_station_dies_its_engine_and_its_guard_end(tmp_path: Path) -> None:
    station = Station(tmp_path)
    with _parent(tmp_path, 20 * GIB, 12 * GIB, tmp_path, "") as parent:
        _go(parent)
        engine, guard = map(int, _line(parent).split())
        parent.kill()
    until(lambda: _gone(engine) and _gone(guard), "the end of both")
    assert station.keeper.pid is None


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    station = Station(tmp_path)
    with _parent(tmp_path, 20 * GIB, 12 * GIB, tmp_path, "full") as parent:
        _go(parent)
        _, guard = map(int, _line(parent).split())
        limits = Path(f"/proc/{guard}/limits").read_text()
        assert next(line for line in limits.splitlines() if "file size" in line).split()[3:5] == ["0", "0"]
        station.room(11)
        assert "would not freeze" in _line(parent)
        _go(parent)
        assert parent.wait(30) == 0


def test_a_hog_outside_is_noticed_and_named(tmp_path: Path) -> None:
    """Real memory in a group of 512 MiB, as in a container: another program eats it, and the engine has to go."""
    with own_group("box") as box, _parent(tmp_path, 250 * MIB, 150 * MIB, "/proc", "") as parent:
        box.limit(512 * MIB)
        box.add(parent.pid)
        with subprocess.Popen([sys.executable, "-c", _HOG], stdin=subprocess.PIPE, text=True) as hog:
            try:
                box.add(hog.pid)
                _go(parent)
                engine, guard = map(int, _line(parent).split())
                _go(hog)
                said = _line(parent)
                assert "It was not the model: python" in said and "would not freeze" in said
                assert _gone(engine) and not _gone(guard) and hog.poll() is None
            finally:
                hog.kill()
        _go(parent)
        assert parent.wait(30) == 0


def test_an_engine_that_eats_real_memory_is_ended_and_named(tmp_path: Path) -> None:
    with own_group("box") as box, _parent(tmp_path, 250 * MIB, 150 * MIB, "/proc", "", engine=_HOG) as parent:
        box.limit(512 * MIB)
        box.add(parent.pid)
        _go(parent)
        engine, guard = map(int, _line(parent).split())
        said = _line(parent)
        assert "The model itself had taken" in said and "would not freeze" in said
        assert _gone(engine) and not _gone(guard) and box.killed_by_kernel() == 0
        _go(parent)
        assert parent.wait(30) == 0


def test_the_engine_is_limited_by_the_system_itself(station: Station) -> None:
    with sleeper() as engine:
        station.guard("a", engine)
        protections = station.keeper.view().protections.lower()
        if "limits the memory of the model's process" in protections:
            groups = Path(f"/proc/{engine.pid}/cgroup").read_text()
            assert f"hearthside-{os.getpid()}-{engine.pid}" in groups
        else:
            assert resource.prlimit(engine.pid, resource.RLIMIT_DATA)[0] < 5 * GIB
        assert int(Path(f"/proc/{engine.pid}/oom_score_adj").read_text()) == 800
        time.sleep(0.1)
        assert engine.poll() is None


def test_stopping_ends_what_is_still_guarded_and_takes_its_group_away(tmp_path: Path) -> None:
    station = Station(tmp_path)
    station.keeper.start()
    assert station.keeper.wait_watching(30)
    with sleeper() as engine:
        station.guard("a", engine)
        groups = [
            folder
            for folder in Path("/sys/fs/cgroup").glob(f"**/hearthside-{os.getpid()}-{engine.pid}")
            if folder.is_dir()
        ]
        station.keeper.stop()
        assert engine.wait(30) == -9
        until(lambda: not any(folder.exists() for folder in groups), "removing the group")
    assert station.keeper.pid is None


_NOBODY = """
import os, subprocess, sys, time
from pathlib import Path
from hearthside.inference.guard.keeper import Keeper, KeeperOptions
folder, below = Path(sys.argv[1]), sys.argv[2]
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
keeper = Keeper(lambda: 0, KeeperOptions(soft=20 << 30, hard=12 << 30, proc=folder, lock=folder))
keeper.start()
assert keeper.wait_watching(30)
engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
keeper.admit("a", 1 << 30)
keeper.attach("a", engine.pid)
keeper.loaded("a")
print(keeper.view().protections, flush=True)
(folder / "meminfo").write_bytes(below.encode())
print(engine.wait(30), keeper.why_ended("a", 10), flush=True)
keeper.stop()
"""


def test_without_any_rights_it_ends_by_process_id(tmp_path: Path) -> None:
    """As a user who may make no group and lock no memory; with the system's Python and no package."""
    python = Path("/usr/bin/python3.11")
    if os.getuid() != 0 or not python.exists():
        pytest.skip("this needs root, to become nobody, and a Python 3.11 that nobody may run")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(Path(hearthside.__file__).parent, folder / "hearthside", ignore=shutil.ignore_patterns("*.pyc"))
        (folder / "meminfo").write_bytes(meminfo(60, 20).ljust(200))
        for path in (folder, folder / "meminfo"):
            os.chown(path, 65534, 65534)
        done = subprocess.run(
            [str(python), "-B", "-c", _NOBODY, name, meminfo(11, 5).decode()],
            env={"PYTHONPATH": name}, cwd=name, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    protections, ended = done.stdout.splitlines()
    assert "no special rights" in protections and "limits what the model's process can ask for" in protections
    assert ended.startswith("-9 ") and "would not freeze" in ended
