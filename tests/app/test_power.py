"""Power cycles: when one is due (for any history), and what a real Home Assistant's switch sees of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.app.power import (
    DONE,
    LEFT,
    MOST_A_DAY,
    NOT_DONE,
    SILENCE_MS,
    UNCONFIRMED,
    WAITS_MS,
    Cycle,
    PowerDesk,
    check_plug,
    judge,
    plugs_of,
)
from hearthside.egress import Egress, LedgerRow
from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Trust, iso_day
from hearthside.home import EntityState, HomeAction, HomeAssistant
from hearthside.home.actions import RATE_PER_HOUR, ActionClass, ActionResult
from hearthside.journal import Journal
from tests.home_assistant_server import HomeAssistantServer

NOW_MS = 1_800_000_000_000
PLUG = "switch.decorative_lights"
_WAIT_S = 60.0


@dataclass(frozen=True)
class Node:
    """A paired node, as far as its power matters."""

    phase: str = "down"
    plug: str = PLUG
    id: str = "00aa"
    name: str = "Study"
    since_ms: int = NOW_MS - HOUR_MS


# -- the decision ----------------------------------------------------------------------------------------------------


def cycle(at_ms: int, outcome: str = DONE) -> Cycle:
    return Cycle(f"{at_ms:x}", "00aa", PLUG, at_ms, iso_day(at_ms // DAY_MS), "", outcome)


def judged(node: Node, silent_ms: int, past: list[Cycle], now_ms: int, *beside: Node) -> bool:
    return judge(node, beside, silent_ms, past, now_ms, iso_day(now_ms // DAY_MS)).act


steps = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 20 * MINUTE_MS), st.integers(0, 2 * DAY_MS)),
        st.sampled_from(["down", "down", "down", "ready", "starting", "revoked"]),
        st.sampled_from([PLUG, PLUG, PLUG, ""]),
        st.sampled_from([DONE, UNCONFIRMED, NOT_DONE, ""]),
    ),
    max_size=60,
)


@given(steps)
def test_whatever_happens_power_is_cut_rarely_and_only_where_it_may_be(
    history: list[tuple[int, str, str, str]],
) -> None:
    now, silent_ms, past = NOW_MS, 0, list[Cycle]()
    for passed, phase, plug, outcome in history:
        now += passed
        silent_ms = silent_ms + passed if phase == "down" else 0
        if not judged(Node(phase, plug), silent_ms, past, now):
            continue
        assert phase == "down" and plug and silent_ms >= SILENCE_MS
        assert not past or now - past[-1].at_ms >= WAITS_MS[0]
        past.append(cycle(now, outcome))
        silent_ms = 0
    switched = [one.day for one in past if one.outcome != NOT_DONE]
    assert all(switched.count(day) <= MOST_A_DAY for day in switched)
    for first, fourth in zip(past, past[3:], strict=False):
        assert fourth.at_ms - first.at_ms >= sum(WAITS_MS[:2])


@given(st.integers(0, 3), st.integers(0, DAY_MS), st.integers(SILENCE_MS, DAY_MS))
def test_waits_grow_with_the_cycles_of_a_day(count: int, passed: int, silent_ms: int) -> None:
    noon = NOW_MS // DAY_MS * DAY_MS + DAY_MS // 2
    past = [cycle(noon - HOUR_MS * one) for one in range(count)]
    acts = judged(Node(), silent_ms, past, noon + passed)
    if not count:
        assert acts
    elif passed < WAITS_MS[count - 1]:
        assert not acts
    elif count < MOST_A_DAY:
        assert acts


def test_a_fourth_cycle_waits_for_the_next_day_and_its_time() -> None:
    midnight = (NOW_MS // DAY_MS + 1) * DAY_MS
    past = [cycle(midnight - 3 * HOUR_MS), cycle(midnight - 2 * HOUR_MS), cycle(midnight - HOUR_MS)]
    assert not judged(Node(), HOUR_MS, past, midnight - 1)
    assert not judged(Node(), HOUR_MS, past, midnight + 2 * HOUR_MS)  # a new day, but three were done just before it
    assert judged(Node(), HOUR_MS, past, midnight + 3 * HOUR_MS)
    assert "3 times today" in judge(Node(), [], HOUR_MS, past, midnight - 1, iso_day(midnight // DAY_MS - 1)).reason


def test_what_was_not_switched_does_not_count_but_is_waited_after() -> None:
    noon = NOW_MS // DAY_MS * DAY_MS + DAY_MS // 2
    past = [cycle(noon - one * MINUTE_MS, NOT_DONE) for one in range(5)]
    assert not judged(Node(), HOUR_MS, past, noon + MINUTE_MS)
    assert judged(Node(), HOUR_MS, past, noon + WAITS_MS[-1])


@pytest.mark.parametrize("phase", ["ready", "starting"])
def test_a_plug_that_powers_another_node_is_left_alone_while_that_one_is_there(phase: str) -> None:
    other = Node(phase, id="00bb", name="Cellar")
    assert not judged(Node(), HOUR_MS, [], NOW_MS, other)
    assert "Cellar" in judge(Node(), [other], HOUR_MS, [], NOW_MS, "2027-01-15").reason
    assert judged(Node(), HOUR_MS, [], NOW_MS, replace(other, phase="down"))


def test_a_plug_that_powers_a_machine_that_is_awake_is_left_alone(bench: Bench) -> None:
    bench.client = plug = SlowPlug()
    bench.nodes = [Node(), Node(id="00bb", name="Cellar")]
    bench.awake = frozenset({"00bb"})  # its service was ended there
    bench.look()
    assert bench.rows() == [] and plug.orders == []
    assert "powers Cellar too, whose machine is awake" in bench.desk.words("00aa")
    bench.awake = frozenset()
    bench.look()
    assert bench.states() == ["begun", DONE]


def test_only_plain_single_switches_may_be_plugs() -> None:
    def state(entity: str, **attributes: Json) -> EntityState:
        return EntityState(entity, "on", attributes, 0, "")

    states = [
        state("switch.shelf"), state("switch.box", friendly_name="Attic box"), state("light.desk"), state("lock.front"),
        state("switch.oven"), state("switch.all", entity_id=["switch.oven"]), state("switch.p", friendly_name="Garage"),
    ]  # fmt: skip
    assert plugs_of(states) == [("switch.box", "Attic box"), ("switch.shelf", "shelf")]
    check_plug(states, "switch.shelf")
    for entity in ("light.desk", "switch.oven", "switch.all", "switch.p", "switch.nowhere", ""):
        with pytest.raises(Refused) as caught:
            check_plug(states, entity)
        assert caught.value.code == "plug-not-usable" and "Nothing was changed" in caught.value.message


# -- the desk --------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A desk over a real journal, with clocks that stand until they are set."""

    folder: Path
    client: HomeAssistant | None = None
    nodes: list[Node] = field(default_factory=lambda: [Node()])
    now_ms: int = NOW_MS
    at_s: float = 0.0
    pauses: list[float] = field(default_factory=list)
    awake: frozenset[str] = frozenset()
    on_pause: Callable[[float], None] = lambda seconds: None

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder / "vault", bytes(32), lambda: self.now_ms)
        self.desk = self.opened()

    def opened(self) -> PowerDesk:
        """A desk as a station makes it at its start."""
        return PowerDesk(
            self.journal, lambda: self.client, lambda: self.nodes, lambda: (self.now_ms, 60),
            awake=lambda node: node in self.awake, monotonic_s=lambda: self.at_s, pause=self._pause,
        )  # fmt: skip

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now_ms, self.at_s = self.now_ms + round(1000 * seconds), self.at_s + seconds

    def look(self, *, silent_s: float = 130.0) -> None:
        """See twice that a node is silent, so long apart, and wait for what follows."""
        self.desk.look()
        self.desk.wait()
        self.pass_time(silent_s)
        self.desk.look()
        self.desk.wait()

    def rows(self) -> list[dict[str, Json]]:
        found = sorted(self.journal.read(kinds=["power_cycle"]), key=lambda one: one.seq)
        return [dict(item.record.payload) for item in found if isinstance(item.record, Event)]

    def states(self) -> list[str]:
        return [str(row["state"]) for row in self.rows()]


