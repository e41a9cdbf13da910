"""The life benchmark: its last line, what is null without data, and the figures of a real life."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.local_day_checker import Placed, errors, expected
from tests.alignment.lives import at
from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "songs_in_sleep", "songs_best_shift_h", "met_best_shift_min", "offset_agreement", "local_day_errors",
    "imported", "rejected", "import_s", "stream_s",
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
    assert (figures["offset_agreement"], figures["local_day_errors"]) == (1.0, 0)


def test_a_folder_without_nights_has_no_offsets_and_no_days_to_check(tmp_path: Path) -> None:
    song = {"artist": "x", "album": "y", "track": "z", "day": "2024-05-05", "uts": at("2024-05-05 11:00") // 1000}
    (tmp_path / "songs.jsonl").write_text(json.dumps(song) + "\n")
    figures = _figures("--data", tmp_path)
    assert figures["imported"] == 1
    assert (figures["offset_agreement"], figures["local_day_errors"]) == (None, None)


def _night(day: int, offset: str, start: str = "22:00", end: str = "06:00") -> dict[str, str | int]:
    return {
        "summary_date": f"2024-05-{day:02}", "period_id": 0, "bedtime_start": f"2024-05-{day:02}T{start}:00{offset}",
        "bedtime_end": f"2024-05-{day + 1:02}T{end}:00{offset}", "hypnogram_5min": "4221", "total": 7 * 3600,
    }  # fmt: skip


def test_a_night_is_judged_without_its_own_record(tmp_path: Path) -> None:
    """Ten nights, the seventh in Delhi: nothing else knows of it. The sixth ends nearer to the one in Delhi."""
    nights = [_night(day, "+05:30" if day == 7 else "+02:00") for day in range(1, 11)]
    (tmp_path / "nights.jsonl").write_text("".join(json.dumps(night) + "\n" for night in nights))
    assert _figures("--data", tmp_path)["offset_agreement"] == 0.8


def test_the_checker_reads_the_days_by_itself(tmp_path: Path) -> None:
    """A night ends on the local date of its end; what is moved, missing or too much is an error."""
    rows = [
        _night(5, "+05:30"), _night(5, "+05:30"), _night(8, "-11:00", end="12:30"),
        {"summary_date": "2024-05-05", "day_start": "2024-05-05T04:00:00+05:30", "met_1min": [1.0]},
        {"summary_date": "2024-05-05", "period_id": 0, "score_recovery_index": 1, "score_resting_hr": 2, "score": 3},
        {"day": "2024-05-05", "weight": 70.5}, {"day": "2024-05-05", "track": "no such row"},
    ]  # fmt: skip
    plain, packed = tmp_path / "rows.jsonl", tmp_path / "rows.jsonl.gz"
    plain.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    days = {
        Placed("sleep", at("2024-05-05 16:30"), "2024-05-06"): 1,
        Placed("sleep", at("2024-05-09 09:00"), "2024-05-09"): 1,
        Placed("activity_day", None, "2024-05-05"): 1,
        Placed("readiness_day", None, "2024-05-05"): 1,
        Placed("weight_day", None, "2024-05-05"): 1,
    }
    wanted = expected([plain, packed])
    assert wanted == days
    assert errors(wanted, Counter(days)) == 0
    moved = Counter(days) - Counter([Placed("weight_day", None, "2024-05-05")])
    assert errors(wanted, moved) == 1
    assert errors(wanted, moved + Counter([Placed("weight_day", None, "2024-05-06")])) == 1
    assert errors(wanted, Counter([*days, *days])) == len(days)


def test_the_checker_shares_no_code_with_the_product() -> None:
    source = (ROOT / "benchmarks" / "local_day_checker.py").read_text()
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= {*sys.stdlib_module_names, "__future__"}


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
    assert figures["offset_agreement"] is not None and figures["offset_agreement"] >= 0.99
    assert figures["local_day_errors"] == 0
