"""Action classes: what is free, limited or refused, and how to come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.errors import Refused
from hearthside.events import Json
from hearthside.home import ActionClass, EntityState, HomeAction, action_class, undo_of


def _state(entity_id: str, state: str = "on", **attributes: Json) -> EntityState:
    return EntityState(entity_id, state, attributes, 0, "")


def _class(
    entity_id: str, service: str, attributes: dict[str, Json] | None = None, data: dict[str, Json] | None = None
) -> ActionClass:
    state = EntityState(entity_id, "on", attributes or {}, 0, "")
    return action_class(HomeAction(entity_id, service, data or {}), state)


@pytest.mark.parametrize(
    ("entity_id", "service", "attributes", "expected"),
    [
        ("light.kitchen", "turn_on", {}, ActionClass.A),
        ("light.garage", "turn_on", {}, ActionClass.A),  # a light in a garage is a light
        ("light.room", "turn_on", {"entity_id": ["light.a", "light.b"]}, ActionClass.A),  # so is a group of lights
        ("media_player.radio", "volume_set", {}, ActionClass.A),
        ("climate.hall", "set_hvac_mode", {}, ActionClass.B),
        ("cover.bedroom", "close_cover", {"device_class": "blind"}, ActionClass.B),
        ("cover.bedroom_window", "close_cover", {"device_class": "shutter"}, ActionClass.B),
        ("switch.lamp", "turn_off", {}, ActionClass.B),
        ("fan.hall", "set_percentage", {}, ActionClass.B),
        ("lock.front", "unlock", {}, ActionClass.C),
        ("lock.front", "lock", {}, ActionClass.C),
        ("alarm_control_panel.home", "alarm_disarm", {}, ActionClass.C),
        ("valve.water", "open_valve", {}, ActionClass.C),
        ("cover.drive", "open_cover", {"device_class": "garage"}, ActionClass.C),
        ("cover.drive", "open_cover", {"device_class": "gate"}, ActionClass.C),
        ("cover.garage_blind", "open_cover", {"device_class": "blind"}, ActionClass.C),
        ("switch.plug_3", "turn_on", {"friendly_name": "Oven"}, ActionClass.C),
        ("switch.gas_hob", "turn_on", {}, ActionClass.C),
    ],
)
def test_classes(entity_id: str, service: str, attributes: dict[str, Json], expected: ActionClass) -> None:
    assert _class(entity_id, service, attributes) is expected


@pytest.mark.parametrize(
    ("entity_id", "service", "attributes"),
    [
        ("vacuum.robot", "start", {}),  # a domain nobody thought through
        ("script.goodnight", "turn_on", {}),  # could do anything
        ("scene.leave", "turn_on", {}),
        ("automation.arrive", "trigger", {}),
        ("homeassistant.all", "restart", {}),
        ("light.kitchen", "toggle", {}),  # depends on a state nobody looked at
        ("media_player.radio", "play_media", {}),
        ("cover.pergola", "open_cover", {}),  # does not say what it is
        ("switch.everything", "turn_off", {"entity_id": ["switch.oven"]}),  # a group
    ],
)
def test_what_is_not_known_is_refused(entity_id: str, service: str, attributes: dict[str, Json]) -> None:
    with pytest.raises(Refused) as caught:
        _class(entity_id, service, attributes)
    assert caught.value.code == "home-action-unknown"


@pytest.mark.parametrize("name", ["entity_id", "area_id", "device_id", "flash", "effect"])
def test_fields_cannot_smuggle_another_target(name: str) -> None:
    with pytest.raises(Refused) as caught:
        _class("light.kitchen", "turn_on", data={name: "lock.front"})
    assert caught.value.code == "home-action-unknown"


@pytest.mark.parametrize(
    "entity_id", ["all", "light.", "light.a,lock.b", "light.kitchen/../x", "Light.Kitchen", "", "light.a b"]
)
def test_only_the_id_of_one_entity_is_taken(entity_id: str) -> None:
    with pytest.raises(Refused):
        _class(entity_id, "turn_on")


_WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)


@given(domain=st.sampled_from(["lock", "alarm_control_panel", "valve", "siren"]), name=_WORDS, service=_WORDS)
def test_nothing_makes_a_lock_more_than_refused(domain: str, name: str, service: str) -> None:
    assert _class(f"{domain}.{name}", service, data={"code": "1234"}) is ActionClass.C


@pytest.mark.parametrize(
    ("action", "before", "expected"),
    [
        (HomeAction("light.a", "turn_on"), _state("light.a", "off"), HomeAction("light.a", "turn_off")),
        (
            HomeAction("light.a", "turn_off"),
            _state("light.a", "on", brightness=180, color_mode="hs", hs_color=[345, 75], color_temp_kelvin=None),
            HomeAction("light.a", "turn_on", {"brightness": 180, "hs_color": [345, 75]}),
        ),
        (
            HomeAction("light.a", "turn_on", {"brightness": 9}),
            _state("light.a", "on", brightness=180, color_mode="color_temp", hs_color=[1, 2], color_temp_kelvin=2631),
            HomeAction("light.a", "turn_on", {"brightness": 180, "color_temp_kelvin": 2631}),
        ),
        (HomeAction("light.a", "turn_on"), _state("light.a", "unavailable"), None),
        (
            HomeAction("media_player.a", "volume_set", {"volume_level": 0.2}),
            _state("media_player.a", "playing", volume_level=0.7),
            HomeAction("media_player.a", "volume_set", {"volume_level": 0.7}),
        ),
        (HomeAction("media_player.a", "volume_set"), _state("media_player.a", "off"), None),
        (
            HomeAction("media_player.a", "volume_mute", {"is_volume_muted": True}),
            _state("media_player.a", "playing", is_volume_muted=False),
            HomeAction("media_player.a", "volume_mute", {"is_volume_muted": False}),
        ),
        (
            HomeAction("climate.a", "set_temperature", {"temperature": 20}),
            _state("climate.a", "heat", temperature=18.5),
            HomeAction("climate.a", "set_temperature", {"temperature": 18.5}),
        ),
        (
            HomeAction("climate.a", "set_hvac_mode", {"hvac_mode": "off"}),
            _state("climate.a", "heat"),
            HomeAction("climate.a", "set_hvac_mode", {"hvac_mode": "heat"}),
        ),
        (
            HomeAction("cover.a", "close_cover"),
            _state("cover.a", "open", current_position=70),
            HomeAction("cover.a", "set_cover_position", {"position": 70}),
        ),
        (HomeAction("cover.a", "open_cover"), _state("cover.a", "closed"), HomeAction("cover.a", "close_cover")),
        (HomeAction("cover.a", "open_cover"), _state("cover.a", "opening"), None),
        (HomeAction("switch.a", "turn_on"), _state("switch.a", "off"), HomeAction("switch.a", "turn_off")),
        (
            HomeAction("fan.a", "turn_off"),
            _state("fan.a", "on", percentage=33),
            HomeAction("fan.a", "set_percentage", {"percentage": 33}),
        ),
        (HomeAction("fan.a", "turn_on"), _state("fan.a", "off", percentage=None), HomeAction("fan.a", "turn_off")),
    ],
)
def test_the_way_back(action: HomeAction, before: EntityState, expected: HomeAction | None) -> None:
    assert undo_of(action, before) == expected
