"""Names met over a whole life as columns, for what counts all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hearthside.alignment.geodesy import Floats

Ints = npt.NDArray[np.int64]
HintRow: TypeAlias = tuple[int, str, str, float | None, float | None]
"""When (UTC ms), name, kind, latitude and longitude in degrees, if known."""

REGION, CAPTION = "region_enter", "caption"


@dataclass(frozen=True, slots=True, eq=False)
class HintTable:
    """Names met; (n,) each.

    Attributes:
        start_ms: UTC ms.
        name: which of `names`, the words without blanks around them; each of these is met at least once.
        region: whether a phone, or a location history, said it; else the glasses read it.
        lat, lon: degrees, NaN where unknown.
    """

    start_ms: Ints
    name: Ints
    region: npt.NDArray[np.bool_]
    lat: Floats
    lon: Floats
    names: Sequence[str]


def hint_table(rows: Iterable[HintRow]) -> HintTable:
    """Names met, each of them counted once however often it is given; empty ones and other kinds are left out."""
    once = dict.fromkeys(rows)
    found = [(start, words, kind, lat, lon) for start, name, kind, lat, lon in once if (words := name.strip())]
    found = [row for row in found if row[2] in (REGION, CAPTION)]
    numbers = {name: k for k, name in enumerate(dict.fromkeys(row[1] for row in found))}
    spots = np.array([row[3:] if None not in row[3:] else (np.nan, np.nan) for row in found], dtype=np.float64)
    spots = spots.reshape(-1, 2)
    return HintTable(
        np.array([row[0] for row in found], dtype=np.int64),
        np.array([numbers[row[1]] for row in found], dtype=np.int64),
        np.array([row[2] == REGION for row in found], dtype=np.bool_),
        spots[:, 0],
        spots[:, 1],
        list(numbers),
    )


def joined(days: Sequence[HintTable]) -> HintTable:
    """The tables of days as one; no name met is part of two of them."""
    if not days:
        return hint_table([])
    numbers: dict[str, int] = {}
    for day in days:
        for name in day.names:
            numbers.setdefault(name, len(numbers))
    of = np.array([numbers[name] for day in days for name in day.names], dtype=np.int64)
    before = np.cumsum([0, *(len(day.names) for day in days[:-1])])
    shift = np.repeat(before, [len(day.name) for day in days])
    return HintTable(
        np.concatenate([day.start_ms for day in days]),
        of[np.concatenate([day.name for day in days]) + shift],
        np.concatenate([day.region for day in days]),
        np.concatenate([day.lat for day in days]),
        np.concatenate([day.lon for day in days]),
        list(numbers),
    )
