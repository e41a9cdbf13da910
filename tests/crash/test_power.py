"""Power cuts under a real file system, where this machine can do them; without fsync they must show losses."""

from __future__ import annotations

import pytest

from crash import power


@pytest.fixture(scope="module", autouse=True)
def a_machine_that_can() -> None:
    reason = power.why_not()
    if reason:
        pytest.skip(f"no power cuts at block level here: {reason}")


def test_what_was_acknowledged_survives(soak: bool) -> None:
    report = power.run(40 if soak else 4)
    assert report.details == []
    assert report.acknowledged > 0


def test_without_fsync_it_does_not() -> None:
    report = power.run(2, synced=False)
    assert report.faults == 2
    assert report.acknowledged > 0
