"""Nights: seconds slept by the local day of the morning, each minute measured once."""

from __future__ import annotations

from collections.abc import Iterable

from hearthside.alignment.occurrence import Occurrence
from hearthside.memory.query import measured_once


def nights_of(found: Iterable[Occurrence]) -> dict[str, tuple[float, Occurrence]]:
    """Seconds slept and the longest stretch as evidence, by local day; naps count to their day."""
    nights: dict[str, tuple[float, Occurrence]] = {}
    for o in measured_once(found):
        before, longest = nights.get(o.local_day, (0.0, o))
        better = o if (o.amount or 0.0) > (longest.amount or 0.0) else longest
        nights[o.local_day] = (before + (o.amount or 0.0), better)
    return nights
