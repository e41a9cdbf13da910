"""The station's own copy of what the guard admitted: the next guard is told it, and no load is forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Told: TypeAlias = dict[str, str | int | bool]


@dataclass(slots=True)
class Holder:
    """One lease; amounts in bytes.

    Attributes:
        first: what it was admitted for at the start.
        load: what the load under way, or the last one, was admitted for.
        more: what it was admitted for since the start and has not given back.
        pid: its process; 0 before there is one.
        loading: it has not said yet that it is ready.
    """

    first: int
    load: int
    more: int = 0
    pid: int = 0
    loading: bool = True

    @property
    def need(self) -> int:
        """All that it may come to hold."""
        return self.first + self.more


@dataclass(slots=True)
class Holders:
    """All leases of this station, in the order in which they were admitted."""

    by_lease: dict[str, Holder] = field(default_factory=dict)

    def __contains__(self, lease: str) -> bool:
        return lease in self.by_lease

    def admit(self, lease: str, need: int) -> None:
        """A first load was admitted."""
        self.by_lease[lease] = Holder(need, need)

    def grow(self, lease: str, more: int) -> bool:
        """A further load was admitted; False when its holder is gone meanwhile."""
        holder = self.by_lease.get(lease)
        if holder is None:
            return False
        holder.more, holder.load, holder.loading = holder.more + more, more, True
        return True

    def shrink(self, lease: str, less: int) -> int:
        """Something was given back: how much of it had been asked for with `grow`; the first load is never undercut."""
        holder = self.by_lease.get(lease)
        if holder is None:
            return 0
        given = min(less, holder.more)
        holder.more -= given
        return given

    def attach(self, lease: str, pid: int) -> None:
        """It has a process now."""
        if lease in self.by_lease:
            self.by_lease[lease].pid = pid

    def loaded(self, lease: str) -> None:
        """Its load is over."""
        if lease in self.by_lease:
            self.by_lease[lease].loading = False

    def release(self, lease: str) -> bool:
        """It is gone; False when there was none."""
        return self.by_lease.pop(lease, None) is not None

    def told(self) -> list[Told]:
        """What the next guard has to know of them."""
        return [
            {"lease": name, "pid": one.pid, "need": one.need, "load": one.load, "loading": one.loading}
            for name, one in self.by_lease.items()
        ]
