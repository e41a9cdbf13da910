"""The benchmark of places: its last line, what is null without data, and what must hold whatever the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]
SPEED = {"day_ms", "fixes_per_s", "visits_ms", "places_ms", "movement_ms"}
AGREEMENT = {"right_place", "way_in_visit", "places_found_ratio", "order_same", "ids_kept"}
REAL = {"labelled_way_min", "labelled_way_in_stay", "next_place_1", "next_place_5"}


def _figures(*arguments: str | Path) -> dict[str, float | None]:
    run = subprocess.run(
        [sys.executable, "benchmarks/places.py", "--smoke", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    figures: dict[str, float | None] = json.loads(run.stdout.splitlines()[-1])
    assert set(figures) == SPEED | AGREEMENT | REAL
    return figures


def test_without_data_real_lives_are_null_and_the_invented_one_is_found(tmp_path: Path) -> None:
    figures = _figures("--data", tmp_path)
    assert {figures[name] for name in REAL} == {None}
    assert all((figures[name] or 0) > 0 for name in SPEED)
    assert (figures["order_same"], figures["ids_kept"]) == (1.0, 1.0)
    assert figures["right_place"] == pytest.approx(1.0, abs=0.05)
    assert figures["way_in_visit"] is not None and figures["way_in_visit"] < 0.1
    assert figures["places_found_ratio"] == pytest.approx(1.0, abs=0.15)


def test_real_lives_are_measured_where_they_are() -> None:
    figures = _figures("--data", shared_data("geolife_sample").parent)
    assert (figures["labelled_way_min"], figures["labelled_way_in_stay"]) == (16.1, 0.0)
    assert figures["next_place_1"] is not None and 0.2 < figures["next_place_1"] < figures["next_place_5"]  # type: ignore[operator]
