"""Whether a model is fit for a task: measured once on questions with known answers, and kept in the journal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.journal import Journal
from hearthside.memory.held_model import KIND, SOURCE


@dataclass(frozen=True, slots=True)
class Fitness:
    """How a model did on a probe set with known answers.

    Attributes:
        task: ``reading``, ``queries`` or ``wording``.
        model: name and hash of the model, as in `HeldModel.model`; the adapter too where one spoke.
        probe: version of probe set and prompt; another version is measured anew.
        right, said, wanted: right answers given, answers given, answers there are to give.
        fit: whether that reaches the thresholds of the task.
    """

    task: str
    model: str
    probe: str
    right: int
    said: int
    wanted: int
    fit: bool

    @property
    def precision(self) -> float:
        """Right of what was said; 0 when nothing was."""
        return self.right / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        """Right of what there was to say."""
        return self.right / self.wanted if self.wanted else 0.0

    def in_words(self) -> str:
        """Half a sentence with the figures."""
        said = f"{self.right} of the {self.said} things it said were right" if self.said else "it said nothing"
        return f"of {self.wanted} known answers it gave {self.right}; {said}"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a model must reach to be given a task.

    Attributes:
        task: see `Fitness.task`.
        probe: version of probe set and prompt.
        precision: least share of right among its answers.
        sure: least lower end of the 90 % interval of that share: with few answers a high share is easily luck.
        recall: least share of the known answers that it gives.
    """

    task: str
    probe: str
    precision: float
    sure: float
    recall: float

    def out_of_reach(self, right: int, wrong: int, left: int, wanted: int) -> bool:
        """Whether precision or recall cannot be reached any more, even if all answers that are `left` were right."""
        return wanted > 0 and (
            wanted / (wanted + wrong) < self.precision or right + left < self.recall * wanted
        )  # fmt: skip

    def judged(self, model: str, right: int, said: int, wanted: int) -> Fitness:
        """The verdict on what was measured."""
        precise = (right / said if said else 0.0) >= self.precision and lower_bound(right, said) >= self.sure
        fit = precise and right >= self.recall * wanted
        return Fitness(self.task, model, self.probe, right, said, wanted, fit)

    def known(self, journal: Journal, model: str) -> Fitness | None:
        """What was measured of this model before, with these probes, or None."""
        return kept_fitness(journal, self.task, model, self.probe)

    def keep(
        self, journal: Journal, model: str, measured: tuple[int, int, int], at_ms: int, source: str = SOURCE
    ) -> Fitness:
        """Judge what was measured (right, said, wanted) and journal the verdict; `source` is who measured."""
        fitness = self.judged(model, *measured)
        journal.append([fitness_event(fitness, at_ms, source)])
        return fitness

    def found(
        self, journal: Journal, model: str, clock: Callable[[], int], measure: Callable[[], tuple[int, int, int]]
    ) -> Fitness:
        """What is known of a model, measured (right, said, wanted) and journalled if it was not before.

        Raises:
            RetryLater: the model is away; nothing was journalled.
        """
        return self.known(journal, model) or self.keep(journal, model, measure(), clock())


def lower_bound(right: int, said: int) -> float:
    """Lower end of the 90 % interval of a share (Wilson 1927, Journal of the American Statistical Association 22)."""
    if not said:
        return 0.0
    share, z = right / said, 1.645
    middle = share + z * z / (2 * said)
    spread = z * math.sqrt(share * (1 - share) / said + z * z / (4 * said * said))
    return (middle - spread) / (1 + z * z / said)


def kept_fitness(journal: Journal, task: str, model: str, probe: str) -> Fitness | None:
    """What was measured before of this model, or None."""
    for item in journal.read(kinds=[KIND], newest_first=True):
        found = item.record.payload.get("fitness") if isinstance(item.record, Event) else None
        if isinstance(found, dict) and (found["task"], found["model"], found["probe"]) == (task, model, probe):
            return Fitness(**found)
    return None


def fitness_event(fitness: Fitness, at_ms: int, source: str = SOURCE) -> Event:
    """The journalled form; it names no record, so forgetting does not touch it."""
    measured: dict[str, Json] = {name: getattr(fitness, name) for name in Fitness.__slots__}
    payload: dict[str, Json] = {"model": fitness.model, "read": [], "findings": [], "fitness": measured}
    return Event(source, KIND, Layer.TEXT, at_ms, Origin.AI, Trust.UNKNOWN, payload, clock="station")
