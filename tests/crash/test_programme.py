"""Power cuts over every scenario: nothing acknowledged is lost, nothing forgotten is back; and the test has teeth."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.programme import Tally, Weakness, rounds, run
from crash.promises import Outcome
from crash.scenarios import SCENARIOS

POINTS, SOAK_POINTS = 2_200, 10_000


def _share(name: str, soak: bool) -> list[tuple[str, int, int]]:
    every = rounds(list(SCENARIOS), SOAK_POINTS if soak else POINTS, seed=1)
    return [entry for entry in every if entry[0] == name]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_promise_is_kept(name: str, soak: bool, tmp_path: Path) -> None:
    tally = Tally()
    for scenario, points, seed in _share(name, soak):
        run(scenario, points, seed, tally, keep=tmp_path)
    assert tally.bad == 0, [(failure.again, failure.position, failure.verdict) for failure in tally.failures]
    assert tally.points == sum(points for _, points, _ in _share(name, soak))


def test_there_are_enough_points() -> None:
    assert sum(points for _, points, _ in rounds(list(SCENARIOS), POINTS, 1)) == POINTS
    assert sum(points for _, points, _ in rounds(["append"], SOAK_POINTS, 1)) == SOAK_POINTS


@pytest.mark.parametrize("name", ["append", "append-over-new-year", "forget"])
def test_weaker_syncing_loses_what_was_acknowledged(name: str) -> None:
    tally = run(name, 60, 1, weakness=Weakness(synchronous="normal"))
    assert tally.outcomes[Outcome.LOST] > 0


@pytest.mark.parametrize("name", ["append", "rotate", "compact", "migrate"])
def test_no_syncing_at_all_ruins_the_files(name: str) -> None:
    tally = run(name, 40, 1, weakness=Weakness(synchronous="off"))
    assert tally.outcomes[Outcome.CORRUPT] > 0


def test_acknowledging_before_the_commit_is_noticed() -> None:
    tally = run("append", 40, 1, weakness=Weakness(hasty=True))
    assert tally.outcomes[Outcome.LOST] > 0


@pytest.mark.parametrize("name", ["append-over-new-year", "media", "small-files"])
def test_folders_that_are_not_synced_are_noticed(name: str) -> None:
    tally = run(name, 40, 1, weakness=Weakness(folders_unsynced=True))
    assert tally.outcomes[Outcome.LOST] > 0