class SlowPlug(HomeAssistant):
    """A plug whose radio is slow, which no Home Assistant that can be had without hardware does.

    Attributes:
        loses: what the order to switch off ends with; None: nothing.
        obeys: whether that order is carried out at once.
    """

    def __init__(self, *, loses: HearthsideError | None = None, obeys: bool = True) -> None:
        self.loses, self.obeys = loses, obeys
        self.now, self.orders = "on", list[str]()
        self.on_asked: Callable[[], None] = lambda: None

    def states(self) -> list[EntityState]:
        self.on_asked()
        return [EntityState(PLUG, self.now, {}, 0, "")]

    def act(self, action: HomeAction, confirmed: bool) -> ActionResult:
        before = self.states()[0]
        self.orders.append(action.service)
        if action.service == "turn_on" or self.obeys:
            self.now = action.service.removeprefix("turn_")
        if action.service == "turn_off" and self.loses is not None:
            raise self.loses
        return ActionResult(action, ActionClass.B, 0, "", before, None, HomeAction(PLUG, "turn_on"))

    def undo(self, result: ActionResult, confirmed: bool) -> ActionResult:
        assert result.undo is not None
        return self.act(result.undo, confirmed)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.desk.close()
    made.journal.close()


def test_without_a_home_nothing_is_switched_and_it_is_said(bench: Bench) -> None:
    bench.look()
    assert bench.rows() == [] and "No Home Assistant is set up" in bench.desk.words("00aa")
    bench.nodes = [Node(plug="")]
    bench.look()
    assert bench.desk.words("00aa") == ""


