"""The benchmark of the alignment kernel runs, compares what it says it compares, and ends with one JSON line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import alignment
from benchmarks.streams import (
    COLUMNS,
    FIRST_MINUTE,
    MINUTE_MS,
    START_MS,
    TOLERANCE_MS,
    Columns,
    Lists,
    generate,
    write,
)
from hearthside.events import DAY_MS
from tests.reference import minute_join as slow

ROOT = Path(__file__).resolve().parents[2]


def test_a_smoke_run_ends_with_one_json_line() -> None:
    run = subprocess.run(
        [sys.executable, "benchmarks/alignment.py", "--smoke", "--data", "/nowhere"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    lines = run.stdout.splitlines()
    figures = json.loads(lines[-1])
    assert tuple(figures) == alignment.KEYS
    assert all(value > 0 for value in figures.values())
    assert sum("all columns agree" in line for line in lines) == 2


def test_streams_have_the_rates_of_a_life() -> None:
    days = 50
    tables = generate(days * 1440)
    rates = {name: len(table["t"]) / (days * 1440) for name, table in tables.items() if name != "app"}
    assert rates == pytest.approx(
        {"gps": 0.92, "sensor": 6, "caption": 1.3, "utterance": 0.5, "message": 0.1}, rel=0.06
    )
    for name in TOLERANCE_MS:
        assert (np.diff(tables[name]["t"]) > 0).all() and tables[name]["t"][0] >= START_MS
    app = tables["app"]
    assert (np.diff(app["s"]) > 0).all() and (app["e"] > app["s"]).all()
    assert app["e"].max() <= START_MS + days * DAY_MS
    assert (app["e"][:-1] > app["s"][1:]).any()  # they overlap


@pytest.mark.parametrize("name", alignment.ENGINES)
def test_every_engine_finds_what_the_reference_says(name: str, tmp_path: Path) -> None:
    """So that they do not merely agree with each other."""
    minutes = 90
    write(minutes, tmp_path)
    engine = alignment.engine(name)
    columns = engine.columns(engine.join(engine.load(tmp_path, minutes)))
    tables = generate(minutes)
    starts = [(FIRST_MINUTE + m) * MINUTE_MS for m in range(minutes)]
    times = tables["caption"]["t"].tolist()
    held = [slow.held_at_end(start, times, TOLERANCE_MS["caption"]) for start in starts]
    assert np.asarray(columns["caption_last"]).tolist() == [-1 if one is None else one[0] for one in held]
    within = [slow.inside(start, [(t, None) for t in times]) for start in starts]
    assert _rows(columns["caption_ids"]) == within
    spans: list[slow.Span] = list(zip(tables["app"]["s"].tolist(), tables["app"]["e"].tolist(), strict=True))
    assert _rows(columns["app_ids"]) == [slow.inside(start, spans) for start in starts]
    assert np.asarray(columns["app_ms"]).tolist() == [slow.overlap_ms(start, spans) for start in starts]
    sensor = tables["sensor"]
    means = [slow.mean_in(start, sensor["t"].tolist(), sensor["v"].tolist()) for start in starts]
    np.testing.assert_allclose(
        np.asarray(columns["sensor_mean"], dtype=np.float64), np.array(means, dtype=np.float64), rtol=1e-12
    )
    assert set(columns) == set(COLUMNS)


def _rows(column: object) -> list[list[int]]:
    assert isinstance(column, Lists)
    return [part.tolist() for part in np.split(column.values, column.offsets[1:-1])]


def test_a_column_that_differs_is_named(tmp_path: Path) -> None:
    same = {name: "a" for name in COLUMNS}
    np.save(tmp_path / "hearthside.means.npy", np.array([1.0, np.nan]))
    np.save(tmp_path / "polars.means.npy", np.array([1.0 + 1e-15, np.nan]))
    alignment.check({"hearthside": same, "polars": same}, tmp_path)
    with pytest.raises(SystemExit, match="polars and hearthside do not agree on app_ids"):
        alignment.check({"hearthside": same, "polars": same | {"app_ids": "b"}}, tmp_path)
    np.save(tmp_path / "polars.means.npy", np.array([1.0 + 1e-9, np.nan]))
    with pytest.raises(SystemExit, match="do not agree on sensor_mean"):
        alignment.check({"hearthside": same, "polars": same}, tmp_path)


def test_one_different_number_changes_the_digest() -> None:
    ids = Lists(np.array([0, 1, 3]), np.array([7, 8, 9]))
    columns: Columns = {"app_ids": ids, "gps_lat": np.array([1.0, np.nan]), "app_n": np.array([1, 2], dtype=np.uint16)}
    others: list[Columns] = [
        {"app_ids": Lists(np.array([0, 2, 3]), np.array([7, 8, 9]))},
        {"app_ids": Lists(np.array([0, 1, 3]), np.array([7, 9, 8]))},
        {"gps_lat": np.array([np.nan, 1.0])},
        {"app_n": np.array([1, 3])},
    ]
    for other in others:
        (name,) = other
        assert alignment.digest(columns, name) != alignment.digest(columns | other, name)
    assert alignment.digest(columns, "app_n") == alignment.digest({"app_n": np.array([1, 2])}, "app_n")
