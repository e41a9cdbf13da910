"""The lock on loading: one at a time among threads and processes, gone with its holder, and writing nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hearthside.inference.guard.loader_lock import LoaderLock
from tests.until import until

_HOLDER = """
import sys, time
from pathlib import Path
from hearthside.inference.guard.loader_lock import LoaderLock
lock = LoaderLock(Path(sys.argv[1]))
print(lock.acquire("x", 0), flush=True)
time.sleep(600)
"""


def test_one_at_a_time_within_a_process_too(tmp_path: Path) -> None:
    one, two = LoaderLock(tmp_path), LoaderLock(tmp_path)
    assert one.acquire("a", 0)
    assert not one.acquire("b", 0) and not two.acquire("c", 0.1)
    one.release("b")  # which it never had
    assert not two.acquire("c", 0)
    one.release("a")
    assert two.acquire("c", 0)
    two.release("c")
    two.release("c")
    assert list(tmp_path.iterdir()) == []


def test_it_is_gone_with_a_holder_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        lock = LoaderLock(tmp_path)
        assert not lock.acquire("a", 0)
        holder.send_signal(19)  # SIGSTOP: it holds it still
        assert not lock.acquire("a", 0)
        holder.kill()
        until(lambda: lock.acquire("a", 0))
        lock.release("a")


_FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # as on a full disk: no byte can be written to any file
from hearthside.inference.guard.loader_lock import LoaderLock
LoaderLock().acquire("x", 0)  # which another station on this machine may hold
"""


def test_the_machines_own_lock_needs_no_byte_on_a_disk() -> None:
    done = subprocess.run([sys.executable, "-B", "-c", _FULL], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_where_there_is_nothing_to_lock_loading_goes_on(tmp_path: Path) -> None:
    lock = LoaderLock(tmp_path / "missing")
    assert lock.acquire("a", 0) and lock.acquire("b", 0)
    lock.release("a")
