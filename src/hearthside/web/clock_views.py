"""What the pages show of clocks, and what they ask of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One device or import.

    Attributes:
        title: as the person calls it.
        sentence: how well its clock is known.
        compared: how often it was compared with this station's clock, in words; "" where that is not how it is known.
        last_ms: when it was last heard of, UTC; None when that is not known.
        trouble: it is wrong now.
    """

    title: str
    sentence: str
    compared: str
    last_ms: int | None
    trouble: bool = False


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """Events of one clock that are kept out of the life for one reason.

    Attributes:
        clock, first_ms, last_ms: what a decision on them is about: raw times [first, last) by that clock.
        title: the device.
        reason: one sentence: what is wrong with the clock.
        count: how many events.
        from_ms, to_ms: the first and the last of them, by the clock itself.
        suggested_ms: what would have to be added to set them right, where that is known.
        samples: (time by the clock itself, words) of up to three of them.
        own_word: they are kept out because the person said so.
    """

    clock: str
    first_ms: int
    last_ms: int
    title: str
    reason: str
    count: int
    from_ms: int
    to_ms: int
    suggested_ms: int | None
    samples: tuple[tuple[int, str], ...]
    own_word: bool = False


@dataclass(frozen=True, slots=True)
class DecidedRange:
    """What the person said of a range of a clock, where that let events in."""

    clock: str
    first_ms: int
    last_ms: int
    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ClocksView:
    """The card about clocks."""

    clocks: list[ClockRow]
    held: list[HeldGroup]
    decided: list[DecidedRange]


class ClockHouse(Protocol):
    """What the card asks of the house."""

    def clocks(self) -> ClocksView: ...
    def decide_clock(self, clock: str, first_ms: int, last_ms: int, action: str, shift_ms: int | None = None) -> None:
        """Note the person's word on raw times [first, last) of a clock, and line the life up by it.

        Args:
            action: ``accept`` (it was as the clock says), ``shift`` (add `shift_ms`) or ``hold`` (keep it out).

        Raises:
            Refused: it says nothing that can be done.
        """
        ...
