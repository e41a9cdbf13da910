"""The guard's benchmark: its last line, that a small run holds what is promised, and that its judges bite."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.guard_pool import Counts, run_schedule
from benchmarks.guard_traces import TRACES, run
from hearthside.inference.guard.admission import Answer, Lease, Ledger
from hearthside.inference.guard.forecast import Trend

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "least_left_gib", "over_admissions", "trips", "trips_wanted", "false_trips", "needless", "reaction_ms",
    "reaction_ms_worst",
}  # fmt: skip


def test_a_small_run_holds_what_is_promised() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/guard.py", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == KEYS
    assert figures["least_left_gib"] >= 6
    assert figures["trips"] == figures["trips_wanted"] >= 21
    assert (figures["false_trips"], figures["over_admissions"]) == (0, 0)
    assert figures["reaction_ms"] > 0


def test_a_ledger_that_forgets_what_it_promised_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "owed", lambda self: 0)
    counts = Counts()
    for seed in range(100):
        run_schedule(np.random.default_rng(seed), counts)
    assert counts.too_many > 10


def test_a_ledger_that_lets_two_load_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(self: Ledger, lease: str, need: int, available: int, total: int, floor: int) -> Answer:
        if need > available - self.owed() - floor:
            return Answer("short")
        self.leases[lease] = Lease(lease, need, available, load=need)
        return Answer()

    monkeypatch.setattr(Ledger, "ask", ask)
    counts = Counts()
    for seed in range(20):
        run_schedule(np.random.default_rng(seed), counts)
    assert counts.two_loading > 10


def test_a_ledger_that_grows_without_counting_it_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    grow = Ledger.grow

    def forgets(self: Ledger, lease: str, more: int, available: int, total: int, floor: int) -> Answer:
        answer = grow(self, lease, more, available, total, floor)
        if answer.why is None:
            self.leases[lease].promised -= more
        return answer

    monkeypatch.setattr(Ledger, "grow", forgets)
    counts = Counts()
    for seed in range(100):
        run_schedule(np.random.default_rng(seed), counts)
    assert counts.too_many > 10


@pytest.mark.parametrize("deaf_to", ["shrink", "withdraw"])
def test_a_ledger_that_keeps_what_was_given_back_is_found_out(deaf_to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, deaf_to, lambda self, *told: None)
    counts = Counts()
    for seed in range(100):
        run_schedule(np.random.default_rng(seed), counts)
    assert counts.needless > 10


def test_a_guard_that_only_knows_the_floor_leaves_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trend, "fall", lambda self: 0.0)
    fast = next(trace for trace in TRACES if trace.name == "even, 8 GiB/s from 29")
    assert run(fast, np.random.default_rng(1)).least_left < 6
