"""One stream over one UTC day: its events as columns and what they mean for each minute, packed in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO, StringIO

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from hearthside.alignment.columns import NO_END, EventColumns, halves
from hearthside.alignment.kernel import INSTANT, covered_minutes, minute_columns, touched_minutes
from hearthside.alignment.kinds import KindRule
from hearthside.alignment.offsets import MINUTES
from hearthside.events import DAY_MS, MINUTE_MS, Layer

ID_BYTES = 16
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Carried:
    """Events of earlier days that touch this one or whose last word still holds in it, in order of (start, id).

    Attributes:
        ids: (n,) ``V16``; start_ms, end_ms: (n,), `NO_END` for an instant.
    """

    ids: npt.NDArray[np.void]
    start_ms: Ints
    end_ms: Ints

    def same(self, other: Carried) -> bool:
        """Whether both hold the very same events at the same times."""
        return (
            len(self.ids) == len(other.ids)
            and self.ids.tobytes() == other.ids.tobytes()
            and bool(np.array_equal(self.start_ms, other.start_ms))
            and bool(np.array_equal(self.end_ms, other.end_ms))
        )


@dataclass(frozen=True, slots=True)
class Minutes:
    """What a stream says of each minute of one UTC day.

    Attributes:
        count: (1440,) uint16, events in or overlapping the minute.
        last: (1440,) int32, index of the latest event that still holds, into the carried events followed by the day's
            own that have a time of day; -1 for none.
        covered: (1440,) bool, within the stream's cadence of something it said.
    """

    count: npt.NDArray[np.uint16]
    last: npt.NDArray[np.int32]
    covered: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One stream of events over one UTC day."""

    day: int
    own: EventColumns
    carried: Carried
    minutes: Minutes

    @property
    def timed(self) -> npt.NDArray[np.int64]:
        """Indices of the day's own events that have a time of day."""
        return np.flatnonzero(self.own.precision == 0)

    @property
    def empty(self) -> bool:
        """Nothing starts here and nothing reaches in."""
        return not len(self.own) and not len(self.carried.ids)


def no_ids() -> npt.NDArray[np.void]:
    """No ids."""
    return np.zeros(0, dtype="V16")


def nothing_carried() -> Carried:
    """Nothing of earlier days."""
    return Carried(no_ids(), np.zeros(0, np.int64), np.zeros(0, np.int64))


def make_chunk(day: int, own: EventColumns, carried: Carried, rule: KindRule) -> Chunk:
    """Line up the events of one stream with the minutes of one UTC day.

    Args:
        own: the events that start on the day.
        carried: earlier ones that reach in.
    """
    timed = own.precision == 0
    start = np.concatenate([carried.start_ms, own.start_ms[timed]])
    end = np.concatenate([carried.end_ms, own.end_ms[timed]])
    tolerance = _tolerance(rule, end)
    end = np.where(end == NO_END, INSTANT, end)
    count, last = minute_columns(day, start, end, tolerance)
    covered, _ = covered_minutes(day, start, end, rule.cadence_min)
    return Chunk(day, own, carried, Minutes(count, last, covered))


def carry_out(chunk: Chunk, rule: KindRule) -> Carried:
    """What of this day and of earlier ones touches the next day or still holds in it."""
    timed = chunk.own.precision == 0
    ids = np.concatenate([chunk.carried.ids, chunk.own.ids[timed]])
    start = np.concatenate([chunk.carried.start_ms, chunk.own.start_ms[timed]])
    end = np.concatenate([chunk.carried.end_ms, chunk.own.end_ms[timed]])
    _, final = touched_minutes(chunk.day, start, np.where(end == NO_END, INSTANT, end))
    # What a stream covers reaches `cadence` minutes on, and its last word `tolerance` minutes.
    reaches = np.flatnonzero(final + np.maximum(_tolerance(rule, end), rule.cadence_min - 1) >= MINUTES)
    if not rule.per and len(reaches) > 1:
        reaches = reaches[_needed(start[reaches], final[reaches])]
    return Carried(ids[reaches], start[reaches], end[reaches])


def _tolerance(rule: KindRule, end_ms: Ints) -> int | Ints:
    """How long each event holds after its end, minutes."""
    return np.where(end_ms == NO_END, rule.tolerance_min, 0) if rule.until_end else rule.tolerance_min


