"""Events of several streams in one order, and the sessions that gaps in time cut them into.

A session is what lies between two gaps: the usual way to find coherent use in a log that marks no ends. Halfaker et
al. 2015 ("User Session Identification Based on Strong Regularities in Inter-activity Time", WWW '15) show that the
times between actions fall apart into those within and those between sessions. Each finder says how long its gap is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hearthside.alignment.columns import NO_END, ORIGINS, EventColumns, halves
from hearthside.alignment.episodes import Window
from hearthside.events import DAY_MS, HOUR_MS, Origin

LONGEST_MS = 12 * HOUR_MS
"""What lasts longer is no part of a session: a device that was left on. Sessions rely on it to be found locally."""

LONG_MS = 12 * HOUR_MS
"""A session that has gone on for so long at midnight UTC is cut there."""

EVIDENCE_EACH = 10
"""An episode keeps so many first and so many last ids."""

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Rows:
    """Events of several columns with a time of day, in order of (start, id); arrays of shape (n,).

    Attributes:
        columns: where they stand.
        place: of each event where it stands in them, counted through all of them.
        ids: ``V16``, journal ids.
        start_ms, end_ms: UTC ms; the end of an instant is its start.
        code: int8, what `gather` was told to code them by; 0 without.
    """

    columns: tuple[EventColumns, ...]
    place: Ints
    ids: npt.NDArray[np.void]
    start_ms: Ints
    end_ms: Ints
    code: Codes

    def __len__(self) -> int:
        return len(self.start_ms)

    def only(self, chosen: npt.NDArray[np.bool_] | Ints) -> Rows:
        """Some of them, chosen by a mask or by ascending indices."""
        if chosen.dtype == np.bool_ and bool(chosen.all()):
            return self
        place, ids, code = self.place[chosen], self.ids[chosen], self.code[chosen]
        return Rows(self.columns, place, ids, self.start_ms[chosen], self.end_ms[chosen], code)

    def text(self, index: int) -> str:
        """The words of one event."""
        return self.texts(slice(index, index + 1))[0]

    def note(self, index: int) -> str:
        """The second line of one event."""
        return self.notes(slice(index, index + 1))[0]

    def texts(self, part: slice = slice(None)) -> list[str]:
        """The words of all, or of a part of them."""
        texts = _one_list([columns.text for columns in self.columns])
        return [texts[i] for i in self.place[part].tolist()]

    def notes(self, part: slice = slice(None)) -> list[str]:
        """The second lines of all, or of a part of them."""
        notes = _one_list([columns.note for columns in self.columns])
        return [notes[i] for i in self.place[part].tolist()]

    def sources(self, part: slice = slice(None)) -> list[str]:
        """The sources of all, or of a part of them."""
        ends = np.cumsum([len(columns) for columns in self.columns])
        which = np.searchsorted(ends, self.place[part], side="right")
        return [self.columns[k].source for k in which.tolist()]

    def values(self, of: Callable[[EventColumns], npt.NDArray[_Number]], dtype: type[_Number]) -> npt.NDArray[_Number]:
        """A value of each event, `of` giving those of all events of its columns."""
        every: npt.NDArray[_Number] = np.concatenate([np.zeros(0, dtype), *map(of, self.columns)])[self.place]
        return every

    def origin_is(self, origin: Origin) -> npt.NDArray[np.bool_]:
        """Which events have this origin."""
        code = ORIGINS.index(origin)
        return self.values(lambda columns: columns.origin == code, np.bool_)

    def amount(self) -> npt.NDArray[np.float64]:
        """The one number of each event, NaN where it has none."""
        return self.values(lambda columns: columns.amount, np.float64)

    def evidence(self, indices: Sequence[int]) -> tuple[bytes, ...]:
        """Their journal ids in order; of many the first and the last `EVIDENCE_EACH`."""
        chosen = list(indices)
        if len(chosen) > 2 * EVIDENCE_EACH:
            chosen = chosen[:EVIDENCE_EACH] + chosen[-EVIDENCE_EACH:]
        return tuple(self.ids[chosen].tolist())


def _one_list(lists: list[list[str]]) -> list[str]:
    return lists[0] if len(lists) == 1 else list(chain.from_iterable(lists))


@dataclass(frozen=True, slots=True)
class Session:
    """A run of events without a gap: indices [first, last) and UTC ms."""

    first: int
    last: int
    start_ms: int
    end_ms: int


def around(
    window: Window,
    kinds: Iterable[str],
    reach_days: int,
    longest_ms: int = LONGEST_MS,
    code: Callable[[EventColumns], Codes] | None = None,
) -> Rows:
    """The events of these kinds within so many days of the window's day, but for those longer than `longest_ms`.

    What else the window holds is not looked at: so a finder gives the same in every window that is wide enough.
    """
    columns = [part for kind in sorted(kinds) for part in window.columns.get(kind, ())]
    rows = gather(columns, (window.day - reach_days) * DAY_MS, (window.day + reach_days + 1) * DAY_MS, code)
    return rows.only(rows.end_ms - rows.start_ms <= longest_ms)


def gather(
    columns: Iterable[EventColumns],
    from_ms: int,
    to_ms: int,
    code: Callable[[EventColumns], Codes] | None = None,
) -> Rows:
    """The events that start in [from_ms, to_ms) and have a time of day, in order of (start, id), however they came.

    Args:
        code: gives each event of some columns a code, of which 0 leaves it out.
    """
    kept = tuple(part for part in columns if len(part))
    start, end = _joined([part.start_ms for part in kept]), _joined([part.end_ms for part in kept])
    chosen = (start >= from_ms) & (start < to_ms)
    chosen &= np.concatenate([np.zeros(0, np.uint8), *(part.precision for part in kept)]) == 0
    codes = np.zeros(len(start), np.int8)
    if code is not None:
        codes = np.concatenate([codes[:0], *(code(part) for part in kept)])
        chosen &= codes != 0
    ids = np.concatenate([np.zeros(0, "V16"), *(part.ids for part in kept)])
    place = np.flatnonzero(chosen)
    if len(kept) > 1:
        place = place[_order(ids[place], start[place])]
    start, end = start[place], end[place]
    return Rows(kept, place, ids[place], start, np.maximum(np.where(end == NO_END, start, end), start), codes[place])


def sessions(start_ms: Ints, end_ms: Ints, gap_ms: int, day: int) -> list[Session]:
    """The sessions that start on a UTC day.

    A session ends where nothing begins for more than `gap_ms` after the end of everything before. One that has gone on
    for `LONG_MS` without such a gap is cut at midnight UTC, and again each midnight. So what lies up to R before a
    midnight settles it, where no event lasts longer than R - `LONG_MS`. Whatever lasts, a session is over by the end of
    the UTC day after the one it starts on.

    Args:
        start_ms, end_ms: (n,) in order of start.
        gap_ms: the longest silence within a session.
        day: days since 1970-01-01.
    """
    if not len(start_ms):
        return []
    fresh = np.ones(len(start_ms), np.bool_)
    fresh[1:] = start_ms[1:] > np.maximum.accumulate(end_ms)[:-1] + gap_ms
    heads, days = np.flatnonzero(fresh), start_ms // DAY_MS
    crossing = np.flatnonzero(~fresh & (np.diff(days, prepend=days[0]) > 0))
    begun = start_ms[heads[np.searchsorted(heads, crossing, side="right") - 1]]
    cuts = crossing[begun <= days[crossing] * DAY_MS - LONG_MS + gap_ms]
    fresh[cuts] = True
    heads = np.flatnonzero(fresh)
    far = np.maximum.reduceat(end_ms, heads)
    midnights = np.full(len(start_ms) + 1, np.iinfo(np.int64).max)
    midnights[cuts] = days[cuts] * DAY_MS
    lasts = np.append(heads[1:], len(start_ms))
    far = np.minimum(far, np.minimum(midnights[lasts], (days[heads] + 2) * DAY_MS))
    mine = np.flatnonzero(days[heads] == day)
    return [Session(int(heads[k]), int(lasts[k]), int(start_ms[heads[k]]), int(far[k])) for k in mine]


def merged(start_ms: Ints, end_ms: Ints) -> tuple[Ints, Ints]:
    """The union of intervals in order of start, as intervals that do not touch."""
    if not len(start_ms):
        return start_ms, end_ms
    fresh = np.ones(len(start_ms), np.bool_)
    fresh[1:] = start_ms[1:] > np.maximum.accumulate(end_ms)[:-1]
    heads = np.flatnonzero(fresh)
    return start_ms[heads], np.maximum.reduceat(end_ms, heads)


def within(start_ms: Ints, end_ms: Ints, span_start: Ints, span_end: Ints) -> tuple[Ints, Ints, Ints]:
    """The parts of intervals that lie within spans.

    Args:
        start_ms, end_ms: (n,) intervals.
        span_start, span_end: spans in order that do not touch, as of `merged`.

    Returns:
        For each part the index of its interval, its start and its end; in order of interval and time.
    """
    low = np.searchsorted(span_end, start_ms, side="right")
    counts = np.maximum(np.searchsorted(span_start, end_ms, side="left") - low, 0)
    index = np.repeat(np.arange(len(start_ms)), counts)
    span = np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    return index, np.maximum(start_ms[index], span_start[span]), np.minimum(end_ms[index], span_end[span])


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _order(ids: npt.NDArray[np.void], start: Ints) -> Ints:
    """Indices in order of (start, id); ids are looked at only where two events start together."""
    order = np.argsort(start, kind="stable")
    if not bool((np.diff(start[order]) == 0).any()):
        return order
    numbers = halves(ids)
    return np.lexsort((numbers[:, 1], numbers[:, 0], start))
