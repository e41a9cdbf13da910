"""The serving benchmark: a small run, and that its prompts are the companion's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.serving import Round, _overhead
from benchmarks.serving_peer import Timed, timed

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "tps_ratio", "ttft_overhead_ms", "ttft_cold_ms", "ttft_warm_ms", "cpu_ratio", "same", "warm_ttft_ratio",
    "warm_cpu_ratio", "fresh_share", "load", "processors",
}  # fmt: skip


def test_a_small_run_reads_a_person_once() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/serving.py", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == KEYS
    assert figures["tps_ratio"] > 0 and figures["warm_ttft_ratio"] > 0
    assert 0 < figures["fresh_share"] <= 0.35


def test_overhead_is_the_median_of_differences_within_a_round() -> None:
    def side(cold: float, warm: float, rate: float, cpu: float | None) -> Round:
        last = Timed(warm, rate, "a", 2, 9, 0)
        return Round(Timed(cold, rate, "a", 2, 9, 0), last, last, cpu)

    found = [
        (side(0.110, 0.021, 95, 1.0), side(0.100, 0.020, 100, 1.0)),
        (side(0.230, 0.022, 45, 2.0), side(0.200, 0.020, 50, 1.0)),
        (side(0.115, 0.090, 99, 1.0), side(0.100, 0.020, 100, 2.0)),
    ]
    figures = _overhead(found)
    assert figures["ttft_cold_ms"] == figures["ttft_overhead_ms"] == 15 and figures["ttft_warm_ms"] == 2
    assert figures["tps_ratio"] == 0.95 and figures["cpu_ratio"] == 1 and figures["same"] == 1
    assert _overhead([(side(0.1, 0.1, 9, None), side(0.1, 0.1, 9, None))])["cpu_ratio"] is None


def test_tokens_a_second_leave_the_wait_for_the_first_out() -> None:
    found = timed(10.0, [12.0, 12.5, 13.0], "abc", 3, 9, 4)
    assert (found.first_s, found.rate) == (2.0, 2.0)
    assert timed(10.0, [12.0], "a", 1, 9, 4).rate == 0.0