def _needed(start: Ints, final: Ints) -> npt.NDArray[np.bool_]:
    """Of several events that hold into the next day those that no later one, which holds as long, covers up."""
    after = np.maximum.accumulate(final[::-1])[::-1]
    hidden = np.zeros(len(start), dtype=np.bool_)
    hidden[:-1] = (after[1:] >= final[:-1]) & (final[:-1] < MINUTES)
    return ~hidden


# -- bytes -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _codec() -> pa.Codec:
    return pa.Codec("zstd", 1)


def squeeze(raw: bytes) -> bytes:
    """Compressed, with its length before it; equal bytes give equal bytes."""
    return len(raw).to_bytes(4, "little") + bytes(_codec().compress(raw, asbytes=True))


def unsqueeze(packed: bytes) -> bytes:
    """What `squeeze` was given."""
    raw: bytes = _codec().decompress(packed[4:], int.from_bytes(packed[:4], "little"), asbytes=True)
    return raw


def pack_events(own: EventColumns) -> bytes:
    """The columns as bytes; equal columns give equal bytes."""
    n = len(own)
    header = {"n": n, "numbers": list(own.numbers)}
    texts, notes = _pack_texts(own.text), _pack_texts(own.note)
    arrays: list[npt.NDArray[np.generic]] = [
        own.ids, np.diff(own.start_ms, prepend=np.int64(0)),
        np.where(own.end_ms == NO_END, -1, own.end_ms - own.start_ms), own.raw_ms - own.start_ms, own.uncertainty_ms,
        own.carried_min, own.precision, own.origin, own.trust, own.amount, *own.numbers.values(), texts[0], notes[0],
    ]  # fmt: skip
    head = orjson.dumps(header)
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return squeeze(b"".join((len(head).to_bytes(4, "little"), head, body, texts[1], notes[1])))


def unpack_events(layer: Layer, source: str, kind: str, packed: bytes) -> EventColumns:
    """The columns that `pack_events` packed."""
    content = unsqueeze(packed)
    size = int.from_bytes(content[:4], "little")
    header = orjson.loads(content[4 : 4 + size])
    take = _Taking(content, 4 + size, header["n"])
    ids = take.array("V16")
    start = np.cumsum(take.array(np.int64))
    length = take.array(np.int64)
    raw = take.array(np.int64) + start
    uncertainty, carried = take.array(np.int64), take.array(np.int16)
    precision, origin, trust = take.array(np.uint8), take.array(np.uint8), take.array(np.uint8)
    amount = take.array(np.float64)
    numbers = {name: take.array(np.float64) for name in header["numbers"]}
    text_bytes, note_bytes = take.array(np.int32), take.array(np.int32)
    text, note = take.texts(text_bytes), take.texts(note_bytes)
    end = np.where(length == -1, NO_END, start + length)
    return EventColumns(
        layer, source, kind, ids, start, end, raw, uncertainty, carried, precision, origin, trust, amount, text, note,
        numbers,
    )  # fmt: skip


def _pack_texts(texts: Sequence[str]) -> tuple[npt.NDArray[np.int32], bytes]:
    """Lengths in bytes, and the bytes of all."""
    joined = "".join(texts)
    if joined.isascii():
        return np.fromiter(map(len, texts), dtype=np.int32, count=len(texts)), joined.encode("ascii")
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return np.fromiter(map(len, encoded), dtype=np.int32, count=len(texts)), b"".join(encoded)


class _Taking:
    """Arrays of n values taken from bytes, one after another."""

    def __init__(self, content: bytes, position: int, count: int) -> None:
        self._content, self._position, self._count = content, position, count

    def array(self, dtype: npt.DTypeLike) -> npt.NDArray:  # type: ignore[type-arg]
        found: npt.NDArray = np.frombuffer(self._content, dtype, self._count, self._position)  # type: ignore[type-arg]
        self._position += found.nbytes
        return found

    def texts(self, lengths: npt.NDArray[np.int32]) -> list[str]:
        total = int(lengths.sum())
        raw = self._content[self._position : self._position + total]
        self._position += total
        if not total:
            return [""] * len(lengths)
        each = lengths.tolist()
        if raw.isascii():  # reading on and on is faster than cutting pieces out
            return list(map(StringIO(raw.decode("ascii")).read, each))
        return [piece.decode("utf-8", "surrogatepass") for piece in map(BytesIO(raw).read, each)]


