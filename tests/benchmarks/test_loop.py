"""A smoke run of the loop benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.loop import STEPS

ROOT = Path(__file__).resolve().parents[2]


def test_a_smoke_turn_of_the_loop_ends_with_one_json_line() -> None:
    run = subprocess.run(
        [sys.executable, "benchmarks/loop.py", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    figures = json.loads(run.stdout.splitlines()[-1])
    assert set(figures) == {f"{name}_s" for name in STEPS}
    left_out = {"train_s", "evaluate_s"}
    assert all(figures[name] is None for name in left_out)
    assert all(figures[name] >= 0 for name in set(figures) - left_out)
