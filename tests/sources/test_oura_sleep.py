"""Oura nights and their five-minute values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from hearthside.events import Event, Item, Json, Rejected, Series, day_start_ms
from hearthside.sources import oura_sleep
from hearthside.sources.reading import Opened
from tests.contracts.source_files import SOURCE_FILES

ROW: dict[str, Json] = orjson.loads(SOURCE_FILES["oura_sleep"].splitlines()[0])


def _read(folder: Path, **changes: Json) -> list[Item]:
    path = folder / "export"
    path.write_bytes(orjson.dumps({**ROW, **changes}))
    return list(oura_sleep.read(Opened(path, oura_sleep.NAME)))


def test_a_night_and_its_series(tmp_path: Path) -> None:
    night, *series = _read(tmp_path)
    assert isinstance(night, Event)
    assert night.kind == "sleep"
    assert night.start_ms == day_start_ms("2024-05-01") + int(21.5 * 3_600_000)
    assert night.end_ms == day_start_ms("2024-05-02") + 5 * 3_600_000
    assert night.offset_min == 120
    values = {item.measure: item.values for item in series if isinstance(item, Series)}
    np.testing.assert_array_equal(values["heart_rate"], [55, np.nan, 54])
    np.testing.assert_array_equal(values["hrv"], [40, np.nan, 41])
    np.testing.assert_array_equal(values["sleep_stage"], [4, 1, 2, 3])


@pytest.mark.parametrize(
    "changes",
    [
        {"bedtime_end": "2024-05-01T23:00:00+02:00"},
        {"bedtime_end": "2024-05-02T07:00:00"},
        {"bedtime_start": "2024-05-01T23:30:00"},
        {"bedtime_start": None},
        {"hr_5min": ["55"]},
        {"hr_5min": "55"},
        {"hypnogram_5min": "129"},
    ],
)
def test_a_wrong_night_is_refused_whole(changes: dict[str, Json], tmp_path: Path) -> None:
    (item,) = _read(tmp_path, **changes)
    assert isinstance(item, Rejected)
