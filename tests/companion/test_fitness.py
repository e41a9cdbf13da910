"""Whether a model may word answers is found out by having it read, not by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hearthside.companion.fitness import TASKS, Phrasing, fit_for_phrasing
from tests.companion.lives import ScriptedModel


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


def _at_once(job: Callable[[], None]) -> None:
    job()
