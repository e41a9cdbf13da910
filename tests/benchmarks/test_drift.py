"""The drift benchmark counts hits fairly, foretells from the past alone, and runs on a folder of exports."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.drift import METHODS, Task, hits, interval, main, rankings, walk
from hearthside.memory.preferences.forecast import forecast
from hearthside.memory.preferences.tally import Tally, month_start, tallies_of
from tests.shared_data import shared_data


def test_hits_are_shares_of_the_places() -> None:
    actual = {"a": 5, "b": 4, "c": 3}
    assert hits(["a", "c", "x"], actual, 2) == 0.5
    assert hits(["b", "a"], actual, 2) == 1.0
    assert hits([], actual, 2) == 0.0


def test_those_who_tie_for_the_last_place_share_it() -> None:
    actual = {"a": 5, "b": 2, "c": 2, "d": 2}
    assert hits(["a", "b"], actual, 2) == pytest.approx((1 + 1 / 3) / 2)
    assert hits(["b", "c", "d"], actual, 3) == pytest.approx(2 / 3 * 3 / 3)
    assert hits(["a", "b", "c", "d"], actual, 10) == pytest.approx(0.4)


def test_the_interval_holds_the_mean() -> None:
    mean, low, high = interval(np.array([0.0, 0.1, 0.2, 0.3] * 10))
    assert low < mean == 0.15 < high


def drifting() -> Tally:
    """An artist for every two months, forty plays in each, twenty of each of two old ones in the first month."""
    rows = []
    for month in range(600, 620):
        start = month_start(month)
        names = ["old", "older"] if month == 600 else [f"artist {month // 2}"]
        rows += [["artist", name, start + n % 28, 1.0, (start + n % 28) * 86_400_000 + n, "00"] for name in names
                 for n in range(200 if month == 600 else 40)]  # fmt: skip
    return tallies_of(rows)["artist"]


def test_each_method_foretells_from_the_past_alone() -> None:
    tally = drifting()
    found = rankings(tally, 611, list(range(600, 620)), 2, forecast(tally, month_start(611)))
    assert found["alltime"] == ["old", "older"]
    assert found["lastmonth"] == ["artist 305"]
    assert found["ours"][0] == "artist 305"


def test_the_walk_has_a_hit_for_each_month_and_method() -> None:
    tally = drifting()
    actual = {month: Counter({f"artist {month // 2}": 40}) for month in range(600, 620)}
    found = walk(Task("artist", "artist", 1, actual), tally)
    assert {method: len(values) for method, values in found.items()} == dict.fromkeys(METHODS, 14)
    assert found["ours"].mean() == found["lastmonth"].mean() == 0.5  # every second month is foreseeable
    assert found["alltime"].mean() == 0.0


def test_a_small_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plays, work, first = [], [], date(2024, 1, 1)
    for n in range(330):
        day = first + timedelta(days=n)
        at = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
        plays += [{"uts": at + k, "artist": f"artist {(n // 40 + k) % 14}", "track": "x"} for k in range(5)]
        work += [{"day": day.isoformat(), "kind": "top-overview", "items": [["Email", 60 + n], ["Video", 300]]}]
    for name, rows in (("last-fm-music", plays), ("rescuetime-time-tracking", work)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    assert main(["--data", str(tmp_path)]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["months"], said["category_months"], said["rejected"]) == (5, 5, 0)
    assert said["hit_ours"] > said["hit_alltime"]
    assert all(0 <= said[f"{kind}hit_{method}"] <= 1 for kind in ("", "category_") for method in METHODS)


def test_a_folder_with_neither_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path)]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["imported"] == 0


def test_the_first_months_of_a_real_life(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(shared_data("life_person_A")), "--smoke"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["imported"] == 33_223 + 6_338
    assert (said["months"], said["category_months"]) == (12, 12)
    assert min(said["hit_ours"], said["hit_lastmonth"]) > said["hit_alltime"]
