"""Oura activity days and their minute values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from hearthside.events import Event, Item, Json, Precision, Rejected, Series, day_start_ms
from hearthside.sources import oura_activity
from hearthside.sources.reading import Opened
from tests.contracts.source_files import SOURCE_FILES
from tests.shared_data import shared_data

ROW: dict[str, Json] = orjson.loads(SOURCE_FILES["oura_activity"].splitlines()[0])


def _read(folder: Path, **changes: Json) -> list[Item]:
    path = folder / "export"
    path.write_bytes(orjson.dumps({**ROW, **changes}))
    return list(oura_activity.read(Opened(path, oura_activity.NAME)))


def test_a_day_and_its_two_series(tmp_path: Path) -> None:
    event, met, classes = _read(tmp_path)
    assert isinstance(event, Event)
    assert (event.kind, event.precision, event.start_ms) == ("activity_day", Precision.DAY, day_start_ms("2024-05-01"))
    assert (event.offset_min, event.uncertainty_ms, event.local_day) == (120, 14 * 3_600_000, "2024-05-01")
    assert event.payload == {name: value for name, value in ROW.items() if name not in ("met_1min", "class_5min")}
    assert isinstance(met, Series)
    assert (met.measure, met.unit, met.step_ms, len(met.values)) == ("met", "MET", 60_000, 1440)
    assert met.start_ms == day_start_ms("2024-05-01") + 2 * 3_600_000  # 04:00 at +02:00
    assert met.offset_min == 120
    np.testing.assert_array_equal(met.values[:4], [0.9, 1, np.nan, 1.2])
    assert isinstance(classes, Series)
    assert (classes.measure, classes.step_ms, classes.start_ms) == ("activity_class", 300_000, met.start_ms)
    np.testing.assert_array_equal(classes.values[:4], [0, 1, 1, 2])


def test_a_day_that_ended_early_has_shorter_classes_from_the_same_start(tmp_path: Path) -> None:
    _, met, classes = _read(tmp_path, class_5min="012")
    assert isinstance(met, Series)
    assert isinstance(classes, Series)
    assert classes.start_ms == met.start_ms
    assert len(classes.values) == 3


def test_a_day_without_values_is_still_a_day(tmp_path: Path) -> None:
    items = _read(tmp_path, met_1min=None, class_5min=None)
    assert [item.kind for item in items if isinstance(item, Event)] == ["activity_day"]
    assert len(items) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"met_1min": [1.0, "2"]},
        {"met_1min": [True]},
        {"met_1min": "1"},
        {"class_5min": "0126"},
        {"class_5min": [1]},
        {"day_start": "2024-05-01T04:00:00"},
        {"day_start": 5},
        {"summary_date": "yesterday"},
    ],
)
def test_a_wrong_day_is_refused_whole(changes: dict[str, Json], tmp_path: Path) -> None:
    (item,) = _read(tmp_path, **changes)
    assert isinstance(item, Rejected)


def test_all_minutes_of_the_real_days() -> None:
    path = shared_data("life_person_A") / "oura-activity.jsonl.gz"
    items = list(oura_activity.read(Opened(path, oura_activity.NAME)))
    series = [item for item in items if isinstance(item, Series) and item.measure == "met"]
    assert len(series) == 1121
    assert sum(len(item.values) for item in series) == 1_614_240
    assert len({item.offset_min for item in series}) == 9
