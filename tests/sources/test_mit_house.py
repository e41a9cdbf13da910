"""The MIT house: activities and the firings below them, broken blocks, and the real file."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.events import Event, Item, Layer, Origin, Rejected, ms_of
from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.sources import mit_house
from hearthside.sources.reading import Opened, Reading
from tests.contracts.source_files import SOURCE_FILES
from tests.shared_data import shared_data

BOSTON = ZoneInfo("America/New_York")
NOW_MS = 1_797_000_000_000
_BLOCK = "Toileting,4/1/2003,17:30:36,17:46:41\n100,68\nToilet Flush,Sink\n17:39:37,17:39:46\n18:10:57,17:39:52\n"


def at(clock: str, zone: tzinfo = UTC) -> int:
    """UTC milliseconds of a clock time."""
    return ms_of(datetime.fromisoformat(clock).replace(tzinfo=zone))


def _read(folder: Path, content: str) -> list[Item]:
    path = folder / "export"
    path.write_text(content)
    return list(mit_house.read(Opened(path, mit_house.NAME, Reading(BOSTON))))


def _shape(items: list[Item]) -> list[str]:
    return ["rejected" if isinstance(item, Rejected) else item.kind for item in items]


def test_an_activity_and_its_firings(tmp_path: Path) -> None:
    activity, flush, tap, *others = _read(tmp_path, SOURCE_FILES["mit_house"].decode())
    assert isinstance(activity, Event)
    assert (activity.kind, activity.layer, activity.origin) == ("activity", Layer.BEHAVIOURAL, Origin.SELF)
    assert (activity.text, activity.payload["sensors"]) == ("Bathing", [100, 68])
    assert activity.start_ms == at("2003-04-01 20:41:35", BOSTON)
    assert activity.end_ms == at("2003-04-01 21:32:50", BOSTON)
    assert isinstance(flush, Event)
    assert (flush.kind, flush.layer, flush.origin, flush.text) == (
        "state",
        Layer.RESIDENTIAL,
        Origin.DEVICE,
        "Toilet Flush on",
    )
    assert flush.end_ms == at("2003-04-01 23:10:23", BOSTON)
    assert isinstance(tap, Event)
    assert tap.payload["entity"] == "binary_sensor.sink_faucet_hot_68"
    assert tap.start_ms == at("2003-04-01 21:05:23", BOSTON)  # written 21:5:23
    assert (tap.clock, tap.uncertainty_ms) == ("export:mit_house", 1000)
    assert _shape(others) == ["activity", "state"]


def test_a_firing_that_two_activities_share_is_the_same_event(tmp_path: Path) -> None:
    items = _read(tmp_path, _BLOCK + _BLOCK.replace("Toileting", "Grooming"))
    ids = [item.id for item in items if isinstance(item, Event) and item.kind == "state"]
    assert len(ids) == 4
    assert len(set(ids)) == 2


def test_an_activity_without_sensors(tmp_path: Path) -> None:
    assert _shape(_read(tmp_path, "Eating,4/1/2003,17:30:36,17:46:41\n\n\n\n\n" + _BLOCK)) == [
        "activity",
        "activity",
        "state",
        "state",
    ]


def test_the_doubled_hour_is_in_doubt(tmp_path: Path) -> None:
    (item,) = _read(tmp_path, "Eating,10/26/2003,1:30:0,1:40:0\n")
    assert isinstance(item, Event)
    assert item.start_ms == at("2003-10-26 05:30:00")
    assert item.uncertainty_ms == 3_601_000


@pytest.mark.parametrize(
    ("old", "new", "shape", "reason"),
    [
        ("4/1/2003", "2/31/2003", ["rejected"], "'2/31/2003' is no date (month/day/year); its 4 lines"),
        ("4/1/2003", "13/1/2003", ["rejected"], "is no date"),
        ("17:30:36", "25:61:0", ["rejected", "state", "state"], "there is no time 25:61:0"),
        ("17:46:41", "17:20:0", ["rejected", "state", "state"], "it ends (17:20:0) before it starts (17:30:36)"),
        ("17:39:37", "17:99:37", ["activity", "rejected", "state"], "there is no time 17:99:37"),
        ("17:39:52", "17:39:45", ["activity", "state", "rejected"], "before it starts (17:39:46)"),
        ("100,68", "100", ["activity", "rejected"], "have 1, 2, 2, 2 cells"),
        ("100,68", "x,68", ["activity", "rejected", "state"], "'x' has no number or no name"),
        ("Toilet Flush,Sink\n", "", ["activity", "rejected"], "has 4 lines of sensors, this one has 3"),
        (",17:46:41", "", ["rejected", "state", "state"], "has 3 cells where 4 belong"),
    ],
)
def test_what_is_broken_is_refused_and_the_rest_is_kept(
    old: str, new: str, shape: list[str], reason: str, tmp_path: Path
) -> None:
    items = _read(tmp_path, _BLOCK.replace(old, new) + _BLOCK.replace("4/1", "4/2"))
    assert _shape(items) == [*shape, "activity", "state", "state"]
    (refused,) = [item for item in items if isinstance(item, Rejected)]
    assert reason in refused.reason


def test_lines_before_the_first_activity_are_refused(tmp_path: Path) -> None:
    assert _shape(_read(tmp_path, "100,68\n" + _BLOCK)) == ["rejected", "activity", "state", "state"]


def test_the_real_house(tmp_path: Path) -> None:
    path = shared_data("smarthome_mit_S1") / "activities_data.csv"
    journal = Journal(tmp_path / "journal", b"\1" * 32, lambda: NOW_MS)
    try:
        importer = Importer(journal, lambda: NOW_MS, Reading(BOSTON), lambda progress: None, lambda: False)
        first = importer.import_paths([path])
        # 2,772 firings, of which 152 stand below a second activity as well
        assert (first.read, first.new, first.rejected) == (295 + 2772, 295 + 2620, 0)
        head = journal.head()
        assert importer.import_paths([path]).new == 0
        assert journal.head() == head
        events = [stored.record for stored in journal.read(sources=["mit_house"])]
        kinds = Counter(event.kind for event in events)
        assert kinds == {"state": 2620, "activity": 295}
        entities = {event.payload["entity"] for event in events if isinstance(event, Event) and event.kind == "state"}
        assert len(entities) == 72
        labels = {event.text for event in events if isinstance(event, Event) and event.kind == "activity"}
        assert len(labels) == 22
    finally:
        journal.close()
