"""OwnTracks lines: positions, regions, other messages, and what is no position at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Rejected
from hearthside.sources import owntracks, recognise
from hearthside.sources.reading import Opened, Sample

FIX: dict[str, Json] = {
    "_type": "location", "tst": 1_795_197_600, "lat": 52.52, "lon": 13.405, "acc": 12, "vel": 4, "batt": 81,
    "tid": "ph",
}  # fmt: skip


def read(folder: Path, *messages: Json) -> list[Item]:
    path = folder / "phone.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(message) for message in messages))
    return list(owntracks.read(Opened(path, owntracks.NAME)))


def test_a_position_has_the_standard_names_and_keeps_the_rest(tmp_path: Path) -> None:
    (event,) = read(tmp_path, {**FIX, "inregions": ["Home"], "t": "u"})
    assert isinstance(event, Event)
    assert (event.kind, event.layer, event.text) == ("position", Layer.ENVIRONMENTAL, "Home")
    assert event.start_ms == 1_795_197_600_000
    assert (event.offset_min, event.uncertainty_ms) == (None, 1000)
    assert event.payload == {
        "_type": "location", "tst": 1_795_197_600, "lat": 52.52, "lon": 13.405, "accuracy_m": 12, "velocity_kmh": 4,
        "battery": 81, "tid": "ph", "inregions": ["Home"], "t": "u",
    }  # fmt: skip


def test_measures_the_app_leaves_out_are_not_filled_in(tmp_path: Path) -> None:
    (event,) = read(tmp_path, {"_type": "location", "tst": 1, "lat": 0, "lon": 0})
    assert isinstance(event, Event)
    assert not {"accuracy_m", "velocity_kmh", "altitude_m", "battery"} & set(event.payload)


def test_measures_the_phone_did_not_know_are_left_out(tmp_path: Path) -> None:
    (event,) = read(tmp_path, {**FIX, "batt": None, "acc": None, "vel": -1})
    assert isinstance(event, Event)
    assert not {"accuracy_m", "velocity_kmh", "battery", "acc", "vel", "batt"} & set(event.payload)


def test_regions_and_other_messages(tmp_path: Path) -> None:
    enter, leave, steps = read(
        tmp_path,
        {
            "_type": "transition",
            "event": "enter",
            "desc": "Home",
            "tst": 10,
            "wtst": 5,
            "lat": 1.0,
            "lon": 2.0,
            "acc": 3,
        },
        {"_type": "transition", "event": "leave", "desc": "Home", "tst": 20},
        {"_type": "steps", "steps": 900, "from": 5, "to": 20, "tst": 20},
    )
    assert isinstance(enter, Event) and isinstance(leave, Event) and isinstance(steps, Event)
    assert (enter.kind, enter.text, enter.payload["region"]) == ("region_enter", "Home", "Home")
    assert (enter.payload["accuracy_m"], enter.start_ms) == (3, 10_000)
    assert (leave.kind, leave.start_ms) == ("region_leave", 20_000)
    assert (steps.kind, steps.payload["steps"], steps.text) == ("device_notice", 900, "")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({**FIX, "lat": 90.1}, "lat is outside ±90"),
        ({**FIX, "lon": -181}, "lon is outside ±180"),
        ({**FIX, "lat": "52"}, "lat is not a number"),
        ({**FIX, "acc": -5}, "acc is negative"),
        ({**FIX, "tst": 1_795_197_600_000}, "tst is not a time in Unix seconds"),
        ({**FIX, "tst": True}, "tst is not a number"),
        ({"_type": "location", "lat": 1, "lon": 1}, "the message carries no time (tst)"),
        ({"_type": "location", "tst": 1, "lat": 1}, "field 'lon' is missing"),
        ({"_type": "card", "name": "Jo"}, "the message carries no time (tst)"),
        ({"_type": "transition", "event": "stay", "desc": "Home", "tst": 1}, "neither enter nor leave"),
        ({"_type": "transition", "event": [], "desc": "Home", "tst": 1}, "neither enter nor leave"),
        ({"_type": "transition", "event": "enter", "tst": 1}, "names no region"),
        ({"_type": "encrypted", "data": "AAAA"}, "the message is encrypted"),
        ({"_type": 5, "tst": 1}, "not text"),
        ({"tst": 1}, "field '_type' is missing"),
    ],
)
def test_what_is_no_position_is_rejected_alone(tmp_path: Path, message: Json, reason: str) -> None:
    bad, good = read(tmp_path, message, FIX)
    assert isinstance(bad, Rejected) and reason in bad.reason and bad.record == 1
    assert isinstance(good, Event) and good.record == 2


def test_recognises_its_own_and_nothing_else(tmp_path: Path) -> None:
    line = orjson.dumps(FIX)
    assert recognise(Sample("x", line)) is owntracks
    assert recognise(Sample("x", b"\xef\xbb\xbf" + line)) is owntracks
    for other in (b'{"_type": "Person"}', b'{"type": "location", "tst": 1}', b'[{"_type": "location"}]', b""):
        assert owntracks.recognise(Sample("x", other)) == 0.0
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(line))
    assert len(list(owntracks.read(Opened(path, owntracks.NAME)))) == 1
