"""The client of one Home Assistant: all states, live states, and confirmed actions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import quote

import orjson

from hearthside.egress import Egress, Purpose
from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater
from hearthside.events import HOUR_MS, Json
from hearthside.home.actions import (
    RATE_PER_HOUR,
    TEMPERATURE_LIMITS_C,
    ActionClass,
    ActionResult,
    HomeAction,
    action_class,
    check_entity_id,
    undo_of,
)
from hearthside.home.session import ANSWER_S, Session, not_home_assistant, token_refused
from hearthside.home.states import EntityState, read_state
from hearthside.home.subscription import Subscription

RETRY_S: Sequence[float] = (1, 2, 5, 15, 60)  # waits between attempts to reconnect; the last one repeats
_OWN_CONTEXTS_KEPT = 1000


class HomeAssistant:
    """One Home Assistant. Safe to use from many threads.

    Args:
        url: ``http://host:8123``.
        token: a long-lived access token.
        egress: the door out; every call has its ledger row.
        clock: UTC milliseconds.
        retry_s: waits between attempts to reconnect, seconds.
    """

    def __init__(
        self, url: str, token: str, egress: Egress, clock: Callable[[], int], retry_s: Sequence[float] = RETRY_S
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._egress = egress
        self._clock = clock
        self._retry_s = retry_s
        self._lock = threading.Lock()
        self._acting = threading.Lock()  # held from sending an action until its context id is known
        self._own: deque[str] = deque(maxlen=_OWN_CONTEXTS_KEPT)
        self._done: dict[ActionClass, deque[int]] = {ActionClass.A: deque(), ActionClass.B: deque()}

    # -- states in ---------------------------------------------------------------------------------------------------

    def states(self) -> list[EntityState]:
        """All entities as they are now.

        Raises:
            RetryLater: Home Assistant cannot be reached.
            NeedsPerson: it refuses the token.
            ConfigError: the address is wrong, or something else answers there.
        """
        return [self._state(row) for row in self._get("/api/states")]

    def subscribe(
        self, on_state: Callable[[EntityState], None], on_link: Callable[[bool, str], None] | None = None
    ) -> Subscription:
        """Follow all states in a thread of its own, until `stop()`.

        Args:
            on_state: called for every entity after each (re)connection with what changed since, then for every change.
                When it raises RetryLater the connection is made anew and the entity's state is given again.
            on_link: called with (False, why) once when Home Assistant is lost and (True, "") once when it is there.
        """
        subscription = Subscription(
            self._open_session, self._observe, on_state, on_link or (lambda up, why: None), self._retry_s
        )
        subscription.start()
        return subscription

    def _open_session(self) -> Session:
        return Session(self._egress, self._url, self._token)

    def _observe(self, row: Json) -> EntityState:
        # An effect can arrive before the answer that names its context: wait for an action under way.
        with self._acting:
            return self._state(row)

    # -- actions out -------------------------------------------------------------------------------------------------

    def act(self, action: HomeAction, confirmed: bool) -> ActionResult:
        """Do one action.

        Args:
            confirmed: the person tapped on exactly this action.

        Raises:
            Refused: class C, unknown, out of limits, without the tap, or Home Assistant itself refuses.
            RetryLater: too many actions this hour, or Home Assistant cannot be reached; nothing was done.
            NeedsPerson: Home Assistant refuses the token.
        """
        return self._perform(action, confirmed, is_undo=False)

    def undo(self, result: ActionResult, confirmed: bool) -> ActionResult:
        """Bring back the state before an action; the same checks, but it does not count against the rate limit.

        Raises:
            Refused: there is nothing to go back to; and what `act` raises.
        """
        if result.undo is None:
            raise Refused(
                "home-undo-unknown", f"How {result.before.friendly_name} was before is not known well enough."
            )
        return self._perform(result.undo, confirmed, is_undo=True)

    def _perform(self, action: HomeAction, confirmed: bool, is_undo: bool) -> ActionResult:
        before = self._entity(action.entity_id)
        grade = action_class(action, before)
        if grade is ActionClass.C:
            raise Refused(
                "home-action-class-c",
                f"{before.friendly_name} is a lock, door, alarm or the like. Hearthside never acts on those. "
                "Nothing was changed; use its own app or key.",
            )
        if not confirmed:
            raise Refused(
                "home-action-not-confirmed",
                f"Nothing is done to {before.friendly_name} without your tap. Nothing was changed.",
            )
        if not is_undo:  # going back to what the person had needs no limit
            self._check_temperatures(action)
            self._count(grade)
        context_id = self._call_service(action)
        try:
            after = self._entity(action.entity_id)
        except HearthsideError:  # it was done; only its effect was not seen
            after = None
        return ActionResult(action, grade, self._clock(), context_id, before, after, undo_of(action, before))

    def _call_service(self, action: HomeAction) -> str:
        """Call it and return the context id."""
        command = {
            "type": "call_service",
            "domain": action.entity_id.partition(".")[0],
            "service": action.service,
            "service_data": dict(action.data),
            "target": {"entity_id": action.entity_id},
        }
        with self._acting:
            session = self._open_session()
            try:
                context_id = str(session.call(command, "home-action")["context"]["id"])
            except RetryLater as error:
                raise RetryLater(
                    "home-action-unsure",
                    f"Home Assistant was lost while acting on {action.entity_id}; whether it was done is not known. "
                    "Look at the device; doing it again does no harm.",
                ) from error
            finally:
                session.close()
            with self._lock:
                self._own.append(context_id)
        return context_id

    def _count(self, grade: ActionClass) -> None:
        now = self._clock()
        with self._lock:
            done = self._done[grade]
            while done and done[0] <= now - HOUR_MS:
                done.popleft()
            if len(done) >= RATE_PER_HOUR[grade]:
                minutes = -(-(done[0] + HOUR_MS - now) // 60_000)
                raise RetryLater(
                    "home-action-rate",
                    f"{len(done)} such actions were done within the hour, which is the limit. "
                    f"Nothing was changed; it can be tried again in {minutes} min.",
                )
            done.append(now)

    def _check_temperatures(self, action: HomeAction) -> None:
        if action.service != "set_temperature":
            return
        fahrenheit = self._get("/api/config")["unit_system"]["temperature"] == "°F"
        low, high = TEMPERATURE_LIMITS_C
        for value in action.data.values():
            celsius = (value - 32) / 1.8 if fahrenheit and isinstance(value, int | float) else value
            if isinstance(celsius, bool) or not isinstance(celsius, int | float) or not low <= celsius <= high:
                raise Refused(
                    "home-action-limit",
                    f"Hearthside sets temperatures from {low:g} to {high:g} °C only. Nothing was changed.",
                )

    # -- REST --------------------------------------------------------------------------------------------------------

    def _entity(self, entity_id: str) -> EntityState:
        check_entity_id(entity_id)
        row = self._get(f"/api/states/{quote(entity_id)}", missing_ok=True)
        if row is None:
            raise Refused("home-entity-unknown", f"Home Assistant knows no “{entity_id}”. Nothing was changed.")
        return self._state(row)

    def _get(self, path: str, missing_ok: bool = False) -> Json:
        try:
            answer = self._egress.request(
                Purpose.HOME_ASSISTANT,
                "GET",
                self._url + path,
                headers={"Authorization": f"Bearer {self._token}"},
                data_class="home-state-query",
                timeout_s=ANSWER_S,
            )
        except NeedsPerson as error:
            raise token_refused() from error
        if answer.status_code == 404 and missing_ok:
            return None
        if answer.status_code != 200:
            raise RetryLater(
                "home-not-ready",
                f"Home Assistant answers HTTP {answer.status_code}; it may still be starting. Try later.",
            )
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise not_home_assistant() from error

    def _state(self, row: Json) -> EntityState:
        with self._lock:
            return read_state(row, self._own)
