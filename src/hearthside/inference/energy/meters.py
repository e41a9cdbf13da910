"""What an energy meter says: joules since it was made, by what and of what; or why it cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter counted.

    Attributes:
        joules: since the meter was made; never less than before.
        meter: its name.
        covers: what the joules are of, for the person.
    """

    joules: float
    meter: str
    covers: str

    @property
    def sentence(self) -> str:
        """``RAPL: the whole processor package, idle included.``"""
        return f"{self.meter}: {self.covers}."


@dataclass(frozen=True, slots=True)
class Absent:
    """A meter that says nothing now.

    Attributes:
        why: one sentence for the person.
    """

    meter: str
    why: str

    @property
    def sentence(self) -> str:
        """Why, for the person."""
        return self.why


Said: TypeAlias = Reading | Absent


class EnergyMeter(Protocol):
    """One way to learn what a machine takes. Calls may come from several threads; none of them raises."""

    def read(self) -> Said:
        """The joules up to now. Where counting was cut off in between, it says so once before it goes on."""
        ...


class Meters:
    """Several meters as one: they count different parts of a machine, so their joules add up."""

    def __init__(self, meters: Sequence[EnergyMeter]) -> None:
        self._meters = tuple(meters)

    def read(self) -> Said:
        """The sum of those that tell; where none does, why."""
        said = [meter.read() for meter in self._meters]
        told = [one for one in said if isinstance(one, Reading)]
        if told:
            covers = " and ".join(one.covers for one in told)
            return Reading(sum(one.joules for one in told), " and ".join(one.meter for one in told), covers)
        absent = [one for one in said if isinstance(one, Absent)]
        return Absent(" and ".join(one.meter for one in absent), " ".join(one.why for one in absent))
