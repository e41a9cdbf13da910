"""What the AI costs, as the health page and `hearthside costs` show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

JOULES_PER_KWH = 3_600_000


@dataclass(frozen=True, slots=True)
class Spending:
    """What one sort of work took in a period.

    Attributes:
        pieces: answers, probes, or pieces of other work.
        completions: how often a model was asked for them.
        tokens_in: tokens of prompts, with those that were taken from the prefix cache (`tokens_cached`).
        tokens_out: tokens generated.
        seconds: that the model worked, waiting for its turn included.
        measured: pieces whose energy is known.
        joules: of those; None where there are none.
    """

    pieces: int = 0
    completions: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    measured: int = 0
    joules: float | None = None

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True)
class CostPeriod:
    """One local day or month.

    Attributes:
        name: ISO day or month.
        answers: how many were given.
        free: how many of them cost no token: computed, quoted or said by plain code.
        answered: what the others took.
        night: what the work of the nights took.
        other: what no answer and no night took.
        probes: one-token questions that tell whether the model works.
        kwh: of everything that was measured; None where nothing was.
        money: its price; None where nothing was measured or no price is set.
    """

    name: str
    answers: int
    free: int
    answered: Spending
    night: Spending
    other: Spending
    probes: Spending
    kwh: float | None
    money: float | None

    @property
    def works(self) -> tuple[Spending, ...]:
        """Everything that took tokens."""
        return (self.answered, self.night, self.other, self.probes)

    @property
    def tokens(self) -> int:
        """Of everything but probes."""
        return self.answered.tokens + self.night.tokens + self.other.tokens

    @property
    def seconds(self) -> float:
        """Of everything but probes."""
        return self.answered.seconds + self.night.seconds + self.other.seconds

    @property
    def pieces(self) -> int:
        """Pieces of any work."""
        return sum(one.pieces for one in self.works)

    @property
    def measured(self) -> int:
        """Those of them whose energy is known."""
        return sum(one.measured for one in self.works)


@dataclass(frozen=True, slots=True)
class CostsView:
    """Everything about costs.

    Attributes:
        today: the local day, ISO.
        days: the last 31 local days, oldest first, each of them.
        recent: the same days together.
        months: local months in which anything was asked or used, newest first.
        meter: by what energy was measured last, and what that covers; or why it is not, in one sentence.
        price: of a kWh; 0 where none is set.
        currency: of the price.
    """

    today: str
    days: list[CostPeriod]
    recent: CostPeriod
    months: list[CostPeriod]
    meter: str
    price: float
    currency: str


class CostsHouse(Protocol):
    """What the page asks of the house."""

    def view(self) -> CostsView:
        """The costs as they are now."""
        ...
