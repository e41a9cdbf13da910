"""Times that cannot be true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hearthside.events import (
    DAY_MS,
    HOUR_MS,
    Event,
    Json,
    Layer,
    Origin,
    Precision,
    Series,
    Trust,
    day_start_ms,
)
from hearthside.intake.plausible import implausible

NOW_MS = day_start_ms("2026-06-15") + 12 * HOUR_MS
EVENT = Event("test", "note", Layer.TEXT, NOW_MS, Origin.SELF, Trust.OWN, {}, "test")
SERIES = Series("test", "met", Layer.BEHAVIOURAL, NOW_MS - DAY_MS, 60_000, np.ones(1440), "MET", "test")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"start_ms": NOW_MS + 36 * HOUR_MS},
        {"start_ms": day_start_ms("1900-01-01")},
        {"end_ms": NOW_MS},
        {"start_ms": NOW_MS - 31 * DAY_MS, "end_ms": NOW_MS},
        {"precision": Precision.DAY, "start_ms": day_start_ms("2026-06-17")},
        {"offset_min": 14 * 60},
        {"start_ms": 0},  # a clock that was never set: held back by the aligner, not refused
        {"start_ms": -2 * HOUR_MS},
        {"start_ms": NOW_MS - 365 * DAY_MS},
    ],
)
def test_an_event_that_can_be_true(changes: dict[str, Json]) -> None:
    assert implausible(replace(EVENT, **changes), NOW_MS) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"start_ms": NOW_MS + 36 * HOUR_MS + 1}, "future"),
        ({"start_ms": NOW_MS, "end_ms": NOW_MS + 37 * HOUR_MS}, "future"),
        ({"start_ms": day_start_ms("1900-01-01") - 1}, "1900"),
        ({"end_ms": NOW_MS - 1}, "before it begins"),
        ({"start_ms": NOW_MS - 31 * DAY_MS - 1, "end_ms": NOW_MS}, "31 days"),
        ({"precision": Precision.DAY, "start_ms": day_start_ms("2026-06-18")}, "future"),
        ({"offset_min": -19 * 60}, "offset"),
    ],
)
def test_an_event_that_cannot_be_true(changes: dict[str, Json], reason: str) -> None:
    assert reason in implausible(replace(EVENT, **changes), NOW_MS)


def test_series() -> None:
    assert implausible(SERIES, NOW_MS) == ""
    assert "future" in implausible(replace(SERIES, start_ms=NOW_MS + DAY_MS), NOW_MS)
    assert "31 days" in implausible(replace(SERIES, start_ms=NOW_MS - 40 * DAY_MS, step_ms=1_860_001), NOW_MS)
    for wrong in (replace(SERIES, step_ms=0), replace(SERIES, values=np.ones(0))):
        assert "samples" in implausible(wrong, NOW_MS)
