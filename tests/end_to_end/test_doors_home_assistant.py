"""A real Home Assistant 2024.3.3 lists Hearthside as a conversation agent, and asks it what somebody asks the house.

Its integration for OpenAI's API has no field for an address, but the library beneath it takes one from the environment
(`OPENAI_BASE_URL`), so it speaks to a running station. Of that version the agent has no tools yet; the requests of
later ones (Assist's tools, streaming) are replayed in `test_doors`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.end_to_end.doors_station import QUESTION, DoorStation, door_station
from tests.home_assistant_server import HomeAssistantServer, start_home_assistant

pytestmark = pytest.mark.home_assistant


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorStation]:
    with door_station(tmp_path_factory.mktemp("station")) as running:
        yield running


@pytest.fixture(scope="module")
def home(station: DoorStation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistantServer]:
    """A Home Assistant of its own, since what it is told of the world differs from the shared one's."""
    address = {"OPENAI_BASE_URL": f"{station.base}/v1"}
    server = start_home_assistant(tmp_path_factory.mktemp("home"), "config:\nconversation:\n", address)
    yield server
    server.kill()


@contextmanager
def spoken_to(home: HomeAssistantServer) -> Iterator[ClientConnection]:
    """The owner's websocket, as the app on a phone opens it."""
    with connect(home.url.replace("http", "ws", 1) + "/api/websocket", proxy=None) as channel:
        channel.recv(30)
        channel.send(orjson.dumps({"type": "auth", "access_token": home.token}).decode())
        assert orjson.loads(channel.recv(30))["type"] == "auth_ok"
        yield channel


def told(channel: ClientConnection, number: int, **request: Any) -> Any:
    """The result of one command."""
    channel.send(orjson.dumps({"id": number, **request}).decode())
    answer = orjson.loads(channel.recv(60))
    assert answer["success"], answer
    return answer["result"]


def set_up_agent(home: HomeAssistantServer, token: str) -> str:
    """What a person does in the settings: add the integration with a token as its key, and choose the model."""
    headers = {"Authorization": f"Bearer {home.token}"}
    with httpx.Client(base_url=f"{home.url}/api/config/config_entries", headers=headers, trust_env=False) as client:
        flow = client.post("/flow", json={"handler": "openai_conversation"}, timeout=60).raise_for_status().json()
        made = client.post(f"/flow/{flow['flow_id']}", json={"api_key": token}, timeout=60).raise_for_status().json()
        assert made["type"] == "create_entry", made
        entry = str(made["result"]["entry_id"])
        options = client.post("/options/flow", json={"handler": entry}, timeout=60).raise_for_status().json()
        client.post(f"/options/flow/{options['flow_id']}", json={"chat_model": "hearthside"}).raise_for_status()
    return entry


def test_it_is_listed_asked_and_asked_again(station: DoorStation, home: HomeAssistantServer) -> None:
    agent = set_up_agent(home, station.tokens["chat"])
    with spoken_to(home) as channel:
        listed = told(channel, 1, type="conversation/agent/list", language="en")["agents"]
        assert agent in [one["id"] for one in listed]
        said = told(channel, 2, type="conversation/process", text=QUESTION, language="en", agent_id=agent)
        assert "Radiohead – Nude" in said["response"]["speech"]["plain"]["speech"]
        again = told(
            channel, 3, type="conversation/process", text="How often did I listen to Radiohead?", language="en",
            agent_id=agent, conversation_id=said["conversation_id"],
        )  # fmt: skip
        assert "3" in again["response"]["speech"]["plain"]["speech"]
