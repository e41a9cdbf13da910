"""Perceivers are found by file name and asked about the kinds they name."""

from __future__ import annotations

from hearthside.events import Event, Layer, Origin, Rejected, Trust
from hearthside.intake.perceive import perceivable_kinds, perceive_new, perceivers

TARGETS = ["menu"] * 5 + [None] * 3
GAZE = Event(
    "glasses",
    "gaze",
    Layer.VISUAL,
    0,
    Origin.DEVICE,
    Trust.OWN,
    {"targets": TARGETS, "step_ms": 1000},
    "device:glasses",
)


def test_perceivers_are_found() -> None:
    assert "gaze_dwell" in perceivers()
    assert "gaze" in perceivable_kinds()


def test_only_their_kinds_are_perceived() -> None:
    other = Event("test", "note", Layer.TEXT, 0, Origin.SELF, Trust.OWN, {}, "test")
    (dwell,) = perceive_new([other, GAZE])
    assert isinstance(dwell, Event)
    assert (dwell.kind, dwell.payload["of"]) == ("dwell", GAZE.id.hex())


def test_an_event_that_cannot_be_perceived_is_a_rejection() -> None:
    broken = Event("glasses", "gaze", Layer.VISUAL, 0, Origin.DEVICE, Trust.OWN, {"step_ms": 1000}, "device:glasses")
    rejected, dwell = perceive_new([broken, GAZE])
    assert isinstance(rejected, Rejected)
    assert rejected.source == "gaze_dwell"
    assert isinstance(dwell, Event)
