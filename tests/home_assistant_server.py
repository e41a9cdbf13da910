"""A real Home Assistant with its demo home on a free loopback port, for the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.sync.client import connect

_VENV = Path(__file__).resolve().parents[1] / ".cache" / "home-assistant" / "venv"
_START_LIMIT_S = 120  # 2 s on an idle machine
_CLIENT_ID = "http://127.0.0.1/"
# `demo` brings lights, locks, covers and the rest; one of its covers is declared a blind here.
_CONFIGURATION = """\
homeassistant:
  name: Test home
  unit_system: metric
  customize:
    cover.living_room_window:
      device_class: blind
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
websocket_api:
auth:
onboarding:
demo:
logger:
  default: warning
"""


@dataclass
class HomeAssistantServer:
    """One Home Assistant: start it, kill it, start it again with the same token and address.

    Attributes:
        url: its address.
        token: a long-lived token of its owner.
        more: lines added to its configuration.
        environment: added to that of its process.
    """

    folder: Path
    port: int
    token: str = ""
    more: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until its demo home is there."""
        (self.folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=self.port) + self.more)
        with (self.folder / "start.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_VENV / "bin" / "hass", "--config", self.folder, "--skip-pip"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONWARNINGS": "ignore", **self.environment},
            )
        self._wait_for("/api/onboarding")
        if not self.token:
            self.token = _long_lived_token(self.url)
            self._wait_until_kept("hearthside")
        self._wait_for("/api/states/light.kitchen_lights")

    def kill(self) -> None:
        """End it the hard way, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait_until_kept(self, client_name: str) -> None:
        """Home Assistant writes tokens to disk a moment later; a kill before that would lose it."""
        deadline = time.monotonic() + _START_LIMIT_S
        while client_name not in (self.folder / ".storage" / "auth").read_text():
            if time.monotonic() > deadline:
                raise RuntimeError("Home Assistant did not keep the token")
            time.sleep(0.1)

    def _wait_for(self, path: str) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            try:
                if httpx.get(self.url + path, headers=headers, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        log = (self.folder / "start.log").read_text(errors="replace")[-4000:]
        raise RuntimeError(f"Home Assistant did not answer {path}. Its log ends:\n{log}")


def start_home_assistant(
    folder: Path, more: str = "", environment: dict[str, str] | None = None
) -> HomeAssistantServer:
    """A running Home Assistant; without its environment the test skips, or fails with HEARTHSIDE_NEED_DATA=1."""
    if not (_VENV / "bin" / "hass").exists():
        message = f"no Home Assistant at {_VENV}; `make .cache/home-assistant/ready` installs it"
        if os.environ.get("HEARTHSIDE_NEED_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    server = HomeAssistantServer(folder, _free_port(), more=more, environment=environment or {})
    try:
        server.start()
    except BaseException:
        server.kill()
        raise
    return server


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _long_lived_token(url: str) -> str:
    """What a person does on the first visit: make the owner, sign in, ask for a token."""
    owner = {"name": "Owner", "username": "owner", "password": "test", "client_id": _CLIENT_ID, "language": "en"}
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        code = client.post("/api/onboarding/users", json=owner).raise_for_status().json()["auth_code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": _CLIENT_ID}
        access = client.post("/auth/token", data=grant).raise_for_status().json()["access_token"]
    with connect(url.replace("http", "ws", 1) + "/api/websocket", proxy=None) as channel:
        channel.recv()
        channel.send(orjson.dumps({"type": "auth", "access_token": access}).decode())
        channel.recv()
        request = {"id": 1, "type": "auth/long_lived_access_token", "client_name": "hearthside", "lifespan": 1}
        channel.send(orjson.dumps(request).decode())
        return str(orjson.loads(channel.recv())["result"])