def test_a_home_that_is_away_is_asked_again_after_a_minute(
    bench: Bench, egress: Egress, ledger: list[LedgerRow]
) -> None:
    bench.client = HomeAssistant("http://127.0.0.1:9", "token", egress, lambda: bench.now_ms)
    bench.look()
    asked = len(ledger)
    assert asked and bench.rows() == [] and "cannot be switched" in bench.desk.words("00aa")
    bench.look(silent_s=30)
    assert len(ledger) == asked
    bench.look(silent_s=31)
    assert len(ledger) > asked


def test_a_clock_that_was_set_right_makes_no_silence(bench: Bench) -> None:
    bench.nodes = [Node(since_ms=NOW_MS - 40 * DAY_MS)]
    bench.look(silent_s=110)
    assert "stays silent for 2 minutes" in bench.desk.words("00aa")
    bench.nodes = [Node("ready")]
    bench.look(silent_s=5)
    bench.nodes = [Node()]
    bench.look(silent_s=110)  # silence begins anew after an answer
    assert "stays silent" in bench.desk.words("00aa")
    bench.look(silent_s=10)
    assert "No Home Assistant" in bench.desk.words("00aa")


def test_a_machine_that_is_awake_without_its_node_is_left_alone(bench: Bench) -> None:
    bench.awake = frozenset({"00aa"})
    bench.look()
    bench.look()
    assert "awake" in bench.desk.words("00aa")
    bench.awake = frozenset()  # it was shut down, or has frozen now: only from here on it is silent
    bench.look(silent_s=110)
    assert "stays silent" in bench.desk.words("00aa")
    bench.look(silent_s=10)
    assert "No Home Assistant" in bench.desk.words("00aa")


@pytest.mark.parametrize(
    "loses", [RetryLater("home-action-unsure", "lost"), Refused("home-command-failed", "timeout"), None], ids=str
)
@pytest.mark.parametrize("obeys", [False, True])
def test_power_that_goes_off_late_is_brought_back_a_minute_later(
    bench: Bench, loses: HearthsideError | None, obeys: bool
) -> None:
    bench.client = plug = SlowPlug(loses=loses, obeys=obeys)
    bench.look()
    if loses is None and obeys:
        assert bench.states() == ["begun", DONE] and plug.now == "on"
        return
    bench.look(silent_s=2)
    assert bench.states() == ["begun"]  # whether the switch is where it says is not known before it has settled
    plug.now = "off"  # its radio does it now
    bench.look(silent_s=60)
    assert bench.states() == ["begun", UNCONFIRMED] and (plug.now, plug.orders[-1]) == ("on", "turn_on")


