"""The clock benchmark: its last line, what is null without data, and that a small run is far better than its peers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "mobile_p95_ms", "p95_over_last_offset", "p95_over_line", "right_minute", "content_recovered", "content_wrong",
}  # fmt: skip


def _figures(*arguments: str | Path) -> dict[str, float | None]:
    run = subprocess.run(
        [sys.executable, "benchmarks/clocks.py", "--smoke", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    figures: dict[str, float | None] = json.loads(run.stdout.splitlines()[-1])
    assert set(figures) == KEYS
    return figures


def test_without_data_the_content_figures_are_null(tmp_path: Path) -> None:
    figures = _figures("--data", tmp_path / "nowhere")
    assert (figures["content_recovered"], figures["content_wrong"]) == (None, None)
    assert figures["mobile_p95_ms"] is not None and figures["mobile_p95_ms"] <= 50
    assert figures["p95_over_last_offset"] is not None and figures["p95_over_last_offset"] < 0.5
    assert figures["right_minute"] is not None and figures["right_minute"] >= 0.99


def test_a_few_windows_of_a_real_life_are_found() -> None:
    figures = _figures("--data", shared_data("life_person_A"))
    assert (figures["content_recovered"], figures["content_wrong"]) == (1.0, 0)
