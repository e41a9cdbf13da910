"""Joules from the processor's counter to the journal, through a real node: with a counter that a test turns on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.app.rapl_house import WATTS

_ROOT = Path(__file__).resolve().parents[2]
_OWN_MOUNTS = ["unshare", "--mount"]
_SCRIPT = 'mount -t tmpfs tmpfs /sys/class && exec "$@"'


def _may_mount() -> bool:
    try:
        return subprocess.run([*_OWN_MOUNTS, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not _may_mount(), reason="needs Linux and the right to mount, for a folder that looks like RAPL's")
def test_joules_come_from_the_counter_to_the_journal(tmp_path: Path) -> None:
    command = [*_OWN_MOUNTS, "sh", "-c", _SCRIPT, "sh", sys.executable, "-m", "tests.app.rapl_house", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    costs = orjson.loads(done.stdout)
    assert {cost["work"] for cost in costs} == {"probe", "answer"}
    for cost in costs:
        assert cost["meter"] == "RAPL: the whole processor package, idle included."
        # The counter is turned on by a thread that may be late, by far less than a second.
        assert cost["joules"] == pytest.approx(WATTS * cost["seconds"], abs=WATTS) and cost["joules"] > 0
