"""StudentLife positions and stress answers: their traps, and the sample of the real set."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Origin, Rejected
from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.sources import recognise, studentlife_gps, studentlife_stress
from hearthside.sources.reading import Opened, Reading, read_sample
from tests.shared_data import shared_data

HEAD = "time,provider,network_type,accuracy,latitude,longitude,altitude,bearing,speed,travelstate\n"
WIFI = "1364356963,network,wifi,24.0,43.7591346,-72.3292405,0.0,0.0,0.0,stationary,"
GPS = "1364358144,gps,,22.0,43.759503,-72.32901795,250.899993896,10.0,2.0,,"
NOW_MS = 1_797_000_000_000  # 2026-12-11


def fixes(folder: Path, text: str) -> list[Item]:
    path = folder / "gps.csv"
    path.write_text(text)
    return list(studentlife_gps.read(Opened(path, studentlife_gps.NAME)))


def answers(folder: Path, *entries: Json) -> list[Item]:
    path = folder / "stress.json"
    path.write_bytes(orjson.dumps(list(entries)))
    return list(studentlife_stress.read(Opened(path, studentlife_stress.NAME)))


def test_a_fix_from_wifi_has_no_height_and_no_speed(tmp_path: Path) -> None:
    (event,) = fixes(tmp_path, HEAD + WIFI + "\n")
    assert isinstance(event, Event)
    assert (event.kind, event.start_ms, event.record) == ("position", 1_364_356_963_000, 2)
    assert event.payload == {
        "lat": 43.7591346, "lon": -72.3292405, "accuracy_m": 24.0, "provider": "network", "network_type": "wifi",
        "travelstate": "stationary",
    }  # fmt: skip


def test_a_fix_from_gps_has_both(tmp_path: Path) -> None:
    (event,) = fixes(tmp_path, HEAD + GPS)
    assert isinstance(event, Event)
    assert (event.payload["altitude_m"], event.payload["velocity_kmh"]) == (250.899993896, 7.2)
    assert "travelstate" not in event.payload


def test_a_row_without_the_trailing_comma_is_the_same(tmp_path: Path) -> None:
    assert fixes(tmp_path, HEAD + WIFI[:-1]) == fixes(tmp_path, HEAD + WIFI)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (WIFI.replace("43.7591346", "95"), "latitude is outside ±90"),
        (WIFI.replace("24.0", "-1"), "accuracy is negative"),
        (WIFI.replace("1364356963", "soon"), "time is not a number"),
        (WIFI.replace("1364356963", "0"), "time is not a time in Unix seconds"),
        (WIFI + "x,", "a row has 10 values, this one has 12"),
        ("1,2", "a row has 10 values, this one has 2"),
    ],
)
def test_a_broken_row_is_refused_with_a_reason(row: str, reason: str, tmp_path: Path) -> None:
    refused, kept = fixes(tmp_path, f"{HEAD}{row}\n{GPS}\n")
    assert isinstance(refused, Rejected)
    assert reason in refused.reason
    assert isinstance(kept, Event)


def test_an_answer_has_a_level_and_a_place_if_it_was_known(tmp_path: Path) -> None:
    placed, unplaced = answers(
        tmp_path,
        {"level": "2", "location": "43.7,-72.28", "resp_time": 1364237696},
        {"level": "5", "location": "Unknown", "resp_time": 1364237697},
    )
    assert isinstance(placed, Event) and isinstance(unplaced, Event)
    assert (placed.kind, placed.layer, placed.origin) == ("stress", Layer.BEHAVIOURAL, Origin.SELF)
    assert placed.payload == {"level": 2, "lat": 43.7, "lon": -72.28}
    assert unplaced.payload == {"level": 5}


@pytest.mark.parametrize(
    "entry",
    [
        {"null": "1", "resp_time": 1364177809},
        {"null": "43.7,-72.3", "resp_time": 1364177809},
        {"level": "7", "location": "Unknown", "resp_time": 1364177809},
        {"level": "1", "location": "Unknown", "resp_time": 0},
        {"level": "1", "location": "Unknown"},
    ],
)
def test_an_answer_that_cannot_be_understood_is_refused(entry: Json, tmp_path: Path) -> None:
    (refused,) = answers(tmp_path, entry)
    assert isinstance(refused, Rejected)


def test_the_real_sample_is_taken_and_refused_as_counted(tmp_path: Path) -> None:
    """Counts: shared/data/README.md."""
    folder = shared_data("studentlife_gps_stress")
    rows = [item for path in sorted((folder / "gps").iterdir()) for item in studentlife_gps.read(Opened(path, "s"))]
    assert (len(rows), sum(isinstance(row, Event) for row in rows)) == (104_965, 104_965)
    answered: Counter[int] = Counter()
    refused = 0
    for path in sorted((folder / "Stress").iterdir()):
        for item in studentlife_stress.read(Opened(path, "s")):
            if isinstance(item, Event):
                answered[item.payload["level"]] += 1
            else:
                refused += 1
    assert answered == {1: 419, 2: 194, 3: 157, 4: 192, 5: 32}
    assert refused == 123


def test_a_student_is_imported_once(tmp_path: Path) -> None:
    folder = shared_data("studentlife_gps_stress")
    paths = [folder / "gps" / "gps_u18.csv.gz", folder / "Stress" / "Stress_u18.json"]
    assert [found.NAME for path in paths if (found := recognise(read_sample(path)))] == [
        "studentlife_gps",
        "studentlife_stress",
    ]
    journal = Journal(tmp_path, b"\1" * 32, lambda: NOW_MS)
    try:
        reports = []
        for _ in range(2):
            importer = Importer(journal, lambda: NOW_MS, Reading(), lambda progress: None, lambda: False)
            reports.append(importer.import_paths(paths))
        assert reports[0].read == reports[0].new + reports[0].duplicate + reports[0].rejected
        assert (reports[1].read, reports[1].new) == (reports[0].read, 0)
        assert reports[1].rejected == reports[0].rejected
    finally:
        journal.close()
