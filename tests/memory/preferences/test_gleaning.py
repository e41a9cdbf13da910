"""What is counted from each kind of event, and that nothing of an AI is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hearthside.events import DAY_MS, HOUR_MS, Event, Json, Layer, Origin, Precision, Trust
from hearthside.memory.preferences.gleaning import COUNTED, TITLES, UNITS
from tests.memory.known_lives import at, known_life, played, said, trained


def event(
    kind: str, payload: Mapping[str, Json], text: str = "", origin: Origin = Origin.DEVICE, **more: Json
) -> Event:
    return Event(
        "test", kind, Layer.BEHAVIOURAL, more.pop("start_ms", at(3)), origin, Trust.OWN, payload, clock="test",
        text=text, **more,
    )  # fmt: skip


CASES = [
    (played(3, "Nina Simone"), {"artist": {"Nina Simone": 1}, "song": {"Nina Simone – x": 1}}),
    (event("podcast", {}, "Cortex – 12: Paper"), {"podcast": {"Cortex": 1}}),
    (event("watch", {"subtitles": [{"name": "Slow Hands"}]}, "A bowl"), {"channel": {"Slow Hands": 1}}),
    (event("page_visit", {"url": "https://www.example.org/a?b"}, "A page"), {"site": {"example.org": 1}}),
    (event("search", {}, "How to centre Clay", Origin.SELF), {"search": {"how to centre clay": 1}}),
    (event("dwell", {"target": "menu"}, "menu", end_ms=at(3) + 4000), {"dwelt": {"menu": 4}}),
    (event("caption", {"objects": ["cup", "cup", "lamp"]}, "A cup"), {"seen": {"cup": 2, "lamp": 1}}),
    (event("app_use", {"app": "Mail"}, "Mail – inbox", end_ms=at(3) + HOUR_MS), {"app": {"Mail": 3600}}),
    (
        event("app_time_day", {"kind": "top-overview", "items": [["Email", 60], ["Video", 0]]}, "Email",
              start_ms=at(3, 0), precision=Precision.DAY),
        {"category": {"Email": 60}},
    ),
    (
        event("coding_time_day", {"languages": [["Python", 9.5]]}, start_ms=at(3, 0), precision=Precision.DAY),
        {"language": {"Python": 9.5}},
    ),
    (trained(3, "climbing"), {"sport": {"climbing": 1}}),
    (event("purchase", {"merchant": "Book shop"}, "Book shop"), {"purchase": {"Book shop": 1}}),
    (said(3, "hello there"), {"writes_with": {"Ida": 1}}),
    (event("post", {}, "Das ist nicht so einfach", Origin.SELF), {"writes_in": {"German": 1}}),
    (
        event("utterance", {"speaker": "Mira", "is_self": False}, "hello", Origin.PERSON, end_ms=at(3) + 900),
        {"talks_with": {"Mira": 1}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "counted"), CASES, ids=[record.kind for record, _ in CASES])
def test_what_is_counted(tmp_path: Path, record: Event, counted: dict[str, dict[str, float]]) -> None:
    with known_life(tmp_path) as life:
        life.take(record)
        found = life.knowing.tallies()
        assert {
            kind: dict(zip(tally.names, tally.weight.tolist(), strict=True)) for kind, tally in found.items()
        } == counted
        assert all(tally.evidence[0] in life.vault.journal.get([record.id]) for tally in found.values())
        assert {day for tally in found.values() for day in tally.day.tolist()} == {at(3) // DAY_MS}


def test_every_kind_has_a_case() -> None:
    assert {record.kind for record, _ in CASES} == {counted.life_kind for counted in COUNTED}
    assert TITLES.keys() == UNITS.keys()


def test_what_an_ai_wrote_counts_for_nothing(tmp_path: Path) -> None:
    with known_life(tmp_path) as life:
        life.take(said(3, "I love olives", origin=Origin.AI), said(3, "I love figs", origin=Origin.AI_EDITED))
        assert life.knowing.tallies() == {}
        assert life.knowing.facts() == []
