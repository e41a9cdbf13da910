"""The benchmark of a big journal runs, and says what it found as JSON."""

from __future__ import annotations

import json
import random

import pytest

from benchmarks import journal_at_size
from hearthside.events import DAY_MS


def test_a_small_run_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    journal_at_size.main(["--smoke"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["records"] == 20_000
    assert {name.replace(" ", "_") for name in journal_at_size.OPERATIONS} <= set(found)
    assert found["worst_ratio"] == max(one["ratio"] for one in found.values() if isinstance(one, dict))


def test_a_life_takes_ten_years_and_has_every_record() -> None:
    days = list(journal_at_size.life(10_000, random.Random(1)))
    assert len(days) == 3650
    events = [event for _, on_day in days for event in on_day]
    assert len({event.id for event in events}) == 10_000
    assert (events[-1].start_ms - events[0].start_ms) // DAY_MS == 3649
    assert len({event.source for event in events}) == 15
