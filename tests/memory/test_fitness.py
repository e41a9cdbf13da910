"""What a model must reach for a task, and that it is measured once for each model and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hearthside.errors import RetryLater
from hearthside.events import Event, Layer, Origin, Trust
from hearthside.journal import Journal
from hearthside.memory.facts import fitness as reading
from hearthside.memory.fitness import Fitness, Yardstick, fitness_event, kept_fitness, lower_bound
from hearthside.memory.held_model import KIND
from hearthside.memory.questions import writing_fitness as queries
from tests.alignment.lives import open_vault

HARD = Yardstick("queries", "v1", 0.9, 0.8, 0.4)
MODEL = "small#0123456789ab"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(open_vault(tmp_path).journal) as opened:
        yield opened


def test_the_interval_is_wilsons() -> None:
    assert (round(lower_bound(16, 24), 3), round(lower_bound(11, 12), 3), lower_bound(0, 0)) == (0.499, 0.699, 0.0)


@pytest.mark.parametrize(
    ("right", "said", "fit"),
    [(14, 14, True), (13, 14, False), (12, 12, True), (6, 6, False), (0, 0, False), (18, 20, False), (27, 30, False)],
)
def test_precision_must_be_sure_and_answers_many(right: int, said: int, fit: bool) -> None:
    assert HARD.judged(MODEL, right, said, 14) == Fitness("queries", MODEL, "v1", right, said, 14, fit)


def test_few_answers_are_not_enough() -> None:
    assert HARD.judged(MODEL, 40, 40, 100).fit
    assert not HARD.judged(MODEL, 39, 39, 100).fit


@pytest.mark.parametrize("yardstick", [HARD, Yardstick("wording", "v1", 0.0, 0.0, 5 / 8)])
def test_what_is_out_of_reach_cannot_come_to_be_fit(yardstick: Yardstick) -> None:
    wanted = 14
    for right in range(wanted + 1):
        for wrong in range(20):
            left = wanted - right
            if yardstick.out_of_reach(right, wrong, left, wanted):
                assert not yardstick.judged(MODEL, right + left, right + left + wrong, wanted).fit
            for said_no_more in range(left + 1):
                if yardstick.judged(MODEL, right, right + wrong, wanted).fit:
                    assert not yardstick.out_of_reach(right, wrong, said_no_more, wanted)
    assert not yardstick.out_of_reach(0, 3, 0, 0)


def test_it_is_measured_once_for_each_model_and_probe(journal: Journal) -> None:
    asked: list[str] = []

    def measure(answer: tuple[int, int, int]) -> tuple[int, int, int]:
        asked.append("")
        return answer

    first = HARD.found(journal, MODEL, lambda: 5, lambda: measure((14, 14, 14)))
    assert first.fit and HARD.found(journal, MODEL, lambda: 6, lambda: measure((0, 14, 14))) == first
    assert len(asked) == 1
    assert HARD.known(journal, "small#ba9876543210") is None
    assert Yardstick("queries", "v2", 0.9, 0.8, 0.4).known(journal, MODEL) is None
    assert Yardstick("reading", "v1", 0.9, 0.8, 0.4).known(journal, MODEL) is None


def test_a_model_that_is_away_leaves_no_verdict(journal: Journal) -> None:
    def away() -> tuple[int, int, int]:
        raise RetryLater("compute-gone", "Away.")

    with pytest.raises(RetryLater):
        HARD.found(journal, MODEL, lambda: 5, away)
    assert list(journal.read(kinds=[KIND])) == []


def test_the_newest_verdict_holds(journal: Journal) -> None:
    for at_ms, fit in ((5, True), (6, False)):
        journal.append([fitness_event(Fitness("queries", MODEL, "v1", 1, 2, 3, fit), at_ms)])
    known = kept_fitness(journal, "queries", MODEL, "v1")
    assert known is not None and not known.fit


@pytest.mark.parametrize("yardstick", [reading.yardstick(), queries.yardstick()], ids=["reading", "queries"])
def test_bodies_that_exist_are_read(journal: Journal, yardstick: Yardstick) -> None:
    """As they were journalled from the first version of this on."""
    measured = {
        "task": yardstick.task, "model": MODEL, "probe": yardstick.probe, "right": 13, "said": 13, "wanted": 24,
        "fit": True,
    }  # fmt: skip
    payload = {"model": MODEL, "read": [], "findings": [], "fitness": measured}
    old = Event("night", "annotation", Layer.TEXT, 5, Origin.AI, Trust.UNKNOWN, payload, clock="station")
    journal.append([old])
    known = yardstick.known(journal, MODEL)
    assert known == Fitness(yardstick.task, MODEL, yardstick.probe, 13, 13, 24, True)
    assert fitness_event(known, 5) == old
