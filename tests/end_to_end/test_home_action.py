"""A real Home Assistant: states come in, one action is proposed from the life stream and done only after a tap."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.station import open_house
from hearthside.companion.answers import HomeProposal
from hearthside.config import Settings
from hearthside.errors import Refused
from hearthside.events import HOUR_MS, Event, Layer, Origin, Trust
from hearthside.home import HomeAction
from tests.home_assistant_server import HomeAssistantServer

pytestmark = pytest.mark.home_assistant


@pytest.fixture
def house(home_assistant: HomeAssistantServer, tmp_path: Path) -> Iterator[House]:
    token = tmp_path / "token"
    token.write_text(home_assistant.token)
    settings = Settings(
        vault=tmp_path / "vault", key_file=tmp_path / "key", home_assistant_url=home_assistant.url,
        home_assistant_token_file=token,
    )  # fmt: skip
    opened = open_house(settings, with_compute=False, with_home=True)
    yield opened
    opened.close()


def wait_for(condition: Callable[[], bool], limit_s: float = 60) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit_s
        time.sleep(0.1)


def fall_asleep(house: House) -> None:
    """A night that covers the present, as a ring would tell it."""
    now = house.rooms.clock()
    night = Event(
        "oura_sleep", "sleep", Layer.BEHAVIOURAL, now - 2 * HOUR_MS, Origin.DEVICE, Trust.OWN, {"total": 7200},
        clock="device:oura", end_ms=now + 6 * HOUR_MS,
    )  # fmt: skip
    house.rooms.journal.append([night])
    house.keep_in_step()


def heard(house: House) -> set[str]:
    """Entities that the house has heard of over its standing connection."""
    stored = house.rooms.journal.read(sources=["home_assistant"])
    return {str(item.record.payload["entity"]) for item in stored if isinstance(item.record, Event)}


def proposed(house: House) -> list[HomeProposal]:
    return [proposal for proposal in house.proposals() if proposal.state == "proposed"]


def light_state(house: House, entity: str) -> str:
    home = house.outside.home()
    assert home is not None
    return next(state.state for state in home.states() if state.entity_id == entity)


def test_states_of_the_home_become_part_of_the_life(house: House) -> None:
    wait_for(lambda: "light.kitchen_lights" in heard(house))
    house.keep_in_step()
    view = house.slice(house.rooms.clock())
    residential = next(layer for layer in view.layers if layer.layer is Layer.RESIDENTIAL)
    texts = " ".join([item.text for item in residential.now] + [item.text for item, _ in residential.last])
    assert "Kitchen" in texts or "kitchen" in texts


def test_a_light_that_burns_while_the_person_sleeps_is_turned_off_after_a_tap_only(house: House) -> None:
    home = house.outside.home()
    assert home is not None
    home.act(HomeAction("light.ceiling_lights", "turn_on"), confirmed=True)
    fall_asleep(house)
    wait_for(lambda: bool(proposed(house)))
    (proposal,) = proposed(house)
    assert proposal.reason == "You are asleep." and proposal.evidence
    assert light_state(house, proposal.entity) == "on"  # nothing happens without the tap
    assert len(proposed(house)) == 1
    done = house.confirm_proposal(proposal.id)
    assert done.state == "done" and done.can_undo
    wait_for(lambda: light_state(house, proposal.entity) == "off")
    assert house.undo_proposal(proposal.id).state == "undone"
    wait_for(lambda: light_state(house, proposal.entity) == "on")
    ledger = [s.record.payload for s in house.rooms.journal.read(kinds=["ledger"]) if isinstance(s.record, Event)]
    assert any(row["data_class"] == "home-action" for row in ledger)


def test_a_dismissed_proposal_does_nothing(house: House) -> None:
    home = house.outside.home()
    assert home is not None
    home.act(HomeAction("light.ceiling_lights", "turn_on"), confirmed=True)
    fall_asleep(house)
    wait_for(lambda: bool(proposed(house)))
    proposal = proposed(house)[0]
    house.dismiss_proposal(proposal.id)
    assert light_state(house, proposal.entity) == "on"
    assert proposal.entity not in {p.entity for p in proposed(house)}


@pytest.mark.parametrize(
    ("entity", "service"),
    [("lock.front_door", "unlock"), ("lock.front_door", "lock"), ("cover.garage_door", "open_cover")],
)
def test_locks_and_garage_are_refused_even_with_a_tap(house: House, entity: str, service: str) -> None:
    home = house.outside.home()
    assert home is not None
    before = light_state(house, entity)
    with pytest.raises(Refused):
        home.act(HomeAction(entity, service), confirmed=True)
    assert light_state(house, entity) == before
