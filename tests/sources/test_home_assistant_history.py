"""Home Assistant history: short states, changes of attributes only, states in plain words, damaged lists."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from hearthside.events import Event, Item, Json, Layer, Rejected, ms_of
from hearthside.sources import home_assistant_history, recognise
from hearthside.sources.reading import Opened, Sample


def moment(minute: int) -> str:
    return f"2026-11-20T17:{minute:02}:00+00:00"


def at(minute: int) -> int:
    return ms_of(datetime(2026, 11, 20, 17, minute, tzinfo=UTC))


def state(value: str, minute: int, entity: str = "light.kitchen", **attributes: Json) -> dict[str, Json]:
    return {
        "entity_id": entity,
        "state": value,
        "attributes": attributes,
        "last_changed": moment(minute),
        "last_updated": moment(minute),
    }


def read(folder: Path, document: Json) -> list[Item]:
    path = folder / "history.json"
    path.write_bytes(orjson.dumps(document))
    return list(home_assistant_history.read(Opened(path, home_assistant_history.NAME)))


def events(items: list[Item]) -> list[Event]:
    assert all(isinstance(item, Event) for item in items), items
    return [item for item in items if isinstance(item, Event)]


def test_short_states_inherit_what_the_entity_is_but_not_how_it_was(tmp_path: Path) -> None:
    full = state("on", 1, friendly_name="Kitchen light", brightness=120)
    on, off = events(read(tmp_path, [[full, {"state": "off", "last_changed": moment(2)}]]))
    assert (on.kind, on.layer, on.text) == ("state", Layer.RESIDENTIAL, "Kitchen light on")
    assert on.payload["attributes"]["brightness"] == 120
    assert (off.text, off.start_ms, off.record) == ("Kitchen light off", at(2), 2)
    assert off.payload == {
        "entity": "light.kitchen",
        "state": "off",
        "friendly_name": "Kitchen light",
        "attributes": {"friendly_name": "Kitchen light"},
    }


def test_a_change_of_attributes_only_lies_where_they_changed(tmp_path: Path) -> None:
    heat = state("heat", 1, "climate.living", current_temperature=19)
    warmer = {**state("heat", 1, "climate.living", current_temperature=21), "last_updated": moment(9)}
    first, second = events(read(tmp_path, [[heat, warmer]]))
    assert (first.start_ms, second.start_ms) == (at(1), at(9))


@pytest.mark.parametrize(
    ("entity", "value", "attributes", "text"),
    [
        ("binary_sensor.door", "on", {"friendly_name": "Front door", "device_class": "door"}, "Front door open"),
        ("binary_sensor.door", "off", {"friendly_name": "Front door", "device_class": "door"}, "Front door closed"),
        ("binary_sensor.hall", "on", {"friendly_name": "Hall", "device_class": "motion"}, "Hall motion detected"),
        ("binary_sensor.odd", "on", {}, "odd on"),
        ("sensor.bed_t", "21.3", {"friendly_name": "Bedroom", "unit_of_measurement": "°C"}, "Bedroom 21.3 °C"),
        ("sensor.bed_t", "unavailable", {"unit_of_measurement": "°C"}, "bed t unavailable"),
        ("person.jo", "not_home", {"friendly_name": "Jo"}, "Jo away"),
        ("vacuum.robot", "returning", {}, "robot returning"),
        ("weather.home", "partly_cloudy", {"friendly_name": "Home"}, "Home partly cloudy"),
    ],
)
def test_states_in_plain_words(tmp_path: Path, entity: str, value: str, attributes: Json, text: str) -> None:
    (event,) = events(read(tmp_path, [[state(value, 1, entity, **attributes)]]))
    assert (event.text, event.payload["state"]) == (text, value)


def test_damaged_states_and_lists_do_not_stop_the_others(tmp_path: Path) -> None:
    document = [
        [{"state": "on", "last_changed": moment(1)}, state("on", 2)],
        5,
        [state("on", 3) | {"last_changed": "2026-11-20T17:03:00"}, 7, {"entity_id": "light.x", "state": "on"}],
        [state("off", 4) | {"attributes": []}, state("off", 5)],
    ]
    items = read(tmp_path, document)
    assert [isinstance(item, Rejected) for item in items] == [True, False, True, True, True, True, True, False]
    assert [item.record for item in items] == list(range(1, 9))
    assert isinstance(items[0], Rejected) and items[0].place == "history.json, history 1, state 1"


def test_nothing_passes_from_one_entity_to_the_next(tmp_path: Path) -> None:
    light = state("on", 1, "light.kitchen", friendly_name="Kitchen light")
    (kitchen, hall) = events(read(tmp_path, [[light, state("on", 2, "light.hall") | {"attributes": {}}]]))
    assert kitchen.text == "Kitchen light on"
    assert hall.text == "hall on"
    _, orphan = read(tmp_path, [[light], [{"state": "on", "last_changed": moment(3)}]])
    assert isinstance(orphan, Rejected)


def test_recognises_its_own_and_nothing_else(tmp_path: Path) -> None:
    content = orjson.dumps([[], [state("on", 1)]])
    assert recognise(Sample("x", content)) is home_assistant_history
    assert recognise(Sample("x", b"\xef\xbb\xbf" + content)) is home_assistant_history
    for other in (b'[{"entity_id":"a.b","state":"on","last_changed":"x"}]', b"[[1,2],[3,4]]", b"[[]]", b""):
        assert home_assistant_history.recognise(Sample("x", other)) == 0.0
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(content))
    assert len(list(home_assistant_history.read(Opened(path, home_assistant_history.NAME)))) == 1
