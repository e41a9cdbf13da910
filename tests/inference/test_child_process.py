"""What child processes of the node do first; the rest is tested with the processes themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows it")
def test_the_memory_of_one_is_closed_to_the_same_user() -> None:
    """PR_GET_DUMPABLE (3) says 1 before and 0 after; then `ptrace` and `process_vm_readv` need root."""
    code = (
        "import ctypes; from hearthside.inference.child_process import not_readable_by_others as close; "
        "ask = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0); print(ask()); close(); print(ask())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["1", "0"]
