"""The life benchmark: its last line, what is null without data, and the figures of a real life."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alignment.lives import at
from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "songs_in_sleep", "songs_best_shift_h", "met_best_shift_min", "imported", "rejected", "import_s", "stream_s",
}  # fmt: skip


def _figures(*arguments: str | Path) -> dict[str, float | int | None]:
    run = subprocess.run(
        [sys.executable, "benchmarks/life.py", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=550,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    figures: dict[str, float | int | None] = json.loads(run.stdout.splitlines()[-1])
    assert set(figures) == KEYS
    return figures


def test_without_data_every_figure_is_null(tmp_path: Path) -> None:
    assert set(_figures().values()) == {None}
    assert set(_figures("--data", tmp_path / "nowhere").values()) == {None}


def test_a_folder_with_songs_and_nights_has_the_songs_figure_only(tmp_path: Path) -> None:
    """Two nights; of four songs between them one lies inside the second night, and none three hours earlier."""
    songs = [
        {"artist": "x", "album": "y", "track": clock, "day": "2024-05-05", "uts": at(f"2024-05-05 {clock}") // 1000}
        for clock in ("11:00", "15:00", "20:00", "22:10")
    ]
    nights = [
        {
            "summary_date": day, "period_id": 0, "bedtime_start": f"{day}T22:00:00+00:00", "hypnogram_5min": "4221",
            "bedtime_end": f"{end}T06:00:00+00:00", "total": 7 * 3600, "duration": 8 * 3600,
        }
        for day, end in (("2024-05-04", "2024-05-05"), ("2024-05-05", "2024-05-06"))
    ]  # fmt: skip
    for name, rows in (("songs", songs), ("nights", nights)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    figures = _figures("--data", tmp_path)
    assert (figures["imported"], figures["rejected"]) == (6, 0)
    assert (figures["songs_in_sleep"], figures["songs_best_shift_h"]) == (0.25, -3)
    assert figures["met_best_shift_min"] is None


def test_a_smoke_run_takes_a_few_small_files() -> None:
    figures = _figures("--smoke", "--data", shared_data("life_person_A"))
    assert figures["imported"] and figures["imported"] < 1000


@pytest.mark.timeout(900)
def test_a_real_life_is_on_one_clock() -> None:
    """The figures and how they were found: shared/data/README.md."""
    figures = _figures("--data", shared_data("life_person_A"))
    assert (figures["imported"], figures["rejected"]) == (50_803, 0)
    assert figures["songs_in_sleep"] is not None and figures["songs_in_sleep"] <= 0.012
    assert (figures["songs_best_shift_h"], figures["met_best_shift_min"]) == (0, 0)
