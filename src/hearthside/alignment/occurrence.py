"""An event as the life stream places it, out of the columns of its stream and the person's UTC offset."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import NO_END, NO_OFFSET, ORIGINS, PRECISIONS, TRUSTS, EventColumns
from hearthside.alignment.kinds import rule_of
from hearthside.alignment.offsets import OffsetTrack
from hearthside.events import DAY_MS, MINUTE_MS, Layer, Origin, Precision, iso_day


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event as the life stream places it: with the person's local day and offset, and the one number it stands for.

    Attributes:
        start_ms, end_ms: corrected time; `raw_ms` is the start as the device's clock said.
        local_day: the person's date; of a night the date of the morning.
        uncertainty_ms: how far the true time may lie from `start_ms`, either way.
        offset_min: the person's UTC offset at the start.
        amount: seconds for what lasts, or the figure of a day (steps, kilograms, score); None when there is none.
    """

    id: bytes
    layer: Layer
    source: str
    kind: str
    start_ms: int
    end_ms: int | None
    local_day: str
    offset_min: int
    precision: Precision
    uncertainty_ms: int
    origin: Origin
    trust: str
    amount: float | None
    text: str
    note: str
    raw_ms: int


def occurrences_of(
    columns: EventColumns, chosen: npt.NDArray[np.intp], track: OffsetTrack, days: npt.NDArray[np.int64] | None = None
) -> list[Occurrence]:
    """Some rows of columns as occurrences; `days` are the local days of all rows where they are known already."""
    if not len(chosen):
        return []
    offsets = offsets_in(columns, track)
    local = local_days_in(columns, offsets) if days is None else days
    found = []
    for i in chosen.tolist():
        amount = float(columns.amount[i])
        end = int(columns.end_ms[i])
        found.append(
            Occurrence(
                columns.identity(i), columns.layer, columns.source, columns.kind, int(columns.start_ms[i]),
                None if end == NO_END else end, iso_day(int(local[i])), int(offsets[i]),
                PRECISIONS[columns.precision[i]], int(columns.uncertainty_ms[i]), ORIGINS[columns.origin[i]],
                TRUSTS[columns.trust[i]].value, None if amount != amount else amount, columns.text[i],
                columns.note[i], int(columns.raw_ms[i]),
            )
        )  # fmt: skip
    return found


def offsets_in(columns: EventColumns, track: OffsetTrack) -> npt.NDArray[np.int64]:
    """The person's UTC offset at each event: what the source carried, else the track's; (n,) minutes.

    The track is asked at the start, but of a night at the end: that is what a ring stamps a night with.
    """
    carried = columns.carried_min.astype(np.int64)
    missing = columns.carried_min == NO_OFFSET
    if missing.any():
        at = columns.end_or_start_ms if rule_of(columns.kind).day_by_end else columns.start_ms
        carried[missing] = track.at(at[missing])
    return carried


def local_days_in(columns: EventColumns, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The local day of each event, days since 1970; of a night that of the morning."""
    at = columns.end_or_start_ms if rule_of(columns.kind).day_by_end else columns.start_ms
    return np.where(columns.precision == 1, columns.start_ms // DAY_MS, (at + offsets * MINUTE_MS) // DAY_MS)


def words_in(columns: EventColumns, words: Iterable[str], about: Iterable[str]) -> npt.NDArray[np.bool_] | None:
    """Which rows hold every word in text or note, and every name where somebody or somewhere is named; None: all."""
    found: npt.NDArray[np.bool_] | None = None
    wanted = [(folded(word), columns.text) for word in words]
    named = [
        (folded(name), columns.text if columns.kind.startswith("region") else [""] * len(columns)) for name in about
    ]
    for word, texts in (*wanted, *named):
        here = [word in folded(text) or word in folded(note) for text, note in zip(texts, columns.note, strict=True)]
        found = np.array(here, dtype=np.bool_) if found is None else found & np.array(here, dtype=np.bool_)
    return found


def folded(text: str) -> str:
    """A text as words are looked for: case and composition make no difference."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.casefold())
