"""A websocket session with Home Assistant: sign in, commands with results, events."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping

import orjson

from hearthside.egress import Egress, Purpose, WebSocket
from hearthside.errors import ConfigError, NeedsPerson, Refused, RetryLater
from hearthside.events import Json

ANSWER_S = 10.0  # a home that needs longer for one command is as good as gone


class Session:
    """An authenticated websocket session with Home Assistant."""

    def __init__(self, egress: Egress, url: str, token: str) -> None:
        address = re.sub(r"^http", "ws", url) + "/api/websocket"
        self._events: deque[Json] = deque()
        self._last_id = 0
        self._socket: WebSocket = egress.open_websocket(
            Purpose.HOME_ASSISTANT, address, data_class="home-connect", timeout_s=ANSWER_S
        )
        try:
            self._authenticate(token)
        except BaseException:
            self.close()
            raise

    def _authenticate(self, token: str) -> None:
        if self._receive(ANSWER_S).get("type") != "auth_required":
            raise not_home_assistant()
        self._send({"type": "auth", "access_token": token}, "home-token")
        answer = self._receive(ANSWER_S).get("type")
        if answer == "auth_invalid":
            raise token_refused()
        if answer != "auth_ok":
            raise not_home_assistant()

    def call(self, command: Mapping[str, Json], data_class: str) -> Json:
        """Send a command and return its result; events that arrive meanwhile are kept for `next_event`."""
        self._last_id += 1
        self._send({"id": self._last_id, **command}, data_class)
        while True:
            message = self._receive(ANSWER_S)
            if message.get("type") == "result" and message.get("id") == self._last_id:
                break
            self._events.append(message)
        if not message.get("success"):
            code = (message.get("error") or {}).get("code", "unknown")
            raise Refused(
                "home-command-failed",
                f"Home Assistant did not do it ({code}). Look at the device there, then try again.",
            )
        return message.get("result")

    def next_event(self) -> dict[str, Json]:
        """The next event; waits for it."""
        while True:
            message = self._events.popleft() if self._events else self._receive(None)
            if message.get("type") == "event" and isinstance(message.get("event"), dict):
                return dict(message["event"])

    def close(self) -> None:
        """Close the connection; a thread waiting in `next_event` gets RetryLater."""
        self._socket.close()

    def _send(self, message: Mapping[str, Json], data_class: str) -> None:
        self._socket.send(orjson.dumps(message).decode(), data_class)

    def _receive(self, timeout_s: float | None) -> dict[str, Json]:
        text = self._socket.receive(timeout_s)
        if text is None:
            raise RetryLater("home-no-answer", f"Home Assistant did not answer within {ANSWER_S:g} s. Try again later.")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise not_home_assistant() from error
        if not isinstance(message, dict):
            raise not_home_assistant()
        return message


def token_refused() -> NeedsPerson:
    return NeedsPerson(
        "home-token-refused",
        "Home Assistant refuses the token. Nothing was changed. Make a new long-lived token on your Home Assistant "
        "profile page and put it in the token file.",
    )


def not_home_assistant() -> ConfigError:
    return ConfigError(
        "home-not-home-assistant",
        "What answers at home_assistant_url is not Home Assistant. Nothing was changed; correct the address.",
    )
