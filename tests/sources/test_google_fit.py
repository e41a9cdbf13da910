"""Workouts and sleep from Google Fit."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Json, Rejected
from hearthside.sources import google_fit
from hearthside.sources.reading import Opened
from tests.contracts.source_files import SOURCE_FILES

ROW: dict[str, Json] = orjson.loads(SOURCE_FILES["google_fit"].splitlines()[0])


def _read(folder: Path, **changes: Json) -> Event | Rejected:
    path = folder / "export"
    path.write_bytes(orjson.dumps({**ROW, **changes}))
    (item,) = google_fit.read(Opened(path, google_fit.NAME))
    assert isinstance(item, Event | Rejected)
    return item


def test_a_session_is_an_interval_in_utc_without_an_offset(tmp_path: Path) -> None:
    event = _read(tmp_path)
    assert isinstance(event, Event)
    assert (event.kind, event.start_ms, event.end_ms) == ("workout", 1_714_560_000_000, 1_714_560_600_000)
    assert event.offset_min is None
    assert event.payload == {**ROW, "activity": "walking"}


@pytest.mark.parametrize(
    ("code", "name", "kind", "activity"),
    [
        (93, "Walking", "workout", "walking"),
        (95, "Wandelen", "workout", "walking"),
        (80, "Core training", "workout", "core training"),
        (80, "Krachttraining", "workout", "strength training"),
        (115, "Mixed cardio", "workout", "mixed cardio"),
        (72, "Slapen", "sleep", "sleep"),
        (72, "Anything", "sleep", "sleep"),
        (4, "Schlafen", "sleep", "sleep"),
        (108, "", "workout", "activity type 108"),
    ],
)
def test_activities_have_one_name_in_all_languages(
    code: int, name: str, kind: str, activity: str, tmp_path: Path
) -> None:
    event = _read(tmp_path, activityType=code, name=name)
    assert isinstance(event, Event)
    assert (event.kind, event.payload["activity"]) == (kind, activity)


@pytest.mark.parametrize(
    "changes",
    [{"endTimeMillis": "1714560000000"}, {"endTimeMillis": None}, {"startTimeMillis": "x"}, {"activityType": "walk"}],
)
def test_a_wrong_session_is_refused(changes: dict[str, Json], tmp_path: Path) -> None:
    assert isinstance(_read(tmp_path, **changes), Rejected)
