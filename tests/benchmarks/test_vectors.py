"""The benchmark of vectors: its set, its truth, its last line, and what must hold at any size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import vectors as benchmark
from benchmarks.vectors import TEN, View, hard_set, truths, views

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "recall_at_10", "filtered_recall_at_10", "p50_ms", "p99_ms", "p50_over_sqlite_vec", "p50_over_exact", "open_s",
    "append_ms", "build_s", "recall_sqlite_vec", "recall_usearch", "p50_usearch_ms", "build_usearch_s",
}  # fmt: skip


def test_a_small_run_finds_all_and_prints_its_figures() -> None:
    run = subprocess.run(
        [sys.executable, "benchmarks/vectors.py", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    figures: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    assert set(figures) == KEYS
    assert figures["recall_at_10"] >= 0.97 and figures["filtered_recall_at_10"] >= 0.97
    assert 0.8 < figures["recall_sqlite_vec"] <= 1 and figures["recall_usearch"] > 0.8
    assert all(value > 0 for value in figures.values())


def test_the_set_is_the_same_every_time_and_of_unit_length() -> None:
    items, queries = hard_set(3000, 5)
    again, _ = hard_set(3000, 5)
    assert items.shape == (3000, benchmark.DIM) and queries.shape == (5, benchmark.DIM)
    assert np.array_equal(items, again) and np.linalg.norm(items, axis=1) == pytest.approx(1, abs=1e-5)
    assert not np.array_equal(items, hard_set(3000, 5, seed=4)[0])


def test_the_truth_is_what_a_look_at_everything_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_BLOCK", 700)
    items, queries = hard_set(3000, 6)
    some = np.arange(5, 3000, 7)
    wanted = {"all": View(0, 3000), "late": View(2100, 2900), "some": View(100, 2500, some)}
    found = truths(items, queries, wanted)
    for name, held in (("all", range(3000)), ("late", range(2100, 2900)), ("some", range(103, 2500, 7))):
        numbers = np.array(held)
        for n, query in enumerate(queries):
            right = numbers[np.argsort(-(items[numbers] @ query))[:TEN]]
            assert set(found[name][n].tolist()) == set(right.tolist())


def test_the_filters_hold_what_they_say() -> None:
    held = {name: int(np.count_nonzero(view.mask(1_000_000))) for name, view in views(1_000_000).items()}
    assert (held["all"], held["four weeks"], held["a fifth"]) == (1_000_000, 40_320, 200_000)
    assert held["one in ten"] == pytest.approx(100_000, rel=0.02)
