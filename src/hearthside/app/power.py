"""Power cycles of silent compute nodes: off and on again by the switch that the person chose, rarely, on the record.

A machine whose memory is full can freeze whole, with no process left that could help itself; what helps is its plug.
The person's choice of a switch for a node is the consent; `judge` alone says whether it is used. A cycle is journalled
before the power goes off, so that a station that ends in the middle of one switches it on again when it is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from hearthside.errors import HearthsideError, Refused
from hearthside.events import HOUR_MS, MINUTE_MS, Event, Json, Layer, Origin, Trust, local_datetime
from hearthside.home import ActionClass, ActionResult, EntityState, HomeAction, HomeAssistant, action_class
from hearthside.journal import Journal
from hearthside.logs import logger

SOURCE, KIND = "station", "power_cycle"
SILENCE_MS = 2 * MINUTE_MS
MOST_A_DAY = 3
WAITS_MS = (10 * MINUTE_MS, 30 * MINUTE_MS, 4 * HOUR_MS)
"""Waits after the last cycle, by how many there were within `_LATELY_MS`; the last one repeats."""

OFF_S = 10.0  # power supplies keep a machine alive for a second or two
_LATELY_MS = 24 * HOUR_MS
_CONFIRM_S: Sequence[float] = (0.5, 1, 2, 4, 8)  # between questions whether the switch is where it was put
_BACK_S: Sequence[float] = (1, 2, 5, 10, 20)  # between attempts to switch it on again
_AGAIN_S = 60.0  # after something failed, before it is tried again
_SETTLED_S = (
    60.0  # after an order to switch off that was not confirmed: by then the radio has carried it out, or dropped it
)
_JOIN_S = 30.0
_READ = 200  # rows of the journal looked back over: three cycles a day for a month
_LOG = logger("power")

# Home Assistant says these before it is told to do anything; after any other error the power may be off.
_BEFORE = frozenset({"home-action-rate", "home-action-class-c"})

DONE, UNCONFIRMED, NOT_DONE, LEFT = "done", "unconfirmed", "not_done", "left"


class Watched(Protocol):
    """A paired node, as far as its power matters; see `hearthside.web.nodes_views.NodeRow`."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def since_ms(self) -> int: ...
    @property
    def plug(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Cycle:
    """One power cycle.

    Attributes:
        id: of the journal record that begins it.
        day: the person's local day when it began, ISO.
        local: the person's local time when it began, ISO.
        outcome: ``done``, ``unconfirmed`` (switched, and Home Assistant did not confirm that it was off), ``not_done``
            (nothing was switched), ``left`` (begun, and the person took the plug away before it was on again), or ""
            while it is not ended.
        why: of what was not done, one sentence.
    """

    id: str
    node: str
    entity: str
    at_ms: int
    day: str
    local: str
    outcome: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to act now, and in one sentence why or why not; "" where there is nothing to say."""

    act: bool
    reason: str


def judge(
    node: Watched,
    beside: Iterable[Watched],
    silent_ms: int,
    past: Iterable[Cycle],
    now_ms: int,
    today: str,
    awake: bool = False,
    beside_awake: Collection[str] = (),
) -> Verdict:
    """Whether a node's power is to be cycled now.

    Args:
        beside: other nodes on the same plug.
        silent_ms: how long it has been silent, milliseconds.
        past: cycles of this node or of its plug.
        today: the person's local day, ISO.
        awake: its silence proves nothing: its machine answers, only not as a node, or nobody is reached from here.
        beside_awake: ids of those beside it of which the same is true.
    """
    if not node.plug or node.phase != "down":
        return Verdict(False, "")
    if awake:
        return Verdict(
            False,
            "Its machine is awake, or the network of this one is gone, so its plug is left alone. "
            "Start `hearthside compute` there.",
        )
    if silent_ms < SILENCE_MS:
        return Verdict(False, f"Its plug is switched off and on when it stays silent for {_minutes(SILENCE_MS)}.")
    for one in beside:
        if one.phase != "down" or one.id in beside_awake:
            state = "which is not silent" if one.phase != "down" else "whose machine is awake"
            return Verdict(False, f"Its plug powers {one.name} too, {state}, so it is left alone.")
    counted = [cycle for cycle in past if cycle.outcome != NOT_DONE]
    if sum(cycle.day == today for cycle in counted) >= MOST_A_DAY:
        return Verdict(False, f"It was switched off and on {MOST_A_DAY} times today, which is the limit. Look at it.")
    last = max((cycle.at_ms for cycle in past), default=None)
    if last is not None:
        lately = sum(now_ms - cycle.at_ms < _LATELY_MS for cycle in past)
        wait = WAITS_MS[min(max(lately, 1), len(WAITS_MS)) - 1]
        if now_ms - last < wait:
            return Verdict(False, f"After a power cycle it gets {_minutes(wait)} to come back.")
    return Verdict(True, f"It has been silent for {_minutes(silent_ms)}.")


def _minutes(ms: int) -> str:
    """A length of time in plain words, whole units downwards."""
    count, unit = (ms // HOUR_MS, "hour") if ms >= HOUR_MS else (ms // MINUTE_MS, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def plugs_of(states: Iterable[EntityState]) -> list[tuple[str, str]]:
    """Switches that may be chosen as a plug: entity and name, by name."""
    usable = [state for state in states if state.domain == "switch" and not _trouble(state)]
    return sorted(((s.entity_id, s.friendly_name) for s in usable), key=lambda one: (one[1].casefold(), one[0]))


def check_plug(states: Iterable[EntityState], entity: str) -> None:
    """Refuse what may not be a node's plug.

    Raises:
        Refused: Home Assistant knows no such switch, it is a group, or its name says oven, garage or the like.
    """
    state = next((one for one in states if one.entity_id == entity), None)
    trouble = "Home Assistant knows no such switch." if state is None else _trouble(state)
    if trouble:
        raise Refused("plug-not-usable", f"{entity} cannot be the plug of a node. {trouble} Nothing was changed.")


def _trouble(state: EntityState) -> str:
    """Why a switch cannot be a plug; "" when it can."""
    if state.domain != "switch":
        return "It is no switch."
    try:
        grade = action_class(HomeAction(state.entity_id, "turn_off"), state)
    except Refused as error:
        return error.message
    return "" if grade is ActionClass.B else "Hearthside never switches ovens, locks, garages and the like."


class _Silence:
    """How long nodes have been silent by a clock that never jumps; a wall clock set right at the start would lie."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def look(self, silent: Iterable[str], at_s: float) -> None:
        """These nodes give no sign at this moment."""
        self._since = {node: self._since.get(node, at_s) for node in silent}

    def of(self, node: Watched, at_s: float, now_ms: int) -> int:
        """Milliseconds, by the clock that says less."""
        return min(now_ms - node.since_ms, round(1000 * (at_s - self._since.get(node.id, at_s))))


class PowerDesk:
    """Watches over the power of paired nodes. `look` returns at once; a cycle runs in a thread of its own.

    Args:
        home: gives the Home Assistant client, or None while none is set up.
        nodes: gives the paired nodes as they are now; asks nothing of the network.
        local_now: the present in UTC milliseconds, and the person's UTC offset in minutes.
        awake: tells of a node that is down whether its silence proves nothing; see `NodeLink.awake`.
        monotonic_s: seconds that never go back.
        off_s: how long the power stays off.
        pause: waits for so many seconds; None waits until the desk is closed at most.
    """

    def __init__(
        self,
        journal: Journal,
        home: Callable[[], HomeAssistant | None],
        nodes: Callable[[], Sequence[Watched]],
        local_now: Callable[[], tuple[int, int]],
        *,
        awake: Callable[[str], bool] = lambda node: False,
        monotonic_s: Callable[[], float] = time.monotonic,
        off_s: float = OFF_S,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._journal, self._home, self._nodes, self._local_now = journal, home, nodes, local_now
        self._awake, self._monotonic_s, self._off_s = awake, monotonic_s, off_s
        self._stopped = threading.Event()
        self._looking = threading.RLock()  # held while a look decides, so that none begins anything after `close`
        self._pause = pause or self._stopped.wait
        self._silence = _Silence()
        self._worker: threading.Thread | None = None
        self._cycles: dict[str, Cycle] | None = None  # by id, the oldest first; None before the journal was read
        self._not_before_s: dict[str, float] = {}
        self._begun_s: dict[str, float] = {}  # of the cycles of this life of the station, by a clock that never jumps
        self._reasons: dict[str, str] = {}

    # -- what the house asks -----------------------------------------------------------------------------------------

    def look(self) -> None:
        """See whether a plug must be switched, and begin; called every few seconds."""
        with self._looking:
            if self._stopped.is_set() or (self._worker is not None and self._worker.is_alive()):
                return
            try:
                task = self._next_task(list(self._nodes()))
            except HearthsideError as error:
                _LOG.warning("power: %s", error.code)
                return
            if task is not None and not self._stopped.is_set():
                self._worker = threading.Thread(target=self._run, args=(task,), name="power", daemon=True)
                self._worker.start()

    def words(self, node_id: str) -> str:
        """The last power cycle of a node in words, and why there is none now; "" where there is nothing to say."""
        last = next((c for c in reversed((self._cycles or {}).values()) if c.node == node_id), None)
        told = [_cycle_words(last)] if last is not None else []
        return " ".join([*told, self._reasons.get(node_id, "")]).strip()

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until the cycle under way has ended, if there is one."""
        if self._worker is not None:
            self._worker.join(timeout_s)

    def close(self) -> None:
        """End. What is switched off is switched on first; call it before the journal and the egress are closed."""
        with self._looking:
            self._stopped.set()
        self.wait(_JOIN_S)

    # -- deciding ----------------------------------------------------------------------------------------------------

    def _next_task(self, nodes: Sequence[Watched]) -> Callable[[], None] | None:
        at_s = self._monotonic_s()
        self._silence.look([node.id for node in nodes if node.phase == "down" and not self._awake(node.id)], at_s)
        if self._cycles is None:
            self._cycles = _read(self._journal)
        unfinished = [cycle for cycle in self._cycles.values() if not cycle.outcome]
        for cycle in unfinished:
            if at_s >= self._not_before_s.setdefault(cycle.id, at_s + self._unsettled_s(cycle)):
                return lambda: self._finish(cycle)
        due = [node for node in nodes if self._due(node, nodes, at_s)]
        return (lambda: self._begin(due[0])) if due and not unfinished else None

    def _unsettled_s(self, cycle: Cycle) -> float:
        """How long to wait for what an earlier station ordered; its clock and this one's may differ."""
        passed_s = (self._local_now()[0] - cycle.at_ms) / 1000
        return min(max(_SETTLED_S - passed_s, 0.0), _SETTLED_S)

    def _due(self, node: Watched, nodes: Sequence[Watched], at_s: float) -> bool:
        now_ms, offset_min = self._local_now()
        silent_ms = self._silence.of(node, at_s, now_ms)
        if self._cycles is None or at_s < self._not_before_s.get(node.id, at_s):
            return False
        past = [
            self._by_steady_clock(cycle, at_s, now_ms, offset_min)
            for cycle in self._cycles.values()
            if node.id == cycle.node or node.plug == cycle.entity
        ]
        beside = [one for one in nodes if one.plug == node.plug and one.id != node.id]
        beside_awake = [one.id for one in beside if self._awake(one.id)]
        today = _day(now_ms, offset_min)
        verdict = judge(node, beside, silent_ms, past, now_ms, today, self._awake(node.id), beside_awake)
        self._reasons[node.id] = "" if verdict.act else verdict.reason
        return verdict.act

    def _by_steady_clock(self, cycle: Cycle, at_s: float, now_ms: int, offset_min: int) -> Cycle:
        """As long ago as it is by the clock that never jumps: one set forward must not lift waits and limits."""
        begun_s = self._begun_s.get(cycle.id)
        if begun_s is None:
            return cycle
        passed_ms = round(1000 * (at_s - begun_s))
        is_its_day = _day(cycle.at_ms + passed_ms, offset_min) == cycle.day
        day = _day(now_ms, offset_min) if is_its_day else cycle.day
        return replace(cycle, at_ms=now_ms - passed_ms, day=day)

    # -- acting ------------------------------------------------------------------------------------------------------

    def _run(self, task: Callable[[], None]) -> None:
        try:
            task()
        except HearthsideError as error:
            _LOG.warning("power: %s", error.code)
        except Exception as error:  # noqa: BLE001 - one bad cycle must not end the watch for good
            _LOG.error("power: %s", type(error).__name__)

    def _begin(self, node: Watched) -> None:
        """Switch off, wait, switch on; or note why not."""
        self._not_before_s[node.id] = self._monotonic_s() + _AGAIN_S
        home = self._home()
        trouble = "No Home Assistant is set up." if home is None else self._plug_trouble(home, node.plug)
        if home is None or trouble:
            self._reasons[node.id] = f"Its plug cannot be switched off and on: {trouble}"
            return
        on_it = [one for one in self._nodes() if one.plug == node.plug]
        silent = [one.id for one in on_it if one.phase == "down" and not self._awake(one.id)]
        if node.id not in silent or len(silent) < len(on_it) or self._stopped.is_set():
            return  # one answered, or was removed, while Home Assistant was asked
        cycle = self._journal_begin(node)
        off = self._off(home, cycle)
        if off is None:
            return
        gone = self._is(home, node.plug, "off")
        if gone:
            self._pause(self._off_s)
        for pause_s in _BACK_S:
            if self._on(home, node.plug, off):
                if gone:
                    self._end(cycle, DONE)
                return  # where it was not seen to go off, `_finish` switches it on once more, when it has settled
            self._pause(pause_s)

    def _plug_trouble(self, home: HomeAssistant, entity: str) -> str:
        """Why a plug cannot be used at this moment; "" when it can."""
        try:
            states = home.states()
            check_plug(states, entity)
        except HearthsideError as error:
            return error.message
        state = next(one.state for one in states if one.entity_id == entity)
        if state == "off":
            return "it is off already. Somebody wanted that, so it stays off."
        return "" if state == "on" else f"Home Assistant says that it is {state}."

    def _off(self, home: HomeAssistant, cycle: Cycle) -> ActionResult | None:
        """Switch off; None where nothing was switched, which is then journalled, or nobody knows: see `_finish`."""
        action = HomeAction(cycle.entity, "turn_off")
        try:
            return home.act(action, confirmed=True)  # the person chose this switch for this purpose
        except HearthsideError as error:
            if error.code in _BEFORE:
                self._end(cycle, NOT_DONE, error.message)
        return None

    def _on(self, home: HomeAssistant, entity: str, off: ActionResult | None) -> bool:
        """Switch on; whether Home Assistant says that it is. Going back is under no limit of actions an hour."""
        try:
            if off is not None:
                home.undo(off, confirmed=True)
            else:
                home.act(HomeAction(entity, "turn_on"), confirmed=True)
        except HearthsideError as error:
            _LOG.warning("power: not on again yet: %s", error.code)
            return False
        return self._is(home, entity, "on")

    def _is(self, home: HomeAssistant, entity: str, wanted: str) -> bool:
        """Whether Home Assistant confirms a state of a switch before its time is up."""
        for pause_s in (*_CONFIRM_S, 0.0):
            try:
                if any(one.entity_id == entity and one.state == wanted for one in home.states()):
                    return True
            except HearthsideError as error:
                _LOG.warning("power: not confirmed: %s", error.code)
            if pause_s:
                self._pause(pause_s)
        return False

    def _finish(self, cycle: Cycle) -> None:
        """Bring back the power that an earlier moment, or an earlier station, may have switched off.

        What the switch says of itself is not believed here: the order to go off may be on its way yet.
        """
        home = self._home()
        self._not_before_s[cycle.id] = self._monotonic_s() + _AGAIN_S
        if not any(node.id == cycle.node and node.plug == cycle.entity for node in self._nodes()):
            self._end(cycle, LEFT)
        elif home is not None and self._on(home, cycle.entity, None):
            self._end(cycle, UNCONFIRMED)

    # -- the record --------------------------------------------------------------------------------------------------

    def _journal_begin(self, node: Watched) -> Cycle:
        now_ms, offset_min = self._local_now()
        local = local_datetime(now_ms, offset_min)
        payload: dict[str, Json] = {
            "node": node.id, "name": node.name, "entity": node.plug, "state": "begun",
            "day": local.date().isoformat(), "local": f"{local:%Y-%m-%dT%H:%M}",
        }  # fmt: skip
        event = _event(now_ms, payload)
        self._journal.append([event])
        _LOG.warning("power: a silent node is switched off and on")
        cycle = _begun(event)
        self._begun_s[cycle.id] = self._monotonic_s()
        self._not_before_s[cycle.id] = self._begun_s[cycle.id] + _SETTLED_S
        return self._keep(cycle)

    def _end(self, cycle: Cycle, outcome: str, why: str = "") -> None:
        """Journal how it ended; where the journal refuses, it counts as not ended."""
        payload: dict[str, Json] = {"cycle": cycle.id, "node": cycle.node, "entity": cycle.entity, "state": outcome}
        if why:
            payload["why"] = why
        self._journal.append([_event(self._local_now()[0], payload)])
        self._keep(replace(cycle, outcome=outcome, why=why))

    def _keep(self, cycle: Cycle) -> Cycle:
        self._cycles = {**(self._cycles or {}), cycle.id: cycle}  # another thread may read the former one
        return cycle


def _event(at_ms: int, payload: dict[str, Json]) -> Event:
    return Event(SOURCE, KIND, Layer.RESIDENTIAL, at_ms, Origin.DEVICE, Trust.OWN, payload, clock="station")


def _day(ms: int, offset_min: int) -> str:
    return local_datetime(ms, offset_min).date().isoformat()


def _begun(event: Event) -> Cycle:
    p = event.payload
    return Cycle(event.id.hex(), p["node"], p["entity"], event.start_ms, p["day"], p["local"])


def _read(journal: Journal) -> dict[str, Cycle]:
    """Power cycles in the journal by id, the oldest first."""
    rows = list(journal.read(kinds=[KIND], sources=[SOURCE], newest_first=True, limit=_READ))
    found: dict[str, Cycle] = {}
    for item in sorted(rows, key=lambda one: one.seq):
        event = item.record
        if isinstance(event, Event) and event.payload["state"] == "begun":
            found[item.id.hex()] = _begun(event)
        elif isinstance(event, Event) and (begun := found.get(event.payload["cycle"])) is not None:
            outcome, why = event.payload["state"], event.payload.get("why", "")
            found[begun.id] = replace(begun, outcome=outcome, why=why)
    return found


def _cycle_words(cycle: Cycle) -> str:
    moment = datetime.fromisoformat(cycle.local)
    when = f"{moment:%a} {moment.day} {moment:%b %Y}, {moment:%H:%M}"
    return {
        DONE: f"Switched off and on: {when}; Home Assistant confirmed both.",
        UNCONFIRMED: f"Switched off and on: {when}; it is on, and that it was off was not confirmed.",
        NOT_DONE: f"To be switched off and on: {when}; nothing was switched. {cycle.why}",
        LEFT: f"Switched off: {when}; the plug was taken away before it was on again. Look whether it has power.",
    }.get(cycle.outcome, f"Being switched off and on since {when}.")
