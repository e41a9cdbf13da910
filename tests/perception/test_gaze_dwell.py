"""Gaze dwell: against a slow reference over all small sequences, and as events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.events import Event, Layer, Origin, Trust
from hearthside.perception import gaze_dwell, load_perceiver, perceiver_names
from tests.reference import gaze_dwell as reference

LABELS = st.sampled_from(["menu", "window", None])


def gaze(targets: list[str | None], step_ms: int = 1000) -> Event:
    return Event(
        source="glasses",
        kind="gaze",
        layer=Layer.VISUAL,
        start_ms=1_000_000,
        end_ms=1_000_000 + step_ms * len(targets),
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload={"targets": targets, "step_ms": step_ms},
        clock="device:glasses",
        offset_min=60,
    )


@settings(deadline=None)
@given(st.lists(LABELS, max_size=40), st.sampled_from([20, 100, 500, 1000, 1500, 3000, 5000]))
def test_equals_the_slow_reference(targets: list[str | None], step_ms: int) -> None:
    assert gaze_dwell.dwells(targets, step_ms) == reference.dwells(targets, step_ms)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["menu", "menu", "menu", "window"]), min_size=40, max_size=90))
def test_equals_the_slow_reference_on_long_looks_at_a_fine_step(targets: list[str]) -> None:
    assert gaze_dwell.dwells(targets, 100) == reference.dwells(targets, 100)


@settings(deadline=None)
@given(st.lists(LABELS, max_size=60))
def test_dwells_are_long_enough_apart_and_mostly_on_target(targets: list[str | None]) -> None:
    found = list(gaze_dwell.perceive(gaze(targets)))
    for dwell in found:
        assert dwell.end_ms is not None and dwell.end_ms - dwell.start_ms >= gaze_dwell.MIN_DWELL_MS
        assert dwell.payload["gaze_share"] >= 0.5
    ends = [dwell.end_ms or 0 for dwell in found]
    assert all(end <= dwell.start_ms for end, dwell in zip(ends, found[1:], strict=False))


def test_a_glance_away_does_not_end_a_dwell_but_two_do() -> None:
    event = gaze(["menu", "menu", "window", "menu", None, None, "menu", "menu", "menu"])
    first, second = gaze_dwell.perceive(event)
    assert (first.kind, first.source, first.text) == ("dwell", "gaze_dwell", "menu")
    assert (first.start_ms, first.end_ms) == (1_000_000, 1_004_000)
    assert first.payload == {"target": "menu", "gaze_share": 0.75, "of": event.id.hex()}
    assert (first.layer, first.origin, first.offset_min) == (Layer.VISUAL, Origin.DEVICE, 60)
    assert (second.start_ms, second.end_ms, second.payload["gaze_share"]) == (1_006_000, 1_009_000, 1.0)
    assert [dwell.id for dwell in gaze_dwell.perceive(event)] == [first.id, second.id]


def test_too_short_looks_and_looking_nowhere_are_no_dwells() -> None:
    assert list(gaze_dwell.perceive(gaze(["menu", "menu", "window", "window"]))) == []
    assert list(gaze_dwell.perceive(gaze([None] * 30))) == []
    assert list(gaze_dwell.perceive(gaze(["menu"], step_ms=5000))) == []  # one sample shows no resting


def test_a_long_recording_is_one_pass() -> None:
    """A quarter of a million samples that never dwell; the slow way would not end."""
    targets: list[str | None] = ["a", "a", "b", "b"] * 62_500
    assert gaze_dwell.dwells(targets, 100) == []


def test_perceivers_are_found_by_file_name() -> None:
    assert "gaze_dwell" in perceiver_names()
    perceiver = load_perceiver("gaze_dwell")
    assert perceiver.NAME == "gaze_dwell"
    assert "gaze" in perceiver.KINDS
