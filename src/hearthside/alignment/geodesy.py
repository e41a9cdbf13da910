"""Distances on the earth, for ways so short that a plane that touches it is exact."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

EARTH_M = 6_371_008.8
"""Mean radius of the earth, metres (IUGG)."""

DEGREE_M = math.pi / 180.0 * EARTH_M
"""Metres of one degree of latitude."""

Floats = npt.NDArray[np.float64]


def wrapped(degrees: float) -> float:
    """A longitude, or a difference of two, in [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


def metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres between two points, on the plane that touches the earth at the second."""
    east = wrapped(lon - other_lon) * math.cos(math.radians(other_lat))
    return math.hypot(lat - other_lat, east) * DEGREE_M


def wrapped_all(degrees: Floats) -> Floats:
    """The same as `wrapped` of arrays."""
    found: Floats = (degrees + 180.0) % 360.0 - 180.0
    return found


def distances_m(lat: Floats, lon: Floats, other_lat: Floats | float, other_lon: Floats | float) -> Floats:
    """The same as `metres` of arrays; shapes as NumPy broadcasts them."""
    east = wrapped_all(lon - other_lon) * np.cos(np.radians(other_lat))
    found: Floats = np.hypot(lat - other_lat, east) * DEGREE_M
    return found


def nearest(lat: Floats, lon: Floats, to_lat: Floats, to_lon: Floats, reach_m: float) -> npt.NDArray[np.int64]:
    """Of each point in `to_lat`, `to_lon`, (n,), which of the points `lat`, `lon`, (m,), is nearest; -1: none in reach.

    Of equally near ones the first counts. Only those on the same latitude are compared.
    """
    found = np.full(len(to_lat), -1, dtype=np.int64)
    order = np.argsort(lat, kind="stable")
    band = 1.001 * reach_m / DEGREE_M
    low = np.searchsorted(lat[order], to_lat - band)
    count = np.searchsorted(lat[order], to_lat + band, "right") - low
    point = np.repeat(np.arange(len(to_lat)), count)
    place = order[np.arange(len(point)) - np.repeat(np.cumsum(count) - count - low, count)]
    away = distances_m(lat[place], lon[place], to_lat[point], to_lon[point])
    near = np.flatnonzero(away <= reach_m)
    ranked = near[np.lexsort((place[near], away[near], point[near]))]
    points, at = np.unique(point[ranked], return_index=True)
    found[points] = place[ranked[at]]
    return found
