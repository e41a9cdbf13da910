"""A language model that is held to a grammar, and whether it was measured to be fit for a task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hearthside.events import Event, Json, Layer, Origin, Trust
from hearthside.journal import Journal

KIND = "annotation"
"""Kind of what models read and how well they read, in the journal."""

SOURCE = "night"


class HeldModel(Protocol):
    """A model whose every answer is a sentence of a grammar."""

    @property
    def model(self) -> str:
        """Name and hash of the model file, kept with all it reads."""
        ...

    def say(self, messages: Sequence[tuple[str, str]], grammar: str, max_tokens: int) -> str:
        """Its likeliest answer under a GBNF grammar; "" when `max_tokens` were not enough for a whole one.

        Args:
            messages: turns as (role, text), role one of ``system``, ``user``, ``assistant``.

        Raises:
            RetryLater: the model is away.
            Refused: the prompt is too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class Fitness:
    """How a model did on a probe set with known answers.

    Attributes:
        task: ``reading`` or ``queries``.
        model: see `HeldModel.model`.
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


def fitness_event(fitness: Fitness, at_ms: int) -> Event:
    """The journalled form; it names no record, so forgetting does not touch it."""
    measured: dict[str, Json] = {name: getattr(fitness, name) for name in Fitness.__slots__}
    payload: dict[str, Json] = {"model": fitness.model, "read": [], "findings": [], "fitness": measured}
    return Event(SOURCE, KIND, Layer.TEXT, at_ms, Origin.AI, Trust.UNKNOWN, payload, clock="station")
