"""The health page: sources named as everywhere and as fresh as they say themselves, and the nightly audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearthside.app.health import health_view
from hearthside.events import DAY_MS, Event, Json, Layer, Origin, Precision, Trust, day_start_ms
from hearthside.night.cycle import StepContext
from hearthside.night.steps import night_steps
from hearthside.web.house import NodeHealth, Verification
from tests.app.helpers import house_in
from tests.inference.guard.guarded_house import GuardedHouse
from tests.until import until

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


def _looked_over(at_ms: int, data: dict[str, Json], state: str = "done", step: str = "consolidate") -> Event:
    payload: dict[str, Json] = {
        "cycle": f"c{at_ms}", "step": step, "title": "x", "state": state, "sentence": "x", "data": data
    }  # fmt: skip
    return Event("night", "night_step", Layer.BEHAVIOURAL, at_ms, Origin.DEVICE, Trust.OWN, payload, clock="station")


def test_the_last_night_that_looked_over_the_memory_is_told(tmp_path: Path) -> None:
    found: dict[str, Json] = {
        "junk_share": 0.062, "from_ai": 0, "documents": 900, "orphans": 30, "duplicates": 32, "contradictions": 4,
        "facts": 60, "preferences": 40,
    }  # fmt: skip
    start = day_start_ms(_DAY) + 3 * 3_600_000
    with house_in(tmp_path) as house:
        assert house.health().memory is None
        house.rooms.journal.append([
            _looked_over(start, found), _looked_over(start + DAY_MS, {}, "running"),
            _looked_over(start + DAY_MS + 1, {}, "skipped"), _looked_over(start + DAY_MS + 2, {"x": 1}, step="curate"),
        ])  # fmt: skip
        told = house.health().memory
        assert told is not None and (told.when, told.sound) == (f"{_DAY} 03:00", False)
        assert told.sentence.startswith("Of 1,000 things in memory 6.2 %") and "should be under 5 %" in told.sentence
        assert dict(told.figures)["contradictions, shown as such"] == "4"
        house.rooms.journal.append([_looked_over(start + 2 * DAY_MS, found | {"junk_share": 0.01})])
        told = house.health().memory
        assert told is not None and told.sound and told.sentence.endswith("That is sound.")
        house.rooms.journal.append([_looked_over(start + 3 * DAY_MS, found | {"junk_share": 0.01, "from_ai": 1})])
        told = house.health().memory
        assert told is not None and not told.sound


def test_a_real_night_writes_what_the_page_tells(own_copy: Path) -> None:
    with house_in(own_copy) as house:
        rooms = house.trainer.night_rooms()
        steps = {step.name: step for step in night_steps(rooms)}
        result = steps["consolidate"].run(StepContext("c", {}, lambda done, total, message: None, lambda: False))
        house.rooms.journal.append([_looked_over(house.rooms.clock(), result.data)])
        told = house.health().memory
        view = house.known.view()
        assert told is not None and told.sound
        figures = dict(told.figures)
        assert (figures["facts"], figures["preferences"]) == (f"{view.facts:,}", f"{view.preferences:,}")
        assert figures["from the AI itself"] == "0"


def test_what_the_memory_guard_did_is_told_in_sentences(tmp_path: Path) -> None:
    compute = GuardedHouse(tmp_path)
    with house_in(tmp_path / "life") as house:

        def card() -> NodeHealth:
            view = health_view(house.rooms, compute.supervisor, [], "", Verification("", True, ""))
            return next(node for node in view.nodes if node.name == "Memory guard")

        assert card().state == "starting"
        compute.supervisor.start()
        try:
            assert compute.supervisor.wait_ready(60)
            until(lambda: "60.0 GiB are left" in card().sentence, "the guard's first word")
            assert card().state == "running"
            compute.room(5)
            until(lambda: any("would not freeze" in text for _, text in card().facts), "the end")
            assert "Last, at 20" in card().sentence
        finally:
            compute.supervisor.stop()
    with house_in(tmp_path / "other") as house:
        assert "Memory guard" not in {node.name for node in house.health().nodes}
