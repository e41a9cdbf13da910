"""GeoLife tracks and labelled trips: their heads, units and times, and the sample of the real set."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.events import Event, Item, Layer, Origin, Rejected, local_datetime
from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.sources import geolife, recognise
from hearthside.sources.reading import Opened, Reading, Sample, read_sample
from tests.shared_data import shared_data

HEAD = "Geolife trajectory\nWGS 84\nAltitude is in Feet\nReserved 3\n0,2,255,My Track,0,0,2,8421376\n0\n"
POINT = "39.984702,116.318417,0,492,39744.1201851852,2008-10-23,02:53:04"
LABELS = "Start Time\tEnd Time\tTransportation Mode\r\n"
NOW_MS = 1_797_000_000_000  # 2026-12-11


def read(folder: Path, text: str) -> list[Item]:
    path = folder / "track.plt"
    path.write_text(text, newline="")
    return list(geolife.read(Opened(path, geolife.NAME)))


def test_a_point_is_a_position_in_gmt_with_metres(tmp_path: Path) -> None:
    (event,) = read(tmp_path, HEAD + POINT + "\n")
    assert isinstance(event, Event)
    assert (event.kind, event.layer, event.offset_min, event.record) == ("position", Layer.ENVIRONMENTAL, None, 7)
    assert local_datetime(event.start_ms, 0).isoformat() == "2008-10-23T02:53:04+00:00"
    assert event.payload == {"lat": 39.984702, "lon": 116.318417, "altitude_ft": 492.0, "altitude_m": 150.0}


@pytest.mark.parametrize("feet", ["-777", "-2755", "60000"])
def test_an_altitude_that_cannot_be_is_kept_as_it_stands_only(feet: str, tmp_path: Path) -> None:
    (event,) = read(tmp_path, HEAD + POINT.replace("492", feet))
    assert isinstance(event, Event)
    assert event.payload["altitude_ft"] == float(feet)
    assert "altitude_m" not in event.payload


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (POINT.replace("39.984702", "400.166666"), "latitude is outside ±90"),
        (POINT.replace("02:53:04", "03:53:04"), "the date of this point and its day number name different times"),
        (POINT.replace(",0,492", ",492"), "a point has 7 values, this line has 6"),
        (POINT.replace("2008-10-23", "2008-13-23"), "month must be in 1..12"),
        (POINT.replace("02:53:04", "later"), "the time is not written as"),
        (POINT.replace("116.318417", "nan"), "longitude is not a number"),
    ],
)
def test_a_broken_point_is_refused_with_a_reason(point: str, reason: str, tmp_path: Path) -> None:
    kept, refused = read(tmp_path, f"{HEAD}{POINT}\n{point}\n")
    assert isinstance(kept, Event)
    assert isinstance(refused, Rejected)
    assert reason in refused.reason
    assert refused.record == 8


def test_a_track_without_its_head_loses_no_point(tmp_path: Path) -> None:
    items = read(tmp_path, "\n".join([POINT] * 6))
    assert [(type(item), item.record) for item in items] == [(Event, n) for n in range(1, 7)]


def test_a_labelled_trip_is_an_interval_of_the_persons_own_word(tmp_path: Path) -> None:
    (trip,) = read(tmp_path, LABELS + "2011/08/27 06:13:01\t2011/08/27 08:01:37\twalk\r\n")
    assert isinstance(trip, Event)
    assert (trip.kind, trip.text, trip.payload, trip.origin) == ("trip", "walk", {"mode": "walk"}, Origin.SELF)
    assert local_datetime(trip.start_ms, 0).isoformat() == "2011-08-27T06:13:01+00:00"
    assert trip.end_ms is not None and trip.end_ms - trip.start_ms == (108 * 60 + 36) * 1000


@pytest.mark.parametrize(
    "line", ["2011/08/27 06:13:01\t2011/08/27 05:01:37\twalk", "2011/08/27 06:13:01\twalk", "a\tb\tc", "\t\t"]
)
def test_a_broken_label_is_refused(line: str, tmp_path: Path) -> None:
    items = read(tmp_path, LABELS + line + "\r\n2011/08/27 06:13:01\t2011/08/27 08:01:37\tbus\r\n")
    assert [type(item) for item in items if item.record == 3] == [Event]
    assert [type(item) for item in items if item.record == 2] == ([Rejected] if line.strip() else [])


def test_both_files_are_recognised_by_their_first_line() -> None:
    assert geolife.recognise(Sample("x", HEAD.encode())) > 0.9
    assert geolife.recognise(Sample("x", LABELS.encode())) > 0.8
    assert geolife.recognise(Sample("x", b"OziExplorer Track Point File Version 2.1\r\n")) == 0
    assert geolife.recognise(Sample("x", b"")) == 0


def test_the_real_sample_is_taken_whole_and_once(tmp_path: Path) -> None:
    """Counts: shared/data/README.md."""
    folder = shared_data("geolife_sample")
    counts = {}
    for part in ("geolife_long_10_MB", "geolife_modes"):
        files = sorted((folder / part).rglob("*.plt.gz"))
        items = [item for path in files for item in geolife.read(Opened(path, geolife.NAME))]
        assert all(isinstance(item, Event) for item in items)
        counts[part] = (len(files), len(items))
    assert counts == {"geolife_long_10_MB": (58, 80_989), "geolife_modes": (5, 799)}
    labels = folder / "geolife_modes" / "020" / "labels.txt"
    assert len([e for e in geolife.read(Opened(labels, geolife.NAME)) if isinstance(e, Event)]) == 223
    journal = Journal(tmp_path, b"\1" * 32, lambda: NOW_MS)
    try:
        reports = []
        for _ in range(2):
            importer = Importer(journal, lambda: NOW_MS, Reading(), lambda progress: None, lambda: False)
            reports.append(importer.import_paths([folder / "geolife_modes"]))
        first, second = reports
        assert (first.read, first.rejected) == (799 + 223, 0)
        assert (second.read, second.new, second.rejected) == (799 + 223, 0, 0)
    finally:
        journal.close()


def test_tables_of_other_trackers_are_left_alone() -> None:
    """Columns in any order, several people in a file, and times that may have no zone: nobody claims them."""
    for path in sorted((shared_data("geolife_sample") / "other_formats").iterdir()):
        assert recognise(read_sample(path)) is None
