"""The client against a real Home Assistant with its demo home."""

from __future__ import annotations

import http.server
import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from hearthside.egress import Egress, LedgerRow
from hearthside.errors import ConfigError, NeedsPerson, Refused, RetryLater
from hearthside.events import HOUR_MS, Layer, record_from_body
from hearthside.home import ActionClass, EntityState, HomeAction, HomeAssistant, Subscription, event_from_state
from hearthside.home.actions import RATE_PER_HOUR
from tests.home_assistant_server import HomeAssistantServer

pytestmark = pytest.mark.home_assistant

_WAIT_S = 60.0


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def rows() -> list[LedgerRow]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def egress(rows: list[LedgerRow], clock: Clock) -> Iterator[Egress]:
    door = Egress(rows.append, clock)
    yield door
    door.close()


@pytest.fixture
def home(home_assistant: HomeAssistantServer, egress: Egress, clock: Clock) -> HomeAssistant:
    return HomeAssistant(home_assistant.url, home_assistant.token, egress, clock, retry_s=(0.1,))


class Watch:
    """Everything a subscription told, in order."""

    def __init__(self, home: HomeAssistant) -> None:
        self.states: queue.Queue[EntityState] = queue.Queue()
        self.links: queue.Queue[tuple[bool, str]] = queue.Queue()
        self.subscription: Subscription = home.subscribe(self.states.put, lambda up, why: self.links.put((up, why)))

    def until(self, wanted: Callable[[EntityState], bool]) -> EntityState:
        while not wanted(state := self.states.get(timeout=_WAIT_S)):
            pass
        return state


@pytest.fixture
def watch(home: HomeAssistant) -> Iterator[Watch]:
    watch = Watch(home)
    assert watch.links.get(timeout=_WAIT_S) == (True, "")
    yield watch
    watch.subscription.stop()


def _state(home: HomeAssistant, entity_id: str) -> EntityState:
    return next(state for state in home.states() if state.entity_id == entity_id)


def test_states_arrive(home: HomeAssistant, rows: list[LedgerRow]) -> None:
    states = {state.entity_id: state for state in home.states()}
    assert len(states) > 50
    assert states["lock.front_door"].state == "locked"
    assert states["light.ceiling_lights"].friendly_name == "Ceiling Lights"
    assert {(row.purpose, row.data_class) for row in rows} == {("home-assistant", "home-state-query")}


def test_a_state_becomes_a_residential_event(home: HomeAssistant) -> None:
    state = _state(home, "light.ceiling_lights")
    event = event_from_state(state)
    assert (event.source, event.kind, event.layer) == ("home_assistant", "state", Layer.RESIDENTIAL)
    assert event.start_ms == state.updated_ms
    assert event.text == f"Ceiling Lights {state.state}"
    assert set(event.payload) == {"entity", "state", "friendly_name", "attributes"}
    assert event.id == event_from_state(_state(home, "light.ceiling_lights")).id
    assert record_from_body(event.body()) == event


def test_a_tapped_light_goes_on_and_is_seen_as_our_own_doing(
    home: HomeAssistant, watch: Watch, rows: list[LedgerRow]
) -> None:
    result = home.act(HomeAction("light.bed_light", "turn_on", {"brightness": 77}), confirmed=True)
    assert (result.before.state, result.action_class) == ("off", ActionClass.A)
    assert result.after is not None
    assert (result.after.state, result.after.attributes["brightness"]) == ("on", 77)
    seen = watch.until(lambda state: state.entity_id == "light.bed_light" and state.state == "on")
    assert seen.own
    assert seen.context_id == result.context_id
    assert "home-action" in {row.data_class for row in rows}
    undone = home.undo(result, confirmed=True)
    assert undone.after is not None
    assert undone.after.state == "off"
    assert watch.until(lambda state: state.entity_id == "light.bed_light" and state.state == "off").own


def test_what_others_do_is_not_our_own(home_assistant: HomeAssistantServer, egress: Egress, watch: Watch) -> None:
    other = HomeAssistant(home_assistant.url, home_assistant.token, egress, Clock())
    result = other.act(HomeAction("switch.decorative_lights", "turn_off"), confirmed=True)
    seen = watch.until(lambda state: state.entity_id == "switch.decorative_lights" and state.state == "off")
    assert (seen.own, seen.context_id) == (False, result.context_id)
    other.undo(result, confirmed=True)


