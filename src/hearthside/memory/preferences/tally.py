"""What was counted in one kind of preference, as columns: which thing, on which local day, how much."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.memory.gleanings import Row

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one kind, in order of day; one row for each thing and local day.

    Attributes:
        kind: of preference.
        names: the things, in order of their first day.
        item: (n,) index into `names`.
        day: (n,) local day, days since 1970, ascending.
        weight: (n,) how much.
        last_ms: (n,) start of the last time that day.
        evidence: id of that record, as bytes; b"" where there is none.
    """

    kind: str
    names: list[str]
    item: Ints
    day: Ints
    weight: Floats
    last_ms: Ints
    evidence: list[bytes]

    def __len__(self) -> int:
        return len(self.day)

    def before(self, day: int) -> Tally:
        """The same as it was known at the beginning of a local day."""
        n = int(np.searchsorted(self.day, day, side="left"))
        return Tally(
            self.kind, self.names, self.item[:n], self.day[:n], self.weight[:n], self.last_ms[:n], self.evidence[:n]
        )


def fingerprint(tally: Tally) -> bytes:
    """The same for equal tallies, and for no others."""
    digest = hashlib.blake2b(repr((tally.kind, tally.names)).encode(), digest_size=16)
    for column in (tally.item, tally.day, tally.weight, tally.last_ms):
        digest.update(column.tobytes())
    digest.update(b"".join(tally.evidence))
    return digest.digest()


def tallies_of(rows: Iterable[Row]) -> dict[str, Tally]:
    """Tallies by kind from rows as of `gleaning.glean`; rows of one thing and day that lie in two chunks are joined."""
    joined: dict[str, dict[tuple[int, str], Row]] = {}
    for kind, what, day, weight, last_ms, evidence in rows:
        of_kind = joined.setdefault(kind, {})
        row = of_kind.get((day, what))
        if row is None:
            of_kind[day, what] = [weight, last_ms, evidence]
        else:
            row[0] += weight
            if last_ms >= row[1]:
                row[1], row[2] = last_ms, evidence
    return {kind: _tally(kind, of_kind) for kind, of_kind in joined.items()}


def _tally(kind: str, rows: dict[tuple[int, str], Row]) -> Tally:
    ordered = sorted(rows.items())
    numbers: dict[str, int] = {}
    item = [numbers.setdefault(what, len(numbers)) for (_, what), _ in ordered]
    return Tally(
        kind,
        list(numbers),
        np.array(item, dtype=np.int64),
        np.array([day for (day, _), _ in ordered], dtype=np.int64),
        np.array([row[0] for _, row in ordered], dtype=np.float64),
        np.array([row[1] for _, row in ordered], dtype=np.int64),
        [bytes.fromhex(row[2]) for _, row in ordered],
    )


def month_of(days: Ints) -> Ints:
    """Calendar months since January 1970 of days since 1970."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def month_start(month: int) -> int:
    """First day of a calendar month, days since 1970."""
    return int(np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64))


def month_name(month: int) -> str:
    """A month as ``2026-05``."""
    return str(np.datetime64(month, "M"))
