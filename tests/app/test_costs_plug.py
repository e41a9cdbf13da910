"""The plug of a real Home Assistant: its sensor's states reach the costs, as they come and as it goes."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from hearthside.app.station import open_house
from hearthside.events import Event, Json
from tests.app.helpers import settings_in
from tests.app.test_costs import spent
from tests.home_assistant_server import HomeAssistantServer

pytestmark = pytest.mark.home_assistant

_SENSOR = "sensor.model_plug_power"
_WAIT_S = 30.0


def _says(server: HomeAssistantServer, state: str) -> None:
    """The sensor's integration tells this."""
    body: dict[str, Json] = {"state": state, "attributes": {"unit_of_measurement": "W", "device_class": "power"}}
    headers = {"Authorization": f"Bearer {server.token}"}
    address = f"{server.url}/api/states/{_SENSOR}"
    httpx.post(address, json=body, headers=headers, trust_env=False).raise_for_status()


def test_a_plugs_power_becomes_an_answers_energy(home_assistant: HomeAssistantServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(home_assistant.token)
    settings = settings_in(tmp_path).model_copy(
        update={
            "home_assistant_url": home_assistant.url,
            "home_assistant_token_file": tmp_path / "token",
            "power_sensor": _SENSOR,
        }
    )
    _says(home_assistant, "80")
    house = open_house(settings, with_compute=False, with_home=True)

    def cost(seconds: float) -> tuple[float | None, str]:
        """What a completion that has just ended is said to have taken."""
        house.costs.take(spent(joules=None, seconds=seconds))
        item = max(house.rooms.journal.read(kinds=["cost"]), key=lambda stored: stored.seq)
        assert isinstance(item.record, Event)
        return item.record.payload["joules"], item.record.payload["meter"]

    def cost_when(known: bool) -> tuple[float | None, str]:
        deadline = time.monotonic() + _WAIT_S
        while ((found := cost(0.01))[0] is not None) != known:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    try:
        joules, meter = cost_when(known=True)
        assert joules == pytest.approx(80 * 0.01) and meter.startswith(_SENSOR)
        _says(home_assistant, "unavailable")
        assert "says nothing" in cost_when(known=False)[1]
        _says(home_assistant, "120.5")
        assert cost_when(known=True)[0] == pytest.approx(1.205, abs=0.001)
        assert "says nothing" in cost(3600)[1]  # longer than anybody told
    finally:
        house.close()
