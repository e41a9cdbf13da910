"""The rows a query is about, as columns, whether they are events, episodes, visits or samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hearthside.events import MINUTE_MS
from hearthside.memory.asking.source import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Words:
    """Words of each row as numbers: `names[code[i]]`; -1 where it has none."""

    code: Ints
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """What an episode, a visit or a minute of samples is: what a row of it says and rests on."""

    label: str
    evidence: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in columns of shape (n,).

    Attributes:
        start_ms, end_ms: UTC; the end of an instant is its start.
        lasts: whether it has an end.
        by_day: only its local day is known.
        offset_min: the person's UTC offset at the start.
        end_offset_min: at the end; of a night that of its source, which writes it on waking.
        day: the local day it belongs to, days since 1970; of a night that of the morning.
        amount: NaN where there is none.
        held_ms: how long it lasted, inside the anchors of `during`.
        origin: code into `columns.ORIGINS`, -1 for none.
        stream: index into `streams`.
        ids: ``V16``, journal ids; zeros where a row is no event.
        thing: index into `things`, -1 for events.
        streams: (layer, source, kind).
        numbers, words: further fields that the query needs, by name.
    """

    start_ms: Ints
    end_ms: Ints
    lasts: Bools
    by_day: Bools
    offset_min: Ints
    end_offset_min: Ints
    day: Ints
    amount: Floats
    held_ms: Ints
    origin: Ints
    stream: Ints
    ids: npt.NDArray[np.void]
    thing: Ints
    streams: tuple[tuple[str, str, str], ...]
    things: tuple[Thing, ...] = ()
    numbers: dict[str, Floats] = field(default_factory=dict)
    words: dict[str, Words] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start_ms)

    def take(self, chosen: Bools | Ints) -> Rows:
        """Some of the rows, by mask or by index."""
        if chosen.dtype == np.bool_ and chosen.all():
            return self
        return replace(
            self, start_ms=self.start_ms[chosen], end_ms=self.end_ms[chosen], lasts=self.lasts[chosen],
            by_day=self.by_day[chosen], offset_min=self.offset_min[chosen], day=self.day[chosen],
            end_offset_min=self.end_offset_min[chosen], amount=self.amount[chosen], held_ms=self.held_ms[chosen],
            origin=self.origin[chosen], stream=self.stream[chosen], ids=self.ids[chosen], thing=self.thing[chosen],
            numbers={name: values[chosen] for name, values in self.numbers.items()},
            words={name: Words(found.code[chosen], found.names) for name, found in self.words.items()},
        )  # fmt: skip

    def in_order(self) -> Rows:
        """By start; rows that start together by id, and where they have none by end."""
        order = np.argsort(self.start_ms, kind="stable")
        start = self.start_ms[order]
        same = start[1:] == start[:-1]
        if same.any():
            tied = np.zeros(len(order), dtype=np.bool_)
            tied[1:] |= same
            tied[:-1] |= same
            rows = order[tied]
            high, low = self.ids[rows].view(">u8").reshape(-1, 2).T
            order[tied] = rows[np.lexsort((self.stream[rows], self.end_ms[rows], low, high, self.start_ms[rows]))]
        elif np.array_equal(order, np.arange(len(order))):
            return self
        return self.take(order)

    def clock_minutes(self, end: bool) -> Floats:
        """Clock time of start or end in minutes of the local day; NaN where no time of day, or no end, is known."""
        ms = self.end_ms if end else self.start_ms
        offset = self.end_offset_min if end else self.offset_min
        local = (ms / MINUTE_MS + offset) % 1440
        return np.where(self.by_day | (~self.lasts if end else False), np.nan, local)


_COLUMNS = (
    "start_ms", "end_ms", "lasts", "by_day", "offset_min", "end_offset_min", "day", "amount", "held_ms", "origin",
    "stream", "ids", "thing",
)  # fmt: skip


def no_rows(words: Iterable[str] = (), numbers: Iterable[str] = ()) -> Rows:
    """Nothing, with these fields."""
    ints, bools = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    return Rows(
        ints, ints, bools, bools, ints, ints, ints, np.zeros(0), ints, ints, ints, np.zeros(0, "V16"), ints, (), (),
        {name: np.zeros(0) for name in numbers}, {name: Words(ints, ()) for name in words},
    )  # fmt: skip


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows of several batches that share `streams` and `things`, one after another."""
    if len(parts) < 2:
        return parts[0] if parts else no_rows()

    def column(name: str) -> npt.NDArray:  # type: ignore[type-arg]
        return np.concatenate([getattr(part, name) for part in parts])

    first = parts[0]
    words = {}
    for name in first.words:
        names = tuple(dict.fromkeys(word for part in parts for word in part.words[name].names))
        at = {word: code for code, word in enumerate(names)}
        code = [np.array([*(at[w] for w in part.words[name].names), -1])[part.words[name].code] for part in parts]
        words[name] = Words(np.concatenate(code), names)
    numbers = {name: np.concatenate([part.numbers[name] for part in parts]) for name in first.numbers}
    columns: dict[str, Any] = {name: column(name) for name in _COLUMNS}
    return replace(parts[-1], **columns, numbers=numbers, words=words)