def test_a_look_that_is_under_way_when_it_is_closed_begins_nothing(bench: Bench) -> None:
    bench.client = plug = SlowPlug()
    looker = threading.current_thread()

    def seen() -> list[Node]:
        if bench.at_s and threading.current_thread() is looker:
            desk.close()
        return [Node()]

    desk = PowerDesk(
        bench.journal, lambda: plug, seen, lambda: (bench.now_ms, 60), monotonic_s=lambda: bench.at_s,
        pause=bench._pause,
    )  # fmt: skip
    desk.look()
    bench.pass_time(130)
    desk.look()
    desk.wait(_WAIT_S)
    assert bench.rows() == [] and plug.orders == []


def test_a_worker_that_asks_home_assistant_when_it_is_closed_begins_nothing(bench: Bench) -> None:
    bench.client = plug = SlowPlug()
    closing = threading.Thread(target=bench.desk.close)

    def close() -> None:
        closing.start()
        bench.desk._stopped.wait(_WAIT_S)

    plug.on_asked = close
    bench.look()
    closing.join()
    assert bench.rows() == [] and plug.orders == []


def test_a_clock_that_is_set_forward_lifts_no_wait_and_no_limit(bench: Bench) -> None:
    bench.client = SlowPlug()
    bench.look()
    for _ in range(5):
        bench.now_ms += 2 * DAY_MS
        bench.look(silent_s=61)
    assert bench.states() == ["begun", DONE] and "gets 10 minutes" in bench.desk.words("00aa")
    bench.now_ms = NOW_MS + 20 * DAY_MS
    bench.look(silent_s=WAITS_MS[0] / 1000)
    bench.now_ms += 2 * DAY_MS
    bench.look(silent_s=WAITS_MS[1] / 1000)
    assert bench.states() == ["begun", DONE] * 3
    bench.now_ms += 2 * DAY_MS
    bench.look(silent_s=WAITS_MS[2] / 1000)  # still the same day by the clock that never jumps
    assert bench.states() == ["begun", DONE] * 3 and "the limit" in bench.desk.words("00aa")


@pytest.fixture
def ledger() -> list[LedgerRow]:
    return []


@pytest.fixture
def egress(ledger: list[LedgerRow]) -> Iterator[Egress]:
    door = Egress(ledger.append, lambda: NOW_MS)
    yield door
    door.close()


@pytest.fixture
def home(home_assistant: HomeAssistantServer, egress: Egress, bench: Bench) -> Iterator[HomeAssistant]:
    """The client that the desk uses; the switch is on before and after."""
    client = HomeAssistant(home_assistant.url, home_assistant.token, egress, lambda: bench.now_ms)
    bench.client = client
    switch(client, "on")
    yield client
    bench.now_ms += HOUR_MS  # a test may have used up the actions of an hour
    switch(client, "on")


def switch(client: HomeAssistant, wanted: str) -> None:
    """What the person does at the wall."""
    client.act(HomeAction(PLUG, f"turn_{wanted}"), confirmed=True)


def state(client: HomeAssistant) -> str:
    return next(one.state for one in client.states() if one.entity_id == PLUG)


@pytest.mark.home_assistant
def test_a_silent_node_is_switched_off_and_on_and_the_journal_remembers(
    bench: Bench, home: HomeAssistant, ledger: list[LedgerRow]
) -> None:
    seen: list[str] = []
    bench.on_pause = lambda seconds: seen.append(state(home)) if seconds == 10 else None
    bench.look(silent_s=119)
    assert bench.rows() == []
    bench.look(silent_s=1)
    assert seen == ["off"] and state(home) == "on"
    begun, ended = bench.rows()
    assert (begun["node"], begun["entity"], begun["state"], ended["state"]) == ("00aa", PLUG, "begun", DONE)
    assert "home-action" in {
        row.data_class for row in ledger
    } and "Fri 15 Jan 2027, 09:02; Home Assistant confirmed both" in bench.desk.words("00aa")
    for desk in (bench.desk, bench.opened()):  # a station that was started again knows of it
        bench.desk = desk
        bench.look(silent_s=125)
        assert len(bench.rows()) == 2 and "gets 10 minutes to come back" in desk.words("00aa")
    bench.look(silent_s=WAITS_MS[0] / 1000)
    bench.look(silent_s=WAITS_MS[1] / 1000)
    assert bench.states() == ["begun", DONE] * 3
    bench.look(silent_s=WAITS_MS[1] / 1000)
    assert len(bench.rows()) == 6 and "the limit" in bench.opened().words("00aa") + bench.desk.words("00aa")


