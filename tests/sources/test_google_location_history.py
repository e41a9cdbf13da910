"""Google location history in its four shapes, each with its traps."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Rejected
from hearthside.sources import google_location_history as source
from hearthside.sources import recognise
from hearthside.sources.reading import Opened, read_sample

POINT: dict[str, Json] = {
    "latitudeE7": 525200000, "longitudeE7": 134050000, "accuracy": 12, "velocity": 4, "altitude": 34,
    "verticalAccuracy": 3, "heading": 90, "source": "GPS", "deviceTag": -1577373242,
    "timestamp": "2024-05-01T10:00:00.250Z",
}  # fmt: skip
PLACE_VISIT: dict[str, Json] = {
    "location": {"latitudeE7": 525200000, "longitudeE7": 134050000, "placeId": "p1", "name": "Café Mitte",
                 "address": "A street 1"},
    "duration": {"startTimestamp": "2024-05-01T10:00:00Z", "endTimestamp": "2024-05-01T11:00:00Z"},
    "visitConfidence": 90,
}  # fmt: skip
TRIP: dict[str, Json] = {
    "startLocation": {"latitudeE7": 525200000, "longitudeE7": 134050000},
    "endLocation": {"latitudeE7": 525300000, "longitudeE7": 134060000},
    "duration": {"startTimestampMs": "1714561200000", "endTimestampMs": "1714562000000"},
    "distance": 1200,
    "activityType": "IN_PASSENGER_VEHICLE",
    "simplifiedRawPath": {
        "points": [{"latE7": 525250000, "lngE7": 134055000, "accuracyMeters": 9, "timestampMs": "1714561500000"}]
    },
}
ANDROID_VISIT: dict[str, Json] = {
    "startTime": "2024-05-01T10:00:00.000+02:00",
    "endTime": "2024-05-01T11:00:00.000+02:00",
    "startTimeTimezoneUtcOffsetMinutes": 60,
    "endTimeTimezoneUtcOffsetMinutes": 120,
    "visit": {
        "hierarchyLevel": 0,
        "probability": 0.9,
        "topCandidate": {
            "placeId": "p1",
            "semanticType": "INFERRED_HOME",
            "probability": 0.8,
            "placeLocation": {"latLng": "52.52°, 13.405°"},
        },
    },
}


def read(folder: Path, document: Json) -> list[Item]:
    path = folder / "export.json"
    path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
    found = recognise(read_sample(path))
    assert found is source
    return list(source.read(Opened(path, source.NAME)))


def events(folder: Path, document: Json) -> list[Event]:
    items = read(folder, document)
    assert all(isinstance(item, Event) for item in items), items
    return [item for item in items if isinstance(item, Event)]


def test_a_point_has_the_standard_names_and_keeps_the_rest(tmp_path: Path) -> None:
    guesses = [{"timestamp": "2024-05-01T10:00:01Z", "activity": [{"type": "STILL", "confidence": 80}]}]
    (event,) = events(tmp_path, {"locations": [{**POINT, "activity": guesses}]})
    assert (event.kind, event.layer, event.start_ms) == ("position", Layer.ENVIRONMENTAL, 1_714_557_600_250)
    assert (event.offset_min, event.record) == (None, 1)
    assert event.payload == {
        "lat": 52.52, "lon": 13.405, "accuracy_m": 12, "velocity_kmh": 14.4, "altitude_m": 34,
        "vertical_accuracy_m": 3, "heading": 90, "source": "GPS", "deviceTag": -1577373242, "activity": guesses,
    }  # fmt: skip


def test_older_and_newer_exports_of_a_point_are_the_same_record(tmp_path: Path) -> None:
    older = {name: value for name, value in POINT.items() if name != "timestamp"} | {"timestampMs": "1714557600250"}
    first, second = events(tmp_path, {"locations": [POINT, older]})
    assert first.id == second.id


def test_degrees_that_overflowed_are_put_right(tmp_path: Path) -> None:
    south_west = {**POINT, "latitudeE7": -338_000_000 + 2**32, "longitudeE7": -704_000_000 + 2**32}
    (event,) = events(tmp_path, {"locations": [south_west]})
    assert (event.payload["lat"], event.payload["lon"]) == (-33.8, -70.4)


def test_unknown_measures_are_left_out_and_a_record_without_degrees_is_a_notice(tmp_path: Path) -> None:
    point, notice = events(
        tmp_path,
        {
            "locations": [
                {**POINT, "velocity": -1, "altitude": None},
                {"timestamp": "2024-05-01T10:00:00Z", "activity": [], "deviceTag": 1},
            ]
        },
    )
    assert not {"velocity_kmh", "altitude_m"} & set(point.payload)
    assert (notice.kind, notice.record) == ("device_notice", 2)


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ({**POINT, "latitudeE7": 900_000_001}, "lat is outside ±90"),
        ({**POINT, "longitudeE7": -1_800_000_001}, "lon is outside ±180"),
        ({**POINT, "latitudeE7": "525200000"}, "lat is not a whole number"),
        ({**POINT, "accuracy": -1}, "accuracy is negative"),
        ({**POINT, "velocity": "fast"}, "velocity is not a number"),
        ({**POINT, "timestamp": "yesterday"}, "Invalid isoformat"),
        ({**POINT, "timestamp": "2024-05-01T10:00:00"}, "a time without a zone"),
        ({name: value for name, value in POINT.items() if name != "timestamp"}, "field 'timestamp' is missing"),
        ({name: value for name, value in POINT.items() if name != "longitudeE7"}, "field 'longitudeE7' is missing"),
        (5, "not a JSON object"),
        ([POINT], "not a JSON object"),
    ],
)
def test_what_is_no_point_is_rejected_alone(point: Json, reason: str, tmp_path: Path) -> None:
    before, refused, after = read(tmp_path, {"locations": [POINT, point, POINT]})
    assert isinstance(before, Event) and isinstance(after, Event) and isinstance(refused, Rejected)
    assert reason in refused.reason
    assert (before.record, refused.record, after.record) == (1, 2, 3)
    assert refused.place == "export.json, record 2"


def test_a_month_of_stays_and_trips(tmp_path: Path) -> None:
    enter, leave, trip, start, end, between = events(
        tmp_path, {"timelineObjects": [{"placeVisit": PLACE_VISIT}, {"activitySegment": TRIP}]}
    )
    assert (enter.kind, enter.text, enter.payload["region"]) == ("region_enter", "Café Mitte", "Café Mitte")
    assert enter.payload["visit"] == PLACE_VISIT
    assert (leave.kind, leave.start_ms - enter.start_ms) == ("region_leave", 3_600_000)
    assert (leave.payload["lat"], leave.record) == (52.52, 1)
    assert (trip.kind, trip.text, trip.start_ms, trip.end_ms) == (
        "activity", "in passenger vehicle", 1_714_561_200_000, 1_714_562_000_000,
    )  # fmt: skip
    assert trip.payload["distance"] == 1200
    assert [(event.kind, event.payload["lat"], event.start_ms) for event in (start, end, between)] == [
        ("position", 52.52, 1_714_561_200_000),
        ("position", 52.53, 1_714_562_000_000),
        ("position", 52.525, 1_714_561_500_000),
    ]
    assert between.payload["accuracy_m"] == 9


def test_a_stay_without_a_name_says_where_the_person_was(tmp_path: Path) -> None:
    nowhere = {**PLACE_VISIT, "location": {"latitudeE7": 525200000, "longitudeE7": 134050000}}
    first, last = events(tmp_path, {"timelineObjects": [{"placeVisit": nowhere}]})
    assert [(event.kind, event.payload["lat"]) for event in (first, last)] == [("position", 52.52)] * 2
    (refused,) = read(tmp_path, {"timelineObjects": [{"placeVisit": {**PLACE_VISIT, "location": {}}}]})
    assert isinstance(refused, Rejected) and "neither a name nor a place" in refused.reason
    (refused,) = read(tmp_path, {"timelineObjects": [{"somethingElse": {}}]})
    assert isinstance(refused, Rejected) and "neither a placeVisit nor" in refused.reason


def test_an_export_of_an_android_phone(tmp_path: Path) -> None:
    path = {
        "startTime": "2024-05-01T12:00:00.000+02:00",
        "endTime": "2024-05-01T14:00:00.000+02:00",
        "timelinePath": [{"point": "52.521°, -13.4°", "time": "2024-05-01T12:03:00.000+02:00"}],
    }
    trip = {
        "startTime": "2024-05-01T11:00:00.000+02:00",
        "endTime": "2024-05-01T11:30:00.000+02:00",
        "activity": {
            "start": {"latLng": "52.52°, 13.405°"},
            "end": {"latLng": "52.53°, 13.406°"},
            "distanceMeters": 900.5,
            "topCandidate": {"type": "WALKING", "probability": 0.9},
        },
    }
    signal = {
        "position": {
            "LatLng": "48.833657°, 2.256223°", "accuracyMeters": 13, "altitudeMeters": 90.7, "source": "WIFI",
            "timestamp": "2024-06-03T12:42:45.000+02:00", "speedMetersPerSecond": 2.5,
        }
    }  # fmt: skip
    guess = {"activityRecord": {"probableActivities": [], "timestamp": "2024-06-03T12:43:00.000+02:00"}}
    scan = {"wifiScan": {"deliveryTime": "2024-06-03T12:44:00.000+02:00", "devicesRecords": []}}
    items = events(
        tmp_path,
        {
            "semanticSegments": [ANDROID_VISIT, trip, path],
            "userLocationProfile": {"frequentPlaces": [{"placeId": "p", "label": "HOME"}]},
            "rawSignals": [signal, guess, scan],
        },
    )
    enter, leave, activity, _, _, point, raw, noticed, scanned = items
    assert (enter.text, enter.offset_min, leave.offset_min) == ("Home", 60, 120)
    assert enter.start_ms == 1_714_550_400_000
    assert (activity.kind, activity.text, activity.offset_min) == ("activity", "walking", 120)
    assert (point.payload["lat"], point.payload["lon"], point.start_ms) == (52.521, -13.4, 1_714_557_780_000)
    assert raw.payload == {
        "lat": 48.833657, "lon": 2.256223, "accuracy_m": 13, "altitude_m": 90.7, "velocity_kmh": 9.0, "source": "WIFI"
    }  # fmt: skip
    assert [event.kind for event in (noticed, scanned)] == ["device_notice"] * 2
    assert [event.record for event in items] == [1, 1, 2, 2, 2, 3, 4, 5, 6]


def test_an_export_of_an_iphone(tmp_path: Path) -> None:
    span = {"startTime": "2024-05-01T10:00:00.000-06:00", "endTime": "2024-05-01T12:00:00.000-06:00"}
    visit = {"visit": {"topCandidate": {"semanticType": "Unknown", "placeLocation": "geo:52.520000,13.405000"}}}
    trip = {"activity": {"start": "geo:1,2", "end": "geo:3,4", "distanceMeters": "12.5", "topCandidate": {}}}
    points = [
        {"point": "geo:52.5,13.4", "durationMinutesOffsetFromStartTime": "0"},
        {"point": "geo:52.6,13.5", "durationMinutesOffsetFromStartTime": "90"},
    ]
    memory: dict[str, Json] = {"timelineMemory": {"destinations": []}}
    items = events(tmp_path, [{**span, **part} for part in (visit, trip, {"timelinePath": points}, memory)])
    assert [event.kind for event in items] == ["position"] * 2 + ["activity"] + ["position"] * 4 + ["device_notice"]
    assert {event.offset_min for event in items} == {-360}
    assert items[2].text == ""
    later = items[6]
    assert (later.payload["lat"], later.start_ms - items[0].start_ms) == (52.6, 90 * 60_000)
    assert later.uncertainty_ms == 60_000


@pytest.mark.parametrize("point", ["52.5", "geo:95,13", "52.5, 181", 5, None, "NaN, 1"])
def test_a_point_that_is_none(point: Json, tmp_path: Path) -> None:
    segment = {
        "startTime": "2024-05-01T10:00:00Z",
        "endTime": "2024-05-01T12:00:00Z",
        "timelinePath": [{"point": point, "durationMinutesOffsetFromStartTime": "0"}],
    }
    (refused,) = read(tmp_path, [segment])
    assert isinstance(refused, Rejected)


def test_a_document_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    whole = orjson.dumps({"locations": [POINT] * 50})
    items = read(tmp_path, whole[: len(whole) // 2])
    assert isinstance(items[-1], Rejected) and "every record before it was read" in items[-1].reason
    assert [item.record for item in items] == list(range(1, len(items) + 1))
    assert len(items) == 25 or len(items) == 26


def test_recognises_nothing_else(tmp_path: Path) -> None:
    for other in (b'{"locations": 5}', b'{"location": []}', b"[]", b'[{"startTime": 1}]', b'[{"visit": {}}]'):
        (tmp_path / "other").write_bytes(other)
        assert source.recognise(read_sample(tmp_path / "other")) == 0.0