def test_nothing_is_done_without_the_tap(home: HomeAssistant) -> None:
    before = _state(home, "light.kitchen_lights")
    with pytest.raises(Refused) as caught:
        home.act(HomeAction("light.kitchen_lights", "turn_off"), confirmed=False)
    assert caught.value.code == "home-action-not-confirmed"
    assert _state(home, "light.kitchen_lights") == before


@pytest.mark.parametrize(
    ("entity_id", "service"),
    [
        ("lock.front_door", "unlock"),
        ("lock.kitchen_door", "lock"),
        ("lock.openable_lock", "open"),
        ("cover.garage_door", "open_cover"),
        ("alarm_control_panel.security", "alarm_disarm"),
    ],
)
@pytest.mark.parametrize("confirmed", [True, False])
def test_locks_and_garage_are_refused_tap_or_not(
    home: HomeAssistant, rows: list[LedgerRow], entity_id: str, service: str, confirmed: bool
) -> None:
    before = _state(home, entity_id)
    with pytest.raises(Refused) as caught:
        home.act(HomeAction(entity_id, service), confirmed)
    assert caught.value.code == "home-action-class-c"
    assert _state(home, entity_id) == before
    assert {row.data_class for row in rows} == {"home-state-query"}


def test_an_entity_that_is_not_there_is_refused(home: HomeAssistant) -> None:
    with pytest.raises(Refused) as caught:
        home.act(HomeAction("light.nowhere", "turn_on"), confirmed=True)
    assert caught.value.code == "home-entity-unknown"


def test_home_assistants_own_refusal_is_told(home: HomeAssistant) -> None:
    with pytest.raises(Refused) as caught:
        home.act(HomeAction("climate.hvac", "set_hvac_mode", {"hvac_mode": "sauna"}), confirmed=True)
    assert caught.value.code == "home-command-failed"


@pytest.mark.parametrize(
    ("action", "attribute", "value"),
    [
        (HomeAction("media_player.walkman", "volume_set", {"volume_level": 0.25}), "volume_level", 0.25),
        (HomeAction("climate.hvac", "set_temperature", {"temperature": 19}), "temperature", 19),
        (HomeAction("fan.living_room_fan", "set_percentage", {"percentage": 33}), "percentage", 33),
    ],
)
def test_actions_are_done_and_undone(home: HomeAssistant, action: HomeAction, attribute: str, value: float) -> None:
    result = home.act(action, confirmed=True)
    assert result.after is not None
    assert result.after.attributes[attribute] == value
    undone = home.undo(result, confirmed=True)
    assert undone.after is not None
    assert undone.after.state == result.before.state
    assert undone.after.attributes[attribute] in (result.before.attributes[attribute], 0)  # a fan that is off says 0


def test_a_blind_moves_and_comes_back(home: HomeAssistant, watch: Watch) -> None:
    def at(position: int) -> Callable[[EntityState], bool]:
        return lambda state: (
            state.entity_id == "cover.living_room_window" and state.attributes["current_position"] == position
        )

    watch.until(at(70))
    result = home.act(HomeAction("cover.living_room_window", "set_cover_position", {"position": 60}), confirmed=True)
    watch.until(at(60))  # the demo blind takes its time
    home.undo(result, confirmed=True)
    watch.until(at(70))


@pytest.mark.parametrize("value", [14.9, 26.1, -300, 1e9, True, "warm", None])
def test_temperatures_have_limits(home: HomeAssistant, value: object) -> None:
    with pytest.raises(Refused) as caught:
        home.act(HomeAction("climate.hvac", "set_temperature", {"temperature": value}), confirmed=True)
    assert caught.value.code == "home-action-limit"


