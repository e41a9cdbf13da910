"""The NumPy kernel: events to minute columns; a slice's id is its minute, so joins are divisions and counting.

Two forms share the same inner functions. The day form takes one stream over one UTC day, instants and intervals mixed,
and says what each minute holds. The run form takes many streams over any number of minutes and fills whole columns:
values that hold, ages, counts, means, overlaps and lists of ids. It works through the minutes in runs whose scratch
memory stays in the processor's cache. Neither loops over events in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hearthside.alignment.offsets import MINUTES
from hearthside.events import DAY_MS, MINUTE_MS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Column = npt.NDArray[np.generic]
_Name = TypeVar("_Name", str, tuple[str, str])

INSTANT = -1
"""The end of an event that has none."""

RUN = 8 * MINUTES
"""Minutes joined at a time: scratch columns of 90 kB and a sensor's 70,000 samples stay in a cache of 1 MB."""

_LONGEST_RUN = 1 << 16
"""Minutes of a run fit 16 bits."""

_LINE = 64
"""Bytes of a cache line, on which columns start."""

_MOST = np.iinfo(np.uint16).max
"""A count does not go beyond this."""


# -- one stream over one UTC day -----------------------------------------------------------------------------------


def minute_columns(
    day: int, start_ms: Ints, end_ms: Ints, tolerance_min: int | Ints
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32]]:
    """Counts and as-of values of one stream over one UTC day.

    Args:
        day: days since 1970-01-01.
        start_ms, end_ms: shape (n,), sorted by start; end_ms is exclusive, -1 for an instant.
        tolerance_min: how long the last event holds, minutes; or (n,) for each event.

    Returns:
        count (1440,): events in or overlapping each minute; last (1440,): index of the latest event that started at
        or before the end of the minute and still holds, or -1.
    """
    first, final = touched_minutes(day, start_ms, end_ms)
    begun, starting = _begun(first, MINUTES)
    count = starting if final is first else begun - _ended(final, MINUTES)
    return _counted(count), _latest(first, final + tolerance_min, begun)


def touched_minutes(day: int, start_ms: Ints, end_ms: Ints) -> tuple[Ints, Ints]:
    """First and last minute that each event touches, counted from the day's first; they may lie outside the day."""
    origin = day * DAY_MS
    first = (start_ms - origin) // MINUTE_MS
    instant = end_ms == INSTANT
    if instant.all():
        return first, first
    return first, np.where(instant, first, _final_minute(end_ms, origin, first))


def covered_minutes(day: int, start_ms: Ints, end_ms: Ints, cadence_min: int) -> tuple[Bools, tuple[int, int] | None]:
    """Minutes within a stream's cadence of something it said, and the (first, last) minute it was heard at all.

    The minutes may lie before the day (negative) when the stream was heard the day before.
    """
    if not len(start_ms):
        return np.zeros(MINUTES, dtype=np.bool_), None
    first, final = touched_minutes(day, start_ms, end_ms)
    begun, _ = _begun(first, MINUTES)
    return begun > _ended(final + cadence_min - 1, MINUTES), (int(first.min()), int(final.max()))


