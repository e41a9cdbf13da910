"""A smoke run of the journal's benchmark, beside a real station and a real ActivityWatch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.activitywatch_server import activitywatch_python

ROOT = Path(__file__).resolve().parents[2]


def test_a_smoke_run_ends_with_one_json_line() -> None:
    if activitywatch_python(os.environ) is None:
        pytest.skip("no ActivityWatch here; `make prepare` sets it up")
    run = subprocess.run(
        [sys.executable, "benchmarks/journal.py", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    figures = json.loads(run.stdout.splitlines()[-1])
    wanted = {
        "import_records_per_s",
        "api_ratio_activitywatch",
        "group_commit_gain",
        "append_ratio_plain",
        "bytes_per_event",
    }
    assert wanted <= set(figures)
    assert all(value > 0 for value in figures.values())