def test_too_many_actions_an_hour_must_wait_and_undo_need_not(home: HomeAssistant, clock: Clock) -> None:
    action = HomeAction("switch.ac", "turn_off")
    for _ in range(RATE_PER_HOUR[ActionClass.B]):
        result = home.act(action, confirmed=True)
    with pytest.raises(RetryLater) as caught:
        home.act(action, confirmed=True)
    assert caught.value.code == "home-action-rate"
    home.undo(result, confirmed=True)
    home.act(HomeAction("light.kitchen_lights", "turn_on"), confirmed=True)  # another class has its own limit
    clock.now_ms += HOUR_MS
    home.act(action, confirmed=True)


def test_an_action_is_done_also_when_its_effect_cannot_be_seen(home_assistant: HomeAssistantServer) -> None:
    """Were it called not done, a plug would stay off."""
    seen: list[str] = []

    def keep(row: LedgerRow) -> None:
        if "home-action" in seen and row.data_class == "home-state-query":
            seen.clear()
            raise NeedsPerson("disk-full", "No row can be written.")
        seen.append(row.data_class)

    egress = Egress(keep, Clock())
    home = HomeAssistant(home_assistant.url, home_assistant.token, egress, Clock())
    result = home.act(HomeAction("switch.decorative_lights", "turn_off"), confirmed=True)
    assert result.after is None and result.undo is not None and not seen
    assert _state(home, "switch.decorative_lights").state == "off"
    home.undo(result, confirmed=True)
    egress.close()


def test_what_happened_while_away_is_given_at_the_start(home: HomeAssistant, watch: Watch) -> None:
    home.act(HomeAction("light.ceiling_lights", "turn_on", {"brightness": 200}), confirmed=True)
    late = Watch(home)
    state = late.until(lambda state: state.entity_id == "light.ceiling_lights")
    assert state.attributes["brightness"] == 200
    late.subscription.stop()


def test_a_state_that_could_not_be_kept_comes_again(home: HomeAssistant) -> None:
    given: queue.Queue[EntityState] = queue.Queue()
    tries: list[int] = []

    def keep(state: EntityState) -> None:
        if state.entity_id == "lock.front_door":
            tries.append(1)
            if len(tries) == 1:
                raise RetryLater("journal-write-failed", "disk full")
            given.put(state)

    subscription = home.subscribe(keep)
    assert given.get(timeout=_WAIT_S).entity_id == "lock.front_door"
    subscription.stop()


def test_a_wrong_token_needs_the_person(home_assistant: HomeAssistantServer, egress: Egress) -> None:
    home = HomeAssistant(home_assistant.url, "wrong", egress, Clock(), retry_s=(0.1,))
    with pytest.raises(NeedsPerson) as caught:
        home.states()
    assert caught.value.code == "home-token-refused"
    links: queue.Queue[tuple[bool, str]] = queue.Queue()
    subscription = home.subscribe(lambda state: None, lambda up, why: links.put((up, why)))
    up, why = links.get(timeout=_WAIT_S)
    assert (up, subscription.connected) == (False, False)
    assert "token" in why
    subscription.stop()
    assert links.empty()


def test_something_else_at_the_address_is_a_wrong_setting(egress: Egress) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>a printer</html>")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        home = HomeAssistant(f"http://127.0.0.1:{server.server_port}", "token", egress, Clock())
        with pytest.raises(ConfigError) as caught:
            home.states()
        server.shutdown()
        thread.join()
    assert caught.value.code == "home-not-home-assistant"


def test_an_outage_is_noted_once_and_the_states_come_back(
    home_assistant: HomeAssistantServer, home: HomeAssistant, watch: Watch, rows: list[LedgerRow]
) -> None:
    watch.until(lambda state: state.entity_id == "light.bed_light")
    home_assistant.kill()
    up, why = watch.links.get(timeout=_WAIT_S)
    assert not up
    assert why == watch.subscription.problem
    with pytest.raises(RetryLater):
        home.states()
    attempts = len(rows)
    while len(rows) < attempts + 3:  # several attempts to reconnect, none of them noted
        threading.Event().wait(0.05)
    assert watch.links.empty()
    home_assistant.start()
    assert watch.links.get(timeout=_WAIT_S) == (True, "")
    assert watch.subscription.connected
    result = home.act(HomeAction("light.bed_light", "turn_on"), confirmed=True)
    assert watch.until(lambda state: state.context_id == result.context_id).own
    home.undo(result, confirmed=True)
    assert watch.links.empty()