def minute_samples(day: int, start_ms: int, step_ms: int, values: Floats) -> Floats:
    """A regular series resampled to the minutes of a UTC day.

    With steps of a minute or more each minute takes the sample that holds at its start; with shorter steps the mean of
    the samples whose time lies in it, leaving out those that are NaN.

    Returns:
        shape (1440,), NaN where the series says nothing.
    """
    if step_ms < MINUTE_MS:
        return _sample_means(day * DAY_MS, start_ms, step_ms, values)
    starts = day * DAY_MS + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
    # A minute belongs to the sample whose own minute contains it: a device that starts at :30 keeps minute i at i.
    index = (starts - (start_ms // MINUTE_MS) * MINUTE_MS) // step_ms
    inside = (index >= 0) & (index < len(values))
    out = np.full(MINUTES, np.nan)
    out[inside] = values[index[inside]]
    return out


def _sample_means(origin_ms: int, start_ms: int, step_ms: int, values: Floats) -> Floats:
    """The mean of the samples in each minute of the day that starts at `origin_ms`."""
    ahead = start_ms - origin_ms
    # Samples low to high - 1 lie in the day: the first whose time is not before it, up to the first after it.
    low, high = (min(max(-((ahead - edge) // step_ms), 0), len(values)) for edge in (0, DAY_MS))
    out = np.full(MINUTES, np.nan)
    if low < high:
        minute = (ahead + np.arange(low, high, dtype=np.int64) * step_ms) // MINUTE_MS
        _mean(minute, values[low:high], np.bincount(minute, minlength=MINUTES), out)
    return out


# -- many streams over runs of minutes -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instants:
    """Events without length of one stream, in order of time.

    Attributes:
        times_ms: (n,) int64 UTC ms.
        tolerance_ms: how long the last event holds; its age is measured at the last millisecond of a minute.
        last: columns (n,) of which each minute takes the value of the event that holds.
        mean: columns (n,) of which each minute takes the mean of the values in it that are not NaN.
        ids: (n,) of any type but object, to list the events in each minute, or None.
        aged: whether to say how old the event is that holds.
    """

    times_ms: Ints
    tolerance_ms: int
    last: Mapping[str, Column] = field(default_factory=dict)
    mean: Mapping[str, Floats] = field(default_factory=dict)
    ids: Column | None = None
    aged: bool = False


@dataclass(frozen=True, slots=True)
class Intervals:
    """Events with a length of one stream, in order of start.

    Attributes:
        start_ms, end_ms: (n,) int64 UTC ms, the end exclusive; one that ends where it starts touches one minute.
        ids: (n,) of any type but object, to list the events that touch each minute.
    """

    start_ms: Ints
    end_ms: Ints
    ids: Column


@dataclass(frozen=True, slots=True)
class IdLists:
    """A list of ids for each minute, laid out as Arrow does: those of minute i are values[offsets[i]:offsets[i + 1]].

    Attributes:
        offsets: (minutes + 1,) int32, or int64 where int32 is too small.
        values: ids one minute after the other; those of instants are the stream's own array, not a copy.
    """

    offsets: npt.NDArray[np.signedinteger]
    values: Column

    def of(self, minute: int) -> Column:
        """The ids of one minute."""
        return self.values[self.offsets[minute] : self.offsets[minute + 1]]


@dataclass(frozen=True, slots=True)
class InstantSlices:
    """What instants say of each minute.

    Attributes:
        count: (minutes,) uint16, events in the minute.
        last: the wanted columns; where nothing holds NaN (floats), -1 (integers) or zero bytes (anything else).
        mean: the wanted columns, NaN where no value is.
        age_ms: (minutes,) age of the event that holds at the end of the minute, -1 where none does; or None.
        ids: the events in each minute, or None.
    """

    count: npt.NDArray[np.uint16]
    last: dict[str, Column]
    mean: dict[str, Floats]
    age_ms: npt.NDArray[np.signedinteger] | None
    ids: IdLists | None


@dataclass(frozen=True, slots=True)
class IntervalSlices:
    """What intervals say of each minute.

    Attributes:
        count: (minutes,) uint16, events that touch the minute.
        overlap_ms: (minutes,) uint32, milliseconds of all of them that lie in the minute.
        ids: the events that touch each minute, in order of start.
    """

    count: npt.NDArray[np.uint16]
    overlap_ms: npt.NDArray[np.uint32]
    ids: IdLists


def slices(
    first_minute: int, minutes: int, streams: Mapping[str, Instants | Intervals], run: int = RUN
) -> dict[str, InstantSlices | IntervalSlices]:
    """Every stream's columns over `minutes` slices from `first_minute` (minutes since 1970-01-01 UTC).

    Args:
        run: minutes joined at a time, at most 65,536; the result is the same.

    It works in one thread: a second one was measured to be no gain, because the work waits for memory and, between its
    short calls, for the interpreter's lock.
    """
    found: dict[str, InstantSlices | IntervalSlices] = {}
    for name, stream in streams.items():
        if isinstance(stream, Instants):
            found[name] = instant_slices(first_minute, minutes, stream, run)
        else:
            found[name] = interval_slices(first_minute, minutes, stream, run)
    return found


def instant_slices(first_minute: int, minutes: int, stream: Instants, run: int = RUN) -> InstantSlices:
    """What a stream of instants says of each of `minutes` slices from `first_minute`; see `slices`."""
    span_ms = np.array([first_minute, first_minute + minutes]) * MINUTE_MS
    here, past = stream.times_ms.searchsorted(span_ms).tolist()
    out = _room_for_instants(minutes, stream, slice(here, past))
    for low, high in _runs(minutes, run):
        _join_instants(first_minute + low, slice(low, high), stream, out, here)
    return out


def _room_for_instants(minutes: int, stream: Instants, inside: slice) -> InstantSlices:
    """Columns to fill; `inside` are the events within the minutes."""
    wanted = {("last", name): (minutes, column.dtype) for name, column in stream.last.items()}
    wanted |= {("mean", name): (minutes, np.dtype(np.float64)) for name in stream.mean}
    wanted["age", ""] = (minutes if stream.aged else 0, _index_type(stream.tolerance_ms))
    wanted["offsets", ""] = (minutes + 1, _index_type(inside.stop - inside.start))
    wanted["count", ""] = (minutes, np.dtype(np.uint16))
    columns = _columns(wanted)
    columns["offsets", ""][0] = 0
    return InstantSlices(
        count=columns["count", ""],
        last={name: columns["last", name] for name in stream.last},
        mean={name: columns["mean", name] for name in stream.mean},
        age_ms=columns["age", ""] if stream.aged else None,
        ids=None if stream.ids is None else IdLists(columns["offsets", ""], stream.ids[inside]),
    )


def _join_instants(first_minute: int, where: slice, stream: Instants, out: InstantSlices, skipped: int) -> None:
    """Fill the columns for the minutes `where`, the first of which is `first_minute`; `skipped` events come before."""
    minutes = where.stop - where.start
    edges = _grid(minutes) + first_minute * MINUTE_MS
    here, past = stream.times_ms.searchsorted(edges[[0, -1]]).tolist()
    minute = (stream.times_ms[here:past] - edges[0]) // MINUTE_MS
    begun, count = _begun(minute, minutes, here)
    out.count[where] = _counted(count)
    for name, column in stream.mean.items():
        _mean(minute, column[here:past], count, out.mean[name][where])
    if out.ids is not None:
        out.ids.offsets[where.start + 1 : where.stop + 1] = begun - skipped
    _hold(edges[1:], begun, stream, out, where)


def _hold(end_ms: Ints, begun: Ints, stream: Instants, out: InstantSlices, where: slice) -> None:
    """Fill in what holds in the last millisecond before each `end_ms`, before which `begun` events lie."""
    index = begun - 1
    if len(stream.times_ms):
        age = end_ms - stream.times_ms.take(index, mode="clip")
        age -= 1
        # Before the first event the clipped index names an event to come; its age is negative, so huge when unsigned.
        missing = age.view(np.uint64) > stream.tolerance_ms
    else:
        age, missing = index, index == -1
    if out.age_ms is not None:
        np.copyto(age, -1, where=missing)
        out.age_ms[where] = age
    for name, column in stream.last.items():
        filled = out.last[name][where]
        if len(column):
            column.take(index, mode="clip", out=filled)
        np.copyto(filled, _absent(column.dtype), where=missing)


def interval_slices(first_minute: int, minutes: int, stream: Intervals, run: int = RUN) -> IntervalSlices:
    """What a stream of intervals says of each of `minutes` slices from `first_minute`; see `slices`."""
    origin_ms = first_minute * MINUTE_MS
    out = _room_for_intervals(minutes, stream, _rows(origin_ms, minutes, stream))
    waiting, still_open = 0, np.zeros(0, dtype=np.int64)
    for low, high in _runs(minutes, run):
        begin, end = origin_ms + low * MINUTE_MS, origin_ms + high * MINUTE_MS
        upto = int(stream.start_ms.searchsorted(end))
        events = np.concatenate((still_open, np.arange(waiting, upto, dtype=np.int64)))
        start_ms, end_ms = stream.start_ms[events], stream.end_ms[events]
        inside = np.maximum(end_ms, start_ms + 1) > begin
        if not inside.all():
            events, start_ms, end_ms = events[inside], start_ms[inside], end_ms[inside]
        _join_intervals(slice(low, high), start_ms - begin, end_ms - begin, stream.ids[events], out)
        waiting, still_open = upto, events[end_ms > end]
    return out


def _room_for_intervals(minutes: int, stream: Intervals, rows: int) -> IntervalSlices:
    """Columns to fill, with lists of so many ids altogether."""
    columns = _columns(
        {
            "values": (rows, stream.ids.dtype),
            "offsets": (minutes + 1, _index_type(rows)),
            "overlap": (minutes, np.dtype(np.uint32)),
            "count": (minutes, np.dtype(np.uint16)),
        }
    )
    columns["offsets"][0] = 0
    return IntervalSlices(columns["count"], columns["overlap"], IdLists(columns["offsets"], columns["values"]))


def _rows(origin_ms: int, minutes: int, stream: Intervals) -> int:
    """How many ids the lists hold: an event once for each minute that it touches."""
    upto = int(stream.start_ms.searchsorted(origin_ms + minutes * MINUTE_MS))
    total = 0
    for at in range(0, upto, _MOST):  # in pieces, so that scratch memory stays small
        part = slice(at, min(at + _MOST, upto))
        first = (stream.start_ms[part] - origin_ms) // MINUTE_MS
        final = np.minimum(_final_minute(stream.end_ms[part], origin_ms, first), minutes - 1)
        total += int(np.maximum(final - np.maximum(first, 0) + 1, 0).sum())
    return total


def _join_intervals(where: slice, start: Ints, end: Ints, ids: Column, out: IntervalSlices) -> None:
    """Fill the columns for the minutes `where` from the events that touch them, ms counted from the first of them."""
    minutes = where.stop - where.start
    first = start // MINUTE_MS
    low, high = np.maximum(first, 0), np.minimum(_final_minute(end, 0, first), minutes - 1)
    count = np.cumsum(np.bincount(low, minlength=minutes)) - _ended(high, minutes)
    out.count[where] = _counted(count)
    # Whole minutes, less what lies before a start in its minute and after an end in its own: exact in float64.
    before = np.maximum(start - low * MINUTE_MS, 0)
    after = np.maximum((high + 1) * MINUTE_MS - np.maximum(end, start), 0)
    outside = np.bincount(np.concatenate((low, high)), np.concatenate((before, after)), minlength=minutes)
    out.overlap_ms[where] = np.minimum(count * float(MINUTE_MS) - outside, np.iinfo(np.uint32).max)

    offset = int(out.ids.offsets[where.start])
    out.ids.offsets[where.start + 1 : where.stop + 1] = np.cumsum(count) + offset
    length = high - low + 1
    until = np.cumsum(length)
    rows = int(until[-1]) if len(until) else 0
    # Row r of an event is its minute low + r. In 16 bits sums wrap around, and come out right: minutes fit 16 bits.
    minute = np.repeat((low - until + length).astype(np.uint16), length) + np.arange(rows).astype(np.uint16)
    # A stable sort of 16-bit numbers is a radix sort: linear, and it keeps the order of start within a minute.
    order = minute.argsort(kind="stable")
    np.repeat(ids, length).take(order, out=out.ids.values[offset : offset + rows], mode="clip")


# -- what both forms share -----------------------------------------------------------------------------------------


def _runs(minutes: int, run: int) -> Iterator[tuple[int, int]]:
    """The minutes in runs: first, and one past the last."""
    step = min(run, _LONGEST_RUN)
    for low in range(0, minutes, step):
        yield low, min(low + step, minutes)


@lru_cache(maxsize=4)
def _grid(minutes: int) -> Ints:
    """The edges of so many minutes, in ms from the first."""
    edges = np.arange(minutes + 1, dtype=np.int64) * MINUTE_MS
    edges.flags.writeable = False
    return edges


def _columns(wanted: Mapping[_Name, tuple[int, np.dtype[Any]]]) -> dict[_Name, npt.NDArray[Any]]:
    """Empty columns of a length and type, in one block of memory that is large enough for huge pages.

    NumPy asks for them from 4 MB on. A year of the six benchmark streams fills 48 MB: touching it for the first time
    took 25 ms in pages of 4 kB and 5 ms in pages of 2 MB, the join itself 50 ms.
    """
    starts = [0, *accumulate(-(-length * kind.itemsize // _LINE) * _LINE for length, kind in wanted.values())]
    block = np.empty(starts[-1], dtype=np.uint8)
    return {
        name: block[at : at + length * kind.itemsize].view(kind)
        for at, (name, (length, kind)) in zip(starts, wanted.items(), strict=False)
    }


def _begun(first: Ints, minutes: int, before: int = 0) -> tuple[Ints, Ints]:
    """For each minute from 0 how many events began in it or earlier, and how many in it.

    Args:
        first: (n,) the minute in which each event begins, ascending; it may lie outside the range.
        before: events before those in `first`.
    """
    low, high = first.searchsorted((0, minutes)).tolist()
    starting = np.bincount(first[low:high], minlength=minutes)
    begun = np.cumsum(starting)
    begun += before + low
    return begun, starting


def _ended(final: Ints, minutes: int) -> Ints:
    """For each minute from 0 how many events touched their last minute before it; `final` in any order."""
    after = np.clip(final + 1, 0, minutes)
    return np.cumsum(np.bincount(after, minlength=minutes + 1)[:minutes])


def _final_minute(end_ms: Ints, origin_ms: int, first: Ints) -> Ints:
    """The last minute touched; an interval that ends on a whole minute does not touch that minute."""
    return np.maximum((end_ms - (1 + origin_ms)) // MINUTE_MS, first)


def _counted(count: Ints) -> npt.NDArray[np.uint16]:
    if len(count) and count.max() > _MOST:
        count = np.minimum(count, _MOST)
    return count.astype(np.uint16)


def _mean(minute: Ints, values: Floats, count: Ints, out: Floats) -> None:
    """The mean of the values in each minute that are not NaN, added up in order of time."""
    total = np.bincount(minute, values, minlength=len(out))
    if np.isnan(total).any():
        there = ~np.isnan(values)
        minute = minute[there]
        total = np.bincount(minute, values[there], minlength=len(out))
        count = np.bincount(minute, minlength=len(out))
    with np.errstate(invalid="ignore"):
        np.divide(total, count, out=out)  # 0/0: no value, NaN


def _latest(first: Ints, until: Ints, begun: Ints) -> npt.NDArray[np.int32]:
    """For each minute the latest event that has begun and holds until that minute or later, or -1.

    Args:
        first: (n,) ascending; until: (n,) the last minute in which each event holds; begun: see `_begun`.
    """
    if not len(first):
        return np.full(len(begun), -1, dtype=np.int32)
    if np.all(until[1:] >= until[:-1]):
        # No event outlasts a later one: if the latest that began is over, so are all before it.
        held = (until.take(begun - 1, mode="clip") >= np.arange(len(begun))) & (begun > 0)
        return np.where(held, begun - 1, -1).astype(np.int32)
    return _latest_of_nested(first, until, len(begun))


def _latest_of_nested(first: Ints, until: Ints, minutes: int) -> npt.NDArray[np.int32]:
    """The same where a long event may still hold when a shorter one within it is over.

    A sparse table (Bender & Farach-Colton, The LCA Problem Revisited, 2000) filled from the top: an event's range is
    the union of two ranges of a power of two, and each level hands its maxima down to the one below, so the work is
    n + minutes * log2(minutes) however deep events nest.
    """
    low, high = np.maximum(first, 0), np.minimum(until, minutes - 1)
    event = np.flatnonzero(low <= high)
    low, high = low[event], high[event]
    level = np.frexp(high - low + 1)[1].astype(np.int64) - 1
    table = np.full((int(level.max(initial=0)) + 1, minutes), -1, dtype=np.int64)
    np.maximum.at(table.reshape(-1), level * minutes + low, event)
    np.maximum.at(table.reshape(-1), level * minutes + high + 1 - (1 << level), event)
    for upper in range(len(table) - 1, 0, -1):
        half = 1 << (upper - 1)
        np.maximum(table[upper - 1], table[upper], out=table[upper - 1])
        np.maximum(table[upper - 1, half:], table[upper, :-half], out=table[upper - 1, half:])
    last: npt.NDArray[np.int32] = table[0].astype(np.int32)
    return last


def _index_type(most: int) -> np.dtype[np.signedinteger]:
    return np.dtype(np.int32 if most <= np.iinfo(np.int32).max else np.int64)


def _absent(dtype: np.dtype[np.generic]) -> Column:
    """What a column holds where there is nothing."""
    if dtype.kind in "fi":
        return np.array(np.nan if dtype.kind == "f" else -1, dtype=dtype)
    return np.zeros((), dtype=dtype)
