"""The events of one stream that start on one UTC day, as columns: what slices, episodes, queries and pages read."""

from __future__ import annotations

from dataclasses import dataclass, field

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
