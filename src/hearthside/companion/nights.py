"""Nights: seconds slept by the local day of the morning, where two devices measured only the fuller one."""

from __future__ import annotations

from collections.abc import Iterable

from hearthside.alignment.stream import Occurrence


def nights_of(found: Iterable[Occurrence]) -> dict[str, tuple[float, Occurrence]]:
    """Seconds slept and the longest stretch as evidence, by local day; naps count to their day."""
    sums: dict[tuple[str, str], float] = {}
    longest: dict[tuple[str, str], Occurrence] = {}
    for o in found:
        name = (o.local_day, o.source)
        sums[name] = sums.get(name, 0.0) + (o.amount or 0.0)
        if name not in longest or (o.amount or 0) > (longest[name].amount or 0):
            longest[name] = o
    nights: dict[str, tuple[float, Occurrence]] = {}
    for (day, source), amount in sorted(sums.items()):
        if day not in nights or amount > nights[day][0]:
            nights[day] = (amount, longest[day, source])
    return nights
