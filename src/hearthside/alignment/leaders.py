"""Leader clustering of the visits of a life, gone on with from the first visit that is another one."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hearthside.alignment.geodesy import DEGREE_M, Floats, wrapped

REACH_M = 120.0
"""A visit within this distance of a place's centre is a visit to that place."""

_LEAST_COSINE = 0.01  # nobody lives within 60 km of a pole
_Cell = tuple[int, int]


class Leaders:
    """Clusters of points that come one after the other; a point joins the nearest centre in reach, or founds a cluster.

    The centre is the mean of the points so far, weighted. What a point joins depends on those before it alone, so
    points that begin as the last time need not be gone through again: the centre of a cluster is what it was after the
    last of them that joined it. The result is to the bit that of going through all of them.
    """

    def __init__(self) -> None:
        self._points = np.zeros((3, 0))
        # By point: the cluster it joined, and what that was then: latitude, longitude, weight.
        self._member: list[int] = []
        self._after: tuple[list[float], list[float], list[float]] = ([], [], [])
        # By cluster: the point that founded it, its centre and weight, the cosine of its latitude, its cell, and every
        # cell in which it is to be looked for: those around each cell that its centre ever was in.
        self._founder: list[int] = []
        self._lat: list[float] = []
        self._lon: list[float] = []
        self._weight: list[float] = []
        self._cosine: list[float] = []
        self._cell: list[_Cell] = []
        self._cells: list[set[_Cell]] = []
        self._near: dict[_Cell, list[int]] = {}

    @property
    def member(self) -> npt.NDArray[np.int64]:
        """(points,) the cluster of each; clusters are numbered in order of founding."""
        return np.array(self._member, dtype=np.int64)

    @property
    def founders(self) -> list[int]:
        """Of each cluster the point that founded it."""
        return list(self._founder)

    @property
    def centres(self) -> tuple[Floats, Floats]:
        """Latitude and longitude of each cluster."""
        return np.array(self._lat, dtype=np.float64), np.array(self._lon, dtype=np.float64)

    def follow(self, lat: Floats, lon: Floats, weight: Floats) -> None:
        """Cluster these points, (n,) each, in their order."""
        points = np.stack([lat, lon, weight])
        count = min(points.shape[1], self._points.shape[1])
        differ = (points[:, :count] != self._points[:, :count]).any(axis=0)
        since = int(np.argmax(differ)) if differ.any() else count
        self._points = points[:, :since]  # true whatever happens from here on
        self._back_to(since)
        for k, cell in enumerate(_cells(lat[since:], lon[since:]), since):
            self._take(k, float(lat[k]), float(lon[k]), float(weight[k]), cell)
        self._points = points

    def _take(self, k: int, lat: float, lon: float, weight: float, cell: _Cell) -> None:
        best = self._nearest(lat, lon, cell)
        if best < 0:
            best = len(self._founder)
            self._found(k, lat, lon, weight, cell)
        else:
            whole = self._weight[best] + weight
            share = weight / whole
            lat = self._lat[best] + (lat - self._lat[best]) * share
            lon = wrapped(self._lon[best] + wrapped(lon - self._lon[best]) * share)
            self._set(best, lat, lon, whole)
            if (moved := _cell(lat, lon)) != self._cell[best]:
                self._cell[best] = moved
                self._register(best)
        self._member.append(best)
        for column, value in zip(self._after, (self._lat[best], self._lon[best], self._weight[best]), strict=True):
            column.append(value)

    def _nearest(self, lat: float, lon: float, cell: _Cell) -> int:
        """The nearest cluster in reach, of equally near ones the first; -1 for none. The distance is `metres`."""
        best, best_m = -1, REACH_M
        for index in self._near.get(cell, ()):
            east = ((lon - self._lon[index] + 180.0) % 360.0 - 180.0) * self._cosine[index]
            away_m = math.hypot(lat - self._lat[index], east) * DEGREE_M
            if away_m < best_m or (away_m == best_m and (best < 0 or index < best)):
                best, best_m = index, away_m
        return best

    def _found(self, k: int, lat: float, lon: float, weight: float, cell: _Cell) -> None:
        self._founder.append(k)
        for column, value in ((self._lat, lat), (self._lon, lon), (self._weight, weight)):
            column.append(value)
        self._cosine.append(math.cos(math.radians(lat)))
        self._cell.append(cell)
        self._cells.append(set())
        self._register(len(self._founder) - 1)

    def _set(self, index: int, lat: float, lon: float, weight: float) -> None:
        self._lat[index], self._lon[index], self._weight[index] = lat, lon, weight
        self._cosine[index] = math.cos(math.radians(lat))

    def _register(self, index: int) -> None:
        """Note a cluster in all cells that hold points within reach of any point of its own cell."""
        row, cells = self._cell[index][0], self._cells[index]
        for r in (row - 1, row, row + 1):
            width = _width(r)
            around = round(360.0 / width)
            middle = math.floor(self._lon[index] / width)
            for column in range(middle - 3, middle + 4):  # one for the way to the edge of its own cell, two to reach
                cell = (r, (column + around // 2) % around - around // 2)
                if cell not in cells:
                    cells.add(cell)
                    self._near.setdefault(cell, []).append(index)

    def _back_to(self, count: int) -> None:
        """Be as after so many points; clusters are still looked for in cells they had come near to later."""
        if count == len(self._member):
            return
        kept = bisect_left(self._founder, count)
        for index in range(kept, len(self._founder)):
            for cell in self._cells[index]:
                self._near[cell].remove(index)
        for column in (self._member, *self._after):
            del column[count:]
        for of in (self._founder, self._lat, self._lon, self._weight, self._cosine, self._cell, self._cells):
            del of[kept:]
        last = np.zeros(kept, dtype=np.int64)
        last[self.member] = np.arange(count)  # of several assignments the last one stays
        for index, k in enumerate(last.tolist()):
            self._set(index, self._after[0][k], self._after[1][k], self._after[2][k])
            self._cell[index] = _cell(self._lat[index], self._lon[index])


def _cells(lat: Floats, lon: Floats) -> list[_Cell]:
    """The cell of each point: `_cell`, of all at once."""
    row = np.floor(lat * DEGREE_M / REACH_M).astype(np.int64)
    rows, index = np.unique(row, return_inverse=True)
    width = np.array([_width(r) for r in rows.tolist()], dtype=np.float64)[index]
    column = np.floor(lon / width).astype(np.int64)
    return list(zip(row.tolist(), column.tolist(), strict=True))


def _cell(lat: float, lon: float) -> _Cell:
    """Row and column of a grid whose cells are at least `REACH_M` wide and high."""
    row = math.floor(lat * DEGREE_M / REACH_M)
    return row, math.floor(lon / _width(row))


@lru_cache(maxsize=4096)
def _width(row: int) -> float:
    """Degrees of longitude of a cell in a row: `REACH_M` at its edge nearer to the pole, an even part of the circle."""
    degrees = REACH_M / DEGREE_M
    edge = math.radians(max(abs(row), abs(row + 1)) * degrees)
    return 180.0 / math.floor(180.0 * max(math.cos(edge), _LEAST_COSINE) / degrees)
