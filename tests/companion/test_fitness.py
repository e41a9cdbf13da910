"""Whether a model may word answers is found out by having it read, not by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from hearthside.companion.fitness import TASKS, Kept, Phrasing, fit_for_phrasing
from hearthside.events import Event
from hearthside.memory.held_model import KIND
from tests.companion.lives import Life, ScriptedModel, open_life


class Reading:
    """A model that answers so many of the tasks, and copies the first record for the others."""

    name = "reading"

    def __init__(self, right: int) -> None:
        self._right, self.asked = right, 0

    def complete(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        task = next(task for task in TASKS if messages[-1]["content"].endswith(task.question))
        self.asked += 1
        good = ("Tromsø", "two", "bread", "7 July 2021", "Tilda", "green", "beans", "a scarf")
        known = next(word for word in good if re.search(task.right, word, re.IGNORECASE))
        yield known if self.asked <= self._right else task.records[0]


def test_a_model_that_reads_is_fit_and_one_that_copies_is_not() -> None:
    assert fit_for_phrasing(Reading(8)) is True
    assert fit_for_phrasing(Reading(5)) is True
    assert fit_for_phrasing(Reading(4)) is False
    assert fit_for_phrasing(ScriptedModel(["unknown"])) is False


def test_a_model_that_is_away_is_tried_again() -> None:
    models = iter([ScriptedModel([None]), ScriptedModel([None])])
    phrasing = Phrasing(lambda: next(models), _at_once)
    assert phrasing() is None
    assert phrasing() is None
    away = ScriptedModel([None])
    assert fit_for_phrasing(away) is None


def test_it_is_tried_once_and_plain_code_answers_meanwhile() -> None:
    jobs: list[Callable[[], None]] = []
    model = Reading(8)
    phrasing = Phrasing(lambda: model, jobs.append)
    assert phrasing() is None
    assert phrasing() is None
    assert len(jobs) == 1
    jobs[0]()
    assert phrasing() is model
    assert model.asked == len(TASKS)
    assert len(jobs) == 1
    assert Phrasing(lambda: None, jobs.append)() is None


def test_the_verdict_on_a_model_outlives_a_restart(life: Life) -> None:
    def started(model: Reading, identity: str) -> Phrasing:
        return Phrasing(lambda: model, _at_once, Kept(life.journal, lambda speaking: identity, life.clock))

    fit, unfit = Reading(8), Reading(4)
    assert started(fit, "reading#1")() is fit
    life.clock.forward(1)
    assert started(unfit, "copying#2")() is None
    assert (fit.asked, unfit.asked) == (8, 8)
    assert started(fit, "reading#1")() is fit
    assert started(unfit, "copying#2")() is None
    assert (fit.asked, unfit.asked) == (8, 8)
    kept = [item.record for item in life.journal.read(kinds=[KIND])]
    assert [one.payload["fitness"]["fit"] for one in kept if isinstance(one, Event)] == [True, False]
    assert [one.source for one in kept] == ["companion"] * 2
    started(other := Reading(8), "reading + your adapter 01234567#1")()
    assert other.asked == 8


def test_a_model_without_a_hash_or_away_is_not_kept(life: Life) -> None:
    kept = Kept(life.journal, lambda speaking: "", life.clock)
    nameless = Reading(8)
    assert Phrasing(lambda: nameless, _at_once, kept)() is nameless
    away = Kept(life.journal, lambda speaking: "scripted#1", life.clock)
    assert Phrasing(lambda: ScriptedModel([None]), _at_once, away)() is None
    assert list(life.journal.read(kinds=[KIND])) == []


def test_a_model_that_changes_while_it_is_tried_is_tried_again(life: Life) -> None:
    names = iter(["reading#1", "reading#2", "reading#2", "reading#2"])
    phrasing = Phrasing(lambda: model, _at_once, Kept(life.journal, lambda speaking: next(names), life.clock))
    model = Reading(16)
    assert phrasing() is None
    assert phrasing() is model and model.asked == 16


def test_a_journal_that_is_closed_does_not_end_the_trial(tmp_path: Path) -> None:
    life = open_life(tmp_path)
    jobs: list[Callable[[], None]] = []
    model = Reading(8)
    phrasing = Phrasing(lambda: model, jobs.append, Kept(life.journal, lambda speaking: "reading#1", life.clock))
    assert phrasing() is None
    life.journal.close()
    jobs[0]()
    assert phrasing() is model


def _at_once(job: Callable[[], None]) -> None:
    job()
