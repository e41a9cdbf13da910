"""Whether a model may be loaded: what it needs, plus the floor, must be there, counting what was promised to others.

What a holder was promised and has not taken yet is not seen in any reading: a context that fills up later, weights that
are mapped and count as page cache. So the ledger takes it off what is available before it promises more. One holder
loads at a time; one that has loaded may ask for more, for a model that runs beside its own (`side_models/`). What a
model needs is computed from its header in `inference/fitting.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Why: TypeAlias = Literal["too-large", "short", "loading", "rests", "pressed", "gone"]

_AS_SAID = 1.05  # other programs breathe while one loads


@dataclass(slots=True)
class Lease:
    """One holder of memory.

    Attributes:
        id: given by who asks; unique.
        promised: bytes it may come to hold.
        held: what it holds already, by the last look; pages of files do not count, as they count as available.
        loading: it has not said yet that it is ready.
        load: bytes of the load under way, or of the last one.
        began: room when that was admitted.
    """

    id: str
    promised: int
    began: int
    load: int
    held: int = 0
    loading: bool = True

    @property
    def owed(self) -> int:
        """What it may still take."""
        return max(0, self.promised - self.held)


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes, or why not.

    Attributes:
        why: None when it is admitted.
        largest: the largest need that would be admitted now, bytes.
        rests_s: seconds for which the breaker lets nothing be loaded.
    """

    why: Why | None = None
    largest: int = 0
    rests_s: float = 0.0


@dataclass(slots=True)
class Ledger:
    """All leases of this guard."""

    leases: dict[str, Lease] = field(default_factory=dict)

    def ask(self, lease: str, need: int, available: int, total: int, floor: int) -> Answer:
        """Admit a load, or say why not.

        Args:
            need: bytes.
            available: room as read now.
            total: what this machine has at all; what can never fit is said at once.
            floor: room that must be left.
        """
        answer = self._judge(need, 0, available, total, floor)
        if answer.why is None:
            self.leases[lease] = Lease(lease, need, available, load=need)
        return answer

    def grow(self, lease: str, more: int, available: int, total: int, floor: int) -> Answer:
        """Promise a holder so many bytes more, for another load, or say why not; see `ask`."""
        holder = self.leases.get(lease)
        if holder is None:  # it ended while it asked
            return Answer("gone")
        answer = self._judge(more, holder.promised, available, total, floor)
        if answer.why is None:
            holder.promised += more
            holder.load, holder.began, holder.loading = more, available, True
        return answer

    def _judge(self, need: int, already: int, available: int, total: int, floor: int) -> Answer:
        """Whether a load fits; `already`: bytes its holder was promised before."""
        largest = max(0, available - self.owed() - floor)
        if any(other.loading for other in self.leases.values()):
            return Answer("loading", largest)
        if already + need + floor > total:
            return Answer("too-large", max(0, total - floor - already))
        return Answer("short" if need > largest else None, largest)

    def shrink(self, lease: str, less: int) -> None:
        """A holder has given so many bytes back; a load under way goes on."""
        if lease in self.leases:
            self.leases[lease].promised -= less

    def withdraw(self, lease: str) -> None:
        """The load under way will not happen: who asked did not wait for the answer."""
        holder = self.leases.get(lease)
        if holder is not None and holder.loading:
            holder.promised, holder.loading = holder.promised - holder.load, False

    def take_over(self, lease: str, promised: int, load: int, available: int, loading: bool) -> None:
        """Enter a lease that an earlier guard gave, without asking: what it covers runs already.

        How much of a load under way is there already is not known, so all of it is taken to be still to come.
        """
        self.leases[lease] = Lease(lease, promised, available, load, loading=loading)

    def loaded(self, lease: str) -> None:
        """It is ready; the next may load."""
        if lease in self.leases:
            self.leases[lease].loading = False

    def seen(self, lease: str, held: int) -> None:
        """What a holder holds now, bytes."""
        if lease in self.leases:
            self.leases[lease].held = held

    def release(self, lease: str) -> None:
        """The holder is gone or has given everything back."""
        self.leases.pop(lease, None)

    def owed(self) -> int:
        """What was promised and not taken yet."""
        return sum(lease.owed for lease in self.leases.values())

    def declared(self, available: int) -> int | None:
        """What a load under way may still take by its own word, measured by the room that is gone since it began.

        None when none is under way, or when more is gone than it said.
        """
        for lease in self.leases.values():
            if lease.loading:
                gone = max(0, lease.began - available)
                return max(0, lease.load - gone) if gone <= _AS_SAID * lease.load else None
        return None
