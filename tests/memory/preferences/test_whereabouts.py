"""Places and meals are counted from visits and episodes, home apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.events import HOUR_MS, MINUTE_MS, Event, Layer, Origin, Trust
from tests.memory.known_lives import at, known_life

HOME, CAFE = (52.09, 5.12), (52.11, 5.15)
DAYS = 6


def fixes() -> list[Event]:
    """Six days: at home, but from ten to twelve at the café; a fix every ten minutes."""
    found = []
    for day in range(DAYS):
        for ms in range(0, 24 * HOUR_MS, 10 * MINUTE_MS):
            lat, lon = CAFE if 10 * HOUR_MS <= ms < 12 * HOUR_MS else HOME
            payload = {"lat": lat, "lon": lon, "accuracy_m": 10}
            found.append(
                Event(
                    "owntracks", "position", Layer.ENVIRONMENTAL, at(day, ms), Origin.DEVICE, Trust.OWN, payload,
                    clock="device:phone",
                )
            )  # fmt: skip
    return found


def test_hours_at_each_place_but_home(tmp_path: Path) -> None:
    with known_life(tmp_path, DAYS + 1) as life:
        life.take(*fixes())
        assert [place.role for place in life.vault.stream.places()] == ["home", ""]
        tally = life.knowing.tallies()["place"]
        assert len(tally.names) == 1
        assert len(tally) == DAYS
        assert tally.weight.mean() == pytest.approx(2.0, abs=0.25)
        assert len(life.vault.journal.get(tally.evidence)) == DAYS


def test_meals_with_a_name(tmp_path: Path) -> None:
    with known_life(tmp_path, 5) as life:
        for day, text in enumerate(["eating breakfast", "eating breakfast", "eating"]):
            start = at(day, 8 * HOUR_MS)
            life.take(
                Event(
                    "test", "activity", Layer.BEHAVIOURAL, start, Origin.SELF, Trust.OWN, {}, clock="test",
                    end_ms=start + 20 * MINUTE_MS, text=text,
                )
            )  # fmt: skip
        tally = life.knowing.tallies()["meal"]
        assert (tally.names, tally.weight.tolist()) == (["breakfast"], [1.0, 1.0])