@pytest.mark.home_assistant
def test_a_node_that_answers_meanwhile_and_a_plug_that_is_off_are_left_alone(bench: Bench, home: HomeAssistant) -> None:
    switch(home, "off")
    bench.look()
    assert bench.rows() == [] and "it is off already" in bench.desk.words("00aa") and state(home) == "off"
    switch(home, "on")
    silent = Node()
    looks = iter([[silent], [silent], [replace(silent, phase="ready")]])
    desk = PowerDesk(
        bench.journal, lambda: home, lambda: next(looks), lambda: (bench.now_ms, 60), monotonic_s=lambda: bench.at_s
    )
    desk.look()
    bench.pass_time(130)
    desk.look()
    desk.wait(_WAIT_S)
    assert bench.rows() == [] and state(home) == "on"


@pytest.mark.home_assistant
def test_what_a_station_left_off_is_switched_on_when_it_is_back(bench: Bench, home: HomeAssistant) -> None:
    begun: dict[str, Json] = {
        "node": "00aa", "name": "Study", "entity": PLUG, "state": "begun",
        "day": "2027-01-15", "local": "2027-01-15T09:00",
    }  # fmt: skip
    for plug, outcome, wanted in ((PLUG, UNCONFIRMED, "on"), ("", LEFT, "off")):
        event = Event(
            "station", "power_cycle", Layer.RESIDENTIAL, bench.now_ms, Origin.DEVICE, Trust.OWN, begun, clock="station"
        )
        bench.journal.append([event])
        switch(home, "off")
        bench.nodes = [Node("ready", plug)]
        bench.desk = bench.opened()
        bench.look(silent_s=61)
        assert (bench.states()[-1], state(home)) == (outcome, wanted)
        bench.pass_time(1)
    assert "Look whether it has power" in bench.desk.words("00aa")


@pytest.mark.home_assistant
def test_a_home_that_has_no_action_left_this_hour_says_so(bench: Bench, home: HomeAssistant) -> None:
    for _ in range(RATE_PER_HOUR[ActionClass.B] - 1):
        switch(home, "on")
    bench.look()
    assert bench.states() == ["begun", NOT_DONE] and state(home) == "on"
    assert "nothing was switched" in bench.desk.words("00aa") and "12 such actions" in bench.desk.words("00aa")


@pytest.mark.home_assistant
def test_a_home_that_is_lost_in_the_middle_switches_on_when_it_is_back(
    bench: Bench, home: HomeAssistant, home_assistant: HomeAssistantServer
) -> None:
    bench.on_pause = lambda seconds: home_assistant.kill() if seconds == 10 else None
    bench.look()
    assert bench.states() == ["begun"] and "Being switched off and on" in bench.desk.words("00aa")
    home_assistant.start()  # as after a power cut: its demo switch is on again by itself
    bench.on_pause = lambda seconds: None
    bench.look(silent_s=61)
    assert bench.states() == ["begun", UNCONFIRMED] and state(home) == "on"


@pytest.mark.home_assistant
def test_closing_in_the_middle_switches_on_first(bench: Bench, home: HomeAssistant) -> None:
    desk = PowerDesk(
        bench.journal, lambda: home, lambda: bench.nodes, lambda: (bench.now_ms, 60), monotonic_s=lambda: bench.at_s,
        off_s=600,
    )  # fmt: skip
    desk.look()
    bench.pass_time(130)
    desk.look()
    while state(home) != "off":
        pass
    desk.close()
    assert state(home) == "on" and bench.states() == ["begun", DONE]
