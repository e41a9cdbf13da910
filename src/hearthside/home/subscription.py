"""Following the home live, in a thread that comes back by itself after an outage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from hearthside.errors import HearthsideError, RetryLater
from hearthside.events import Json
from hearthside.home.session import Session
from hearthside.home.states import EntityState
from hearthside.logs import logger

_log = logger("home")


class Subscription:
    """A thread that follows Home Assistant's states and comes back by itself; made by `HomeAssistant.subscribe`.

    Attributes:
        connected: whether states arrive at this moment.
        problem: why not, in plain words; empty when connected. After NeedsPerson or ConfigError it does not try again.
    """

    def __init__(
        self,
        open_session: Callable[[], Session],
        observe: Callable[[Json], EntityState],
        on_state: Callable[[EntityState], None],
        on_link: Callable[[bool, str], None],
        retry_s: Sequence[float],
    ) -> None:
        self.connected = False
        self.problem = ""
        self._open_session = open_session
        self._observe = observe
        self._on_state = on_state
        self._on_link = on_link
        self._retry_s = retry_s
        self._seen: dict[str, EntityState] = {}
        self._told: bool | None = None  # the last thing told about the link
        self._failures = 0
        self._session: Session | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="home-states", daemon=True)

    def start(self) -> None:
        """Begin; called once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and return when it has ended."""
        self._stopped.set()
        if session := self._session:
            session.close()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    self._follow()
                except RetryLater as error:
                    self._lost(error)
                self._stopped.wait(self._retry_s[min(self._failures, len(self._retry_s)) - 1])
        except HearthsideError as error:  # only the person can settle it
            self._lost(error)
        finally:
            self.connected = False

    def _follow(self) -> None:
        session = self._session = self._open_session()
        try:
            session.call({"type": "subscribe_events", "event_type": "state_changed"}, "home-state-query")
            rows: Iterable[Json] = session.call({"type": "get_states"}, "home-state-query")
            self._found()
            for state in sorted(map(self._observe, rows), key=lambda state: state.updated_ms):
                self._give(state)
            while not self._stopped.is_set():
                new = session.next_event().get("data", {}).get("new_state")
                if new is not None:  # None: the entity was removed
                    self._give(self._observe(new))
        finally:
            session.close()

    def _give(self, state: EntityState) -> None:
        seen = self._seen.get(state.entity_id)
        if seen is not None and (seen == state or state.updated_ms < seen.updated_ms):
            return
        self._on_state(state)
        self._seen[state.entity_id] = state

    def _found(self) -> None:
        self.connected, self.problem, self._failures = True, "", 0
        self._tell(True, "")

    def _lost(self, error: HearthsideError) -> None:
        self._failures += 1
        self.connected = False
        if not self._stopped.is_set():
            self.problem = error.message
            self._tell(False, error.message)

    def _tell(self, up: bool, why: str) -> None:
        """An outage is noted once and its end once, however many attempts lie between."""
        if up is not self._told:
            self._told = up
            _log.warning("Home Assistant is %s", "there" if up else "lost")
            self._on_link(up, why)
