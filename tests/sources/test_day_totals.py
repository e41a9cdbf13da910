"""Sources that know only the day: readiness, weight, computer use, coding and podcasts never pretend to a minute."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hearthside.events import HOUR_MS, Event, Json, Layer, Origin, Precision, Rejected, day_start_ms
from hearthside.sources import load_source
from hearthside.sources.reading import Opened
from tests.contracts.source_files import SOURCE_FILES

DAY_SOURCES = {
    "oura_readiness": "readiness_day",
    "oura_weight": "weight_day",
    "rescuetime": "app_time_day",
    "wakatime": "coding_time_day",
    "pocket_casts": "podcast",
}


def _read(name: str, folder: Path, **changes: Json) -> Event | Rejected:
    row = orjson.loads(SOURCE_FILES[name].splitlines()[0])
    path = folder / "export"
    path.write_bytes(orjson.dumps({**row, **changes}))
    (item,) = load_source(name).read(Opened(path, name))
    assert isinstance(item, Event | Rejected)
    return item


def _event(name: str, folder: Path, **changes: Json) -> Event:
    item = _read(name, folder, **changes)
    assert isinstance(item, Event)
    return item


@pytest.mark.parametrize(("name", "kind"), DAY_SOURCES.items())
def test_a_day_says_that_it_is_a_day(name: str, kind: str, tmp_path: Path) -> None:
    event = _event(name, tmp_path)
    assert event.kind == kind
    assert event.precision is Precision.DAY
    assert event.start_ms == day_start_ms("2024-05-01")
    assert event.end_ms is None
    assert event.offset_min is None
    assert event.uncertainty_ms >= 14 * HOUR_MS
    assert event.payload["day"] == event.local_day == "2024-05-01"


@pytest.mark.parametrize("name", DAY_SOURCES)
def test_a_day_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    field = "summary_date" if name == "oura_readiness" else "day"
    assert isinstance(_read(name, tmp_path, **{field: "2024-02-30"}), Rejected)
    assert isinstance(_read(name, tmp_path, **{field: 20240501}), Rejected)


def test_weight_is_in_kilograms(tmp_path: Path) -> None:
    assert _event("oura_weight", tmp_path).payload == {"day": "2024-05-01", "weight": 70, "unit": "kg"}
    for wrong in (0, -1, "70", True, None):
        assert isinstance(_read("oura_weight", tmp_path, weight=wrong), Rejected)


def test_computer_use_keeps_days_without_items(tmp_path: Path) -> None:
    assert _event("rescuetime", tmp_path).text == "Email, Design"
    empty = _event("rescuetime", tmp_path, items=[])
    assert empty.text == ""
    assert empty.payload["items"] == []
    for wrong in ([["Email"]], [["Email", "x"]], [[1, 2]], None, "x", [["Email", True]]):
        assert isinstance(_read("rescuetime", tmp_path, items=wrong), Rejected)
    assert isinstance(_read("rescuetime", tmp_path, kind="other"), Rejected)


def test_the_two_levels_of_computer_use_are_two_events(tmp_path: Path) -> None:
    first, second = (_event("rescuetime", tmp_path, kind=kind) for kind in ("top-overview", "top-categories"))
    assert first.id != second.id


def test_coding_keeps_days_of_nothing(tmp_path: Path) -> None:
    assert _event("wakatime", tmp_path).text == "Python"
    assert _event("wakatime", tmp_path, languages=[], total_seconds=0).text == ""
    for wrong in (-1, "x", None):
        assert isinstance(_read("wakatime", tmp_path, total_seconds=wrong), Rejected)


def test_a_podcast_says_that_its_day_is_the_day_of_polling(tmp_path: Path) -> None:
    event = _event("pocket_casts", tmp_path)
    assert (event.layer, event.origin, event.text) == (Layer.AUDITORY, Origin.SELF, "Made Up – One")
    assert "polling" in event.payload["day_means"]
    assert event.uncertainty_ms > 14 * HOUR_MS
