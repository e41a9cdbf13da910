"""The benchmark of questions: its last line, and the figures of a real life with few sources."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.questions import KEYS
from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]
BODY_AND_COMPUTER = ("oura-sleep", "oura-weight", "rescuetime")


def _figures(*arguments: str | Path) -> dict[str, object]:
    run = subprocess.run(
        [sys.executable, "benchmarks/questions.py", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=550,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    figures: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    assert set(figures) == set(KEYS)
    return figures


def test_without_data_every_figure_is_null(tmp_path: Path) -> None:
    assert set(_figures().values()) == {None}
    assert set(_figures("--data", tmp_path / "nowhere").values()) == {None}


def test_a_life_with_few_sources(tmp_path: Path) -> None:
    for path in shared_data("life_person_A").iterdir():
        if path.name.startswith(BODY_AND_COMPUTER):
            (tmp_path / path.name).symlink_to(path)
    figures = _figures("--data", tmp_path, "--smoke")
    assert isinstance(figures["n"], int)
    assert 30 <= figures["n"] <= 60
    assert figures["exact"] == pytest.approx(1.0)
    assert (figures["paraphrase_exact"], figures["rejected"]) == (None, 0)
