"""The Kasteren home: firings and activities, the clocks' two odd hours, broken rows, and the real files."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.events import Event, Item, Layer, Origin, Rejected, Trust, ms_of
from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.sources import kasteren
from hearthside.sources.reading import Opened, Reading
from tests.contracts.source_files import SOURCE_FILES
from tests.shared_data import shared_data

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW_MS = 1_797_000_000_000
_ACTIVITIES = (
    "Start time: start of an activity\r\nactivity id list:\r\n4: 'use toilet'\r\n10:'go to bed'\r\n\r\n"
    "Start time          \tEnd time            \tID\r\n--------------------\t--------------------\t--\r\n"
)


def at(clock: str, zone: tzinfo = UTC) -> int:
    """UTC milliseconds of a clock time."""
    return ms_of(datetime.fromisoformat(clock).replace(tzinfo=zone))


def _read(folder: Path, content: bytes) -> list[Item]:
    path = folder / "export"
    path.write_bytes(content)
    return list(kasteren.read(Opened(path, kasteren.NAME, Reading(AMSTERDAM))))


def _row(folder: Path, row: str) -> Item:
    (item,) = _read(folder, (_ACTIVITIES + row + "\r\nLength: 1").encode())
    return item


def test_a_firing_is_a_state_of_the_home(tmp_path: Path) -> None:
    first, second = _read(tmp_path, SOURCE_FILES["kasteren"])
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert (first.kind, first.layer, first.origin, first.trust) == (
        "state",
        Layer.RESIDENTIAL,
        Origin.DEVICE,
        Trust.OWN,
    )
    assert first.start_ms == at("2008-02-25 00:20:14", AMSTERDAM)
    assert first.end_ms == at("2008-02-25 00:22:57", AMSTERDAM)
    assert (first.payload["entity"], first.payload["state"]) == ("binary_sensor.hall_toilet_door", "on")
    assert first.payload["friendly_name"] == "Hall-Toilet door"
    assert (first.text, first.clock, first.uncertainty_ms, first.offset_min) == (
        "Hall-Toilet door on",
        "export:kasteren",
        1000,
        None,
    )
    assert second.text == "Fridge on"


def test_an_activity_is_what_the_person_said(tmp_path: Path) -> None:
    item = _row(tmp_path, "25-Feb-2008 00:22:46\t25-Feb-2008 09:34:12\t10")
    assert isinstance(item, Event)
    assert (item.kind, item.layer, item.origin, item.text) == (
        "activity",
        Layer.BEHAVIOURAL,
        Origin.SELF,
        "go to bed",
    )
    assert item.payload == {"id": 10, "activity": "go to bed"}


def test_the_doubled_hour_is_its_first_pass_and_in_doubt(tmp_path: Path) -> None:
    item = _row(tmp_path, "26-Oct-2008 02:30:00\t26-Oct-2008 02:40:00\t4")
    assert isinstance(item, Event)
    assert item.start_ms == at("2008-10-26 00:30:00")
    assert item.end_ms == at("2008-10-26 00:40:00")
    assert item.uncertainty_ms == 3_601_000


def test_an_interval_may_end_in_the_second_pass_of_the_doubled_hour(tmp_path: Path) -> None:
    item = _row(tmp_path, "26-Oct-2008 02:50:00\t26-Oct-2008 02:10:00\t4")
    assert isinstance(item, Event)
    assert item.start_ms == at("2008-10-26 00:50:00")
    assert item.end_ms == at("2008-10-26 01:10:00")


def test_the_missing_hour_is_in_doubt(tmp_path: Path) -> None:
    item = _row(tmp_path, "30-Mar-2008 02:30:00\t30-Mar-2008 03:40:00\t4")
    assert isinstance(item, Event)
    assert item.start_ms == at("2008-03-30 01:30:00")
    assert item.uncertainty_ms == 3_601_000


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("31-Feb-2008 10:00:00\t01-Mar-2008 10:00:00\t4", "there is no 31-Feb-2008 10:00:00"),
        ("25-Feb-2008 25:61:00\t25-Feb-2008 10:00:00\t4", "there is no 25-Feb-2008 25:61:00"),
        ("25-Feb-2008 10:00\t25-Feb-2008 10:00:00\t4", "is no date and time"),
        ("25-Mai-2008 10:00:00\t25-Feb-2008 10:00:00\t4", "is no date and time"),
        ("25-Feb-2008 10:00:00\t25-Feb-2008 09:00:00\t4", "ends (25-Feb-2008 09:00:00) before it starts"),
        ("25-Feb-2008 10:00:00\t25-Feb-2008 11:00:00\t99", "the id '99' is not in the list"),
        ("25-Feb-2008 10:00:00\t25-Feb-2008 11:00:00\t4\t1", "has 4 cells where 3 belong"),
        ("25-Feb-2008 10:00:00\t25-Feb-2008 11:00:00", "has 2 cells where 3 belong"),
    ],
)
def test_a_broken_row_is_refused_with_its_reason(row: str, reason: str, tmp_path: Path) -> None:
    item = _row(tmp_path, row)
    assert isinstance(item, Rejected)
    assert reason in item.reason
    assert item.raw == row.encode()


def test_a_file_that_lost_rows_says_so(tmp_path: Path) -> None:
    content = SOURCE_FILES["kasteren"].replace(b"Length: 2", b"Length: 3")
    *events, last = _read(tmp_path, content)
    assert len(events) == 2
    assert isinstance(last, Rejected)
    assert last.reason == "the file says that it has 3 rows, and 2 were found"


def test_a_name_in_latin_1_is_read(tmp_path: Path) -> None:
    content = SOURCE_FILES["kasteren"].replace(b"'Fridge'", b"'K\xfchlschrank'")
    assert [item.text for item in _read(tmp_path, content) if isinstance(item, Event)][1] == "Kühlschrank on"


def test_the_real_home(tmp_path: Path) -> None:
    folder = shared_data("smarthome_kasteren_A")
    journal = Journal(tmp_path / "journal", b"\1" * 32, lambda: NOW_MS)
    try:
        importer = Importer(journal, lambda: NOW_MS, Reading(AMSTERDAM), lambda progress: None, lambda: False)
        paths = [folder / name for name in ("kasterenSenseData.txt", "kasterenActData.txt")]
        first = importer.import_paths(paths)
        assert (first.read, first.new, first.rejected) == (1319 + 245, 1319 + 245, 0)
        head = journal.head()
        assert importer.import_paths(paths).new == 0
        assert journal.head() == head
        events = [stored.record for stored in journal.read(sources=["kasteren"])]
        kinds = Counter(event.kind for event in events)
        assert kinds == {"state": 1319, "activity": 245}
        texts = {event.text for event in events if isinstance(event, Event) and event.kind == "state"}
        assert len(texts) == 14
    finally:
        journal.close()
