"""The flat tables of an export: events, samples and occurrences, one row each, with what every column means."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson

from hearthside.alignment.occurrence import Occurrence
from hearthside.alignment.stream import LifeStream
from hearthside.events import DAY_MS, MINUTE_MS, Json, Precision, day_number, iso_day
from hearthside.leaving.parquet import Column, Constant, ParquetFile, Values

_DAYS_CACHED = 4000  # offsets of one day are 4 KiB
_SPANS = 50_000  # a life stream with a stray date in the year 1 is still read in so many steps
_LARGEST = 2**63 - 1
_COMPACT = orjson.OPT_SORT_KEYS

EVENTS = (
    Column("seq", "whole", "position in the journal, from 1: the order of arrival"),
    Column("id", "text", "the record's id, 32 hex digits; records name each other by it"),
    Column("source", "text", "what it was read by: whatsapp, oura_sleep ...; person, companion, night: the house"),
    Column("kind", "text", "what it is: message, sleep, listen, position ..."),
    Column("layer", "text", "text, visual, auditory, behavioural, environmental or residential"),
    Column("start", "time", "when it happened or began, UTC; with precision day: midnight UTC of that local date"),
    Column("end", "time", "exclusive end of what lasts, UTC; empty for an instant", always=False),
    Column("offset_min", "whole", "UTC offset in minutes, where the source carried it", always=False),
    Column("local_start", "local time", "start on the person's own clock: by offset_min, else by the life stream",
           always=False),
    Column("text", "text", "the words to search and show"),
    Column("origin", "text", "who it comes from: self, person, device, web, ai, ai_accepted, ai_edited"),
    Column("trust", "text", "own, known or unknown"),
    Column("precision", "text", "instant, or day where only the local date is known"),
    Column("uncertainty_ms", "whole", "how far the true time may lie from start, either way, milliseconds"),
    Column("clock", "text", "which clock stamped it, e.g. device:oura, export:whatsapp"),
    Column("key", "text", "the source's own key; of several records with the same source, kind and key the last holds"),
    Column("received", "time", "when the journal took it, UTC"),
    Column("payload", "text", "the source's own fields, whole, as JSON"),
)  # fmt: skip

SERIES = (
    Column("seq", "whole", "position in the journal of the series this sample belongs to"),
    Column("id", "text", "id of that series, 32 hex digits"),
    Column("source", "text", "what it was read by"),
    Column("kind", "text", "what was measured: met, heart_rate, hrv ..."),
    Column("layer", "text", "one of the six layers"),
    Column("sample", "whole", "number of the sample in its series, from 0"),
    Column("start", "time", "when the sample begins to hold, UTC"),
    Column("end", "time", "when it ends to hold, UTC, exclusive"),
    Column("offset_min", "whole", "UTC offset in minutes, where the source carried it", always=False),
    Column("local_start", "local time", "start on the person's own clock, by the offset at the start of the series",
           always=False),
    Column("value", "number", "the value; empty where the device gave none", always=False),
    Column("unit", "text", "unit of the value, e.g. MET, 1/min, ms"),
    Column("uncertainty_ms", "whole", "how far the true time may lie from start, either way, milliseconds"),
    Column("clock", "text", "which clock stamped it"),
    Column("key", "text", "the source's own key, as in events"),
    Column("received", "time", "when the journal took it, UTC"),
)  # fmt: skip

OCCURRENCES = (
    Column("id", "text", "id of the event, as in events"),
    Column("source", "text", "what it was read by"),
    Column("kind", "text", "what it is"),
    Column("layer", "text", "one of the six layers"),
    Column("local_day", "text", "the person's date, ISO; of a night the date of the morning"),
    Column("start", "time", "when it happened or began, UTC"),
    Column("end", "time", "exclusive end of what lasts, UTC; empty for an instant", always=False),
    Column("offset_min", "whole", "the person's UTC offset at the start, minutes"),
    Column("local_start", "local time", "start on the person's own clock", always=False),
    Column("text", "text", "the words to search and show"),
    Column("note", "text", "a second line: speaker, tone, conversation, app title"),
    Column("amount", "number", "the number it stands for: seconds of what lasts, or the day's figure", always=False),
    Column("origin", "text", "who it comes from"),
    Column("trust", "text", "own, known or unknown"),
    Column("precision", "text", "instant or day"),
    Column("uncertainty_ms", "whole", "how far the true time may lie from start, either way, milliseconds"),
)  # fmt: skip


class LocalTime:
    """The person's own clock, as the life stream knows it."""

    def __init__(self, stream: LifeStream) -> None:
        self._stream = stream
        self._days: dict[int, list[int]] = {}

    def offset_at(self, ms: int) -> int:
        """The person's UTC offset at a time, minutes."""
        day, rest = divmod(ms, DAY_MS)
        if day not in self._days:
            if len(self._days) >= _DAYS_CACHED:
                self._days.clear()
            self._days[day] = self._stream.offsets_on(day)[0].tolist()
        return self._days[day][rest // MINUTE_MS]

    def local(self, ms: int, offset_min: int | None, precision: str = Precision.INSTANT) -> int | None:
        """Local time in milliseconds, by a known offset or by the life stream; None beyond 64 bits."""
        if precision == Precision.DAY:
            return ms
        local = ms + (self.offset_at(ms) if offset_min is None else offset_min) * MINUTE_MS
        return local if -_LARGEST <= local <= _LARGEST else None


def add_event(
    file: ParquetFile, seq: int, identity: str, received_ms: int, body: dict[str, Json], clock: LocalTime
) -> None:
    """One event as a row of `EVENTS`."""
    payload = orjson.dumps(body["payload"], option=_COMPACT).decode()
    start, offset, precision = body["start_ms"], body["offset_min"], body["precision"]
    row = (
        seq, identity, body["source"], body["kind"], body["layer"], start, body["end_ms"], offset,
        clock.local(start, offset, precision), body["text"], body["origin"], body["trust"], precision,
        min(body["uncertainty_ms"], _LARGEST), body["clock"], body["key"], received_ms, payload,
    )  # fmt: skip
    file.add(row, len(payload) + len(body["text"]))


def add_series(
    file: ParquetFile, seq: int, identity: str, received_ms: int, body: dict[str, Json], clock: LocalTime
) -> None:
    """Every sample of a series as a row of `SERIES`."""
    values, start, step, offset = body["values"], body["start_ms"], body["step_ms"], body["offset_min"]
    count = len(values)
    if not count:
        return
    local = clock.local(start, offset)
    after_start = step * np.arange(count, dtype=np.int64)
    local_starts: Values = Constant(None)
    if local is not None and abs(local + step * count) <= _LARGEST:
        local_starts = local + after_start
    fixed = [Constant(value) for value in (seq, identity, body["source"], body["measure"], body["layer"])]
    after = [
        Constant(value)
        for value in (body["unit"], min(body["uncertainty_ms"], _LARGEST), body["clock"], body["key"], received_ms)
    ]
    starts = start + after_start
    block = [*fixed, np.arange(count), starts, starts + step, Constant(offset), local_starts, values, *after]
    file.add_block(count, block, count * (len(identity) + 32))


def add_occurrences(file: ParquetFile, found: list[Occurrence]) -> None:
    """Occurrences as rows of `OCCURRENCES`."""
    for o in found:
        local = o.start_ms if o.precision is Precision.DAY else o.start_ms + o.offset_min * MINUTE_MS
        row = (
            o.id.hex(), o.source, o.kind, o.layer.value, o.local_day, o.start_ms, o.end_ms, o.offset_min,
            local if abs(local) <= _LARGEST else None, o.text, o.note, o.amount, o.origin.value, o.trust,
            o.precision.value, o.uncertainty_ms,
        )  # fmt: skip
        file.add(row, len(o.text) + len(o.note))


def occurrences_by_day(stream: LifeStream) -> Iterator[list[Occurrence]]:
    """All occurrences, in order of local day and start, a day at a time."""
    bounds = stream.bounds()
    if bounds is None:
        return
    first, last = day_number(bounds[0]), day_number(bounds[1])
    step = max(1, (last - first) // _SPANS)
    for day in range(first, last + 1, step):
        found = stream.occurrences(local_days=(iso_day(day), iso_day(min(day + step - 1, last))))
        if found:
            yield sorted(found, key=lambda o: (o.local_day, o.start_ms, o.id))
