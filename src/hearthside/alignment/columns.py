"""The events of one stream that start on one UTC day, as columns: what slices, episodes, queries and pages read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hearthside.events import Layer, Origin, Precision, Trust

NO_END = np.iinfo(np.int64).min
"""The end of an event that has none."""

NO_OFFSET = -32768
"""The UTC offset of an event whose source carried none."""

PRECISIONS, ORIGINS, TRUSTS = tuple(Precision), tuple(Origin), tuple(Trust)
"""In the order of their codes in the columns."""


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events of one stream, in order of (start, id), all arrays of shape (n,).

    Attributes:
        layer, source, kind: which stream.
        ids: (n,) journal ids, numpy dtype ``V16``; `identity` gives one as bytes.
        start_ms: corrected time, int64 UTC ms; of a day-precision event midnight UTC of its local day.
        end_ms: corrected exclusive end, int64; `NO_END` for an instant.
        raw_ms: the start as the device's clock said, int64.
        uncertainty_ms: int64, how far the true time may lie from `start_ms`, either way.
        carried_min: int16, the UTC offset that the source carried, `NO_OFFSET` where it carried none.
        precision, origin, trust: uint8, codes into `PRECISIONS`, `ORIGINS`, `TRUSTS`.
        amount: float64, the one number an event stands for, NaN when there is none (see `kinds.amount_of`).
        numbers: further numeric fields of the payload by name (see `kinds.NUMBERS`), float64, NaN where absent.
        text, note: words to show, and a second line.
    """

    layer: Layer
    source: str
    kind: str
    ids: npt.NDArray[np.void]
    start_ms: npt.NDArray[np.int64]
    end_ms: npt.NDArray[np.int64]
    raw_ms: npt.NDArray[np.int64]
    uncertainty_ms: npt.NDArray[np.int64]
    carried_min: npt.NDArray[np.int16]
    precision: npt.NDArray[np.uint8]
    origin: npt.NDArray[np.uint8]
    trust: npt.NDArray[np.uint8]
    amount: npt.NDArray[np.float64]
    text: list[str]
    note: list[str]
    numbers: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start_ms)

    def identity(self, index: int) -> bytes:
        """The journal id of one event: its evidence."""
        return bytes(self.ids[index].tobytes())

    @property
    def end_or_start_ms(self) -> npt.NDArray[np.int64]:
        """The end, or the start where there is none."""
        return np.where(self.end_ms == NO_END, self.start_ms, self.end_ms)


_ARRAYS = (
    "ids", "start_ms", "end_ms", "raw_ms", "uncertainty_ms", "carried_min", "precision", "origin", "trust", "amount",
)  # fmt: skip


def halves(ids: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """Ids as numbers, (n, 2), which in order of the first and then of the second are in the order of their bytes."""
    return np.ascontiguousarray(ids).view(">u8").reshape(-1, 2).astype(np.uint64)


def merged_columns(one: EventColumns, other: EventColumns) -> EventColumns:
    """Two lots of columns of one stream as one, in order of (start, id); an event in both is taken once, of `other`."""
    kept = np.flatnonzero(~_among(halves(one.ids), halves(other.ids)))
    place = np.concatenate([kept, np.arange(len(one), len(one) + len(other))])
    start = np.concatenate([one.start_ms, other.start_ms])[place]
    order = np.argsort(start, kind="stable")  # both are in order, so this merges them
    if bool((np.diff(start[order]) == 0).any()):
        number = np.concatenate([halves(one.ids), halves(other.ids)])[place]
        order = np.lexsort((number[:, 1], number[:, 0], start))
    place = place[order]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])[place] for name in _ARRAYS
    }
    numbers = {name: np.concatenate([one.numbers[name], other.numbers[name]])[place] for name in other.numbers}
    text, note = _picked(one.text + other.text, place), _picked(one.note + other.note, place)
    return replace(one, **arrays, text=text, note=note, numbers=numbers)


def _among(ids: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which of the ids are among others: (n, 2) and (m, 2), see `halves`."""
    found = np.isin(ids[:, 0], others[:, 0])
    for i in np.flatnonzero(found).tolist():
        found[i] = bool((others == ids[i]).all(axis=1).any())
    return found


def _picked(texts: list[str], place: npt.NDArray[np.int64]) -> list[str]:
    """The texts at these places, copied in runs: what arrives late is mostly one run between two others."""
    found = list[str]()
    for run in np.split(place, np.flatnonzero(np.diff(place) != 1) + 1) if len(place) else ():
        found += texts[int(run[0]) : int(run[-1]) + 1]
    return found