def pack_minutes(carried: Carried, minutes: Minutes) -> bytes:
    """The minutes and what is carried into them as bytes; equal ones give equal bytes."""
    last = np.diff(minutes.last, prepend=np.int32(0)).astype(np.int32)
    arrays: list[npt.NDArray[np.generic]] = [
        minutes.count, last, minutes.covered, carried.ids, carried.start_ms, carried.end_ms,
    ]  # fmt: skip
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return squeeze(len(carried.ids).to_bytes(4, "little") + body)


def unpack_minutes(packed: bytes) -> tuple[Carried, Minutes]:
    """What `pack_minutes` packed."""
    content = unsqueeze(packed)
    n = int.from_bytes(content[:4], "little")
    take = _Taking(content, 4, MINUTES)
    count = take.array(np.uint16)
    last = np.cumsum(take.array(np.int32)).astype(np.int32)
    covered = take.array(np.bool_)
    rest = _Taking(content, take._position, n)
    ids, start, end = rest.array("V16"), rest.array(np.int64), rest.array(np.int64)
    return Carried(ids, start, end), Minutes(count, last, covered)


# -- what changed ------------------------------------------------------------------------------------------------------


def changed_minutes(before: Chunk | None, after: Chunk | None, rule: KindRule) -> tuple[int, int]:
    """First and last minute of the day whose slice differs; (0, 1439) when only words of the whole day differ."""
    day = (before or after).day  # type: ignore[union-attr]
    head, tail = _alike(before.own, after.own) if before is not None and after is not None else (0, 0)
    spans = _spans(before, head, tail) ^ _spans(after, head, tail)
    if not spans:
        return 0, MINUTES - 1
    start = np.array([span[1] for span in spans], dtype=np.int64)
    end = np.array([span[2] for span in spans], dtype=np.int64)
    first, final = touched_minutes(day, start, np.where(end == NO_END, INSTANT, end))
    reach = max(rule.tolerance_min, rule.cadence_min - 1)
    return int(np.clip(first.min(), 0, MINUTES - 1)), int(np.clip((final + reach).max(), 0, MINUTES - 1))


def _alike(one: EventColumns, other: EventColumns) -> tuple[int, int]:
    """With how many same events at the same times both begin, and with how many of the rest they end."""
    n = min(len(one), len(other))
    head = _alike_from(one, other, np.arange(n), np.arange(n))
    back = np.arange(1, n - head + 1)
    return head, _alike_from(one, other, len(one) - back, len(other) - back)


def _alike_from(one: EventColumns, other: EventColumns, mine: Ints, theirs: Ints) -> int:
    """How many events are the same, compared in this order, before the first that is not."""
    same = (one.start_ms[mine] == other.start_ms[theirs]) & (one.end_ms[mine] == other.end_ms[theirs])
    same &= (halves(one.ids[mine]) == halves(other.ids[theirs])).all(axis=1)
    return len(same) if same.all() else int(np.argmin(same))


def _spans(chunk: Chunk | None, head: int, tail: int) -> set[tuple[bytes, int, int]]:
    """Id, start and end of all events but of so many of the day's own at its beginning and at its end."""
    if chunk is None:
        return set()
    own, part = chunk.own, slice(head, len(chunk.own) - tail)
    rows = zip(own.ids[part].tolist(), own.start_ms[part].tolist(), own.end_ms[part].tolist(), strict=True)
    carried = chunk.carried
    return {*rows, *zip(carried.ids.tolist(), carried.start_ms.tolist(), carried.end_ms.tolist(), strict=True)}


def minutes_touched(count: npt.NDArray[np.uint16]) -> int:
    """How many minutes have an event."""
    return int(np.count_nonzero(count))


def last_end_ms(own: EventColumns) -> int:
    """When the last of the events is over; of a day-precision event when its local day is over anywhere on earth."""
    if not len(own):
        return -(2**62)
    ends = np.maximum(own.end_or_start_ms, own.start_ms + 1)
    ends = np.where(own.precision == 1, own.start_ms + 2 * DAY_MS, ends)
    return int(ends.max())


def minute_of_day(ms: int) -> int:
    """The minute of its UTC day that a time lies in."""
    return ms % DAY_MS // MINUTE_MS
