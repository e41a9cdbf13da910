"""An event as the life stream places it, and how it goes into a row of the derived database and back."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from hearthside.alignment.block import DayBlock
from hearthside.alignment.kinds import amount_of, is_life, note_of, rule_of
from hearthside.events import DAY_MS, MINUTE_MS, Event, Layer, Origin, Precision, Series, iso_day
from hearthside.journal import Stored

COLUMNS = (
    "id, layer, source, kind, start_ms, end_ms, local_day, offset_min, precision, uncertainty_ms, origin, trust,"
    " amount, text, note"
)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event as the life stream places it: with the person's local day and offset, and the one number it stands for.

    Attributes:
        local_day: the person's date; of a night the date of the morning.
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


def occurrence_row(item: Stored, day: int, block: DayBlock) -> tuple[object, ...] | None:
    """The row of a record in the block of a UTC day; None for what is no part of the life."""
    event = item.record
    if isinstance(event, Series) or not is_life(event.kind):
        return None
    offset = event.offset_min
    if offset is None:
        offset = int(block.offset_min[(event.start_ms - day * DAY_MS) // MINUTE_MS])
    return (
        item.id, day, event.layer.value, event.source, event.kind, event.start_ms, event.end_ms,
        _local_day(event, offset), offset, event.precision.value, event.uncertainty_ms, event.origin.value,
        event.trust.value, amount_of(event), event.text, note_of(event),
    )  # fmt: skip


def _local_day(event: Event, offset_min: int) -> str:
    if event.precision is Precision.DAY:
        return iso_day(event.start_ms // DAY_MS)
    at = event.end_ms if rule_of(event.kind).day_by_end and event.end_ms is not None else event.start_ms
    return iso_day((at + offset_min * MINUTE_MS) // DAY_MS)


def occurrence_of(row: tuple[object, ...]) -> Occurrence:
    """The occurrence of a row, in the order of `COLUMNS`."""
    (identity, layer, source, kind, start, end, local_day, offset, precision, uncertainty, origin, trust, amount, text,
     note) = row  # fmt: skip
    return Occurrence(
        bytes(identity), Layer(layer), str(source), str(kind), int(start), None if end is None else int(end),  # type: ignore
        str(local_day), int(offset), Precision(precision), int(uncertainty), Origin(origin), str(trust),  # type: ignore
        None if amount is None else float(amount), str(text), str(note),  # type: ignore
    )  # fmt: skip


def casefold(*values: object) -> str:
    """For the function ``casefold`` of the database: case and composition make no difference."""
    return unicodedata.normalize("NFC", str(values[0]).casefold())


def holds(column: str, word: str) -> str:
    """SQL: the column holds a word; its value is `pattern(word)`."""
    # LIKE ignores the case of ASCII letters only; anything else is folded first, which is slower.
    folded = column if word.isascii() else f"casefold({column})"
    return f"{folded} LIKE ? ESCAPE '\\'"


def pattern(word: str) -> str:
    """What LIKE is asked for."""
    plain = casefold(word).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"
