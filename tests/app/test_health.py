"""The health page's sources: named as everywhere, and as fresh as they say themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.events import DAY_MS, Event, Layer, Origin, Precision, Trust, day_start_ms
from tests.app.helpers import house_in

_DAY = "2026-05-03"


def _event(source: str, start_ms: int, precision: Precision) -> Event:
    return Event(
        source, "note", Layer.BEHAVIOURAL, start_ms, Origin.DEVICE, Trust.OWN, {"source": source}, "device:test",
        precision=precision,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("last_ms", "precision", "words"),
    [
        (day_start_ms(_DAY), Precision.DAY, _DAY),
        (day_start_ms(_DAY), Precision.INSTANT, f"{_DAY} 00:00"),
        (day_start_ms(_DAY) + 5_400_000, Precision.INSTANT, f"{_DAY} 01:30"),
    ],
)
def test_what_knows_only_its_day_shows_no_time_of_day(
    tmp_path: Path, last_ms: int, precision: Precision, words: str
) -> None:
    with house_in(tmp_path) as house:
        house.rooms.journal.append([
            _event("oura_readiness", last_ms, precision), _event("oura_readiness", last_ms - DAY_MS, Precision.DAY),
            _event("heart_strap", last_ms, Precision.INSTANT),
        ])  # fmt: skip
        house.keep_in_step()
        shown = {one.title: one.last_event_local for one in house.health().sources}
    assert shown["Oura readiness"] == words
    assert len(shown["Heart strap"]) == len("2026-05-03 00:00")
