"""Groups of rows: by local hour, weekday, day, week, month or year, by place, by source, by what the words say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hearthside.alignment.columns import ORIGINS
from hearthside.memory.asking.query import BY_TIME, Filter
from hearthside.memory.asking.rows import Rows
from hearthside.memory.asking.source import Floats, Ints, LifeSource
from hearthside.memory.asking.times import hours_match, is_of_day, key_name, key_of_day

_MOST_CELLS = 10_000
"""With more groups of time than this only those are given in which there is something."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One grouping.

    Attributes:
        name: of `BY_TIME` or `BY_THING`.
        keys: of time: the number of each group, ascending; of things: 0 to n - 1.
        labels: how each group is called; None: it has no name (no place known, nobody named).
    """

    name: str
    keys: Ints
    labels: tuple[str | None, ...]

    @property
    def of_time(self) -> bool:
        """Whether it follows from when a row was."""
        return self.name in BY_TIME

    def at(self, key: Ints) -> Ints:
        """Which group each key belongs to, -1 for none."""
        if not len(self.keys):
            return np.full(len(key), -1)
        found = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[found] == key, found, -1)


def time_axis(name: str, days: Ints, where: Filter) -> Axis:
    """Every hour, weekday, day ... of the local days asked about, whether anything was then or not."""
    if name == "hour":
        keys = np.unique(np.flatnonzero(hours_match(np.arange(1440), where)) // 60)
    else:
        keys = np.unique(key_of_day(name, days))
    return Axis(name, keys.astype(np.int64), tuple(key_name(name, key) for key in keys.tolist()))


def thing_axis(name: str, rows: Rows, life: LifeSource) -> tuple[Axis, Ints]:
    """The groups of things that there are, and the group of each row; the last one is that of rows without a name."""
    code, names = _things(name, rows, life)
    there = np.unique(code[code >= 0])
    by_name = sorted(there.tolist(), key=lambda c: names[c])
    place = np.full(len(names) + 1, -1)
    place[by_name] = np.arange(len(by_name))
    found = place[code]
    labels: tuple[str | None, ...] = tuple(names[c] for c in by_name)
    if (found < 0).any():
        found, labels = np.where(found < 0, len(labels), found), (*labels, None)
    return Axis(name, np.arange(len(labels)), labels), found


def _things(name: str, rows: Rows, life: LifeSource) -> tuple[Ints, Sequence[str]]:
    match name:
        case "layer" | "source" | "kind":
            column = ("layer", "source", "kind").index(name)
            names = sorted({stream[column] for stream in rows.streams} - {""})
            of_stream = [names.index(s[column]) if s[column] else -1 for s in rows.streams]
            return np.array([*of_stream, -1])[rows.stream], names
        case "origin":
            return rows.origin, [origin.value for origin in ORIGINS]
        case "place":
            return _places(rows, life)
        case _:
            return rows.words[name].code, rows.words[name].names


def _places(rows: Rows, life: LifeSource) -> tuple[Ints, Sequence[str]]:
    """The place at which each row started, by the visits; -1 where none is known."""
    if not len(rows):
        return np.zeros(0, np.int64), []
    visits = sorted(life.visits(int(rows.start_ms.min()), int(rows.end_ms.max()) + 1), key=lambda visit: visit.start_ms)
    names = sorted({visit.label or visit.place_id for visit in visits})
    start = np.array([visit.start_ms for visit in visits], dtype=np.int64)
    end = np.array([visit.end_ms for visit in visits] + [-(2**62)], dtype=np.int64)
    code = np.array([names.index(visit.label or visit.place_id) for visit in visits] + [-1])
    at = np.searchsorted(start, rows.start_ms, side="right") - 1
    inside = (at >= 0) & (rows.start_ms < end[at]) & ~rows.by_day
    return np.where(inside, code[at], -1), names


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a query: cells of one or two axes, of which some are given.

    Attributes:
        cells: (groups,) the cell of each group, ascending.
    """

    axes: tuple[Axis, ...]
    cells: Ints

    def __len__(self) -> int:
        return len(self.cells)

    def keys(self) -> list[tuple[str | None, ...]]:
        """The names of each group."""
        places = np.unravel_index(self.cells, self.shape) if self.axes else ()
        return [
            tuple(axis.labels[p] for axis, p in zip(self.axes, place, strict=True))
            for place in zip(*(p.tolist() for p in places), strict=True)
        ] or ([()] if not self.axes else [])

    @property
    def shape(self) -> tuple[int, ...]:
        """How many groups each axis has."""
        return tuple(len(axis.keys) for axis in self.axes)

    def of(self, places: Sequence[Ints]) -> Ints:
        """The group of each row, from its place on each axis; -1 for none."""
        return self.of_cells(cells_of(places, self.shape))

    def of_cells(self, cell: Ints) -> Ints:
        """The group of each cell, -1 for none."""
        if not len(self.cells):
            return np.full(len(cell), -1)
        found = np.minimum(np.searchsorted(self.cells, cell), len(self.cells) - 1)
        return np.where((cell >= 0) & (self.cells[found] == cell), found, -1)

    def counted(self, days: Ints) -> Ints:
        """How many of these local days belong to each group; every day has each hour and each thing."""
        places = [axis.at(key_of_day(axis.name, days)) if is_of_day(axis.name) else None for axis in self.axes]
        return self.totals(places, np.ones(len(days)), len(days)).astype(np.int64)

    def totals(self, places: Sequence[Ints | None], weights: Floats, n: int) -> Floats:
        """The sum of the weights of n rows in each group; where a row has no place on an axis it is in all of it."""
        if not self.axes:
            return np.array([weights.sum()])
        shape = tuple(1 if p is None else size for p, size in zip(places, self.shape, strict=True))
        cell = cells_of([np.zeros(n, np.int64) if p is None else p for p in places], shape)
        inside = cell >= 0
        total = np.bincount(cell[inside], weights[inside], int(np.prod(shape))).reshape(shape)
        at = np.unravel_index(self.cells, self.shape)
        return np.asarray(total[tuple(np.zeros_like(a) if p is None else a for a, p in zip(at, places, strict=True))])


def cells_of(places: Sequence[Ints], shape: tuple[int, ...]) -> Ints:
    """Places on each axis as one number, -1 where one of them is."""
    cell, missing = np.zeros(len(places[0]), dtype=np.int64), np.zeros(len(places[0]), dtype=np.bool_)
    for place, size in zip(places, shape, strict=True):
        cell = cell * size + place
        missing |= place < 0
    return np.where(missing, -1, cell)


def make_groups(axes: Sequence[Axis], places: Sequence[Ints]) -> Groups:
    """The groups to give: all of time unless they are too many, else those with rows in them."""
    if not axes:
        return Groups((), np.zeros(1, dtype=np.int64))
    cells = int(np.prod([len(axis.keys) for axis in axes]))
    if all(axis.of_time for axis in axes) and cells <= _MOST_CELLS:
        return Groups(tuple(axes), np.arange(cells))
    found = cells_of(places, tuple(len(axis.keys) for axis in axes))
    return Groups(tuple(axes), np.unique(found[found >= 0]))
